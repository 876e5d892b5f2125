"""The CUDA device: whether there is one that will do, what it has, and how kernels are compiled for it.

Kernels are compiled without contraction: a product and a sum are rounded one after the other, as on the CPU, so that
both give the same bits. Numba has no option for that, though its compiler has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from neurosim.errors import DeviceError

BUILT_IN = "Built-in"  # what Numba has of its own, and nobody keeps
OLDEST = (7, 0)  # compute capability from which on all blocks of a grid may meet, with large kernel parameters
SHARED_BYTES = 48 << 10  # of a block, on every device
HOW = "install neurosim-chip[cuda13] or [cuda12] beside NVIDIA's driver, or leave device='cpu'"


class Properties(NamedTuple):
    """What a device has.

    Attributes
    ----------
    name : str
    multiprocessors : int
        0 where Numba simulates a device.
    shared_bytes : int
        Memory that one block may have on a multiprocessor.
    free_bytes : float
        Of the device's memory.
    """

    name: str
    multiprocessors: int
    shared_bytes: int
    free_bytes: float


def numba_cuda() -> Any:
    """Return Numba's `cuda`, of which half is without types."""
    from numba import cuda

    return cuda


def simulated() -> bool:
    """Return whether Numba simulates a device: the user has asked for that by NUMBA_ENABLE_CUDASIM."""
    from numba import config

    settings: Any = config
    return bool(settings.ENABLE_CUDASIM)


def find() -> Properties:
    """Return what the device has.

    Raises
    ------
    DeviceError
        If there is none, it is too old, or Numba cannot compile for it.
    """
    try:
        cuda = numba_cuda()
    except (ImportError, ValueError) as error:  # ValueError: of a setting of Numba's, as NUMBA_CUDA_DRIVER
        raise DeviceError(f"device must be 'cpu' where Numba has no CUDA, got 'cuda' ({error}); {HOW}") from None
    if simulated():
        return Properties("simulated by Numba", 0, SHARED_BYTES, float("inf"))
    if getattr(cuda, "implementation", BUILT_IN) == BUILT_IN:
        raise DeviceError(f"device must be 'cpu' without the package numba-cuda, got 'cuda'; {HOW}")
    try:
        device = cuda.get_current_device()
        free = cuda.current_context().get_memory_info()[0]
    except Exception as error:  # what Numba raises has as many types as causes
        why = " ".join(str(error).split()).rstrip(" :.")
        raise DeviceError(f"device must be one that Numba finds, got 'cuda' and: {why}; {HOW}") from None
    if tuple(device.compute_capability) < OLDEST:
        wanted, got = (".".join(map(str, version)) for version in (OLDEST, device.compute_capability))
        raise DeviceError(f"device must have compute capability {wanted} or more, got {got}; take device='cpu'")
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    return Properties(name, device.MULTIPROCESSOR_COUNT, device.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, free)


def threads_of(most: int, wanted: int) -> int:
    """Return how many threads a block gets: all it may have, but no more than are wanted where each is simulated."""
    return min(most, 1 << max(3, (wanted - 1).bit_length())) if simulated() else most


def check_room(what: str, needed: int) -> None:
    """Refuse what the device has no memory for.

    Raises
    ------
    DeviceError
        With what is needed and what there is.
    """
    free = find().free_bytes
    if needed > free:
        raise DeviceError(
            f"{what} must fit into the device's memory: {needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are "
            "free; take fewer neurons or device='cpu'"
        )


@contextmanager
def uncontracted() -> Iterator[None]:
    """Have the compiler, whenever it is called, round products before they are added."""
    if simulated():
        yield
        return
    from numba.cuda.cudadrv import nvvm as found

    nvvm: Any = found
    compile_ir = nvvm.compile_ir

    def rounded(code: Any, **options: Any) -> Any:
        return compile_ir(code, **(options | {"fma": False}))

    nvvm.compile_ir = rounded
    try:
        yield
    finally:
        nvvm.compile_ir = compile_ir


def compiled(kernel: Any, arguments: tuple[Any, ...]) -> Any:
    """Return a kernel as compiled for arguments like these; launches with such find it."""
    if simulated():
        return kernel.overloads[None]
    with uncontracted():
        return kernel.compile(tuple(kernel.typeof_pyval(argument) for argument in arguments))


class Stopwatch:
    """Times what the device does between `begin` and `end`, by its own clock; a simulated one has none."""

    def begin(self) -> None:
        """Start it, behind what the device has been told to do."""
        cuda = numba_cuda()
        self._begun, self._ended = cuda.event(), cuda.event()
        self._begun.record()

    def end(self) -> None:
        """Stop it."""
        self._ended.record()

    def seconds(self) -> float:
        """Wait until it has stopped, and read it."""
        if simulated():
            return 0.0
        self._ended.synchronize()
        return float(self._begun.elapsed_time(self._ended)) / 1e3


def costs(definition: Any) -> str:
    """Return what a compiled kernel takes of each thread; nothing where the device is simulated."""
    if simulated():
        return ""
    return f"; {definition.regs_per_thread} registers, {definition.local_mem_per_thread} bytes of local memory a thread"


def most_blocks(definition: Any, threads: int, shared: int) -> int:
    """Return how many blocks of a compiled kernel may meet at a barrier; `shared` bytes are asked for at the launch."""
    if simulated():
        return int(definition.max_cooperative_grid_blocks(threads))
    if shared > SHARED_BYTES // 2:  # a driver wants to be told before
        from cuda.bindings import driver

        kernel = definition._codelibrary.get_cufunc()
        attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        (status,) = driver.cuKernelSetAttribute(attribute, shared, kernel.handle, kernel.device.id)
        if status != driver.CUresult.CUDA_SUCCESS:
            raise DeviceError(f"shared memory of a block must be what the device has, got {shared} bytes ({status})")
    return int(definition.max_cooperative_grid_blocks(threads, shared))
