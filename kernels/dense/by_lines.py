"""Learning, a line of neurons at a time: of the rule of SoftHebb, after each sample, where many neurons are written.

It does what `learning.py` does for each neuron, with the same arithmetic for each: the bits are the same. Each function
mirrors another, and changes with it: `propose_by_lines` mirrors `learning.propose_steps` and `learning._size`,
`decay_by_lines` mirrors `learning.apply_decay`, `_note_steps` mirrors `instruments.note_step`, `_rates` mirrors
`rates.rate_of_neuron` and `norms.length_of`, and `_not_below_zero` mirrors `norms.not_below_zero`.
tests/kernels/dense/test_by_lines.py compares them bit for bit.
"""

import math

from neurosim.kernels.compiled import cell, inlined
from neurosim.kernels.dense.layout import WRITES
from neurosim.kernels.dense.norms import fold_scale
from neurosim.kernels.shared.codes import BY_NORM, BY_WINS
from neurosim.kernels.shared.numbers import FOLD_ABOVE, FOLD_BELOW, HALF, LINE, NAN, NEGLIGIBLE, ONE, TWO, ZERO
from neurosim.kernels.shared.rules import SOFT_HEBB, softhebb
from neurosim.kernels.shared.vectors import bits_of, chosen, larger, line_or, lowest_bit, put_where, vector_of


@cell
def learns_by_lines(window, constants, stages):
    """Return whether a layer has no more than what is here."""
    if constants.rule != SOFT_HEBB or window > 1 or constants.lebesgue != TWO or constants.largest:
        return False
    if stages.propose != 0 or stages.gate != 0 or stages.eligibility != 0 or stages.write_few_bits != 0:
        return False
    return constants.schedule != BY_WINS and (constants.schedule != BY_NORM or constants.rate_power == HALF)


@cell
def _not_below_zero(x):
    """Return what `norms.not_below_zero` does."""
    return chosen(x < ZERO, x * ZERO, x)


@cell
def _rates(rate, square, like, constants):
    """Return what `rate_of_neuron` does, from the squared norms."""
    if constants.schedule != BY_NORM:
        return vector_of(rate, like)
    rates = rate * math.sqrt(abs(math.sqrt(square) - ONE))
    return larger(rates, vector_of(constants.rate_floor, like))


@inlined
def propose_by_lines(count, u, y, rate, constants, state, scratch):
    """Do what `propose_steps` does."""
    modulator, gram = state.pending_modulators[0], scratch.gram[0, 0]
    state.counters[WRITES] += count
    for k in range(0, u.size, LINE):
        response, potential = line_or(y, k, u.size, NAN), line_or(u, k, u.size, ZERO)
        square, reached = line_or(state.norms, k, u.size, ONE), abs(response) >= constants.cutoff
        neuron_rate = _rates(rate, square, u, constants)
        a, c = softhebb(potential, response, None, None, None, neuron_rate, None)
        c = chosen(abs(c) <= NEGLIGIBLE, vector_of(ZERO, u), c * modulator)
        change = rate * ZERO + modulator * (a - ONE)
        shrink = chosen(abs(change) > constants.cap, constants.cap / abs(change), vector_of(ONE, u))
        c, change = c * shrink, change * shrink
        overlap, grown = change * ZERO + c * potential, change * ZERO + c * c * gram
        put_where(scratch.growth[0], k, reached, c)
        put_where(scratch.changes, k, reached, change)
        put_where(scratch.overlaps, k, reached, overlap)
        size = change * change * square + TWO * change * overlap + grown
        put_where(scratch.sizes, k, reached, _not_below_zero(size))


@cell
def _note_steps(k, which, sizes, end, steps):
    """Do what `note_step` does."""
    total, lost = line_or(steps[0], k, end, ZERO), line_or(steps[1], k, end, ZERO)
    size = math.sqrt(sizes) - lost
    grown = total + size
    put_where(steps[1], k, which, (grown - total) - size)
    put_where(steps[0], k, which, grown)


@inlined
def decay_by_lines(y, constants, state, scratch):
    """Do what `apply_decay` does."""
    any_folded, end, growth, scales = False, y.size, scratch.growth[0], state.scales
    for k in range(0, end, LINE):
        reached = abs(line_or(y, k, end, NAN)) >= constants.cutoff
        change, size = line_or(scratch.changes, k, end, ZERO), line_or(scratch.sizes, k, end, ZERO)
        if constants.instruments:
            _note_steps(k, reached, size, end, state.steps)
        norm = line_or(state.norms, k, end, ONE)
        norm = norm + TWO * (change * norm + line_or(scratch.overlaps, k, end, ZERO)) + size
        put_where(state.norms, k, reached, _not_below_zero(norm))
        scale = line_or(scales, k, end, ONE) * (ONE + change)
        put_where(scales, k, reached, scale)
        held = bits_of(reached & (abs(scale) >= FOLD_BELOW) & (abs(scale) <= FOLD_ABOVE))
        to_fold = bits_of(reached) - held
        while to_fold != 0:
            fold_scale(state.synapses, scales, state.counters, k + lowest_bit(to_fold))
            to_fold &= to_fold - 1
            any_folded = True
        put_where(growth, k, reached, line_or(growth, k, end, ZERO) / line_or(scales, k, end, ONE))
    return any_folded
