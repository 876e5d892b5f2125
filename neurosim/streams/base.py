"""What a stream is: samples in order, of one width, with labels or without, readable from position n."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError, SampleError, StreamError

LARGEST_LABEL = 2**31 - 1
READ_AHEAD = 1024  # samples fetched at a time where the source allows; what leaves a stream is cut to size
READ_AHEAD_BYTES = 32 << 20  # and no more than this, unless a block itself is larger


class Block(NamedTuple):
    """Successive samples, float32 (n, inputs), and their labels, int64 (n,), or None where there are none."""

    samples: NDArray[np.float32]
    labels: NDArray[np.int64] | None


class Stream(ABC):
    """Samples in order.

    Iterating gives pairs (sample, label), the label None where there are none.

    Attributes
    ----------
    name : str
        The source as it was asked for, without folders.
    inputs : int
        Width of a sample.
    length : int or None
        Samples in all, if that can be known before they are read.
    labelled : bool
        Whether samples carry labels: whole numbers from 0.
    classes : tuple of str
        What labels stand for, from 0 on; empty where the source has no names.
    """

    name: str
    inputs: int
    length: int | None
    labelled: bool
    classes: tuple[str, ...] = ()
    replayable = True  # a pipe is not
    _shape: tuple[int, ...] = ()  # where samples are flat

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, whose C order is the order of its inputs: `(inputs,)`, or an image's, channels first."""
        return self._shape or (self.inputs,)

    @abstractmethod
    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Give the samples from position `start` on, at most `size` at a time."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of what can be known cheaply of the content: to tell another stream of the same name."""

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on with this stream."""
        return {"name": self.name, "inputs": self.inputs, "content": self.fingerprint(), "order": "stored"}

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], int | None]]:
        for samples, labels in self.blocks(size=1):
            yield samples[0], None if labels is None else int(labels[0])

    def __repr__(self) -> str:
        length = "unknown length" if self.length is None else f"{self.length} samples"
        return f"{type(self).__name__}({self.name!r}, {length}, {self.inputs} inputs)"


class RandomAccess(Stream):
    """A stream whose samples can be read by their places."""

    length: int
    read_ahead = READ_AHEAD  # 1 where a sample is slow to read

    @abstractmethod
    def take(self, places: NDArray[np.int64]) -> Block:
        """Read the samples at the given places, in that order."""

    def order(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the places of the samples from position `start` to `stop`."""
        return np.arange(start, stop)

    def originals(self, places: NDArray[np.int64]) -> tuple[Iterator[NDArray[np.float32]], NDArray[np.int64] | None]:
        """Give the samples at the given places as they were before they were brought to one shape, and their labels."""
        samples, labels = self.take(places)
        return iter(samples.reshape(len(samples), *self.shape)), labels

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Give the samples from position `start` on, at most `size` at a time; all before one that cannot be read."""
        ahead = size * max(1, min(self.read_ahead, READ_AHEAD_BYTES // (4 * self.inputs)) // size)
        for first in range(start, self.length, ahead):
            for samples, labels in self._taken(self.order(first, min(first + ahead, self.length))):
                for i in range(0, len(samples), size):
                    yield Block(samples[i : i + size], None if labels is None else labels[i : i + size])

    def _taken(self, places: NDArray[np.int64]) -> Iterator[Block]:
        try:
            block = self.take(places)
        except StreamError:
            for i in range(len(places)):
                yield self.take(places[i : i + 1])
        else:
            yield block

    def fingerprint(self) -> str:
        """Hash the length, and some 256 samples with their labels: the first, the last, and evenly between them."""
        digest = hashlib.sha256(str(self.length).encode())
        for array in self.take(np.unique(np.linspace(0, self.length - 1, 256).astype(np.int64))):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def check_stream(name: str, stream: object) -> None:
    """Refuse arrays where a stream is asked for."""
    if not isinstance(stream, Stream):
        advice = "make one of arrays by neurosim.streams.ArrayStream(samples, labels)"
        raise ConfigError(name, "a Stream", type(stream).__name__, advice)


def as_labels(labels: NDArray[np.generic], count: int, name: str) -> NDArray[np.int64]:
    """Check labels, whole numbers from 0, one a sample, and return them as int64."""
    if labels.shape != (count,):
        raise StreamError(f"labels of {name} must be one a sample, {count}, got the shape {labels.shape}")
    if labels.dtype.kind not in "iuf":
        raise SampleError(f"labels of {name} must be whole numbers, got {labels.dtype}")
    wrong = ~((labels >= 0) & (labels <= LARGEST_LABEL) & (labels == np.floor(labels)))  # type: ignore[operator]
    if wrong.any():
        at = int(np.argmax(wrong))
        raise SampleError(f"label {at} of {name} must be a whole number from 0 to {LARGEST_LABEL}, got {labels[at]}")
    return labels.astype(np.int64)
