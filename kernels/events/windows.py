"""Windows of events, by time or by number: the whole sensor's surface at their end, or how many events each cell had.

Loops go on and stop as those of `surfaces` do. A window of time ends with the first event after it, which is then not
done; a window without events makes no sample, so an event makes one sample at most.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.events.clock import NEVER, SINCE, WINDOW, begins_anew, forget_time, has_ended, is_inside, moment
from neurosim.kernels.events.surfaces import Surface, age_of, forget, value_of


class Window(NamedTuple):
    """What is made of a window."""

    every: np.int64  # microseconds, or events
    by_time: bool
    counts: bool  # counts of cells, or the surface
    side: int  # of a cell, in pixels; 1 for a surface
    share: np.float32  # what an event adds to a count
    ceiling: np.float32  # a count is at most so much
    surface: Surface
    ages: NDArray[np.int32]  # (inputs,) working memory of a surface, or (0,)


@cell
def _forget(memory, clock, window):
    """Forget all events and the time."""
    forget(memory, 0 if window.counts else NEVER)
    forget_time(clock)


@cell
def _write(memory, now, window, row):
    """Write a window's sample."""
    i = 0
    for p in range(memory.shape[0]):
        for y in range(memory.shape[1]):
            for x in range(memory.shape[2]):
                if window.counts:
                    row[i] = min(np.float32(memory[p, y, x]) * window.share, window.ceiling)
                else:
                    window.ages[i] = age_of(memory[p, y, x], now, window.surface)
                i += 1
    for i in range(window.ages.size):
        row[i] = value_of(window.ages[i], window.surface)


@cell
def _end(memory, clock, now, window, samples, sources, made, i):
    """Make the sample of a window that has ended, and begin the next."""
    if samples.shape[0] > 0:
        _write(memory, now, window, samples[made])
        sources[made] = i
    if window.counts:
        forget(memory, 0)
    clock[SINCE] = 0


@compiled(nogil=True)
def windows(events, first, rows, height, width, memory, clock, window, samples, sources):
    """Make a sample of each window that ends; `sources` are the events that ended them."""
    made = 0
    for i in range(first, events.t.size):
        if made == rows:
            return i, made
        if not is_inside(events, i, memory.shape[0], height, width, clock):
            continue
        if begins_anew(events.t[i], clock):
            _forget(memory, clock, window)
        if window.by_time and has_ended(events.t[i], window.every, clock):
            _end(memory, clock, (clock[WINDOW] + 1) * window.every, window, samples, sources, made, i)
            made += 1
            if made == rows:
                return i, made
        now = moment(events.t[i], clock)
        clock[WINDOW] = now // window.every
        p, y, x = events.p[i], events.y[i] // window.side, events.x[i] // window.side
        memory[p, y, x] = memory[p, y, x] + 1 if window.counts else now
        if not window.by_time and clock[SINCE] == window.every:
            _end(memory, clock, now, window, samples, sources, made, i)
            made += 1
    return events.t.size, made


@compiled(nogil=True)
def finish(memory, clock, window, samples, sources):
    """End a recording: make the sample of the window of time that is open, and forget all; return how many samples.

    Its source is -1: no event of this call.
    """
    made = 0
    if window.by_time and clock[SINCE] > 0:
        _end(memory, clock, (clock[WINDOW] + 1) * window.every, window, samples, sources, made, -1)
        made += 1
    _forget(memory, clock, window)
    return made
