"""Streams of what a program gives one by one: a generator of samples, or of pairs (sample, label)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError, StreamError
from neurosim.outside.arrays import kind_of, numbers, shown
from neurosim.streams.base import LARGEST_LABEL, Block, Stream

# What an array or a collection has, and an iterator has not.
OF_ARRAYS = ("__array__", "__array_interface__", "__len__", "__getitem__", "__dlpack__", "toarray", "to_numpy")


def is_iterated(values: object) -> bool:
    """Return whether values come one by one, as from a generator, and are neither a stream nor an array."""
    return (
        isinstance(values, Iterable)
        and not isinstance(values, Stream | type)
        and not any(hasattr(values, name) for name in OF_ARRAYS)
    )


class IteratedStream(Stream):
    """The samples of an iterable as a stream without length, which is read once and no further than it is asked for.

    Parameters
    ----------
    items : iterable
        Each item is a sample, or a pair (sample, label): a tuple of an array-like and a whole number from 0; None, NaN
        and -1 mean that there is no label. The first item says which of the two all are.
    shape : tuple of int
        Shape of a sample, which may also come flat, in C order.
    name : str

    Raises
    ------
    StreamError
        If the stream is read a second time.
    SampleError
        When a sample is read, if it is not real numbers, or not of that shape; all before it are given first.
    """

    replayable = False

    def __init__(self, items: Iterable[Any], *, shape: tuple[int, ...], name: str = "") -> None:
        self.name, self.inputs, self.length = name or kind_of(items), math.prod(shape), None
        self._shape = shape
        self._items: Iterator[Any] | None = iter(items)
        self._first: list[Any] = []
        self._pairs: bool | None = None

    @property
    def labelled(self) -> bool:  # type: ignore[override]
        """Whether samples have labels; the first is read to tell."""
        if self._pairs is None and self._items is not None:
            self._first = list(islice(self._items, 1))
            self._pairs = bool(self._first) and _is_pair(self._first[0])
        return bool(self._pairs)

    def fingerprint(self) -> str:
        """Return the same for all: what comes of a generator is not known before."""
        return "iterated"

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of `size`, the last of fewer.

        If an item is refused, or the iterable raises an error, the samples before it are yielded first.
        """
        samples, labels, position = list[NDArray[np.float32]](), list[int](), 0
        try:
            for item in self._read():
                sample, label = self._split(item, position)
                position += 1
                if position <= start:
                    continue
                samples.append(sample)
                labels.append(label)
                if len(samples) == size:
                    block, samples, labels = self._block(samples, labels), [], []
                    yield block
        except Exception:
            if samples:
                yield self._block(samples, labels)
            raise
        if position < start:
            raise StreamError(f"{self.name} must give the {start} samples that were read before, got {position}")
        if samples:
            yield self._block(samples, labels)

    def _read(self) -> Iterator[Any]:
        """Yield the items, once."""
        if self._items is None:
            raise StreamError(
                f"{self.name} must be read once, as it gives its samples once; make a new one for the next"
            )
        _ = self.labelled
        items, self._items = self._items, None
        yield from self._first
        yield from items

    def _split(self, item: Any, position: int) -> tuple[NDArray[np.float32], int]:
        """Return an item's sample and its label, -1 if it has none."""
        pair = self._pairs and isinstance(item, tuple) and len(item) == 2
        if self._pairs and not pair:
            raise SampleError(
                f"item {position} of {self.name} must be a pair (sample, label), as the first is, got {kind_of(item)}"
            )
        values = numbers(f"sample {position} of {self.name}", item[0] if pair else item)
        if values.shape != (self.inputs,) and _long_axes(values.shape) != _long_axes(self.shape):
            rule = f"must have the shape {self.shape}, or be flat in that order"
            raise SampleError(f"sample {position} of {self.name} {rule}, got the shape {values.shape}")
        with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the layer refuses
            # A copy: a program may give the same array again and again, with other numbers in it.
            sample = np.array(values, np.float32, order="C", copy=True).reshape(-1)
        return sample, _label(item[1], f"label {position} of {self.name}") if pair else -1

    def _block(self, samples: list[NDArray[np.float32]], labels: list[int]) -> Block:
        rows = samples[0][None] if len(samples) == 1 else np.stack(samples)
        return Block(rows, np.array(labels, np.int64) if self._pairs else None)


def _is_pair(item: Any) -> bool:
    """Return whether an item is a sample and its label, rather than a tuple that is a sample."""
    if not isinstance(item, tuple) or len(item) != 2:
        return False
    return _has_axes(item[0]) and not _has_axes(item[1])


def _has_axes(value: Any) -> bool:
    """Return whether a value is an array or a sequence, rather than one number."""
    axes = getattr(value, "ndim", None)
    return axes > 0 if isinstance(axes, int) else isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _long_axes(shape: tuple[int, ...]) -> list[int] | None:
    """Return the axes of more than one entry, which tell how an image lies; None if there is no axis at all."""
    return [size for size in shape if size > 1] if shape else None


def _label(label: Any, name: str) -> int:
    """Return a label as a whole number from 0, or -1 for none."""
    if label is None:
        return -1
    value = numbers(name, label)
    if value.ndim == 0 and value.dtype.kind in "iuf":
        number = value.item()
        if number != number:
            return -1
        if -1 <= number <= LARGEST_LABEL and number == int(number):
            return int(number)
    raise SampleError(
        f"{name} must be a whole number from 0 to {LARGEST_LABEL}, or None, NaN or -1 for none, got {shown(label)}"
    )
