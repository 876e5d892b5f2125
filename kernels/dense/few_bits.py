"""Synapses of few bits: whole numbers from -highest to highest, and one scale for each neuron.

Decay is the scale's; growth is rounded, so only active inputs are written. If a synapse leaves the range, the scale
doubles as often as it takes, and all of the neuron's synapses are rounded once more.
"""

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.dense.layout import SAMPLES
from neurosim.kernels.dense.norms import note_whole
from neurosim.kernels.shared.instruments import note_step
from neurosim.kernels.shared.numbers import HALF, ONE, ZERO
from neurosim.kernels.shared.random_words import GOLDEN, random_word

FAINTEST = np.float32(1e-18)  # scale of synapses of few bits, so that no square of it is subnormal
WHOLE = np.float32(2**24)  # from here on float32 has no other numbers
UNIT = np.float32(2**-24)  # a chance has so many bits as float32 holds


@cell
def round_to_whole(x, key, i, nearest):
    """Return a whole number: the nearest one, or one of the two beside x, by chance, so that the mean is x."""
    size = abs(x)
    if not size < WHOLE:
        return x
    whole = np.float32(np.int32(size))
    if nearest:
        odd = np.int32(size) & np.int32(1) != 0
        up = size - whole > HALF or (size - whole == HALF and odd)
    else:
        up = np.float32(random_word(key + np.uint64(i) * GOLDEN) >> np.uint64(40)) * UNIT < size - whole
    if up:
        whole += ONE
    return ZERO - whole if x < ZERO else whole


@cell
def _ones(word):
    """Return how many bits are set."""
    count = 0
    while word != 0:
        word &= word - 1
        count += 1
    return count


@cell
def store_synapse(i, k, whole, constants, state, live):
    """Write a synapse; return how many of its bits change, in two's complement."""
    old, new = np.int64(state.synapses[i, k]), np.int64(whole)
    if new == old:
        return 0
    state.synapses[i, k] = whole
    state.squares[k] += new * new - old * old
    if live.size > 0:
        live[i] += np.int64(new != 0) - np.int64(old != 0)
    return _ones((new ^ old) & (2 * np.int64(constants.highest) + 1))


@cell
def _round_growth(k, growth, key, constants, state, grown):
    """Write what neuron k's synapses at the active inputs become, in units of its scale; return the largest size."""
    scale, peak = state.scales[k], growth * ZERO
    for j in range(state.pending_sizes[0]):
        i = state.pending_active[0, j]
        step = round_to_whole(growth * state.pending_inputs[0, j] / scale, key, i, constants.nearest)
        grown[j] = state.synapses[i, k] + step
        peak = max(peak, abs(grown[j]))
    return peak


@cell
def _grow_in_few_bits(k, growth, key, constants, state, scratch, live):
    """Add c x / s to neuron k's synapses, rounded; if one leaves the range, give all a larger scale. Return flips."""
    grown, size, flips = scratch.values, state.pending_sizes[0], 0
    peak = _round_growth(k, growth, key, constants, state, grown)
    if peak <= constants.highest:
        for j in range(size):
            flips += store_synapse(state.pending_active[0, j], k, grown[j], constants, state, live)
        return flips
    shrink, again, j = peak * ZERO + ONE, random_word(key), 0
    while peak * shrink > constants.highest:
        shrink *= HALF
    for i in range(state.synapses.shape[0]):
        active = j < size and state.pending_active[0, min(j, size - 1)] == i
        exact = grown[j] if active else state.synapses[i, k]
        j += active
        flips += store_synapse(
            i, k, round_to_whole(exact * shrink, again, i, constants.nearest), constants, state, live
        )
    state.scales[k] /= shrink
    note_whole(state.counters, k)
    return flips


@cell
def write_few_bits(count, constants, state, scratch, live):
    """Apply what was proposed for `count` neurons, each by its own scale."""
    sample = sample_word(constants.salt, state.counters[SAMPLES])
    scratch.flips[0] = 0
    for m in range(count):
        k = scratch.written[m]
        scratch.flips[0] += write_neuron_in_few_bits(k, k, sample, constants, state, scratch, live)


@cell
def sample_word(salt, samples):
    """Return the random word of a sample, of which its neurons' words are made."""
    return random_word(salt + np.uint64(samples) * GOLDEN)


@cell
def write_neuron_in_few_bits(k, number, sample, constants, state, scratch, live):
    """Apply what was proposed for neuron k, whose random numbers follow from `number`; return flips."""
    flips, growth, scale = 0, scratch.growth[0, k], state.scales[k] * (ONE + scratch.changes[k])
    if constants.instruments:
        note_step(k, scratch.sizes[k], state.steps)
    # Where no weight is left, the scale says nothing: its first growth finds it, from the faintest up.
    state.scales[k] = max(scale, FAINTEST) if state.squares[k] > 0 else scale * ZERO + FAINTEST
    if growth != ZERO:
        key = random_word(sample + np.uint64(number) * GOLDEN)
        flips = _grow_in_few_bits(k, growth, key, constants, state, scratch, live)
    state.norms[k] = state.squares[k]
    state.norms[k] *= state.scales[k] * state.scales[k]
    return flips
