"""Potentials of every neuron at every position."""

from numba.extending import register_jitable

from neurosim.kernels.conv.blas import block_end, block_size, times_transposed
from neurosim.kernels.conv.images import cut_patches
from neurosim.kernels.conv.layout import NORMALISED, PATCHED
from neurosim.kernels.conv.team import mark, meet, share_of
from neurosim.kernels.shared.numbers import ONE

NARROW = 4  # at least so many neurons a position make potentials quicker neuron by neuron


@register_jitable
def respond(product, values, constants, state, scratch, patches, potentials, team, marks, n):
    """Write an image's patches, and the potentials of a thread's neurons at every position."""
    meet(team)
    mark(marks, team, n, NORMALISED)
    cut_patches(values, constants, scratch.image, patches, team)
    meet(team)
    mark(marks, team, n, PATCHED)
    first, last = share_of(potentials.shape[1], block_size(potentials.shape[1]), team)
    integrate(product, patches, state, scratch, potentials, first, last)


@register_jitable
def integrate(product, patches, state, scratch, potentials, first, last):
    """Write the potentials of neurons from first to last at every position, block by block."""
    positions, begin = potentials.shape[0], first
    while begin < last:
        end = block_end(begin, last, block_size(potentials.shape[1]))
        scales = state.scales[begin:end]
        if positions * NARROW > potentials.shape[1]:
            times_transposed(product, patches, state.synapses, potentials, scratch, begin, end)
            _scale(potentials, scales, begin, end)
        else:  # BLAS is quicker with few columns than with few rows
            turned = scratch.turned[begin:end]
            times_transposed(product, state.synapses[begin:end], patches, turned, scratch, 0, positions)
            for p in range(positions):
                u = potentials[p, begin:end]
                for k in range(u.size):
                    u[k] = turned[k, p] * scales[k]
        begin = end


@register_jitable
def _scale(potentials, scales, first, last):
    """Multiply potentials of neurons from first to last by their scales, if any is not one."""
    scaled = False
    for k in range(scales.size):
        scaled |= scales[k] != ONE
    for p in range(potentials.shape[0] if scaled else 0):
        u = potentials[p, first:last]
        for k in range(u.size):
            u[k] *= scales[k]
