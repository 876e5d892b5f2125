"""Streams of text, one sample a line: CSV or NDJSON, from a file or a pipe, never more than a line ahead."""

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

LONGEST_LINE = 1 << 26  # bytes; a longer line is malformed, not a reason to fill the memory

LARGEST_FLOAT = float(np.finfo(np.float32).max)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NAME = re.compile(rb"[A-Za-z_\x80-\xff]")
BAD_LINE = (ValueError, OverflowError, RecursionError)  # what a malformed line may raise

Sample = tuple[list[float], float | None]


class LineStream(Stream):
    """Lines as a stream.

    A line is numbers between commas, a JSON array of numbers, or a JSON object whose `x` is such an array. The first
    line of a CSV file may name the columns. Empty lines are passed over.

    Parameters
    ----------
    name : str
    opener : callable
        Returns the bytes, opened; called once a reading.
    inputs : int, optional
        Width of a sample; by default the first line's.
    label : str, optional
        Where the label is: a column's name or number (-1 the last), or the key of a JSON object.
    skip_bad : bool
        Count malformed lines in `bad` and go on, instead of stopping at the first.
    replayable : bool
        Whether the opener gives the same lines every time.

    Raises
    ------
    StreamError
        If there is no line, or one is malformed: it says which.
    """

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
        self._opener, self._waiting = opener, None if replayable else opener()
        self._wanted = inputs
        if inputs is not None:
            self.inputs = inputs
            return
        if not replayable:
            raise StreamError(
                f"{name} is a pipe: the width of its samples must be told beforehand, with inputs (--inputs)"
            )
        for block in self.blocks(size=1):
            self.inputs = block.samples.shape[1]
            return
        raise StreamError(f"{name} must hold at least one sample, got none")

    def fingerprint(self) -> str:
        """Hash the first sample, which stays when a file grows; nothing of a pipe, which cannot be read twice."""
        if not self.replayable:
            return "pipe"
        first = next(self.blocks(size=1), None)
        return hashlib.sha256(repr(first and (first.samples.tolist(), first.labels)).encode()).hexdigest()[:16]

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on with this stream: which column is the label is part of it."""
        return super().identity() | {"label": self._label}

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Give the samples from position `start` on; waits for `size` lines, or the end.

        What stops the reading, a malformed line or a signal, does so after what was read before it is given.
        """
        waiting: list[Sample] = []
        place = 0
        try:
            for sample in self._samples():
                place += 1
                if place <= start:
                    continue
                waiting.append(sample)
                if len(waiting) == size:
                    block, waiting = self._block(waiting), []
                    yield block
        except Exception:
            if waiting:
                yield self._block(waiting)
            raise
        if place < start:
            raise StreamError(f"{self.name} must hold the {start} samples that were taken from it before, got {place}")
        if waiting:
            yield self._block(waiting)

    def _block(self, samples: list[Sample]) -> Block:
        rows = np.array([values for values, _ in samples], np.float32)
        labels = np.array([label for _, label in samples]) if self.labelled else None
        return Block(rows, None if labels is None else as_labels(labels, len(rows), self.name))

    def _samples(self) -> Iterator[Sample]:
        self.bad = 0
        reader = _Reader(self._label, self._wanted)
        try:
            file = self._opener() if self._waiting is None else self._waiting
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
                        f"{self.name}, line {reader.number}: {why}; --skip-bad passes over such lines"
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
            if self._waiting is None:
                file.close()


class _Reader:
    """Makes samples of lines; remembers the columns' names and the width that the first sample had."""

    def __init__(self, label: str | None, width: int | None) -> None:
        self.label, self.width, self.number = label, width, 0
        self._first, self._header = True, list[str]()

    def read(self, line: bytes) -> Sample | None:
        """Return a line's sample, None for an empty line or the columns' names; one of BAD_LINE says what is wrong."""
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
    """Read a line; of one that is too long, the rest is thrown away."""
    line = file.readline(LONGEST_LINE)
    rest = line
    while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
        rest = file.readline(LONGEST_LINE)
    return line


def _is_header(text: bytes) -> bool:
    """Tell whether a first line names columns: it begins as a word, and none of its parts is a number."""
    parts = [part.strip(b' "') for part in text.split(b",")]
    return NAME.match(parts[0]) is not None and not any(map(_is_number, parts))


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def parse(text: bytes, header: list[str], label: str | None) -> Sample:
    """Return a line's values and its label; one of BAD_LINE says what is wrong."""
    found: object = None
    if text[:1] == b"{":
        record = json.loads(text)
        if "x" not in record or (label is not None and label not in record):
            wanted = f"x and {label}" if label else "x"
            raise ValueError(f"the object must have the keys {wanted}, got {', '.join(record) or 'none'}")
        values, found = record["x"], record[label] if label is not None else None
    else:
        values = json.loads(text) if text[:1] == b"[" else [float(part.strip(b' "')) for part in text.split(b",")]
        if header and len(header) != len(values):
            raise ValueError(f"a line must have the {len(header)} columns that the first line names, got {len(values)}")
        if label is not None:
            found = values.pop(column(label, header, len(values)))
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError("a sample must be a flat list of numbers")
    if label is None:
        return values, None
    if type(found) not in (int, float) or not 0 <= found <= LARGEST_LABEL or found != int(found):  # type: ignore
        raise ValueError(f"a label must be a whole number from 0 to {LARGEST_LABEL}, got {found!r}")
    return values, found  # type: ignore[return-value]


def column(label: str, header: list[str], width: int) -> int:
    """Return the number of the label's column."""
    if label in header:
        return header.index(label)
    try:
        place = int(label)
    except ValueError:
        raise ValueError(
            f"the label's column must be a number or one of {', '.join(header or ['(no header)'])}"
        ) from None
    if not -width <= place < width:
        raise ValueError(f"the label's column must be below {width}, the columns of the line, got {place}")
    return place


def check(sample: Sample, width: int | None) -> int:
    """Refuse a sample of another width or with a value that float32 cannot hold; return its width."""
    values = sample[0]
    if width is not None and len(values) != width:
        raise ValueError(f"a sample must have {width} inputs, got {len(values)}")
    if not values:
        raise ValueError("a sample must have at least one input")
    for place, value in enumerate(values):
        if not -LARGEST_FLOAT <= value <= LARGEST_FLOAT:
            raise ValueError(f"input {place} must be finite in float32, got {float(value)}")
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
