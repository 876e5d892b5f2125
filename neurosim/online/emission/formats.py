"""Records of samples as bytes: lines of CSV or JSON, or packed numbers."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson

from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.online.emission.fields import WHOLE, Field

NUMBER = "sample"  # key of what every record begins with
REMEMBERED = 1 << 16  # words whose text is not made again
ENCODING = ("utf-8", "surrogateescape")  # labels that are names of folders need not be text


class Column(NamedTuple):
    """A field as a format writes it.

    Attributes
    ----------
    field : Field
    numbers : int or None
        How many numbers a sample has; None: one, and it is no list.
    names : callable
        Returns the words that its numbers stand for, as they are by now.
    """

    field: Field
    numbers: int | None
    names: Callable[[], Sequence[str]] | None


class Format(Protocol):
    """Turns values of samples into bytes.

    Attributes
    ----------
    head : bytes
        What comes before the first record.
    """

    head: bytes

    def records(self, numbers: Sequence[int], values: Sequence[Any]) -> bytes:
        """Return the records of samples: their numbers, and an array for each column, or a list of words."""

    def ends(self, rest: bytes) -> int:
        """Return how many records end in what comes last, which may begin amid a record."""


class Csv:
    """A line for each sample, after one with the names of the columns; one column a number."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns, cells = columns, [NUMBER]
        for field, numbers, _ in columns:
            cells += [field.key] if numbers is None else [f"{field.key}_{index}" for index in range(numbers)]
        self.head = (",".join(cells) + "\n").encode()

    def records(self, numbers: Sequence[int], values: Sequence[Any]) -> bytes:
        """Return a line for each sample."""
        if len(values[0]) == 1:
            row = [_cell(column, array, IN_CSV) for column, array in zip(self._columns, values, strict=True)]
            return b"%d,%b\n" % (numbers[0], b",".join(row))
        cells = [_cells(column, array, IN_CSV) for column, array in zip(self._columns, values, strict=True)]
        first = [b"%d" % number for number in numbers]
        return b"\n".join(map(b",".join, zip(first, *cells, strict=True))) + b"\n"

    def ends(self, rest: bytes) -> int:
        """Return how many lines end there; from the end, every second piece between quotes is a word that is quoted."""
        return sum(piece.count(b"\n") for piece in rest.split(b'"')[::-2])


class Ndjson:
    """A JSON object for each sample, one a line; a list where a sample has several numbers."""

    head = b""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns, self._keys = columns, list[bytes]()
        closing = b""
        for field, numbers, _ in columns:
            listed = numbers is not None
            self._keys.append(b'%s,"%s":%s' % (closing, field.key.encode(), b"[" if listed else b""))
            closing = b"]" if listed else b""
        self._end = closing + b"}\n"

    def records(self, numbers: Sequence[int], values: Sequence[Any]) -> bytes:
        """Return an object for each sample."""
        if len(values[0]) == 1:
            one = [b'{"%b":%d' % (NUMBER.encode(), numbers[0])]
            for key, column, array in zip(self._keys, self._columns, values, strict=True):
                one += key, _cell(column, array, IN_JSON)
            return b"%b%b" % (b"".join(one), self._end)
        pieces: list[Any] = [[b'{"%s":%d' % (NUMBER.encode(), number) for number in numbers]]
        for key, column, array in zip(self._keys, self._columns, values, strict=True):
            pieces += [[key] * len(array), _cells(column, array, IN_JSON)]
        return self._end.join(map(b"".join, zip(*pieces, strict=True))) + self._end

    def ends(self, rest: bytes) -> int:
        """Return how many lines end there."""
        return rest.count(b"\n")


