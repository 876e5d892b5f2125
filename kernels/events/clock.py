"""The clock of a stream of events: which events are taken, at what time, and when a window of time has ended."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.compiled import cell

NEVER = np.int64(-(2**62))  # the time of a pixel without an event, and the window before the first
FURTHEST = np.int64(2**60)  # microseconds either way, 36,000 years: differences of such times fit into 64 bits
BACKWARDS = np.int64(1_000_000)  # microseconds: an event earlier than the latest by more begins a new clock
# What a clock holds, in an int64 array of FIELDS: the latest time and its window, and events that were counted.
LATEST, WINDOW, SINCE, TAKEN, LATE, RESTARTS, OUTSIDE = range(7)
FIELDS = 7


class Events(NamedTuple):
    """Events in the order in which they come."""

    t: NDArray[np.int64]  # (n,) microseconds
    x: NDArray[np.int64]  # (n,)
    y: NDArray[np.int64]  # (n,)
    p: NDArray[np.int64]  # (n,) polarity, from 0


@cell
def is_inside(events, i, polarities, height, width, clock):
    """Return whether an event is one of the sensor's; count it if it is not."""
    x, y, p, t = events.x[i], events.y[i], events.p[i], events.t[i]
    inside = 0 <= x < width and 0 <= y < height and 0 <= p < polarities and -FURTHEST <= t <= FURTHEST
    clock[OUTSIDE] += not inside
    return inside


@cell
def begins_anew(t, clock):
    """Return whether an event is so much earlier than the latest that the clock must have begun anew; then it does."""
    if t >= clock[LATEST] - BACKWARDS:
        return False
    clock[RESTARTS] += 1
    forget_time(clock)
    return True


@cell
def forget_time(clock):
    """Forget the time: that of the next event is the first."""
    clock[LATEST], clock[WINDOW], clock[SINCE] = NEVER, NEVER, 0


@cell
def moment(t, clock):
    """Take an event, and return the time at which it counts: a late one as if it came with the latest."""
    clock[TAKEN] += 1
    clock[SINCE] += 1
    clock[LATE] += t < clock[LATEST]
    clock[LATEST] = max(t, clock[LATEST])
    return clock[LATEST]


@cell
def has_ended(t, every, clock):
    """Return whether an event comes after the window of those before it; windows begin at multiples of `every`."""
    return clock[SINCE] > 0 and max(t, clock[LATEST]) // every > clock[WINDOW]
