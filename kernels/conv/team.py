"""Threads that take a sample together: where they meet, what they agree on, which share each takes."""

from neurosim.kernels.compiled import cell
from neurosim.kernels.conv.layout import ABSENT, FAILED, FOLDED, MEETINGS, SIGNALS
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.system import load_acquire, sched_yield, store_release, write_moment

PATIENCE = 2000  # polls of another thread's row before a thread yields its core


@cell
def meet(team):
    """Wait until every thread is here; return False if an interrupted caller has said that the first will not come."""
    if team.size == 1:
        return True
    number = team.signals[team.number, MEETINGS] + 1
    store_release(between(team.signals[team.number], MEETINGS, SIGNALS), number)
    for other in range(team.size):
        polls = 0
        while load_acquire(between(team.signals[other], MEETINGS, SIGNALS)) < number:
            polls += 1
            if polls > PATIENCE:
                if load_acquire(between(team.signals[0], ABSENT, SIGNALS)) != 0:
                    return False
                sched_yield()
    return True


@cell
def agree(failed, team):
    """Meet, and return the failure of the first thread that has one, which one thread alone would have found; or -1."""
    if team.size == 1:
        return failed
    slot = FAILED + team.signals[team.number, MEETINGS] % 2  # the next failure must not overwrite what is being read
    team.signals[team.number, slot] = failed
    meet(team)
    for other in range(team.size):
        theirs = team.signals[other, slot]
        if theirs >= 0:
            return theirs
    return -1


@cell
def note_fold(team, k):
    """Count that neuron k's scale was multiplied into its synapses."""
    team.signals[team.number, FOLDED] += 1
    team.signals[team.number, SIGNALS + k] += 1


@cell
def mark(marks, team, n, stage):
    """Write down when all threads were done with a stage of sample n, if anybody asks; n is -1 for a recalled one."""
    if n >= 0 and marks.moments.size > 0:
        meet(team)
        if team.number == 0:
            write_moment(marks, n, stage)


@cell
def share_of(count, grain, team):
    """Return the first of a thread's share of so many things, and the first after it: none, or a grain at least."""
    grains = max(1, count // grain)
    first, last = grains * team.number // team.size * grain, grains * (team.number + 1) // team.size * grain
    return first, count if team.number == team.size - 1 else last
