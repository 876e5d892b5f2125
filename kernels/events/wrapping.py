"""Times whose counter wraps: a stored time is taken for the one that is nearest to the time before."""

from neurosim.kernels.compiled import cell, compiled


@cell
def turns(value, before, turned, period):
    """Return how often a counter has wrapped at a value, given the value before it and the wraps until then.

    A fall of half a period or more is a wrap. A rise of more than half is a value from before the last wrap, if there
    was one: such as come out of order.
    """
    if 2 * (before - value) >= period:
        return turned + 1
    if turned > 0 and 2 * (value - before) > period:
        return turned - 1
    return turned


@compiled
def unwrap(stored, period, state, t):
    """Write the times (n,) of stored counters (n,); `state` (2,) has the counter before, and the wraps until then."""
    for i in range(len(stored)):
        state[1] = turns(stored[i], state[0], state[1], period)
        state[0] = stored[i]
        t[i] = stored[i] + state[1] * period
