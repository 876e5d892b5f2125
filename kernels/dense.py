r"""A dense layer: integrate, compete, learn, transmit, one sample after another.

.. math::

    u_k = \sum_i w_{ki} x_i, \qquad
    y = \mathrm{compete}(u), \qquad
    w_k \leftarrow a_k w_k + c_k x, \qquad
    (a_k, c_k) = \mathrm{rule}(u_k, y_k, \|w_k\|^2)

The weights are kept as :math:`w_{ki} = s_k v_{ik}`: decay touches the scale :math:`s_k` alone, growth touches
:math:`v_{ik}` of the active inputs alone, and the squared norm follows in three products,
:math:`\|w'\|^2 = a^2 \|w\|^2 + 2 a c u + c^2 \|x\|^2`. A sample costs active inputs x neurons, not inputs x neurons.

Every function here takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests
that compare with the textbook equation. Sums have a fixed order, so equal input gives equal bits.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_MIDDLE, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4), np.float32(1.646595e-12)
THIRD, QUARTER, FIFTH, SIXTH = np.float32(1 / 3), np.float32(1 / 4), np.float32(1 / 5), np.float32(1 / 6)
SEVENTH, EIGHTH, NINTH, TENTH = np.float32(1 / 7), np.float32(1 / 8), np.float32(1 / 9), np.float32(1 / 10)
SMALLEST = np.float32(1.1754944e-38)  # normal float32
LANES = 16  # partial sums of a reduction: as wide as the widest vector unit, and the same on every machine
FOLD_BELOW, FOLD_ABOVE = np.float32(1e-6), np.float32(1e6)  # scales outside are folded into the synapses
SPARSE_WRITES = 8  # fewer than one neuron in so many written: write them singly, else whole rows

SOFT, HARD, K_WINNERS = 0, 1, 2  # competitions
RAW, STREAM_NORM, SAMPLE_NORM = 0, 1, 2  # units of the input
IDENTITY, RELU, TRIANGLE, SOFTMAX = 0, 1, 2, 3  # transmitted functions
SAMPLES, BLANKS, WRITES, FOLDS, PENDING = 0, 1, 2, 3, 4  # places in State.counters
COUNTERS = 5


class Constants(NamedTuple):
    """What a layer is, as the loop sees it: codes are int, the others floats of the weights' type."""

    competition: int
    winners: int
    signed: bool
    sharpness: np.float32  # 1 / temperature
    rate: np.float32
    power: np.float32
    floor: np.float32
    cap: np.float32
    cutoff: np.float32
    units: int
    forgetting: np.float32
    negative: bool
    transmit: int
    exponent: np.float32  # power of Triangle, 1 / temperature of Softmax


class State(NamedTuple):
    """What a layer has learned; `pending` holds the samples of an unfinished window."""

    synapses: NDArray[np.float32]  # v (inputs, neurons)
    scales: NDArray[np.float32]  # s (neurons,)
    norms: NDArray[np.float32]  # |w|^2 (neurons,)
    wins: NDArray[np.int64]  # (neurons,)
    counters: NDArray[np.int64]  # (COUNTERS,)
    input_norm: NDArray[np.float32]  # (1,) running mean of |x|
    pending_inputs: NDArray[np.float32]  # (window, inputs) values of the active inputs, packed
    pending_active: NDArray[np.int32]  # (window, inputs) their places
    pending_sizes: NDArray[np.int64]  # (window,) how many
    pending_growth: NDArray[np.float32]  # (window, neurons) c
    pending_decay: NDArray[np.float32]  # (2, neurons) sums of a - 1 and of c u


class Scratch(NamedTuple):
    """Memory the loop works in; holds nothing from one sample to the next."""

    values: NDArray[np.float32]  # (inputs,)
    active: NDArray[np.int32]  # (inputs,)
    lanes: NDArray[np.float32]  # (LANES,)
    written: NDArray[np.int64]  # (neurons,)
    gram: NDArray[np.float32]  # (window, window)


class Results(NamedTuple):
    """What comes out; with fewer rows than samples, rows are used in turn and the last ones stay.

    No row of outputs: nobody reads them, and they are not computed.
    """

    potentials: NDArray[np.float32]  # u (rows, neurons)
    responses: NDArray[np.float32]  # y (rows, neurons)
    winners: NDArray[np.int64]  # (samples,)
    outputs: NDArray[np.float32]  # z (rows, neurons)


