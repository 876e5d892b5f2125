"""EVT 3.0: words of 16 bits that change a state, or write events by it.

Time is 24 bits, half in each of two words: 2**24 microseconds until it wraps. A row, and a column with a polarity, hold
for what follows them; masks of 12 or 8 neighbouring pixels move the column on.
"""

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.events.wrapping import turns

# Kinds of words, in the upper four bits.
ROW, COLUMN, BASE, MASK_12, MASK_8, TIME_LOW, CONTINUED_4, TIME_HIGH, TRIGGER, OTHER, CONTINUED_12 = (
    0, 2, 3, 4, 5, 6, 7, 8, 10, 14, 15,
)  # fmt: skip
LOW_PERIOD, HIGH_PERIOD = 1 << 12, 1 << 12
# Places in `state`: two time words, wraps of the upper one, whether there was one; row and column, whether there was
# each, the column's polarity; what was passed over; what is written into a batch.
HIGH, LOW, TURNED, TIMED, Y, HAS_Y, X, HAS_X, POLARITY, EARLY, TRIGGERS, OTHERS, WRITTEN = range(13)
STATE = 13


@cell
def _write(column, polarity, state, t, x, y, p):
    """Write an event at a column, or count it if no time or row has come before it."""
    if state[TIMED] and state[HAS_Y]:
        i = state[WRITTEN]
        t[i] = (state[HIGH] + state[TURNED] * HIGH_PERIOD) * LOW_PERIOD + state[LOW]
        x[i], y[i], p[i] = column, state[Y], polarity
        state[WRITTEN] += 1
    else:
        state[EARLY] += 1


@cell
def _write_mask(mask, width, state, t, x, y, p):
    """Write the events of a mask, and move the column on by its width; without a column they are early."""
    for offset in range(width):
        if (mask >> offset) & 1:
            if state[HAS_X]:
                _write(state[X] + offset, state[POLARITY], state, t, x, y, p)
            else:
                state[EARLY] += 1
    state[X] += width


@cell
def _set_high(high, state):
    """Take the upper half of the time; where it changes, the lower half begins again."""
    if state[TIMED]:
        state[TURNED] = turns(high, state[HIGH], state[TURNED], HIGH_PERIOD)
    if high != state[HIGH]:
        state[LOW] = 0
    state[HIGH], state[TIMED] = high, 1


@compiled
def decode(words, state, t, x, y, p):
    """Write the events of words and return how many words were taken: fewer than there are before a reserved kind.

    Parameters
    ----------
    words : uint16 (n,)
    state : int64 (STATE,)
        Kept from one call to the next; `WRITTEN` is how many events this one has written.
    t, x, y, p : arrays with space for as many events as the words may have
    """
    state[WRITTEN] = 0
    for i in range(len(words)):
        word = int(words[i])
        kind, rest = word >> 12, word & 0xFFF
        if kind == ROW:
            state[Y], state[HAS_Y] = rest & 0x7FF, 1
        elif kind == COLUMN:
            _write(rest & 0x7FF, rest >> 11, state, t, x, y, p)
        elif kind == BASE:
            state[X], state[HAS_X], state[POLARITY] = rest & 0x7FF, 1, rest >> 11
        elif kind == MASK_12:
            _write_mask(rest, 12, state, t, x, y, p)
        elif kind == MASK_8:
            _write_mask(rest & 0xFF, 8, state, t, x, y, p)
        elif kind == TIME_LOW:
            state[LOW] = rest
        elif kind == TIME_HIGH:
            _set_high(rest, state)
        elif kind == TRIGGER:
            state[TRIGGERS] += 1
        elif kind == OTHER:
            state[OTHERS] += 1
        elif kind != CONTINUED_4 and kind != CONTINUED_12:
            return i
    return len(words)
