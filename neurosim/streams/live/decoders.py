"""What a live source's bytes mean: cut into records where they are received, decoded where they are learned."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError, StreamError
from neurosim.streams.base import Block, as_labels, scaled
from neurosim.streams.csv_lines import Form
from neurosim.streams.frames import Frame
from neurosim.streams.keyed import joined
from neurosim.streams.label_numbers import LabelNumbers
from neurosim.streams.line_reader import LineReader
from neurosim.streams.lines import BAD_LINE, LONGEST_LINE
from neurosim.streams.live.queue import Record
from neurosim.streams.live.receiver import Cutter

FEWEST_BYTES, BYTES_AN_INPUT = 1 << 12, 1 << 8  # of a line: what it may have at least, and for each number


class Decoded(NamedTuple):
    """Samples of some records.

    Attributes
    ----------
    block : Block or None
        The samples; None if there are none.
    taken : list of int or None
        Which of the records each sample is of; None if each record is a sample.
    bad : int
        Malformed records that were passed over.
    fault : StreamError or None
        What is wrong with the record after these samples, where it is not to be passed over.
    """

    block: Block | None
    taken: list[int] | None = None
    bad: int = 0
    fault: StreamError | None = None


class Decoder(ABC):
    """Makes samples of what a live source brings.

    Attributes
    ----------
    numbers, labels_advice, classes_grow
        As in `Stream`.
    form : dict
        What must be equal for a run to go on, as `Stream.identity` has it.
    """

    numbers: str
    labels_advice: str
    classes_grow = False
    form: dict[str, object]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels so far."""
        return ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the inputs, if there are any, and they have come."""
        return ()

    def name_classes(self, names: Sequence[str]) -> None:  # noqa: B027 - labels of frames are numbers
        """Go on with names of labels: see `Stream.name_classes`."""

    def number_labels(self) -> None:  # noqa: B027 - labels of frames are numbers
        """Take labels for numbers."""

    @abstractmethod
    def cutter(self, boundaries: bool) -> Cutter:
        """Return what cuts the messages of one connection, with boundaries or without, into records."""

    @abstractmethod
    def decode(self, records: Sequence[Record], skip_bad: bool) -> Decoded:
        """Return the samples of records, up to the first malformed one that is not to be passed over."""


class LineDecoder(Decoder):
    """Lines of CSV or JSON, one or several in a message; a connection's lines end with a line feed each.

    Parameters
    ----------
    name : str
        Of the source, for messages.
    inputs : int
        Width of a sample.
    label, header, delimiter, key
        As in `neurosim.open_stream`.
    """

    numbers = "as written"
    labels_advice = "for lines give --label"
    classes_grow = True

    def __init__(
        self,
        name: str,
        *,
        inputs: int,
        label: str | None = None,
        header: str = "auto",
        delimiter: str | None = None,
        key: str | None = None,
    ) -> None:
        self._name, self._inputs, self._form = name, inputs, Form.checked(label, header, delimiter, key)
        self._labels = LabelNumbers()
        self._reader = LineReader(name, self._form, inputs, self._labels)
        self._longest = min(LONGEST_LINE, FEWEST_BYTES + BYTES_AN_INPUT * inputs)
        self._names = b""  # the first line, where it has names
        self.form: dict[str, Any] = {"label": self._form.label} | ({} if key is None else {"key": self._form.key})

    @property
    def classes(self) -> tuple[str, ...]:
        """Words that are labels so far."""
        return self._labels.names

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the inputs, if the first line had some."""
        return self._reader.input_names

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them: see `LineStream.name_classes`."""
        if not names:
            return
        if self._labels.numeric:
            raise StreamError(f"labels of {self._name} must be words, as those that were learned, got numbers")
        self._labels = LabelNumbers(names)
        self._reader = LineReader(self._name, self._form, self._inputs, self._labels)

    def number_labels(self) -> None:
        """Take labels for numbers: words are malformed."""
        self._labels.numeric = True

    def cutter(self, boundaries: bool) -> Cutter:
        """Return what cuts lines."""
        return WholeLines(self._longest) if boundaries else CutLines(self._longest)

    def decode(self, records: Sequence[Record], skip_bad: bool) -> Decoded:
        """Return the samples of lines, up to the first malformed one that is not to be passed over."""
        lines: list[Any] = [record.data for record in records]
        if len(lines) == 1:
            plain = len(lines[0]) < self._longest and not records[0].begins
        else:
            plain = max(map(len, lines)) < self._longest and not any(record.begins for record in records)
        if plain:
            block = self._reader.quickly(lines)
            if block is not None:
                return Decoded(block)
        return self._one_by_one(records, skip_bad)

    def _one_by_one(self, records: Sequence[Record], skip_bad: bool) -> Decoded:
        """Return the samples of any lines."""
        blocks, taken, bad, fault = list[Block](), list[int](), 0, None
        for index, record in enumerate(records):
            try:
                block = self._sample(record)
            except BAD_LINE as error:
                if skip_bad and not (self._reader.first_of_csv and self._form.header == "yes"):
                    bad += 1
                    continue
                fault = self._refusal(error)
                break
            if block is not None:
                blocks.append(block)
                taken.append(index)
        if not blocks:
            return Decoded(None, None, bad, fault)
        return Decoded(joined(blocks), taken, bad, fault)

    def _sample(self, record: Record) -> Block | None:
        """Return a line's sample; None if it has the names, also those of another connection."""
        line: Any = record.data
        if len(line) >= self._longest:
            self._reader.number += 1
            raise ValueError(f"a line of {self._inputs} inputs must be shorter than {self._longest} bytes")
        names = line.rstrip(b"\r")
        if record.begins and self._names and names == self._names:
            self._reader.number += 1
            return None
        block = self._reader.quickly([line]) or self._reader.read(line)
        if block is None and not self._names:
            self._names = names
        return block

    def _refusal(self, error: Exception) -> StreamError:
        """Return what ends the run where a line is malformed."""
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        may_name = self._reader.first_of_csv and self._form.header != "no"  # then skipping it would lose the names
        advice = "" if may_name else "; --skip-bad skips such lines"
        return StreamError(f"{self._name}, line {self._reader.number}: {why}{advice}")


