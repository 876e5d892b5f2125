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

Several threads may carry a sample together: each calls `stream` with its own number in the team, and has a share of
the positions or of the neurons of every stage. They meet between stages. No sum is shared out, and BLAS, which gets one
thread, is given the same blocks of neurons by however many of them, so the bits are the same.

Every function takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests that
compare with the textbook equation. Sums have a fixed order, but for those inside BLAS.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit, typeof, types
from numba.core import cgutils
from numba.experimental import function_type as function_type  # makes Numba know the type of WrapperAddressProtocol
from numba.extending import get_cython_function_address, intrinsic, register_jitable
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
LANES = 64  # partial sums of a reduction: enough to hide how long an addition takes; the same on every machine
FOLD_BELOW, FOLD_ABOVE = np.float32(1e-6), np.float32(1e6)  # scales outside are folded into the synapses
EPSILON = np.float32(1e-5)  # added to a variance
NEGLIGIBLE = np.float32(1e-18)  # smaller growth is zero: its square is subnormal, which takes a hundred times as long
FLAT = np.float32(1e-30)  # largest change of an update that is no change at all
FEW = 8  # fewer than one response in so many above the cutoff: add them singly, else by a matrix product
NARROW = 4  # at least so many neurons a position make potentials quicker neuron by neuron
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

MEETINGS, ABSENT, FAILED, EVENTS, FOLDED = 0, 1, 2, 4, 5  # places in a row of Team.board; FAILED has two
ROW = 16  # of int64: no two threads write to one cache line
MANY_PLACES = 32  # pooled places, of which threads take parts; of fewer they take neurons
GRAIN = 16  # neurons: blocks are multiples of so many
FEW_POSITIONS = 32  # that BLAS gets at once of the patches' products with one another
BLOCK, BLOCKS = 48, 4  # neurons that BLAS gets at once, at least; blocks of a layer, at most: more cost a tenth each
PATIENCE = 2000  # looks at the others' places before the rest of the machine gets its turn

BEGUN, NORMALISED, PATCHED, INTEGRATED, COMPETED, TRANSMITTED = 0, 1, 2, 3, 4, 5  # places in a row of Marks.moments
RECALLED, PROPOSED, MULTIPLIED, MEASURED_NORMS, LEARNED = 6, 7, 8, 9, 10
MOMENTS = 11


def by_products(rows: int, neurons: int, fan_in: int) -> bool:
    """Return whether capped steps get their norms quicker by the products of a window's patches with one another.

    A pass over the synapses takes about sixteen times as long as as many terms of a matrix product.
    """
    return rows * rows * (fan_in + neurons) < GRAM * neurons * fan_in


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
    """Memory the loop works in; holds nothing from one sample to the next.

    A team's threads have the same arrays, but for those of PRIVATE.
    """

    values: NDArray[np.float32]  # (inputs,) a normalised image
    image: NDArray[np.float32]  # (padded height * padded width * channels,) channels last
    patches: NDArray[np.float32]  # x (window * positions, fan-in)
    responses: NDArray[np.float32]  # y (window * positions or 0, neurons)
    turned: NDArray[np.float32]  # u (neurons or 0, positions)
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
    sum: NDArray[np.float32]  # (fan-in,)
    counts: NDArray[np.int64]  # (neurons,)
    starts: NDArray[np.int64]  # (neurons,)
    event_rows: NDArray[np.int32]  # (window * positions * neurons / FEW,)
    event_values: NDArray[np.float32]
    lanes: NDArray[np.float32]  # (LANES,)
    means: NDArray[np.float32]  # (channels,)
    variances: NDArray[np.float32]  # (channels,)
    letters: NDArray[np.uint8]  # N, T
    sizes: NDArray[np.int32]  # (4,) of a matrix product
    factors: NDArray[np.float32]  # one, zero


PRIVATE = ("drive", "pooled", "sum", "event_rows", "event_values", "lanes", "sizes")  # of one thread


class Team(NamedTuple):
    """Who carries a sample: the thread's number from 0, how many there are, and where they leave word for one another.

    `board` is zero before a call of `stream`. ABSENT set, the others give up waiting for the first to begin.
    """

    number: int
    size: int
    board: NDArray[np.int64]  # (size, ROW)
    wins: NDArray[np.int64]  # (size, neurons) positions won, of those that a thread has seen
    largest: NDArray[np.float32]  # (size, LANES) first: the largest change among a thread's neurons


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


class Marks(NamedTuple):
    """When each sample's stages were done, by the system's clock; changes no bit of anything else.

    The first thread of a team writes them, when the last one is done with the stage. What did not take place is left
    as it is: nothing learned, a window of one that need not be recalled, steps that take no product of their own.
    """

    moments: NDArray[np.int64]  # (samples, MOMENTS) nanoseconds
    now: NDArray[np.int64]  # (2,) seconds and nanoseconds, as the system gives them
    clock: int  # the system's number of the clock


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


