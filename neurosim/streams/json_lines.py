"""Lines of JSON: an array of numbers, or an object whose `x` is one."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.streams.base import Block
from neurosim.streams.csv_header import listed
from neurosim.streams.csv_lines import LARGEST_FLOAT, MOST_CACHED, PLAIN
from neurosim.streams.keyed import KeyedBlock, KeyTexts, Placed, checked_key
from neurosim.streams.label_numbers import LabelNumbers, quoted
from neurosim.streams.rows import Rows

NUMBERS = {int, float}
PLAIN_LISTS = PLAIN + b",[]"
EXACT = 1 << 53  # below, whole numbers are the same as int and as float
NOT_A_NUMBER = {"NaN": None}  # infinities stay, and are refused as such


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"keys of an object must differ, got {quoted(repeated)} twice")
    return record


def _is_plain(line: bytes, value: Any, values: Any) -> bool:
    """Return whether what a line was decoded to, its numbers among it, is what the standard library makes of it.

    Equal keys, quotation marks within a text, and objects within the object all take more marks than the value has
    texts. Among the numbers, True and False would pass for 1 and 0.
    """
    rest = line.translate(None, PLAIN_LISTS)  # names, words and marks, but for their letters e
    if isinstance(value, dict):
        marks = 2 * (len(value) + sum(isinstance(entry, str) for entry in value.values()))
        if rest.count(b'"') != marks:
            return False
    return (b"tru" not in rest and b"fals" not in rest) or set(map(type, values)) <= NUMBERS


def _exact(label: Any) -> Any:
    """Return a label that both decoders make the same of; raise KeyError for others, as very long numbers are."""
    if label is None or type(label) is str or (type(label) in NUMBERS and -EXACT < label < EXACT):
        return label
    raise KeyError(label)


DECODER = json.JSONDecoder(
    object_pairs_hook=_record, parse_constant=lambda text: NOT_A_NUMBER.get(text, float(text.replace("inity", "")))
)


class JSONLines:
    """Parses lines of JSON into samples.

    Parameters
    ----------
    label : str, optional
        Its key in objects; in arrays it stands where `column_of` says.
    inputs : int, optional
        Width of a sample, if it is known before the first line.
    labels : LabelNumbers
    placed : callable
        Returns where label and key stand in an array of so many columns.
    key : str, optional
        The key's key in objects.

    Attributes
    ----------
    objects : int
        Objects so far.
    key_seen : bool
        Whether one of them had the label's key.
    """

    def __init__(
        self,
        label: str | None,
        inputs: int | None,
        labels: LabelNumbers,
        placed: Callable[[int], Placed],
        key: str | None = None,
    ) -> None:
        self.label, self.inputs, self.labels, self.key = label, inputs, labels, key
        self.objects, self.key_seen, self._placed, self._keys = 0, False, placed, KeyTexts()
        self._cached, self._rows = dict[object, int](), Rows(0)

    def quickly(self, lines: Sequence[bytes]) -> Block | None:
        """Return the samples of lines of plain numbers; None if there is any other line, which `read` can read."""
        if self._rows.width != self.inputs:
            self._rows = Rows(self.inputs or 0)
        rows, numbers, keys, keyed = list[Any](), list[int](), list[str](), self.key is not None
        try:
            for line in lines:
                value = orjson.loads(line)
                if keyed:
                    keys.append(self._keys.of_value(_exact(self._owner(value))))
                values, target = self._parts(value)
                if not _is_plain(line, value, values):
                    return None
                rows.append(values)
                if self.label is not None:
                    numbers.append(self._cached[_exact(target)])
        except (ValueError, KeyError, StreamError):
            return None
        packed = self._rows.of_values(rows)
        if packed is None or self.key is None:
            return None if packed is None else Block(packed, self._numbered(numbers))
        return KeyedBlock(packed, self._numbered(numbers), keys)

    def read(self, line: bytes) -> Block:
        """Return a line's sample; raise ValueError, or RecursionError if it is nested too deeply."""
        value = self._decoded(line.decode())
        owner = None if self.key is None else self._owner(value)
        values, target = self._parts(value)
        self._check(values)
        self.inputs, numbers = len(values), list[int]()
        if self.label is not None:
            numbers.append(self.labels.number(target))
            if len(self._cached) < MOST_CACHED:
                with suppress(KeyError):
                    self._cached[_exact(target)] = numbers[0]
        samples = np.array([values], np.float32)
        if self.key is None:
            return Block(samples, self._numbered(numbers))
        return KeyedBlock(samples, self._numbered(numbers), [checked_key(owner)])

    def _numbered(self, numbers: list[int]) -> NDArray[np.int64] | None:
        return None if self.label is None else np.array(numbers, np.int64)

    def _owner(self, value: Any) -> Any:
        """Return the key of a value, as it stands there; it is taken out of an array."""
        if isinstance(value, list):
            column = self._placed(len(value)).key
            assert column is not None
            return value.pop(column)
        if isinstance(value, dict):
            if self.key not in value:
                got = listed(list(value)) or "none"
                raise ValueError(f"the object must have the key {quoted(self.key)}, got {got}")
            return value[self.key]
        return None

    def _parts(self, value: Any) -> tuple[Any, Any]:
        """Return the numbers of a value, from which the key was taken, and its label."""
        if isinstance(value, dict):
            if "x" not in value:
                raise ValueError(f"the object must have the key x, got {listed(list(value)) or 'none'}")
            self.objects += 1
            if self.label is None:
                return value["x"], None
            self.key_seen |= self.label in value
            return value["x"], value.get(self.label)
        if self.label is not None and isinstance(value, list):
            label, key = self._placed(len(value) + (self.key is not None))
            assert label is not None
            target = value.pop(label - (key is not None and key < label))
            return value, target
        return value, None

    def _decoded(self, text: str) -> Any:
        try:
            return DECODER.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            if "int_max_str_digits" in str(error):  # Python's words for a whole number that is too long
                raise ValueError("a whole number must have fewer digits than Python's limit") from None
            raise

    def _check(self, values: Any) -> None:
        if not isinstance(values, list) or not set(map(type, values)) <= NUMBERS:
            if isinstance(values, list):
                values = next(value for value in values if type(value) not in NUMBERS)
            got = "null or NaN" if values is None else quoted(values)
            raise ValueError(f"a sample must be a flat list of numbers, got {got}")
        if self.inputs is not None and len(values) != self.inputs:
            raise ValueError(f"a sample must have {self.inputs} inputs, got {len(values)}")
        if not values:
            raise ValueError("a sample must have at least one input")
        if min(values) < -LARGEST_FLOAT or max(values) > LARGEST_FLOAT:
            index = next(i for i, value in enumerate(values) if not abs(value) <= LARGEST_FLOAT)
            raise ValueError(f"input {index} must be finite in float32, got {quoted(values[index])}")
