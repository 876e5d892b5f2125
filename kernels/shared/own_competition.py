"""The user's competition, called for one sample or position."""

import math

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.by_address import competition_at
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.softmax import first_index, maximum

NAN = np.float32(np.nan)


@cell
def first_wild(drive, responses):
    """Return the first neuron whose drive or response is not finite, or -1."""
    wild = 0
    for k in range(drive.size):  # no branch: nearly always there is none
        wild += not math.isfinite(drive[k] + responses[k])
    if wild > 0:
        for k in range(drive.size):
            if not math.isfinite(drive[k] + responses[k]):
                return k
    return -1


@cell
def compete(address, drive, parameters, lanes, responses):
    """Write the responses by the user's competition at an address; return the winner, and whether all are finite.

    The winner is the one that the competition returns, else the first of the largest drive. If something is not finite,
    it is the first such neuron, and if the competition's winner is none of the neurons, the first of all; the response
    of either is then NaN.
    """
    responses[:] = ZERO
    winner = competition_at(address, drive, responses, parameters)
    if winner == -1:
        winner = first_index(drive, maximum(drive, lanes))
    wild = first_wild(drive, responses)
    if wild < 0 and 0 <= winner < drive.size:
        return winner, True
    wild = max(wild, 0)
    responses[wild] = NAN
    return wild, False
