"""Prophesee's DAT: a header, two bytes that tell the kind and size of records, and records of 8 bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from neurosim.errors import StreamError
from neurosim.streams.events.event import Clock32, Counts, Events
from neurosim.streams.events.headers import first_time, read_header, sensor
from neurosim.streams.events.opened import Opened, cut, new_events, pieces

SIZE = 8  # bytes: microseconds, and a word of x, y and polarity
PIXELS = {0: "2D", 12: "CD"}  # kinds that are events of pixels
TRIGGERS = 14
KINDS = {**PIXELS, TRIGGERS: "external triggers"}


class Layout(NamedTuple):
    """How the word of a record is divided: bits of x and of y, from the lowest, and the bit of the polarity."""

    x: int
    y: int
    p: int


LAYOUTS = {1: Layout(9, 8, 17), 2: Layout(14, 14, 28)}  # by the version in the header


def open_dat(path: Path) -> Opened:
    """Open a DAT file of version 2, or of version 1, whose word has fewer bits for x and y."""
    header = read_header(path, b"%")
    version = header.value("version") or "2"
    if version not in {"0", "1", "2"}:
        raise StreamError(f"the version of {path} must be 1 or 2, got {version[:50]!r}")
    with path.open("rb") as file:
        file.seek(header.end)
        told = file.read(2)
    if len(told) < 2:
        raise cut(path, header.end, "the two bytes that tell the kind of records", 2, len(told))
    kind, size = told
    if kind not in KINDS:
        kinds = ", ".join(f"{code} ({what})" for code, what in KINDS.items())
        raise StreamError(f"the kind of records of {path}, at byte {header.end}, must be one of {kinds}, got {kind}")
    if size != SIZE:
        raise StreamError(f"records of {path} must have {SIZE} bytes, and at byte {header.end + 1} it says {size}")
    width, height = sensor(path, header.value("width"), header.value("height"))
    layout, begins = LAYOUTS[2 if version == "2" else 1], first_time(path, header)
    return Opened(width, height, lambda counts: _batches(path, header.end + 2, kind, layout, begins, counts))


def _batches(path: Path, start: int, kind: int, layout: Layout, begins: int, counts: Counts) -> Iterator[Events]:
    clock = Clock32()
    for _, data in pieces(path, start, SIZE, "a record"):
        records = data.view("<u4").reshape(-1, 2)
        if kind == TRIGGERS:
            counts.pass_over("external triggers", len(records))
            continue
        word, events = records[:, 1], new_events(len(records))
        events["t"] = clock.times(records[:, 0]) + begins
        events["x"] = word & ((1 << layout.x) - 1)
        events["y"] = (word >> layout.x) & ((1 << layout.y) - 1)
        events["p"] = (word >> layout.p) & 1
        yield events
