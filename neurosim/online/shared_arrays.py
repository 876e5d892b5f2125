"""Arrays in memory that two processes share: one puts a copy of them there, the other finds it."""

import mmap
import os
import sys
import tempfile
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
LINE = 64  # bytes: arrays begin at multiples, where copies are fastest


class Place(NamedTuple):
    """Where an array lies: its form, and its first byte."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int


Layout = list[dict[str, Place]]


def needed(arrays: Iterable[NDArray[Any]]) -> int:
    """Return how many bytes arrays take there, each at the most rows it will ever have."""
    return sum(_next_line(array.nbytes) for array in arrays) or LINE


def new_file(size: int) -> int:
    """Return a file without a name, in memory where the system has that: it is gone with the last who has it open."""
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
    """The memory behind a file, and the arrays of a chip's layers in it.

    Parameters
    ----------
    file : int
        Of `new_file`; may be closed once this is made.
    size : int
        Of the file, in bytes.
    """

    def __init__(self, file: int, size: int) -> None:
        self._memory = mmap.mmap(file, size)

    def touch(self) -> None:
        """Have every page there now, so that no copy waits for one."""
        np.frombuffer(self._memory, np.uint8).fill(0)

    def put(self, layers: Iterable[Arrays]) -> Layout:
        """Copy the arrays of each layer; return where they are."""
        layout: Layout = []
        start = 0
        for arrays in layers:
            places = {}
            for name, array in arrays.items():
                places[name] = Place(array.shape, array.dtype, start)
                self._view(places[name])[...] = array
                start += _next_line(array.nbytes)
            layout.append(places)
        return layout

    def found(self, layout: Layout) -> list[Arrays]:
        """Return the arrays of each layer where they are: views, not copies."""
        return [{name: self._view(place) for name, place in places.items()} for places in layout]

    def _view(self, place: Place) -> NDArray[Any]:
        return np.ndarray(place.shape, place.dtype, self._memory, place.start)


def _next_line(count: int) -> int:
    return -(-count // LINE) * LINE
