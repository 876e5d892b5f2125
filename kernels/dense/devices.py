r"""A crossbar of memory cells: what a column's sum is when the cells are real devices, and what becomes of a write.

.. math::

    g_{ki}(t) = v_{ki} (1 + a_{ki} / t_0)^{-\nu_{ki}}, \qquad
    u_k = s_k \, \mathrm{ADC}\Big( \sum_i x_i g_{ki} - d_k + \sigma_k \xi_k \Big), \qquad
    v_{ki} \leftarrow g_{ki} + c_k x_i / s_k + \sigma_p \xi_{ki}

A synapse is a pair of cells: v, in units of the largest conductance, is from -1 to 1, and the scale s is digital. `a`
is the time since a cell was programmed, `d` what the drop of voltage along the column takes away. The errors of cells
are independent and normal, so that of their weighted sum is one normal number a neuron, which is exact.

Every random number is a function of the layer's salt and of places: of the samples learned from so far, neuron and
input for a write; of these samples, the sample's own inputs, and the neuron for a read.
"""

import math

import numpy as np

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.dense.few_bits import FAINTEST, UNIT, round_to_whole, sample_word
from neurosim.kernels.dense.layout import SAMPLES
from neurosim.kernels.dense.norms import note_whole
from neurosim.kernels.dense.potentials import scale_sums, sum_rows
from neurosim.kernels.shared.instruments import note_step
from neurosim.kernels.shared.numbers import FIFTH, HALF, ONE, TWO, ZERO
from neurosim.kernels.shared.random_words import GOLDEN, random_word

# Indices of Constants.devices. LEVELS: conductances above 0 that a cell can hold, 0: any. The deviation of a write is
# NOISE + NOISE_SLOPE g + NOISE_BEND g^2; the mean of nu is that of NU, its deviation that of SPREAD, each by four
# numbers (slope of ln g, value at g = 1, least, most).
LEVELS, NOISE, NOISE_SLOPE, NOISE_BEND = 0, 1, 2, 3
NU, SPREAD = 4, 8
START, PERIOD, IDLE = 12, 13, 14  # seconds: t_0, from one sample to the next, from the last one to a response
READ_NOISE, FLICKER, FLICKER_POWER, FLICKER_MOST, READ_TIME = 15, 16, 17, 18, 19
ADC_LEVELS, ADC_RANGE, IR_DROP = 20, 21, 22
DEVICE_NUMBERS = 23
ROUNDING, WRITING, READING = np.uint64(1), np.uint64(2), np.uint64(3)  # what chance is asked for
TURN = np.float32(2 * math.pi)
LOW_BITS = np.uint64(2**24 - 1)
DARKEST = np.float32(1e-7)  # the least conductance that has a logarithm
STEPS_OF_INPUT, LARGEST_INPUT = np.float32(2**20), np.float32(2**20)  # inputs as whole numbers, to tell samples apart
# Of the drop of voltage: below SMALL_DROP the first terms of its series are exact, and differences are not.
SMALL_DROP, THREE_HALVES, THIRD_TERM = np.float32(0.05), np.float32(1.5), np.float32(17 / 210)


@cell
def normal(word):
    """Return a normal number with mean 0 and deviation 1 from a random word, by Box and Muller's transform."""
    first = (np.float32(word >> np.uint64(40)) + ONE) * UNIT
    second = np.float32((word >> np.uint64(16)) & LOW_BITS) * UNIT
    return math.sqrt(-TWO * math.log(first)) * math.cos(TURN * second)


@cell
def _by_conductance(size, first, numbers):
    """Return min(max(slope ln g + value, least), most) of the four numbers that begin with the first."""
    value = numbers[first] * math.log(max(size, DARKEST)) + numbers[first + 1]
    return min(max(value, numbers[first + 2]), numbers[first + 3])


@cell
def _age(i, k, idle, constants, state):
    """Return how many seconds ago a cell was programmed, with those that passed since the last sample."""
    samples = state.counters[SAMPLES] - state.programmed[i, k]
    return np.float32(samples) * constants.devices[PERIOD] + idle


@cell
def conductance(i, k, idle, constants, state):
    """Return what is left of a synapse: it drifts from the moment at which it was programmed."""
    if state.exponents.shape[0] == 0:
        return state.synapses[i, k]
    kept = ONE + _age(i, k, idle, constants, state) / constants.devices[START]
    return state.synapses[i, k] * kept ** -state.exponents[i, k]


