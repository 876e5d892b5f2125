"""What decides the competition, found by each block for itself from all potentials."""

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.dense.cuda.layout import FIRST, TILE, Field
from neurosim.kernels.dense.temperature import lead_over, sharpness_at
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared import competitions, softmax
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import LANES, LEAST, ONE, TWO, ZERO


@register_jitable
def activated(function, exponent, potential, field):
    """Return f(u) of one neuron."""
    if function == kernel_codes.SOFTMAX:
        return softmax.decaying_exponential(max(exponent * (potential - field.highest), LEAST)) * field.softness
    threshold = field.mean if function == kernel_codes.TRIANGLE else ZERO
    z = potential - threshold
    if function != kernel_codes.IDENTITY:
        z = max(z, ZERO)
    if function == kernel_codes.TRIANGLE and exponent == TWO:
        z *= z
    elif function == kernel_codes.TRIANGLE and exponent != ONE and z > ZERO:
        z = z**exponent
    return z


@register_jitable
def _drive(k, half, biased, constants, field, memory):
    """Return what of a neuron competes."""
    z = memory.potentials[half, k]
    if constants.activation != kernel_codes.IDENTITY:
        z = activated(constants.activation, constants.activation_exponent, z, field)
    return z + memory.biases[half, k] if biased else z


@register_jitable
def _top(half, plain, biased, constants, field, memory, tops, places):
    """Return the largest drive, or potential if `plain`, and the first neuron that has it."""
    thread, threads, neurons = cuda.threadIdx.x, cuda.blockDim.x, memory.potentials.shape[1]
    neuron = min(thread, neurons - 1)
    top = memory.potentials[half, neuron] if plain else _drive(neuron, half, biased, constants, field, memory)
    for k in range(thread + threads, neurons, threads):
        z = memory.potentials[half, k] if plain else _drive(k, half, biased, constants, field, memory)
        if z > top:
            top, neuron = z, k
    tops[thread], places[thread] = top, neuron
    reach = threads // 2
    while reach > 0:
        cuda.syncthreads()
        if thread < reach:
            other, elsewhere = tops[thread + reach], places[thread + reach]
            if other > tops[thread] or (other == tops[thread] and elsewhere < places[thread]):
                tops[thread], places[thread] = other, elsewhere
        reach //= 2
    cuda.syncthreads()
    top, neuron = tops[0], places[0]
    cuda.syncthreads()
    return top, neuron


PLAIN, SIZES, SOFTENED, EXPONENTIALS = 0, 1, 2, 3  # terms of a sum over all neurons


@register_jitable
def _term(kind, k, half, biased, constants, field, exponent, memory):
    """Return one neuron's term."""
    if kind == PLAIN:
        return memory.potentials[half, k]
    if kind == SOFTENED:
        return softmax.decaying_exponential(max(exponent * (memory.potentials[half, k] - field.highest), LEAST))
    z = _drive(k, half, biased, constants, field, memory)
    return softmax.decaying_exponential(max(field.sharpness * (z - field.top), LEAST))


@register_jitable
def sum_over_neurons(kind, half, biased, constants, field, exponent, memory, others, tile, lanes):
    """Return a sum over all neurons, as `dense._total` adds it; of |u| of `others` if it is of SIZES."""
    thread, threads, neurons = cuda.threadIdx.x, cuda.blockDim.x, memory.potentials.shape[1]
    for j in range(thread, LANES, threads):
        lanes[j] = ZERO
    for begin in range(0, neurons, TILE):
        count = min(TILE, neurons - begin)
        for e in range(thread, count, threads):
            if kind == SIZES:
                tile[e] = abs(others[begin + e])
            else:
                tile[e] = _term(kind, begin + e, half, biased, constants, field, exponent, memory)
        cuda.syncthreads()
        for j in range(thread, LANES, threads):
            partial = lanes[j]
            for e in range(j, count, LANES):
                partial += tile[e]
            lanes[j] = partial
        cuda.syncthreads()
    reach = LANES // 2
    while reach > 0:
        for j in range(thread, reach, threads):
            lanes[j] += lanes[reach + j]
        cuda.syncthreads()
        reach //= 2
    total = lanes[0]
    cuda.syncthreads()
    return total


