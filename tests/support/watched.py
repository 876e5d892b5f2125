"""Arrays that are watched for races: which thread reads and writes which element, and what barriers lie between.

Two threads that touch one element, of which one writes, race if no barrier that holds both lies between: whatever is
written, and whether or not this run shows it. That is exact for what the threads of the run did, as FastTrack is
(Flanagan and Freund 2009), with all readers kept. An element is known by the address of its first byte.
"""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from greenlet import getcurrent


class Race(AssertionError):  # noqa: N818 - a finding
    """Two threads touch one element, one of them writes, and no barrier orders them."""


class Moment(NamedTuple):
    """When a thread does something: how many barriers its grid, its block and its warp have passed."""

    thread: Any  # has block and warp
    grid: int
    block: int
    warp: int

    def orders(self, later):
        """Whether what comes later in this run comes later in every run."""
        mine, other = self.thread, later.thread
        return (
            mine is other
            or self.grid != later.grid
            or (mine.block is other.block and self.block != later.block)
            or (mine.warp is other.warp and self.warp != later.warp)
        )


def addresses(array):
    """Return the address of each element, in the shape of the array."""
    steps = (stride * np.arange(size) for size, stride in zip(array.shape, array.strides, strict=True))
    return reduce(np.add.outer, steps, np.int64(array.__array_interface__["data"][0]))


class Watched:
    """An array inside a kernel; a slice of it is a watched view of the same memory.

    `touched` has, for each address that was touched, the moment of its last write and, by thread, of the reads since.
    """

    def __init__(self, array, name, touched, root=None):
        self.array, self.name, self.touched, self.root = array, name, touched, array if root is None else root
        self.shape, self.strides, self.start = array.shape, array.strides, array.__array_interface__["data"][0]

    size = property(lambda self: self.array.size)
    dtype = property(lambda self: self.array.dtype)
    ndim = property(lambda self: self.array.ndim)
    itemsize = property(lambda self: self.array.itemsize)

    def __len__(self):
        return len(self.array)

    def __getitem__(self, index):
        value = self.array[index]
        if isinstance(value, np.ndarray):
            return Watched(value, self.name, self.touched, self.root)
        self._read(self._address(index))
        return value

    def __setitem__(self, index, value):
        if isinstance(value, Watched):
            for address in addresses(value.array).ravel().tolist():
                value._read(address)
            value = value.array
        place = self.array[index]
        if isinstance(place, np.ndarray):
            for address in addresses(place).ravel().tolist():
                self._write(address)
        else:
            self._write(self._address(index))
        self.array[index] = value

    def _address(self, index):
        index = index if isinstance(index, tuple) else (index,)
        address = self.start
        for i, size, stride in zip(index, self.shape, self.strides, strict=True):
            address += (int(i) + size if i < 0 else int(i)) * stride
        return address

    def _read(self, address):
        now = getcurrent().now
        writer, readers = self.touched[address]
        if writer is not None and not writer.orders(now):
            self._race(address, f"written by {writer.thread}, read by {now.thread}")
        readers[now.thread] = now

    def _write(self, address):
        now = getcurrent().now
        writer, readers = self.touched[address]
        if writer is not None and not writer.orders(now):
            self._race(address, f"written by {writer.thread}, written by {now.thread}")
        for reader in readers.values():
            if not reader.orders(now):
                self._race(address, f"read by {reader.thread}, written by {now.thread}")
        self.touched[address] = now, {}

    def _race(self, address, told):
        index = np.argwhere(addresses(self.root) == address)[0].tolist()
        raise Race(f"{self.name}{index} is {told}, and no barrier orders the two")


def watch(value, name, touched):
    """Return a value with its arrays watched, the members of tuples too; as it is, if `touched` is None."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", range(len(value)))
        members = [watch(member, f"{name}.{field}", touched) for field, member in zip(fields, value, strict=True)]
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    value = getattr(value, "_ary", value)  # what Numba's simulator has for a device array
    return Watched(value, name, touched) if isinstance(value, np.ndarray) and touched is not None else value


def typed(memory, dtype):
    """Return memory as so many elements of a type, NumPy's or Numba's, as it has room for."""
    dtype = np.dtype(dtype if isinstance(dtype, type) else str(dtype))
    return memory if memory.dtype == dtype else memory[: memory.size // dtype.itemsize * dtype.itemsize].view(dtype)


def poisoned(shape, dtype):
    """Return an array nobody has written to: 0x7fffffff all over, which is NaN as floats, large as whole numbers."""
    size = int(np.prod(shape))
    words = np.full(4 * size, 0x7FFFFFFF, np.int32)
    return typed(words.view(np.uint8), dtype)[:size].reshape(shape)