@register_jitable
def softhebb(potential, response, norm, constants):  # type: ignore[no-untyped-def]
    r"""Return (decay, growth) of one neuron: :math:`\Delta w = \eta y (x - u w)`, Moraitis et al. 2022.

    The rate adapts to the neuron, :math:`\eta = \max(\eta_0 |\|w\| - 1|^q, \eta_{min})`, Journe et al. 2023.
    """
    growth = response * max(constants.rate * abs(math.sqrt(norm) - ONE) ** constants.power, constants.floor)
    return ONE - growth * potential, growth


@register_jitable
def _exponential(x):  # type: ignore[no-untyped-def]
    """Return e**x for x <= 0 with arithmetic alone, so that it vectorises and every machine gives the same bits."""
    x = max(x, np.float32(-87))
    n = np.floor(x * LOG2_E + HALF)
    r = x - n * LN2_HIGH - n * LN2_MIDDLE - n * LN2_LOW
    p = ONE + r * SIXTH * (ONE + r * SEVENTH * (ONE + r * EIGHTH * (ONE + r * NINTH * (ONE + r * TENTH))))
    p = ONE + r * (ONE + r * HALF * (ONE + r * THIRD * (ONE + r * QUARTER * (ONE + r * FIFTH * p))))
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@register_jitable
def _maximum(x, lanes):  # type: ignore[no-untyped-def]
    """Return the largest of x."""
    whole = x.size - x.size % LANES
    lanes[:] = x[0]
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] = max(lanes[j], x[start + j])
    for k in range(whole, x.size):
        lanes[0] = max(lanes[0], x[k])
    for j in range(1, LANES):
        lanes[0] = max(lanes[0], lanes[j])
    return lanes[0]


@register_jitable
def _total(x, lanes):  # type: ignore[no-untyped-def]
    """Return the sum of x, added in an order that depends on its size alone."""
    whole = x.size - x.size % LANES
    lanes[:] = ZERO
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] += x[start + j]
    for k in range(whole, x.size):
        lanes[0] += x[k]
    for j in range(1, LANES):
        lanes[0] += lanes[j]
    return lanes[0]


@register_jitable
def _softmax(x, sharpness, y, lanes):  # type: ignore[no-untyped-def]
    """Write softmax(sharpness * x) into y; return the largest x."""
    top = _maximum(x, lanes)
    for k in range(x.size):
        y[k] = _exponential(sharpness * (x[k] - top))
    share = ONE / _total(y, lanes)
    for k in range(x.size):
        y[k] *= share
    return top


@register_jitable
def _gather(sample, negative, active, values):  # type: ignore[no-untyped-def]
    """Pack the active inputs; return how many, and |x|^2, which is not finite where the sample is not admitted."""
    size = 0
    for i in range(sample.size):  # no branch: one that changes with every sample costs more than the idle store
        active[size] = i
        values[size] = sample[i]
        size += sample[i] != ZERO
    square, lowest = sample[0] * ZERO, sample[0] * ZERO
    for j in range(size):
        square += values[j] * values[j]
        lowest = min(lowest, values[j])
    if lowest < ZERO and not negative:
        square += np.float32(np.inf)
    return size, square


@register_jitable
def _integrate(values, active, size, state, potentials):  # type: ignore[no-untyped-def]
    """Write u = s * sum of x v over the active inputs; four rows at a time, added in the order of the inputs."""
    v, s = state.synapses, state.scales
    neurons = s.size
    potentials[:] = ZERO
    whole = size - size % 4
    for j in range(0, whole, 4):
        v0, v1, v2, v3 = v[active[j]], v[active[j + 1]], v[active[j + 2]], v[active[j + 3]]
        x0, x1, x2, x3 = values[j], values[j + 1], values[j + 2], values[j + 3]
        for k in range(neurons):
            potentials[k] = (((potentials[k] + x0 * v0[k]) + x1 * v1[k]) + x2 * v2[k]) + x3 * v3[k]
    for j in range(whole, size):
        v0, x0 = v[active[j]], values[j]
        for k in range(neurons):
            potentials[k] += x0 * v0[k]
    for k in range(neurons):
        potentials[k] *= s[k]


@register_jitable
def _first(x, value):  # type: ignore[no-untyped-def]
    """Return the first place where x holds value: ties go to the lowest index."""
    for k in range(x.size):
        if x[k] == value:
            return k
    return 0


