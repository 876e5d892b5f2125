"""Event Stream, `.es`: a header of 16 or 20 bytes, and events of a few bytes with the time since the one before.

Rows are stored from below, and come out from the top.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurosim.errors import StreamError
from neurosim.kernels.events import es as kernel
from neurosim.outside.files import check_regular
from neurosim.streams.events.event import Counts, Events
from neurosim.streams.events.opened import Opened, cut, new_events, pieces

MAGIC = b"Event Stream"
KINDS = {kernel.GENERIC: "generic", kernel.DVS: "DVS", kernel.ATIS: "ATIS", kernel.COLOUR: "colour"}
VERSION_AT, KIND_AT, SIZE_AT, HEADER = 12, 15, 16, 20  # bytes
MOST_HELD = 16 << 20  # bytes of one generic record
COLOURS = "colours have no polarity, so p is 1, and are left out"


def open_es(path: Path) -> Opened:
    """Open an Event Stream of version 2. A generic one has no pixels: its records are passed over, and counted."""
    check_regular(path)
    with path.open("rb") as file:
        head = file.read(HEADER)
    if head[: len(MAGIC)] != MAGIC[: len(head)]:
        raise StreamError(f"{path} must begin with {MAGIC.decode()}, got {head[: len(MAGIC)]!r}")
    if len(head) <= KIND_AT:
        raise cut(path, 0, "its header", KIND_AT + 1, len(head))
    if head[VERSION_AT] != 2:
        version = ".".join(map(str, head[VERSION_AT:KIND_AT]))
        raise StreamError(f"the version of {path}, at byte {VERSION_AT}, must be 2.x.y, got {version}")
    kind = head[KIND_AT]
    if kind not in KINDS:
        kinds = ", ".join(f"{code} ({what})" for code, what in KINDS.items())
        raise StreamError(f"the kind of stream of {path}, at byte {KIND_AT}, must be one of {kinds}, got {kind}")
    if kind == kernel.GENERIC:
        return Opened(None, None, lambda counts: _batches(path, SIZE_AT, kind, 0, counts))
    if len(head) < HEADER:
        raise cut(path, 0, "its header", HEADER, len(head))
    width, height = np.frombuffer(head, "<u2", 2, SIZE_AT).tolist()
    if not width or not height:
        raise StreamError(f"the sensor of {path}, at byte {SIZE_AT}, must have pixels, got {width} x {height}")
    notes = (COLOURS,) if kind == kernel.COLOUR else ()
    return Opened(width, height, lambda counts: _batches(path, HEADER, kind, height, counts), notes)


def _batches(path: Path, start: int, kind: int, height: int, counts: Counts) -> Iterator[Events]:
    state, held = np.zeros(kernel.STATE, np.int64), np.zeros(0, np.uint8)
    at = start
    for _, data in pieces(path, start, 1, "an event"):
        held = np.concatenate([held, data])
        events = new_events(len(held) // 5 if kind else 0)
        before = state.copy()
        taken = kernel.decode(held, kind, height, state, events)
        counts.pass_over("threshold crossings", state[kernel.CROSSINGS] - before[kernel.CROSSINGS])
        counts.pass_over("generic records", state[kernel.RECORDS] - before[kernel.RECORDS])
        held, at = held[taken:], at + taken
        yield events[: state[kernel.WRITTEN]]
        if len(held) > MOST_HELD:
            raise StreamError(f"records of {path} must have at most {MOST_HELD} bytes, and at byte {at} one has more")
    if len(held):
        raise StreamError(f"{path} must not end within an event: at byte {at} one begins that is not whole")
