"""The CUDA device: whether there is a usable one, its properties, and how kernels are compiled for it.

Kernels are compiled without fused multiply-add: a product and a sum are rounded one after the other, as on the CPU, so
that both give the same bits. NVIDIA's compiler has an option for that, Numba does not offer it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from neurosim.errors import DeviceError

BUILT_IN = "Built-in"  # the CUDA target that comes with Numba, which is no longer maintained
OLDEST = (7, 0)  # compute capability from which on grids can synchronise and kernel parameters may be large
SHARED_BYTES = 48 << 10  # of shared memory that a block may have on every device
HOW = "install neurosim-chip[cuda13] or [cuda12] beside NVIDIA's driver, or leave device='cpu'"


class Properties(NamedTuple):
    """Properties of a device.

    Attributes
    ----------
    name : str
    multiprocessors : int
        0 where Numba simulates a device.
    shared_bytes : int
        Shared memory that one block may have.
    free_bytes : float
        Free memory of the device.
    """

    name: str
    multiprocessors: int
    shared_bytes: int
    free_bytes: float


def numba_cuda() -> Any:
    """Return Numba's `cuda` module, which is only partly typed."""
    from numba import cuda

    return cuda


def simulated() -> bool:
    """Return whether Numba simulates a device, because NUMBA_ENABLE_CUDASIM is set."""
    from numba import config

    settings: Any = config
    return bool(settings.ENABLE_CUDASIM)


def find() -> Properties:
    """Return the properties of the device.

    Raises
    ------
    DeviceError
        If there is no device, it is too old, or Numba cannot compile for it.
    """
    try:
        cuda = numba_cuda()
    except (ImportError, ValueError) as error:  # ValueError: a bad setting, such as NUMBA_CUDA_DRIVER
        raise DeviceError(f"device must be 'cpu' where Numba has no CUDA, got 'cuda' ({error}); {HOW}") from None
    if simulated():
        return Properties("simulated by Numba", 0, SHARED_BYTES, float("inf"))
    if getattr(cuda, "implementation", BUILT_IN) == BUILT_IN:
        raise DeviceError(f"device must be 'cpu' without the package numba-cuda, got 'cuda'; {HOW}")
    try:
        device = cuda.get_current_device()
        free = cuda.current_context().get_memory_info()[0]
    except Exception as error:  # Numba raises a different type for each cause
        why = " ".join(str(error).split()).rstrip(" :.")
        raise DeviceError(f"device must be one that Numba finds, got 'cuda' and: {why}; {HOW}") from None
    if tuple(device.compute_capability) < OLDEST:
        wanted, got = (".".join(map(str, version)) for version in (OLDEST, device.compute_capability))
        raise DeviceError(f"device must have compute capability {wanted} or more, got {got}; take device='cpu'")
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    return Properties(name, device.MULTIPROCESSOR_COUNT, device.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, free)


def threads_of(most: int, wanted: int) -> int:
    """Return the threads of a block: `most`, or about as many as are `wanted` where each one is simulated."""
    return min(most, 1 << max(3, (wanted - 1).bit_length())) if simulated() else most


def check_memory(what: str, needed: int) -> None:
    """Refuse what does not fit into the device's memory; `needed` in bytes.

    Raises
    ------
    DeviceError
        With the memory that is needed and that is free.
    """
    free = find().free_bytes
    if needed > free:
        raise DeviceError(
            f"{what} must fit into the device's memory: {needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are "
            "free; take fewer neurons or device='cpu'"
        )


@contextmanager
def uncontracted() -> Iterator[None]:
    """Let every compilation in this context round products before they are added."""
    if simulated():
        yield
        return
    from numba.cuda.cudadrv import nvvm as nvvm_module

    nvvm: Any = nvvm_module
    compile_ir = nvvm.compile_ir

    def rounded(code: Any, **options: Any) -> Any:
        return compile_ir(code, **(options | {"fma": False}))

    nvvm.compile_ir = rounded
    try:
        yield
    finally:
        nvvm.compile_ir = compile_ir


def compiled(kernel: Any, arguments: tuple[Any, ...]) -> Any:
    """Compile a kernel for arguments of these types; launches with such arguments use it."""
    if simulated():
        return kernel.overloads[None]
    with uncontracted():
        return kernel.compile(tuple(kernel.typeof_pyval(argument) for argument in arguments))


class Stopwatch:
    """Measures the time between `begin` and `end` by the device's own clock; zero where it is simulated."""

    def begin(self) -> None:
        """Start after everything that was launched before."""
        cuda = numba_cuda()
        self._begun, self._ended = cuda.event(), cuda.event()
        self._begun.record()

    def end(self) -> None:
        """Stop after everything that was launched before."""
        self._ended.record()

    def seconds(self) -> float:
        """Wait until the device has come to `end`, and return the seconds since `begin`."""
        if simulated():
            return 0.0
        self._ended.synchronize()
        return float(self._begun.elapsed_time(self._ended)) / 1e3


def costs(definition: Any) -> str:
    """Return how many registers and bytes a thread of a compiled kernel takes; empty where the device is simulated."""
    if simulated():
        return ""
    return f"; {definition.regs_per_thread} registers, {definition.local_mem_per_thread} bytes of local memory a thread"


def most_blocks(definition: Any, threads: int, shared: int) -> int:
    """Return how many blocks of a compiled kernel can run at once, each with so many bytes of shared memory."""
    if simulated():
        return int(definition.max_cooperative_grid_blocks(threads))
    if shared > SHARED_BYTES // 2:  # more than a launch may ask for unannounced
        from cuda.bindings import driver

        kernel = definition._codelibrary.get_cufunc()
        attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        (status,) = driver.cuKernelSetAttribute(attribute, shared, kernel.handle, kernel.device.id)
        if status != driver.CUresult.CUDA_SUCCESS:
            raise DeviceError(f"shared memory of a block must be what the device has, got {shared} bytes ({status})")
    return int(definition.max_cooperative_grid_blocks(threads, shared))
