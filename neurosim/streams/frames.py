"""Streams of binary frames: samples of numbers without a header, one after another, from a file or a pipe."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError, SampleError, StreamError
from neurosim.outside.files import check_regular
from neurosim.streams.arrays import ArrayStream
from neurosim.streams.base import MOST_TOGETHER, Block, Size, Stream, as_labels, asked, scaled
from neurosim.streams.csv_header import NUMBER
from neurosim.streams.feeds import FrameFeed

FORMATS: dict[str, np.dtype[Any]] = {"f32": np.dtype("<f4"), "u8": np.dtype("u1")}
DIVISORS = {"f32": 1, "u8": 255}  # bytes are numbers from 0 to 1, as those of IDX files


class Frame(NamedTuple):
    """What a frame is made of.

    Attributes
    ----------
    format : {"f32", "u8"}
    label : int or None
        Where the label stands: 0 before the inputs, -1 after them, None if there is none.
    dtype : numpy.dtype
    divisor : int
        What numbers are divided by as they are read.
    columns : int
        Numbers of a frame, the label among them.
    size : int
        Bytes of a frame.
    """

    format: str
    label: int | None
    dtype: np.dtype[Any]
    divisor: int
    columns: int
    size: int

    @classmethod
    def checked(cls, name: str, format: object, inputs: int | None, label: str | None) -> "Frame":  # noqa: A002
        """Return a frame of what a user gave; raise ConfigError if it cannot be, StreamError without `inputs`."""
        if not isinstance(format, str) or format not in FORMATS:
            raise ConfigError("format", "one of " + ", ".join(FORMATS), format)
        if inputs is None:
            raise StreamError(f"{name} has frames: the width of its samples must be given with inputs (--inputs)")
        column = None
        if label is not None:
            if NUMBER.fullmatch(str(label)) is None or int(label) not in {0, -1, inputs}:
                raise ConfigError("label", "0 before the inputs of a frame, or -1 after them", label)
            column = 0 if int(label) == 0 else -1
        dtype, columns = FORMATS[format], inputs + (column is not None)
        return cls(format, column, dtype, DIVISORS[format], columns, columns * dtype.itemsize)

    def split(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Return the inputs and the labels of frames, from numbers (n, columns)."""
        if self.label is None:
            return numbers, None
        return (numbers[:, 1:] if self.label == 0 else numbers[:, :-1]), numbers[:, self.label]

    def samples(self, data: bytearray) -> tuple[NDArray[np.float32], NDArray[Any] | None]:
        """Return the samples, float32 (n, inputs), and the labels of whole frames; samples may share their memory."""
        numbers = np.ndarray((len(data) // self.size, self.columns), self.dtype, data)
        inputs, labels = self.split(numbers)
        samples = inputs.astype(np.float32, order="C", copy=False)
        if self.divisor != 1:
            samples /= np.float32(self.divisor)
        return samples, labels


class FrameStream(Stream):
    """Frames of a pipe as a stream, which is read once.

    Parameters
    ----------
    name : str
    file : binary file
        Read no further than the frames that are asked for.
    inputs : int
        Width of a sample, the label not counted.
    format : {"f32", "u8"}
        Little-endian float32, or bytes, read as numbers from 0 to 1.
    label : str, optional
        `0` if the first number of a frame is its label, `-1` if the last one is: a whole number from 0, and in float32
        also -1 or NaN for none.

    Raises
    ------
    ConfigError
        If `format` or `label` is none of those.
    StreamError
        When the stream is read, if it ends within a frame; all whole frames are given first.
    SampleError
        When the stream is read, if a label is anything else; all samples before it are given first.
    """

    labels_advice = "for frames give --label 0 or -1"
    replayable = False

    def __init__(self, name: str, file: Any, *, inputs: int | None, format: str, label: str | None = None) -> None:  # noqa: A002
        self._frame = Frame.checked(name, format, inputs, label)
        self.name, self.inputs, self.length, self.labelled = name, inputs or 0, None, label is not None
        self.numbers = scaled(self._frame.dtype, self._frame.divisor)
        self._feed = FrameFeed(file, self._frame.size)

    def fingerprint(self) -> str:
        """Return the same for all: a pipe cannot be read twice."""
        return "pipe"

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on with this stream, the format included."""
        return super().identity() | {"format": self._frame.format, "label": self._frame.label}

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of `size`, the last of fewer.

        If reading stops within a frame or by a signal, the whole frames before it are yielded first.
        """
        return self._blocks(start, lambda: size, together=True)

    def arriving(self, start: int = 0, size: Size = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples of `blocks`, those of frames that have arrived together in one block: see `Stream`."""
        return self._blocks(start, asked(size), together=False)

    def waits(self) -> bool:
        """Tell whether the next frame has not come yet."""
        return not self._feed.ready()

    def _blocks(self, start: int, size: Callable[[], int], *, together: bool) -> Iterator[Block]:
        first = 0
        while data := self._taken(first, size() if first >= start else min(size(), start - first), together):
            count = len(data) // self._frame.size
            samples, labels = self._frame.samples(data)
            if first >= start:
                if labels is None:
                    yield Block(samples, None)
                else:
                    yield from self._labelled(samples, labels, first)
            first += count
        if held := self._feed.held:
            raise StreamError(
                f"{self.name} must end with a whole frame of {self._frame.size} bytes, but frame {first}, counted "
                f"from 0, lacks {self._frame.size - held} of them"
            )
        if first < start:
            raise StreamError(f"{self.name} must hold the {start} samples that were read from it before, got {first}")

    def _taken(self, first: int, most: int, together: bool) -> bytearray:
        try:
            return self._feed.take(most, together=together)
        except OSError as error:
            if isinstance(error, StreamError):
                raise
            raise StreamError(f"{self.name} must be readable to its end, but at frame {first}: {error}") from error

    def _labelled(self, samples: NDArray[np.float32], labels: NDArray[Any], first: int) -> Iterator[Block]:
        """Yield frames, of which the first has the number `first`; one by one if one of them has no good label."""
        try:
            numbers = as_labels(labels, len(labels), self.name)
        except SampleError:
            for i in range(len(samples)):
                yield Block(samples[i : i + 1], as_labels(labels[i : i + 1], 1, f"frame {first + i} of {self.name}"))
        else:
            yield Block(samples, numbers)


def frame_file(path: Path, *, inputs: int | None, label: str | None, format: str | None) -> ArrayStream:  # noqa: A002
    """Open a file of frames, which is mapped; its format is that of its ending, `.f32` or `.u8`, unless given."""
    check_regular(path)
    frame = Frame.checked(path.name, path.suffix[1:].lower() if format is None else format, inputs, label)
    size, rest = divmod(path.stat().st_size, frame.size)
    if rest or not size:
        raise StreamError(
            f"{path} must be whole frames of {frame.size} bytes, got {size} and {rest} bytes: "
            + (f"{frame.size - rest} bytes are missing at its end" if rest else "there is none")
        )
    numbers = np.memmap(path, frame.dtype, "r", shape=(size, frame.columns))
    samples, labels = frame.split(numbers)
    stream = ArrayStream(samples, labels, name=path.name, divisor=frame.divisor)
    stream.labels_advice = FrameStream.labels_advice
    return stream


def frame_pipe(*, inputs: int | None, label: str | None, format: str) -> FrameStream:  # noqa: A002
    """Open standard input, frame after frame."""
    if sys.stdin is None:
        raise StreamError("- must be a standard input that is open, and it is closed")
    return FrameStream("-", sys.stdin.buffer, inputs=inputs, label=label, format=format)
