"""Learning: a thread sees the layer as if its own neuron were all of it."""

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.dense import few_bits, means
from neurosim.kernels.dense.cuda.layout import NOBODY, Scratch
from neurosim.kernels.dense.cuda.survey import activated
from neurosim.kernels.dense.layout import State
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import ONE, ZERO


@register_jitable
def only_neuron(k, state, counters, inputs, active, sizes, modulators):
    """Return a state of one neuron, and of a window."""
    end = k + 1
    return State(
        state.synapses[:, k:end], state.scales[k:end], state.norms[k:end], state.wins[k:end], counters,
        state.input_norm, state.activity[k:end], state.traces[k:end], state.steps[:, k:end],
        state.eligibility[:, k:end], state.eligibility_scales[k:end], inputs, active, sizes, modulators,
        state.pending_potentials[:, k:end], state.pending_responses[:, k:end], state.pending_sums[:, k:end],
        state.squares[k:end],
    )  # fmt: skip


@register_jitable
def only_scratch(k, block, memory):
    """Return the scratch of one neuron."""
    end, sheet = k + 1, block if memory.gram.shape[0] > 1 else 0
    return Scratch(
        memory.grown[block], memory.place, memory.growth[:, k:end], memory.changes[k:end], memory.overlaps[k:end],
        memory.sizes[k:end], memory.totals[block], memory.gram[sheet],
    )  # fmt: skip


@register_jitable
def count_for_means(k, winner, potential, response, constants, field, sums):
    """Add one sample to what a neuron's running means average over the window."""
    if constants.bias == kernel_codes.CONSCIENCE:
        sums[0, k] += ONE if k == winner else ZERO
    elif constants.bias == kernel_codes.LOG_PRIOR:
        sums[0, k] += response
    elif constants.bias == kernel_codes.MEAN_ACTIVITY:
        sums[0, k] += activated(constants.activation, constants.activation_exponent, potential, field)
    if constants.moment == 1:
        sums[1, k] += response
    elif constants.moment == 2:
        sums[1, k] += means.squared_response(response, constants)


@register_jitable
def keep_sample(intake, n, p, block, blocks, state):
    """Put a sample where its window waits for its end; the grid shares the work."""
    thread, threads, size = cuda.threadIdx.x, cuda.blockDim.x, intake.sizes[n]
    for j in range(block * threads + thread, size, blocks * threads):
        state.pending_inputs[p, j], state.pending_active[p, j] = intake.values[n, j], intake.active[n, j]
    if block == 0 and thread == 0:
        state.pending_sizes[p], state.pending_modulators[p] = size, intake.modulators[n]


@register_jitable
def _overlap(p, q, state):
    """Return the inner product of two samples of a window: of the inputs that are active in both, in order."""
    i, j, dot = 0, 0, ZERO
    while i < state.pending_sizes[p] and j < state.pending_sizes[q]:
        one, other = state.pending_active[p, i], state.pending_active[q, j]
        if one == other:
            dot += state.pending_inputs[q, j] * state.pending_inputs[p, i]
        i += one <= other
        j += other <= one
    return dot


@register_jitable
def write_overlaps(block, blocks, state, gram):
    """Write the inner products of a window's samples with one another; the grid shares the work."""
    window, threads = gram.shape[0], cuda.blockDim.x
    for place in range(block * threads + cuda.threadIdx.x, window * window, blocks * threads):
        p, q = place // window, place % window
        if q <= p:
            dot = _overlap(p, q, state)
            gram[p, q] = dot
            gram[q, p] = dot


@register_jitable
def is_touched(responses, cutoff):
    """Return whether some sample of the window writes the one neuron."""
    touched = False
    for p in range(responses.shape[0]):
        touched |= abs(responses[p, 0]) >= cutoff
    return touched


@register_jitable
def reverse_step(scratch):
    """Turn the one neuron's step round."""
    scratch.changes[0] = -scratch.changes[0]
    scratch.overlaps[0] = -scratch.overlaps[0]
    for p in range(scratch.growth.shape[0]):
        scratch.growth[p, 0] = -scratch.growth[p, 0]


@register_jitable
def grow(p, count, first, width, resident, window, synapses, room, growth, flags):
    """Add c x / s to v for one sample of the window, in the synapses and in the block's copy of them."""
    values, active = window.pending_inputs[p], window.pending_active[p]
    for j in range(cuda.threadIdx.x, window.pending_sizes[p], cuda.blockDim.x):
        i, x = active[j], values[j]
        for m in range(count):
            column = flags[m]
            step = growth[p, first + column] * x
            if resident:
                grown = room[i * width + column] + step
                room[i * width + column] = grown
                synapses[i, first + column] = grown
            else:
                synapses[i, first + column] += step
    cuda.syncthreads()


@register_jitable
def write_few_bits(block, first, samples, chosen, flags, constants, state, window, memory, live):
    """Apply what was proposed for the block's chosen neurons; one thread, as they share the memory to grow in."""
    if cuda.threadIdx.x > 0:
        return
    word = few_bits.sample_word(constants.salt, samples)
    for m in range(chosen):
        k = first + flags[m]
        one = only_neuron(
            k, state, memory.counters[k], window.pending_inputs, window.pending_active, window.pending_sizes,
            window.pending_modulators,
        )  # fmt: skip
        few_bits.write_neuron_in_few_bits(0, k, word, constants, one, only_scratch(k, block, memory), live)


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
