r"""A convolutional layer: at every position of an image the neurons compete; what they learn there is averaged.

.. math::

    u_{pk} = \sum_i w_{ki} x_{pi}, \qquad
    y_p = \mathrm{compete}(f(u_p)), \qquad
    w_k \leftarrow a_k w_k + \sum_p c_{pk} x_p, \qquad
    a_k = 1 + \tfrac{1}{P} \sum_p (a_{pk} - 1)

with one pair :math:`(a_{pk}, c_{pk})` from the rule for each neuron and position. Two matrix products carry a sample,
:math:`U = X W^T` and :math:`C^T X`, over the patches :math:`X`; BLAS does both. Where only responses above a cutoff
learn, and they are few, the second product is a sum over those few.

Weights are kept as :math:`w_{ki} = s_k v_{ki}`, so that :math:`C^T X` is added to them in place. Images travel channels
first between layers, and channels last in here, so that a patch is made of few long runs.

Every function takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests that
compare with the textbook equation. Sums have a fixed order, but for those inside BLAS.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit, typeof, types
from numba.experimental import function_type as function_type  # makes Numba know the type of WrapperAddressProtocol
from numba.extending import get_cython_function_address, register_jitable
from numpy.typing import NDArray

ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_MIDDLE, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4), np.float32(1.646595e-12)
E3, E4, E5 = np.float32(1 / 6), np.float32(1 / 24), np.float32(1 / 120)
E6, E7, E8, E9 = np.float32(1 / 720), np.float32(1 / 5040), np.float32(1 / 40320), np.float32(1 / 362880)
THIRD, FIFTH, SEVENTH, NINTH = np.float32(1 / 3), np.float32(1 / 5), np.float32(1 / 7), np.float32(1 / 9)
SQRT2 = np.float32(1.41421356)
BIAS, EXPONENT = np.float32(127), np.float32(8388608)  # of float32's bits
SMALLEST = np.float32(1.1754944e-38)  # normal float32
LEAST = np.float32(-70)  # exponent of the smallest share, so that no product with it is subnormal
LANES = 16  # partial sums of a reduction: as wide as the widest vector unit, and the same on every machine
FOLD_BELOW, FOLD_ABOVE = np.float32(1e-6), np.float32(1e6)  # scales outside are folded into the synapses
EPSILON = np.float32(1e-5)  # added to a variance
NEGLIGIBLE = np.float32(1e-30)  # smaller growth is zero: arithmetic on subnormal numbers takes a hundred times as long
FLAT = np.float32(1e-30)  # largest change of an update that is no change at all
FEW = 8  # fewer than one response in so many above the cutoff: add them singly, else by a matrix product
UNCUT, EVEN = 240, 32  # a longer sum of products is cut at a multiple, so that BLAS's threads do not change its order
GRAM = 16  # norms by the patches' inner products where that saves so much of a pass over the synapses

SOFT, HARD = 0, 1  # competitions
HEBB, OJA, INSTAR, SOFT_HEBB, OWN = 0, 1, 2, 3, 4  # rules
CONSTANT, LINEAR, EXPONENTIAL, BY_NORM, BY_WINS = 0, 1, 2, 3, 4  # schedules of the rate
PLAIN, RUNNING, SAMPLE, LAYER, WINDOW = 0, 1, 2, 3, 4  # normalisations of the input
CAPPED, LARGEST = 0, 1  # sizes of a step
IDENTITY, RELU, TRIANGLE = 0, 1, 2  # functions of the potentials
NO_POOL, MAX_POOL, MEAN_POOL = 0, 1, 2
SAMPLES, BLANKS, WRITES, FOLDS, PENDING, UPDATES, MEASURED = 0, 1, 2, 3, 4, 5, 6  # places in State.counters
COUNTERS = 7
PARAMETERS = 8  # of a rule


class Constants(NamedTuple):
    """What a layer is, as the loop sees it: codes and sizes are int, the others floats of the weights' type."""

    channels: int  # of the image
    height: int
    width: int
    kernel: int
    stride: int
    padding: int
    rows: int  # of positions
    columns: int
    pool: int
    pool_size: int
    pool_stride: int
    pool_padding: int
    pooled_rows: int
    pooled_columns: int
    competition: int
    signed: bool
    sharpness: np.float32  # 1 / temperature
    activation: int
    activation_exponent: np.float32
    rule: int
    parameters: NDArray[np.float32]  # (PARAMETERS,) of the rule
    schedule: int
    rate: np.float32
    last_rate: np.float32
    rate_samples: np.float32
    rate_power: np.float32
    rate_floor: np.float32
    step: int
    cap: np.float32
    cutoff: np.float32
    normalise: int
    forgetting: np.float32  # of the running statistics
    warm_up: int
    negative: bool
    transmit: int
    exponent: np.float32  # power of Triangle
    instruments: bool


