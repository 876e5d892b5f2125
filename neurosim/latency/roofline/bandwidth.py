"""What the machine can do at most, measured where it is asked: bytes a second by working set, operations a second."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned
from neurosim.aligned import LINE_BYTES
from neurosim.kernels import machine
from neurosim.latency.timing.clock import Clock
from neurosim.latency.timing.outcome import SECOND

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
ASSUMED = {1: 32 << 10, 2: 1 << 20, 3: 8 << 20}  # bytes by level, where the system does not tell
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
PAGE_LINES = 64  # lines in a row, where rows are nobody's: 4 KiB
MOVED = 32 << 20  # bytes at least in what is timed at once, so that the clock does not count
REPEATS = 9  # the quickest of these is what the machine can do
OF_MEMORY = 8  # no array of ours takes more than one part in so many of the machine's memory
ELEMENTS, PASSES = 1024, 200


class Rates(NamedTuple):
    """Bytes a second: read; and read and written in place, each counted twice."""

    read: float
    update: float


def caches() -> tuple[dict[int, int], bool]:
    """Return the bytes of the first core's data caches by level, and whether they had to be assumed."""
    found: dict[int, int] = {}
    for folder in sorted(CACHES.glob("index*")):
        with suppress(OSError, ValueError):
            kind, level, size = ((folder / name).read_text().strip() for name in ("type", "level", "size"))
            if kind in ("Data", "Unified"):
                found[int(level)] = int(size.rstrip("KMG")) * UNITS.get(size[-1:], 1)
    return (dict(sorted(found.items())), False) if found else (ASSUMED, True)


def working_sets(sizes: dict[int, int]) -> dict[str, int]:
    """Return bytes that live in each level, of caches from the first on, and in memory.

    Half the first cache; the geometric mean of a later one and the one before it; for memory twice the last.
    """
    below, sets = 0, {}
    for level, size in sizes.items():
        sets[f"L{level}"] = int((below * size) ** 0.5) if below else size // 2
        below = size
    return sets | {"memory": 2 * below}


def largest_array() -> int:
    """Return the bytes that one of our arrays may take."""
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // OF_MEMORY)


def machine_rates(clock: Clock, stop: Callable[[], bool]) -> dict[str, Any]:
    """Return what this machine does at each level, as plain values; None where an array would be too large."""
    sizes, assumed = caches()
    levels: dict[str, Any] = {}
    for name, size in working_sets(sizes).items():
        levels[name] = {"working_set_bytes": size, "read_bytes_per_s": None, "update_bytes_per_s": None}
        if size <= largest_array() and not stop():
            found = level_rates(size, clock)
            levels[name] |= {"read_bytes_per_s": found.read, "update_bytes_per_s": found.update}
    return {
        "caches_bytes": {f"L{level}": size for level, size in sizes.items()}, "caches_assumed": assumed,
        "levels": levels, "operations_per_s": operation_rate(clock),
    }  # fmt: skip


def level_rates(size: int, clock: Clock) -> Rates:
    """Return the rates of going through so many bytes from first to last, again and again."""
    rows = max(1, size // (PAGE_LINES * LINE_BYTES))
    return row_rates(rows, PAGE_LINES, np.arange(rows), clock)


def row_rates(rows: int, lines: int, order: NDArray[Any], clock: Clock) -> Rates:
    """Return the rates of going through some of so many rows, of so many lines each, in an order of their own."""
    order = np.resize(order, max(len(order), -(-MOVED // (lines * LINE_BYTES)))).astype(np.int32)
    x, moved = aligned.zeros((rows, lines * machine.LINE)), len(order) * lines * LINE_BYTES
    return Rates(
        moved / quickest(lambda: machine.read_rows(x, order), clock),
        2 * moved / quickest(lambda: machine.update_rows(x, order), clock),
    )


def operation_rate(clock: Clock) -> float:
    """Return multiplications and additions a second, float32, one core."""
    x = np.ones(ELEMENTS, np.float32)
    seconds = quickest(lambda: machine.multiply_and_add(x, np.float32(0.5), np.float32(0.5), PASSES), clock)
    return float(ELEMENTS * PASSES * machine.OPERATIONS / seconds)


def quickest(work: Callable[[], object], clock: Clock) -> float:
    """Return the least seconds of several times, after a first that compiles and meets cold memory."""
    work()
    times = []
    for _ in range(REPEATS):
        begun = clock.now()
        work()
        times.append(clock.now() - begun)
    return max(1, min(times)) / SECOND
