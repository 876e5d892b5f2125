"""Streams of text with one sample in each line: CSV or NDJSON, from a file or a pipe, read line by line."""

import gzip
import hashlib
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neurosim.errors import StreamError
from neurosim.streams.base import LARGEST_LABEL, Block, Stream, as_labels

LONGEST_LINE = 1 << 26  # bytes; a longer line is malformed: it must not fill the memory

LARGEST_FLOAT = float(np.finfo(np.float32).max)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NAME = re.compile(rb"[A-Za-z_\x80-\xff]")
BAD_LINE = (ValueError, OverflowError, RecursionError)  # what a malformed line may raise

Sample = tuple[list[float], float | None]


class LineStream(Stream):
    """Lines as a stream.

    A line is numbers separated by commas, a JSON array of numbers, or a JSON object whose `x` is such an array. The
    first line of a CSV file may name the columns. Empty lines are skipped.

    Parameters
    ----------
    name : str
    opener : callable
        Opens the bytes; called each time that the stream is read.
    inputs : int, optional
        Width of a sample; by default that of the first line.
    label : str, optional
        The label's column, by name or number (-1 is the last), or its key in JSON objects.
    skip_bad : bool
        Skip malformed lines and count them in `bad`, instead of stopping at the first.
    replayable : bool
        Whether the opener returns the same lines each time; a pipe is opened only once.

    Raises
    ------
    StreamError
        If there is no line, or one is malformed: the message has its number.
    """

    labels_advice = "for lines give --label"

    def __init__(
        self,
        name: str,
        opener: Callable[[], BinaryIO],
        *,
        inputs: int | None = None,
        label: str | None = None,
        skip_bad: bool = False,
        replayable: bool = True,
    ) -> None:
        self.name, self.length, self.labelled, self.bad = name, None, label is not None, 0
        self.replayable, self._label, self._skip_bad = replayable, label, skip_bad
        self._opener, self._pipe = opener, None if replayable else opener()
        self._width = inputs
        if inputs is not None:
            self.inputs = inputs
            return
        if not replayable:
            raise StreamError(f"{name} is a pipe: the width of its samples must be given with inputs (--inputs)")
        for block in self.blocks(size=1):
            self.inputs = block.samples.shape[1]
            return
        raise StreamError(f"{name} must hold at least one sample, got none")

    def fingerprint(self) -> str:
        """Hash the first sample, which stays when a file grows; a pipe, which cannot be read twice, has none."""
        if not self.replayable:
            return "pipe"
        first = next(self.blocks(size=1), None)
        return hashlib.sha256(repr(first and (first.samples.tolist(), first.labels)).encode()).hexdigest()[:16]

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on with this stream, the label's column included."""
        return super().identity() | {"label": self._label}

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of `size` lines, the last of fewer.

        If reading stops at a malformed line or by a signal, the samples before it are yielded first.
        """
        pending: list[Sample] = []
        position = 0
        try:
            for sample in self._samples():
                position += 1
                if position <= start:
                    continue
                pending.append(sample)
                if len(pending) == size:
                    block, pending = self._block(pending), []
                    yield block
        except Exception:
            if pending:
                yield self._block(pending)
            raise
        if position < start:
            raise StreamError(
                f"{self.name} must hold the {start} samples that were read from it before, got {position}"
            )
        if pending:
            yield self._block(pending)

    def _block(self, samples: list[Sample]) -> Block:
        rows = np.array([values for values, _ in samples], np.float32)
        labels = np.array([label for _, label in samples]) if self.labelled else None
        return Block(rows, None if labels is None else as_labels(labels, len(rows), self.name))

    def _samples(self) -> Iterator[Sample]:
        self.bad = 0
        reader = _Reader(self._label, self._width)
        try:
            file = self._opener() if self._pipe is None else self._pipe
        except OSError as error:
            raise StreamError(f"{self.name} must be readable, but: {error}") from error
        try:
            while line := _read_line(file):
                try:
                    sample = reader.read(line)
                except BAD_LINE as error:
                    if self._skip_bad:
                        self.bad += 1
                        continue
                    why = "nested too deeply" if isinstance(error, RecursionError) else error
                    raise StreamError(
                        f"{self.name}, line {reader.number}: {why}; --skip-bad skips such lines"
                    ) from None
                if sample is not None:
                    yield sample
        except (OSError, EOFError, zlib.error) as error:
            if isinstance(error, StreamError):
                raise
            raise StreamError(
                f"{self.name} must be readable to its end, but after line {reader.number}: {error}"
            ) from error
        finally:
            if self._pipe is None:
                file.close()


class _Reader:
    """Parses lines into samples; keeps the columns' names and the width of the first sample."""

    def __init__(self, label: str | None, width: int | None) -> None:
        self.label, self.width, self.number = label, width, 0
        self._first, self._header = True, list[str]()

    def read(self, line: bytes) -> Sample | None:
        """Return a line's sample, None if it is empty or names columns; raise one of BAD_LINE if it is malformed."""
        self.number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            raise ValueError(f"a line must be shorter than {LONGEST_LINE} bytes")
        text = (line.removeprefix(BYTE_ORDER_MARK) if self.number == 1 else line).strip()
        if not text:
            return None
        first, self._first = self._first, False
        if first and _is_header(text):
            self._header = [name.strip(' "') for name in text.decode().split(",")]
            return None
        sample = parse(text, self._header, self.label)
        self.width = check(sample, self.width)
        return sample


