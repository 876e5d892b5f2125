"""What a latency depends on besides the chip: the machine, its software, and interruptions by the system."""

import gc
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.version import __version__

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
PROCESSOR = Path("/proc/cpuinfo")


def environment() -> dict[str, Any]:
    """Return the machine and its software; None for what cannot be read."""
    from threadpoolctl import threadpool_info

    blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "cores_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "governor": _first_line(GOVERNOR),
        "load_1min": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba"),
        "neurosim": __version__,
        "blas_threads": max(blas, default=None),
    }


def _processor() -> str | None:
    with suppress(OSError):
        for line in PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or None


def _first_line(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip()
    return None


@contextmanager
def collecting(collects: bool) -> Iterator[None]:
    """Collect garbage, then run the block with Python's garbage collector as it is, or off if not `collects`."""
    gc.collect()
    before = gc.isenabled()
    if not collects:
        gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def interruptions() -> Iterator[dict[str, int]]:
    """Yield a dict that, when the block ends, gets the number of preemptions, page faults and collections in it."""
    counts: dict[str, int] = {}
    before = _counts()
    yield counts
    counts |= {name: count - before[name] for name, count in _counts().items()}


def _counts() -> dict[str, int]:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "preemptions": used.ru_nivcsw,
        "page_faults": used.ru_minflt + used.ru_majflt,
        "collections": sum(generation["collections"] for generation in gc.get_stats()),
    }