class FrameDecoder(Decoder):
    """Packed frames, one or several in a message; a message that is not whole frames is malformed.

    Parameters
    ----------
    name : str
        Of the source, for messages.
    inputs : int
        Width of a sample.
    format : {"f32", "u8"}
    label : str, optional
        `0` or `-1`, if a frame's first or last number is its label.
    """

    labels_advice = "for frames give --label 0 or -1"

    def __init__(self, name: str, *, inputs: int, format: str, label: str | None = None) -> None:  # noqa: A002
        self._name, self._frame = name, Frame.checked(name, format, inputs, label)
        self._number = 0  # of the next frame
        self.numbers = scaled(self._frame.dtype, self._frame.divisor)
        self.form = {"format": self._frame.format, "label": self._frame.label}

    def cutter(self, boundaries: bool) -> Cutter:
        """Return what cuts frames."""
        return WholeFrames(self._frame.size) if boundaries else CutFrames(self._frame.size)

    def decode(self, records: Sequence[Record], skip_bad: bool) -> Decoded:
        """Return the samples of frames, up to the first malformed one that is not to be passed over."""
        pieces: list[Any] = [record.data for record in records]
        data = bytearray().join(pieces)
        size = self._frame.size
        if len(data) == size * len(pieces) and max(map(len, pieces)) == size:
            samples, labels = self._frame.samples(data)
            if labels is None:
                self._number += len(pieces)
                return Decoded(Block(samples, None))
            try:
                numbers = as_labels(labels, len(labels), self._name)
            except SampleError:
                pass
            else:
                self._number += len(pieces)
                return Decoded(Block(samples, numbers))
        return self._one_by_one(pieces, skip_bad)

    def _one_by_one(self, pieces: Sequence[bytes], skip_bad: bool) -> Decoded:
        """Return the samples of frames that may be malformed."""
        samples, labels, taken, bad, fault = list[NDArray[np.float32]](), list[Any](), list[int](), 0, None
        for index, piece in enumerate(pieces):
            self._number += 1
            try:
                sample, label = self._sample(piece)
            except SampleError as error:
                if skip_bad:
                    bad += 1
                    continue
                fault = StreamError(f"{error}; --skip-bad passes over such frames")
                break
            samples.append(sample)
            labels.append(label)
            taken.append(index)
        if not samples:
            return Decoded(None, None, bad, fault)
        joined = np.concatenate(labels) if self._frame.label is not None else None
        return Decoded(Block(np.concatenate(samples), joined), taken, bad, fault)

    def _sample(self, piece: bytes) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """Return the sample of one frame and its label; raise SampleError if it is malformed."""
        name, size = f"frame {self._number - 1} of {self._name}", self._frame.size
        if len(piece) != size:
            raise SampleError(f"{name} must come in a message of whole frames of {size} bytes, got {len(piece)} bytes")
        samples, labels = self._frame.samples(bytearray(piece))
        return samples, None if labels is None else as_labels(labels, 1, name)


