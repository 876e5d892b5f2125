"""Running means that biases and rules ask for."""

import numpy as np

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.dense.competition import activate
from neurosim.kernels.dense.layout import UPDATES
from neurosim.kernels.shared.biases import counts_wins, moved_activity
from neurosim.kernels.shared.codes import LOG_PRIOR, MEAN_ACTIVITY, UNBIASED
from neurosim.kernels.shared.numbers import NEGLIGIBLE, NEGLIGIBLE_ROOT, ONE, ZERO
from neurosim.kernels.shared.rules import BCM


@not_inlined
def count_for_means(winner, potentials, responses, constants, sums, scratch):
    """Add one sample to what the running means of the bias and of the rule average over the window."""
    if counts_wins(constants.bias):
        sums[0, winner] += ONE
    elif constants.bias == LOG_PRIOR:
        for k in range(responses.size):
            sums[0, k] += responses[k]
    elif constants.bias == MEAN_ACTIVITY:
        activate(potentials, constants.activation, constants.activation_exponent, scratch.lanes, scratch.order)
        for k in range(responses.size):
            sums[0, k] += scratch.order[k]
    if constants.moment == 1:
        for k in range(responses.size):
            sums[1, k] += responses[k]
    elif constants.moment == 2:
        for k in range(responses.size):
            sums[1, k] += squared_response(responses[k], constants)


@cell
def squared_response(response, constants):
    """Return what the trace of squared responses averages."""
    y = min(response, constants.parameters[0] if constants.rule == BCM else np.float32(np.inf))
    y = y if abs(y) > NEGLIGIBLE_ROOT else ZERO
    return y * y


@cell
def move_means(constants, state):
    """Move the running means by the means over the window."""
    sums, samples = state.pending_sums, state.pending_sizes.size
    if constants.bias != UNBIASED:
        is_first = state.counters[UPDATES] == 0
        for k in range(state.activity.size):
            state.activity[k] = moved_activity(state.activity[k], sums[0, k], samples, is_first, constants)
        sums[0] = ZERO
    if constants.moment > 0:
        part = ONE / np.float32(samples)
        weight = constants.averaging
        if constants.starts_at_mean and state.counters[UPDATES] == 0:
            weight = weight * ZERO + ONE
        for k in range(state.traces.size):
            mean = state.traces[k] + weight * (sums[1, k] * part - state.traces[k])
            state.traces[k] = mean if abs(mean) > NEGLIGIBLE else ZERO
        sums[1] = ZERO
