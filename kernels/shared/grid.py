"""`cuda` as kernels know it, and how functions become kernels of a CUDA device."""

from collections.abc import Callable
from typing import Any

from numba import config
from numba import cuda as device

from neurosim.kernels.compiled import cell


class _Simulated:
    """`cuda` in Numba's simulator, which gives a kernel's own file what it knows of the grid, and no other file."""

    def __getattr__(self, name: str) -> Any:
        from numba.cuda.simulator import kernel

        return getattr(kernel._get_kernel_context() or device, name)


cuda: Any = _Simulated() if config.ENABLE_CUDASIM else device


@cell
def meet():
    """Wait until every thread of every block is here."""
    cuda.cg.this_grid().sync()


def grid_kernel(function: Callable[..., None]) -> Any:
    """Make a function a kernel, without the linker's optimiser: it would contract products and sums after all."""
    options = {} if config.ENABLE_CUDASIM else {"lto": False}  # a simulator has no linker
    return device.jit(function, **options)  # as a decorator with options, it forgets this one
