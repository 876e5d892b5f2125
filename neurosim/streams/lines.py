"""Streams of text, one sample a line: CSV or NDJSON, from a file or a pipe, never more than a line ahead."""

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from neurosim.errors import StreamError
from neurosim.streams.base import Block, Stream, as_labels

LONGEST_LINE = 1 << 26  # bytes; a longer line is malformed, not a reason to fill the memory

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
        """Hash the first 4,096 bytes; nothing of a pipe, which cannot be read twice."""
        if not self.replayable:
            return "pipe"
        with self._opener() as file:
            return hashlib.sha256(file.read(4096)).hexdigest()[:16]

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Give the samples from position `start` on; waits for `size` lines, or the end."""
        samples: list[list[float]] = []
        labels: list[float | None] = []
        for place, (values, label) in enumerate(self._samples()):
            if place < start:
                continue
            samples.append(values)
            labels.append(label)
            if len(samples) == size:
                yield self._block(samples, labels)
                samples, labels = [], []
        if samples:
            yield self._block(samples, labels)

    def _block(self, samples: list[list[float]], labels: list[float | None]) -> Block:
        with np.errstate(over="ignore"):
            rows = np.array(samples, np.float64).astype(np.float32)
        return Block(rows, as_labels(np.array(labels), len(rows), self.name) if self.labelled else None)

    def _samples(self) -> Iterator[Sample]:
        self.bad, width, header, number = 0, self._wanted, None, 0
        file = self._opener() if self._waiting is None else self._waiting
        try:
            while line := file.readline(LONGEST_LINE):
                number += 1
                text = line.strip()
                if not text:
                    continue
                try:
                    if header is None and width == self._wanted and _is_header(text):
                        header = [name.strip() for name in text.decode().split(",")]
                        continue
                    sample = parse(text, header, self._label)
                    width = check(sample, width)
                except (ValueError, UnicodeDecodeError) as error:
                    if self._skip_bad:
                        self.bad += 1
                        continue
                    raise StreamError(
                        f"{self.name}, line {number}: {error}; --skip-bad passes over such lines"
                    ) from None
                header = header or []
                yield sample
        finally:
            if self._waiting is None:
                file.close()


def _is_header(text: bytes) -> bool:
    """Tell whether a first line names columns: no JSON, and no number in it."""
    if text[:1] in b"[{":
        return False
    return not any(_is_number(part) for part in text.split(b","))


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def parse(text: bytes, header: list[str] | None, label: str | None) -> Sample:
    """Return a line's values and its label; ValueError says what is wrong."""
    if text[:1] == b"{":
        record = json.loads(text)
        if "x" not in record or (label is not None and label not in record):
            raise ValueError(
                f"the object must have the keys x{' and ' + label if label else ''}, got {', '.join(record)}"
            )
        values, found = record["x"], record[label] if label is not None else None
    else:
        values = json.loads(text) if text[:1] == b"[" else [float(part) for part in text.split(b",")]
        found = values.pop(column(label, header, len(values))) if label is not None else None
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError("a sample must be a flat list of numbers")
    if found is not None and not (type(found) in (int, float) and found >= 0 and found == math.floor(found)):
        raise ValueError(f"a label must be a whole number from 0, got {found!r}")
    return values, found


def column(label: str, header: list[str] | None, width: int) -> int:
    """Return the number of the label's column."""
    if header and label in header:
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
    """Refuse a sample of another width or with a value that is not finite; return its width."""
    values = sample[0]
    if width is not None and len(values) != width:
        raise ValueError(f"a sample must have {width} inputs, got {len(values)}")
    if not values:
        raise ValueError("a sample must have at least one input")
    if not all(map(math.isfinite, values)):
        place = next(i for i, value in enumerate(values) if not math.isfinite(value))
        raise ValueError(f"input {place} must be finite, got {values[place]}")
    return len(values)


def text_file(path: Path, **options: object) -> LineStream:
    """Open a file of lines."""
    return LineStream(path.name, lambda: path.open("rb"), **options)  # type: ignore[arg-type]


def pipe(**options: object) -> LineStream:
    """Open standard input."""
    return LineStream("-", lambda: sys.stdin.buffer, replayable=False, **options)  # type: ignore[arg-type]