def _read_line(file: BinaryIO) -> bytes:
    """Return a line; of one that is too long, return the beginning and discard the rest."""
    line = file.readline(LONGEST_LINE)
    rest = line
    while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
        rest = file.readline(LONGEST_LINE)
    return line


def _is_header(text: bytes) -> bool:
    """Return whether a first line names columns: it begins like a name, and none of its columns is a number."""
    columns = [column.strip(b' "') for column in text.split(b",")]
    return NAME.match(columns[0]) is not None and not any(map(_is_number, columns))


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse(text: bytes, header: list[str], label: str | None) -> Sample:
    """Return a line's values and its label; raise one of BAD_LINE if it is malformed."""
    target: object = None
    if text[:1] == b"{":
        record = json.loads(text)
        if "x" not in record or (label is not None and label not in record):
            wanted = f"x and {label}" if label else "x"
            raise ValueError(f"the object must have the keys {wanted}, got {', '.join(record) or 'none'}")
        values, target = record["x"], record[label] if label is not None else None
    else:
        values = json.loads(text) if text[:1] == b"[" else [float(number.strip(b' "')) for number in text.split(b",")]
        if header and len(header) != len(values):
            raise ValueError(f"a line must have the {len(header)} columns that the first line names, got {len(values)}")
        if label is not None:
            target = values.pop(column(label, header, len(values)))
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError("a sample must be a flat list of numbers")
    if label is None:
        return values, None
    if type(target) not in (int, float) or not 0 <= target <= LARGEST_LABEL or target != int(target):  # type: ignore
        raise ValueError(f"a label must be a whole number from 0 to {LARGEST_LABEL}, got {target!r}")
    return values, target  # type: ignore[return-value]


def column(label: str, header: list[str], width: int) -> int:
    """Return the index of the label's column; it may be negative, counted from the last."""
    if label in header:
        return header.index(label)
    try:
        index = int(label)
    except ValueError:
        raise ValueError(
            f"the label's column must be a number or one of {', '.join(header or ['(no header)'])}"
        ) from None
    if not -width <= index < width:
        raise ValueError(f"the label's column must be below {width}, the columns of the line, got {index}")
    return index


def check(sample: Sample, width: int | None) -> int:
    """Return a sample's width; raise ValueError if it differs from `width`, or a value is not finite in float32."""
    values = sample[0]
    if width is not None and len(values) != width:
        raise ValueError(f"a sample must have {width} inputs, got {len(values)}")
    if not values:
        raise ValueError("a sample must have at least one input")
    for index, value in enumerate(values):
        if not -LARGEST_FLOAT <= value <= LARGEST_FLOAT:
            raise ValueError(f"input {index} must be finite in float32, got {float(value)}")
    return len(values)


def text_file(path: Path, *, inputs: int | None, label: str | None, skip_bad: bool) -> LineStream:
    """Open a file of lines, plain or gzipped."""
    opener: Any = partial(gzip.open if path.suffix.lower() == ".gz" else open, path, "rb")
    return LineStream(path.name, opener, inputs=inputs, label=label, skip_bad=skip_bad)


def pipe(*, inputs: int | None, label: str | None, skip_bad: bool) -> LineStream:
    """Open standard input, one sample a line."""
    if sys.stdin is None:
        raise StreamError("- must be a standard input that is open, and it is closed")
    return LineStream("-", lambda: sys.stdin.buffer, inputs=inputs, label=label, skip_bad=skip_bad, replayable=False)
