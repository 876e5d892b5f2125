"""Steps applied to the synapses, densely, in place, or one response at a time."""

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.conv.blas import block_end, block_size, times_transposed, transposed_times_in_blocks
from neurosim.kernels.conv.layout import FOLDED, LARGEST, MEASURED_NORMS, MULTIPLIED
from neurosim.kernels.conv.powers import larger, square_sum
from neurosim.kernels.conv.team import mark, meet, share_of
from neurosim.kernels.shared.instruments import note_step
from neurosim.kernels.shared.numbers import FOLD_ABOVE, FOLD_BELOW, ONE, TWO, ZERO
from neurosim.kernels.shared.softmax import maximum

FLAT = np.float32(1e-30)  # largest change of an update that is no change at all
FEW_POSITIONS = 32  # that BLAS gets at once of the patches' products with one another


@register_jitable
def take_over_norm(k, norm, square, constants, state):
    """Take over neuron k's new squared norm, and the size of the step that led to it."""
    state.norms[k] = norm
    if constants.instruments:
        note_step(k, max(square, ZERO), state.steps)


@register_jitable
def moved_norm(norm, change, overlap, square):
    """Return a neuron's new squared norm, and the squared size of the step: of its growth it has square."""
    square = change * change * norm + TWO * change * overlap + square
    return larger(norm + TWO * (change * norm + overlap) + square, ZERO), square


@register_jitable
def weight_step(weight, change, growth, factor):
    """Return a weight's step."""
    return factor * (change * weight + growth)


@register_jitable
def _move(k, change, growth, factor, constants, state, lanes):
    """Move neuron k by factor * (change * w + growth), which overwrites growth; measure step and norm."""
    v, s = state.synapses[k], state.scales[k]
    for i in range(v.size):
        w = s * v[i]
        growth[i] = weight_step(w, change, growth[i], factor)
        v[i] = w + growth[i]
    state.scales[k] = ONE
    square = square_sum(growth, ZERO, lanes) if constants.instruments else s
    take_over_norm(k, square_sum(v, ZERO, lanes), square, constants, state)


@register_jitable
def grow_densely(product, patches, constants, state, scratch, team, first, last, marks, n):
    """Move neurons from first to last by a whole matrix product that is written apart from the synapses."""
    changes, step, factors, lanes = scratch.changes, scratch.step, scratch.rates, scratch.lanes
    block, zero = block_size(state.norms.size), scratch.factors[1:]
    transposed_times_in_blocks(product, scratch.growth, patches, zero, step, scratch, first, last, block)
    mark(marks, team, n, MULTIPLIED)
    if constants.step == LARGEST:
        largest = changes[0] * ZERO
        for k in range(first, last):
            v, s, d = state.synapses[k], state.scales[k], step[k]
            for i in range(v.size):
                d[i] += changes[k] * (s * v[i])
            largest = max(largest, maximum(d, lanes))
            for i in range(v.size):
                d[i] = -d[i]
            largest = max(largest, maximum(d, lanes))
        team.largest[team.number, 0] = largest
        meet(team)
        for other in range(team.size):
            largest = max(largest, team.largest[other, 0])
        if not largest > FLAT:
            return
        for k in range(first, last):
            _move(k, changes[k] * ZERO, step[k], -factors[k] / largest, constants, state, lanes)
        return
    for k in range(first, last):
        if changes[k] != ZERO or scratch.overlaps[k] != ZERO:
            _move(k, changes[k], step[k], factors[k], constants, state, lanes)


@register_jitable
def grow_in_place(product, patches, constants, state, scratch, team, first, last, marks, n):
    """Move neurons by a matrix product added to their synapses; norms by the patches' products with one another."""
    changes, overlaps, factors, squares = scratch.changes, scratch.overlaps, scratch.rates, scratch.squares
    growth, transformed, mine = scratch.growth, scratch.product, scratch.squares[first:last]
    own_factors, zero, neurons = factors[first:last], scratch.factors[1:], state.norms.size
    begin, stop = share_of(growth.shape[0], FEW_POSITIONS, team)
    block_begin = begin
    while block_begin < stop:
        end = block_end(block_begin, stop, FEW_POSITIONS)
        times_transposed(product, patches, patches, scratch.gram, scratch, block_begin, end)
        block_begin = end
    for p in range(growth.shape[0]):
        c = growth[p, first:last]
        for k in range(c.size):
            c[k] *= own_factors[k]
    meet(team)
    transposed_times_in_blocks(product, scratch.gram, growth, zero, transformed, scratch, begin, stop, FEW_POSITIONS)
    meet(team)
    mine[:] = ZERO
    for p in range(growth.shape[0]):
        c, d = growth[p, first:last], transformed[p, first:last]
        for k in range(c.size):
            mine[k] += c[k] * d[k]
    for k in range(first, last):
        change = changes[k] * factors[k]
        norm, square = moved_norm(state.norms[k], change, overlaps[k] * factors[k], squares[k])
        take_over_norm(k, norm, square, constants, state)
        state.scales[k] *= ONE + change
        if not FOLD_BELOW <= abs(state.scales[k]) <= FOLD_ABOVE:
            fold_scale(k, state)
            team.signals[team.number, FOLDED] += 1
        factors[k] = ONE / state.scales[k]
    for p in range(growth.shape[0]):
        c = growth[p, first:last]
        for k in range(c.size):
            c[k] *= own_factors[k]
    mark(marks, team, n, MEASURED_NORMS)
    one, block = scratch.factors, block_size(neurons)
    transposed_times_in_blocks(product, growth, patches, one, state.synapses, scratch, first, last, block)


@register_jitable
def fold_scale(k, state):
    """Multiply neuron k's scale into its synapses."""
    v = state.synapses[k]
    for i in range(v.size):
        v[i] *= state.scales[k]
    state.scales[k] = ONE


@register_jitable
def grow_singly(patches, constants, state, scratch, begin, stop):
    """Move those neurons from begin to stop that have anything to learn, each by the sum of its few patches."""
    counts, rows, values, sum_ = scratch.counts, scratch.event_rows, scratch.event_values, scratch.sum
    last = 0
    for k in range(begin, stop):
        first, last = last, last + counts[k]
        if first == last:
            continue
        sum_[:] = ZERO
        whole = first + (last - first) // 4 * 4
        for j in range(first, whole, 4):
            x0, x1, x2, x3 = patches[rows[j]], patches[rows[j + 1]], patches[rows[j + 2]], patches[rows[j + 3]]
            c0, c1, c2, c3 = values[j], values[j + 1], values[j + 2], values[j + 3]
            for i in range(sum_.size):
                sum_[i] = (((sum_[i] + c0 * x0[i]) + c1 * x1[i]) + c2 * x2[i]) + c3 * x3[i]
        for j in range(whole, last):
            x0, c0 = patches[rows[j]], values[j]
            for i in range(sum_.size):
                sum_[i] += c0 * x0[i]
        _move(k, scratch.changes[k], sum_, scratch.rates[k], constants, state, scratch.lanes)