@register_jitable
def _top(potentials, count, order):  # type: ignore[no-untyped-def]
    """Put the places of the `count` largest potentials into `order`, largest first, ties to the lowest index."""
    held = 0
    for k in range(potentials.size):
        if held == count and not potentials[k] > potentials[order[held - 1]]:
            continue
        place = held if held < count else count - 1
        while place > 0 and potentials[k] > potentials[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k
        held = min(held + 1, count)


@register_jitable
def _compete(potentials, constants, scratch, responses):  # type: ignore[no-untyped-def]
    """Write the responses y; return the winner."""
    if constants.competition == SOFT:
        top = _softmax(potentials, constants.sharpness, responses, scratch.lanes)
    else:
        top = _maximum(potentials, scratch.lanes)
        responses[:] = ZERO
    winner = _first(potentials, top)
    if constants.competition == HARD:
        responses[winner] = ONE
    if constants.competition == K_WINNERS:
        _top(potentials, constants.winners, scratch.written)
        for j in range(constants.winners):
            responses[scratch.written[j]] = ONE
    if constants.signed:
        for k in range(responses.size):
            responses[k] = -responses[k]
        responses[winner] = -responses[winner]
    return winner


@register_jitable
def _transmit(potentials, constants, lanes, outputs):  # type: ignore[no-untyped-def]
    """Write z = f(u), what the next layer sees."""
    if constants.transmit == SOFTMAX:
        _softmax(potentials, constants.exponent, outputs, lanes)
        return
    threshold = potentials[0] * ZERO
    if constants.transmit == TRIANGLE:
        threshold = _total(potentials, lanes) / np.float32(potentials.size)
    for k in range(potentials.size):
        z = potentials[k] - threshold
        if constants.transmit != IDENTITY:
            z = max(z, ZERO)
        outputs[k] = z
    if constants.transmit == TRIANGLE and constants.exponent == TWO:
        for k in range(potentials.size):
            outputs[k] *= outputs[k]
    elif constants.transmit == TRIANGLE and constants.exponent != ONE:
        for k in range(potentials.size):
            if outputs[k] > ZERO:
                outputs[k] = outputs[k] ** constants.exponent


@register_jitable
def _fold(state, k):  # type: ignore[no-untyped-def]
    """Multiply neuron k's scale into its synapses."""
    for i in range(state.synapses.shape[0]):
        state.synapses[i, k] *= state.scales[k]
    state.scales[k] = ONE
    state.counters[FOLDS] += 1


@register_jitable
def _measure(state, k):  # type: ignore[no-untyped-def]
    """Recompute |w_k|^2 from the synapses."""
    square = state.norms[k] * ZERO
    for i in range(state.synapses.shape[0]):
        square += state.synapses[i, k] * state.synapses[i, k]
    state.norms[k] = square * state.scales[k] * state.scales[k]


@register_jitable
def _overlaps(state, scratch, samples):  # type: ignore[no-untyped-def]
    """Write the inner products of the pending samples with one another into scratch.gram."""
    for p in range(samples):
        scratch.values[:] = ZERO
        for j in range(state.pending_sizes[p]):
            scratch.values[state.pending_active[p, j]] = state.pending_inputs[p, j]
        for q in range(p + 1):
            dot = scratch.values[0] * ZERO
            for j in range(state.pending_sizes[q]):
                dot += state.pending_inputs[q, j] * scratch.values[state.pending_active[q, j]]
            scratch.gram[p, q] = dot
            scratch.gram[q, p] = dot


@register_jitable
def _gain(square, learning, constants, state):  # type: ignore[no-untyped-def]
    """Return what the input is multiplied by; while learning, move the running mean of |x| first."""
    if constants.units == RAW:
        return square * ZERO + ONE
    norm = math.sqrt(square)
    if constants.units == STREAM_NORM:
        mean = state.input_norm[0]
        seen = state.counters[SAMPLES] - state.counters[BLANKS]
        if learning:
            weight = max(ONE / np.float32(seen + 1), constants.forgetting)
            mean += weight * (norm - mean)
            state.input_norm[0] = mean
        if learning or seen > 0:
            norm = mean
    return ONE / norm


@register_jitable
def _remember(size, potentials, responses, constants, state, written):  # type: ignore[no-untyped-def]
    """Put each neuron's two numbers for one sample into the window; return how many neurons, and which."""
    p = state.counters[PENDING]
    growth, decay = state.pending_growth[p], state.pending_decay
    growth[:] = ZERO
    count = 0
    for k in range(potentials.size):
        if abs(responses[k]) >= constants.cutoff:
            a, c = softhebb(potentials[k], responses[k], state.norms[k], constants)
            growth[k] = c
            decay[0, k] += a - ONE
            decay[1, k] += c * potentials[k]
            written[count] = k
            count += 1
    state.pending_sizes[p] = size
    state.counters[PENDING] = p + 1
    state.counters[WRITES] += count
    return count


@register_jitable
def _collect(state, written):  # type: ignore[no-untyped-def]
    """Return how many neurons, and which, the samples of a whole window write."""
    count = 0
    for k in range(state.scales.size):
        touched = state.pending_decay[0, k] != ZERO
        for p in range(state.pending_sizes.size):
            touched |= state.pending_growth[p, k] != ZERO
        written[count] = k
        count += touched
    return count


@register_jitable
def _decay(k, square, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Apply the window's decay to neuron k, follow its norm, and turn its growth into units of v."""
    growth, samples = state.pending_growth, state.pending_sizes.size
    change, overlap = state.pending_decay[0, k], state.pending_decay[1, k]
    part = ONE
    if abs(change) > constants.cap:
        part = constants.cap / abs(change)
    a = ONE + part * change
    grown = square * ZERO
    for p in range(samples):
        growth[p, k] *= part
        for q in range(p):
            grown += TWO * growth[p, k] * growth[q, k] * scratch.gram[p, q]
        grown += growth[p, k] * growth[p, k] * scratch.gram[p, p]
    state.norms[k] = max(a * a * state.norms[k] + TWO * a * part * overlap + grown, ZERO)
    state.scales[k] *= a
    size = abs(state.scales[k])
    folded = not (FOLD_BELOW <= size <= FOLD_ABOVE)
    if folded:
        _fold(state, k)
    for p in range(samples):
        growth[p, k] /= state.scales[k]
    state.pending_decay[0, k] = ZERO
    state.pending_decay[1, k] = ZERO
    return folded


@register_jitable
def _grow(p, written, count, state):  # type: ignore[no-untyped-def]
    """Add c x / s to v for the active inputs of one pending sample."""
    growth, active, values = state.pending_growth[p], state.pending_active[p], state.pending_inputs[p]
    for j in range(state.pending_sizes[p]):
        v, x = state.synapses[active[j]], values[j]
        if count * SPARSE_WRITES < v.size:
            for m in range(count):
                v[written[m]] += growth[written[m]] * x
        else:
            for k in range(v.size):
                v[k] += growth[k] * x


@register_jitable
def _learn(count, square, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Apply a full window; return a neuron whose norm is no longer finite, or -1."""
    samples, written = state.pending_sizes.size, scratch.written
    scratch.gram[0, 0] = square
    if samples > 1:
        count = _collect(state, written)
        _overlaps(state, scratch, samples)
    folded = False
    for m in range(count):
        folded |= _decay(written[m], square, constants, state, scratch)
    for p in range(samples):
        _grow(p, written, count, state)
    state.counters[PENDING] = 0
    for m in range(count):
        k = written[m]
        if folded and state.scales[k] == ONE:
            _measure(state, k)
        if not math.isfinite(state.norms[k]):
            return k
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def stream(samples, learning, constants, state, scratch, results):  # type: ignore[no-untyped-def]
    """Take samples through the layer one by one, learning from each in turn if `learning`.

    Parameters
    ----------
    samples : float32 (samples, inputs), C order
    learning : bool
        If false, nothing in `state` is written.
    constants : Constants
    state : State
    scratch : Scratch
    results : Results

    Returns
    -------
    done : int
        Samples taken; fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    values, active = scratch.values, scratch.active
    for n in range(samples.shape[0]):
        if learning:
            values, active = (
                state.pending_inputs[state.counters[PENDING]],
                state.pending_active[state.counters[PENDING]],
            )
        size, square = _gather(samples[n], constants.negative, active, values)
        if not math.isfinite(square):
            return n, -1
        if square < SMALLEST:  # 1 / |x| would not be finite: a sample of zeros, for all that can be learned from it
            size = 0
        row = n % results.potentials.shape[0]
        potentials, responses = results.potentials[row], results.responses[row]
        if size > 0:
            gain = _gain(square, learning, constants, state)
            square *= gain * gain
            for j in range(size):
                values[j] *= gain
        _integrate(values, active, size, state, potentials)
        winner = _compete(potentials, constants, scratch, responses)
        if not math.isfinite(responses[winner] + potentials[winner]):
            return n, winner
        results.winners[n] = winner
        if results.outputs.size > 0:
            _transmit(potentials, constants, scratch.lanes, results.outputs[n % results.outputs.shape[0]])
        if learning:
            state.counters[SAMPLES] += 1
            if size == 0:
                state.counters[BLANKS] += 1
                continue
            state.wins[winner] += 1
            count = _remember(size, potentials, responses, constants, state, scratch.written)
            if state.counters[PENDING] == state.pending_sizes.size:
                neuron = _learn(count, square, constants, state, scratch)
                if neuron >= 0:
                    return n, neuron
    return samples.shape[0], -1