@cell
def _flicker(i, k, now, idle, constants, state):
    """Return the deviation of a cell's 1/f noise, which grows with the logarithm of the time that passed."""
    numbers, size = constants.devices, max(abs(state.synapses[i, k]), DARKEST)
    share = min(numbers[FLICKER] * size ** -numbers[FLICKER_POWER], numbers[FLICKER_MOST])
    elapsed = _age(i, k, idle, constants, state) + numbers[START]
    return abs(now) * share * math.sqrt(math.log((elapsed + numbers[READ_TIME]) / (TWO * numbers[READ_TIME])))


@cell
def _word_of_sample(values, active, size, constants, state):
    """Return the random word of reading a sample: of how many samples were learned from, and of its inputs."""
    word = sample_word(random_word(constants.salt + READING), state.counters[SAMPLES])
    for j in range(size):
        steps = np.int64(min(max(values[j], -LARGEST_INPUT), LARGEST_INPUT) * STEPS_OF_INPUT)
        word = random_word(word ^ (np.uint64(steps) + np.uint64(active[j]) * GOLDEN))
    return word


@not_inlined
def _sum_cells(values, active, size, idle, constants, state, sums, variances, currents, far):
    """Write each column's sum and its variance by 1/f noise; its current, and what of the sum lies far from its end."""
    neurons, inputs, flickers = sums.size, state.synapses.shape[0], constants.devices[FLICKER] > ZERO
    for k in range(neurons):
        sums[k], variances[k], currents[k], far[k] = ZERO, ZERO, ZERO, ZERO
    for j in range(size):
        i, x = active[j], values[j]
        before = ONE - np.float32(i) / np.float32(inputs)
        part = x * (ONE - before * before)
        for k in range(neurons):
            now = conductance(i, k, idle, constants, state)
            sums[k] += x * now
            currents[k] += abs(x * now)
            far[k] += part * now
            if flickers:
                noise = x * _flicker(i, k, now, idle, constants, state)
                variances[k] += noise * noise


@cell
def drop_of(a):
    """Return 3/2 (1 - tanh(r) / r) with r the square root of a: 3/2 of the share lost by equal cells."""
    if a < SMALL_DROP:
        return a * (HALF - a * (FIFTH - THIRD_TERM * a))
    root = math.sqrt(a)
    return THREE_HALVES * (ONE - math.tanh(root) / root)


@cell
def _take_drop(inputs, ratio, sums, currents, far):
    """Take away what the resistance of the column's wire costs, by the current that flows in it."""
    for k in range(sums.size):
        a = np.float32(inputs) * ratio * currents[k]
        sums[k] -= drop_of(a) * far[k]


@cell
def _convert(numbers, sums):
    """Let the converter of each column write its sum as a whole number of steps within its range."""
    levels, most = numbers[ADC_LEVELS], numbers[ADC_RANGE]
    for k in range(sums.size):
        within = min(max(sums[k], -most), most) if math.isfinite(sums[k]) else sums[k]
        sums[k] = round_to_whole(within / most * levels, np.uint64(0), 0, True) * (most / levels)


@not_inlined
def read_columns(values, active, size, learning, constants, state, scratch, potentials):
    """Write the potentials of a sample that was taken in: the columns' sums as they are read, times the scales."""
    numbers, variances = constants.devices, scratch.order
    if state.exponents.shape[0] > 0 or numbers[IR_DROP] > ZERO:
        currents, far = scratch.changes, scratch.overlaps
        idle = numbers[READ_NOISE] * ZERO if learning else numbers[IDLE]
        _sum_cells(values, active, size, idle, constants, state, potentials, variances, currents, far)
        if numbers[IR_DROP] > ZERO:
            _take_drop(state.synapses.shape[0], numbers[IR_DROP], potentials, currents, far)
    else:
        sum_rows(values, active, size, state.synapses, 0, potentials.size, potentials)
        for k in range(potentials.size):
            variances[k] = ZERO
    if numbers[READ_NOISE] > ZERO or numbers[FLICKER] > ZERO:
        square = numbers[READ_NOISE] * ZERO
        for j in range(size):
            square += values[j] * values[j]
        square *= numbers[READ_NOISE] * numbers[READ_NOISE]
        word = _word_of_sample(values, active, size, constants, state)
        for k in range(potentials.size):
            error = normal(random_word(word + np.uint64(k) * GOLDEN))
            potentials[k] += math.sqrt(square + variances[k]) * error
    if numbers[ADC_LEVELS] > ZERO:
        _convert(numbers, potentials)
    scale_sums(potentials, state.scales)


