"""Streams of text with one sample in each line: CSV or JSON, from a file or a pipe, read line by line."""

import copy
import gzip
import hashlib
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from neurosim.errors import ConfigError, StreamError
from neurosim.streams.base import MOST_TOGETHER, Block, Size, Stream, asked
from neurosim.streams.csv_lines import Form
from neurosim.streams.feeds import BUFFER, LineFeed
from neurosim.streams.keyed import MESSAGE, KeyedBlock, joined
from neurosim.streams.label_numbers import LabelNumbers
from neurosim.streams.line_reader import LineReader

TOGETHER = 1 << 13  # bytes of lines that are parsed at once: with what they are parsed to, they fit into a fast cache
LONGEST_LINE = 1 << 24  # bytes; a longer line is malformed: its cells would take a hundred times as much memory
MOST_EMPTY = 1 << 20  # empty lines of a file in succession; more are no data, but a compressed nothing
MOST_DISCARDED = 1 << 30  # bytes of a line that is passed over; a longer one has no end, as that of a device
BAD_LINE = (ValueError, OverflowError, RecursionError)  # what a malformed line may raise


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
        Width of a sample, the label not counted; by default that of the first line.
    label : str, optional
        The label's column, by name or number (-1 is the last), or its key in JSON objects.
    header : {"auto", "yes", "no"}
        Whether the first line of CSV names the columns; `auto` decides by its content
        (`neurosim.streams.csv_header.names_columns`).
    delimiter : str, optional
        One character, or `tab`; by default a comma.
    key : str, optional
        The column, or key in JSON objects, that says whose a sample is: a text or a whole number, no input.
    skip_bad : bool
        Skip malformed lines and count them in `bad`, instead of stopping at the first.
    replayable : bool
        Whether the opener returns the same lines each time; a pipe is opened only once.

    Raises
    ------
    StreamError
        If there is no line, or one is malformed: the message has its number. If the first line fits neither `label`
        nor `header`.
    ConfigError
        If `header` or `delimiter` is none of those, or `key` is that of a message.
    """

    labels_advice = "for lines give --label"
    numbers = "as written"
    classes_grow = True

    def __init__(
        self,
        name: str,
        opener: Callable[[], BinaryIO],
        *,
        inputs: int | None = None,
        label: str | None = None,
        header: str = "auto",
        delimiter: str | None = None,
        key: str | None = None,
        skip_bad: bool = False,
        replayable: bool = True,
    ) -> None:
        self.name, self.length, self.labelled, self.bad = name, None, label is not None, 0
        self.replayable, self._skip_bad = replayable, skip_bad
        if key == MESSAGE:
            raise ConfigError("key", "a column of the lines, by name or number", key, f"{name} brings no messages")
        self._form, self._numbers = Form.checked(label, header, delimiter, key), LabelNumbers()
        self.keyed = key is not None
        self._opener, self._pipe = opener, None if replayable else LineFeed(opener(), LONGEST_LINE)
        self._width, self._fault = inputs, ""
        self._input_names: tuple[str, ...] | None = None
        if inputs is not None:
            self.inputs = inputs
            return
        if not replayable:
            raise StreamError(f"{name} is a pipe: the width of its samples must be given with inputs (--inputs)")
        first = self._first(self._numbers)
        if first is None:
            why = f": all of {self.bad} lines are malformed, the first so: {self._fault}" if self.bad else ""
            raise StreamError(f"{name} must hold at least one sample, got none{why}")
        self.inputs, self.classes = first.samples.shape[1], self._numbers.names

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them, before the stream is read; new words come after them.

        A run that goes on calls it with the names that its state has. Without names it does nothing.

        Raises
        ------
        StreamError
            If labels are numbers, or `names` are no different words.
        """
        if not names:
            return
        if self._numbers.numeric:
            raise StreamError(f"labels of {self.name} must be words, as those that were learned, got numbers")
        self._numbers = LabelNumbers(names)
        self.classes = self._numbers.names

    def skipping_bad(self) -> "LineStream":
        """Return the stream with malformed lines passed over and counted in `bad`."""
        if self._skip_bad:
            return self
        skipping = copy.copy(self)
        skipping._skip_bad = True
        return skipping

    def fingerprint(self) -> str:
        """Hash the first sample, which stays when a file grows; a pipe, which cannot be read twice, has none."""
        if not self.replayable:
            return "pipe"
        numbers, bad = LabelNumbers(), self.bad  # a word's number depends on what was learned before
        first = self._first(numbers)
        self.bad = bad
        text = repr(first and (first.samples.tolist(), first.labels)) + "".join(numbers.names)
        text += repr(first.keys) if isinstance(first, KeyedBlock) else ""
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on with this stream, the label's column included."""
        columns = self.columns
        identity = super().identity() | {"label": self._form.label} | ({"columns": list(columns)} if columns else {})
        return identity | ({"key": self._form.key} if self.keyed else {})

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the inputs, in order, by the first line of a file; a pipe has them not yet."""
        if self._input_names is None and self.replayable:
            bad = self.bad
            self._first(LabelNumbers())
            self.bad = bad
        return self._input_names or ()

    def number_labels(self) -> None:
        """Take labels for numbers, as those that a run has learned before: words are malformed."""
        self._numbers.numeric = True

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of `size` lines, the last of fewer.

        If reading stops at a malformed line or by a signal, the samples before it are yielded first.
        """
        return self._blocks(start, lambda: size, together=True)

    def arriving(self, start: int = 0, size: Size = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples of `blocks`, those of lines that have arrived together in one block: see `Stream`."""
        return self._blocks(start, asked(size), together=False)

    def waits(self) -> bool:
        """Tell whether the next line of a pipe has not come yet."""
        try:
            return self._pipe is not None and not self._pipe.ready()
        except OSError:
            return True  # reading on raises it again

    def _blocks(self, start: int, size: Callable[[], int], *, together: bool) -> Iterator[Block]:
        """Yield blocks of `size()` lines, or also smaller ones where more of them would have to be waited for."""
        reader = LineReader(self.name, self._form, self._width, self._numbers)
        pending, count, most, keyed = list[Block](), 0, size(), self.keyed
        with self._opened(reader) as feed:
            parts = self._from(start, feed, reader) if start else iter(partial(self._next, feed, reader), None)
            try:
                for parsed in parts:
                    (samples, labels), first, last = parsed, 0, len(parsed.samples)
                    if last <= most and not (count or together) and feed.brought_all():  # as a rule: it is not asked
                        if feed.lent:
                            feed.take(last)
                        self.classes = self._numbers.names
                        yield parsed
                        most = size()
                        continue
                    while first < last:
                        stop = first + most - count
                        if keyed:
                            piece = parsed.part(first, stop)
                        else:  # written out, as a call for each of them has a cost
                            piece = Block(samples[first:stop], None if labels is None else labels[first:stop])
                        new = len(piece.samples)
                        if feed.lent:
                            feed.take(new)
                        first, count = first + new, count + new
                        pending.append(piece)
                        if count == most or not (together or first < last or feed.ready()):
                            block, pending, count = self._joined(pending), [], 0
                            yield block
                            most = size()
            except Exception:
                if pending:
                    yield self._joined(pending)
                raise
        if pending:
            yield self._joined(pending)

    def _joined(self, pieces: Sequence[Block]) -> Block:
        self.classes = self._numbers.names
        return joined(pieces)

    def _from(self, start: int, feed: LineFeed, reader: LineReader) -> Iterator[Block]:
        """Yield the samples from position `start` on, as they are parsed."""
        position = 0
        while (block := self._next(feed, reader)) is not None:
            old, position = start - position, position + len(block.samples)
            if old > 0:
                if feed.lent:
                    feed.take(min(old, feed.lent))
                block = block.part(old)
            yield block
        if position < start:
            raise StreamError(
                f"{self.name} must hold the {start} samples that were read from it before, got {position}"
            )

    def _first(self, numbers: LabelNumbers) -> Block | None:
        """Return the first sample; read on for the label's key if it is one of JSON without it."""
        reader = LineReader(self.name, self._form, self._width, numbers)
        with self._opened(reader) as feed:
            first = self._next(feed, reader)
            self._input_names = reader.input_names
            while reader.lacks_key() and self._next(feed, reader) is not None:
                pass
            return first

    @contextmanager
    def _opened(self, reader: LineReader) -> Iterator[LineFeed]:
        """Return a context with the lines from the first on, or those of a pipe that were not read."""
        try:
            feed = self._pipe or LineFeed(self._opener(), LONGEST_LINE)
        except OSError as error:
            raise StreamError(f"{self.name} must be readable, but: {error}") from error
        try:
            yield feed
        except (OSError, EOFError, zlib.error) as error:
            if isinstance(error, StreamError):
                raise
            raise StreamError(
                f"{self.name} must be readable to its end, but after line {reader.number}: {error}"
            ) from error
        finally:
            if self._pipe is None:
                feed.close()

    def _next(self, feed: LineFeed, reader: LineReader) -> Block | None:
        """Return the next sample, or those of several plain lines, which a pipe has not taken yet; None at the end."""
        feed.lent = 0
        if reader.number == 0:
            self.bad, self._fault = 0, ""
        while (line := feed.single()) is not None or feed.wait():
            if line is not None:  # as samples of a live pipe come
                samples = reader.quickly([line]) or self._carefully(line, feed, reader)
                if samples is not None:
                    return samples
                continue
            lines = feed.lines(0 if reader.number < reader.one_by_one else TOGETHER)
            samples = reader.quickly(lines) if len(lines[0]) < LONGEST_LINE else None  # the others lie in a buffer
            if samples is None and len(lines) > 1:
                reader.one_by_one = reader.number + len(lines)
                continue
            if self.replayable or len(lines) == 1:
                feed.take(len(lines))
            else:  # others may read on from a pipe after the last sample that was given
                feed.lent = len(lines)
            samples = samples or self._carefully(lines[0], feed, reader)
            if samples is not None:
                return samples
        if self.replayable and reader.lacks_key():
            raise StreamError(f"{self.name} must have the label's key {self._form.label} in an object, got it in none")
        return None

    def _carefully(self, line: bytes, feed: LineFeed, reader: LineReader) -> Block | None:
        """Return the sample of any line, None if it has none, or is malformed and passed over."""
        try:
            if len(line) >= LONGEST_LINE:
                reader.number += 1
                self._pass_over_rest(feed)
            samples = reader.read(line)
        except BAD_LINE as error:
            self._pass_over(error, reader)
            return None
        if reader.empty > MOST_EMPTY and self.replayable:
            raise StreamError(f"{self.name} must hold samples, got {reader.empty} lines without one in succession")
        return samples

    def _pass_over_rest(self, feed: LineFeed) -> None:
        """Discard the rest of a line that is too long, if the stream is to go on after it."""
        if self._skip_bad and not feed.discard_rest(MOST_DISCARDED - LONGEST_LINE):
            raise StreamError(f"{self.name} must be lines, got one of more than {MOST_DISCARDED} bytes")
        raise ValueError(f"a line must be shorter than {LONGEST_LINE} bytes; write wide samples to a file .npy or .h5")

    def _pass_over(self, error: Exception, reader: LineReader) -> None:
        """Count a malformed line, or raise what is wrong with it."""
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        self._fault = self._fault or f"line {reader.number}: {why}"
        if self._skip_bad and not (reader.first_of_csv and self._form.header == "yes"):
            self.bad += 1
            return
        may_name = reader.first_of_csv and self._form.header != "no"  # then skipping it would lose the names
        advice = "" if may_name else "; --skip-bad skips such lines"
        raise StreamError(f"{self.name}, line {reader.number}: {why}{advice}") from None


def text_file(
    path: Path,
    *,
    inputs: int | None,
    label: str | None,
    header: str,
    delimiter: str | None,
    skip_bad: bool,
    key: str | None = None,
) -> LineStream:
    """Open a file of lines, plain or gzipped; cells of a file `.tsv` are separated by tabs unless told otherwise."""
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    if delimiter is None and ".tsv" in endings:
        delimiter = "tab"
    opener: Any = partial(gzip.open, path) if endings[-1] == ".gz" else partial(open, path, "rb", BUFFER)
    return LineStream(
        path.name, opener, inputs=inputs, label=label, header=header, delimiter=delimiter, key=key, skip_bad=skip_bad
    )


def pipe(
    *,
    inputs: int | None,
    label: str | None,
    header: str,
    delimiter: str | None,
    skip_bad: bool,
    key: str | None = None,
) -> LineStream:
    """Open standard input, one sample a line."""
    if sys.stdin is None:
        raise StreamError("- must be a standard input that is open, and it is closed")
    return LineStream(
        "-", lambda: sys.stdin.buffer, inputs=inputs, label=label, header=header, delimiter=delimiter, key=key,
        skip_bad=skip_bad, replayable=False,
    )  # fmt: skip
