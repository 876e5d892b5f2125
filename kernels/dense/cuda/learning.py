"""Learning from a full window: a thread sees the layer as if its own neuron were all of it."""

import math

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.dense import beginning, every_synapse, few_bits, layout, means
from neurosim.kernels.dense.cuda.layout import NOBODY, NOT_WRITTEN
from neurosim.kernels.dense.cuda.potentials import choose, reload_synapses
from neurosim.kernels.dense.cuda.survey import SIZES, rank_of, sum_over_neurons
from neurosim.kernels.dense.cuda.window import full_window, only_neuron, only_scratch
from neurosim.kernels.dense.learning import apply_decay, leak_all, propose_steps, settle_norms
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared.grid import cuda, meet
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.rates import rate_by_time


@register_jitable
def _is_touched(responses, cutoff):
    """Return whether some sample of the window writes the one neuron."""
    touched = False
    for p in range(responses.shape[0]):
        touched |= abs(responses[p, 0]) >= cutoff
    return touched


@register_jitable
def _reverse_step(scratch):
    """Turn the one neuron's step round."""
    scratch.changes[0] = -scratch.changes[0]
    scratch.overlaps[0] = -scratch.overlaps[0]
    for p in range(scratch.growth.shape[0]):
        scratch.growth[p, 0] = -scratch.growth[p, 0]


@register_jitable
def _sum_sizes(n, window, constants, field, state, memory, seat):
    """Write the sum of |u| over the layer for each sample of the window."""
    for p in range(window):
        others = state.pending_potentials[p] if window > 1 else memory.potentials[n % 2]
        total = sum_over_neurons(SIZES, n % 2, False, constants, field, ONE, memory, others, seat.tile, seat.lanes)
        if cuda.threadIdx.x == 0:
            memory.totals[cuda.blockIdx.x, p] = total


@register_jitable
def begin(k, n, samples, constants, intake, state, memory, results, seat):
    """Let neuron k begin as sample n: its own thread's work."""
    mine = seat.owner and seat.neuron == k
    if mine:
        row, only = n % results.potentials.shape[0], n + 1
        neuron = only_neuron(
            k, state, memory.counters[k], intake.values[n:only], intake.active[n:only], intake.sizes[n:only],
            intake.modulators[n:only], results.potentials[row : row + 1, k : k + 1],
            results.responses[row : row + 1, k : k + 1],
        )  # fmt: skip
        values, active = intake.values[n], intake.active[n]
        beginning.begin_neuron(0, k, samples, intake.sizes[n], active, values, constants, neuron, results.live)
    reload_synapses(mine, state.synapses, seat)


@register_jitable
def _propose(samples, updates, constants, neuron, scratch, own):
    """Move the one neuron's means, and ask the rule for its step; return whether there is one, and if it is finite."""
    neuron.counters[layout.UPDATES] = updates
    if constants.bias != kernel_codes.UNBIASED or constants.moment > 0:
        means.move_means(constants, neuron)
    potentials, responses = neuron.pending_potentials, neuron.pending_responses
    if not _is_touched(responses, constants.cutoff):
        return False, True
    rate = rate_by_time(constants, samples - 1)
    propose_steps(1, potentials, responses, rate, None, constants, neuron, scratch, own)
    return True, math.isfinite(scratch.sizes[0])


@register_jitable
def _gate(n, learns, biased, constants, field, memory, scratch, seat):
    """Return whether the thread's neuron has one of the largest steps; if signed, reverse it unless it is the first."""
    if seat.owner and not learns:
        memory.sizes[seat.neuron] = NOT_WRITTEN
    meet()
    rank = rank_of(True, seat.first, seat.mine, n % 2, biased, constants, field, memory, seat.ranks)
    learns = learns and rank < constants.winners
    if learns and constants.signed and rank > 0:
        _reverse_step(scratch)
    return learns


@register_jitable
def _grow(p, count, neuron, synapses, growth, seat):
    """Add c x / s to v for one sample of the window, in the synapses and in the block's copy of them."""
    values, active, first, width, flags = (
        neuron.pending_inputs[p],
        neuron.pending_active[p],
        seat.first,
        seat.width,
        seat.flags,
    )
    for j in range(cuda.threadIdx.x, neuron.pending_sizes[p], cuda.blockDim.x):
        i, x = active[j], values[j]
        for m in range(count):
            column = flags[m]
            step = growth[p, first + column] * x
            if seat.resident:
                grown = seat.copy[i * width + column] + step
                seat.copy[i * width + column] = grown
                synapses[i, first + column] = grown
            else:
                synapses[i, first + column] += step
    cuda.syncthreads()


