"""Prophesee's raw recordings: a header, and words as the sensor sent them, in EVT 2.0, 2.1 or 3.0."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.kernels.events import evt2, evt3
from neurosim.streams.events.event import Counts, Events
from neurosim.streams.events.headers import Header, first_time, read_header, sensor
from neurosim.streams.events.opened import Opened, new_events, pieces

VERSIONS = {"2": "evt2", "2.0": "evt2", "2.1": "evt2.1", "3": "evt3", "3.0": "evt3"}
FORMATS = {"EVT2": "evt2", "EVT21": "evt2.1", "EVT3": "evt3"}
MARK, LAST = b"% ", b"% end"
EARLY = "events before the first time and row"


def evt_format(path: Path) -> str:
    """Return which of the formats a raw recording says that it has: `evt2`, `evt2.1` or `evt3`.

    Raises
    ------
    StreamError
        If it says nothing, or another one.
    """
    header = read_header(path, MARK, LAST)
    version, name = header.value("evt"), (header.value("format") or "").partition(";")[0]
    found = VERSIONS.get(version or "") or FORMATS.get(name.upper())
    if found is None:
        told = f"got {(version or name)[:50]!r}" if version or name else "and it says none"
        raise StreamError(f"the header of {path} must say % evt 2.0, 2.1 or 3.0, {told}; format (--format) can")
    return found


def open_evt2(path: Path) -> Opened:
    """Open a recording in EVT 2.0: words of 32 bits."""
    header, size, begins = _header(path)
    return Opened(*size, lambda counts: _later(begins, _batches_2(path, header.end, 1, False, counts)))


def open_evt21(path: Path) -> Opened:
    """Open a recording in EVT 2.1: words of 64 bits, of which older cameras send the upper half first."""
    header, size, begins = _header(path)
    swapped = _option(header, "endianness")
    first = _upper_half_first(path, header.end) if swapped is None else swapped == "legacy"
    return Opened(*size, lambda counts: _later(begins, _batches_2(path, header.end, 2, first, counts)))


def open_evt3(path: Path) -> Opened:
    """Open a recording in EVT 3.0: words of 16 bits."""
    header, size, begins = _header(path)
    return Opened(*size, lambda counts: _later(begins, _batches_3(path, header.end, counts)))


def _header(path: Path) -> tuple[Header, tuple[int | None, int | None], int]:
    """Return the header of a recording, the sensor's size, from whichever of its lines tells it, and the first time."""
    header = read_header(path, MARK, LAST)
    if (_option(header, "endianness") or header.value("endianness") or "little") not in {"little", "legacy"}:
        raise StreamError(f"words of {path} must be little-endian, and its header says that they are not")
    geometry = re.fullmatch(r"(\d+)x(\d+)", header.value("geometry") or "", re.ASCII)
    width, height = geometry.groups() if geometry else (_option(header, "width"), _option(header, "height"))
    return header, sensor(path, width, height), first_time(path, header)


def _later(begins: int, batches: Iterator[Events]) -> Iterator[Events]:
    """Give batches of events whose times begin at a later moment."""
    for events in batches:
        events["t"] += begins
        yield events


def _option(header: Header, key: str) -> str | None:
    """Return the value of a key in the line `format EVT3;height=720;width=1280`."""
    for option in (header.value("format") or "").split(";")[1:]:
        name, _, value = option.partition("=")
        if name.strip().lower() == key:
            return value.strip().lower()
    return None


def _upper_half_first(path: Path, start: int) -> bool:
    """Tell whether the halves of words are swapped, by the first word of a time: its lower half is 0."""
    for _, data in pieces(path, start, 8, "a word"):
        halves = data.view("<u4").reshape(-1, 2)
        found = (halves[:, ::-1] >> 28 == evt2.TIME_HIGH) & (halves == 0)
        if found.any():
            return bool(found[np.argmax(found.any(axis=1)), 1])
    return False


def _batches_2(path: Path, start: int, halves: int, upper_first: bool, counts: Counts) -> Iterator[Events]:
    state = np.zeros(evt2.STATE, np.int64)
    for at, data in pieces(path, start, 4 * halves, "a word"):
        words = data.view("<u4").astype(np.int64)
        if halves == 2 and not upper_first:
            words = np.ascontiguousarray(words.reshape(-1, 2)[:, ::-1]).ravel()
        kinds = words[::halves] >> 28
        masks = np.bitwise_count(words[1::2]) if halves == 2 else 1
        events = new_events(int((masks * (kinds <= evt2.ON)).sum()))
        before = state.copy()
        taken = evt2.decode(words, halves, state, events)
        _pass_over(counts, state - before, evt2)
        yield events[: state[evt2.WRITTEN]]
        if taken < len(kinds):
            raise _reserved(path, at + 4 * halves * taken, kinds[taken])


def _batches_3(path: Path, start: int, counts: Counts) -> Iterator[Events]:
    state = np.zeros(evt3.STATE, np.int64)
    for at, data in pieces(path, start, 2, "a word"):
        words = data.view("<u2")
        kinds = words >> 12
        events = new_events(_most(words, kinds))
        before = state.copy()
        taken = evt3.decode(words, state, events)
        _pass_over(counts, state - before, evt3)
        yield events[: state[evt3.WRITTEN]]
        if taken < len(words):
            raise _reserved(path, at + 2 * taken, kinds[taken])


def _most(words: NDArray[np.uint16], kinds: NDArray[Any]) -> int:
    """Return how many events words of EVT 3.0 may have: a column has one, a mask as many as its bits."""
    single = np.count_nonzero(kinds == evt3.COLUMN)
    masks = (
        np.bitwise_count(words[kinds == evt3.MASK_12] & 0xFFF),
        np.bitwise_count(words[kinds == evt3.MASK_8] & 0xFF),
    )
    return int(single + sum(int(bits.sum()) for bits in masks))


def _pass_over(counts: Counts, met: NDArray[np.int64], kernel: Any) -> None:
    counts.pass_over(EARLY, met[kernel.EARLY])
    counts.pass_over("external triggers", met[kernel.TRIGGERS])
    counts.pass_over("words of other kinds", met[kernel.OTHERS])


def _reserved(path: Path, at: int, kind: int) -> StreamError:
    return StreamError(
        f"words of {path} must have a kind that is in use, got {kind} at byte {at}; is the file damaged?"
    )
