"""Streams: samples of one width in a fixed order, with labels or without, readable from any position."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError, SampleError, StreamError

UNLABELLED = -1  # the label of a sample that has none
LARGEST_LABEL = 2**31 - 1
UNKNOWN = LARGEST_LABEL  # the label of a test sample whose class the training samples do not have
MOST_TOGETHER = 256  # samples of a block that has arrived, unless told otherwise
READ_AHEAD = 1024  # samples read from a source at once; the blocks that a stream gives are cut from them
READ_AHEAD_BYTES = 32 << 20  # bytes read at once, at most, unless one block is larger

Size = int | Callable[[], int]  # of a block, or what tells it before each block


class Block(NamedTuple):
    """Successive samples, float32 (n, inputs), and their labels, int64 (n,), or None if the stream has no labels.

    A sample that has no label, in a stream that has labels, has the label -1.
    """

    samples: NDArray[np.float32]
    labels: NDArray[np.int64] | None

    def part(self, first: int, stop: int | None = None) -> "Block":
        """Return the samples from one to before another, views of those of the block."""
        return Block(self.samples[first:stop], None if self.labels is None else self.labels[first:stop])


class Stream(ABC):
    """Samples in order.

    Iterating yields pairs (sample, label); the label is None if the sample has none.

    Attributes
    ----------
    name : str
        Name of the source, without folders.
    inputs : int
        Width of a sample.
    length : int or None
        Number of samples; None if it is not known before they are read.
    labelled : bool
        Whether samples have labels: whole numbers from 0, or -1 for a sample without one.
    classes : tuple of str
        Names of the labels 0, 1, ...; empty if the source has none.
    columns : tuple of str
        Names of the inputs, in order; empty if the source has none, or they are not read yet.
    classes_grow : bool
        Whether names are added to `classes` while the stream is read, as words first appear.
    keyed : bool
        Whether each sample has a key: blocks are then `neurosim.streams.keyed.KeyedBlock`.
    bad : int
        Malformed lines, or the like, that were passed over.
    numbers : str
        How stored numbers become inputs: `uint8 / 255`, or `uint8 as stored`.
    notes : tuple of str
        What whoever reads results of this stream should know, such as files that are not what their names say.
    """

    name: str
    inputs: int
    length: int | None
    labelled: bool
    classes: tuple[str, ...] = ()
    labels_advice: str = "open a source that has labels"  # what an error says where they are needed and there are none
    passed_over: int = 0  # of a folder of images: files that look like images and are not read
    classes_grow = False
    keyed = False
    columns: tuple[str, ...] = ()
    bad: int = 0
    numbers: str = "as stored"
    notes: tuple[str, ...] = ()
    replayable = True  # False for a pipe, which can be read only once
    going_on = "with what the pipe brings (--replay if it begins anew)"  # how a run of what is not replayable goes on
    keeps = False  # whether a snapshot must keep more of it than its position: see `kept`
    _shape: tuple[int, ...] = ()  # empty if samples are flat

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: `(inputs,)`, or an image's, channels first. Its C order is the order of the inputs."""
        return self._shape or (self.inputs,)

    @abstractmethod
    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of at most `size`."""

    def arriving(self, start: int = 0, size: Size = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples of `blocks`, those that have arrived together in one block of at most `size`.

        A block is waited for until it has one sample, and never for more. A function is asked before each block how
        many samples it may have. A source at hand gives the same as by `blocks`, and asks no function: its samples are
        not lost if the last ones of a block are not taken.
        """
        return self.blocks(start, largest(size) if self.replayable else 1)

    def waits(self) -> bool:
        """Tell whether the next block may have to be waited for; asked between two blocks. Never of a source at hand.

        What was learned is then told and written first. A stream that does not know says so too.
        """
        return not self.replayable

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of a part of the content that is quick to read: it tells streams of the same name apart."""

    def skipping_bad(self) -> "Stream":
        """Return the stream with what is no sample passed over and counted in `bad`; itself if it has no such thing."""
        return self

    def identity(self) -> dict[str, object]:
        """Return what must be equal for an interrupted run to go on with this stream; and notes, which need not."""
        identity: dict[str, object] = {"name": self.name, "inputs": self.inputs, "content": self.fingerprint()}
        identity |= {"order": "stored", "numbers": self.numbers}
        return identity | ({"notes": "; ".join(self.notes)} if self.notes else {})

    def kept(self, taken: int) -> dict[str, NDArray[Any]]:
        """Return arrays with which `go_on` goes on after `taken` samples, of those given since reading began.

        Blocks are read ahead of what is learned, so `taken` may lie anywhere between the last two calls. It may be
        called while another thread waits for the next block.
        """
        return {}

    def go_on(self, kept: Mapping[str, NDArray[Any]]) -> None:  # noqa: B027 - most streams have nothing to keep
        """Take over what `kept` returned, before reading begins.

        Raises
        ------
        ValueError
            If these are no arrays of such a stream.
        """

    def arrived(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Return when samples arrived, by `time.monotonic_ns`: int64 (count,); None where nobody knows.

        Parameters
        ----------
        first : int
            Number of the first of them, since reading began.
        count : int
            Samples that were given, and not long ago: a source forgets the times of older ones.
        """
        return None

    def prepare(self, connected: Callable[[], None] | None = None) -> str | None:
        """Take hold of what others need to reach a source that they come to, and return it: HOST:PORT; else None.

        Reading does so too; to do it before leaves no time in which they are refused, or what they send is lost.

        Parameters
        ----------
        connected : callable, optional
            For a source that connects to others, as to a broker: called when it first has, from a thread of its own.

        Raises
        ------
        StreamError
            If it is not to be had.
        """
        return None

    def counted(self, taken: int) -> dict[str, int]:
        """Return what a source that arrives by itself has counted since reading began; nothing for all others.

        `taken` is how many of its samples were learned from or refused: the rest is `left`.
        """
        return {}

    def number_labels(self) -> None:  # noqa: B027 - labels of most streams are numbers
        """Take labels for numbers, as those that a run has learned before."""

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them, before the stream is read; new words come after them.

        A run that goes on calls it with the names that its state has. Without names it does nothing.

        Raises
        ------
        StreamError
            If the stream has other names for its labels, or `names` are no different words.
        """
        if names and self.classes and self.classes != tuple(names):
            other = sorted(set(self.classes) ^ set(names)) or ["another order"]
            raise StreamError(f"classes of {self.name} must be those that were learned, differs by {other[0]!r}")

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], int | None]]:
        for samples, labels in self.blocks(size=1):
            yield samples[0], None if labels is None or labels[0] == UNLABELLED else int(labels[0])

    def __repr__(self) -> str:
        length = "unknown length" if self.length is None else f"{self.length} samples"
        return f"{type(self).__name__}({self.name!r}, {length}, {self.inputs} inputs)"


class RandomAccess(Stream):
    """A stream whose samples can be read in any order, by their index in the source."""

    length: int
    read_ahead = READ_AHEAD  # samples; 1 if a single one is slow to read

    @abstractmethod
    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the samples of the given indices, in that order."""

    def order(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the indices of the samples at the positions from `start` to before `stop`."""
        return np.arange(start, stop)

    def originals(self, indices: NDArray[np.int64]) -> tuple[Iterator[NDArray[np.float32]], NDArray[np.int64] | None]:
        """Return the samples of the given indices one by one, as they were before resampling, and their labels."""
        samples, labels = self.take(indices)
        return iter(samples.reshape(len(samples), *self.shape)), labels

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of at most `size`.

        If a sample cannot be read, all samples before it are yielded first.
        """
        ahead = size * max(1, min(self.read_ahead, READ_AHEAD_BYTES // (4 * self.inputs)) // size)
        for first in range(start, self.length, ahead):
            for samples, labels in self._read(self.order(first, min(first + ahead, self.length))):
                for i in range(0, len(samples), size):
                    yield Block(samples[i : i + size], None if labels is None else labels[i : i + size])

    def arriving(self, start: int = 0, size: Size = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples of `blocks`, as many in one block as are read at once: see `Stream`."""
        return self.blocks(start, min(largest(size), self.read_ahead))

    def _read(self, indices: NDArray[np.int64]) -> Iterator[Block]:
        """Yield the samples as one block; if one of them cannot be read, those before it one by one."""
        try:
            block = self.take(indices)
        except StreamError:
            for i in range(len(indices)):
                yield self.take(indices[i : i + 1])
        else:
            yield block

    def fingerprint(self) -> str:
        """Hash the length and up to 256 samples with their labels: the first, the last, and others evenly between."""
        digest = hashlib.sha256(str(self.length).encode())
        indices, labels = np.unique(np.linspace(0, self.length - 1, 256).astype(np.int64)), list[NDArray[np.int64]]()
        together = max(1, READ_AHEAD_BYTES // (4 * self.inputs))
        for first in range(0, len(indices), together):
            block = self.take(indices[first : first + together])
            digest.update(np.ascontiguousarray(block.samples).data)
            if block.labels is not None:
                labels.append(block.labels)
        if labels:
            digest.update(np.concatenate(labels).data)
        return digest.hexdigest()[:16]


def scaled(dtype: "np.dtype[np.generic]", divisor: float) -> str:
    """Return in words how stored numbers of a type become inputs."""
    return f"{dtype.name} as stored" if divisor == 1 else f"{dtype.name} / {divisor:g}"


def largest(size: Size) -> int:
    """Return how many samples a block of a source at hand has."""
    return MOST_TOGETHER if callable(size) else size


def asked(size: Size) -> Callable[[], int]:
    """Return a function that tells how many samples the next block may have."""
    return size if callable(size) else lambda: size


def check_columns(name: str, columns: Sequence[str], wanted: Sequence[str], of: str) -> None:
    """Raise StreamError if the inputs of a stream have other names than those of another, or another order.

    Where one of the two has no names, nothing is known.
    """
    if columns and wanted and tuple(columns) != tuple(wanted):
        index = next((i for i, pair in enumerate(zip(columns, wanted, strict=False)) if pair[0] != pair[1]), 0)
        raise StreamError(
            f"columns of {name} must be those of {of}, in the same order, got {columns[index]!r} for "
            f"{wanted[index]!r}, input {index}"
        )


def check_stream(name: str, stream: object) -> None:
    """Raise ConfigError if `stream` is not a stream."""
    if not isinstance(stream, Stream):
        advice = "make one from arrays by neurosim.streams.ArrayStream(samples, labels)"
        if isinstance(stream, str | os.PathLike):
            advice = "open it by neurosim.open_stream(name)"
        raise ConfigError(name, "a Stream", type(stream).__name__, advice)


def as_labels(labels: NDArray[np.generic], count: int, name: str) -> NDArray[np.int64]:
    """Return labels as int64, one for each of the `count` samples; -1 and NaN, which say that there is none, as -1.

    Raises
    ------
    StreamError
        If there are more or fewer than samples.
    SampleError
        If one is anything else than a whole number from 0, NaN or -1.
    """
    if labels.shape != (count,):
        raise StreamError(f"labels of {name} must be one for each of the {count} samples, got the shape {labels.shape}")
    if labels.dtype.kind not in "iuf":
        raise SampleError(f"labels of {name} must be whole numbers, got {labels.dtype}")
    if labels.dtype.kind == "f":
        numbers = labels.astype(np.float64)  # a narrow type cannot hold the largest label
        numbers[np.isnan(numbers)] = UNLABELLED
    else:
        numbers = labels  # type: ignore[assignment]
    wrong = ~((numbers >= UNLABELLED) & (numbers <= LARGEST_LABEL) & (numbers == np.floor(numbers)))
    if wrong.any():
        index = int(np.argmax(wrong))
        rule = f"a whole number from 0 to {LARGEST_LABEL}, or -1 or NaN for none"
        raise SampleError(f"label {index} of {name} must be {rule}, got {labels[index]}")
    return numbers.astype(np.int64)
