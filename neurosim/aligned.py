"""Arrays that begin with a line of the cache: vectors that lie across two lines take twice as long to read."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LINE_BYTES = 64  # of the processor's cache


def empty(shape: int | tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array as `numpy.empty` does."""
    kind = np.dtype(dtype)
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    room = np.empty(count * kind.itemsize + LINE_BYTES, np.uint8)
    first = -room.ctypes.data % LINE_BYTES
    return room[first : first + count * kind.itemsize].view(kind).reshape(shape)


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return zeros, in memory: written, as the system would give every page that was only reserved the same zeros."""
    array = empty(shape, dtype)
    array.fill(0)
    return array