@register_jitable
def _field_before_competition(mean, highest, softness):
    """Return a field of which only the potentials are known."""
    return Field(mean=mean, highest=highest, softness=softness, top=ZERO, winner=FIRST, share=ONE, sharpness=ONE)


@register_jitable
def softened(exponent, half, constants, mean, highest, memory, tile, lanes):
    """Return a field in which f, or what is sent, is a softmax of the potentials."""
    field = _field_before_competition(mean, highest, ONE)
    total = sum_over_neurons(SOFTENED, half, False, constants, field, exponent, memory, memory.sizes, tile, lanes)
    return _field_before_competition(mean, highest, ONE / total)


@register_jitable
def survey(half, biased, lead, leads, constants, memory, tile, lanes, tops, places):
    """Return what decides the competition, and the mean and highest potential where somebody asks for them."""
    mean, highest, softness, neurons = ZERO, ZERO, ONE, np.float32(memory.potentials.shape[1])
    nothing = _field_before_competition(mean, highest, softness)
    relative = constants.relative > ZERO
    if constants.activation == kernel_codes.TRIANGLE or constants.transmit == kernel_codes.TRIANGLE or relative:
        mean = (
            sum_over_neurons(PLAIN, half, False, constants, nothing, ONE, memory, memory.sizes, tile, lanes) / neurons
        )
    if constants.activation == kernel_codes.SOFTMAX or constants.transmit == kernel_codes.SOFTMAX or relative:
        highest, _ = _top(half, True, False, constants, nothing, memory, tops, places)
    if constants.activation == kernel_codes.SOFTMAX:
        softness = softened(constants.activation_exponent, half, constants, mean, highest, memory, tile, lanes).softness
    plain = constants.activation == kernel_codes.IDENTITY and not biased
    field = _field_before_competition(mean, highest, softness)
    top, winner = _top(half, plain, biased, constants, field, memory, tops, places)
    sharpness = sharpness_at(lead if leads > ZERO else lead_over(highest, mean), constants)
    field = Field(
        mean=mean, highest=highest, softness=softness, top=top, winner=winner, share=ONE, sharpness=sharpness
    )  # fmt: skip
    if not constants.soft:
        return field
    total = sum_over_neurons(EXPONENTIALS, half, biased, constants, field, ONE, memory, memory.sizes, tile, lanes)
    return Field(
        mean=mean, highest=highest, softness=softness, top=top, winner=winner, share=ONE / total, sharpness=sharpness
    )  # fmt: skip


@register_jitable
def rank_of(steps, first, mine, half, biased, constants, field, memory, ranks):
    """Return how many neurons come before this thread's one, by step if `steps`, else by drive; ties by number."""
    thread, neurons = cuda.threadIdx.x, memory.potentials.shape[1]
    abreast = cuda.blockDim.x // mine
    row, k = thread // mine, first + thread % mine
    before = 0
    if row < abreast:
        own = memory.sizes[k] if steps else _drive(k, half, biased, constants, field, memory)
        for other in range(row, neurons, abreast):
            z = memory.sizes[other] if steps else _drive(other, half, biased, constants, field, memory)
            before += z > own or (z == own and other < k)
    ranks[thread] = before
    cuda.syncthreads()
    if thread < mine:
        for row_of_thread in range(1, abreast):
            before += ranks[row_of_thread * mine + thread]
    return before


@register_jitable
def respond(k, label, rank, half, biased, constants, field, memory):
    """Return a neuron's response."""
    drive, share, winner = _drive(k, half, biased, constants, field, memory), ZERO, field.winner
    if constants.soft:
        share = softmax.decaying_exponential(max(field.sharpness * (drive - field.top), LEAST)) * field.share
    response = competitions.respond(
        constants.competition, k, drive, share, rank, winner, label, constants.winners, constants.competition_parameter
    )
    if constants.winner_only:
        response = response if k == winner else ZERO
    elif constants.signed and not constants.gated and k != winner:
        response = -response
    return response
