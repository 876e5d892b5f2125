"""Arrays in memory that two processes share: one copies arrays into it, the other reads them there."""

import mmap
import os
import sys
import tempfile
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.state.arrays import Arrays

LINE = 64  # bytes: arrays begin at multiples, where copies are fastest


class Slot(NamedTuple):
    """The shape and type of an array in the shared memory, and the position of its first byte."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int


Layout = list[dict[str, Slot]]


def needed(arrays: Iterable[NDArray[Any]]) -> int:
    """Return how many bytes of shared memory arrays of these shapes take."""
    return sum(_next_line(array.nbytes) for array in arrays) or LINE


def new_file(size: int) -> int:
    """Open a file without a name, in memory on Linux; it vanishes when the last process closes it."""
    if sys.platform == "linux":
        file = os.memfd_create("neurosim-snapshot")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    try:
        os.ftruncate(file, size)
    except OSError:
        os.close(file)
        raise
    return file


class SharedArrays:
    """The memory of a file, and the arrays of a chip's layers in it.

    Parameters
    ----------
    file : int
        Descriptor from `new_file`; may be closed afterwards.
    size : int
        Size of the file in bytes.
    """

    def __init__(self, file: int, size: int) -> None:
        self._memory = mmap.mmap(file, size)

    def touch(self) -> None:
        """Write to every page, so that the system provides them all now and no copy has to wait for one."""
        np.frombuffer(self._memory, np.uint8).fill(0)

    def put(self, layers: Iterable[Arrays]) -> Layout:
        """Copy the arrays of each layer into the memory; return where each of them is."""
        layout: Layout = []
        start = 0
        for arrays in layers:
            slots = {}
            for name, array in arrays.items():
                slots[name] = Slot(array.shape, array.dtype, start)
                self._view(slots[name])[...] = array
                start += _next_line(array.nbytes)
            layout.append(slots)
        return layout

    def views(self, layout: Layout) -> list[Arrays]:
        """Return the arrays of each layer as views of the memory, not copies."""
        return [{name: self._view(slot) for name, slot in slots.items()} for slots in layout]

    def _view(self, slot: Slot) -> NDArray[Any]:
        return np.ndarray(slot.shape, slot.dtype, self._memory, slot.start)


def _next_line(count: int) -> int:
    """Round a number of bytes up to whole lines."""
    return -(-count // LINE) * LINE
