"""EVT 2.0 and 2.1: words of 32 bits with an event each, or of 64 bits with a mask of 32 neighbouring pixels.

Both have the same fields: in 2.1 they are the upper half of a word, and the mask is the lower. A time is 28 bits from
the last word of its kind and 6 bits from the event's own: 2**34 microseconds until it wraps.
"""

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.events.wrapping import turns

# Kinds of words, in the upper four bits.
OFF, ON, TIME_HIGH, TRIGGER, OTHER, CONTINUED = 0, 1, 8, 10, 14, 15
HIGH_PERIOD = 1 << 28
# Places in `state`: the last time word, how often it has wrapped, whether there was one, and what was passed over.
HIGH, TURNED, TIMED, EARLY, TRIGGERS, OTHERS = 0, 1, 2, 3, 4, 5
WRITTEN = 6  # events of the last call
STATE = 7


@cell
def _take(fields, mask, state, t, x, y, p):
    """Take a word; tell whether it has a kind that is known."""
    kind = fields >> 28
    if kind in (OFF, ON):
        base = (fields >> 11) & 0x7FF
        offset = 0
        while mask:
            if mask & 1:
                if state[TIMED]:
                    i = state[WRITTEN]
                    t[i] = ((state[HIGH] + state[TURNED] * HIGH_PERIOD) << 6) + ((fields >> 22) & 0x3F)
                    x[i], y[i], p[i] = base + offset, fields & 0x7FF, kind
                    state[WRITTEN] += 1
                else:
                    state[EARLY] += 1
            mask >>= 1
            offset += 1
    elif kind == TIME_HIGH:
        high = fields & 0xFFFFFFF
        if state[TIMED]:
            state[TURNED] = turns(high, state[HIGH], state[TURNED], HIGH_PERIOD)
        state[HIGH], state[TIMED] = high, 1
    elif kind == TRIGGER:
        state[TRIGGERS] += 1
    elif kind in (OTHER, CONTINUED):
        state[OTHERS] += 1
    else:
        return False
    return True


@compiled
def decode(words, halves, state, t, x, y, p):
    """Write the events of words and return how many words were taken: fewer than there are before a reserved kind.

    Parameters
    ----------
    words : int64 (n * halves,)
        Halves of words, the upper one first.
    halves : int
        1 for EVT 2.0, 2 for EVT 2.1.
    state : int64 (STATE,)
        Kept from one call to the next; `WRITTEN` is how many events this one has written.
    t, x, y, p : arrays with space for as many events as the words may have
    """
    state[WRITTEN] = 0
    for i in range(len(words) // halves):
        mask = words[2 * i + 1] if halves == 2 else 1
        if not _take(words[halves * i], mask, state, t, x, y, p):
            return i
    return len(words) // halves
