"""What a latency depends on beside the chip: the machine, its software, and what came between."""

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
    """Return the machine and its software, as far as they can be read; None for what cannot."""
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
        for line in PROCESSOR.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or None


def _first_line(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text().strip()
    return None


@contextmanager
def collecting(collects: bool) -> Iterator[None]:
    """Begin without garbage; within, leave Python's garbage collector as it is, or keep it off."""
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
    """Give counts that are filled in at the end: what the system and the collector did to this process meanwhile."""
    found: dict[str, int] = {}
    before = _counts()
    yield found
    found |= {name: count - before[name] for name, count in _counts().items()}


def _counts() -> dict[str, int]:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "preemptions": used.ru_nivcsw,
        "page_faults": used.ru_minflt + used.ru_majflt,
        "collections": sum(generation["collections"] for generation in gc.get_stats()),
    }
