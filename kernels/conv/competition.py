"""Competition at every position."""

import math

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.conv.powers import raise_all, softmax_by_powers
from neurosim.kernels.conv.team import share_of
from neurosim.kernels.shared.codes import IDENTITY, TRIANGLE
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.softmax import first_index, maximum, total_of


@register_jitable
def compete(potentials, constants, averages, scratch, responses, counts, team):
    """Write a thread's share of positions' responses; count winners; return a neuron with a wild drive, or -1."""
    neurons, lanes = potentials.shape[1], scratch.lanes
    counts[:] = 0
    first, last = share_of(potentials.shape[0], 1, team)
    for p in range(first, last):
        u, y = potentials[p], responses[p]
        averages[p] = total_of(u, lanes) / np.float32(neurons)
        drive = u
        if constants.activation != IDENTITY:
            drive = scratch.drive
            threshold = averages[p] if constants.activation == TRIANGLE else averages[p] * ZERO
            for k in range(neurons):
                drive[k] = max(u[k] - threshold, ZERO)
            raise_all(drive, constants.activation_exponent)
        if constants.soft:
            winner = first_index(drive, softmax_by_powers(drive, constants.sharpness, y, lanes))
        else:
            winner = first_index(drive, maximum(drive, lanes))
            y[:] = ZERO
            y[winner] = ONE
        if not math.isfinite(y[winner] + u[winner] + averages[p]):
            return winner
        counts[winner] += 1
        if constants.signed:
            for k in range(neurons):
                y[k] = -y[k]
            y[winner] = -y[winner]
    return -1


@register_jitable
def mean_potentials(potentials, averages, lanes, team):
    """Write the mean potential at a thread's positions; return a neuron if one is not finite, or -1."""
    first, last = share_of(potentials.shape[0], 1, team)
    for p in range(first, last):
        averages[p] = total_of(potentials[p], lanes) / np.float32(potentials.shape[1])
        if not math.isfinite(averages[p]):
            return first_not_finite(potentials[p])
    return -1


@register_jitable
def first_not_finite(x):
    """Return the first index where x is not finite, 0 if only their sum is not."""
    for k in range(x.size):
        if not math.isfinite(x[k]):
            return k
    return 0