class State(NamedTuple):
    """What a layer has learned; `pending` holds the samples of an unfinished window."""

    synapses: NDArray[np.float32]  # v (neurons, fan-in): kernel row, kernel column, channel
    scales: NDArray[np.float32]  # s (neurons,)
    norms: NDArray[np.float32]  # |w|^2 (neurons,)
    wins: NDArray[np.int64]  # (neurons,) positions won
    counters: NDArray[np.int64]  # (COUNTERS,)
    means: NDArray[np.float32]  # (channels,) running
    variances: NDArray[np.float32]  # (channels,) running
    steps: NDArray[np.float32]  # (2, neurons) sum of the step sizes, and what float32 lost of it
    pending_inputs: NDArray[np.float32]  # (window, inputs) normalised; raw where the window is what normalises
    pending_modulators: NDArray[np.float32]  # (window,)
    pending_potentials: NDArray[np.float32]  # (window, positions, neurons) u; not used by a window of one


class Scratch(NamedTuple):
    """Memory the loop works in; holds nothing from one sample to the next."""

    values: NDArray[np.float32]  # (inputs,) a normalised image
    image: NDArray[np.float32]  # (padded height * padded width * channels,) channels last
    patches: NDArray[np.float32]  # x (window * positions, fan-in)
    responses: NDArray[np.float32]  # y (window * positions or 0, neurons)
    growth: NDArray[np.float32]  # c (window * positions, neurons)
    drive: NDArray[np.float32]  # (neurons,) f(u)
    sent: NDArray[np.float32]  # (positions or 0, neurons) what is averaged by a pool
    pooled: NDArray[np.float32]  # (neurons,)
    averages: NDArray[np.float32]  # (positions,) mean potential
    changes: NDArray[np.float32]  # (neurons,) sum of a - 1
    overlaps: NDArray[np.float32]  # (neurons,) sum of c u
    rates: NDArray[np.float32]  # (neurons,)
    squares: NDArray[np.float32]  # (neurons,)
    gram: NDArray[np.float32]  # (window * positions or 0, window * positions)
    product: NDArray[np.float32]  # (window * positions or 0, neurons) gram @ c
    step: NDArray[np.float32]  # (neurons or 0, fan-in)
    counts: NDArray[np.int64]  # (neurons,)
    starts: NDArray[np.int64]  # (neurons,)
    event_rows: NDArray[np.int32]  # (window * positions * neurons / FEW,)
    event_growth: NDArray[np.float32]
    lanes: NDArray[np.float32]  # (LANES,)
    means: NDArray[np.float32]  # (channels,)
    variances: NDArray[np.float32]  # (channels,)
    letters: NDArray[np.uint8]  # N, T
    sizes: NDArray[np.int32]  # (4,) of a matrix product
    factors: NDArray[np.float32]  # one, zero


class Samples(NamedTuple):
    """What goes in. No modulators: all are one."""

    values: NDArray[np.float32]  # (samples, inputs), channels first
    modulators: NDArray[np.float32]  # (samples or 0,)


class Results(NamedTuple):
    """What comes out; with fewer rows than samples, rows are used in turn and the last ones stay.

    No row of outputs: nobody reads them, and they are not computed. No row of responses: nor are they, nor winners,
    if nothing is to be learned.
    """

    potentials: NDArray[np.float32]  # u (rows, positions, neurons)
    responses: NDArray[np.float32]  # y (rows or 0, positions, neurons)
    winners: NDArray[np.int64]  # (samples,) the neuron that won most positions; -1 if there were no responses
    outputs: NDArray[np.float32]  # z (rows, neurons * pooled positions), channels first


class _Product(types.WrapperAddressProtocol):  # type: ignore[misc]
    """BLAS's matrix product as a function that the loop takes as an argument: only so can the loop be cached."""

    def __init__(self, name: str, real: types.Type) -> None:
        self.name, self.real = name, real

    def __wrapper_address__(self) -> int:
        address: int = get_cython_function_address("scipy.linalg.cython_blas", self.name)
        return address

    def signature(self) -> types.Type:
        letter, size, real = (types.CPointer(kind) for kind in (types.uint8, types.int32, self.real))
        return types.void(letter, letter, size, size, size, real, real, size, real, size, real, real, size)


