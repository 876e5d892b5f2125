"""The user's competition at every position."""

import math

import numpy as np

from neurosim.kernels.compiled import compiled
from neurosim.kernels.conv.powers import raise_all
from neurosim.kernels.conv.team import share_of
from neurosim.kernels.shared import own_competition
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.codes import IDENTITY, TRIANGLE
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.softmax import total_of


@compiled(_nrt=False, no_cpython_wrapper=True)
def compete(address, kind, row, recalled, _unused, _also):
    """Do what `competition.compete` does, by the user's competition."""
    given = kept_at(address, kind)
    constants, state, scratch, results, team = given.constants, given.state, given.scratch, given.results, given.team
    potentials = state.pending_potentials[recalled] if recalled >= 0 else results.potentials[row]
    positions, neurons = potentials.shape
    begin = max(recalled, 0) * positions
    responses = between(scratch.responses, begin, begin + positions) if recalled >= 0 else results.responses[row]
    counts, own = team.wins[team.number], given.own.competition
    counts[:] = 0
    first, last = share_of(positions, 1, team)
    for p in range(first, last):
        u, drive = potentials[p], potentials[p]
        mean = total_of(u, scratch.lanes) / np.float32(neurons)
        scratch.averages[p] = mean
        if constants.activation != IDENTITY:
            drive = scratch.drive
            threshold = mean if constants.activation == TRIANGLE else mean * ZERO
            for k in range(neurons):
                drive[k] = max(u[k] - threshold, ZERO)
            raise_all(drive, constants.activation_exponent)
        winner, finite = own_competition.compete(own, drive, given.own.parameters, scratch.lanes, responses[p])
        if not (finite and math.isfinite(mean)):
            return winner
        counts[winner] += 1
    return -1
