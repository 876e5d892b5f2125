r"""A dense layer: integrate, compete, learn, transmit, one sample after another.

.. math::

    u_k = \sum_i w_{ki} x_i, \qquad
    y = \mathrm{compete}(f(u) + b), \qquad
    w_k \leftarrow a_k w_k + c_k x, \qquad
    (a_k, c_k) = \mathrm{rule}(u_k, y_k, \|w_k\|, \ldots)

The weights are kept as :math:`w_{ki} = s_k v_{ik}`: decay touches the scale :math:`s_k` alone, growth touches
:math:`v_{ik}` of the active inputs alone, and the squared norm follows in three products,
:math:`\|w'\|^2 = a^2 \|w\|^2 + 2 a c u + c^2 \|x\|^2`. A sample costs active inputs x neurons, not inputs x neurons.
What has no such form says so where it stands: potentials with another norm, eligibility traces, Sanger's rule.
With synapses of few bits :math:`v_{ik}` is a whole number, and growth is rounded.

Every function here takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests
that compare with the textbook equation. Sums have a fixed order, so equal input gives equal bits.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable
from numpy.typing import NDArray

ZERO, HALF, ONE, TWO, THREE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2), np.float32(3)
SQRT2 = np.float32(1.41421356)
LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_MIDDLE, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4), np.float32(1.646595e-12)
THIRD, QUARTER, FIFTH, SIXTH = np.float32(1 / 3), np.float32(1 / 4), np.float32(1 / 5), np.float32(1 / 6)
SEVENTH, EIGHTH, NINTH, TENTH = np.float32(1 / 7), np.float32(1 / 8), np.float32(1 / 9), np.float32(1 / 10)
SMALLEST = np.float32(1.1754944e-38)  # normal float32
RAREST = np.float32(1e-30)  # share of responses, so that its logarithm is finite
# Smaller running means and growths are zero: on subnormal numbers arithmetic takes a hundred times as long.
NEGLIGIBLE, NEGLIGIBLE_ROOT = np.float32(1e-30), np.float32(1e-15)
LEAST = np.float32(-70)  # exponent of the smallest share, so that no product with it is subnormal
FAINTEST = np.float32(1e-18)  # scale of synapses of few bits, so that no square of it is subnormal
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # of Steele, Lea and Flood's SplitMix64, with the two factors of its words
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
WHOLE = np.float32(2**24)  # from here on float32 has no other numbers
UNIT = np.float32(2**-24)  # a chance has so many bits as float32 holds
LANES = 64  # partial sums of a reduction: enough to hide how long an addition takes; the same on every machine
FOLD_BELOW, FOLD_ABOVE = np.float32(1e-6), np.float32(1e6)  # scales outside are folded into the synapses
DRIFT, SHORT = np.float32(8), np.float32(0.01)  # scale and squared norm at which renormalising measures anew
SPARSE_WRITES = 8  # fewer than one neuron in so many written: write them singly, else whole rows
LINE, TILE = 16, 256  # neurons in a line of the cache; whose rows stay in a core's own cache, together
# Samples looked ahead at, and neurons that may be written meanwhile, whole lines: layers of fewer never look ahead.
AHEAD, AHEAD_WRITES = 32, 128
# For looking ahead to pay, a sample must read so many synapses, or they stay in a core's own cache; a row must be read
# by so many samples, at the least; and beyond the first number so many synapses must be read for each that is copied.
READS, SHARED, COPIES = 1 << 18, 2, 80
# For a team to pay, a sample must have so many products of active inputs and neurons, and so many neurons for each that
# it writes: what one thread wrote another has to fetch.
TOGETHER, UNWRITTEN = 400_000, 128
WORD, PENDING_ROW, BREADTH, TAKEN = 0, 1, 2, 3  # places in the first row of Scratch.board
BOARD = 16  # int64 of a row: no two threads write to one line of the cache
NOT_THERE, NO_MORE = -1, -1  # word of a thread that has not begun yet, and of the first one when it has ended
PATIENCE = 2000  # looks at a word before the rest of the machine gets its turn, or a thread is late
NAP = 100  # microseconds, of a thread for which there has been nothing to do for a while
LOOK = 16  # products that take as long as a look, about
PACE = 64  # a sample counts for one part in so many of the means of active inputs and of neurons written

SOFT, HARD, K_WINNERS, RANKED, UNINHIBITED, GATED, TAUGHT, CORRECTED = 0, 1, 2, 3, 4, 5, 6, 7  # competitions
UNBIASED, CONSCIENCE, MEAN_ACTIVITY, LOG_PRIOR = 0, 1, 2, 3  # biases on the competition
HEBB, OJA, INSTAR, SOFT_HEBB, HEBB_NET, BCM, EGHR, SANGER, SUBSPACE, OWN = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9  # rules
CONSTANT, LINEAR, EXPONENTIAL, BY_NORM, BY_WINS = 0, 1, 2, 3, 4  # schedules of the rate
RAW, STREAM_NORM, SAMPLE_NORM = 0, 1, 2  # units of the input
IDENTITY, RELU, TRIANGLE, SOFTMAX = 0, 1, 2, 3  # functions of the potentials
SAMPLES, BLANKS, WRITES, FOLDS, PENDING, UPDATES = 0, 1, 2, 3, 4, 5  # places in State.counters
COUNTERS = 6
PARAMETERS = 8  # of a rule
BEGUN, GATHERED, INTEGRATED, COMPETED, TRANSMITTED, LEARNED = 0, 1, 2, 3, 4, 5  # places in a row of Marks.moments
MOMENTS = 6
EVENTS, OPERATIONS, EFFECTIVE, PLASTIC, WRITTEN, FLIPPED = 0, 1, 2, 3, 4, 5  # places in a row of Results.tallies
TALLIES = 6


class Constants(NamedTuple):
    """What a layer is, as the loop sees it: codes are int, the others floats of the weights' type."""

    competition: int
    winners: int  # k of K_WINNERS, rank of RANKED, neurons that learn of GATED
    signed: bool
    winner_only: bool
    opposition: np.float32
    sharpness: np.float32  # 1 / temperature
    activation: int
    activation_exponent: np.float32
    bias: int
    bias_rate: np.float32
    bias_strength: np.float32
    rule: int
    parameters: NDArray[np.float32]  # (PARAMETERS,) of the rule
    averaging: np.float32
    moment: int  # what the rule's trace averages: 0 nothing, 1 the response, 2 its square
    total: bool  # whether the rule asks for the sum of |u|
    schedule: int
    rate: np.float32
    last_rate: np.float32
    rate_samples: np.float32
    rate_power: np.float32
    rate_floor: np.float32
    cap: np.float32
    cutoff: np.float32
    lebesgue: np.float32  # p of the potential's norm
    renormalise: bool
    leak: np.float32
    eligibility: np.float32
    units: int
    forgetting: np.float32
    negative: bool
    transmit: int
    exponent: np.float32  # power of Triangle, 1 / temperature of Softmax
    instruments: bool
    highest: np.float32  # whole number that a synapse of few bits can hold, and the lowest is -highest; 0: float
    nearest: bool  # whether growth is rounded to the nearest whole number, not by chance
    salt: np.uint64  # what chance depends on besides sample, neuron and input


class State(NamedTuple):
    """What a layer has learned; `pending` holds the samples of an unfinished window."""

    synapses: NDArray[np.float32]  # v (inputs, neurons); whole numbers, if they have few bits
    scales: NDArray[np.float32]  # s (neurons,)
    norms: NDArray[np.float32]  # sum of |w|^p (neurons,)
    wins: NDArray[np.int64]  # (neurons,)
    # (COUNTERS,); BLANKS: samples that teach nothing, unlabelled ones among them; FOLDS: neurons written whole
    counters: NDArray[np.int64]
    input_norm: NDArray[np.float32]  # (1,) running mean of |x|
    activity: NDArray[np.float32]  # (neurons,) running mean of the bias
    traces: NDArray[np.float32]  # (neurons,) running mean of the rule
    steps: NDArray[np.float32]  # (2, neurons) sum of the step sizes, and what float32 lost of it
    eligibility: NDArray[np.float32]  # (inputs or 0, neurons) eligibility of a synapse, in units of its neuron's scale
    eligibility_scales: NDArray[np.float32]  # (neurons or 0,)
    pending_inputs: NDArray[np.float32]  # (window, inputs) values of the active inputs, packed
    pending_active: NDArray[np.int32]  # (window, inputs) their places
    pending_sizes: NDArray[np.int64]  # (window,) how many
    pending_modulators: NDArray[np.float32]  # (window,)
    pending_potentials: NDArray[np.float32]  # (window, neurons) u; a window of one has no use for it, nor for the next
    pending_responses: NDArray[np.float32]  # (window, neurons) y
    pending_sums: NDArray[np.float32]  # (2, neurons) over the window: what activity and traces average
    squares: NDArray[np.int64]  # (neurons or 0,) sum of v^2 of synapses of few bits


