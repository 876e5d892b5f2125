"""Learning from a full window: the rule asked at every position, and the steps that it proposes applied."""

from neurosim.kernels.compiled import compiled
from neurosim.kernels.conv.layout import FEW, PENDING, PROPOSED, RECALLED, UPDATES, WRITES
from neurosim.kernels.conv.team import agree, mark, meet
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.by_address import call


@compiled(_nrt=False, no_cpython_wrapper=True)
def learn(address, kind, n, row, samples, _unused):
    """Apply the window that a sample has filled; return a neuron whose step or norm is not finite, or -1."""
    given = kept_at(address, kind)
    counters, team, marks, stages = given.state.counters, given.team, given.marks, given.stages
    if stages.recall != 0:
        failed = call(stages.recall, address, kind, row, n, 0, 0)
        mark(marks, team, n, RECALLED)
        if failed >= 0:
            return failed
    else:
        meet(team)
    if stages.move_bias != 0:
        call(stages.move_bias, address, kind, 0, 0, 0, 0)
    events = call(stages.count_events, address, kind, samples, row, 0, 0)
    singly = stages.grow_singly != 0 and events * FEW < given.scratch.growth.size
    failed = agree(call(stages.propose_singly if singly else stages.propose, address, kind, row, 0, 0, 0), team)
    if team.number == 0:
        counters[PENDING] = 0
        counters[UPDATES] += 1
        counters[WRITES] += events
    if failed >= 0:
        return failed
    mark(marks, team, n, PROPOSED)
    failed = agree(call(stages.grow_singly if singly else stages.grow, address, kind, n, 0, 0, 0), team)
    if failed < 0 and stages.renormalise != 0:
        call(stages.renormalise, address, kind, 0, 0, 0, 0)
    return failed
