"""Rows of float32 of numbers: as values of Python, or as text."""

import re
import struct
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

TOPS = slice(3, None, 4) if sys.byteorder == "little" else slice(0, None, 4)  # where float32 has sign and exponent
HUGE = (0x7F, 0xFF)  # those bytes from 1.7e38 on, which may have been rounded down from beyond float32
FLOAT32 = np.dtype(np.float32)
MINUS = ord("-")
NEGATIVE_ZERO = re.compile(rb"-0(?![.eE0-9])")  # a whole number to JSON, which has no sign then


class Rows:
    """Packs numbers into rows of one width.

    Parameters
    ----------
    width : int
        Numbers of a row.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._pack = struct.Struct(f"={width}f").pack

    def of_values(self, rows: Sequence[Any]) -> NDArray[np.float32] | None:
        """Return lists of numbers as float32 (rows, width), to the bits of NumPy; None if one of them is anything else.

        True and False pass for 1 and 0. None also for numbers from 1.7e38 on, of which some are beyond float32.
        """
        try:
            packed = bytearray().join([self._pack(*values) for values in rows])
        except (struct.error, TypeError, OverflowError):  # no number or none at all, another width, beyond float32
            return None
        tops = packed[TOPS]
        if not tops or HUGE[0] in tops or HUGE[1] in tops:
            return None
        return np.ndarray((len(rows), self.width), FLOAT32, packed)  # a third of the time of np.frombuffer and reshape

    def of_line(self, line: bytes) -> NDArray[np.float32] | None:
        """Return one line as `of_text` does, in a third of its time."""
        try:
            packed = bytearray(self._pack(*orjson.loads(b"[%b]" % line)))
        except (ValueError, struct.error, TypeError, OverflowError):
            return self.of_text(line)
        tops = packed[TOPS]
        if HUGE[0] in tops or HUGE[1] in tops or not tops or (b"-0" in line and NEGATIVE_ZERO.search(line)):
            return self.of_text(line)
        return np.ndarray((1, self.width), FLOAT32, packed)

    def of_text(self, text: bytes) -> NDArray[np.float32] | None:
        """Return lines of decimal numbers as float32, rounded to float64 first; None for what cannot be read so.

        Parameters
        ----------
        text : bytes
            Of digits, signs, points, e, E, spaces, tabs, commas between numbers and line feeds between lines alone.
        """
        try:
            rows = self.of_values(orjson.loads(b"[[%b]]" % text.replace(b"\n", b"],[")))
        except orjson.JSONDecodeError:  # there may be +1, .5, 1. or 01, which are no numbers of JSON
            return self._by_float(text)
        if rows is not None and MINUS in text and not rows.all() and NEGATIVE_ZERO.search(text):
            return self._by_float(text)
        return rows

    def _by_float(self, text: bytes) -> NDArray[np.float32] | None:
        try:
            return self.of_values([list(map(float, line.split(b","))) for line in text.split(b"\n")])
        except ValueError:
            return None
