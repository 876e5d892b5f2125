"""A sample taken in: active inputs packed, checked, and brought into the layer's unit."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, inlined, not_inlined
from neurosim.kernels.dense.layout import BLANKS, SAMPLES
from neurosim.kernels.shared.codes import RAW, STREAM_NORM
from neurosim.kernels.shared.numbers import ONE, SMALLEST, ZERO


@not_inlined
def gather(sample, negative, active, values):
    """Pack the active inputs; return how many, and |x|^2, which is not finite where the sample is not admitted."""
    size = 0
    for i in range(sample.size):  # no branch: one that changes with every sample costs more than the idle store
        active[size] = i
        size += sample[i] != ZERO
    square, lowest = sample[0] * ZERO, sample[0] * ZERO
    for j in range(size):
        values[j] = sample[np.uintp(active[j])]
        square += values[j] * values[j]
        lowest = min(lowest, values[j])
    if lowest < ZERO and not negative:
        square += np.float32(np.inf)
    return size, square


@inlined
def _gain(square, learning, units, forgetting, state):
    """Return what the input is multiplied by; while learning, move the running mean of |x| first."""
    if units == RAW:
        return square * ZERO + ONE
    norm = math.sqrt(square)
    if units == STREAM_NORM:
        mean = state.input_norm[0]
        seen = state.counters[SAMPLES] - state.counters[BLANKS]
        if learning:
            weight = max(ONE / np.float32(seen + 1), forgetting)
            mean += weight * (norm - mean)
            state.input_norm[0] = mean
        if learning or seen > 0:
            norm = mean
    return ONE / norm


@cell
def teaches(learning, size, label, by_label):
    """Return whether a sample is learned from."""
    return learning and size > 0 and (label >= 0 or not by_label)


@inlined
def admit(size, square, label, learning, constants, state):
    """Return how many inputs are active, -1 if the sample is not admitted, and what they are multiplied by."""
    if not math.isfinite(square):
        return -1, square * ZERO + ONE
    if square < SMALLEST:  # 1 / |x| would not be finite: a sample of zeros, for all that can be learned from it
        return 0, square * ZERO + ONE
    teaching = teaches(learning, size, label, constants.by_label)
    return size, _gain(square, teaching, constants.units, constants.forgetting, state)


@inlined
def take_in(sample, label, learning, constants, state, active, values):
    """Pack a sample's active inputs in its units; return how many, -1 if it is not admitted, and |x|^2."""
    size, square = gather(sample, constants.negative, active, values)
    size, gain = admit(size, square, label, learning, constants, state)
    for j in range(size):
        values[j] *= gain
    return size, square * (gain * gain)