@register_jitable
def _write_floats(learns, constants, neuron, scratch, state, memory, seat):
    """Apply what was proposed to float synapses; return how often the thread's neuron was folded before it grew."""
    folded = learns and apply_decay(1, constants, neuron, scratch)
    reload_synapses(folded, state.synapses, seat)
    folds = neuron.counters[layout.FOLDS] if seat.owner else 0
    count = choose(learns, seat.flags)
    for p in range(neuron.pending_sizes.size if count > 0 else 0):
        _grow(p, count, neuron, state.synapses, memory.growth, seat)
    if learns:
        settle_norms(1, folded, constants, neuron, scratch)
    return folds


@register_jitable
def _write_few_bits(samples, chosen, constants, neuron, state, memory, live, seat):
    """Apply what was proposed for the block's chosen neurons; one thread, as they share the memory to grow in."""
    if cuda.threadIdx.x > 0:
        return
    word = few_bits.sample_word(constants.salt, samples)
    for m in range(chosen):
        k = seat.first + seat.flags[m]
        other = only_neuron(
            k, state, memory.counters[k], neuron.pending_inputs, neuron.pending_active, neuron.pending_sizes,
            neuron.pending_modulators, neuron.pending_potentials, neuron.pending_responses,
        )  # fmt: skip
        few_bits.write_neuron_in_few_bits(0, k, word, constants, other, only_scratch(k, memory), live)


@register_jitable
def _write(learns, samples, constants, neuron, scratch, state, memory, live, seat):
    """Apply what was proposed, and let weights leak; return whether the thread's neuron has diverged."""
    k, owner, stale, diverged = seat.neuron, seat.owner, False, False
    folds = neuron.counters[layout.FOLDS] if owner else 0
    if constants.eligibility > ZERO:
        stale = owner
        if owner:
            every_synapse.learn_by_eligibility(1 if learns else 0, constants, neuron, scratch)
            diverged = not math.isfinite(state.norms[k])
    elif constants.highest > ZERO:
        stale, count = learns, choose(learns, seat.flags)
        _write_few_bits(samples, count, constants, neuron, state, memory, live, seat)
    else:
        folds = _write_floats(learns, constants, neuron, scratch, state, memory, seat)
    if owner and constants.leak > ZERO:
        leak_all(constants, neuron)
    stale = stale or (owner and neuron.counters[layout.FOLDS] != folds)
    reload_synapses(stale, state.synapses, seat)
    return diverged or (learns and not math.isfinite(state.norms[k]))


@register_jitable
def learn(n, window, samples, updates, biased, field, constants, intake, state, memory, results, own, seat):
    """Learn from the full window that ends with sample n; return whether the thread's neuron has diverged."""
    scratch = only_scratch(seat.neuron, memory)
    neuron = full_window(n, window, intake, state, memory, results, seat)
    if constants.total:
        _sum_sizes(n, window, constants, field, state, memory, seat)
    cuda.syncthreads()
    learns, finite = False, True
    if seat.owner:
        learns, finite = _propose(samples, updates, constants, neuron, scratch, own)
    learns = learns and finite
    if constants.gated:
        learns = _gate(n, learns, biased, constants, field, memory, scratch, seat)
    diverged = _write(learns, samples, constants, neuron, scratch, state, memory, results.live, seat)
    return diverged or not finite


@register_jitable
def pass_time(n, constants, intake, state, memory, results, seat):
    """Let eligibility decay, and meet the modulator, at a sample that teaches nothing; return as `learn` does."""
    if not constants.eligibility > ZERO:
        return False
    neuron, diverged = full_window(n, 1, intake, state, memory, results, seat), False
    cuda.syncthreads()  # others of the block have read the synapses that change now
    if seat.owner:
        every_synapse.learn_by_eligibility(0, constants, neuron, only_scratch(seat.neuron, memory))
        diverged = not math.isfinite(state.norms[seat.neuron])
        if diverged:
            memory.failures[seat.neuron] = n + 1
    cuda.syncthreads()
    return diverged


@register_jitable
def first_failure(failures, samples, neurons):
    """Return the first sample, from 1, at which a neuron diverged, and the neuron; NOBODY if none. A block does it."""
    thread = cuda.threadIdx.x
    sample, neuron = NOBODY, NOBODY
    for k in range(thread, failures.size, cuda.blockDim.x):
        if 0 < failures[k] < sample:
            sample, neuron = np.int32(failures[k]), np.int32(k)
    samples[thread], neurons[thread] = sample, neuron
    cuda.syncthreads()
    for other in range(cuda.blockDim.x):
        if samples[other] < sample or (samples[other] == sample and neurons[other] < neuron):
            sample, neuron = samples[other], neurons[other]
    return sample, neuron
