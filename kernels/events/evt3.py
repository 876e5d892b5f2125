"""EVT 3.0: words of 16 bits that change a state, or write events by it.

Time is 24 bits, half in each of two words: 2**24 microseconds until it wraps. A row, and a column with a polarity, hold
for what follows them; masks of 12 or 8 neighbouring pixels move the column on.
"""

from neurosim.kernels.compiled import compiled
from neurosim.kernels.events.masks import write_events
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


@compiled
def decode(words, state, events):
    """Write the events of words and return how many words were taken: fewer than there are before a reserved kind.

    Parameters
    ----------
    words : uint16 (n,)
    state : int64 (STATE,)
        Kept from one call to the next; `WRITTEN` is how many events this one has written.
    events : records t, x, y, p (m,)
        With space for as many events as the words may have.
    """
    high, low, turned, timed = state[HIGH], state[LOW], state[TURNED], state[TIMED]
    row, has_row, base, has_base, polarity = state[Y], state[HAS_Y], state[X], state[HAS_X], state[POLARITY]
    time, i, taken = (high + turned * HIGH_PERIOD) * LOW_PERIOD + low, 0, 0
    for taken in range(len(words)):
        word = int(words[taken])
        kind, rest = word >> 12, word & 0xFFF
        if kind in (COLUMN, MASK_12, MASK_8):
            single = kind == COLUMN
            mask = 1 if single else rest if kind == MASK_12 else rest & 0xFF
            column, sign = (rest & 0x7FF, rest >> 11) if single else (base, polarity)
            known = timed and has_row and (single or has_base)
            base += 0 if single else 12 if kind == MASK_12 else 8
            i, early = write_events(mask, time, column, row, sign, known, events, i)
            state[EARLY] += early
        elif kind == ROW:
            row, has_row = rest & 0x7FF, 1
        elif kind == BASE:
            base, has_base, polarity = rest & 0x7FF, 1, rest >> 11
        elif kind in (TIME_LOW, TIME_HIGH):
            if kind == TIME_LOW:
                low = rest
            else:
                turned = turns(rest, high, turned, HIGH_PERIOD) if timed else turned
                low = low if rest == high else 0  # it begins again
                high, timed = rest, 1
            time = (high + turned * HIGH_PERIOD) * LOW_PERIOD + low
        elif kind == TRIGGER:
            state[TRIGGERS] += 1
        elif kind == OTHER:
            state[OTHERS] += 1
        elif kind not in (CONTINUED_4, CONTINUED_12):
            break
    else:
        taken = len(words)
    state[HIGH], state[LOW], state[TURNED], state[TIMED], state[WRITTEN] = high, low, turned, timed, i
    state[Y], state[HAS_Y], state[X], state[HAS_X], state[POLARITY] = row, has_row, base, has_base, polarity
    return taken
