"""Norms of weight vectors: followed, measured anew, brought to one or to a sum; scales folded."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, inlined, not_inlined
from neurosim.kernels.dense.layout import COUNTERS, FOLDS
from neurosim.kernels.shared.numbers import FOLD_ABOVE, FOLD_BELOW, ONE, TWO, ZERO

DRIFT, SHORT = np.float32(8), np.float32(0.01)  # scale and squared norm at which renormalising measures anew


@cell
def note_whole(counters, k):
    """Count that all synapses of neuron k are written; which neuron it was, only where a run is counted."""
    counters[FOLDS] += 1
    if counters.size > COUNTERS:
        counters[COUNTERS + k] += 1


@not_inlined
def fold_scale(synapses, scales, counters, k):
    """Multiply neuron k's scale into its synapses."""
    for i in range(synapses.shape[0]):
        synapses[i, k] *= scales[k]
    scales[k] = ONE
    note_whole(counters, k)


@not_inlined
def measure_norm(state, k, lebesgue):
    """Recompute the norm of neuron k from the synapses."""
    total = state.scales[k] * ZERO
    for i in range(state.synapses.shape[0]):
        v = abs(state.synapses[i, k] * state.scales[k])
        if lebesgue == TWO:
            total += v * v
        elif v > ZERO:
            total += v**lebesgue
    state.norms[k] = total


@cell
def length_of(norm, lebesgue):
    """Return |w| from the sum of |w_i|^p."""
    if lebesgue == TWO:
        return math.sqrt(norm)
    return norm ** (ONE / lebesgue)


@cell
def not_below_zero(x):
    """Return x, or 0 for what rounding left below; NaN stays."""
    return x * ZERO if x < ZERO else x


@not_inlined
def measure_overlap(k, state, growth):
    """Return |w|^2 and the sum of c (w x) from the synapses; potentials of another norm do not give them."""
    square, overlap = state.scales[k] * ZERO, state.scales[k] * ZERO
    for i in range(state.synapses.shape[0]):
        w = state.scales[k] * state.synapses[i, k]
        square += w * w
    for p in range(state.pending_sizes.size):
        dot = square * ZERO
        for j in range(state.pending_sizes[p]):
            dot += state.pending_inputs[p, j] * state.synapses[state.pending_active[p, j], k]
        overlap += growth[p, k] * dot * state.scales[k]
    return square, overlap


@inlined
def renormalise(state, k, lebesgue):
    """Bring neuron k to norm one.

    Where neurons unlearn, an error of the followed norm grows as the square of the scale since it was last measured;
    where a step leaves little of the norm, it is what is left. So both are measured anew.
    """
    if not (state.norms[k] > SHORT):
        measure_norm(state, k, lebesgue)
    length = length_of(state.norms[k], lebesgue)
    if not (ZERO < length < np.float32(np.inf)):
        return
    state.scales[k] /= length
    state.norms[k] = ONE
    if not (ONE / DRIFT <= state.scales[k] <= DRIFT):
        fold_scale(state.synapses, state.scales, state.counters, k)
        measure_norm(state, k, lebesgue)
        state.scales[k] = ONE / length_of(state.norms[k], lebesgue)
        state.norms[k] = ONE


@not_inlined
def bring_to_sum(state, k, weight_sum, lebesgue):
    """Bring neuron k to a sum of |w|, and measure its norm; one of zeros stays."""
    total = state.scales[k] * ZERO
    for i in range(state.synapses.shape[0]):
        total += abs(state.synapses[i, k])
    if ZERO < total < np.float32(np.inf):
        scale = weight_sum / total
        state.scales[k] = scale if state.scales[k] > ZERO else -scale
        if not (FOLD_BELOW <= scale <= FOLD_ABOVE):
            fold_scale(state.synapses, state.scales, state.counters, k)
    measure_norm(state, k, lebesgue)


@cell
def rescale(k, size, constants, state):
    """Bring a neuron that moved to norm one, or to its sum of |w|, if it is to be; `size` is its squared step."""
    if constants.renormalise and size > ZERO:
        renormalise(state, k, constants.lebesgue)
    if constants.weight_sum > ZERO and size > ZERO:
        bring_to_sum(state, k, constants.weight_sum, constants.lebesgue)
