"""The user's competition at every position."""

import math

from neurosim.kernels.compiled import compiled
from neurosim.kernels.conv.competition import convert, write_biases
from neurosim.kernels.conv.layout import WINDOW
from neurosim.kernels.conv.team import share_of
from neurosim.kernels.shared import own_competition
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.slices import between


@compiled(_nrt=False, no_cpython_wrapper=True)
def compete(address, kind, row, recalled, _unused, _also):
    """Do what `competition.compete` does, by the user's competition."""
    given = kept_at(address, kind)
    constants, state, scratch, results, team = given.constants, given.state, given.scratch, given.results, given.team
    potentials = state.pending_potentials[recalled] if recalled >= 0 else results.potentials[row]
    positions = potentials.shape[0]
    begin, raw = max(recalled, 0) * positions, recalled < 0 or constants.normalise == WINDOW
    responses = between(scratch.responses, begin, begin + positions) if recalled >= 0 else results.responses[row]
    counts, own, parameters = team.wins[team.number], given.own.competition, given.own.parameters
    counts[:] = 0
    biased = write_biases(given)
    first, last = share_of(positions, 1, team)
    for p in range(first, last):
        convert(p, potentials[p], raw, biased, constants, scratch)
        winner, finite = own_competition.compete(own, scratch.drive, parameters, responses[p])
        if not (finite and math.isfinite(scratch.averages[p])):
            return own_competition.blamed(winner, responses[p])
        counts[winner] += 1
    return -1
