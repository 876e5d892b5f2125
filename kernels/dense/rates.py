"""A neuron's own rate of learning: by its norm, or by how often it won."""

import math

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.codes import BY_NORM, BY_WINS
from neurosim.kernels.shared.numbers import HALF, ONE


@cell
def rate_of_neuron(rate, norm, wins, schedule, power, floor):
    """Return one neuron's rate: by its norm |w|, or by how often it has won."""
    if schedule == BY_NORM:
        distance = abs(norm - ONE)
        # A square root is the same number everywhere; any other power is as good as the machine's library.
        return max(rate * (math.sqrt(distance) if power == HALF else distance**power), floor)
    if schedule == BY_WINS:
        return max(rate * np.float32(ONE + np.float32(wins)) ** -power, floor)
    return rate
