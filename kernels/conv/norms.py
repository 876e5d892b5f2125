"""Neurons brought to norm one when they have moved."""

import math

import numpy as np

from neurosim.kernels.compiled import compiled
from neurosim.kernels.conv.blas import block_size
from neurosim.kernels.conv.growing import fold_scale
from neurosim.kernels.conv.powers import square_sum
from neurosim.kernels.conv.team import note_fold, share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.numbers import ONE, ZERO

DRIFT, SHORT = np.float32(8), np.float32(0.01)  # scale and squared norm at which a norm is measured anew


@compiled(_nrt=False, no_cpython_wrapper=True)
def renormalise(address, kind, _unused, _also, _too, _last):
    """Bring those of a thread's neurons that have moved to norm one; one of zeros stays.

    A neuron at norm one has the number one as its norm, so any other has moved. Where a step leaves little of the norm,
    what was followed is not what is left; where scales drift, errors of it do. So both are measured anew.
    """
    given = kept_at(address, kind)
    state, team, lanes = given.state, given.team, given.scratch.lanes
    norms, scales, synapses = state.norms, state.scales, state.synapses
    first, last = share_of(norms.size, block_size(norms.size), team)
    for k in range(first, last):
        if norms[k] == ONE:
            continue
        if not norms[k] > SHORT:
            norms[k] = square_sum(synapses[k], ZERO, lanes) * (scales[k] * scales[k])
        length = math.sqrt(norms[k])
        if not length > ZERO:
            continue
        scales[k] /= length
        norms[k] = ONE
        if not ONE / DRIFT <= abs(scales[k]) <= DRIFT:
            fold_scale(k, synapses, scales)
            note_fold(team, k)
            scales[k] = ONE / math.sqrt(square_sum(synapses[k], ZERO, lanes))
    return 0