@intrinsic
def _look(typing, place):  # type: ignore[no-untyped-def]
    """Return the first number of an array, and no number read later is older than it."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        (array,) = arguments
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, array).data
        return builder.load_atomic(data, "acquire", 8)

    return types.int64(place), code


@intrinsic
def _leave(typing, place, number):  # type: ignore[no-untyped-def]
    """Write the first number of an array, after all that was written before."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array, value = arguments
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, array).data
        builder.store_atomic(value, data, "release", 8)
        return context.get_dummy_value()

    return types.void(place, types.int64), code


_yield = types.ExternalFunction("sched_yield", types.int32())
_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.CPointer(types.int64)))


@register_jitable
def _meet(team):  # type: ignore[no-untyped-def]
    """Wait until every thread is here; return whether they are: an interrupted caller tells that the first is not."""
    if team.size == 1:
        return True
    number = team.board[team.number, MEETINGS] + 1
    _leave(team.board[team.number, MEETINGS:], number)
    for other in range(team.size):
        looks = 0
        while _look(team.board[other, MEETINGS:]) < number:
            looks += 1
            if looks > PATIENCE:
                if _look(team.board[0, ABSENT:]) != 0:
                    return False
                _yield()
    return True


@register_jitable
def _agree(failed, team):  # type: ignore[no-untyped-def]
    """Meet, and return the failure of the first thread that has one, as one thread would have found it; or -1."""
    if team.size == 1:
        return failed
    place = FAILED + team.board[team.number, MEETINGS] % 2  # the next word must not overwrite what is being read
    team.board[team.number, place] = failed
    _meet(team)
    for other in range(team.size):
        theirs = team.board[other, place]
        if theirs >= 0:
            return theirs
    return -1


@register_jitable
def _mark(marks, team, n, stage):  # type: ignore[no-untyped-def]
    """Write down when all threads were done with a stage of sample n; without marks, no code is left of it."""
    if marks is not None:
        _meet(team)
        if team.number == 0:
            _clock_gettime(np.int32(marks.clock), marks.now.ctypes)
            marks.moments[n, stage] = marks.now[0] * 1_000_000_000 + marks.now[1]


