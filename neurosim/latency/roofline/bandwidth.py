"""What this machine can do at most, measured: bytes per second by working set, and operations per second."""

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
ASSUMED = {1: 32 << 10, 2: 1 << 20, 3: 8 << 20}  # bytes by level, if the system does not say
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
PAGE_LINES = 64  # cache lines of a row where a level as a whole is measured: 4 KiB
MOVED = 32 << 20  # least bytes of what is timed at once, so that reading the clock takes no part of it
REPEATS = 9  # the quickest of these is what the machine can do
OF_MEMORY = 8  # an array that is measured takes at most 1 / OF_MEMORY of the machine's memory
ELEMENTS, PASSES = 1024, 200


class Rates(NamedTuple):
    """Bytes per second: of reading, and of updating in place, where each byte is counted twice."""

    read: float
    update: float


def caches() -> tuple[dict[int, int], bool]:
    """Return the bytes of the first core's data caches by level, and whether they had to be assumed."""
    sizes: dict[int, int] = {}
    for folder in sorted(CACHES.glob("index*")):
        with suppress(OSError, ValueError):
            kind, level, size = (
                (folder / name).read_text(encoding="utf-8", errors="replace").strip()
                for name in ("type", "level", "size")
            )
            if kind in ("Data", "Unified"):
                sizes[int(level)] = int(size.rstrip("KMG")) * UNITS.get(size[-1:], 1)
    return (dict(sorted(sizes.items())), False) if sizes else (ASSUMED, True)


def working_sets(sizes: dict[int, int]) -> dict[str, int]:
    """Return how many bytes to measure each cache level with, and memory.

    Half the size of the first cache; for a later one the geometric mean of its size and that of the level before; for
    memory twice the size of the last cache.
    """
    before, sets = 0, {}
    for level, size in sizes.items():
        sets[f"L{level}"] = int((before * size) ** 0.5) if before else size // 2
        before = size
    return sets | {"memory": 2 * before}


def largest_array() -> int:
    """Return the most bytes that an array may take that is made to be measured."""
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // OF_MEMORY)


def machine_rates(clock: Clock, stop: Callable[[], bool]) -> dict[str, Any]:
    """Return the machine's rates at each level, as plain values; None where an array would be too large."""
    sizes, assumed = caches()
    levels: dict[str, Any] = {}
    for name, size in working_sets(sizes).items():
        levels[name] = {"working_set_bytes": size, "read_bytes_per_s": None, "update_bytes_per_s": None}
        if size <= largest_array() and not stop():
            rates = level_rates(size, clock)
            levels[name] |= {"read_bytes_per_s": rates.read, "update_bytes_per_s": rates.update}
    return {
        "caches_bytes": {f"L{level}": size for level, size in sizes.items()}, "caches_assumed": assumed,
        "levels": levels, "operations_per_s": operation_rate(clock),
    }  # fmt: skip


def level_rates(size: int, clock: Clock) -> Rates:
    """Return the rates of passing over `size` bytes from first to last, again and again."""
    rows = max(1, size // (PAGE_LINES * LINE_BYTES))
    return row_rates(rows, PAGE_LINES, np.arange(rows), clock)


def row_rates(rows: int, lines: int, order: NDArray[Any], clock: Clock) -> Rates:
    """Return the rates of passing over an array's rows, each of `lines` cache lines, in a given order."""
    order = np.resize(order, max(len(order), -(-MOVED // (lines * LINE_BYTES)))).astype(np.int32)
    x, moved = aligned.zeros((rows, lines * machine.LINE)), len(order) * lines * LINE_BYTES
    return Rates(
        moved / quickest(lambda: machine.read_rows(x, order), clock),
        2 * moved / quickest(lambda: machine.update_rows(x, order), clock),
    )


def operation_rate(clock: Clock) -> float:
    """Return how many float32 multiplications and additions one core does per second."""
    x = np.ones(ELEMENTS, np.float32)
    seconds = quickest(lambda: machine.multiply_and_add(x, np.float32(0.5), np.float32(0.5), PASSES), clock)
    return float(ELEMENTS * PASSES * machine.OPERATIONS / seconds)


def quickest(work: Callable[[], object], clock: Clock) -> float:
    """Return the shortest of several times in seconds, after a first run that compiles and fills the caches."""
    work()
    times = []
    for _ in range(REPEATS):
        begun = clock.now()
        work()
        times.append(clock.now() - begun)
    return max(1, min(times)) / SECOND
