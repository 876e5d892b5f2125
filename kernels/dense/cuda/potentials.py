"""One sample's potentials in a block; every thread of the block calls these."""

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.dense import potentials
from neurosim.kernels.dense.cuda.layout import MOST_THREADS
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import ONE, ZERO


@register_jitable
def _produce(values, active, begin, end, first, mine, width, resident, power, synapses, room, products):
    """Write the products of some active inputs with the block's synapses, four at a time, as loads take long."""
    thread = cuda.threadIdx.x
    abreast = cuda.blockDim.x // mine
    row, column = thread // mine, thread % mine
    if row >= abreast:
        return
    if power != ONE:
        for j in range(begin + row, end, abreast):
            place = active[j] * width + column
            v0 = room[place] if resident else synapses[active[j], first + column]
            products[(j - begin) * mine + column] = values[j] * potentials.signed_power(v0, power)
        return
    for j in range(begin + row, end, 4 * abreast):
        j1, j2, j3 = j + abreast, j + 2 * abreast, j + 3 * abreast
        j1, j2, j3 = j1 if j1 < end else j, j2 if j2 < end else j, j3 if j3 < end else j
        if resident:
            v0, v1 = room[active[j] * width + column], room[active[j1] * width + column]
            v2, v3 = room[active[j2] * width + column], room[active[j3] * width + column]
        else:
            v0, v1 = synapses[active[j], first + column], synapses[active[j1], first + column]
            v2, v3 = synapses[active[j2], first + column], synapses[active[j3], first + column]
        x0, x1, x2, x3 = values[j], values[j1], values[j2], values[j3]
        products[(j - begin) * mine + column] = x0 * v0
        products[(j1 - begin) * mine + column] = x1 * v1
        products[(j2 - begin) * mine + column] = x2 * v2
        products[(j3 - begin) * mine + column] = x3 * v3


@register_jitable
def integrate(values, active, size, depth, first, mine, width, resident, lebesgue, synapses, room, products):
    """Return the sum of x v of this thread's neuron: all threads multiply, one a neuron adds, in order."""
    thread, power = cuda.threadIdx.x, lebesgue - ONE
    tiles, total = (size + depth - 1) // depth, ZERO
    for tile in range(tiles + 1 if tiles > 0 else 0):  # one tile is made while the one before is added
        begin, here = tile * depth, tile % 2 * depth * width
        if tile < tiles:
            end, place = min(begin + depth, size), products[here:]
            _produce(values, active, begin, end, first, mine, width, resident, power, synapses, room, place)
        if thread < mine and tile > 0:
            there, count = depth * width - here, min(depth, size - begin + depth)
            for j in range(count):
                total += products[there + j * mine + thread]
        cuda.syncthreads()
    return total


@register_jitable
def choose(chosen, mine, flags):
    """Gather the block's neurons that are chosen, in order; return how many. `flags` begins with their places."""
    thread = cuda.threadIdx.x
    marks = flags[MOST_THREADS:]
    marks[thread] = 1 if chosen else 0
    count = cuda.syncthreads_count(np.int32(chosen))
    if chosen:
        place = 0
        for other in range(thread):
            place += marks[other]
        flags[place] = thread
    cuda.syncthreads()
    return count


@register_jitable
def reload_synapses(stale, mine, first, width, resident, synapses, room, flags):
    """Copy the synapses of neurons that were written as a whole into the block's copy, if it has one."""
    count = choose(stale, mine, flags)
    if resident and count > 0:
        for i in range(cuda.threadIdx.x, synapses.shape[0], cuda.blockDim.x):
            for m in range(count):
                room[i * width + flags[m]] = synapses[i, first + flags[m]]
    cuda.syncthreads()


@register_jitable
def load_synapses(mine, first, width, synapses, room):
    """Copy the synapses of all the block's neurons."""
    for place in range(cuda.threadIdx.x, synapses.shape[0] * mine, cuda.blockDim.x):
        i, column = place // mine, place % mine
        room[i * width + column] = synapses[i, first + column]
    cuda.syncthreads()
