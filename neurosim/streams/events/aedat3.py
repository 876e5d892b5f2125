"""AEDAT 3.1, written by cAER: lines of text, and packets of records of one kind, the lowest byte first."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.streams.events.cameras import SIZES, camera
from neurosim.streams.events.event import Counts, Events
from neurosim.streams.events.headers import read_header
from neurosim.streams.events.opened import PIECE, Opened, cut, new_events

MARK, LAST = b"#", b"#!END-HEADER"
PACKET = np.dtype([
    ("kind", "<i2"), ("source", "<i2"), ("size", "<i4"), ("time_at", "<i4"), ("wraps", "<i4"), ("capacity", "<i4"),
    ("number", "<i4"), ("valid", "<i4"),
])  # fmt: skip
POLARITY, SIZE = 1, 8  # the kind of events of pixels, and their bytes
KINDS = ("special events", "events", "frames", "inertial samples", "inertial samples", "samples", "ear events",
         "settings", "points", "points", "points", "points", "spikes", "matrices")  # fmt: skip
WRAP = 31  # bits of a time within a packet


class Packet(NamedTuple):
    """A packet's header, and the byte where its records begin."""

    kind: int
    source: int
    size: int
    wraps: int
    number: int
    at: int


def open_aedat3(path: Path) -> Opened:
    """Open an AEDAT 3.1 file. Of several cameras, the first that has events is read."""
    header = read_header(path, MARK, LAST)
    if not header.lines or not header.lines[-1].startswith("!END-HEADER"):
        raise StreamError(f"the header of {path} must end with {LAST.decode()}, and it ends at byte {header.end}")
    form = next((line[7:].strip() for line in header.lines if line.startswith("Format:")), "RAW")
    if form != "RAW":
        raise StreamError(f"the format in the header of {path} must be RAW, got {form[:50]!r}")
    found = [camera(line) for line in header.lines if line.startswith("Source ")]
    width, height = SIZES[found[0]] if len(found) == 1 and found[0] else (None, None)
    return Opened(width, height, lambda counts: _batches(path, header.end, counts))


def _batches(path: Path, start: int, counts: Counts) -> Iterator[Events]:
    source, size = None, path.stat().st_size
    with path.open("rb") as file:
        while (at := start) < size:
            file.seek(at)
            packet = _packet(path, at, file.read(PACKET.itemsize))
            start = packet.at + packet.size * packet.number
            if packet.kind != POLARITY:
                counts.pass_over(KINDS[packet.kind], packet.number)
            elif packet.number and packet.source != (source := packet.source if source is None else source):
                counts.pass_over("events of other cameras", packet.number)
            else:
                for first in range(0, packet.number, PIECE // SIZE):
                    data = file.read(SIZE * min(PIECE // SIZE, packet.number - first))
                    yield _events(np.frombuffer(data, "<u4", len(data) // SIZE * 2), packet.wraps, counts)
                    if len(data) < SIZE * min(PIECE // SIZE, packet.number - first):
                        break
            if start > size:
                raise cut(path, packet.at, "a packet", start - packet.at, size - packet.at)


def _packet(path: Path, at: int, data: bytes) -> Packet:
    """Return the header of a packet, or raise StreamError if it cannot be one."""
    if len(data) < PACKET.itemsize:
        raise cut(path, at, "the header of a packet", PACKET.itemsize, len(data))
    kind, source, size, _, wraps, capacity, number, _ = np.frombuffer(data, PACKET)[0].item()
    if not 0 <= kind < len(KINDS):
        raise StreamError(f"packets of {path} must have a kind from 0 to {len(KINDS) - 1}, got {kind} at byte {at}")
    if size <= 0 or number < 0 or wraps < 0 or (kind == POLARITY and size != SIZE):
        raise StreamError(f"packets of {path} must have records with bytes, got {number} of {size} at byte {at}")
    if capacity != number:
        rule = "as many records as they have space for"
        raise StreamError(f"packets of {path} must have {rule}, got {number} of {capacity} at byte {at}")
    return Packet(kind, source, size, wraps, number, at + PACKET.itemsize)


def _events(records: NDArray[np.uint32], wraps: int, counts: Counts) -> Events:
    word, time = records[::2], records[1::2]
    valid = (word & 1) != 0
    counts.pass_over("invalid events", int(len(word) - valid.sum()))
    word, events = word[valid], new_events(int(valid.sum()))
    events["t"] = (wraps << WRAP) + time[valid].astype(np.int64)
    events["x"], events["y"], events["p"] = word >> 17, (word >> 2) & 0x7FFF, (word >> 1) & 1
    return events
