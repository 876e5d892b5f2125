"""Learning: the rule asked for each neuron that responds, and its two numbers applied."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, inlined, not_inlined
from neurosim.kernels.dense.by_lines import decay_by_lines, learns_by_lines, propose_by_lines
from neurosim.kernels.dense.layout import FOLDS, PENDING, SAMPLES, UPDATES, WRITES
from neurosim.kernels.dense.norms import (
    fold_scale,
    length_of,
    measure_norm,
    measure_overlap,
    not_below_zero,
    rescale,
)
from neurosim.kernels.dense.rates import rate_of_neuron
from neurosim.kernels.shared.by_address import call
from neurosim.kernels.shared.instruments import note_step
from neurosim.kernels.shared.numbers import FOLD_ABOVE, FOLD_BELOW, LINE, NAN, NEGLIGIBLE, ONE, TWO, ZERO
from neurosim.kernels.shared.rates import rate_by_time
from neurosim.kernels.shared.rules import decide
from neurosim.kernels.shared.vectors import bits_of, line_at, line_or, lowest_bit, put_line

SPARSE_WRITES = 8  # if fewer than 1/8 of the neurons are written, they are written singly, else whole rows


@not_inlined
def select_written(responses, cutoff, written):
    """Return how many neurons, and which, some sample of the window writes."""
    count = 0
    if responses.shape[0] == 1:
        y = responses[0]
        for start in range(0, y.size, LINE):  # many at once: most are below
            reached = bits_of(abs(line_or(y, start, y.size, NAN)) >= cutoff)
            while reached != 0:
                written[count] = start + lowest_bit(reached)
                reached &= reached - 1
                count += 1
        return count
    for k in range(responses.shape[1]):
        touched = False
        for p in range(responses.shape[0]):
            touched |= abs(responses[p, k]) >= cutoff
        written[count] = k
        count += touched
    return count


@inlined
def propose_steps(count, potentials, responses, rate, factors, constants, state, scratch, own):
    """Ask the rule for each neuron's two numbers, summed over the window, and find the size of the step they make.

    `factors` has each neuron's modulator; None: all are one.
    """
    growth, samples = scratch.growth, responses.shape[0]
    for m in range(count):
        k = scratch.written[m]
        norm = length_of(state.norms[k], constants.lebesgue)
        schedule, power, floor = constants.schedule, constants.rate_power, constants.rate_floor
        neuron_rate = rate_of_neuron(rate, norm, state.wins[k], schedule, power, floor)
        if constants.largest:  # the rate comes when the step has its size
            neuron_rate = neuron_rate * ZERO + ONE
        change = rate * ZERO
        for p in range(samples):
            growth[p, k] = ZERO
            if abs(responses[p, k]) >= constants.cutoff:
                # The eligibility trace keeps the step as it is, and meets the modulator later.
                modulator = state.pending_modulators[p] if constants.eligibility == ZERO else ONE
                if factors is not None:
                    modulator *= factors[k]
                a, c = decide(
                    constants.rule, own, potentials[p, k], responses[p, k], norm, state.traces[k], scratch.totals[p],
                    neuron_rate, constants.parameters,
                )  # fmt: skip
                growth[p, k] = ZERO if abs(c) <= NEGLIGIBLE else c * modulator  # NaN stays, and is found
                change += modulator * (a - ONE)
                state.counters[WRITES] += 1
        shrink = constants.cap / abs(change) if abs(change) > constants.cap and not constants.largest else ONE
        for p in range(samples):  # before anything is squared: a capped step must not overflow
            growth[p, k] *= shrink
        scratch.changes[k] = change * shrink
        _size(k, potentials, constants.lebesgue, state, scratch)


@inlined
def _size(k, potentials, lebesgue, state, scratch):
    """Find the squared length of neuron k's step d = (a - 1) w + sum of c x, and the sum of c u."""
    growth, gram, change = scratch.growth, scratch.gram, scratch.changes[k]
    overlap, grown = change * ZERO, change * ZERO
    for p in range(growth.shape[0]):
        c = growth[p, k]
        overlap += c * potentials[p, k]
        for q in range(p):
            grown += TWO * c * growth[q, k] * gram[p, q]
        grown += c * c * gram[p, p]
    square = state.norms[k]
    if lebesgue != TWO:
        square, overlap = measure_overlap(k, state, growth)
    scratch.overlaps[k] = overlap
    scratch.sizes[k] = not_below_zero(change * change * square + TWO * change * overlap + grown)


@inlined
def apply_decay(count, constants, state, scratch):
    """Decay the neurons, follow their norms, turn growth into units of v; return whether a scale was folded."""
    growth, norms, scales, any_folded = scratch.growth, state.norms, state.scales, False
    for m in range(count):
        k = scratch.written[m]
        change, size = scratch.changes[k], scratch.sizes[k]
        if constants.instruments:
            note_step(k, size, state.steps)
        # |w + d|^2 = |w|^2 + 2 w d + |d|^2 with w d = (a - 1) |w|^2 + sum of c u
        norms[k] = not_below_zero(norms[k] + TWO * (change * norms[k] + scratch.overlaps[k]) + size)
        scales[k] *= ONE + change
        if not (FOLD_BELOW <= abs(scales[k]) <= FOLD_ABOVE):
            fold_scale(state.synapses, state.scales, state.counters, k)
            any_folded = True
        for p in range(growth.shape[0]):
            growth[p, k] /= scales[k]
    return any_folded