class Scratch(NamedTuple):
    """Memory the loop works in; holds nothing from one call to the next. Without rows, `ahead` never looks ahead."""

    values: NDArray[np.float32]  # (inputs,)
    active: NDArray[np.int32]  # (inputs,)
    lanes: NDArray[np.float32]  # (LANES,)
    written: NDArray[np.int64]  # (neurons,)
    drive: NDArray[np.float32]  # (neurons,) f(u) + b
    growth: NDArray[np.float32]  # (window, neurons) c
    changes: NDArray[np.float32]  # (neurons,) sum of a - 1
    overlaps: NDArray[np.float32]  # (neurons,) sum of c u
    sizes: NDArray[np.float32]  # (neurons,) squared step
    order: NDArray[np.float32]  # (neurons,)
    totals: NDArray[np.float32]  # (window,) sum of |u|
    gram: NDArray[np.float32]  # (window, window)
    ahead_values: NDArray[np.float32]  # (ahead, inputs) of samples yet to come
    ahead_active: NDArray[np.int32]  # (ahead, inputs)
    ahead_sizes: NDArray[np.int64]  # (ahead,)
    ahead_norms: NDArray[np.float32]  # (2, ahead) |x|^2, and the running mean of |x| by then
    ahead_sums: NDArray[np.float32]  # (ahead, neurons) potentials in units of the scales
    copies: NDArray[np.float32]  # (inputs, AHEAD_WRITES) synapses of neurons written since the sums were taken
    copied: NDArray[np.int64]  # (AHEAD_WRITES,) which neurons these are
    # (5,) READS, SHARED, COPIES, TOGETHER, UNWRITTEN: what they decide changes no bit, so a test may always do it
    pays: NDArray[np.int64]
    places: NDArray[np.int64]  # (neurons,) where a neuron is among them, if it is
    flips: NDArray[np.int64]  # (1,) bits that the last update changed
    board: NDArray[np.int64]  # (threads of a team, BOARD) words by which they meet; the first thread's is WORD
    shares: NDArray[np.float32]  # (threads or 0, ahead or 1, neurons) sums of all threads but the first


class Samples(NamedTuple):
    """What goes in. No labels: nobody is taught; no modulators: all are one."""

    values: NDArray[np.float32]  # (samples, inputs)
    labels: NDArray[np.int64]  # (samples or 0,); -1: none
    modulators: NDArray[np.float32]  # (samples or 0,)


class Results(NamedTuple):
    """What comes out; with fewer rows than samples, rows are used in turn and the last ones stay.

    No row of outputs: nobody reads them, and they are not computed. No tallies: nothing is counted.
    """

    potentials: NDArray[np.float32]  # u (rows, neurons)
    responses: NDArray[np.float32]  # y (rows, neurons)
    winners: NDArray[np.int64]  # (samples,)
    outputs: NDArray[np.float32]  # z (rows, neurons)
    tallies: NDArray[np.int64] = np.empty((0, TALLIES), np.int64)  # (samples or 0, TALLIES) what each sample took
    written: NDArray[np.uint8] = np.empty((0, 0), np.uint8)  # (samples or 0, neurons) 1 where synapses were written
    live: NDArray[np.int64] = np.empty(0, np.int64)  # (inputs or 0,) synapses not zero of each input: given, followed


class Marks(NamedTuple):
    """When each sample's stages were done, by the system's clock; changes no bit of anything else."""

    moments: NDArray[np.int64]  # (samples, MOMENTS) nanoseconds; LEARNED is left as it is where nothing is learned
    now: NDArray[np.int64]  # (2,) seconds and nanoseconds, as the system gives them
    clock: int  # the system's number of the clock


_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.CPointer(types.int64)))


# Rules of plasticity, one neuron and one sample each; equations and papers are in the docstrings of
# neurosim.layers.rules. All take the same arguments, so that one call fits all: potential u, response y, norm |w|,
# trace (a running mean of the response or its square), total (sum of |u| over the layer), rate, and the rule's own
# parameters. All return decay and growth.