PRODUCTS = {
    np.dtype(np.float32): _Product("sgemm", types.float32),
    np.dtype(np.float64): _Product("dgemm", types.float64),
}


@register_jitable
def _run(size):  # type: ignore[no-untyped-def]
    """Return how many terms of a sum BLAS gets at once.

    It halves what is left of a long sum, and rounds an odd half by one thread otherwise than by many.
    """
    return size - size % EVEN if size > UNCUT else size


@register_jitable
def _times_transposed(product, a, b, c, scratch):  # type: ignore[no-untyped-def]
    """Write c = a b^T."""
    n, t, sizes, one = scratch.letters, scratch.letters[1:], scratch.sizes, scratch.factors
    sizes[0], sizes[1], sizes[2] = b.shape[0], a.shape[0], a.shape[1]
    first = 0
    while first < a.shape[1]:
        sizes[3] = _run(a.shape[1] - first)
        beta = scratch.factors[1:] if first == 0 else scratch.factors
        product(
            t.ctypes, n.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[3:].ctypes, one.ctypes, b[0, first:].ctypes,
            sizes[2:].ctypes, a[0, first:].ctypes, sizes[2:].ctypes, beta.ctypes, c.ctypes, sizes.ctypes,
        )  # fmt: skip
        first += sizes[3]


@register_jitable
def _transposed_times(product, a, b, beta, c, scratch):  # type: ignore[no-untyped-def]
    """Write c = a^T b + beta c; beta is an array."""
    n, t, sizes, one = scratch.letters, scratch.letters[1:], scratch.sizes, scratch.factors
    sizes[0], sizes[1] = b.shape[1], a.shape[1]
    first = 0
    while first < a.shape[0]:
        sizes[2] = _run(a.shape[0] - first)
        product(
            n.ctypes, t.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes, b[first:].ctypes,
            sizes.ctypes, a[first:].ctypes, sizes[1:].ctypes, beta.ctypes, c.ctypes, sizes.ctypes,
        )  # fmt: skip
        first += sizes[2]
        beta = scratch.factors


# Rules of plasticity, as in kernels/dense.py, which says what they take; a test keeps the two alike.


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
def _decide(rule, own, potential, response, norm, rate, parameters):  # type: ignore[no-untyped-def]
    """Return decay and growth by the layer's rule."""
    if own is None:
        if rule == SOFT_HEBB:
            return softhebb(potential, response, norm, ZERO, ZERO, rate, parameters)
        if rule == OJA:
            return oja(potential, response, norm, ZERO, ZERO, rate, parameters)
        if rule == INSTAR:
            return instar(potential, response, norm, ZERO, ZERO, rate, parameters)
        return hebb(potential, response, norm, ZERO, ZERO, rate, parameters)
    return own(potential, response, norm, ZERO, ZERO, rate, parameters)


@register_jitable
def _exponential(x):  # type: ignore[no-untyped-def]
    """Return e**x with arithmetic alone, so that it vectorises and every machine gives the same bits."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    n = np.floor(x * LOG2_E + HALF)
    r = x - n * LN2_HIGH - n * LN2_MIDDLE - n * LN2_LOW
    p = E5 + r * (E6 + r * (E7 + r * (E8 + r * E9)))
    p = ONE + r * (ONE + r * (HALF + r * (E3 + r * (E4 + r * p))))
    return p * np.int32((np.float32(n) + BIAS) * EXPONENT).view(np.float32)


@register_jitable
def _logarithm(x):  # type: ignore[no-untyped-def]
    """Return log(x) of a normal float32 above zero: its exponent's, and 2 artanh((m - 1) / (m + 1)) of its fraction."""
    bits = np.float32(x).view(np.int32)
    n = np.float32(np.int32(bits >> np.int32(23))) - BIAS
    m = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    large = m > SQRT2
    m, n = m * HALF if large else m, n + ONE if large else n
    s = (m - ONE) / (m + ONE)
    q = s * s
    series = ONE + q * (THIRD + q * (FIFTH + q * (SEVENTH + q * NINTH)))
    return n * LN2_HIGH + (n * LN2_MIDDLE + (s + s) * series)


@register_jitable
def _power(x, exponent):  # type: ignore[no-untyped-def]
    """Write x**exponent over every x, where x is not negative."""
    if exponent == ONE:
        return
    for k in range(x.size):
        z = _exponential(exponent * _logarithm(max(x[k], SMALLEST)))
        x[k] = z if x[k] > ZERO else ZERO


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
def _square(x, mean, lanes):  # type: ignore[no-untyped-def]
    """Return the sum of (x - mean)**2, added in an order that depends on its size alone."""
    whole = x.size - x.size % LANES
    lanes[:] = ZERO
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] += (x[start + j] - mean) * (x[start + j] - mean)
    for k in range(whole, x.size):
        lanes[0] += (x[k] - mean) * (x[k] - mean)
    for j in range(1, LANES):
        lanes[0] += lanes[j]
    return lanes[0]


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
def _first(x, value):  # type: ignore[no-untyped-def]
    """Return the first place where x holds value: ties go to the lowest index."""
    for k in range(x.size):
        if x[k] == value:
            return k
    return 0


