"""Steps applied to the synapses, densely, in place, or one response at a time."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.blas import block_end, block_size, times_transposed, transposed_times_in_blocks
from neurosim.kernels.conv.layout import MEASURED_NORMS, MULTIPLIED
from neurosim.kernels.conv.powers import larger, square_sum
from neurosim.kernels.conv.proposing import within_cap
from neurosim.kernels.conv.team import mark, meet, note_fold, share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.instruments import note_step
from neurosim.kernels.shared.numbers import FOLD_ABOVE, FOLD_BELOW, ONE, TWO, ZERO
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.softmax import maximum

FLAT = np.float32(1e-30)  # largest change of an update that is no change at all
FEW_POSITIONS = 32  # that BLAS gets at once of the patches' products with one another


@cell
def take_over_norm(k, norm, square, instruments, norms, steps):
    """Take over neuron k's new squared norm, and the size of the step that led to it."""
    norms[k] = norm
    if instruments:
        note_step(k, max(square, ZERO), steps)


@cell
def moved_norm(norm, change, overlap, square):
    """Return a neuron's new squared norm, and the squared size of the step: of its growth it has square."""
    square = change * change * norm + TWO * change * overlap + square
    return larger(norm + TWO * (change * norm + overlap) + square, ZERO), square


@cell
def weight_step(weight, change, growth, factor):
    """Return a weight's step."""
    return factor * (change * weight + growth)


@cell
def _move(k, change, growth, factor, synapses, scales, instruments, norms, steps, lanes):
    """Move neuron k by factor * (change * w + growth), which overwrites growth; measure step and norm."""
    v, s = synapses[k], scales[k]
    for i in range(v.size):
        w = s * v[i]
        growth[i] = weight_step(w, change, growth[i], factor)
        v[i] = w + growth[i]
    scales[k] = ONE
    square = square_sum(growth, ZERO, lanes) if instruments else s
    take_over_norm(k, square_sum(v, ZERO, lanes), square, instruments, norms, steps)


@cell
def _first_wild(norms, first, last):
    """Return the first neuron whose norm is not finite, or -1."""
    for k in range(first, last):
        if not math.isfinite(norms[k]):
            return k
    return -1


@compiled(_nrt=False, no_cpython_wrapper=True)
def grow_densely(address, kind, n, _unused, _also, _too):
    """Move a thread's neurons by a whole matrix product that is written apart from the synapses."""
    given = kept_at(address, kind)
    state, scratch, team, instruments = given.state, given.scratch, given.team, given.constants.instruments
    changes, step, growth, lanes = scratch.changes, scratch.step, scratch.growth, scratch.lanes
    synapses, scales, norms, steps = state.synapses, state.scales, state.norms, state.steps
    block = block_size(norms.size)
    first, last = share_of(norms.size, block, team)
    transposed_times_in_blocks(given.product, growth, scratch.patches, ZERO, step, first, last, block)
    mark(given.marks, team, n, MULTIPLIED)
    for k in range(first, last):
        if changes[k] != ZERO or scratch.overlaps[k] != ZERO:
            factor = within_cap(changes[k], given.constants.cap)
            _move(k, changes[k], step[k], factor, synapses, scales, instruments, norms, steps, lanes)
    return _first_wild(norms, first, last)


@compiled(_nrt=False, no_cpython_wrapper=True)
def grow_by_largest(address, kind, n, _unused, _also, _too):
    """Do what `grow_densely` does, each step divided by the largest change of all weights."""
    given = kept_at(address, kind)
    state, scratch, team, instruments = given.state, given.scratch, given.team, given.constants.instruments
    changes, step, growth, lanes = scratch.changes, scratch.step, scratch.growth, scratch.lanes
    synapses, scales, norms, steps = state.synapses, state.scales, state.norms, state.steps
    block = block_size(norms.size)
    first, last = share_of(norms.size, block, team)
    transposed_times_in_blocks(given.product, growth, scratch.patches, ZERO, step, first, last, block)
    mark(given.marks, team, n, MULTIPLIED)
    largest = changes[0] * ZERO
    for k in range(first, last):
        v, s, d = synapses[k], scales[k], step[k]
        for i in range(v.size):
            d[i] += changes[k] * (s * v[i])
        largest = max(largest, maximum(d))
        for i in range(v.size):
            d[i] = -d[i]
        largest = max(largest, maximum(d))
    team.largest[team.number, 0] = largest
    meet(team)
    for other in range(team.size):
        largest = max(largest, team.largest[other, 0])
    if largest > FLAT:
        for k in range(first, last):
            factor = -scratch.squares[k] / largest  # the rates wait there
            _move(k, changes[k] * ZERO, step[k], factor, synapses, scales, instruments, norms, steps, lanes)
    return _first_wild(norms, first, last)


