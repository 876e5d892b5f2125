"""Arrays that begin at a cache line: vectors that cross the border of two lines take twice as long to read."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LINE_BYTES = 64  # of the processor's cache


def empty(shape: int | tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array with arbitrary contents, as `numpy.empty` does."""
    kind = np.dtype(dtype)
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    memory = np.empty(count * kind.itemsize + LINE_BYTES, np.uint8)
    first = -memory.ctypes.data % LINE_BYTES
    return memory[first : first + count * kind.itemsize].view(kind).reshape(shape)


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return zeros, written to memory: the system would map all pages that were never written to the same page."""
    array = empty(shape, dtype)
    array.fill(0)
    return array