@cell
def _program(i, k, target, key, constants, state):
    """Program a synapse: it is off by a random amount, but no conductance is below 0; its drift begins anew."""
    numbers, size, word = constants.devices, abs(target), random_word(key + np.uint64(i) * GOLDEN)
    deviation = numbers[NOISE] + size * (numbers[NOISE_SLOPE] + size * numbers[NOISE_BEND])
    written = target
    if deviation > ZERO:
        written += deviation * normal(word)
        if written * target < ZERO:
            written = target * ZERO
    state.synapses[i, k] = written
    if state.exponents.shape[0] > 0:
        state.programmed[i, k] = state.counters[SAMPLES]
        spread = _by_conductance(size, SPREAD, numbers)
        state.exponents[i, k] = abs(_by_conductance(size, NU, numbers) + spread * normal(random_word(word + GOLDEN)))


@cell
def _target(i, k, step, key, constants, state):
    """Return what a synapse that grows is to become, and whether it is written.

    Where cells have few states, the step is rounded to whole ones, and counted from the state that the cell is nearest.
    """
    levels, now = constants.devices[LEVELS], conductance(i, k, ZERO, constants, state)
    if levels == ZERO:
        return now + step, step != ZERO
    whole = round_to_whole(step * levels, key, i, constants.nearest)
    return (round_to_whole(now * levels, key, i, True) + whole) / levels, whole != ZERO


@cell
def _rewrite(k, peak, rounding, writing, constants, state, targets):
    """Program all of neuron k's synapses at half their conductance, or less, and give it a larger scale."""
    levels, shrink, j, size = constants.devices[LEVELS], peak * ZERO + ONE, 0, state.pending_sizes[0]
    while peak * shrink > ONE:
        shrink *= HALF
    for i in range(state.synapses.shape[0]):
        active = j < size and state.pending_active[0, min(j, size - 1)] == i
        target = (targets[j] if active else conductance(i, k, ZERO, constants, state)) * shrink
        j += active
        if levels > ZERO:
            target = round_to_whole(target * levels, random_word(rounding), i, constants.nearest) / levels
        _program(i, k, target, random_word(writing), constants, state)
    state.scales[k] /= shrink
    note_whole(state.counters, k)


@cell
def _grow(k, growth, rounding, writing, constants, state, targets):
    """Program neuron k's synapses at the active inputs; all of them, if one would leave the range."""
    size, peak = state.pending_sizes[0], growth * ZERO
    for j in range(size):
        step = growth * state.pending_inputs[0, j] / state.scales[k]
        targets[j], is_written = _target(state.pending_active[0, j], k, step, rounding, constants, state)
        peak = max(peak, abs(targets[j]) if is_written else peak)
    if peak > ONE:
        _rewrite(k, peak, rounding, writing, constants, state, targets)
        return
    for j in range(size):
        i, step = state.pending_active[0, j], growth * state.pending_inputs[0, j] / state.scales[k]
        target, is_written = _target(i, k, step, rounding, constants, state)
        if is_written:
            _program(i, k, target, writing, constants, state)


@cell
def _measure_norm(k, constants, state):
    """Measure the squared norm of neuron k as its cells are now."""
    total = state.scales[k] * ZERO
    for i in range(state.synapses.shape[0]):
        w = conductance(i, k, ZERO, constants, state) * state.scales[k]
        total += w * w
    state.norms[k] = total


@cell
def write_cells(count, constants, state, scratch):
    """Apply what was proposed for `count` neurons: decay is the scale's, growth is programmed into cells."""
    rounding = sample_word(random_word(constants.salt + ROUNDING), state.counters[SAMPLES])
    writing = sample_word(random_word(constants.salt + WRITING), state.counters[SAMPLES])
    for m in range(count):
        k = scratch.written[m]
        growth, scale = scratch.growth[0, k], state.scales[k] * (ONE + scratch.changes[k])
        if constants.instruments:
            note_step(k, scratch.sizes[k], state.steps)
        # Where no weight is left, the scale says nothing: its first growth finds it, from the faintest up.
        state.scales[k] = max(scale, FAINTEST) if state.norms[k] > ZERO else scale * ZERO + FAINTEST
        if growth != ZERO:
            place = np.uint64(k) * GOLDEN
            keys = random_word(rounding + place), random_word(writing + place)
            _grow(k, growth, keys[0], keys[1], constants, state, scratch.values)
        _measure_norm(k, constants, state)
