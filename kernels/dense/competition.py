"""Competition: activation, bias, and how drives become responses."""

import numpy as np

from neurosim.kernels.compiled import cell, inlined, not_inlined
from neurosim.kernels.shared.biases import acts, bias_of
from neurosim.kernels.shared.codes import IDENTITY, SOFTMAX, TRIANGLE
from neurosim.kernels.shared.competitions import CODES, list_first, respond, respond_all
from neurosim.kernels.shared.numbers import LEAST, ONE, TWO, ZERO
from neurosim.kernels.shared.softmax import decaying_exponential, first_index, maximum, softmax, total_of


@cell
def _share_among(drive, count, order, sharpness, responses):
    """Multiply the responses of the neurons of the `count` largest drives by their shares of a softmax over these."""
    top, total = drive[order[0]], ZERO
    for rank in range(count):
        total += decaying_exponential(max(sharpness * (drive[order[rank]] - top), LEAST))
    for rank in range(count):
        k = order[rank]
        responses[k] *= decaying_exponential(max(sharpness * (drive[k] - top), LEAST)) / total


@not_inlined
def activate(potentials, function, exponent, lanes, outputs):
    """Write f(u)."""
    if function == SOFTMAX:
        softmax(potentials, exponent, outputs, lanes)
        return
    threshold = potentials[0] * ZERO
    if function == TRIANGLE:
        threshold = total_of(potentials) / np.float32(potentials.size)
    for k in range(potentials.size):
        z = potentials[k] - threshold
        if function != IDENTITY:
            z = max(z, ZERO)
        outputs[k] = z
    if function == TRIANGLE and exponent == TWO:
        for k in range(potentials.size):
            outputs[k] *= outputs[k]
    elif function == TRIANGLE and exponent != ONE:
        for k in range(potentials.size):
            if outputs[k] > ZERO:
                outputs[k] = outputs[k] ** exponent


@cell
def convert(potentials, learning, constants, sharpness, activity, lanes, drive):
    """Write what competes: f(u) plus each neuron's bias, if it acts."""
    activate(potentials, constants.activation, constants.activation_exponent, lanes, drive)
    if acts(constants.bias, learning):
        for k in range(drive.size):
            drive[k] += bias_of(constants, sharpness, activity[k], drive.size)


def is_plain(constants):
    """Return whether `compete_softly` is all that a layer's competition takes."""
    return constants.competition == CODES["soft"] and not (constants.winner_only or constants.signed)


@inlined
def compete_softly(drive, sharpness, lanes, responses):
    """Write the responses y of a softmax, no more; return the winner."""
    return first_index(drive, softmax(drive, sharpness, responses, lanes))


@cell
def compete(drive, label, constants, sharpness, lanes, order, responses):
    """Write the responses y; return the winner."""
    competition, winners, parameter = constants.competition, constants.winners, constants.competition_parameter
    shares = constants.soft and not constants.ranked
    top = softmax(drive, sharpness, responses, lanes) if shares else maximum(drive)
    winner = first_index(drive, top)
    respond_all(competition, drive, winner, label, winners, parameter, responses)
    if constants.ranked:
        list_first(drive, winners, order)
        for rank in range(winners):
            k = order[rank]
            responses[k] = respond(competition, k, drive[k], responses[k], rank, winner, label, winners, parameter)
        if constants.soft:
            _share_among(drive, winners, order, sharpness, responses)
    if constants.winner_only:
        share = responses[winner]
        responses[:] = ZERO
        responses[winner] = share
    elif constants.signed and not constants.gated:
        for k in range(responses.size):
            responses[k] = -responses[k]
        responses[winner] = -responses[winner]
    return winner