@register_jitable
def hebb(potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Plain Hebb."""
    return ONE, rate * response


@register_jitable
def oja(potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Oja 1982."""
    growth = rate * response
    return ONE - growth * response, growth


@register_jitable
def instar(potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Grossberg 1976; on-line k-means with a hard competition."""
    growth = rate * response
    return ONE - growth, growth


@register_jitable
def softhebb(potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Moraitis et al. 2022."""
    growth = rate * response
    return ONE - growth * potential, growth


@register_jitable
def hebbnet(potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Gupta et al. 2021; the trace is the mean response."""
    return ONE, rate * (response - trace)


@register_jitable
def bcm(potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Bienenstock, Cooper and Munro 1982; the trace is the mean squared response, parameters ceiling and decay."""
    capped = min(response, parameters[0])
    return ONE - rate * parameters[1], rate * capped * (capped - trace)


@register_jitable
def eghr(potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Isomura and Toyoizumi 2016 with a Laplace prior; the parameter is the error's threshold."""
    error = parameters[0] - SQRT2 * total
    sign = ONE if potential > ZERO else ZERO
    sign = -ONE if potential < ZERO else sign
    return ONE, rate * error * SQRT2 * sign


@register_jitable
def _decide(rule, own, potential, response, norm, trace, total, rate, parameters):  # type: ignore[no-untyped-def]
    """Return decay and growth by the layer's rule."""
    if own is None:
        if rule == SOFT_HEBB:
            return softhebb(potential, response, norm, trace, total, rate, parameters)
        if rule == OJA:
            return oja(potential, response, norm, trace, total, rate, parameters)
        if rule == INSTAR:
            return instar(potential, response, norm, trace, total, rate, parameters)
        if rule == HEBB_NET:
            return hebbnet(potential, response, norm, trace, total, rate, parameters)
        if rule == BCM:
            return bcm(potential, response, norm, trace, total, rate, parameters)
        if rule == EGHR:
            return eghr(potential, response, norm, trace, total, rate, parameters)
        return hebb(potential, response, norm, trace, total, rate, parameters)
    return own(potential, response, norm, trace, total, rate, parameters)


@register_jitable
def _floor(x):  # type: ignore[no-untyped-def]
    """Return the largest whole number not above x, of few digits: `np.floor`, which no device has."""
    whole = np.float32(np.int32(x))
    return whole - ONE if whole > x else whole


@register_jitable
def _exponential(x):  # type: ignore[no-untyped-def]
    """Return e**x for x <= 0 with arithmetic alone, so that it vectorises and every machine gives the same bits."""
    x = max(x, np.float32(-87))
    n = _floor(x * LOG2_E + HALF)
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
    for j in range(x.size - whole):
        lanes[j] = max(lanes[j], x[whole + j])
    half = LANES // 2
    while half > 0:
        for j in range(half):
            lanes[j] = max(lanes[j], lanes[half + j])
        half //= 2
    return lanes[0]


@register_jitable
def _fold_lanes(lanes):  # type: ignore[no-untyped-def]
    """Return the sum of the partial sums, halves added to halves; overwrites them."""
    half = LANES // 2
    while half > 0:
        for j in range(half):
            lanes[j] += lanes[half + j]
        half //= 2
    return lanes[0]


@register_jitable
def _total(x, lanes):  # type: ignore[no-untyped-def]
    """Return the sum of x, added in an order that depends on its size alone."""
    whole = x.size - x.size % LANES
    lanes[:] = ZERO
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] += x[start + j]
    for j in range(x.size - whole):
        lanes[j] += x[whole + j]
    return _fold_lanes(lanes)


@register_jitable
def _softmax(x, sharpness, y, lanes):  # type: ignore[no-untyped-def]
    """Write softmax(sharpness * x) into y; return the largest x."""
    top = _maximum(x, lanes)
    for k in range(x.size):
        y[k] = _exponential(max(sharpness * (x[k] - top), LEAST))
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
        size += sample[i] != ZERO
    square, lowest = sample[0] * ZERO, sample[0] * ZERO
    for j in range(size):
        values[j] = sample[active[j]]
        square += values[j] * values[j]
        lowest = min(lowest, values[j])
    if lowest < ZERO and not negative:
        square += np.float32(np.inf)
    return size, square


@register_jitable
def _sum_rows(values, active, size, v, start, end, sums):  # type: ignore[no-untyped-def]
    """Write the sums of x v over the active inputs for some neurons; many rows at a time, in order."""
    first, last = np.uintp(start), np.uintp(end)  # an index that may be below zero keeps a loop from being vectorised
    sixteens, whole = size - size % 16, size - size % 4
    for k in range(first, last):
        sums[k] = ZERO
    for j in range(0, sixteens, 16):
        v0, v1, v2, v3 = v[active[j]], v[active[j + 1]], v[active[j + 2]], v[active[j + 3]]
        v4, v5, v6, v7 = v[active[j + 4]], v[active[j + 5]], v[active[j + 6]], v[active[j + 7]]
        v8, v9, v10, v11 = v[active[j + 8]], v[active[j + 9]], v[active[j + 10]], v[active[j + 11]]
        v12, v13, v14, v15 = v[active[j + 12]], v[active[j + 13]], v[active[j + 14]], v[active[j + 15]]
        x0, x1, x2, x3 = values[j], values[j + 1], values[j + 2], values[j + 3]
        x4, x5, x6, x7 = values[j + 4], values[j + 5], values[j + 6], values[j + 7]
        x8, x9, x10, x11 = values[j + 8], values[j + 9], values[j + 10], values[j + 11]
        x12, x13, x14, x15 = values[j + 12], values[j + 13], values[j + 14], values[j + 15]
        for k in range(first, last):
            u = (((sums[k] + x0 * v0[k]) + x1 * v1[k]) + x2 * v2[k]) + x3 * v3[k]
            u = (((u + x4 * v4[k]) + x5 * v5[k]) + x6 * v6[k]) + x7 * v7[k]
            u = (((u + x8 * v8[k]) + x9 * v9[k]) + x10 * v10[k]) + x11 * v11[k]
            sums[k] = (((u + x12 * v12[k]) + x13 * v13[k]) + x14 * v14[k]) + x15 * v15[k]
    for j in range(sixteens, whole, 4):
        v0, v1, v2, v3 = v[active[j]], v[active[j + 1]], v[active[j + 2]], v[active[j + 3]]
        x0, x1, x2, x3 = values[j], values[j + 1], values[j + 2], values[j + 3]
        for k in range(first, last):
            sums[k] = (((sums[k] + x0 * v0[k]) + x1 * v1[k]) + x2 * v2[k]) + x3 * v3[k]
    for j in range(whole, size):
        v0, x0 = v[active[j]], values[j]
        for k in range(first, last):
            sums[k] += x0 * v0[k]


@register_jitable
def _scale(sums, s):  # type: ignore[no-untyped-def]
    """Multiply each sum by its neuron's scale."""
    for k in range(s.size):
        sums[k] *= s[k]


@register_jitable
def _integrate(values, active, size, lebesgue, v, s, potentials):  # type: ignore[no-untyped-def]
    """Write u = s * sum of x v over the active inputs."""
    if lebesgue != TWO:
        potentials[:] = ZERO
        _integrate_powers(values, active, size, lebesgue - ONE, v, s, potentials)
        return
    _sum_rows(values, active, size, v, 0, s.size, potentials)
    _scale(potentials, s)


# A team of threads sums together: each takes some of the neurons, all else is the first one's. It leaves word of what
# is to be summed, and the others leave the same word when they have. Nobody waits longer for a share than it takes to
# sum it anew: where other work has the cores, a thread that lost its own is left behind until it has caught up. So the
# others write to memory of their own, and what a late one reads may change under its hands. Every sum is added in the
# same order, whoever does it, so no bit depends on how many threads there are, nor on who was late.


@intrinsic
def _word_at(typing, place):  # type: ignore[no-untyped-def]
    """Return the first number of an array; no number read later is older than it."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(data, "acquire", 8)

    return types.int64(place), code


@intrinsic
def _leave(typing, place, word):  # type: ignore[no-untyped-def]
    """Write the first number of an array, after all that was written before."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        builder.store_atomic(arguments[1], data, "release", 8)
        return context.get_dummy_value()

    return types.void(place, types.int64), code


_yield = types.ExternalFunction("sched_yield", types.int32())
_sleep = types.ExternalFunction("usleep", types.int32(types.uint32))


@register_jitable
def _another_word(place, word):  # type: ignore[no-untyped-def]
    """Wait until there is another word at a place than this, and return it: keen first, and ever more at leisure."""
    looks, found = 0, _word_at(place)
    while found == word:
        looks += 1
        if looks > 2 * PATIENCE:
            _sleep(np.uint32(NAP))
        elif looks > PATIENCE:
            _yield()
        found = _word_at(place)
    return found


@register_jitable
def _share(neurons, number, threads):  # type: ignore[no-untyped-def]
    """Return the first neuron of a thread's share, and the first after it: whole lines of the cache."""
    lines = neurons // LINE
    start, end = lines * number // threads * LINE, lines * (number + 1) // threads * LINE
    return start, neurons if number == threads - 1 else end


@register_jitable
def _is_shared(breadth, neurons, pace, scratch):  # type: ignore[no-untyped-def]
    """Return whether a sample is worth a team, and the team is there, none of it behind.

    By how many inputs are active, and PACE times the neurons that a sample writes lately; below zero, none is known of.
    """
    board, pays = scratch.board, scratch.pays
    if board.shape[0] < 2 or breadth * neurons < pays[3] or neurons * PACE < pays[4] * pace:
        return False
    there = True
    for number in range(1, board.shape[0]):
        there &= _word_at(board[number]) == board[0, WORD]
    return there


@register_jitable
def _sum_share(number, values, active, synapses, scratch, sums):  # type: ignore[no-untyped-def]
    """Write one thread's share of what the board says: the sums of samples ahead, or of one sample."""
    start, end = _share(synapses.shape[1], number, scratch.board.shape[0])
    taken = scratch.board[0, TAKEN]
    if taken > 0:
        _sum_ahead(taken, synapses, start, end, scratch, sums)
    else:
        _sum_rows(values, active, scratch.board[0, BREADTH], synapses, start, end, sums[0])


@register_jitable
def _sum_together(products, values, active, synapses, scratch, sums):  # type: ignore[no-untyped-def]
    """Leave word, write the first thread's share, and take over the others', or write those of who is late."""
    board = scratch.board
    word, threads = board[0, WORD] + 1, board.shape[0]
    _leave(board[0], word)
    _sum_share(0, values, active, synapses, scratch, sums)
    for number in range(1, threads):
        looks, most = 0, PATIENCE + products // (LOOK * threads)
        while looks < most and _word_at(board[number]) != word:
            looks += 1
        if looks == most:
            _sum_share(number, values, active, synapses, scratch, sums)
            continue
        start, end = _share(synapses.shape[1], number, threads)
        for n in range(max(1, board[0, TAKEN])):
            _copy(scratch.shares[number, n, start:end], sums[n, start:end])


@register_jitable
def _signed_power(v, power):  # type: ignore[no-untyped-def]
    """Return sign(v) |v|**power."""
    if power == TWO:
        return v * abs(v)
    if v == ZERO:
        return v
    return v**power if v > ZERO else -((-v) ** power)


@register_jitable
def _integrate_powers(values, active, size, power, synapses, scales, potentials):  # type: ignore[no-untyped-def]
    """Write u = sum of x sign(w) |w|**power: a power for every synapse, many times slower but for the square."""
    for j in range(size):
        v, x = synapses[active[j]], values[j]
        for k in range(potentials.size):
            potentials[k] += x * _signed_power(v[k], power)
    for k in range(potentials.size):
        potentials[k] *= scales[k] ** power


@register_jitable
def _first(x, value):  # type: ignore[no-untyped-def]
    """Return the first place where x holds value: ties go to the lowest index."""
    start, found = 0, 0
    while found == 0 and start + LANES <= x.size:  # many at once, and then one by one where it is
        for j in range(LANES):
            found += x[start + j] == value
        start += LANES
    for k in range(start - LANES if found > 0 else start, x.size):
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
def _copy(x, y):  # type: ignore[no-untyped-def]
    """Write x into y: a slice would check shapes, and raise."""
    for k in range(x.size):
        y[k] = x[k]


@register_jitable
def _activate(potentials, function, exponent, lanes, outputs):  # type: ignore[no-untyped-def]
    """Write f(u)."""
    if function == SOFTMAX:
        _softmax(potentials, exponent, outputs, lanes)
        return
    threshold = potentials[0] * ZERO
    if function == TRIANGLE:
        threshold = _total(potentials, lanes) / np.float32(potentials.size)
    for k in range(potentials.size):
        z = potentials[k] - threshold
        if function != IDENTITY:
            z = max(z, ZERO)
        outputs[k] = z
    if function == TRIANGLE and exponent == TWO:
        for k in range(potentials.size):
            outputs[k] *= outputs[k]
    elif function == TRIANGLE and exponent != ONE:
        for k in range(potentials.size):
            if outputs[k] > ZERO:
                outputs[k] = outputs[k] ** exponent


@register_jitable
def _bias(learning, constants, activity, drive):  # type: ignore[no-untyped-def]
    """Add each neuron's bias; a conscience is for learning alone."""
    if constants.bias == LOG_PRIOR or (learning and constants.bias != UNBIASED):
        for k in range(drive.size):
            drive[k] += _bias_of(constants, activity[k], drive.size)


@register_jitable
def _bias_of(constants, activity, neurons):  # type: ignore[no-untyped-def]
    """Return one neuron's bias."""
    if constants.bias == LOG_PRIOR:
        return math.log(activity) / constants.sharpness
    if constants.bias == CONSCIENCE:
        return constants.bias_strength * (ONE / np.float32(neurons) - activity)
    return -activity


@register_jitable
def _compete(drive, label, constants, lanes, order, responses):  # type: ignore[no-untyped-def]
    """Write the responses y; return the winner."""
    competition = constants.competition
    if competition in (SOFT, CORRECTED):
        top = _softmax(drive, constants.sharpness, responses, lanes)
    else:
        top = _maximum(drive, lanes)
        responses[:] = ZERO
    winner = _first(drive, top)
    if competition == HARD:
        responses[winner] = ONE
    elif competition == TAUGHT:
        responses[label if label >= 0 else winner] = ONE
    elif competition == CORRECTED and label >= 0:
        for k in range(responses.size):
            responses[k] = -responses[k]
        responses[label] += ONE
    elif competition in (K_WINNERS, RANKED):
        _top(drive, constants.winners, order)
        for j in range(constants.winners):
            if competition == K_WINNERS:
                responses[order[j]] = ONE
        if competition == RANKED:
            responses[order[constants.winners - 1]] = -constants.opposition
            responses[winner] = ONE
    elif competition in (UNINHIBITED, GATED):
        _copy(drive, responses)
    if constants.winner_only:
        share = responses[winner]
        responses[:] = ZERO
        responses[winner] = share
    elif constants.signed and competition != GATED:
        for k in range(responses.size):
            responses[k] = -responses[k]
        responses[winner] = -responses[winner]
    return winner


@register_jitable
def _fold(synapses, scales, counters, k):  # type: ignore[no-untyped-def]
    """Multiply neuron k's scale into its synapses."""
    for i in range(synapses.shape[0]):
        synapses[i, k] *= scales[k]
    scales[k] = ONE
    counters[FOLDS] += 1


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
def _gain(square, learning, units, forgetting, state):  # type: ignore[no-untyped-def]
    """Return what the input is multiplied by; while learning, move the running mean of |x| first."""
    if units == RAW:
        return square * ZERO + ONE
    norm = math.sqrt(square)
    if units == STREAM_NORM:
        mean = state.input_norm[0]
        seen = state.counters[SAMPLES] - state.counters[BLANKS]
        if learning:
            weight = max(ONE / np.float32(seen + 1), forgetting)
            mean += weight * (norm - mean)
            state.input_norm[0] = mean
        if learning or seen > 0:
            norm = mean
    return ONE / norm


@register_jitable
def _measure(state, k, lebesgue):  # type: ignore[no-untyped-def]
    """Recompute the norm of neuron k from the synapses."""
    total = state.scales[k] * ZERO
    for i in range(state.synapses.shape[0]):
        v = abs(state.synapses[i, k] * state.scales[k])
        if lebesgue == TWO:
            total += v * v
        elif v > ZERO:
            total += v**lebesgue
    state.norms[k] = total


@register_jitable
def _length(norm, lebesgue):  # type: ignore[no-untyped-def]
    """Return |w| from the sum of |w_i|^p."""
    if lebesgue == TWO:
        return math.sqrt(norm)
    return norm ** (ONE / lebesgue)


@register_jitable
def _rate(constants, index):  # type: ignore[no-untyped-def]
    """Return the rate at sample `index` of the stream, the same for all neurons."""
    rate = constants.rate
    if constants.schedule == LINEAR or constants.schedule == EXPONENTIAL:
        part = min(np.float32(index) / constants.rate_samples, ONE)
        if constants.schedule == LINEAR:
            rate = rate + (constants.last_rate - rate) * part
        else:
            rate = rate * (constants.last_rate / rate) ** part
    return rate


@register_jitable
def _neuron_rate(rate, norm, wins, schedule, power, floor):  # type: ignore[no-untyped-def]
    """Return one neuron's rate: by its norm, or by how often it has won."""
    if schedule == BY_NORM:
        distance = abs(norm - ONE)
        # A square root is the same number everywhere; any other power is as good as the machine's library.
        return max(rate * (math.sqrt(distance) if power == HALF else distance**power), floor)
    if schedule == BY_WINS:
        return max(rate * np.float32(ONE + np.float32(wins)) ** -power, floor)
    return rate


@register_jitable
def _count(winner, potentials, responses, constants, sums, scratch):  # type: ignore[no-untyped-def]
    """Add one sample to what the running means of the bias and of the rule average over the window."""
    if constants.bias == CONSCIENCE:
        sums[0, winner] += ONE
    elif constants.bias == LOG_PRIOR:
        for k in range(responses.size):
            sums[0, k] += responses[k]
    elif constants.bias == MEAN_ACTIVITY:
        _activate(potentials, constants.activation, constants.activation_exponent, scratch.lanes, scratch.order)
        for k in range(responses.size):
            sums[0, k] += scratch.order[k]
    if constants.moment == 1:
        for k in range(responses.size):
            sums[1, k] += responses[k]
    elif constants.moment == 2:
        for k in range(responses.size):
            sums[1, k] += _squared(responses[k], constants)


@register_jitable
def _squared(response, constants):  # type: ignore[no-untyped-def]
    """Return what the trace of squared responses averages."""
    y = min(response, constants.parameters[0] if constants.rule == BCM else np.float32(np.inf))
    y = y if abs(y) > NEGLIGIBLE_ROOT else ZERO
    return y * y


@register_jitable
def _average(constants, state):  # type: ignore[no-untyped-def]
    """Move the running means by the means over the window."""
    sums, part = state.pending_sums, ONE / np.float32(state.pending_sizes.size)
    if constants.bias != UNBIASED:
        weight = constants.bias_rate
        if constants.bias == MEAN_ACTIVITY and state.counters[UPDATES] == 0:
            weight = weight * ZERO + ONE
        for k in range(state.activity.size):
            mean = state.activity[k] + weight * (sums[0, k] * part - state.activity[k])
            state.activity[k] = mean if abs(mean) > NEGLIGIBLE else ZERO
        if constants.bias == LOG_PRIOR:
            for k in range(state.activity.size):
                state.activity[k] = max(state.activity[k], RAREST)
        sums[0] = ZERO
    if constants.moment > 0:
        for k in range(state.traces.size):
            mean = state.traces[k] + constants.averaging * (sums[1, k] * part - state.traces[k])
            state.traces[k] = mean if abs(mean) > NEGLIGIBLE else ZERO
        sums[1] = ZERO


@register_jitable
def _select_singly(y, start, end, cutoff, written, count):  # type: ignore[no-untyped-def]
    """Add those of some neurons that are written; return how many there are by then."""
    for k in range(start, end):
        written[count] = k
        count += abs(y[k]) >= cutoff
    return count


@register_jitable
def _select(responses, cutoff, written):  # type: ignore[no-untyped-def]
    """Return how many neurons, and which, some sample of the window writes."""
    count = 0
    if responses.shape[0] == 1:
        y, whole = responses[0], responses.shape[1] - responses.shape[1] % LANES
        for start in range(0, whole, LANES):
            found = 0
            for j in range(LANES):  # many at once: most are below
                found += abs(y[start + j]) >= cutoff
            if found > 0:
                count = _select_singly(y, start, start + LANES, cutoff, written, count)
        return _select_singly(y, whole, y.size, cutoff, written, count)
    for k in range(responses.shape[1]):
        touched = False
        for p in range(responses.shape[0]):
            touched |= abs(responses[p, k]) >= cutoff
        written[count] = k
        count += touched
    return count


@register_jitable
def _propose(count, potentials, responses, rate, constants, state, scratch, own):  # type: ignore[no-untyped-def]
    """Ask the rule for each neuron's two numbers, summed over the window, and find the size of the step they make."""
    growth, samples = scratch.growth, responses.shape[0]
    for m in range(count):
        k = scratch.written[m]
        norm = _length(state.norms[k], constants.lebesgue)
        schedule, power, floor = constants.schedule, constants.rate_power, constants.rate_floor
        neuron_rate = _neuron_rate(rate, norm, state.wins[k], schedule, power, floor)
        change = rate * ZERO
        for p in range(samples):
            growth[p, k] = ZERO
            if abs(responses[p, k]) >= constants.cutoff:
                # The eligibility trace keeps the step as it is, and meets the modulator later.
                modulator = state.pending_modulators[p] if constants.eligibility == ZERO else ONE
                a, c = _decide(
                    constants.rule, own, potentials[p, k], responses[p, k], norm, state.traces[k], scratch.totals[p],
                    neuron_rate, constants.parameters,
                )  # fmt: skip
                growth[p, k] = ZERO if abs(c) <= NEGLIGIBLE else c * modulator  # NaN stays, and is found
                change += modulator * (a - ONE)
                state.counters[WRITES] += 1
        part = constants.cap / abs(change) if abs(change) > constants.cap else ONE
        for p in range(samples):  # before anything is squared: what the cap holds must not overflow
            growth[p, k] *= part
        scratch.changes[k] = change * part
        _size(k, potentials, constants.lebesgue, state, scratch)


@register_jitable
def _size(k, potentials, lebesgue, state, scratch):  # type: ignore[no-untyped-def]
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
        square, overlap = _look(k, state, growth)
    scratch.overlaps[k] = overlap
    scratch.sizes[k] = _not_below_zero(change * change * square + TWO * change * overlap + grown)


@register_jitable
def _not_below_zero(x):  # type: ignore[no-untyped-def]
    """Return x, or 0 for what rounding left below; NaN stays."""
    return x * ZERO if x < ZERO else x


@register_jitable
def _look(k, state, growth):  # type: ignore[no-untyped-def]
    """Return |w|^2 and the sum of c (w x) from the synapses: potentials of another norm do not tell them."""
    square, overlap = state.scales[k] * ZERO, state.scales[k] * ZERO
    for i in range(state.synapses.shape[0]):
        w = state.scales[k] * state.synapses[i, k]
        square += w * w
    for p in range(state.pending_sizes.size):
        dot = square * ZERO
        for j in range(state.pending_sizes[p]):
            dot += state.pending_inputs[p, j] * state.synapses[state.pending_active[p, j], k]
        overlap += growth[p, k] * dot * state.scales[k]
    return square, overlap


@register_jitable
def _largest(x, count, order):  # type: ignore[no-untyped-def]
    """Return the value of the `count`-th largest of x, by quickselect in `order`."""
    low, high, place = 0, x.size - 1, count - 1
    _copy(x, order)
    while low < high:
        pivot = order[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while order[i] > pivot:
                i += 1
            while order[j] < pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return order[place]


@register_jitable
def _gate(count, constants, scratch):  # type: ignore[no-untyped-def]
    """Keep the neurons with the largest steps; all but the first turn round if signed. Return how many."""
    written, sizes, allowed = scratch.written, scratch.sizes, constants.winners
    if count == 0:
        return 0
    best = 0
    for m in range(count):
        if sizes[written[m]] > sizes[written[best]]:
            best = m
        scratch.drive[m] = sizes[written[m]]
    best = written[best]
    least = sizes[best] * ZERO
    if count > allowed:
        least = _largest(scratch.drive[:count], allowed, scratch.order)
    above = 0
    for m in range(count):
        above += sizes[written[m]] > least
    kept, ties = 0, allowed - above
    for m in range(count):
        k = written[m]
        tie = sizes[k] == least
        if sizes[k] > least or (tie and ties > 0):
            ties -= tie
            written[kept] = k
            kept += 1
            if constants.signed and k != best:
                scratch.changes[k] = -scratch.changes[k]
                scratch.overlaps[k] = -scratch.overlaps[k]
                for p in range(scratch.growth.shape[0]):
                    scratch.growth[p, k] = -scratch.growth[p, k]
        else:
            for p in range(scratch.growth.shape[0]):
                scratch.growth[p, k] = ZERO
    return kept


@register_jitable
def _note(k, size, steps):  # type: ignore[no-untyped-def]
    """Add the size of neuron k's step to the instruments' sum; Kahan's sum, as a long stream adds small to large."""
    size = math.sqrt(size) - steps[1, k]
    total = steps[0, k] + size
    steps[1, k] = (total - steps[0, k]) - size
    steps[0, k] = total


@register_jitable
def _apply(count, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Decay the neurons, follow their norms, turn growth into units of v; return whether a scale was folded."""
    growth, norms, scales, any_folded = scratch.growth, state.norms, state.scales, False
    for m in range(count):
        k = scratch.written[m]
        change, size = scratch.changes[k], scratch.sizes[k]
        if constants.instruments:
            _note(k, size, state.steps)
        # |w + d|^2 = |w|^2 + 2 w d + |d|^2 with w d = (a - 1) |w|^2 + sum of c u
        norms[k] = _not_below_zero(norms[k] + TWO * (change * norms[k] + scratch.overlaps[k]) + size)
        scales[k] *= ONE + change
        if not (FOLD_BELOW <= abs(scales[k]) <= FOLD_ABOVE):
            _fold(state.synapses, state.scales, state.counters, k)
            any_folded = True
        for p in range(growth.shape[0]):
            growth[p, k] /= scales[k]
    return any_folded


@register_jitable
def _grow(active, values, size, written, count, synapses, growth):  # type: ignore[no-untyped-def]
    """Add c x / s to v for the active inputs of one sample of the window."""
    if count * SPARSE_WRITES < growth.size:
        for m in range(count):
            k, step = written[m], growth[written[m]]
            for j in range(size):
                synapses[active[j], k] += step * values[j]
        return
    for j in range(size):
        v, x = synapses[active[j]], values[j]
        for k in range(v.size):
            v[k] += growth[k] * x


@register_jitable
def _renormalise(state, k, lebesgue):  # type: ignore[no-untyped-def]
    """Bring neuron k to norm one.

    Where neurons unlearn, an error of the followed norm grows as the square of the scale since it was last measured;
    where a step leaves little of the norm, it is what is left. So both are measured anew.
    """
    if not (state.norms[k] > SHORT):
        _measure(state, k, lebesgue)
    length = _length(state.norms[k], lebesgue)
    if not (ZERO < length < np.float32(np.inf)):
        return
    state.scales[k] /= length
    state.norms[k] = ONE
    if not (ONE / DRIFT <= state.scales[k] <= DRIFT):
        _fold(state.synapses, state.scales, state.counters, k)
        _measure(state, k, lebesgue)
        state.scales[k] = ONE / _length(state.norms[k], lebesgue)
        state.norms[k] = ONE


@register_jitable
def _leak(constants, state):  # type: ignore[no-untyped-def]
    """Let every neuron's weights decay by the window's time: two products a neuron, none a synapse."""
    kept = (ONE - constants.leak) ** np.float32(state.pending_sizes.size)
    norm_kept = kept * kept if constants.lebesgue == TWO else kept**constants.lebesgue
    for k in range(state.scales.size):
        state.scales[k] *= kept
        state.norms[k] *= norm_kept
        if abs(state.scales[k]) < FOLD_BELOW:
            _fold(state.synapses, state.scales, state.counters, k)


@register_jitable
def _rise(count, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Keep the step in the synapses' eligibility, and let the modulator turn eligibility into weight.

    e <- lambda e + (a - 1) w + c x; w <- w + m e. A modulator of zero costs inputs x neurons written, any other one
    inputs x neurons.
    """
    v, s, e, t = state.synapses, state.scales, state.eligibility, state.eligibility_scales
    for k in range(t.size):
        t[k] *= constants.eligibility
        if t[k] < FOLD_BELOW:
            for i in range(e.shape[0]):
                e[i, k] *= t[k]
            t[k] = ONE
    for m in range(count):
        k = scratch.written[m]
        for i in range(e.shape[0]):
            e[i, k] += scratch.changes[k] * s[k] * v[i, k] / t[k]
        for j in range(state.pending_sizes[0]):
            e[state.pending_active[0, j], k] += scratch.growth[0, k] * state.pending_inputs[0, j] / t[k]
    modulator = state.pending_modulators[0]
    if modulator == ZERO:
        return
    scratch.sizes[:] = ZERO
    for i in range(e.shape[0]):
        for k in range(t.size):
            step = modulator * t[k] * e[i, k]
            v[i, k] += step / s[k]
            scratch.sizes[k] += step * step
    for k in range(t.size):
        _measure(state, k, constants.lebesgue)
        if constants.renormalise and scratch.sizes[k] > ZERO:
            _renormalise(state, k, constants.lebesgue)
        if constants.instruments:
            _note(k, scratch.sizes[k], state.steps)


@register_jitable
def _mix(rate, responses, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Learn by a rule in which a neuron sees what others explain: Sanger's (those before it) or Oja's (all).

    Costs inputs x neurons a sample, and the neurons of Sanger's rule wait for one another.
    """
    x, y, factors = scratch.values, responses[0], scratch.changes
    for k in range(y.size):
        writing = abs(y[k]) >= constants.cutoff
        factors[k] = state.pending_modulators[0] * rate * y[k] if writing else ZERO
        state.counters[WRITES] += writing
    x[:] = ZERO
    for j in range(state.pending_sizes[0]):
        x[state.pending_active[0, j]] = state.pending_inputs[0, j]
    state.norms[:] = ZERO
    scratch.sizes[:] = ZERO
    for i in range(x.size):
        w, rest = state.synapses[i], x[i]
        if constants.rule == SUBSPACE:
            for k in range(y.size):
                rest -= y[k] * w[k]
        for k in range(y.size):
            if constants.rule == SANGER:
                rest -= y[k] * w[k]
            step = factors[k] * rest
            w[k] += step
            scratch.sizes[k] += step * step
            state.norms[k] += w[k] * w[k]
    if constants.instruments:
        for k in range(y.size):
            _note(k, scratch.sizes[k], state.steps)


@register_jitable
def _write(count, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Apply what was proposed for `count` neurons."""
    written = scratch.written
    folded = _apply(count, constants, state, scratch)
    for p in range(scratch.growth.shape[0]):
        active, values = state.pending_active[p], state.pending_inputs[p]
        _grow(active, values, state.pending_sizes[p], written, count, state.synapses, scratch.growth[p])
    _settle(count, folded, constants, state, scratch)


@register_jitable
def _settle(count, folded, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Measure the norms that growth has left unknown, and bring neurons to norm one, if they are to be."""
    if not (folded or constants.renormalise or constants.lebesgue != TWO):
        return
    for m in range(count):
        k = scratch.written[m]
        if constants.lebesgue != TWO or (folded and state.scales[k] == ONE):
            _measure(state, k, constants.lebesgue)
        if constants.renormalise and scratch.sizes[k] > ZERO:
            _renormalise(state, k, constants.lebesgue)


# Synapses of few bits: whole numbers from -highest to highest, one scale for all of a neuron's. Decay is the scale's;
# growth is rounded, so only active inputs are written. If one leaves the range, the scale doubles as often as it takes,
# and all are rounded once more.


@register_jitable
def _word(z):  # type: ignore[no-untyped-def]
    """Return the random word of a counter: SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))


@register_jitable
def _round(x, key, i, nearest):  # type: ignore[no-untyped-def]
    """Return a whole number: the nearest one, or one of the two beside x, by chance, so that the mean is x."""
    size = abs(x)
    if not size < WHOLE:
        return x
    whole = np.float32(np.int32(size))
    if nearest:
        odd = np.int32(size) & np.int32(1) != 0
        up = size - whole > HALF or (size - whole == HALF and odd)
    else:
        up = np.float32(_word(key + np.uint64(i) * GOLDEN) >> np.uint64(40)) * UNIT < size - whole
    if up:
        whole += ONE
    return ZERO - whole if x < ZERO else whole


@register_jitable
def _ones(word):  # type: ignore[no-untyped-def]
    """Return how many bits are set."""
    count = 0
    while word != 0:
        word &= word - 1
        count += 1
    return count


@register_jitable
def _store(i, k, whole, constants, state, live):  # type: ignore[no-untyped-def]
    """Write a synapse; return how many of its bits change, in two's complement."""
    old, new = np.int64(state.synapses[i, k]), np.int64(whole)
    if new == old:
        return 0
    state.synapses[i, k] = whole
    state.squares[k] += new * new - old * old
    if live.size > 0:
        live[i] += np.int64(new != 0) - np.int64(old != 0)
    return _ones((new ^ old) & (2 * np.int64(constants.highest) + 1))


@register_jitable
def _round_growth(k, growth, key, constants, state, grown):  # type: ignore[no-untyped-def]
    """Write what neuron k's synapses at the active inputs become, in units of its scale; return the largest size."""
    scale, peak = state.scales[k], growth * ZERO
    for j in range(state.pending_sizes[0]):
        i = state.pending_active[0, j]
        step = _round(growth * state.pending_inputs[0, j] / scale, key, i, constants.nearest)
        grown[j] = state.synapses[i, k] + step
        peak = max(peak, abs(grown[j]))
    return peak


@register_jitable
def _grow_in_few_bits(k, growth, key, constants, state, scratch, live):  # type: ignore[no-untyped-def]
    """Add c x / s to neuron k's synapses, rounded; if one leaves the range, give all a larger scale. Return flips."""
    grown, size, flips = scratch.values, state.pending_sizes[0], 0
    peak = _round_growth(k, growth, key, constants, state, grown)
    if peak <= constants.highest:
        for j in range(size):
            flips += _store(state.pending_active[0, j], k, grown[j], constants, state, live)
        return flips
    part, again, j = peak * ZERO + ONE, _word(key), 0
    while peak * part > constants.highest:
        part *= HALF
    for i in range(state.synapses.shape[0]):
        active = j < size and state.pending_active[0, min(j, size - 1)] == i
        exact = grown[j] if active else state.synapses[i, k]
        j += active
        flips += _store(i, k, _round(exact * part, again, i, constants.nearest), constants, state, live)
    state.scales[k] /= part
    state.counters[FOLDS] += 1
    return flips


@register_jitable
def _write_few_bits(count, constants, state, scratch, live):  # type: ignore[no-untyped-def]
    """Apply what was proposed for `count` neurons, each by its own scale."""
    sample = _sample_word(constants.salt, state.counters[SAMPLES])
    scratch.flips[0] = 0
    for m in range(count):
        k = scratch.written[m]
        scratch.flips[0] += _write_neuron_in_few_bits(k, k, sample, constants, state, scratch, live)


@register_jitable
def _sample_word(salt, samples):  # type: ignore[no-untyped-def]
    """Return the random word of a sample, of which its neurons' words are made."""
    return _word(salt + np.uint64(samples) * GOLDEN)


@register_jitable
def _write_neuron_in_few_bits(k, number, sample, constants, state, scratch, live):  # type: ignore[no-untyped-def]
    """Apply what was proposed for the neuron in place k, which chance knows by its number; return flips."""
    flips, growth, scale = 0, scratch.growth[0, k], state.scales[k] * (ONE + scratch.changes[k])
    if constants.instruments:
        _note(k, scratch.sizes[k], state.steps)
    # Where no weight is left, the scale says nothing: its first growth finds it, from the faintest up.
    state.scales[k] = max(scale, FAINTEST) if state.squares[k] > 0 else scale * ZERO + FAINTEST
    if growth != ZERO:
        key = _word(sample + np.uint64(number) * GOLDEN)
        flips = _grow_in_few_bits(k, growth, key, constants, state, scratch, live)
    state.norms[k] = state.squares[k]
    state.norms[k] *= state.scales[k] * state.scales[k]
    return flips


@register_jitable
def _diverged(norms):  # type: ignore[no-untyped-def]
    """Return a neuron whose norm is not finite, or -1."""
    for k in range(norms.size):
        if not math.isfinite(norms[k]):
            return k
    return -1


@register_jitable
def _learn(potentials, responses, square, constants, state, scratch, own, live):  # type: ignore[no-untyped-def]
    """Apply a full window; return a neuron whose norm is no longer finite, or -1."""
    samples, rate = responses.shape[0], _rate(constants, state.counters[SAMPLES] - 1)
    if constants.bias != UNBIASED or constants.moment > 0:
        _average(constants, state)
    state.counters[PENDING] = 0
    state.counters[UPDATES] += 1
    if constants.rule == SANGER or constants.rule == SUBSPACE:
        _mix(rate, responses, constants, state, scratch)
        return _diverged(state.norms)
    scratch.gram[0, 0] = square
    if samples > 1:
        _overlaps(state, scratch, samples)
    if constants.total:
        for p in range(samples):
            for k in range(potentials.shape[1]):
                scratch.order[k] = abs(potentials[p, k])
            scratch.totals[p] = _total(scratch.order, scratch.lanes)
    count = _select(responses, constants.cutoff, scratch.written)
    if count * SPARSE_WRITES >= potentials.shape[1]:
        scratch.growth[:] = ZERO
    _propose(count, potentials, responses, rate, constants, state, scratch, own)
    for m in range(count):
        if not math.isfinite(scratch.sizes[scratch.written[m]]):
            return scratch.written[m]
    if constants.competition == GATED:
        count = _gate(count, constants, scratch)
    if constants.eligibility > ZERO:
        _rise(count, constants, state, scratch)
    elif constants.highest > ZERO:
        _write_few_bits(count, constants, state, scratch, live)
    else:
        _write(count, constants, state, scratch)
    if constants.leak > ZERO:
        _leak(constants, state)
    if constants.eligibility > ZERO:
        return _diverged(state.norms)
    for m in range(count):
        if not math.isfinite(state.norms[scratch.written[m]]):
            return scratch.written[m]
    return -1


@register_jitable
def _teaches(learning, size, label, competition):  # type: ignore[no-untyped-def]
    """Return whether a sample is learned from."""
    return learning and size > 0 and (label >= 0 or competition not in (TAUGHT, CORRECTED))


@register_jitable
def _admit(size, square, label, learning, constants, state):  # type: ignore[no-untyped-def]
    """Return how many inputs are active, -1 if the sample is not admitted, and what they are multiplied by."""
    if not math.isfinite(square):
        return -1, square * ZERO + ONE
    if square < SMALLEST:  # 1 / |x| would not be finite: a sample of zeros, for all that can be learned from it
        return 0, square * ZERO + ONE
    teaching = _teaches(learning, size, label, constants.competition)
    return size, _gain(square, teaching, constants.units, constants.forgetting, state)


@register_jitable
def _take_in(sample, label, learning, constants, state, active, values):  # type: ignore[no-untyped-def]
    """Pack a sample's active inputs in its units; return how many, -1 if it is not admitted, and |x|^2."""
    size, square = _gather(sample, constants.negative, active, values)
    size, gain = _admit(size, square, label, learning, constants, state)
    for j in range(size):
        values[j] *= gain
    return size, square * (gain * gain)


# Looking ahead. The synapses of a wide layer do not fit in a core's own cache, so that a sample costs the time to read
# them from afar. Of a chunk, the next samples are known: their sums are taken together, tile by tile, with the weights
# as they are, and a tile's rows are read from afar once. Neurons written before a sample's turn are summed anew, from
# copies side by side. All sums are added in the order of `_integrate`, so no bit depends on how far one looks.


@register_jitable
def _depth(left, breadth, pace, learning, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Return how many samples to look ahead at, of those left: 0 where it does not pay.

    By how many inputs were active lately and, while learning, neurons written: PACE times their means.
    """
    most, (inputs, neurons), pays = min(left, scratch.ahead_sums.shape[0]), state.synapses.shape, scratch.pays
    if most < 2 or constants.lebesgue != TWO or neurons < scratch.copied.size:
        return 0
    if learning:
        if state.pending_sizes.size > 1 or constants.leak > ZERO or constants.eligibility > ZERO:
            return 0
        beyond = breadth * neurons - pays[0] * PACE
        if constants.rule == SANGER or constants.rule == SUBSPACE or beyond < pays[2] * pace * inputs:
            return 0
        most = min(most, scratch.copied.size * PACE // max(pace, 1))
    if most < 2 or breadth * neurons < pays[0] * PACE or most * breadth < pays[1] * PACE * inputs:
        return 0
    return most


@register_jitable
def _look_ahead(samples, first, depth, learning, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Take in the next samples and take their sums; return how many: fewer if one is not admitted. Leaves no trace."""
    mean, counted, blanks = state.input_norm[0], state.counters[SAMPLES], state.counters[BLANKS]
    taken = 0
    while taken < depth:
        values, active = scratch.ahead_values[taken], scratch.ahead_active[taken]
        label = samples.labels[first + taken] if samples.labels.size > 0 else -1
        size, square = _take_in(samples.values[first + taken], label, learning, constants, state, active, values)
        if size < 0:
            break
        scratch.ahead_sizes[taken] = size
        scratch.ahead_norms[0, taken] = square
        scratch.ahead_norms[1, taken] = state.input_norm[0]
        if learning:
            state.counters[SAMPLES] += 1
            state.counters[BLANKS] += not _teaches(learning, size, label, constants.competition)
        taken += 1
    if learning:
        state.input_norm[0], state.counters[SAMPLES], state.counters[BLANKS] = mean, counted, blanks
    return taken


@register_jitable
def _sum_ahead(taken, synapses, start, stop, scratch, sums):  # type: ignore[no-untyped-def]
    """Take the sums of all samples for some neurons, tile by tile; tiles begin at whole lines of the cache."""
    shift = synapses.ctypes.data // synapses.itemsize
    while start < stop:
        end = start + TILE - (start + shift) % LINE
        end = end if end < stop else stop
        for n in range(taken):
            values, active = scratch.ahead_values[n], scratch.ahead_active[n]
            _sum_rows(values, active, scratch.ahead_sizes[n], synapses, start, end, sums[n])
        start = end


@register_jitable
def _recall(n, held, learning, state, scratch, active, values, potentials):  # type: ignore[no-untyped-def]
    """Take in the n-th sample ahead, and write its potentials; return how many inputs are active, and |x|^2."""
    size = scratch.ahead_sizes[n]
    if learning:
        state.input_norm[0] = scratch.ahead_norms[1, n]
        for j in range(size):
            values[j], active[j] = scratch.ahead_values[n, j], scratch.ahead_active[n, j]
    _copy(scratch.ahead_sums[n], potentials)
    if held > 0:
        sums, end = scratch.order, min(held + (LINE - held % LINE) % LINE, scratch.order.size)
        _sum_rows(values, active, size, scratch.copies, 0, end, sums)
        for m in range(held):
            potentials[scratch.copied[m]] = sums[m]
    _scale(potentials, state.scales)
    return size, scratch.ahead_norms[0, n]


@register_jitable
def _keep(count, held, synapses, scratch):  # type: ignore[no-untyped-def]
    """Copy the synapses of the neurons just written; return how many neurons are held then, -1 if there is no room."""
    for m in range(count):
        k = scratch.written[m]
        place = scratch.places[k]
        if not (0 <= place < held and scratch.copied[place] == k):
            if held == scratch.copied.size:
                return -1
            scratch.places[k], scratch.copied[held] = held, k
            held += 1
    for i in range(synapses.shape[0]):
        for m in range(count):
            k = scratch.written[m]
            scratch.copies[i, scratch.places[k]] = synapses[i, k]
    return held


# What a sample took, counted by what the algorithm says: a synapse is written where a neuron's growth meets an active
# input, and all of a neuron's where its scale is folded into them, or changes so that few bits can hold them. Rows come
# blank. Which synapses are zero is followed only where some are: that a sum of floats becomes zero to the last bit is
# not waited for.


@register_jitable
def _tally_inputs(n, size, active, holes, neurons, results):  # type: ignore[no-untyped-def]
    """Count the events of a sample, and the synapses that they reach."""
    row, live, effective = results.tallies[n], results.live, 0
    if holes:
        for j in range(size):
            effective += live[active[j]]
    else:
        effective = size * neurons
    row[EVENTS], row[OPERATIONS], row[EFFECTIVE] = size, size * neurons, effective


@register_jitable
def _has_zeros(live, neurons):  # type: ignore[no-untyped-def]
    """Return whether some synapse is zero."""
    found = 0
    for i in range(live.size):
        found += live[i] < neurons
    return found > 0


@register_jitable
def _tally_live(responses, constants, state, scratch, live, sign):  # type: ignore[no-untyped-def]
    """Take the synapses that are about to be written out of those that are not zero, or put them back in."""
    count = _select(responses, constants.cutoff, scratch.written)
    single = responses.shape[0] == 1
    for j in range(state.pending_sizes[0] if single else live.size):
        i = state.pending_active[0, j] if single else j
        if live[i] == state.scales.size:  # no sum of floats is waited for to be zero
            continue
        v, found = state.synapses[i], 0
        for m in range(count):
            found += v[scratch.written[m]] != ZERO
        live[i] += sign * found


@register_jitable
def _tally_all_live(synapses, live):  # type: ignore[no-untyped-def]
    """Count the synapses of each input that are not zero."""
    for i in range(live.size):
        live[i] = 0
        for k in range(synapses.shape[1]):
            live[i] += synapses[i, k] != ZERO


@register_jitable
def _tally_writes(n, asked, folds, holes, responses, constants, state, scratch, results):  # type: ignore[no-untyped-def]
    """Count what the window that ended with a sample has written."""
    row, written, (inputs, neurons) = results.tallies[n], results.written[n], state.synapses.shape
    row[PLASTIC], row[WRITTEN] = asked, folds * inputs
    if constants.highest > ZERO:  # a neuron that is written whole is written once
        row[WRITTEN], row[FLIPPED] = folds * (inputs - state.pending_sizes[0]), scratch.flips[0]
    waiting, mixing = constants.eligibility > ZERO, constants.rule == SANGER or constants.rule == SUBSPACE
    if holes and (waiting or mixing or folds > 0):
        _tally_all_live(state.synapses, results.live)
    elif holes:
        _tally_live(responses, constants, state, scratch, results.live, 1)
    if waiting or mixing:
        for k in range(neurons):
            moved = state.pending_modulators[0] != ZERO and (waiting or scratch.changes[k] != ZERO)
            written[k] = moved
            row[WRITTEN] += moved * inputs
        return
    count = asked
    if responses.shape[0] > 1 or constants.competition == GATED:  # the list has more neurons, or others
        count = _select(responses, constants.cutoff, scratch.written)
    for m in range(count):
        k = scratch.written[m]
        for p in range(responses.shape[0]):
            if scratch.growth[p, k] != ZERO:
                written[k] = 1
                row[WRITTEN] += state.pending_sizes[p]


@register_jitable
def _mark(marks, n, stage):  # type: ignore[no-untyped-def]
    """Write down when a stage of sample n was done; without marks, no code is left of it."""
    if marks is not None:
        _clock_gettime(np.int32(marks.clock), marks.now.ctypes)
        marks.moments[n, stage] = marks.now[0] * 1_000_000_000 + marks.now[1]


# A call that looks at eighty arrays and numbers takes longer than a small layer's sample. So what stays the same from
# one sample to the next is written to memory once, as compiled code holds it, and the loop is called with its address.


@intrinsic
def _arguments_size(context, arguments):  # type: ignore[no-untyped-def]
    """Return how many bytes compiled code takes to hold arguments."""

    def write(context, builder, signature, values):  # type: ignore[no-untyped-def]
        model = context.data_model_manager[signature.args[0]]
        return context.get_constant(types.intp, context.get_abi_sizeof(model.get_data_type()))

    return types.intp(arguments), write


@intrinsic
def _put_arguments(context, address, arguments):  # type: ignore[no-untyped-def]
    """Write arguments to an address, as compiled code holds them."""

    def write(context, builder, signature, values):  # type: ignore[no-untyped-def]
        held = context.data_model_manager[signature.args[1]].as_data(builder, values[1])
        builder.store(held, builder.inttoptr(values[0], held.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(address, arguments), write


@intrinsic
def _arguments_at(context, address, kind):  # type: ignore[no-untyped-def]
    """Read arguments of a kind from an address."""
    kept = kind.instance_type

    def write(context, builder, signature, values):  # type: ignore[no-untyped-def]
        model = context.data_model_manager[kept]
        place = builder.inttoptr(values[0], model.get_data_type().as_pointer())
        return model.load_from_data_pointer(builder, place, align=1)

    return kept(address, kind), write


@njit(cache=True, _nrt=False)
def _size_of(arguments):  # type: ignore[no-untyped-def]
    return _arguments_size(arguments)


@njit(cache=True, _nrt=False)
def _put(address, arguments):  # type: ignore[no-untyped-def]
    _put_arguments(address, arguments)


# Without Numba's reference counts: nothing is allocated here, and counting the arrays of State and Scratch at every
# function's door takes as long as a small layer's whole sample.
@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def stream(address, kind):  # type: ignore[no-untyped-def]
    """Take samples through the layer one by one, learning from each in turn if `learning`.

    Parameters
    ----------
    address : int
        Where eight arguments lie: `Samples`; whether to learn (if not, nothing in the state is written); `Constants`;
        `State`; `Scratch`; `Results`; the user's compiled rule, with the arguments of `hebb`, or None; `Marks` or None.
    kind : tuple type
        Of the eight.

    Returns
    -------
    done : int
        Samples taken; fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    samples, learning, constants, state, scratch, results, own, marks = _arguments_at(address, kind)
    values, active, window = scratch.values, scratch.active, state.pending_sizes.size
    plain = constants.activation == IDENTITY and constants.bias == UNBIASED
    holes = results.tallies.size > 0 and constants.highest == ZERO and _has_zeros(results.live, state.scales.size)
    first, end, held, breadth, pace = 0, 0, 0, 0, -1  # samples looked ahead at, and neurons written meanwhile
    for n in range(samples.values.shape[0]):
        _mark(marks, n, BEGUN)
        if learning:
            values, active = (
                state.pending_inputs[state.counters[PENDING]],
                state.pending_active[state.counters[PENDING]],
            )
        if n >= end:
            depth = _depth(samples.values.shape[0] - n, breadth, pace, learning, constants, state, scratch)
            first, end, held = n, n, 0
            if depth > 0:
                end += _look_ahead(samples, n, depth, learning, constants, state, scratch)
                products, sums = (end - n) * breadth // PACE * state.scales.size, scratch.ahead_sums
                if end > n and _is_shared(breadth // PACE, state.scales.size, pace, scratch):
                    scratch.board[0, TAKEN] = end - n
                    _sum_together(products, values, active, state.synapses, scratch, sums)
                else:
                    _sum_ahead(end - n, state.synapses, 0, state.scales.size, scratch, sums)
        label = samples.labels[n] if samples.labels.size > 0 else -1
        row = n % results.potentials.shape[0]
        potentials, responses = results.potentials[row], results.responses[row]
        if n < end:
            _mark(marks, n, GATHERED)
            size, square = _recall(n - first, held, learning, state, scratch, active, values, potentials)
        else:
            size, square = _take_in(samples.values[n], label, learning, constants, state, active, values)
            if size < 0:
                return n, -1
            _mark(marks, n, GATHERED)
            if constants.lebesgue == TWO and _is_shared(size, state.scales.size, pace, scratch):
                board, sums = scratch.board[0], results.potentials[row : row + 1]
                board[TAKEN], board[BREADTH] = 0, size
                board[PENDING_ROW] = state.counters[PENDING] if learning else -1
                _sum_together(size * state.scales.size, values, active, state.synapses, scratch, sums)
                _scale(potentials, state.scales)
            else:
                _integrate(values, active, size, constants.lebesgue, state.synapses, state.scales, potentials)
        _mark(marks, n, INTEGRATED)
        if results.tallies.size > 0:
            ahead = n < end and not learning
            places = scratch.ahead_active[n - first] if ahead else active
            some = holes or constants.highest > ZERO
            _tally_inputs(n, size, places, some, state.scales.size, results)
        breadth = breadth + size - breadth // PACE if breadth > 0 else PACE * size
        teaching = _teaches(learning, size, label, constants.competition)
        drive = potentials
        if not plain:
            drive = scratch.drive
            _activate(potentials, constants.activation, constants.activation_exponent, scratch.lanes, drive)
            _bias(learning, constants, state.activity, drive)
        winner = _compete(drive, label if learning else -1, constants, scratch.lanes, scratch.written, responses)
        if not math.isfinite(responses[winner] + potentials[winner]):
            return n, winner
        results.winners[n] = winner
        _mark(marks, n, COMPETED)
        if results.outputs.size > 0:
            outputs = results.outputs[n % results.outputs.shape[0]]
            _activate(potentials, constants.transmit, constants.exponent, scratch.lanes, outputs)
        _mark(marks, n, TRANSMITTED)
        if not learning:
            continue
        state.counters[SAMPLES] += 1
        if not teaching:
            state.counters[BLANKS] += 1
            continue
        state.wins[winner] += 1
        p = state.counters[PENDING]
        state.pending_sizes[p] = size
        state.pending_modulators[p] = samples.modulators[n] if samples.modulators.size > 0 else ONE
        state.counters[PENDING] = p + 1
        if constants.bias != UNBIASED or constants.moment > 0:
            _count(winner, potentials, responses, constants, state.pending_sums, scratch)
        us, ys = state.pending_potentials, state.pending_responses
        if window == 1:
            us, ys = results.potentials[row : row + 1], results.responses[row : row + 1]
        else:
            _copy(potentials, us[p])
            _copy(responses, ys[p])
        if p + 1 < window:
            continue
        before, folds = state.counters[WRITES], state.counters[FOLDS]
        if holes:
            _tally_live(ys, constants, state, scratch, results.live, -1)
        neuron = _learn(us, ys, square, constants, state, scratch, own, results.live)
        if neuron >= 0:
            return n, neuron
        count = state.counters[WRITES] - before
        pace = pace + count - pace // PACE if pace >= 0 else PACE * count
        if n + 1 < end:
            held = _keep(count, held, state.synapses, scratch)
            if held < 0:
                end = n + 1
        if results.tallies.size > 0:
            _tally_writes(n, count, state.counters[FOLDS] - folds, holes, ys, constants, state, scratch, results)
        _mark(marks, n, LEARNED)
    return samples.values.shape[0], -1


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def assist(address, kind, number):  # type: ignore[no-untyped-def]
    """Take a share of the sums while another thread is in `stream` with these arguments, until it leaves word to end.

    Parameters
    ----------
    address, kind : int, tuple type
        As `stream`'s.
    number : int
        The thread's row of the board, from 1, with NOT_THERE on it.
    """
    _samples, _learning, _constants, state, scratch, _results, _own, _marks = _arguments_at(address, kind)
    board, word = scratch.board, 0
    _leave(board[number], word)
    while True:
        word = _another_word(board[0], word)
        if word == NO_MORE:
            return
        values, active, p = scratch.values, scratch.active, board[0, PENDING_ROW]
        if p >= 0:
            values, active = state.pending_inputs[p], state.pending_active[p]
        _sum_share(number, values, active, state.synapses, scratch, scratch.shares[number])
        _leave(board[number], word)


def bound(*arguments):  # type: ignore[no-untyped-def]
    """Return `stream` as compiled for these arguments, to be called with an address and a kind, and these.

    What it returns first takes what is then in the arrays. They, and the memory returned last, must outlive it.
    """
    memory, kind = np.zeros(_size_of(arguments), np.uint8), typeof(arguments)
    _put(memory.ctypes.data, arguments)
    return stream.compile((types.intp, types.TypeRef(kind))), memory.ctypes.data, kind, memory


def loop(*arguments):  # type: ignore[no-untyped-def]
    """Return `stream` as compiled for arguments of these types, as a function of such arguments."""
    kind, size = typeof(arguments), _size_of(arguments)
    put, run = _put.compile((types.intp, kind)), stream.compile((types.intp, types.TypeRef(kind)))

    def take(*arguments):  # type: ignore[no-untyped-def]
        memory = np.empty(size, np.uint8)
        address = memory.__array_interface__["data"][0]
        put(address, arguments)
        return run(address, kind)

    return take


def team(*arguments):  # type: ignore[no-untyped-def]
    """Return what `loop` returns, for a team: a function of arguments that returns what each of its threads calls.

    It calls that with its number: 0 takes the samples, and returns what `stream` returns; the others assist it.
    """
    kind, size = typeof(arguments), _size_of(arguments)
    place = types.intp, types.TypeRef(kind)
    put, run, help_out = _put.compile((types.intp, kind)), stream.compile(place), assist.compile((*place, types.intp))

    def work(*arguments):  # type: ignore[no-untyped-def]
        memory, board = np.empty(size, np.uint8), arguments[4].board
        address = memory.__array_interface__["data"][0]
        put(address, arguments)
        board[0], board[1:] = 0, NOT_THERE

        def part(number):  # type: ignore[no-untyped-def]
            if number > 0:
                return help_out(address, kind, number)
            try:
                return run(address, kind)
            finally:
                board[0, WORD] = NO_MORE

        part.needs = arguments, memory  # as long as a thread may be at work
        return part

    return work
