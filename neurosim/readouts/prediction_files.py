"""Predictions in a file, or on a pipe, as they are made: CSV, JSON lines, or NumPy's format."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from neurosim.errors import ConfigError, NeurosimError, StreamError
from neurosim.readouts.fitted import Predictions, Readouts
from neurosim.streams import Stream

ENCODING = ("utf-8", "surrogateescape")  # names of folders need not be text


@dataclass
class Tally:
    """How many samples were predicted, and how many of them rightly.

    Attributes
    ----------
    samples : int
    labelled : int
        Samples that have a label.
    correct : int
        Samples whose label was predicted.
    """

    samples: int = 0
    labelled: int = 0
    correct: int = 0

    @property
    def accuracy(self) -> float | None:
        """Share of the samples with a label that were predicted rightly, 0 to 1; None if there are none."""
        return self.correct / self.labelled if self.labelled else None

    def add(self, block: Predictions) -> None:
        """Count a block."""
        self.samples += len(block.predicted)
        if block.labels is not None and block.correct is not None:
            self.labelled += int((block.labels >= 0).sum())
            self.correct += int(block.correct.sum())


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object:
        """Take bytes."""

    def flush(self) -> object:
        """Write all that was taken."""


class _Format(Protocol):
    def begin(self, labelled: bool) -> bytes:
        """Return what comes first."""

    def rows(self, block: Predictions, names: tuple[str, ...], label_names: tuple[str, ...]) -> bytes:
        """Return a block."""

    def end(self, file: BinaryIO, samples: int) -> None:
        """Complete a file."""


class _Csv:
    def begin(self, labelled: bool) -> bytes:
        return b"sample,prediction,label\n" if labelled else b"sample,prediction\n"

    def rows(self, block: Predictions, names: tuple[str, ...], label_names: tuple[str, ...]) -> bytes:
        text = io.StringIO()
        cells = ([("" if cell is None else cell) for cell in row] for row in _rows(block, names, label_names))
        csv.writer(text, lineterminator="\n").writerows(cells)
        return text.getvalue().encode(*ENCODING)

    def end(self, file: BinaryIO, samples: int) -> None:
        pass


class _JsonLines(_Csv):
    def begin(self, labelled: bool) -> bytes:
        return b""

    def rows(self, block: Predictions, names: tuple[str, ...], label_names: tuple[str, ...]) -> bytes:
        keys = ("sample", "prediction", "label")
        lines = [json.dumps(dict(zip(keys, row, strict=False))) for row in _rows(block, names, label_names)]
        return "".join(line + "\n" for line in lines).encode()


class _Npy:
    def begin(self, labelled: bool) -> bytes:
        return self._header(0)

    def rows(self, block: Predictions, names: tuple[str, ...], label_names: tuple[str, ...]) -> bytes:
        return block.predicted.astype("<i8").tobytes()

    def end(self, file: BinaryIO, samples: int) -> None:
        file.seek(0)
        file.write(self._header(samples))  # as long as the first one: NumPy leaves space for the number to grow

    def _header(self, samples: int) -> bytes:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<i8", "fortran_order": False, "shape": (samples,)})
        return header.getvalue()


FORMATS: dict[str, type[_Csv] | type[_JsonLines] | type[_Npy]] = {
    ".csv": _Csv, ".ndjson": _JsonLines, ".jsonl": _JsonLines, ".npy": _Npy,
}  # fmt: skip


def write_predictions(
    out: str | Path | _Writable,
    predictions: Iterable[Predictions],
    readouts: Readouts,
    stream: Stream,
    *,
    json_lines: bool = False,
    tally: Tally | None = None,
) -> Tally:
    """Write predictions as they are made.

    Parameters
    ----------
    out : path or binary file
        A path that ends in .csv, .ndjson, .jsonl or .npy. The file is whole or not there: it gets its name when the
        last prediction is made. Of a stream that can be read only once, it holds those made before an error too. A file
        that is open already, such as standard output, is flushed after each block.
    predictions : iterable of Predictions
        What `readouts.predict` gives for the stream.
    readouts : Readouts
        Has the names of what is predicted.
    stream : Stream
        Has the names of the labels.
    json_lines : bool
        Whether an open file gets JSON lines, in place of CSV.
    tally : Tally, optional
        Counts on; for a caller that needs the counts when an error is raised.

    Returns
    -------
    Tally

    Raises
    ------
    ConfigError
        If the path has another ending, or is no place for a file.
    StreamError
        If the file cannot be written.
    """
    tally = tally or Tally()
    if isinstance(out, str | Path):
        path = Path(out)
        check_out(path)
        chosen: _Format = FORMATS[path.suffix.lower()]()
        with _draft(path, keep=not stream.replayable) as file:
            try:
                for block in _written(file, chosen, predictions, readouts, stream):
                    if not stream.replayable:  # what came so far survives a kill, in the draft
                        file.flush()
                    tally.add(block)
            finally:
                chosen.end(file, tally.samples)
    else:
        for block in _written(out, _JsonLines() if json_lines else _Csv(), predictions, readouts, stream):
            out.flush()
            tally.add(block)
    return tally


def check_out(path: Path) -> None:
    """Refuse a path that predictions cannot be written to."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError("out", f"a file that ends in {', '.join(FORMATS)}", str(path))
    if not path.parent.is_dir() or (os.path.lexists(path) and not path.is_file()):
        raise ConfigError("out", "a file in a folder that exists", str(path))


def _written(
    file: _Writable, chosen: _Format, predictions: Iterable[Predictions], readouts: Readouts, stream: Stream
) -> Iterator[Predictions]:
    """Write predictions, and yield each block that is written."""
    file.write(chosen.begin(stream.labelled))
    for block in predictions:
        file.write(chosen.rows(block, readouts.classes, stream.classes))
        yield block


@contextmanager
def _draft(path: Path, *, keep: bool) -> Iterator[BinaryIO]:
    """Give a file under another name, which gets its own when it is whole, or after an error if it is to be kept."""
    path, failure = Path(os.path.realpath(path)), None
    draft = path.with_name(f"{path.name}.draft-{os.getpid()}")
    try:
        with draft.open("wb") as file:
            try:
                yield file
            except BaseException as error:
                if not keep or (isinstance(error, OSError) and not isinstance(error, NeurosimError)):
                    raise
                failure = error
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        if isinstance(error, NeurosimError):
            raise
        raise StreamError(f"predictions cannot be written to {path}: {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    if failure is not None:
        raise failure


def _rows(block: Predictions, names: tuple[str, ...], label_names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the number of each sample, its prediction, and its label if the stream has labels."""
    numbers = range(block.first, block.first + len(block.predicted))
    predicted = [_named(label, names) for label in block.predicted.tolist()]
    if block.labels is None:
        yield from zip(numbers, predicted, strict=True)
        return
    yield from zip(numbers, predicted, [_named(label, label_names) for label in block.labels.tolist()], strict=True)


def _named(label: int, names: tuple[str, ...]) -> str | int | None:
    """Return a label's name, its number if it has none, or None if there is no label."""
    if label < 0:
        return None
    return names[label] if label < len(names) else label
