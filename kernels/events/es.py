"""Event Stream: bytes, of which the first of an event has the time since the event before it.

A first byte may also be an overflow, which adds time, or a reset, which means nothing between events. Kinds of streams
differ in how many bytes follow, and in how the first is divided.
"""

from neurosim.kernels.compiled import cell, compiled

OUTSIDE = 2**16 - 1  # a row beyond every sensor that is smaller
GENERIC, DVS, ATIS, COLOUR = 0, 1, 2, 4  # kinds of streams
# Places in `state`: time so far, what was passed over, what is written into a batch.
TIME, CROSSINGS, RECORDS, WRITTEN = 0, 1, 2, 3
STATE = 4


@cell
def _added(first, kind):
    """Return the time that a first byte adds if no event follows it, by overflow or by reset; -1 if one does."""
    if kind == DVS:
        return 127 if first == 0xFF else 0 if first == 0xFE else -1
    if kind == ATIS:
        return 63 * (first & 3) if first >= 0xFC else -1
    return 254 if first == 0xFF else 0 if first == 0xFE else -1


@cell
def _record_size(data, begin):
    """Return the bytes of a generic event with its first byte; -1 if the data ends before it does."""
    at, size, shift = begin + 1, 0, 0
    while at < len(data) and shift < 56:
        byte = int(data[at])
        size |= (byte >> 1) << shift
        shift += 7
        at += 1
        if not byte & 1:
            whole = at - begin + size
            return whole if begin + whole <= len(data) else -1
    return -1


@compiled
def decode(data, kind, height, state, events):
    """Write the events of bytes (n,) and return how many bytes were taken: an event that is not whole is not.

    `state` (STATE,) is kept from one call to the next. Rows are stored from below, and written from the top of `height`
    rows; one that is not among them becomes `OUTSIDE`. Colours have no polarity: 1 is written.
    """
    state[WRITTEN], at, size = 0, 0, 8 if kind == COLOUR else 5
    while at < len(data):
        first = int(data[at])
        added = _added(first, kind)
        if added >= 0:
            state[TIME] += added
            at += 1
            continue
        if kind == GENERIC:
            size = _record_size(data, at)
        if size < 0 or at + size > len(data):
            return at
        state[TIME] += first >> 1 if kind == DVS else first >> 2 if kind == ATIS else first
        if kind == GENERIC:
            state[RECORDS] += 1
        elif kind == ATIS and first & 1:
            state[CROSSINGS] += 1
        else:
            event, row = events[state[WRITTEN]], int(data[at + 3]) | int(data[at + 4]) << 8
            event.t, event.p = state[TIME], first & 1 if kind == DVS else (first >> 1) & 1 if kind == ATIS else 1
            event.x = int(data[at + 1]) | int(data[at + 2]) << 8
            event.y = height - 1 - row if row < height else OUTSIDE
            state[WRITTEN] += 1
        at += size
    return at