@not_inlined
def _grow(active, values, size, written, count, synapses, growth):
    """Add c x / s to v for the active inputs of one sample of the window."""
    if count * SPARSE_WRITES < growth.size:
        for m in range(count):
            k, step = written[m], growth[written[m]]
            for j in range(size):
                synapses[active[j], k] += step * values[j]
        return
    whole = growth.size - growth.size % LINE
    for j in range(size):
        v, x = synapses[np.uintp(active[j])], values[j]
        for k in range(0, whole, LINE):
            put_line(v, k, line_at(v, k) + line_at(growth, k) * x)
        for k in range(whole, growth.size):
            v[k] += growth[k] * x


@cell
def leak_all(constants, state):
    """Let every neuron's weights decay by the window's time: two products a neuron, none a synapse."""
    kept = (ONE - constants.leak) ** np.float32(state.pending_sizes.size)
    norm_kept = kept * kept if constants.lebesgue == TWO else kept**constants.lebesgue
    for k in range(state.scales.size):
        state.scales[k] *= kept
        state.norms[k] *= norm_kept
        if abs(state.scales[k]) < FOLD_BELOW:
            fold_scale(state.synapses, state.scales, state.counters, k)


@inlined
def settle_norms(count, folded, constants, state, scratch):
    """Measure the norms that growth has left unknown, and rescale neurons that are to have norm one or a sum."""
    if not (folded or constants.renormalise or constants.weight_sum > ZERO or constants.lebesgue != TWO):
        return
    for m in range(count):
        k = scratch.written[m]
        if constants.lebesgue != TWO or (folded and state.scales[k] == ONE):
            measure_norm(state, k, constants.lebesgue)
        rescale(k, scratch.sizes[k], constants, state)


@not_inlined
def _diverged(norms):
    """Return a neuron whose norm is not finite, or -1."""
    for k in range(norms.size):
        if not math.isfinite(norms[k]):
            return k
    return -1


@cell
def _first_wild(count, written, numbers):
    """Return the first of the neurons whose number is not finite, or -1."""
    for m in range(count):
        if not math.isfinite(numbers[written[m]]):
            return written[m]
    return -1


@inlined
def pass_time(n, counts, holes, state, stages, address, kind):
    """Let eligibility decay, and meet the modulator, at a sample that teaches nothing; return what `learn` does."""
    if stages.eligibility == 0:
        return -1
    folds = state.counters[FOLDS]
    call(stages.eligibility, address, kind, 0, 0, 0, 0)
    if counts:
        call(stages.tally_writes, address, kind, n, 0, state.counters[FOLDS] - folds, holes)
    return _diverged(state.norms)


@inlined
def learn(n, row, potentials, responses, square, constants, state, scratch, own, stages, address, kind):
    """Apply a full window; return a neuron whose norm is no longer finite, or -1."""
    samples, rate = responses.shape[0], rate_by_time(constants, state.counters[SAMPLES] - 1)
    if stages.move_means != 0:
        call(stages.move_means, address, kind, 0, 0, 0, 0)
    state.counters[PENDING] = 0
    state.counters[UPDATES] += 1
    if stages.mix != 0:
        call(stages.mix, address, kind, row, 0, 0, 0)
        return _diverged(state.norms)
    scratch.gram[0, 0] = square
    if stages.overlaps != 0:
        call(stages.overlaps, address, kind, samples, 0, 0, 0)
    if stages.totals != 0:
        call(stages.totals, address, kind, row, 0, 0, 0)
    count = select_written(responses, constants.cutoff, scratch.written)
    if count * SPARSE_WRITES >= potentials.shape[1]:
        scratch.growth[:] = ZERO
    by_lines = count * SPARSE_WRITES >= potentials.shape[1] and learns_by_lines(samples, constants, stages)
    if stages.propose != 0:
        call(stages.propose, address, kind, n, row, count, 0)
    elif by_lines:
        propose_by_lines(count, potentials[0], responses[0], rate, constants, state, scratch)
    else:
        propose_steps(count, potentials, responses, rate, None, constants, state, scratch, own.rule)
    failed = _first_wild(count, scratch.written, scratch.sizes)
    if failed >= 0:
        return failed
    if stages.gate != 0:
        count = call(stages.gate, address, kind, count, 0, 0, 0)
    if stages.eligibility != 0:
        call(stages.eligibility, address, kind, count, 0, 0, 0)
    elif stages.move_by_largest != 0:
        call(stages.move_by_largest, address, kind, count, 0, 0, 0)
    elif stages.write_few_bits != 0:
        call(stages.write_few_bits, address, kind, count, 0, 0, 0)
    else:
        if by_lines:
            folded = decay_by_lines(responses[0], constants, state, scratch)
        else:
            folded = apply_decay(count, constants, state, scratch)
        for p in range(samples):
            active, values, growth = state.pending_active[p], state.pending_inputs[p], scratch.growth[p]
            _grow(active, values, state.pending_sizes[p], scratch.written, count, state.synapses, growth)
        settle_norms(count, folded, constants, state, scratch)
    if stages.leak != 0:
        call(stages.leak, address, kind, 0, 0, 0, 0)
    if stages.eligibility != 0:
        return _diverged(state.norms)
    return _first_wild(count, scratch.written, state.norms)
