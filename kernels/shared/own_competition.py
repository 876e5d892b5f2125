"""The user's competition, called for one sample or position."""

import math

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.by_address import competition_at
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.softmax import first_index, maximum

NAN, NOT_FINITE, NO_NEURON = np.float32(np.nan), np.float32(np.inf), np.float32(-np.inf)  # what `compete` marks


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
def compete(address, drive, parameters, responses):
    """Write the responses by the user's competition at an address; return the winner, and whether all are finite.

    The winner is the one that the competition returns, else the first of the largest drive. If something is not finite,
    it is the first such neuron, and if the competition's winner is none of the neurons, the first of all. The response
    of that neuron then tells why: NaN if its drive is not finite, infinite if the competition is to blame (`blamed`).
    """
    responses[:] = ZERO
    winner = competition_at(address, drive, responses, parameters)
    if winner == -1:
        winner = first_index(drive, maximum(drive))
    wild = first_wild(drive, responses)
    if wild < 0 and 0 <= winner < drive.size:
        return winner, True
    if wild < 0:
        responses[0] = NO_NEURON
        return 0, False
    blame = math.isfinite(drive[wild]) and not math.isfinite(responses[wild])
    responses[wild] = NOT_FINITE if blame else NAN
    return wild, False


@cell
def blamed(neuron, responses):
    """Return a neuron at which `compete` failed as loops return it: by how many times the neurons it is larger tells.

    Once if the competition wrote a response that is not finite, twice if the winner that it returned is no neuron.
    """
    if responses[neuron] == NOT_FINITE:
        return neuron + responses.size
    if responses[neuron] == NO_NEURON:
        return neuron + 2 * responses.size
    return neuron
