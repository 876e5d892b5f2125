"""What the machine is, and what nothing on it can be faster than: its barriers and its memories."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import time
from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.gpu_report.frame import Report

PACKAGES = ("torch", "triton", "numba", "numba-cuda", "cupy-cuda12x", "cupy-cuda13x", "cuda-bindings", "numpy", "h5py")
ASKED = "name,driver_version,clocks.sm,clocks.max.sm,clocks.max.mem,memory.total,power.limit,mig.mode.current"
BARRIERS, THREADS = 10_000, 256  # pairs of barriers, threads a block
LANE_BYTES = 128  # that a multiprocessor reads of its shared memory in a clock: 32 banks of 4 bytes
SHARED = 227 * 1024  # bytes of shared memory that a block may have on compute capability 9.0
COPIED = 1 << 30  # bytes: far beyond any cache


class Limits(NamedTuple):
    """What a sample's time is at least made of.

    Attributes
    ----------
    blocks : int
        One a multiprocessor.
    barrier : float
        Seconds of a barrier of the whole grid.
    shared, memory : float
        Bytes a second: of one block's shared memory, by width and clock; of the GPU's memory, as a copy has it.
    """

    blocks: int
    barrier: float
    shared: float
    memory: float


def section(report: Report, device: str) -> None:
    """Tell what the machine is."""
    versions = [f"{name} {found}" for name in PACKAGES if (found := version(name))]
    report.add("Python, packages", text=", ".join([f"Python {platform.python_version()}", *versions]))
    report.add("processor", text=f"{platform.machine()}, {os.cpu_count()} cores seen")
    if device == "cpu":
        report.add("device", text="the CPU: a test of the script, no measurement")
        return
    report.add("GPU", text=torch.cuda.get_device_name())
    report.add("CUDA runtime of PyTorch", text=str(torch.version.cuda))
    with report.caught("CUDA runtime of numba-cuda"):
        from numba import cuda

        report.add("CUDA runtime of numba-cuda", text=".".join(map(str, cuda.runtime.get_version())))
    report.add("nvidia-smi", text=smi())
    told = torch.cuda.get_device_properties(0)
    report.add("multiprocessors", text=f"{told.multi_processor_count}, {told.total_memory / 2**30:.0f} GiB, "
               f"compute capability {told.major}.{told.minor}, L2 {told.L2_cache_size / 2**20:.0f} MiB")  # fmt: skip
    with report.caught("grid barrier"):
        for threads in (THREADS, 1024):
            taken = barrier(told.multi_processor_count, threads)
            report.add(f"grid barrier, {threads} threads a block", value=taken * 1e6, unit="us")
    with report.caught("memory"):
        report.add("memory, a copy's reads and writes", value=memory() / 1e12, unit="TB/s")


def version(package: str) -> str | None:
    """Return a package's version, or None if it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def smi() -> str:
    """Return what the driver's tool says: names with their values."""
    if shutil.which("nvidia-smi") is None:
        return "nvidia-smi is not on the path"
    command = ["nvidia-smi", f"--query-gpu={ASKED}", "--format=csv,noheader"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20)
    values = said.stdout.strip().splitlines()[:1] or [said.stderr.strip()]
    return ", ".join(
        f"{name} {value.strip()}" for name, value in zip(ASKED.split(","), values[0].split(","), strict=False)
    )


@cache
def clock() -> float:
    """Return the highest clock of the multiprocessors, in Hz."""
    try:
        command = ["nvidia-smi", "--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits"]
        return float(subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()[0]) * 1e6
    except (OSError, IndexError, ValueError, subprocess.TimeoutExpired):
        from numba import cuda

        return cuda.get_current_device().CLOCK_RATE * 1e3


def barrier(blocks: int, threads: int) -> float:
    """Return the seconds of one barrier of all blocks: an empty cooperative kernel that meets again and again."""
    from numba import cuda

    @cuda.jit("void(int32)")
    def meet(count):
        grid = cuda.cg.this_grid()
        for _ in range(count):
            grid.sync()
            grid.sync()

    times = []
    for _ in range(4):  # the first is to warm up
        begun = time.perf_counter()
        meet[blocks, threads](np.int32(BARRIERS))
        cuda.synchronize()
        times.append((time.perf_counter() - begun) / (2 * BARRIERS))
    return min(times[1:])


def memory() -> float:
    """Return the bytes a second that a copy within the GPU's memory reads and writes."""
    source = torch.zeros(COPIED // 4, device="cuda")
    target, times = torch.empty_like(source), []
    for _ in range(6):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return 2 * COPIED / min(times)


def limits() -> Limits:
    """Measure the limits of the GPU."""
    blocks = torch.cuda.get_device_properties(0).multi_processor_count
    return Limits(blocks, barrier(blocks, THREADS), LANE_BYTES * clock(), memory())


def floor(found: Limits, inputs: int, neurons: int, active: float) -> tuple[float, str]:
    """Return the seconds that a sample of a dense layer takes at least, and why, for weights shared out over blocks.

    Two barriers of the grid, one for the maximum and the sum of the softmax together and one for the next sample; and
    each block's reading the weights of the active inputs once.
    """
    columns = -(-neurons // found.blocks)
    slice_, read = 4 * columns * inputs, 4 * columns * active
    inside = slice_ <= SHARED
    traffic = read / found.shared if inside else 4 * neurons * active / found.memory
    where = "shared memory" if inside else "the GPU's memory"
    rate = found.shared if inside else found.memory
    return 2 * found.barrier + traffic, (
        f"2 barriers of {found.barrier * 1e6:.2f} us; {active:.0f} of {inputs} inputs active: "
        f"{read / 1e3:.1f} of a block's {slice_ / 1e3:.0f} kB, from {where} at {rate / 1e9:,.0f} GB/s "
        f"{'a block' if inside else 'in all'}: {traffic * 1e6:.2f} us"
    )