@cell
def _multiply_all(growth, factors, first, last):
    """Multiply the growth of neurons from first to last by their factors."""
    own_factors = between(factors, first, last)
    for p in range(growth.shape[0]):
        c = between(growth[p], first, last)
        for k in range(c.size):
            c[k] *= own_factors[k]


@cell
def _measure(growth, transformed, squares, first, last):
    """Write what the growth of neurons from first to last squares to."""
    mine = between(squares, first, last)
    mine[:] = ZERO
    for p in range(growth.shape[0]):
        c, d = between(growth[p], first, last), between(transformed[p], first, last)
        for k in range(c.size):
            mine[k] += c[k] * d[k]


@compiled(_nrt=False, no_cpython_wrapper=True)
def grow_in_place(address, kind, n, _unused, _also, _too):
    """Move neurons by a matrix product added to their synapses; norms by the patches' products with one another."""
    given = kept_at(address, kind)
    constants, state, scratch, team, product = given.constants, given.state, given.scratch, given.team, given.product
    growth, patches, factors, gram = scratch.growth, scratch.patches, scratch.rates, scratch.gram
    norms, scales, block = state.norms, state.scales, block_size(state.norms.size)
    first, last = share_of(norms.size, block, team)
    begin, stop = share_of(growth.shape[0], FEW_POSITIONS, team)
    block_begin = begin
    while block_begin < stop:
        end = block_end(block_begin, stop, FEW_POSITIONS)
        times_transposed(product, patches, patches, gram, block_begin, end)
        block_begin = end
    for k in range(first, last):
        factors[k] = within_cap(scratch.changes[k], constants.cap)
    _multiply_all(growth, factors, first, last)
    meet(team)
    transposed_times_in_blocks(product, gram, growth, ZERO, scratch.product, begin, stop, FEW_POSITIONS)
    meet(team)
    _measure(growth, scratch.product, scratch.squares, first, last)
    for k in range(first, last):
        change, overlap = scratch.changes[k] * factors[k], scratch.overlaps[k] * factors[k]
        norm, square = moved_norm(norms[k], change, overlap, scratch.squares[k])
        take_over_norm(k, norm, square, constants.instruments, norms, state.steps)
        scales[k] *= ONE + change
        if not FOLD_BELOW <= abs(scales[k]) <= FOLD_ABOVE:
            fold_scale(k, state.synapses, scales)
            note_fold(team, k)
        factors[k] = ONE / scales[k]
    _multiply_all(growth, factors, first, last)
    mark(given.marks, team, n, MEASURED_NORMS)
    transposed_times_in_blocks(product, growth, patches, ONE, state.synapses, first, last, block)
    return _first_wild(norms, first, last)


@cell
def fold_scale(k, synapses, scales):
    """Multiply neuron k's scale into its synapses."""
    v = synapses[k]
    for i in range(v.size):
        v[i] *= scales[k]
    scales[k] = ONE


@compiled(_nrt=False, no_cpython_wrapper=True)
def grow_singly(address, kind, _unused, _also, _too, _last):
    """Move those of a thread's neurons that have anything to learn, each by the sum of its few patches."""
    given = kept_at(address, kind)
    state, scratch, constants = given.state, given.scratch, given.constants
    counts, rows, values, sum_ = scratch.counts, scratch.event_rows, scratch.event_values, scratch.sum
    patches, changes, lanes = scratch.patches, scratch.changes, scratch.lanes
    begin, stop = share_of(state.norms.size, block_size(state.norms.size), given.team)
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
        factor = within_cap(changes[k], constants.cap)
        _move(
            k, changes[k], sum_, factor, state.synapses, state.scales, constants.instruments, state.norms, state.steps,
            lanes,
        )  # fmt: skip
    return _first_wild(state.norms, begin, stop)