@register_jitable
def _share(count, grain, team):  # type: ignore[no-untyped-def]
    """Return the first of a thread's share of so many things, and the first after it: none, or a grain at least."""
    grains = max(1, count // grain)
    first, last = grains * team.number // team.size * grain, grains * (team.number + 1) // team.size * grain
    return first, count if team.number == team.size - 1 else last


@register_jitable
def _times_transposed(product, a, b, c, scratch, first, last):  # type: ignore[no-untyped-def]
    """Write columns of c = a b^T: those of b's rows from first to last."""
    n, t, sizes, one, zero = scratch.letters, scratch.letters[1:], scratch.sizes, scratch.factors, scratch.factors[1:]
    sizes[0], sizes[1], sizes[2], sizes[3] = last - first, a.shape[0], a.shape[1], c.shape[1]
    product(
        t.ctypes, n.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes, b[first:].ctypes,
        sizes[2:].ctypes, a.ctypes, sizes[2:].ctypes, zero.ctypes, c[0, first:].ctypes, sizes[3:].ctypes,
    )  # fmt: skip


@register_jitable
def _integrate(product, patches, state, scratch, potentials, first, last):  # type: ignore[no-untyped-def]
    """Write the potentials of neurons from first to last at every position, block by block."""
    positions, begin = potentials.shape[0], first
    while begin < last:
        end = _end(begin, last, _block(potentials.shape[1]))
        scales = state.scales[begin:end]
        if positions * NARROW > potentials.shape[1]:
            _times_transposed(product, patches, state.synapses, potentials, scratch, begin, end)
            _scale(potentials, scales, begin, end)
        else:  # BLAS is quicker with few columns than with few rows
            turned = scratch.turned[begin:end]
            _times_transposed(product, state.synapses[begin:end], patches, turned, scratch, 0, positions)
            for p in range(positions):
                u = potentials[p, begin:end]
                for k in range(u.size):
                    u[k] = turned[k, p] * scales[k]
        begin = end


@register_jitable
def _scale(potentials, scales, first, last):  # type: ignore[no-untyped-def]
    """Multiply potentials of neurons from first to last by their scales, if any is not one."""
    scaled = False
    for k in range(scales.size):
        scaled |= scales[k] != ONE
    for p in range(potentials.shape[0] if scaled else 0):
        u = potentials[p, first:last]
        for k in range(u.size):
            u[k] *= scales[k]


@register_jitable
def _transposed_times(product, a, b, beta, c, scratch, first, last):  # type: ignore[no-untyped-def]
    """Write rows of c = a^T b + beta c, from first to last; beta is an array."""
    n, t, sizes, one = scratch.letters, scratch.letters[1:], scratch.sizes, scratch.factors
    sizes[0], sizes[1], sizes[2], sizes[3] = b.shape[1], last - first, a.shape[0], a.shape[1]
    product(
        n.ctypes, t.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes, b.ctypes,
        sizes.ctypes, a[0, first:].ctypes, sizes[3:].ctypes, beta.ctypes, c[first:].ctypes, sizes.ctypes,
    )  # fmt: skip


@register_jitable
def _block(count):  # type: ignore[no-untyped-def]
    """Return how many neurons or positions BLAS gets at once, whatever the number of threads."""
    return max(BLOCK, count // BLOCKS // GRAIN * GRAIN)


@register_jitable
def _end(begin, count, block):  # type: ignore[no-untyped-def]
    """Return the end of a block that begins there: the last one has what is left."""
    return count if count - begin < 2 * block else begin + block


@register_jitable
def _transposed_times_in_blocks(product, a, b, beta, c, scratch, first, last, block):  # type: ignore[no-untyped-def]
    """Write rows of c = a^T b + beta c, from first to last, a block at a time."""
    while first < last:
        end = _end(first, last, block)
        _transposed_times(product, a, b, beta, c, scratch, first, end)
        first = end


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
def _floor(x):  # type: ignore[no-untyped-def]
    """Return the largest whole number not above x, of few digits: `np.floor`, which no device has."""
    whole = np.float32(np.int32(x))
    return whole - ONE if whole > x else whole


@register_jitable
def _exponential(x):  # type: ignore[no-untyped-def]
    """Return e**x with arithmetic alone, so that it vectorises and every machine gives the same bits."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    n = _floor(x * LOG2_E + HALF)
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
def _raised(x, exponent):  # type: ignore[no-untyped-def]
    """Return x**exponent, where x is not negative."""
    z = _exponential(exponent * _logarithm(max(x, SMALLEST)))
    return z if x > ZERO else ZERO


@register_jitable
def _power(x, exponent):  # type: ignore[no-untyped-def]
    """Write x**exponent over every x, where x is not negative."""
    if exponent == ONE:
        return
    for k in range(x.size):
        x[k] = _raised(x[k], exponent)


@register_jitable
def _larger(x, y):  # type: ignore[no-untyped-def]
    """Return y if it is larger, else x: what is no number stays so, which a device's own `max` passes over."""
    return y if y > x else x


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
def _square(x, mean, lanes):  # type: ignore[no-untyped-def]
    """Return the sum of (x - mean)**2, added in an order that depends on its size alone."""
    whole = x.size - x.size % LANES
    lanes[:] = ZERO
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] += (x[start + j] - mean) * (x[start + j] - mean)
    for j in range(x.size - whole):
        lanes[j] += (x[whole + j] - mean) * (x[whole + j] - mean)
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
def _statistics(samples, means, variances, lanes, first, last):  # type: ignore[no-untyped-def]
    """Write the mean and variance of channels from first to last over all pixels of the samples."""
    pixels = samples.shape[1] // means.size
    count = np.float32(pixels * samples.shape[0])
    for c in range(first, last):
        total = means[c] * ZERO
        for n in range(samples.shape[0]):
            total += _total(samples[n, c * pixels : (c + 1) * pixels], lanes)
        mean = total / count
        total = mean * ZERO
        for n in range(samples.shape[0]):
            total += _square(samples[n, c * pixels : (c + 1) * pixels], mean, lanes)
        means[c], variances[c] = mean, total / count


@register_jitable
def _followed(mean, variance, seen_mean, seen_variance, weight):  # type: ignore[no-untyped-def]
    """Return a channel's running mean and variance after an image of which it has seen these."""
    difference = seen_mean - mean
    spread = variance + weight * difference * difference
    return mean + weight * difference, (ONE - weight) * spread + weight * seen_variance


@register_jitable
def _follow(sample, measured, constants, state, scratch, first, last):  # type: ignore[no-untyped-def]
    """Move running statistics of channels from first to last: equal weights at first, exponential ones later."""
    _statistics(sample.reshape(1, sample.size), scratch.means, scratch.variances, scratch.lanes, first, last)
    weight = max(scratch.factors[0] / np.float32(measured), constants.forgetting)
    for c in range(first, last):
        state.means[c], state.variances[c] = _followed(
            state.means[c], state.variances[c], scratch.means[c], scratch.variances[c], weight
        )


@register_jitable
def _gain(mean, variance):  # type: ignore[no-untyped-def]
    """Return what a channel's pixels are multiplied by, and what is then taken from them."""
    gain = ONE / math.sqrt(variance + EPSILON)
    return gain, mean * gain


@register_jitable
def _normalise(sample, means, variances, values, first, last):  # type: ignore[no-untyped-def]
    """Write channels from first to last of the sample with their mean and variance taken out."""
    pixels = sample.size // means.size
    for c in range(first, last):
        gain, shift = _gain(means[c], variances[c])
        part, normal = sample[c * pixels : (c + 1) * pixels], values[c * pixels : (c + 1) * pixels]
        for i in range(part.size):
            normal[i] = part[i] * gain - shift


@register_jitable
def _prepare(sample, learning, measured, constants, state, scratch, team):  # type: ignore[no-untyped-def]
    """Write a thread's channels of the normalised sample into scratch.values."""
    kind, groups = constants.normalise, 1 if constants.normalise == LAYER else constants.channels
    first, last = _share(groups, 1, team)
    if kind == PLAIN:
        pixels = sample.size // groups
        _copy(sample[first * pixels : last * pixels], scratch.values[first * pixels :])
    elif kind in (RUNNING, WINDOW):
        if learning:
            _follow(sample, measured, constants, state, scratch, first, last)
        _normalise(sample, state.means, state.variances, scratch.values, first, last)
    else:
        means, variances = scratch.means[:groups], scratch.variances[:groups]
        _statistics(sample.reshape(1, sample.size), means, variances, scratch.lanes, first, last)
        _normalise(sample, means, variances, scratch.values, first, last)


@register_jitable
def _mirror(i, size):  # type: ignore[no-untyped-def]
    """Return the pixel that a place beyond the border shows, the border itself not doubled."""
    i = abs(i)
    return i if i < size else 2 * (size - 1) - i


@register_jitable
def _cut(values, constants, image, patches, team):  # type: ignore[no-untyped-def]
    """Write an image's patches, one a row, the image padded by its reflection; threads have met before, not after."""
    channels, height, width, padding = constants.channels, constants.height, constants.width, constants.padding
    wide, pixels = width + 2 * padding, height * width
    first, last = _share(height + 2 * padding, 1, team)
    for i in range(first, last):
        row = _mirror(i - padding, height) * width
        for j in range(wide):
            pixel, place = row + _mirror(j - padding, width), (i * wide + j) * channels
            for c in range(channels):
                image[place + c] = values[pixel + c * pixels]
    _meet(team)
    run = constants.kernel * channels
    first, last = _share(patches.shape[0], 1, team)
    for p in range(first, last):
        top, left = p // constants.columns * constants.stride, p % constants.columns * constants.stride
        for d in range(constants.kernel):
            _copy(image[((top + d) * wide + left) * channels :][:run], patches[p, d * run : (d + 1) * run])


@register_jitable
def _compete(potentials, constants, averages, scratch, responses, counts, team):  # type: ignore[no-untyped-def]
    """Write a thread's share of positions' responses; count winners; return a neuron with a wild drive, or -1."""
    neurons, lanes = potentials.shape[1], scratch.lanes
    counts[:] = 0
    first, last = _share(potentials.shape[0], 1, team)
    for p in range(first, last):
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
def _average(potentials, averages, lanes, team):  # type: ignore[no-untyped-def]
    """Write the mean potential at a thread's positions; return a neuron if one is not finite, or -1."""
    first, last = _share(potentials.shape[0], 1, team)
    for p in range(first, last):
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
def _send(potentials, averages, constants, scratch, outputs, team):  # type: ignore[no-untyped-def]
    """Write f(u), pooled, channels first: a thread's places of all neurons, or, where places are few, its neurons."""
    places, neurons = constants.pooled_rows * constants.pooled_columns, potentials.shape[1]
    late = constants.pool != MEAN_POOL  # a power goes up with its argument, so the largest may be found first
    if not late:
        begin, end = _share(potentials.shape[0], 1, team)
        for p in range(begin, end):
            _apply(constants.transmit, potentials[p], averages[p], scratch.sent[p])
            if constants.transmit == TRIANGLE:
                _power(scratch.sent[p], constants.exponent)
        _meet(team)
    begin, end, first, last = 0, places, 0, neurons
    if places >= MANY_PLACES:
        begin, end = _share(places, 1, team)
    else:
        first, last = _share(neurons, GRAIN, team)
    if first >= last:
        return
    pooled = scratch.pooled[: last - first]
    for place in range(begin, end):
        top = place // constants.pooled_columns * constants.pool_stride - constants.pool_padding
        left = place % constants.pooled_columns * constants.pool_stride - constants.pool_padding
        _pool(potentials, averages, constants, scratch.sent, top, left, first, last, pooled)
        for k in range(pooled.size):
            outputs[(first + k) * places + place] = pooled[k]


@register_jitable
def _pool(potentials, averages, constants, sent, top, left, first, last, pooled):  # type: ignore[no-untyped-def]
    """Write what neurons from first to last send of one square of positions."""
    function, fresh = constants.transmit, True
    area = np.float32(constants.pool_size * constants.pool_size)
    for i in range(max(top, 0), min(top + constants.pool_size, constants.rows)):
        for j in range(max(left, 0), min(left + constants.pool_size, constants.columns)):
            p = i * constants.columns + j
            if constants.pool == MEAN_POOL:
                part = sent[p, first:last]
                for k in range(pooled.size):
                    pooled[k] = part[k] if fresh else pooled[k] + part[k]
            else:
                u, threshold = potentials[p, first:last], averages[p] if function == TRIANGLE else averages[p] * ZERO
                for k in range(pooled.size):
                    z = u[k] - threshold
                    pooled[k] = z if fresh else max(pooled[k], z)
            fresh = False
    if constants.pool == MEAN_POOL:
        for k in range(pooled.size):
            pooled[k] /= area
        return
    _apply(function if function != TRIANGLE else RELU, pooled, pooled[0] * ZERO, pooled)
    if function == TRIANGLE:
        _power(pooled, constants.exponent)


@register_jitable
def _apply(function, potentials, average, outputs):  # type: ignore[no-untyped-def]
    """Write f(u), but for the power."""
    threshold = average if function == TRIANGLE else average * ZERO
    for k in range(potentials.size):
        z = potentials[k] - threshold
        outputs[k] = z if function == IDENTITY else max(z, ZERO)


@register_jitable
def _rate_by_time(samples, constants):  # type: ignore[no-untyped-def]
    """Return the rate that all neurons have after so many samples."""
    rate, schedule = constants.rate, constants.schedule
    if schedule in (LINEAR, EXPONENTIAL):
        part = min(np.float32(samples - 1) / constants.rate_samples, ONE)
        if schedule == LINEAR:
            rate = rate + (constants.last_rate - rate) * part
        else:
            rate = rate * (constants.last_rate / rate) ** part
    return rate


@register_jitable
def _own_rate(rate, square, wins, constants):  # type: ignore[no-untyped-def]
    """Return a neuron's rate: by its squared norm, or by the positions it has won."""
    if constants.schedule == BY_NORM:
        return max(rate * abs(math.sqrt(square) - ONE) ** constants.rate_power, constants.rate_floor)
    if constants.schedule == BY_WINS:
        return max(rate * np.float32(ONE + np.float32(wins)) ** -constants.rate_power, constants.rate_floor)
    return rate


@register_jitable
def _set_rates(samples, constants, state, rates, first, last):  # type: ignore[no-untyped-def]
    """Write the rates of neurons from first to last: by time, by their norms, or by the positions they have won."""
    rate = _rate_by_time(samples, constants)
    for k in range(first, last):
        rates[k] = _own_rate(rate, state.norms[k], state.wins[k], constants)


@register_jitable
def _count_events(responses, cutoff, counts, team, first, last):  # type: ignore[no-untyped-def]
    """Count responses above the cutoff, of each neuron from first to last; return how many the whole team has."""
    if not cutoff > ZERO:
        return responses.size
    mine = counts[first:last]
    mine[:] = 0
    for p in range(responses.shape[0]):
        y = responses[p, first:last]
        for k in range(y.size):
            mine[k] += abs(y[k]) >= cutoff
    total = 0
    for k in range(mine.size):
        total += mine[k]
    team.board[team.number, EVENTS] = total
    _meet(team)
    for other in range(team.size):
        total += team.board[other, EVENTS] if other != team.number else 0
    return total


@register_jitable
def _weighed(decay, grown, part):  # type: ignore[no-untyped-def]
    """Return a position's part of what the rule says: growth, and change of decay."""
    grown *= part
    return ZERO if abs(grown) <= NEGLIGIBLE else grown, part * (decay - ONE)


@register_jitable
def _propose(potentials, responses, modulators, constants, state, scratch, own, first, last):  # type: ignore[no-untyped-def]
    """Ask the rule for two numbers of each neuron from first to last at every position.

    Write growth, and what decay and overlap sum to.
    """
    changes, overlaps, rates = scratch.changes[first:last], scratch.overlaps[first:last], scratch.rates[first:last]
    positions, parameters, norms = constants.rows * constants.columns, constants.parameters, state.norms[first:last]
    changes[:], overlaps[:] = ZERO, ZERO
    for p in range(responses.shape[0]):
        part = modulators[p // positions] / np.float32(positions)
        u, y, c = potentials[p, first:last], responses[p, first:last], scratch.growth[p, first:last]
        if own is None and constants.rule == SOFT_HEBB:
            for k in range(rates.size):
                decay, grown = softhebb(u[k], y[k], ONE, ZERO, ZERO, rates[k], parameters)
                kept = part if abs(y[k]) >= constants.cutoff else ZERO
                c[k], change = _weighed(decay, grown, kept)
                changes[k] += change
                overlaps[k] += c[k] * u[k]
            continue
        for k in range(rates.size):
            c[k] = ZERO
            if abs(y[k]) >= constants.cutoff:
                norm = math.sqrt(norms[k])
                decay, grown = _decide(constants.rule, own, u[k], y[k], norm, rates[k], parameters)
                c[k], change = _weighed(decay, grown, part)
                changes[k] += change
                overlaps[k] += c[k] * u[k]


@register_jitable
def _list_events(responses, cutoff, counts, starts, scratch):  # type: ignore[no-untyped-def]
    """Sort responses above the cutoff by neuron: their positions, in order, and how large; counts are there already."""
    rows, values = scratch.event_rows, scratch.event_values
    first = 0
    for k in range(counts.size):
        starts[k] = first
        first += counts[k]
    for p in range(responses.shape[0]):
        y = responses[p]
        for k in range(y.size):
            if abs(y[k]) >= cutoff:
                place = starts[k]
                rows[place], values[place] = p, y[k]
                starts[k] = place + 1


@register_jitable
def _propose_singly(potentials, responses, modulators, constants, state, scratch, own, first, last):  # type: ignore[no-untyped-def]
    """Do what `_propose` does, where responses above the cutoff are few; event_values become what grows."""
    counts, rows, values, starts = scratch.counts, scratch.event_rows, scratch.event_values, scratch.starts
    positions, changes, overlaps = constants.rows * constants.columns, scratch.changes, scratch.overlaps
    _list_events(responses[:, first:last], constants.cutoff, counts[first:last], starts[first:last], scratch)
    j = 0
    for k in range(first, last):
        changes[k], overlaps[k], norm = ZERO, ZERO, math.sqrt(state.norms[k])
        for _ in range(counts[k]):
            p, y = rows[j], values[j]
            u, part = potentials[p, k], modulators[p // positions] / np.float32(positions)
            decay, grown = _decide(constants.rule, own, u, y, norm, scratch.rates[k], constants.parameters)
            values[j], change = _weighed(decay, grown, part)
            changes[k] += change
            overlaps[k] += values[j] * u
            j += 1


@register_jitable
def _within(change, cap):  # type: ignore[no-untyped-def]
    """Return what a step is multiplied by, so that its decay keeps the cap."""
    change = abs(change)
    return cap / change if change > cap else ONE


@register_jitable
def _bound(constants, scratch, first, last):  # type: ignore[no-untyped-def]
    """Write into rates what the steps of neurons from first to last are multiplied by, so that decay keeps the cap."""
    for k in range(first, last):
        scratch.rates[k] = _within(scratch.changes[k], constants.cap)


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
def _moved(norm, change, overlap, square):  # type: ignore[no-untyped-def]
    """Return a neuron's new squared norm, and the squared size of the step: of its growth it has square."""
    square = change * change * norm + TWO * change * overlap + square
    return _larger(norm + TWO * (change * norm + overlap) + square, ZERO), square


@register_jitable
def _step(weight, change, growth, factor):  # type: ignore[no-untyped-def]
    """Return a weight's step."""
    return factor * (change * weight + growth)


@register_jitable
def _move(k, change, growth, factor, constants, state, lanes):  # type: ignore[no-untyped-def]
    """Move neuron k by factor * (change * w + growth), which overwrites growth; measure step and norm."""
    v, s = state.synapses[k], state.scales[k]
    for i in range(v.size):
        w = s * v[i]
        growth[i] = _step(w, change, growth[i], factor)
        v[i] = w + growth[i]
    state.scales[k] = ONE
    square = _square(growth, ZERO, lanes) if constants.instruments else s
    _account(k, _square(v, ZERO, lanes), square, constants, state)


@register_jitable
def _grow_densely(product, patches, constants, state, scratch, team, first, last, marks, n):  # type: ignore[no-untyped-def]
    """Move neurons from first to last by a whole matrix product that is written apart from the synapses."""
    changes, step, factors, lanes = scratch.changes, scratch.step, scratch.rates, scratch.lanes
    block, zero = _block(state.norms.size), scratch.factors[1:]
    _transposed_times_in_blocks(product, scratch.growth, patches, zero, step, scratch, first, last, block)
    _mark(marks, team, n, MULTIPLIED)
    if constants.step == LARGEST:
        largest = changes[0] * ZERO
        for k in range(first, last):
            v, s, d = state.synapses[k], state.scales[k], step[k]
            for i in range(v.size):
                d[i] += changes[k] * (s * v[i])
            largest = max(largest, _maximum(d, lanes))
            for i in range(v.size):
                d[i] = -d[i]
            largest = max(largest, _maximum(d, lanes))
        team.largest[team.number, 0] = largest
        _meet(team)
        for other in range(team.size):
            largest = max(largest, team.largest[other, 0])
        if not largest > FLAT:
            return
        for k in range(first, last):
            _move(k, changes[k] * ZERO, step[k], -factors[k] / largest, constants, state, lanes)
        return
    for k in range(first, last):
        if changes[k] != ZERO or scratch.overlaps[k] != ZERO:
            _move(k, changes[k], step[k], factors[k], constants, state, lanes)


@register_jitable
def _grow_in_place(product, patches, constants, state, scratch, team, first, last, marks, n):  # type: ignore[no-untyped-def]
    """Move neurons by a matrix product added to their synapses; norms by the patches' products with one another."""
    changes, overlaps, factors, squares = scratch.changes, scratch.overlaps, scratch.rates, scratch.squares
    growth, part, mine = scratch.growth, scratch.product, scratch.squares[first:last]
    own_factors, zero, neurons = factors[first:last], scratch.factors[1:], state.norms.size
    begin, stop = _share(growth.shape[0], FEW_POSITIONS, team)
    place = begin
    while place < stop:
        end = _end(place, stop, FEW_POSITIONS)
        _times_transposed(product, patches, patches, scratch.gram, scratch, place, end)
        place = end
    for p in range(growth.shape[0]):
        c = growth[p, first:last]
        for k in range(c.size):
            c[k] *= own_factors[k]
    _meet(team)
    _transposed_times_in_blocks(product, scratch.gram, growth, zero, part, scratch, begin, stop, FEW_POSITIONS)
    _meet(team)
    mine[:] = ZERO
    for p in range(growth.shape[0]):
        c, d = growth[p, first:last], part[p, first:last]
        for k in range(c.size):
            mine[k] += c[k] * d[k]
    for k in range(first, last):
        change = changes[k] * factors[k]
        norm, square = _moved(state.norms[k], change, overlaps[k] * factors[k], squares[k])
        _account(k, norm, square, constants, state)
        state.scales[k] *= ONE + change
        if not FOLD_BELOW <= abs(state.scales[k]) <= FOLD_ABOVE:
            _fold(k, state)
            team.board[team.number, FOLDED] += 1
        factors[k] = ONE / state.scales[k]
    for p in range(growth.shape[0]):
        c = growth[p, first:last]
        for k in range(c.size):
            c[k] *= own_factors[k]
    _mark(marks, team, n, MEASURED_NORMS)
    one, block = scratch.factors, _block(neurons)
    _transposed_times_in_blocks(product, growth, patches, one, state.synapses, scratch, first, last, block)


@register_jitable
def _fold(k, state):  # type: ignore[no-untyped-def]
    """Multiply neuron k's scale into its synapses."""
    v = state.synapses[k]
    for i in range(v.size):
        v[i] *= state.scales[k]
    state.scales[k] = ONE


@register_jitable
def _grow_singly(patches, constants, state, scratch, begin, stop):  # type: ignore[no-untyped-def]
    """Move those neurons from begin to stop that have anything to learn, each by the sum of its few patches."""
    counts, rows, values, sum_ = scratch.counts, scratch.event_rows, scratch.event_values, scratch.sum
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
        _move(k, scratch.changes[k], sum_, scratch.rates[k], constants, state, scratch.lanes)


@register_jitable
def _learn(
    product, patches, potentials, responses, modulators, samples, constants, state, scratch, own, team, marks, n
):  # type: ignore[no-untyped-def]
    """Apply a full window; return a neuron whose step or norm is not finite, or -1."""
    first, last = _share(potentials.shape[1], _block(potentials.shape[1]), team)
    _set_rates(samples, constants, state, scratch.rates, first, last)
    events = _count_events(responses, constants.cutoff, scratch.counts, team, first, last)
    singly = constants.step == CAPPED and events * FEW < responses.size
    if constants.step == LARGEST:
        _copy(scratch.rates[first:last], scratch.squares[first:])
        scratch.rates[first:last] = ONE
    if singly:
        _propose_singly(potentials, responses, modulators, constants, state, scratch, own, first, last)
    else:
        _propose(potentials, responses, modulators, constants, state, scratch, own, first, last)
    failed = -1
    for k in range(first, last):  # a maximum and a comparison may pass over what is no number
        if failed < 0 and not math.isfinite(scratch.changes[k] + scratch.overlaps[k]):
            failed = k
    failed = _agree(failed, team)
    if team.number == 0:
        state.counters[PENDING] = 0
        state.counters[UPDATES] += 1
        state.counters[WRITES] += events
    if failed >= 0:
        return failed
    _mark(marks, team, n, PROPOSED)
    if constants.step == LARGEST:
        _copy(scratch.squares[first:last], scratch.rates[first:])
    else:
        _bound(constants, scratch, first, last)
    if singly:
        _grow_singly(patches, constants, state, scratch, first, last)
    elif scratch.gram.size > 0:
        _grow_in_place(product, patches, constants, state, scratch, team, first, last, marks, n)
    else:
        _grow_densely(product, patches, constants, state, scratch, team, first, last, marks, n)
    for k in range(first, last):
        if failed < 0 and not math.isfinite(state.norms[k]):
            failed = k
    return _agree(failed, team)


@register_jitable
def _respond(product, values, constants, state, scratch, patches, potentials, team, marks, n):  # type: ignore[no-untyped-def]
    """Write an image's patches, and the potentials of a thread's neurons at every position."""
    _meet(team)
    _mark(marks, team, n, NORMALISED)
    _cut(values, constants, scratch.image, patches, team)
    _meet(team)
    _mark(marks, team, n, PATCHED)
    first, last = _share(potentials.shape[1], _block(potentials.shape[1]), team)
    _integrate(product, patches, state, scratch, potentials, first, last)


@register_jitable
def _gather(product, constants, state, scratch, team):  # type: ignore[no-untyped-def]
    """Bring back a window's patches, potentials and responses; return a neuron whose drive is not finite, or -1."""
    window, positions = state.pending_inputs.shape[0], constants.rows * constants.columns
    by_window = constants.normalise == WINDOW
    first, last = _share(constants.channels, 1, team)
    _meet(team)
    if by_window:
        _statistics(state.pending_inputs, scratch.means, scratch.variances, scratch.lanes, first, last)
    for n in range(window):
        rows = slice(n * positions, (n + 1) * positions)
        potentials, patches = state.pending_potentials[n], scratch.patches[rows]
        if by_window:
            _normalise(state.pending_inputs[n], scratch.means, scratch.variances, scratch.values, first, last)
            _respond(product, scratch.values, constants, state, scratch, patches, potentials, team, None, n)
        else:
            _cut(state.pending_inputs[n], constants, scratch.image, patches, team)
        _meet(team)
        wins = team.wins[team.number]
        failed = _compete(potentials, constants, scratch.averages, scratch, scratch.responses[rows], wins, team)
        failed = _agree(failed, team)
        if failed >= 0:
            return failed
    return -1


@register_jitable
def _keep_values(sample, place, constants, state, scratch, team):  # type: ignore[no-untyped-def]
    """Put a thread's share of an image where a window waits for its end; the next image must not be prepared yet."""
    first, last = _share(sample.size, GRAIN, team)
    source = sample if constants.normalise == WINDOW else scratch.values
    _copy(source[first:last], state.pending_inputs[place, first:])


@register_jitable
def _keep_potentials(potentials, place, state, team):  # type: ignore[no-untyped-def]
    """Put potentials of a thread's positions where a window waits for its end."""
    first, last = _share(potentials.shape[0], 1, team)
    for p in range(first, last):
        _copy(potentials[p], state.pending_potentials[place, p])


@register_jitable
def _count_winners(learned, results, n, state, team):  # type: ignore[no-untyped-def]
    """Add up what the threads have seen won, and write who won most; the first thread's work."""
    wins = team.wins[0]
    for other in range(1, team.size):
        for k in range(wins.size):
            wins[k] += team.wins[other, k]
    winner = 0
    for k in range(wins.size):
        winner = k if wins[k] > wins[winner] else winner
        if learned:
            state.wins[k] += wins[k]
    results.winners[n] = winner


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def stream(samples, learning, constants, state, scratch, results, product, own, team, marks=None):  # type: ignore[no-untyped-def]
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
    team : Team
        Every thread of a team calls this with the same arguments, but for its number and its private scratch.
    marks : None or Marks
        Where to write down when each stage was done; the same for every thread.

    Returns
    -------
    done : int
        Samples taken; fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    window, first = state.pending_inputs.shape[0], team.number == 0
    learned, pending, measured = state.counters[SAMPLES], state.counters[PENDING], state.counters[MEASURED]
    follows = learning and constants.normalise in (RUNNING, WINDOW)
    if not _meet(team):
        return 0, -1
    done, failed = 0, -1
    for n in range(samples.values.shape[0]):
        _mark(marks, team, n, BEGUN)
        sample = samples.values[n]
        refused = 0 if first and not _check(sample, constants.negative, scratch.lanes) else -1
        if _agree(refused, team) >= 0:  # one looks for all: the caller's array might change meanwhile
            break
        row = n % results.potentials.shape[0]
        potentials = results.potentials[row]
        patches = scratch.patches[: potentials.shape[0]]
        measured += follows
        _prepare(sample, learning, measured, constants, state, scratch, team)
        _respond(product, scratch.values, constants, state, scratch, patches, potentials, team, marks, n)
        if first and follows:
            state.counters[MEASURED] = measured
        if learning and window > 1:
            _keep_values(sample, pending, constants, state, scratch, team)
        _meet(team)
        _mark(marks, team, n, INTEGRATED)
        competes = learning or results.responses.size > 0
        if competes:
            responses, wins = results.responses[row], team.wins[team.number]
            failed = _compete(potentials, constants, scratch.averages, scratch, responses, wins, team)
        else:
            failed = _average(potentials, scratch.averages, scratch.lanes, team)
        failed = _agree(failed, team)
        if failed >= 0:
            break
        learned += learning
        learns = learning and learned > constants.warm_up
        if first:
            results.winners[n] = -1
            if competes:
                _count_winners(learns, results, n, state, team)
        _mark(marks, team, n, COMPETED)
        if results.outputs.size > 0:
            outputs = results.outputs[n % results.outputs.shape[0]]
            _send(potentials, scratch.averages, constants, scratch, outputs, team)
        _mark(marks, team, n, TRANSMITTED)
        if first and learning:
            state.counters[SAMPLES] = learned
            state.counters[BLANKS] += not learns
        if learns:
            if first:
                state.pending_modulators[pending] = samples.modulators[n] if samples.modulators.size > 0 else ONE
                state.counters[PENDING] = pending + 1
            if window > 1:
                _keep_potentials(potentials, pending, state, team)
            pending += 1
        if learns and pending == window:
            pending = 0
            if window > 1:
                failed = _gather(product, constants, state, scratch, team)
                us = state.pending_potentials.reshape(scratch.patches.shape[0], potentials.shape[1])
                xs, ys = scratch.patches, scratch.responses
                _mark(marks, team, n, RECALLED)
            else:
                _meet(team)
                us, xs, ys = potentials, patches, results.responses[row]
            if failed < 0:
                failed = _learn(product, xs, us, ys, state.pending_modulators, learned, constants, state, scratch,
                                own, team, marks, n)  # fmt: skip
            if failed >= 0:
                break
            _mark(marks, team, n, LEARNED)
        done = n + 1
    _meet(team)
    if first and learning:
        for other in range(team.size):
            state.counters[FOLDS] += team.board[other, FOLDED]
    return done, failed


def loop(*arguments):  # type: ignore[no-untyped-def]
    """Return `stream` as compiled for arguments of these types: called directly, it does not look at types again."""
    return stream.compile(tuple(typeof(argument) for argument in arguments))
