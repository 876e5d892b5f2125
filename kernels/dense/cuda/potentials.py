"""One sample's potentials in a block; every thread of the block calls these."""

import math

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.dense import potentials
from neurosim.kernels.dense.beginning import BEHIND
from neurosim.kernels.dense.cuda.layout import MOST_THREADS, NOT_A_NUMBER
from neurosim.kernels.dense.temperature import sharpness_at
from neurosim.kernels.shared import biases
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import ONE, TWO, ZERO


@register_jitable
def _produce(values, active, begin, end, power, synapses, products, seat):
    """Write the products of some active inputs with the block's synapses, four at a time, as loads take long."""
    first, mine, width, resident, copy = seat.first, seat.mine, seat.width, seat.resident, seat.copy
    thread = cuda.threadIdx.x
    abreast = cuda.blockDim.x // mine
    row, column = thread // mine, thread % mine
    if row >= abreast:
        return
    if power != ONE:
        for j in range(begin + row, end, abreast):
            v0 = copy[active[j] * width + column] if resident else synapses[active[j], first + column]
            products[(j - begin) * mine + column] = values[j] * potentials.signed_power(v0, power)
        return
    for j in range(begin + row, end, 4 * abreast):
        j1, j2, j3 = j + abreast, j + 2 * abreast, j + 3 * abreast
        j1, j2, j3 = j1 if j1 < end else j, j2 if j2 < end else j, j3 if j3 < end else j
        if resident:
            v0, v1 = copy[active[j] * width + column], copy[active[j1] * width + column]
            v2, v3 = copy[active[j2] * width + column], copy[active[j3] * width + column]
        else:
            v0, v1 = synapses[active[j], first + column], synapses[active[j1], first + column]
            v2, v3 = synapses[active[j2], first + column], synapses[active[j3], first + column]
        x0, x1, x2, x3 = values[j], values[j1], values[j2], values[j3]
        products[(j - begin) * mine + column] = x0 * v0
        products[(j1 - begin) * mine + column] = x1 * v1
        products[(j2 - begin) * mine + column] = x2 * v2
        products[(j3 - begin) * mine + column] = x3 * v3


@register_jitable
def _integrate(values, active, size, lebesgue, synapses, seat):
    """Return the sum of x v of this thread's neuron: all threads multiply, one a neuron adds, in order."""
    thread, mine, depth, power = cuda.threadIdx.x, seat.mine, seat.depth, lebesgue - ONE
    tiles, total = (size + depth - 1) // depth, ZERO
    for tile in range(tiles + 1 if tiles > 0 else 0):  # one tile is made while the one before is added
        begin, here = tile * depth, tile % 2 * depth * seat.width
        if tile < tiles:
            _produce(values, active, begin, min(begin + depth, size), power, synapses, seat.products[here:], seat)
        if thread < mine and tile > 0:
            there, count = depth * seat.width - here, min(depth, size - begin + depth)
            for j in range(count):
                total += seat.products[there + j * mine + thread]
        cuda.syncthreads()
    return total


@register_jitable
def write_potential(n, failed, habitual, begun, lead, constants, intake, state, memory, results, seat):
    """Write the potential and bias of this thread's neuron, for every block to read; return the potential."""
    half, k, size, lebesgue = n % 2, seat.neuron, intake.sizes[n], constants.lebesgue
    potential = _integrate(intake.values[n], intake.active[n], size, lebesgue, state.synapses, seat)
    if seat.owner:
        scale = state.scales[k]
        potential *= scale if lebesgue == TWO else scale ** (lebesgue - ONE)
        results.potentials[n % results.potentials.shape[0], k] = potential
        memory.potentials[half, k] = NOT_A_NUMBER if failed else potential
        bias = ZERO
        if habitual:
            bias = biases.bias_of(constants, sharpness_at(lead, constants), state.activity[k], state.scales.size)
        if k >= begun and constants.beginners > 0:
            bias += BEHIND
        if habitual or constants.beginners > 0:
            memory.biases[half, k] = bias
    return potential


@register_jitable
def any_wild(x):
    """Return whether some number is not finite; the same for every thread of the block."""
    wild = False
    for k in range(cuda.threadIdx.x, x.size, cuda.blockDim.x):
        wild |= not math.isfinite(x[k])
    return cuda.syncthreads_or(np.int32(wild)) != 0


@register_jitable
def choose(chosen, flags):
    """Gather the block's neurons that are chosen, in order; return how many. `flags` begins with their numbers."""
    thread = cuda.threadIdx.x
    marks = flags[MOST_THREADS:]
    marks[thread] = 1 if chosen else 0
    count = cuda.syncthreads_count(np.int32(chosen))
    if chosen:
        before = 0
        for other in range(thread):
            before += marks[other]
        flags[before] = thread
    cuda.syncthreads()
    return count


@register_jitable
def reload_synapses(stale, synapses, seat):
    """Copy the synapses of neurons that were written as a whole into the block's copy, if it has one."""
    count, flags = choose(stale, seat.flags), seat.flags
    if seat.resident and count > 0:
        for i in range(cuda.threadIdx.x, synapses.shape[0], cuda.blockDim.x):
            for m in range(count):
                seat.copy[i * seat.width + flags[m]] = synapses[i, seat.first + flags[m]]
    cuda.syncthreads()


@register_jitable
def load_synapses(synapses, seat):
    """Copy the synapses of all the block's neurons."""
    for e in range(cuda.threadIdx.x, synapses.shape[0] * seat.mine, cuda.blockDim.x):
        i, column = e // seat.mine, e % seat.mine
        seat.copy[i * seat.width + column] = synapses[i, seat.first + column]
    cuda.syncthreads()
