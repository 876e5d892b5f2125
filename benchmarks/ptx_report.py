"""What NVIDIA's compiler makes of the CUDA kernels, without a device: `python -m benchmarks.ptx_report`.

Every kind of layer is compiled for an H200 to PTX, and by `ptxas` to machine code. No line of a kernel may be in double
precision; no product may be contracted with a sum, but inside logarithms and powers, which are the compiler's own; and
no register may spill. Needs the extra `cuda13`, pytest, and `ptxas` of CUDA's toolkit. Ends with 1 if anything is not
as it should be.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import cuda, typeof, types

import neurosim as ns
from benchmarks.every_layer import LAYERS, every_layer
from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.cuda import device
from neurosim.engine.cuda.conv import CudaConvExecutor
from neurosim.engine.cuda.dense import THREADS, CudaDenseExecutor
from neurosim.engine.cuda.plan import plan
from neurosim.engine.dense.layer import DenseLayer
from neurosim.presets import preset

CAPABILITY, MULTIPROCESSORS, SHARED_BYTES = (9, 0), 132, 227 << 10  # of an H200
INPUTS, NEURONS = 784, 2000


class Found(NamedTuple):
    """What came of a kernel."""

    name: str
    seconds: float
    lines: int
    doubles: int
    contracted: int
    registers: int
    spilled: int

    @property
    def allowed(self) -> bool:
        """Whether it is as it should be."""
        return not (self.doubles or self.spilled)


@contextmanager
def no_device() -> Iterator[None]:
    """Let the host's code make arrays of the host, and the compiler compile for a device that is not there."""
    from numba.cuda import dispatcher

    class Device:
        compute_capability = CAPABILITY

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "to_device", lambda array: array)
        patch.setattr(cuda, "device_array", np.empty)
        patch.setattr(dispatcher, "get_current_device", Device)
        yield


def compiled(name: str, kernel: Any, arguments: tuple[Any, ...], ptxas: str) -> Found:
    """Compile a kernel for arguments like these."""
    assert kernel.targetoptions["lto"] is False  # else another compiler comes after this one
    begun = time.perf_counter()
    with device.uncontracted():
        signature = types.void(*map(typeof, arguments))
        ptx, _ = cuda.compile(kernel.py_func, signature, device=False, abi="numba", cc=CAPABILITY)
    seconds = time.perf_counter() - begun
    lines = [line for line in ptx.splitlines() if line.startswith("\t")]
    count = {word: sum(word in line for line in lines) for word in (".f64", "fma.rn.f32", "mul.f32", "add.f32")}
    registers, spilled = assembled(ptx, ptxas)
    contracted = count["fma.rn.f32"] + count["mul.f32"] + count["add.f32"]  # without .rn, ptxas may contract
    return Found(name, seconds, len(lines), count[".f64"], contracted, registers, spilled)


def assembled(ptx: str, ptxas: str) -> tuple[int, int]:
    """Return registers and spilled bytes of a thread. An older ptxas is told that the code is for it, and will see."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.ptx"
        command = [ptxas, "-v", f"-arch=sm_{CAPABILITY[0]}{CAPABILITY[1]}", "-c", str(file), "-o", f"{folder}/kernel.o"]
        file.write_text(ptx)
        run = subprocess.run(command, capture_output=True, text=True)
        older = re.search(r"current version is '([\d.]+)'", run.stderr)
        if older:
            file.write_text(re.sub(r"(?m)^\.version .*", f".version {older[1]}", ptx))
            run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    (registers,) = re.findall(r"Used (\d+) registers", run.stderr)
    return int(registers), sum(map(int, re.findall(r"(\d+) bytes spill", run.stderr)))


def dense_kernels() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Give every kernel of dense layers, with what it takes."""
    for name in LAYERS:
        layer = DenseLayer(every_layer(name, NEURONS), INPUTS, 0, 0, CudaDenseExecutor)
        executor, kept = layer.executor, layer.constants.eligibility == 0
        planned = plan(INPUTS, NEURONS, MULTIPROCESSORS, THREADS, SHARED_BYTES, kept)
        *taking_in, (kernel, arguments) = executor.launches(planned, executor.buffers(planned), 256, 0, 1, 0)
        yield name, kernel, arguments
    for kernel, arguments in taking_in:
        yield f"taking in: {kernel.py_func.__name__}", kernel, arguments


def conv_kernels() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Give the kernel of convolutional layers, with a rule of one's own, too."""
    constants = preset("softhebb-cifar10-3layer").layers[0]
    executor = ConvLayer(constants, (3, 32, 32), 0, 0, CudaConvExecutor).executor
    arguments = executor.grid_arguments(executor.memory(), 256, 0, 1, 1, 256)
    yield "convolutional", executor.kernel, arguments
    own = ns.ConvWTA(96, kernel=5, competition=ns.SoftWTA(temperature=1.0), rule=tempered)
    yield "convolutional, own rule", ConvLayer(own, (3, 32, 32), 0, 0, CudaConvExecutor).executor.kernel, arguments


@ns.rule
def tempered(response, potential, rate=0.2, ceiling=1.5):
    """A rule of one's own."""
    growth = rate * min(response, ceiling)
    return 1 - growth * potential, growth


def main() -> None:
    """Compile them all, and print a table."""
    ptxas = shutil.which("ptxas")
    if ptxas is None or device.simulated():
        raise SystemExit("ptxas must be on the path, and NUMBA_ENABLE_CUDASIM unset")
    print(f"{'kernel':28}{'s':>6}{'lines':>8}{'f64':>5}{'contracted':>12}{'registers':>11}{'spilled':>9}")
    bad = 0
    with no_device():
        for name, kernel, arguments in chain(dense_kernels(), conv_kernels()):
            found = compiled(name, kernel, arguments, ptxas)
            bad += not found.allowed
            print(f"{found.name:28}{found.seconds:6.1f}{found.lines:8}{found.doubles:5}{found.contracted:12}"
                  f"{found.registers:11}{found.spilled:9}", flush=True)  # fmt: skip
    print("all as they should be" if bad == 0 else f"{bad} are not as they should be")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
