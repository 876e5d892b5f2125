"""Headers of text before the events: lines that begin with one character, `%` or `#`."""

import re
from pathlib import Path
from typing import NamedTuple

from neurosim.errors import StreamError
from neurosim.outside.files import check_regular

MOST = 16 << 20  # bytes of a header: jAER writes all its preferences into them
TEXT = re.compile(rb"[\t\r\n\x20-\x7e\x80-\xff]*")
LARGEST_SENSOR = 1 << 16  # pixels in a row or a column


class Header(NamedTuple):
    """Lines of a header, without their first character and the space after it, and the byte where they end."""

    lines: list[str]
    end: int

    def value(self, key: str) -> str | None:
        """Return what follows a word at the beginning of a line, upper or lower case; None if there is no such line."""
        for line in self.lines:
            name, _, value = line.partition(" ")
            if name.lower() == key:
                return value.strip()
        return None


def read_header(path: Path, mark: bytes, last: bytes = b"") -> Header:
    """Read the lines of text that begin with `mark`, up to the line that begins with `last`, if one does.

    A line that begins so and has a character that is no text is taken for the first events.

    Raises
    ------
    StreamError
        If the file is missing, or ends within the header.
    """
    check_regular(path)
    lines: list[str] = []
    with path.open("rb") as file:
        at = 0
        while (line := file.readline(MOST)).startswith(mark) and TEXT.fullmatch(line):
            if not line.endswith(b"\n"):
                raise StreamError(f"{path} must not end within its header: the line at byte {at} has no end")
            at += len(line)
            if at > MOST:
                raise StreamError(f"the header of {path} must have at most {MOST} bytes, and at byte {at} it goes on")
            lines.append(line[len(mark) :].decode(errors="replace").strip())
            if last and line.startswith(last):
                break
    return Header(lines, at)


def sensor(path: Path, width: str | None, height: str | None) -> tuple[int | None, int | None]:
    """Return the size of a sensor from the texts of a header; None for what it does not say.

    Raises
    ------
    StreamError
        If a text is no whole number from 1 to 65536.
    """
    sizes = [None if text is None else _size(path, text) for text in (width, height)]
    return sizes[0], sizes[1]


def first_time(path: Path, header: Header) -> int:
    """Return the microseconds that a line `t0` says that all times begin at: faery writes it; 0 without one.

    Raises
    ------
    StreamError
        If it is no whole number, or has more than 18 digits.
    """
    text = header.value("t0") or "0"
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) is None:
        raise StreamError(f"t0 in the header of {path} must be whole microseconds, got {text[:50]!r}")
    return int(text)


def _size(path: Path, text: str) -> int:
    if re.fullmatch(r"\d{1,9}", text, re.ASCII) is None or not 1 <= int(text) <= LARGEST_SENSOR:
        rule = f"a whole number from 1 to {LARGEST_SENSOR}"
        raise StreamError(f"the size of the sensor in the header of {path} must be {rule}, got {text[:50]!r}")
    return int(text)
