"""How functions become kernels of a CUDA device."""

from collections.abc import Callable
from typing import Any

from numba import config, cuda


def grid_kernel(function: Callable[..., None]) -> Any:
    """Make a function a kernel, without the linker's optimiser: it would contract products and sums after all."""
    options = {} if config.ENABLE_CUDASIM else {"lto": False}  # a simulator has no linker
    return cuda.jit(function, **options)  # as a decorator with options, it forgets this one