@register_jitable
def _copy(x, y):  # type: ignore[no-untyped-def]
    """Write x into y: a slice would check shapes, and raise."""
    for k in range(x.size):
        y[k] = x[k]


@register_jitable
def _check(sample, negative, lanes):  # type: ignore[no-untyped-def]
    """Return whether a sample is admitted."""
    if not negative:
        for i in range(sample.size):
            if sample[i] < ZERO:
                return False
    return math.isfinite(_square(sample, ZERO, lanes))


@register_jitable
def _statistics(samples, means, variances, lanes):  # type: ignore[no-untyped-def]
    """Write each channel's mean and variance over all pixels of the samples."""
    pixels = samples.shape[1] // means.size
    count = np.float32(pixels * samples.shape[0])
    for c in range(means.size):
        total = means[c] * ZERO
        for n in range(samples.shape[0]):
            total += _total(samples[n, c * pixels : (c + 1) * pixels], lanes)
        mean = total / count
        total = mean * ZERO
        for n in range(samples.shape[0]):
            total += _square(samples[n, c * pixels : (c + 1) * pixels], mean, lanes)
        means[c], variances[c] = mean, total / count


@register_jitable
def _follow(sample, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Move the running statistics: equal weights at first, exponential ones later."""
    _statistics(sample.reshape(1, sample.size), scratch.means, scratch.variances, scratch.lanes)
    state.counters[MEASURED] += 1
    weight = max(scratch.factors[0] / np.float32(state.counters[MEASURED]), constants.forgetting)
    for c in range(constants.channels):
        difference = scratch.means[c] - state.means[c]
        state.means[c] += weight * difference
        spread = state.variances[c] + weight * difference * difference
        state.variances[c] = (ONE - weight) * spread + weight * scratch.variances[c]


@register_jitable
def _normalise(sample, means, variances, values):  # type: ignore[no-untyped-def]
    """Write the sample with every channel's mean and variance taken out."""
    pixels = sample.size // means.size
    for c in range(means.size):
        gain = ONE / math.sqrt(variances[c] + EPSILON)
        shift = means[c] * gain
        for i in range(c * pixels, (c + 1) * pixels):
            values[i] = sample[i] * gain - shift


@register_jitable
def _prepare(sample, learning, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Write the normalised sample into scratch.values."""
    kind = constants.normalise
    if kind == PLAIN:
        _copy(sample, scratch.values)
    elif kind in (RUNNING, WINDOW):
        if learning:
            _follow(sample, constants, state, scratch)
        _normalise(sample, state.means, state.variances, scratch.values)
    else:
        channels = constants.channels if kind == SAMPLE else 1
        means, variances = scratch.means[:channels], scratch.variances[:channels]
        _statistics(sample.reshape(1, sample.size), means, variances, scratch.lanes)
        _normalise(sample, means, variances, scratch.values)


@register_jitable
def _mirror(i, size):  # type: ignore[no-untyped-def]
    """Return the pixel that a place beyond the border shows, the border itself not doubled."""
    i = abs(i)
    return i if i < size else 2 * (size - 1) - i


@register_jitable
def _cut(values, constants, image, patches):  # type: ignore[no-untyped-def]
    """Write an image's patches, one a row, the image padded by its reflection."""
    channels, height, width, padding = constants.channels, constants.height, constants.width, constants.padding
    wide, pixels = width + 2 * padding, height * width
    for i in range(height + 2 * padding):
        row = _mirror(i - padding, height) * width
        for j in range(wide):
            pixel, place = row + _mirror(j - padding, width), (i * wide + j) * channels
            for c in range(channels):
                image[place + c] = values[pixel + c * pixels]
    run = constants.kernel * channels
    for p in range(patches.shape[0]):
        top, left = p // constants.columns * constants.stride, p % constants.columns * constants.stride
        for d in range(constants.kernel):
            _copy(image[((top + d) * wide + left) * channels :][:run], patches[p, d * run : (d + 1) * run])


@register_jitable
def _compete(potentials, constants, averages, scratch, responses, counts):  # type: ignore[no-untyped-def]
    """Write the responses at every position and count winners; return a neuron whose drive is not finite, or -1."""
    neurons, lanes = potentials.shape[1], scratch.lanes
    counts[:] = 0
    for p in range(potentials.shape[0]):
        u, y = potentials[p], responses[p]
        averages[p] = _total(u, lanes) / np.float32(neurons)
        drive = u
        if constants.activation != IDENTITY:
            drive = scratch.drive
            threshold = averages[p] if constants.activation == TRIANGLE else averages[p] * ZERO
            for k in range(neurons):
                drive[k] = max(u[k] - threshold, ZERO)
            _power(drive, constants.activation_exponent)
        if constants.competition == SOFT:
            winner = _first(drive, _softmax(drive, constants.sharpness, y, lanes))
        else:
            winner = _first(drive, _maximum(drive, lanes))
            y[:] = ZERO
            y[winner] = ONE
        if not math.isfinite(y[winner] + u[winner] + averages[p]):
            return winner
        counts[winner] += 1
        if constants.signed:
            for k in range(neurons):
                y[k] = -y[k]
            y[winner] = -y[winner]
    return -1


@register_jitable
def _average(potentials, averages, lanes):  # type: ignore[no-untyped-def]
    """Write the mean potential at every position; return a neuron if one is not finite, or -1."""
    for p in range(potentials.shape[0]):
        averages[p] = _total(potentials[p], lanes) / np.float32(potentials.shape[1])
        if not math.isfinite(averages[p]):
            return _first_wild(potentials[p])
    return -1


@register_jitable
def _first_wild(x):  # type: ignore[no-untyped-def]
    """Return the first place where x is not finite, 0 if only their sum is not."""
    for k in range(x.size):
        if not math.isfinite(x[k]):
            return k
    return 0


@register_jitable
def _send(potentials, averages, constants, scratch, outputs):  # type: ignore[no-untyped-def]
    """Write f(u), pooled, channels first."""
    function, pooled, sent = constants.transmit, scratch.pooled, scratch.sent
    neurons, places = pooled.size, constants.pooled_rows * constants.pooled_columns
    area = np.float32(constants.pool_size * constants.pool_size)
    late = constants.pool != MEAN_POOL  # a power goes up with its argument, so the largest may be found first
    if not late:
        for p in range(potentials.shape[0]):
            _apply(function, potentials[p], averages[p], sent[p])
            if function == TRIANGLE:
                _power(sent[p], constants.exponent)
    for place in range(places):
        top = place // constants.pooled_columns * constants.pool_stride - constants.pool_padding
        left = place % constants.pooled_columns * constants.pool_stride - constants.pool_padding
        fresh = True
        for i in range(max(top, 0), min(top + constants.pool_size, constants.rows)):
            for j in range(max(left, 0), min(left + constants.pool_size, constants.columns)):
                p = i * constants.columns + j
                if late:
                    u, threshold = potentials[p], averages[p] if function == TRIANGLE else averages[p] * ZERO
                    for k in range(neurons):
                        z = u[k] - threshold
                        pooled[k] = z if fresh else max(pooled[k], z)
                else:
                    for k in range(neurons):
                        pooled[k] = sent[p, k] if fresh else pooled[k] + sent[p, k]
                fresh = False
        if late:
            _apply(function if function != TRIANGLE else RELU, pooled, pooled[0] * ZERO, pooled)
            if function == TRIANGLE:
                _power(pooled, constants.exponent)
        for k in range(neurons):
            outputs[k * places + place] = pooled[k] if late else pooled[k] / area


@register_jitable
def _apply(function, potentials, average, outputs):  # type: ignore[no-untyped-def]
    """Write f(u), but for the power."""
    threshold = average if function == TRIANGLE else average * ZERO
    for k in range(potentials.size):
        z = potentials[k] - threshold
        outputs[k] = z if function == IDENTITY else max(z, ZERO)


@register_jitable
def _set_rates(constants, state, rates):  # type: ignore[no-untyped-def]
    """Write each neuron's rate: by time, by its norm, or by the positions it has won."""
    rate, schedule = constants.rate, constants.schedule
    if schedule in (LINEAR, EXPONENTIAL):
        part = min(np.float32(state.counters[SAMPLES] - 1) / constants.rate_samples, ONE)
        if schedule == LINEAR:
            rate = rate + (constants.last_rate - rate) * part
        else:
            rate = rate * (constants.last_rate / rate) ** part
    for k in range(rates.size):
        rates[k] = rate
        if schedule == BY_NORM:
            norm = math.sqrt(state.norms[k])
            rates[k] = max(rate * abs(norm - ONE) ** constants.rate_power, constants.rate_floor)
        elif schedule == BY_WINS:
            rates[k] = max(rate * np.float32(ONE + np.float32(state.wins[k])) ** -constants.rate_power,
                           constants.rate_floor)  # fmt: skip


@register_jitable
def _above(responses, cutoff, counts):  # type: ignore[no-untyped-def]
    """Count each neuron's responses above the cutoff; return how many there are in all."""
    counts[:] = 0
    for p in range(responses.shape[0]):
        y = responses[p]
        for k in range(y.size):
            counts[k] += abs(y[k]) >= cutoff
    total = 0
    for k in range(counts.size):
        total += counts[k]
    return total


@register_jitable
def _propose(potentials, responses, modulators, constants, state, scratch, own):  # type: ignore[no-untyped-def]
    """Ask the rule for every neuron's two numbers at every position: write growth and what decay and overlap sum to."""
    changes, overlaps, growth, rates = scratch.changes, scratch.overlaps, scratch.growth, scratch.rates
    positions, parameters = constants.rows * constants.columns, constants.parameters
    changes[:], overlaps[:] = ZERO, ZERO
    for p in range(responses.shape[0]):
        part = modulators[p // positions] / np.float32(positions)
        u, y, c = potentials[p], responses[p], growth[p]
        if own is None and constants.rule == SOFT_HEBB:
            for k in range(rates.size):
                decay, grown = softhebb(u[k], y[k], ONE, ZERO, ZERO, rates[k], parameters)
                kept = part if abs(y[k]) >= constants.cutoff else ZERO
                grown *= kept
                c[k] = ZERO if abs(grown) <= NEGLIGIBLE else grown
                changes[k] += kept * (decay - ONE)
                overlaps[k] += c[k] * u[k]
            continue
        for k in range(rates.size):
            c[k] = ZERO
            if abs(y[k]) >= constants.cutoff:
                norm = math.sqrt(state.norms[k])
                decay, grown = _decide(constants.rule, own, u[k], y[k], norm, rates[k], parameters)
                grown *= part
                c[k] = ZERO if abs(grown) <= NEGLIGIBLE else grown
                changes[k] += part * (decay - ONE)
                overlaps[k] += c[k] * u[k]


@register_jitable
def _bound(constants, scratch):  # type: ignore[no-untyped-def]
    """Write into rates what each neuron's step is multiplied by, so that decay stays within the cap."""
    for k in range(scratch.rates.size):
        change = abs(scratch.changes[k])
        scratch.rates[k] = constants.cap / change if change > constants.cap else ONE


@register_jitable
def _account(k, norm, square, constants, state):  # type: ignore[no-untyped-def]
    """Take over neuron k's new squared norm, and the size of the step that led to it."""
    state.norms[k] = norm
    if constants.instruments:
        size = math.sqrt(max(square, ZERO)) - state.steps[1, k]
        total = state.steps[0, k] + size
        state.steps[1, k] = (total - state.steps[0, k]) - size
        state.steps[0, k] = total


@register_jitable
def _move(k, change, growth, factor, constants, state, lanes):  # type: ignore[no-untyped-def]
    """Move neuron k by factor * (change * w + growth), which overwrites growth; measure step and norm."""
    v, s = state.synapses[k], state.scales[k]
    for i in range(v.size):
        w = s * v[i]
        growth[i] = factor * (change * w + growth[i])
        v[i] = w + growth[i]
    state.scales[k] = ONE
    square = _square(growth, ZERO, lanes) if constants.instruments else s
    _account(k, _square(v, ZERO, lanes), square, constants, state)


@register_jitable
def _grow_densely(product, patches, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Move every neuron by a whole matrix product that is written apart from the synapses."""
    neurons, changes = state.norms.size, scratch.changes
    step, factors = scratch.step, scratch.rates
    _transposed_times(product, scratch.growth, patches, scratch.factors[1:], step, scratch)
    if constants.step == LARGEST:
        largest = changes[0] * ZERO
        for k in range(neurons):
            v, s = state.synapses[k], state.scales[k]
            for i in range(v.size):
                step[k, i] += changes[k] * (s * v[i])
            largest = max(largest, _maximum(step[k], scratch.lanes))
            for i in range(v.size):
                step[k, i] = -step[k, i]
            largest = max(largest, _maximum(step[k], scratch.lanes))
        if not largest > FLAT:
            return
        for k in range(neurons):
            _move(k, changes[k] * ZERO, step[k], -factors[k] / largest, constants, state, scratch.lanes)
        return
    for k in range(neurons):
        if changes[k] != ZERO or scratch.overlaps[k] != ZERO:
            _move(k, changes[k], step[k], factors[k], constants, state, scratch.lanes)


@register_jitable
def _grow_in_place(product, patches, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Move every neuron by a matrix product added to its synapses; norms by the patches' products with one another."""
    growth, changes, overlaps, factors = scratch.growth, scratch.changes, scratch.overlaps, scratch.rates
    neurons, squares, part = changes.size, scratch.squares, scratch.product
    _times_transposed(product, patches, patches, scratch.gram, scratch)
    for p in range(growth.shape[0]):
        for k in range(neurons):
            growth[p, k] *= factors[k]
    _transposed_times(product, scratch.gram, growth, scratch.factors[1:], part, scratch)
    squares[:] = ZERO
    for p in range(growth.shape[0]):
        for k in range(neurons):
            squares[k] += growth[p, k] * part[p, k]
    for k in range(neurons):
        change, overlap = changes[k] * factors[k], overlaps[k] * factors[k]
        square = change * change * state.norms[k] + TWO * change * overlap + squares[k]
        norm = max(state.norms[k] + TWO * (change * state.norms[k] + overlap) + square, ZERO)
        _account(k, norm, square, constants, state)
        state.scales[k] *= ONE + change
        if not FOLD_BELOW <= abs(state.scales[k]) <= FOLD_ABOVE:
            _fold(k, state)
        factors[k] = ONE / state.scales[k]
    for p in range(growth.shape[0]):
        for k in range(neurons):
            growth[p, k] *= factors[k]
    _transposed_times(product, growth, patches, scratch.factors, state.synapses, scratch)


@register_jitable
def _fold(k, state):  # type: ignore[no-untyped-def]
    """Multiply neuron k's scale into its synapses."""
    v = state.synapses[k]
    for i in range(v.size):
        v[i] *= state.scales[k]
    state.scales[k] = ONE
    state.counters[FOLDS] += 1


@register_jitable
def _list_events(growth, scratch):  # type: ignore[no-untyped-def]
    """Sort what grows by neuron: its positions, in their order, and how much; counts are there already."""
    counts, starts, rows, values = scratch.counts, scratch.starts, scratch.event_rows, scratch.event_growth
    first = 0
    for k in range(counts.size):
        starts[k] = first
        first += counts[k]
    for p in range(growth.shape[0]):
        c = growth[p]
        for k in range(c.size):
            if c[k] != ZERO:
                place = starts[k]
                rows[place], values[place] = p, c[k]
                starts[k] = place + 1


@register_jitable
def _grow_singly(patches, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Move the neurons that have anything to learn, each by the sum of its few patches."""
    counts, starts, rows, values = scratch.counts, scratch.starts, scratch.event_rows, scratch.event_growth
    sum_ = scratch.step[0]
    _list_events(scratch.growth, scratch)
    end = 0
    for k in range(counts.size):
        first = end
        end += counts[k]
        if counts[k] == 0:
            continue
        last = starts[k]  # before `end` where growth is zero though the response is not
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


@register_jitable
def _learn(product, patches, potentials, responses, modulators, constants, state, scratch, own):  # type: ignore[no-untyped-def]
    """Apply a full window; return a neuron whose step or norm is not finite, or -1."""
    _set_rates(constants, state, scratch.rates)
    state.counters[PENDING] = 0
    state.counters[UPDATES] += 1
    events = responses.size
    if constants.cutoff > ZERO:
        events = _above(responses, constants.cutoff, scratch.counts)
    state.counters[WRITES] += events
    if constants.step == LARGEST:
        _copy(scratch.rates, scratch.squares)
        scratch.rates[:] = ONE
    _propose(potentials, responses, modulators, constants, state, scratch, own)
    for k in range(scratch.changes.size):  # a maximum and a comparison may pass over what is no number
        if not math.isfinite(scratch.changes[k] + scratch.overlaps[k]):
            return k
    if constants.step == LARGEST:
        _copy(scratch.squares, scratch.rates)
    else:
        _bound(constants, scratch)
    if constants.step == CAPPED and events * FEW < responses.size:
        _grow_singly(patches, constants, state, scratch)
    elif scratch.gram.size > 0:
        _grow_in_place(product, patches, constants, state, scratch)
    else:
        _grow_densely(product, patches, constants, state, scratch)
    for k in range(state.norms.size):
        if not math.isfinite(state.norms[k]):
            return k
    return -1


@register_jitable
def _respond(product, values, constants, state, scratch, patches, potentials):  # type: ignore[no-untyped-def]
    """Write an image's patches and the potentials at every position."""
    _cut(values, constants, scratch.image, patches)
    _times_transposed(product, patches, state.synapses, potentials, scratch)
    for p in range(potentials.shape[0]):
        u = potentials[p]
        for k in range(u.size):
            u[k] *= state.scales[k]


@register_jitable
def _gather(product, constants, state, scratch):  # type: ignore[no-untyped-def]
    """Bring back a window's patches, potentials and responses; return a neuron whose drive is not finite, or -1."""
    window, positions = state.pending_inputs.shape[0], constants.rows * constants.columns
    by_window = constants.normalise == WINDOW
    if by_window:
        _statistics(state.pending_inputs, scratch.means, scratch.variances, scratch.lanes)
    for n in range(window):
        rows = slice(n * positions, (n + 1) * positions)
        potentials = state.pending_potentials[n]
        if by_window:
            _normalise(state.pending_inputs[n], scratch.means, scratch.variances, scratch.values)
            _respond(product, scratch.values, constants, state, scratch, scratch.patches[rows], potentials)
        else:
            _cut(state.pending_inputs[n], constants, scratch.image, scratch.patches[rows])
        failed = _compete(potentials, constants, scratch.averages, scratch, scratch.responses[rows], scratch.counts)
        if failed >= 0:
            return failed
    return -1


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def stream(samples, learning, constants, state, scratch, results, product, own):  # type: ignore[no-untyped-def]
    """Take images through the layer one by one, learning from each in turn if `learning`.

    Parameters
    ----------
    samples : Samples
        float32 (samples, inputs), C order, channels first, with modulators or none.
    learning : bool
        If false, nothing in `state` is written.
    constants : Constants
    state : State
    scratch : Scratch
    results : Results
    product : one of PRODUCTS
        BLAS's matrix product for the type of the weights.
    own : None or compiled function
        The user's rule, with the arguments of `hebb`.

    Returns
    -------
    done : int
        Samples taken; fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    window = state.pending_inputs.shape[0]
    for n in range(samples.values.shape[0]):
        sample = samples.values[n]
        if not _check(sample, constants.negative, scratch.lanes):
            return n, -1
        row = n % results.potentials.shape[0]
        potentials = results.potentials[row]
        patches = scratch.patches[: potentials.shape[0]]
        _prepare(sample, learning, constants, state, scratch)
        _respond(product, scratch.values, constants, state, scratch, patches, potentials)
        results.winners[n] = -1
        if learning or results.responses.size > 0:
            responses = results.responses[row]
            failed = _compete(potentials, constants, scratch.averages, scratch, responses, scratch.counts)
            winner = 0
            for k in range(scratch.counts.size):
                winner = k if scratch.counts[k] > scratch.counts[winner] else winner
            results.winners[n] = winner
        else:
            failed = _average(potentials, scratch.averages, scratch.lanes)
        if failed >= 0:
            return n, failed
        if results.outputs.size > 0:
            outputs = results.outputs[n % results.outputs.shape[0]]
            _send(potentials, scratch.averages, constants, scratch, outputs)
        if not learning:
            continue
        state.counters[SAMPLES] += 1
        if state.counters[SAMPLES] <= constants.warm_up:
            state.counters[BLANKS] += 1
            continue
        for k in range(scratch.counts.size):
            state.wins[k] += scratch.counts[k]
        p = state.counters[PENDING]
        state.pending_modulators[p] = samples.modulators[n] if samples.modulators.size > 0 else ONE
        state.counters[PENDING] = p + 1
        if window > 1:
            _copy(sample if constants.normalise == WINDOW else scratch.values, state.pending_inputs[p])
            _copy(potentials.reshape(potentials.size), state.pending_potentials[p].reshape(potentials.size))
            if p + 1 < window:
                continue
            failed = _gather(product, constants, state, scratch)
            if failed >= 0:
                return n, failed
            us = state.pending_potentials.reshape(scratch.patches.shape[0], scratch.drive.size)
            ys, xs = scratch.responses, scratch.patches
            failed = _learn(product, xs, us, ys, state.pending_modulators, constants, state, scratch, own)
        else:
            ys = results.responses[row]
            failed = _learn(product, patches, potentials, ys, state.pending_modulators, constants, state, scratch, own)
        if failed >= 0:
            return n, failed
    return samples.values.shape[0], -1


def loop(*arguments):  # type: ignore[no-untyped-def]
    """Return `stream` as compiled for arguments of these types: called directly, it does not look at types again."""
    return stream.compile(tuple(typeof(argument) for argument in arguments))
