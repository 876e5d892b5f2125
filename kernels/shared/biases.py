"""Biases on a competition: what each adds to a neuron's drive, and how its running number moves."""

import math

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.codes import CONSCIENCE, LOG_PRIOR, MEAN_ACTIVITY, THRESHOLD, UNBIASED
from neurosim.kernels.shared.numbers import NEGLIGIBLE, ONE, ZERO

RAREST = np.float32(1e-30)  # share of responses, so that its logarithm is finite


@cell
def acts(bias, learning):
    """Return whether a bias is added: some are for learning alone."""
    return bias in (LOG_PRIOR, THRESHOLD) or (learning and bias != UNBIASED)


@cell
def counts_wins(bias):
    """Return whether what a bias follows is how often a neuron wins."""
    return bias in (CONSCIENCE, THRESHOLD)


@cell
def bias_of(constants, sharpness, activity, neurons):
    """Return one neuron's bias."""
    if constants.bias == LOG_PRIOR:
        return math.log(activity) / sharpness
    if constants.bias == CONSCIENCE:
        return constants.bias_strength * (ONE / np.float32(neurons) - activity)
    return -activity


@cell
def moved_activity(activity, total, samples, is_first, constants):
    """Return a neuron's running number after a window of so many samples, over which `total` was summed."""
    if constants.bias == THRESHOLD:
        kept = ONE - constants.bias_rate
        for _ in range(samples):
            activity *= kept
        moved = activity + constants.bias_strength * total
    else:
        weight, part = constants.bias_rate, ONE / np.float32(samples)
        if constants.bias == MEAN_ACTIVITY and is_first:
            weight = weight * ZERO + ONE
        moved = activity + weight * (total * part - activity)
    moved = moved if abs(moved) > NEGLIGIBLE else ZERO
    return max(moved, RAREST) if constants.bias == LOG_PRIOR else moved
