"""Rows of float32 from numbers: as values of Python, or as text."""

import re
import sys
from array import array
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

TOPS = slice(3, None, 4) if sys.byteorder == "little" else slice(0, None, 4)  # of the bytes of float32
HUGE = (b"\x7f", b"\xff")  # topmost bytes of float32 from 1.7e38 on, infinity among them
NEGATIVE_ZERO = re.compile(rb"-0(?![.eE0-9])")  # a whole number to JSON, which has no sign then


def row(values: Any) -> NDArray[np.float32] | None:
    """Return a flat list of numbers of moderate size as float32; None if it is anything else.

    True and False pass for 1 and 0.
    """
    try:
        numbers = array("f", values)
    except (TypeError, OverflowError):  # an entry is no number, or a whole one beyond float64
        return None
    tops = numbers.tobytes()[TOPS]
    return np.frombuffer(numbers, np.float32) if tops and HUGE[0] not in tops and HUGE[1] not in tops else None


def row_of_text(text: bytes) -> NDArray[np.float32] | None:
    """Return decimal numbers between commas as float32, to the bits of `float`; None for what cannot be read so.

    Parameters
    ----------
    text : bytes
        Of digits, signs, points, e, E, commas, spaces and tabs alone.
    """
    try:
        numbers = row(orjson.loads(b"[%b]" % text))
    except orjson.JSONDecodeError:  # it may have +1, .5, 1. or 01, which are no numbers of JSON
        return _row_by_float(text)
    if numbers is not None and b"-0" in text and not numbers.all() and NEGATIVE_ZERO.search(text):
        return _row_by_float(text)
    return numbers


def _row_by_float(text: bytes) -> NDArray[np.float32] | None:
    try:
        return row(list(map(float, text.split(b","))))
    except ValueError:
        return None
