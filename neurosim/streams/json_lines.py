"""Lines of JSON: an array of numbers, or an object whose `x` is one."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from neurosim.streams.base import UNLABELLED
from neurosim.streams.csv_header import listed
from neurosim.streams.csv_lines import LARGEST_FLOAT, Sample
from neurosim.streams.label_numbers import LabelNumbers, quoted

NUMBERS = {int, float}
NOT_A_NUMBER = {"NaN": None}  # infinities stay, and are refused as such


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"keys of an object must differ, got {quoted(repeated)} twice")
    return record


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
    column_of : callable
        Returns the index of the label's column from the number of columns.

    Attributes
    ----------
    objects : int
        Objects so far.
    key_seen : bool
        Whether one of them had the label's key.
    """

    def __init__(
        self, label: str | None, inputs: int | None, labels: LabelNumbers, column_of: Callable[[int], int]
    ) -> None:
        self.label, self.inputs, self.labels = label, inputs, labels
        self.objects, self.key_seen, self._column_of = 0, False, column_of

    def read(self, line: bytes) -> Sample:
        """Return a line's sample; raise ValueError, or RecursionError if it is nested too deeply."""
        value = self._decoded(line.decode())
        target: object = None
        if isinstance(value, dict):
            if "x" not in value:
                raise ValueError(f"the object must have the key x, got {listed(list(value)) or 'none'}")
            self.objects += 1
            if self.label is not None:
                self.key_seen |= self.label in value
                target = value.get(self.label)
            value = value["x"]
        elif self.label is not None and isinstance(value, list):
            target = value.pop(self._column_of(len(value)))
        self._check(value)
        self.inputs = len(value)
        return value, UNLABELLED if self.label is None else self.labels.number(target)

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