class WholeMessages:
    """Leaves messages as they are: each is one record."""

    def cut(self, data: bytes) -> list[bytes]:
        """Return the message."""
        return [data]

    def rest(self) -> int:
        """Return 0: every message is whole."""
        return 0


class WholeLines:
    """Cuts messages into lines: the last one needs no line feed.

    Parameters
    ----------
    longest : int
        Bytes of a line that are kept: one that has as many is too long, and what waits in the queue has a bound.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def cut(self, data: bytes) -> list[bytes]:
        """Return the lines of a message that are not empty."""
        return [line[: self._longest] for line in data.split(b"\n") if line and not line.isspace()]

    def rest(self) -> int:
        """Return 0: every message is whole."""
        return 0


class CutLines:
    """Cuts the bytes of a connection into lines, each of which ends with a line feed.

    Parameters
    ----------
    longest : int
        Bytes of a line after which it is given as it is, too long, and the rest of it is discarded.
    """

    def __init__(self, longest: int) -> None:
        self._longest, self._held, self._discards = longest, b"", False

    def cut(self, data: bytes) -> list[bytes]:
        """Return the lines that end here and are not empty."""
        lines = (self._held + data).split(b"\n")
        held = lines.pop()
        if self._discards and lines:
            self._discards = False
            del lines[0]
        if self._discards:
            held = b""
        elif len(held) >= self._longest:
            lines.append(held)
            held, self._discards = b"", True
        self._held = held
        return [line for line in lines if line and not line.isspace()]

    def rest(self) -> int:
        """Return how many bytes have come of a line whose end has not."""
        return len(self._held)


class WholeFrames:
    """Cuts messages into frames; a message that is not whole frames, or is empty, is left as it is, one record."""

    def __init__(self, size: int) -> None:
        self._size = size

    def cut(self, data: bytes) -> list[bytes]:
        """Return the frames of a message."""
        size = self._size
        if len(data) == size or not data or len(data) % size:
            return [data]
        return [data[first : first + size] for first in range(0, len(data), size)]

    def rest(self) -> int:
        """Return 0: every message is whole."""
        return 0


class CutFrames:
    """Cuts the bytes of a connection into frames."""

    def __init__(self, size: int) -> None:
        self._size, self._held = size, b""

    def cut(self, data: bytes) -> list[bytes]:
        """Return the frames that end here."""
        size, data = self._size, self._held + data
        stop = len(data) - len(data) % size
        self._held = data[stop:]
        return [data[first : first + size] for first in range(0, stop, size)]

    def rest(self) -> int:
        """Return how many bytes have come of a frame whose end has not."""
        return len(self._held)
