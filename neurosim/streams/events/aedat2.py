"""AEDAT 2.0, written by jAER: lines of text, and pairs of an address and a time, each 32 bits, the highest first.

What an address means depends on the camera. Events come out as jAER shows them, but rows counted from the top.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.streams.events.cameras import SIZES, camera
from neurosim.streams.events.event import Clock32, Counts, Events
from neurosim.streams.events.headers import Header, read_header
from neurosim.streams.events.opened import Opened, mirrored, new_events, pieces

SIZE = 8  # bytes
MARK, LAST = b"#", b"#End Of ASCII Header"
OLD = "dvs128"  # the camera of headers that name none: they are older than 2014
DVS_SPECIAL, DVS_UNUSED = 0x80008000, 0x7FFF0000  # bits of a DVS128's address
DAVIS_FRAME, DAVIS_SPECIAL = 1 << 31, 1 << 10


def open_aedat2(path: Path) -> Opened:
    """Open an AEDAT 2.0 file of a DVS128, or of a camera of the DAVIS family."""
    header = read_header(path, MARK, LAST)
    chip = _chip(path, header)
    width, height = SIZES[chip or OLD]
    notes = () if chip else ("the header names no camera, so it is taken for a DVS128",)
    return Opened(width, height, lambda counts: _batches(path, header.end, chip or OLD, counts), notes)


def _chip(path: Path, header: Header) -> str | None:
    """Return the camera that the header names, or None if it names none."""
    named = [line for line in header.lines if line.lower().startswith(("aechip:", "hardwareinterface:"))]
    found = [chip for line in sorted(named) if (chip := camera(line)) is not None]
    if named and not found:
        raise StreamError(f"the camera of {path} must be one of {', '.join(SIZES)}, got {named[0][:100]!r}")
    return found[0] if found else None


def _batches(path: Path, start: int, chip: str, counts: Counts) -> Iterator[Events]:
    clock, (width, height) = Clock32(), SIZES[chip]  # times are signed, and go on below zero
    for at, data in pieces(path, start, SIZE, "an event"):
        records = data.view(">u4").astype(np.uint32).reshape(-1, 2)
        address, time = records[:, 0], clock.times(records[:, 1])
        kept = _pixels_of_dvs128(path, at, address, counts) if chip == OLD else _pixels_of_davis(address, counts)
        events = new_events(int(kept.sum()))
        pixels = address[kept].astype(np.int64)
        x, y, events["p"] = _dvs128(pixels) if chip == OLD else _davis(pixels)
        events["t"], events["x"], events["y"] = time[kept], mirrored(x, width), mirrored(y, height)
        yield events


def _dvs128(address: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return columns, rows and polarities: a bit of 0 is brighter."""
    return (address >> 1) & 0x7F, (address >> 8) & 0x7F, 1 - (address & 1)


def _davis(address: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return columns, rows and polarities: a bit of 1 is brighter."""
    return (address >> 12) & 0x3FF, (address >> 22) & 0x1FF, (address >> 11) & 1


def _pixels_of_dvs128(path: Path, at: int, address: NDArray[np.uint32], counts: Counts) -> NDArray[np.bool_]:
    special: NDArray[np.bool_] = (address & DVS_SPECIAL) != 0
    wrong = ~special & ((address & DVS_UNUSED) != 0)
    if wrong.any():
        index = int(np.argmax(wrong))
        rule = "an address of a DVS128, of 16 bits; the header names no other camera"
        raise StreamError(f"events of {path} must have {rule}, got {address[index]:#x} at byte {at + SIZE * index}")
    counts.pass_over("external triggers", int(special.sum()))
    return ~special


def _pixels_of_davis(address: NDArray[np.uint32], counts: Counts) -> NDArray[np.bool_]:
    samples: NDArray[np.bool_] = (address & DAVIS_FRAME) != 0
    special: NDArray[np.bool_] = ~samples & ((address & DAVIS_SPECIAL) != 0)
    counts.pass_over("samples of frames and of inertia", int(samples.sum()))
    counts.pass_over("external triggers", int(special.sum()))
    return ~samples & ~special
