"""EVT 2.0 and 2.1: words of 32 bits with an event each, or of 64 bits with a mask of 32 neighbouring pixels.

Both have the same fields: in 2.1 they are the upper half of a word, and the mask is the lower. A time is 28 bits from
the last word of its kind and 6 bits from the event's own: 2**34 microseconds until it wraps.
"""

from neurosim.kernels.compiled import compiled
from neurosim.kernels.events.masks import write_events
from neurosim.kernels.events.wrapping import turns

# Kinds of words, in the upper four bits.
OFF, ON, TIME_HIGH, TRIGGER, OTHER, CONTINUED = 0, 1, 8, 10, 14, 15
HIGH_PERIOD = 1 << 28
# Places in `state`: the last time word, how often it has wrapped, whether there was one, and what was passed over.
HIGH, TURNED, TIMED, EARLY, TRIGGERS, OTHERS = 0, 1, 2, 3, 4, 5
WRITTEN = 6  # events of the last call
STATE = 7


@compiled
def decode(words, halves, state, events):
    """Write the events of words and return how many words were taken: fewer than there are before a reserved kind.

    Parameters
    ----------
    words : int64 (n * halves,)
        Halves of words, the upper one first.
    halves : int
        1 for EVT 2.0, 2 for EVT 2.1.
    state : int64 (STATE,)
        Kept from one call to the next; `WRITTEN` is how many events this one has written.
    events : records t, x, y, p (m,)
        With space for as many events as the words may have.
    """
    high, turned, timed, i, taken = state[HIGH], state[TURNED], state[TIMED], 0, 0
    begins = (high + turned * HIGH_PERIOD) << 6
    for taken in range(len(words) // halves):
        fields = words[halves * taken]
        kind = fields >> 28
        if kind <= ON:
            mask = words[2 * taken + 1] if halves == 2 else 1
            column, row, time = (fields >> 11) & 0x7FF, fields & 0x7FF, begins + ((fields >> 22) & 0x3F)
            i, early = write_events(mask, time, column, row, kind, timed, events, i)
            state[EARLY] += early
        elif kind == TIME_HIGH:
            stored = fields & 0xFFFFFFF
            turned = turns(stored, high, turned, HIGH_PERIOD) if timed else turned
            high, timed = stored, 1
            begins = (high + turned * HIGH_PERIOD) << 6
        elif kind == TRIGGER:
            state[TRIGGERS] += 1
        elif kind in (OTHER, CONTINUED):
            state[OTHERS] += 1
        else:
            break
    else:
        taken = len(words) // halves
    state[HIGH], state[TURNED], state[TIMED], state[WRITTEN] = high, turned, timed, i
    return taken
