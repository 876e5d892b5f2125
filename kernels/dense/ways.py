"""Which way of taking sums is the quickest: found by timing blocks of samples while they are taken.

Whether looking ahead pays, or a team, depends on the machine's caches, on what else uses them, on how many inputs are
active and on how many neurons are written. So a layer takes its samples the best way known, and now and then tries
another one: for a block that brings its data into the caches, and then for one that is judged. A way becomes the best
if it is quicker several times in a row: clearly quicker if it does more than the best one, and more often if it does
less. The more time a try has lost, the longer is the wait for the next one: no more than a hundredth or so of all time
is lost. Time is the thread's own, which stands still while other work has the core. No bit depends on the way, nor on
anything that `Scratch.timing` may hold.
"""

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.dense.layout import (
    ALONE,
    BEST,
    CLOCK,
    COST,
    FIRST,
    LENGTH,
    LOOKING,
    NOW,
    RIVAL,
    SINCE,
    TEAM,
    TRYING,
    WAIT,
    WAY,
    WINS,
)
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.system import clock_gettime

BLOCK, SHORTEST = 16, 4  # samples of a block that are not looked ahead at; fewer than SHORTEST are not timed
CLEARLY = 16  # a way that looks ahead, or has a team, where the best has not, is quicker if it takes 1 / CLEARLY less
WINS_NEEDED = 4, 10  # blocks tried in a row, the first of which wins always: of a way that does more, or less
LOST = 192  # of all time, one part in LOST may be lost by blocks that are judged
SOONEST, LATEST = 8, 1024  # blocks from one try to the next
PICO = 1000  # picoseconds in a nanosecond


@cell
def _time(timing):
    """Return the time in nanoseconds, by the clock whose number is given."""
    now = timing[NOW:]
    clock_gettime(np.int32(timing[CLOCK]), now.ctypes)
    return now[0] * 1_000_000_000 + now[1]


@cell
def with_team(learning, scratch):
    """Return whether the way in use asks for the team: it does where nothing is timed."""
    return scratch.timing.shape[0] == 0 or (scratch.timing[1 if learning else 0, WAY] & TEAM) != 0


@cell
def goes_on(n, timing):
    """Return whether the block that was begun contains sample n."""
    return (timing[WAY] & LOOKING) == 0 and timing[FIRST] < n < timing[FIRST] + timing[LENGTH]


@cell
def _active_inputs(values):
    """Return how many inputs are active in some samples."""
    active = 0
    for n in range(values.shape[0]):
        x, size = values[n], np.int32(0)
        for i in range(x.size):
            size += x[i] != ZERO
        active += size
    return active


@cell
def _judge_try(way, cost, elapsed, lost, timing):
    """Count a try: the way becomes the best, is tried again, or is left for a while, and then another has its turn."""
    best = timing[BEST] & (LOOKING | TEAM)
    known = timing[COST + best]
    if timing[WINS] == 0 or cost < known - (known // CLEARLY if way > best else 0):
        timing[WINS] += 1
        if timing[WINS] >= WINS_NEEDED[0 if way > best else 1]:
            timing[BEST], timing[COST + way], timing[WINS], timing[WAIT] = way, cost, 0, SOONEST * elapsed
        return
    timing[WINS], timing[RIVAL] = 0, timing[RIVAL] + 1
    timing[WAIT] = min(max(LOST * lost, SOONEST * elapsed), LATEST * elapsed)


@cell
def end_block(n, values, timing):
    """Judge the block of samples that ends before sample n, by picoseconds an active input."""
    first, way, best = timing[FIRST], timing[WAY] & (LOOKING | TEAM), timing[BEST] & (LOOKING | TEAM)
    if timing[LENGTH] == 0 or n - first < SHORTEST or (way != best and timing[TRYING] == 0):
        return
    elapsed, active = _time(timing) - timing[SINCE], max(1, _active_inputs(values[first:n]))
    cost, known = max(1, elapsed * PICO // active), timing[COST + best]
    if timing[TRYING] != 0:
        _judge_try(way, cost, elapsed, (cost - known) * active // PICO, timing)
        return
    timing[WAIT] -= elapsed
    timing[COST + best] = known + (min(cost, 2 * known) - known) // 4 if known > 0 else cost


@cell
def _rival(best, possible, timing):
    """Return the way that is next in turn to be tried; the best one if there is no other."""
    for turn in range(3):
        change = 1 + ((timing[RIVAL] + turn) & 3) % 3
        if (change & ~possible) == 0:
            timing[RIVAL] += turn
            return best ^ change
    return best


@cell
def begin_block(n, samples, depth, threads, timing):
    """Begin a block with sample n, of so many samples; return the way to take it.

    `depth` is the number of samples that can be looked ahead at, 0 where that cannot pay; `threads` is the team's size.
    """
    possible = (LOOKING if depth > 0 else ALONE) | (TEAM if threads > 1 else ALONE)
    best, left = timing[BEST] & (LOOKING | TEAM), samples - n
    timing[FIRST], timing[TRYING], timing[WAY] = n, 0, best & possible
    # What can be looked ahead at may change with every sample; before a chunk's second sample nobody knows.
    timing[LENGTH] = 1 if n == 0 else (BLOCK if possible != ALONE else 0)
    if timing[LENGTH] == 0:
        return timing[WAY]
    due = timing[WAIT] <= 0 or timing[WINS] > 0
    if n > 0 and due and best & ~possible == 0 and timing[COST + best] > 0 and (left >= BLOCK or left >= samples - 1):
        timing[WAY] = _rival(best, possible, timing)
        timing[TRYING] = timing[WAY] != best
    timing[SINCE] = _time(timing)
    return timing[WAY]
