"""Potentials of every neuron at every position."""

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.blas import block_end, block_size, times_transposed
from neurosim.kernels.conv.team import share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.numbers import ONE
from neurosim.kernels.shared.slices import between

NARROW = 4  # at least so many neurons a position make potentials quicker neuron by neuron


@compiled(_nrt=False, no_cpython_wrapper=True)
def integrate(address, kind, row, recalled, _unused, _also):
    """Write the potentials of a thread's neurons at every position, block by block.

    They are those of an image that its window recalls, or, if that is -1, of the image at hand.
    """
    given = kept_at(address, kind)
    state, scratch, results, product = given.state, given.scratch, given.results, given.product
    potentials = state.pending_potentials[recalled] if recalled >= 0 else results.potentials[row]
    positions, neurons = potentials.shape
    begin = max(recalled, 0) * positions
    patches, block = between(scratch.patches, begin, begin + positions), block_size(neurons)
    first, last = share_of(neurons, block, given.team)
    while first < last:
        end = block_end(first, last, block)
        scales = between(state.scales, first, end)
        if positions * NARROW > neurons:
            times_transposed(product, patches, state.synapses, potentials, first, end)
            _scale(potentials, scales, first, end)
        else:  # BLAS is quicker with few columns than with few rows
            turned = between(scratch.turned, first, end)
            times_transposed(product, between(state.synapses, first, end), patches, turned, 0, positions)
            for p in range(positions):
                u = between(potentials[p], first, end)
                for k in range(u.size):
                    u[k] = turned[k, p] * scales[k]
        first = end
    return 0


@cell
def _scale(potentials, scales, first, last):
    """Multiply potentials of neurons from first to last by their scales, if any is not one."""
    scaled = False
    for k in range(scales.size):
        scaled |= scales[k] != ONE
    for p in range(potentials.shape[0] if scaled else 0):
        u = between(potentials[p], first, last)
        for k in range(u.size):
            u[k] *= scales[k]
