"""Competition at every position."""

import math

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.conv.powers import _power, _softmax
from neurosim.kernels.conv.team import _share
from neurosim.kernels.shared.codes import IDENTITY, SOFT, TRIANGLE
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.softmax import _first, _maximum, _total


@register_jitable
def _compete(potentials, constants, averages, scratch, responses, counts, team):
    """Write a thread's share of positions' responses; count winners; return a neuron with a wild drive, or -1."""
    neurons, lanes = potentials.shape[1], scratch.lanes
    counts[:] = 0
    first, last = _share(potentials.shape[0], 1, team)
    for p in range(first, last):
        u, y = potentials[p], responses[p]
        averages[p] = _total(u, lanes) / np.float32(neurons)
        drive = u
        if constants.activation != IDENTITY:
            drive = scratch.drive
            threshold = averages[p] if constants.activation == TRIANGLE else averages[p] * ZERO
            for k in range(neurons):
                drive[k] = max(u[k] - threshold, ZERO)
            _power(drive, constants.activation_exponent)
        if constants.competition == SOFT:
            winner = _first(drive, _softmax(drive, constants.sharpness, y, lanes))
        else:
            winner = _first(drive, _maximum(drive, lanes))
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
def _average(potentials, averages, lanes, team):
    """Write the mean potential at a thread's positions; return a neuron if one is not finite, or -1."""
    first, last = _share(potentials.shape[0], 1, team)
    for p in range(first, last):
        averages[p] = _total(potentials[p], lanes) / np.float32(potentials.shape[1])
        if not math.isfinite(averages[p]):
            return _first_wild(potentials[p])
    return -1


@register_jitable
def _first_wild(x):
    """Return the first place where x is not finite, 0 if only their sum is not."""
    for k in range(x.size):
        if not math.isfinite(x[k]):
            return k
    return 0