class Packed:
    """Little-endian numbers without padding: the sample's as int64, then each field's, in the order asked for."""

    head = b""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.dtype = packed_dtype(columns)
        self._fields = [column.field for column in columns]

    def records(self, numbers: Sequence[int], values: Sequence[Any]) -> bytes:
        """Return a record for each sample."""
        packed = np.empty(len(numbers), self.dtype)
        packed[NUMBER] = np.arange(numbers.start, numbers.stop) if isinstance(numbers, range) else numbers
        for field, array in zip(self._fields, values, strict=True):
            of = field.number_of
            packed[field.key] = array if of is None else np.array([of(word) for word in array], field.dtype)
        return packed.tobytes()

    def ends(self, rest: bytes) -> int:
        """Return how many records end there."""
        return -(-len(rest) // self.dtype.itemsize)


FORMATS: dict[str, Callable[[Sequence[Column]], Format]] = {"csv": Csv, "ndjson": Ndjson, "packed": Packed}


def format_of(name: str, columns: Sequence[Column]) -> Format:
    """Return a format by its name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in FORMATS:
        raise ConfigError("emit_format", f"one of {', '.join(FORMATS)}", name)
    return FORMATS[name](columns)


def columns_of(fields: Sequence[Field], chip: Chip, stream: Any = None) -> list[Column]:
    """Return fields as a format writes them."""
    return [
        Column(
            field,
            None if field.numbers is None else field.numbers(chip),
            None if field.names is None or stream is None else _names(field, chip, stream),
        )
        for field in fields
    ]


def packed_dtype(columns: Sequence[Column]) -> np.dtype[Any]:
    """Return the type of a packed record."""
    named: list[Any] = [(NUMBER, WHOLE)]
    named += [
        (field.key, field.dtype) if numbers is None else (field.key, field.dtype, (numbers,))
        for field, numbers, _ in columns
    ]
    return np.dtype(named)


def _names(field: Field, chip: Chip, stream: Any) -> Callable[[], Sequence[str]]:
    names = field.names
    assert names is not None
    return lambda: names(chip, stream)


@lru_cache(REMEMBERED)
def _quoted(word: str) -> bytes:
    """Return a word as a cell of CSV."""
    if any(mark in word for mark in '",\r\n'):
        word = '"' + word.replace('"', '""') + '"'
    return word.encode(*ENCODING)


@lru_cache(REMEMBERED)
def _json(word: str) -> bytes:
    return json.dumps(word).encode()


class Text(NamedTuple):
    """How text has what is no number: words, and what is not there."""

    nothing: bytes
    quoted: Callable[[str], bytes]


IN_CSV, IN_JSON = Text(b"", _quoted), Text(b"null", _json)


def _cell(column: Column, array: Any, text: Text) -> bytes:
    """Return the text of the value of a single sample, as `_cells` does, in a third of its time."""
    if column.field.number_of is not None:
        return _itself(array[0], text)
    if column.names is not None:
        return _word(array.item(0), column.names(), text)
    if array.dtype is WHOLE:
        return b"%d" % array.item(0)
    found = orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)
    found = found[array.ndim : -array.ndim]  # without its brackets
    return found if text is IN_JSON else found.replace(IN_JSON.nothing, text.nothing)


def _cells(column: Column, array: Any, text: Text) -> list[bytes]:
    """Return the text of each sample's value: a number, several with commas, or a word."""
    if column.field.number_of is not None:
        return [_itself(word, text) for word in array]
    if column.names is not None:
        names = column.names()
        return [_word(number, names, text) for number in array.tolist()]
    found = orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)  # NaN is null
    found = found if text is IN_JSON else found.replace(IN_JSON.nothing, text.nothing)
    return found[1:-1].split(b",") if array.ndim == 1 else found[2:-2].split(b"],[")


def _itself(word: str | int, text: Text) -> bytes:
    """Return the text of a word, or of a whole number, that is its own value."""
    return text.quoted(word) if isinstance(word, str) else b"%d" % word


def _word(number: int, names: Sequence[str], text: Text) -> bytes:
    """Return what a number stands for, itself if that is no word."""
    if number < 0:
        return text.nothing
    return text.quoted(names[number]) if number < len(names) else b"%d" % number
