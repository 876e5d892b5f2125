"""Where things lie in an AEDAT 4 file: a header that is a FlatBuffer, then packets, each behind its stream and size."""

import struct
from pathlib import Path
from typing import BinaryIO

from neurosim.errors import StreamError
from neurosim.streams.events.opened import cut

MAGIC = 14  # bytes of the line `#!AER-DAT4.0`
SIZE = struct.Struct("<I")  # of the header, in front of it
PACKET = struct.Struct("<iI")  # in front of each packet: the number of its stream, and its size
LARGEST_HEADER = 16 << 20
DESCRIPTION = 8  # where the table of a header's fields says where the description is


def check_header(path: Path) -> int:
    """Return the byte at which the first packet begins.

    The description of streams must be text: the package would end the whole process by one that is none.

    Raises
    ------
    StreamError
        If the file ends within the header, or the header leads out of itself, or its description is no text.
    """
    with path.open("rb") as file:
        file.seek(MAGIC)
        start = MAGIC + SIZE.size
        size = int(SIZE.unpack(_read(path, file, SIZE.size))[0])
        if size > LARGEST_HEADER:
            raise StreamError(
                f"the header of {path} must have at most {LARGEST_HEADER} bytes, got {size} at byte {MAGIC}"
            )
        header = _read(path, file, size)
    try:
        first, last = _description(header)
    except (struct.error, ValueError) as error:
        raise StreamError(f"the header of {path}, from byte {start}, must be one of AEDAT 4: {error}") from error
    try:
        header[first:last].decode()
    except UnicodeDecodeError as error:
        at, rule = start + first + error.start, "must be text in UTF-8"
        raise StreamError(f"the description of streams in {path} {rule}, got other bytes at byte {at}") from error
    return start + size


def position_of(path: Path, first: int, number: int) -> int:
    """Return the byte at which a packet begins, counted from 0, or at which the file ends before it."""
    at, end = first, path.stat().st_size
    with path.open("rb") as file:
        for _ in range(number):
            file.seek(at)
            head = file.read(PACKET.size)
            if len(head) < PACKET.size:
                break
            at += PACKET.size + PACKET.unpack(head)[1]
    return min(at, end)


def _read(path: Path, file: BinaryIO, size: int) -> bytes:
    """Return the next bytes of a header."""
    at, data = file.tell(), file.read(size)
    if len(data) < size:
        raise cut(path, at, "its header", size, len(data))
    return data


def _description(header: bytes) -> tuple[int, int]:
    """Return the first and the last byte of the description: the field of a FlatBuffer that is text."""

    def number(kind: str, at: int) -> int:
        if not 0 <= at < len(header):
            raise ValueError(f"it leads to its byte {at}, of {len(header)}")
        return int(struct.unpack_from(kind, header, at)[0])

    table = number("<I", 0)
    fields = table - number("<i", table)
    offset = number("<H", fields + DESCRIPTION) if number("<H", fields) > DESCRIPTION else 0
    if offset == 0:
        return 0, 0  # there is none
    field = table + offset
    text = field + number("<I", field)
    last = text + 4 + number("<I", text)
    if last > len(header):
        raise ValueError(f"its description ends at its byte {last}, of {len(header)}")
    return text + 4, last
