r"""The loop of `kernels/conv.py` on a CUDA device: one cooperative launch carries a chunk of images.

All blocks share every stage of an image, and meet on the grid between stages. What each number is, and in what order
it is summed, does not depend on how many blocks or threads there are: no sum is shared out but in the CPU's own LANES,
and no two threads write one element. So a device gives the same bits however it is filled. They are those of the CPU,
but for what comes of matrix products, and of the library's powers in the schedules of the rate. The products

.. math::

    u_{pk} = s_k \sum_i x_{pi} v_{ki}, \qquad g_{ki} = \sum_p c_{pk} x_{pi}

have one accumulator for each entry here, in ascending order of i or p, where BLAS sums as it likes.

An image takes these stages, each with all that it needs from the ones before:

1. look at the image, and take its statistics
2. cut its patches
3. potentials
4. compete at every position
5. count what was won, send outputs; rates
6. ask the rule at every position, and add up what it says of each neuron
7. growth, and the step; two or three stages
8. is every norm finite?

The arithmetic of one neuron, weight or channel is that of `kernels/conv.py`. Kernels for a device are not cached on
disk, so this file, unlike the others, need not stand alone. It needs Numba's CUDA, and nobody imports it without.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import config, cuda, float32, int32, int64
from numba.extending import register_jitable
from numpy.typing import NDArray

from neurosim.kernels import conv
from neurosim.kernels.conv import LANES, ONE, ZERO

THREADS = 256  # of a block, at best; any multiple of 32 will do
MOST = 1024  # threads of a block
SEATS = MOST // LANES  # sums that a block may be at, at once
LOWEST = np.float32(-math.inf)
ACROSS, BITS = 16, 4  # squares of a tile, and their binary digits
SQUARES = ACROSS * ACROSS
DEPTH = 16  # terms of a matrix product that a block fetches at once, as many as squares
LARGE, SMALL = 4, 2  # sides of a square, which is one thread's: powers of two; a tile has 64 rows and columns, or 32
PADDED = ACROSS * LARGE + 2  # so that threads that write a tile's column meet no two in one bank
COLUMNS, ROWS = 8, 128  # neurons and positions whose terms a block adds up at once
TERMS = 3 * COLUMNS  # of each neuron at a position: change, overlap, event


def _grid(function: Callable[..., None]) -> Any:
    """Make a function a kernel, without the linker's optimiser: it would contract products and sums after all."""
    options = {} if config.ENABLE_CUDASIM else {"lto": False}  # a simulator has no linker
    return cuda.jit(function, **options)  # as a decorator with options, it forgets this one


class Memory(NamedTuple):
    """Working memory on the device; holds nothing from one image to the next."""

    patches: NDArray[np.float32]  # x (window * positions, fan-in)
    responses: NDArray[np.float32]  # y (window or 0, positions, neurons)
    growth: NDArray[np.float32]  # c (window * positions, neurons)
    averages: NDArray[np.float32]  # (window * positions,) mean potential
    won: NDArray[np.int32]  # (window * positions,) who won
    wild: NDArray[np.int32]  # (window * positions,) a neuron that is not finite, or -1
    refused: NDArray[np.int32]  # (1,)
    gains: NDArray[np.float32]  # (channels,) what pixels are multiplied by
    shifts: NDArray[np.float32]  # (channels,) what is taken from them
    means: NDArray[np.float32]  # (channels,) running, after this image
    variances: NDArray[np.float32]  # (channels,)
    counts: NDArray[np.float32]  # (neurons,) positions won
    events: NDArray[np.float32]  # (neurons,) responses above the cutoff
    rates: NDArray[np.float32]  # (neurons,)
    changes: NDArray[np.float32]  # (neurons,) sum of a - 1
    overlaps: NDArray[np.float32]  # (neurons,) sum of c u
    proposed: NDArray[np.float32]  # (neurons,) changes + overlaps
    factors: NDArray[np.float32]  # (neurons,) of growth that is added in place
    largest: NDArray[np.float32]  # (neurons or 0,) largest change of a weight
    folds: NDArray[np.int64]  # (neurons,)
    gram: NDArray[np.float32]  # (window * positions or 0, window * positions)
    product: NDArray[np.float32]  # (window * positions or 0, neurons) gram @ c
    step: NDArray[np.float32]  # (neurons or 0, fan-in)


class Seat(NamedTuple):
    """A thread's place in its block: among a group that sums together, of LANES at most; and the block's own memory.

    That memory is made by the kernel itself: Numba links what another function makes as often as that is called.
    """

    member: int
    members: int
    group: int
    groups: int
    lanes: NDArray[np.float32]  # (LANES,) partial sums of the group
    places: NDArray[np.int64]  # (LANES,)
    left: NDArray[np.float32]  # (DEPTH, PADDED) what has been fetched of two matrices
    right: NDArray[np.float32]
    terms: NDArray[np.float32]  # (ROWS, TERMS) of a few neurons at a few positions
    sums: NDArray[np.float32]  # (TERMS,) what they come to


def memory(constants: conv.Constants, neurons: int, window: int, room: Callable[..., Any]) -> Memory:
    """Return working memory for a layer.

    Parameters
    ----------
    constants : conv.Constants
    neurons, window : int
    room : callable
        Takes a shape and a dtype, and returns an array of them in the device's memory, of any content.
    """
    positions, fan_in = constants.rows * constants.columns, constants.channels * constants.kernel**2
    rows, largest = window * positions, constants.step == conv.LARGEST
    gram = not largest and conv.by_products(rows, neurons, fan_in)
    moves = not gram or constants.cutoff > 0  # some neurons, at least, by a step that is written apart
    names = ("counts", "events", "rates", "changes", "overlaps", "proposed", "factors")
    neural = {name: room((neurons,), np.float32) for name in names}
    channelled = {name: room((constants.channels,), np.float32) for name in ("gains", "shifts", "means", "variances")}
    return Memory(
        patches=room((rows, fan_in), np.float32),
        responses=room((window if window > 1 else 0, positions, neurons), np.float32),
        growth=room((rows, neurons), np.float32),
        averages=room((rows,), np.float32),
        won=room((rows,), np.int32),
        wild=room((rows,), np.int32),
        refused=room((1,), np.int32),
        largest=room((neurons if largest else 0,), np.float32),
        folds=room((neurons,), np.int64),
        gram=room((rows, rows) if gram else (0, 0), np.float32),
        product=room((rows if gram else 0, neurons), np.float32),
        step=room((neurons if moves else 0, fan_in), np.float32),
        **neural,
        **channelled,
    )


@register_jitable
def _meet():  # type: ignore[no-untyped-def]
    """Wait until every thread of every block is here."""
    cuda.cg.this_grid().sync()


@register_jitable
def _item(turn, seat):  # type: ignore[no-untyped-def]
    """Return what a group is at in this turn, of things that go round the blocks first."""
    return (turn * seat.groups + seat.group) * cuda.gridDim.x + cuda.blockIdx.x


@register_jitable
def _turns(count, seat):  # type: ignore[no-untyped-def]
    """Return how many turns so many things take: the same for every thread, so that all meet equally often."""
    together = seat.groups * cuda.gridDim.x
    return (count + together - 1) // together


@register_jitable
def _busy(item, count, seat):  # type: ignore[no-untyped-def]
    """Return whether the group has something to do: threads beyond the last whole group never have."""
    return seat.group < seat.groups and item < count


@register_jitable
def _folded(partial, seat):  # type: ignore[no-untyped-def]
    """Return the sum of a group's partial sums, halves added to halves."""
    half = LANES // 2
    while half > 0:
        cuda.syncthreads()
        for j in range(seat.member, half, seat.members):
            partial[j] += partial[half + j]
        half //= 2
    cuda.syncthreads()
    total = partial[0]
    cuda.syncthreads()  # the next sum overwrites it
    return total


@register_jitable
def _total(x, seat):  # type: ignore[no-untyped-def]
    """Return the sum of x, in the CPU's order."""
    for j in range(seat.member, LANES, seat.members):
        total = ZERO
        for i in range(j, x.size, LANES):
            total += x[i]
        seat.lanes[j] = total
    return _folded(seat.lanes, seat)


@register_jitable
def _square(x, mean, seat):  # type: ignore[no-untyped-def]
    """Return the sum of (x - mean)**2, in the CPU's order."""
    for j in range(seat.member, LANES, seat.members):
        total = ZERO
        for i in range(j, x.size, LANES):
            total += (x[i] - mean) * (x[i] - mean)
        seat.lanes[j] = total
    return _folded(seat.lanes, seat)


@register_jitable
def _matches(x, value, seat):  # type: ignore[no-untyped-def]
    """Return how often x is value: a float32, which is exact for whole numbers below 2**24."""
    for j in range(seat.member, LANES, seat.members):
        total = ZERO
        for i in range(j, x.size, LANES):
            total += ONE if x[i] == value else ZERO
        seat.lanes[j] = total
    return _folded(seat.lanes, seat)


@register_jitable
def _whole(x, seat):  # type: ignore[no-untyped-def]
    """Return the sum of whole numbers."""
    for j in range(seat.member, LANES, seat.members):
        total = 0
        for i in range(j, x.size, LANES):
            total += int64(x[i])
        seat.places[j] = total
    return _folded(seat.places, seat)


@register_jitable
def _top(x, seat):  # type: ignore[no-untyped-def]
    """Return the largest of x, and the first place where it is: ties go to the lowest index."""
    lanes, places = seat.lanes, seat.places
    for j in range(seat.member, LANES, seat.members):
        top, place = LOWEST, x.size
        if j == 0 and x.size > 0:  # if it is no number, nor is what comes out
            top, place = x[0], 0
        for i in range(j, x.size, LANES):
            if x[i] > top:
                top, place = x[i], i
        lanes[j], places[j] = top, place
    return _top_of_partial(seat)


@register_jitable
def _top_of_partial(seat):  # type: ignore[no-untyped-def]
    """Return the largest of a group's partial results, and its place."""
    lanes, places, half = seat.lanes, seat.places, LANES // 2
    while half > 0:
        cuda.syncthreads()
        for j in range(seat.member, half, seat.members):
            if lanes[half + j] > lanes[j]:
                lanes[j], places[j] = lanes[half + j], places[half + j]
            elif lanes[half + j] == lanes[j]:
                places[j] = min(places[j], places[half + j])
        half //= 2
    cuda.syncthreads()
    top, place = lanes[0], places[0]
    cuda.syncthreads()
    return top, place


@register_jitable
def _statistics(samples, begin, end, seat):  # type: ignore[no-untyped-def]
    """Return mean and variance of pixels from begin to end over the samples, as one group sees them."""
    count, total = np.float32(max(end - begin, 1) * samples.shape[0]), ZERO
    for n in range(samples.shape[0]):
        total += _total(samples[n][begin:end], seat)
    mean = total / count
    total = ZERO
    for n in range(samples.shape[0]):
        total += _square(samples[n][begin:end], mean, seat)
    return mean, total / count


@register_jitable
def _admitted(sample, negative, seat):  # type: ignore[no-untyped-def]
    """Return whether a sample is finite, and not negative where that is not admitted."""
    below = int32(0)
    if not negative:
        for i in range(cuda.threadIdx.x, sample.size, cuda.blockDim.x):
            below |= int32(sample[i] < ZERO)
    below = cuda.syncthreads_or(below)
    return math.isfinite(_square(sample, ZERO, seat)) and below == 0


@register_jitable
def _measure(samples, learning, measured, constants, state, memory, seat):  # type: ignore[no-untyped-def]
    """Write what normalises: gains and shifts, and running statistics as they will be if the sample is admitted.

    Of several samples, those of a window, their own statistics are what normalises.
    """
    kind, own = constants.normalise, samples.shape[0] > 1
    groups = 1 if kind == conv.LAYER else constants.channels
    pixels = samples.shape[1] // groups
    follows = learning and not own and kind in (conv.RUNNING, conv.WINDOW)
    for turn in range(_turns(groups, seat)):
        c = _item(turn, seat)
        busy = _busy(c, groups, seat)
        mean, variance = ZERO, ONE
        if own or follows or kind in (conv.SAMPLE, conv.LAYER):
            mean, variance = _statistics(samples, c * pixels if busy else 0, (c + 1) * pixels if busy else 0, seat)
        if not busy or seat.member > 0:
            continue
        if kind == conv.PLAIN:
            memory.gains[c], memory.shifts[c] = ONE, ZERO
            continue
        if follows:
            weight = max(ONE / np.float32(measured), constants.forgetting)
            mean, variance = conv._followed(state.means[c], state.variances[c], mean, variance, weight)
            memory.means[c], memory.variances[c] = mean, variance
        elif not own and kind in (conv.RUNNING, conv.WINDOW):
            mean, variance = state.means[c], state.variances[c]
        memory.gains[c], memory.shifts[c] = conv._gain(mean, variance)


@register_jitable
def _normal(sample, i, constants, memory):  # type: ignore[no-untyped-def]
    """Return an input, normalised."""
    c = 0 if constants.normalise == conv.LAYER else i // (constants.height * constants.width)
    return sample[i] * memory.gains[c] - memory.shifts[c]


@register_jitable
def _cut(samples, raw, constants, memory):  # type: ignore[no-untyped-def]
    """Write images' patches, one a row, the images padded by their reflection; what is not raw is normal already."""
    channels, height, width, padding = constants.channels, constants.height, constants.width, constants.padding
    positions, run = constants.rows * constants.columns, constants.kernel * constants.channels
    fan_in = run * constants.kernel
    for e in range(cuda.grid(1), samples.shape[0] * positions * fan_in, cuda.gridsize(1)):
        place, i = e // fan_in, e % fan_in
        n, p = place // positions, place % positions
        row = p // constants.columns * constants.stride + i // run - padding
        column = p % constants.columns * constants.stride + i % run // channels - padding
        pixel = conv._mirror(row, height) * width + conv._mirror(column, width)
        source = i % channels * height * width + pixel
        x = samples[n]
        memory.patches[place, i] = _normal(x, source, constants, memory) if raw else x[source]


@register_jitable
def _take_over(measured, state, memory):  # type: ignore[no-untyped-def]
    """Take over running statistics of an image that was admitted."""
    for c in range(cuda.grid(1), state.means.size, cuda.gridsize(1)):
        state.means[c], state.variances[c] = memory.means[c], memory.variances[c]
    if cuda.grid(1) == 0:
        state.counters[conv.MEASURED] = measured


@register_jitable
def _keep_values(sample, place, constants, state, memory):  # type: ignore[no-untyped-def]
    """Put an image where a window waits for its end."""
    for i in range(cuda.grid(1), sample.size, cuda.gridsize(1)):
        raw = constants.normalise == conv.WINDOW
        state.pending_inputs[place, i] = sample[i] if raw else _normal(sample, i, constants, memory)


@register_jitable
def _fetch_rows(a, row, i, wide, tile):  # type: ignore[no-untyped-def]
    """Put a part of a matrix into a tile: terms from i of rows from row; zeros beyond the matrix, which add nothing."""
    for e in range(cuda.threadIdx.x, wide * DEPTH, cuda.blockDim.x):
        d, r = e & (DEPTH - 1), e >> BITS
        tile[d, r] = a[row + r, i + d] if row + r < a.shape[0] and i + d < a.shape[1] else ZERO


@register_jitable
def _fetch_columns(a, column, i, bits, tile):  # type: ignore[no-untyped-def]
    """Put a part of a matrix into a tile: terms from i of columns from column, whose number has so many bits."""
    for e in range(cuda.threadIdx.x, DEPTH << bits, cuda.blockDim.x):
        d, r = e >> bits, e & (1 << bits) - 1
        tile[d, r] = a[i + d, column + r] if i + d < a.shape[0] and column + r < a.shape[1] else ZERO


@register_jitable
def _write(c, m, n, total, factors):  # type: ignore[no-untyped-def]
    """Take a sum as it is."""
    c[m, n] = total


@register_jitable
def _write_scaled(c, m, n, total, factors):  # type: ignore[no-untyped-def]
    """Take a sum times its column's factor."""
    c[m, n] = total * factors[n]


@register_jitable
def _add_scaled(c, m, n, total, factors):  # type: ignore[no-untyped-def]
    """Add a sum times its row's factor to what is there."""
    c[m, n] += total * factors[m]


def _tile_multiplier(side: int, by_rows: bool, entry: Callable[..., None]) -> Callable[..., None]:
    """Return a function that writes one tile of a matrix product, of squares with this side.

    Every entry is summed in ascending order, in one accumulator, whatever the side.
    """
    wide, entries, bits = ACROSS * side, side * side, BITS + side.bit_length() - 1

    @register_jitable
    def multiply_tile(a, b, c, factors, top, left, seat):  # type: ignore[no-untyped-def]
        rows, columns, depth = c.shape[0] - top, c.shape[1] - left, a.shape[1] if by_rows else a.shape[0]
        tile_a, tile_b = seat.left, seat.right
        sums = cuda.local.array(entries, float32)
        x = cuda.local.array(side, float32)
        y = cuda.local.array(side, float32)
        for base in range(0, SQUARES, cuda.blockDim.x):
            if base // ACROSS >= rows or base % ACROSS >= columns:
                continue
            square = base + cuda.threadIdx.x
            row, column = square >> BITS & ACROSS - 1, square & ACROSS - 1  # masked, so plainly no negative indices
            mine = square < SQUARES and row < rows and column < columns
            for j in range(entries):
                sums[j] = ZERO
            for i in range(0, depth, DEPTH):
                cuda.syncthreads()
                if by_rows:
                    _fetch_rows(a, top, i, wide, tile_a)
                    _fetch_rows(b, left, i, wide, tile_b)
                else:
                    _fetch_columns(a, top, i, bits, tile_a)
                    _fetch_columns(b, left, i, bits, tile_b)
                cuda.syncthreads()
                if mine:
                    for d in range(DEPTH):
                        for j in range(side):
                            x[j] = tile_a[d, row + j * ACROSS]
                            y[j] = tile_b[d, column + j * ACROSS]
                        for j in range(side):
                            for k in range(side):
                                sums[j * side + k] += x[j] * y[k]
            for j in range(side):
                for k in range(side):
                    if mine and row + j * ACROSS < rows and column + k * ACROSS < columns:
                        entry(c, top + row + j * ACROSS, left + column + k * ACROSS, sums[j * side + k], factors)

    return multiply_tile  # type: ignore[no-any-return]


def _multiplier(by_rows: bool, entry: Callable[..., None]) -> Callable[..., None]:
    """Return a matrix product: c = a b^T if by rows, else c = a^T b, each sum taken by `entry`.

    Large tiles fetch less, small ones are work for more blocks: the bits are the same. `number` is the block's place
    in the order in which tiles go round.
    """
    large, small = _tile_multiplier(LARGE, by_rows, entry), _tile_multiplier(SMALL, by_rows, entry)

    @register_jitable
    def multiply(a, b, c, factors, number, seat):  # type: ignore[no-untyped-def]
        wide = ACROSS * LARGE
        down, across = (c.shape[0] + wide - 1) // wide, (c.shape[1] + wide - 1) // wide
        if down * across >= cuda.gridDim.x:
            for tile in range(number, down * across, cuda.gridDim.x):
                large(a, b, c, factors, tile // across * wide, tile % across * wide, seat)
            return
        wide = ACROSS * SMALL
        down, across = (c.shape[0] + wide - 1) // wide, (c.shape[1] + wide - 1) // wide
        for tile in range(number, down * across, cuda.gridDim.x):
            small(a, b, c, factors, tile // across * wide, tile % across * wide, seat)

    return multiply  # type: ignore[no-any-return]


_integrate = _multiplier(True, _write_scaled)
_times_transposed = _multiplier(True, _write)
_transposed_times = _multiplier(False, _write)
_add_transposed_times = _multiplier(False, _add_scaled)


@register_jitable
def _compete(potentials, responses, first, constants, memory, seat):  # type: ignore[no-untyped-def]
    """Write responses and who won at every position of an image; places of memory are counted from first."""
    positions, neurons = potentials.shape
    for turn in range(_turns(positions, seat)):
        p = _item(turn, seat)
        busy = _busy(p, positions, seat)
        size = neurons if busy else 0
        u, y = potentials[p if busy else 0][:size], responses[p if busy else 0][:size]
        average = _total(u, seat) / np.float32(neurons)
        drive = u
        if constants.activation != conv.IDENTITY:
            threshold = average if constants.activation == conv.TRIANGLE else ZERO
            for k in range(seat.member, size, seat.members):
                y[k] = _power(conv._larger(u[k] - threshold, ZERO), constants.activation_exponent)
            drive = y
        top, winner = _top(drive, seat)
        if constants.competition == conv.SOFT:
            for k in range(seat.member, size, seat.members):
                y[k] = conv._exponential(max(constants.sharpness * (drive[k] - top), conv.LEAST))
            total = _total(y, seat)
            share = ONE / (total if busy else ONE)
            for k in range(seat.member, size, seat.members):
                y[k] *= share
        else:
            for k in range(seat.member, size, seat.members):
                y[k] = ONE if k == winner else ZERO
        for k in range(seat.member, size, seat.members):
            if k == winner:
                memory.won[first + p] = winner
                memory.wild[first + p] = -1 if math.isfinite(y[k] + u[k] + average) else winner
                memory.averages[first + p] = average
            elif constants.signed:
                y[k] = -y[k]


@register_jitable
def _average(potentials, memory, seat):  # type: ignore[no-untyped-def]
    """Write the mean potential at every position of an image that nothing competes for."""
    positions, neurons = potentials.shape
    for turn in range(_turns(positions, seat)):
        p = _item(turn, seat)
        busy = _busy(p, positions, seat)
        u = potentials[p if busy else 0][: neurons if busy else 0]
        average = _total(u, seat) / np.float32(neurons)
        if busy and seat.member == 0:
            memory.averages[p] = average
            memory.wild[p] = -1 if math.isfinite(average) else conv._first_wild(u)


@register_jitable
def _power(x, exponent):  # type: ignore[no-untyped-def]
    """Return x**exponent, where x is not negative."""
    return x if exponent == ONE else conv._raised(x, exponent)


@register_jitable
def _first_failure(wild):  # type: ignore[no-untyped-def]
    """Return the neuron that was not finite first, or -1; the same for every thread."""
    any_wild = int32(0)
    for p in range(cuda.threadIdx.x, wild.size, cuda.blockDim.x):
        any_wild |= int32(wild[p] >= 0)
    if cuda.syncthreads_or(any_wild) != 0:
        for p in range(wild.size):
            if wild[p] >= 0:
                return int64(wild[p])
    return int64(-1)


@register_jitable
def _first_unbounded(x):  # type: ignore[no-untyped-def]
    """Return the first place where x is not finite, or -1; the same for every thread."""
    any_wild = int32(0)
    for k in range(cuda.threadIdx.x, x.size, cuda.blockDim.x):
        any_wild |= int32(not math.isfinite(x[k]))
    return int64(conv._first_wild(x)) if cuda.syncthreads_or(any_wild) != 0 else int64(-1)


@register_jitable
def _count_wins(positions, learns, learned, constants, state, memory, seat):  # type: ignore[no-untyped-def]
    """Count the positions that each neuron won; then write its rate, which may depend on it."""
    neurons = state.wins.size
    for turn in range(_turns(neurons, seat)):
        k = _item(turn, seat)
        busy = _busy(k, neurons, seat)
        count = _matches(memory.won[: positions if busy else 0], k, seat)
        if busy and seat.member == 0:
            memory.counts[k] = count
            if learns:
                state.wins[k] += int64(count)
                rate = conv._rate_by_time(learned, constants)
                memory.rates[k] = conv._own_rate(rate, state.norms[k], state.wins[k], constants)


@register_jitable
def _send(potentials, constants, memory, outputs):  # type: ignore[no-untyped-def]
    """Write f(u), pooled, channels first."""
    neurons, places = potentials.shape[1], constants.pooled_rows * constants.pooled_columns
    for e in range(cuda.grid(1), neurons * places, cuda.gridsize(1)):
        place, k = e // neurons, e % neurons
        top = place // constants.pooled_columns * constants.pool_stride - constants.pool_padding
        left = place % constants.pooled_columns * constants.pool_stride - constants.pool_padding
        outputs[k * places + place] = _pooled(potentials, k, top, left, constants, memory.averages)


@register_jitable
def _pooled(potentials, k, top, left, constants, averages):  # type: ignore[no-untyped-def]
    """Return what neuron k sends of one square of positions."""
    pooled, fresh = ZERO, True
    for i in range(max(top, 0), min(top + constants.pool_size, constants.rows)):
        for j in range(max(left, 0), min(left + constants.pool_size, constants.columns)):
            p = i * constants.columns + j
            z = potentials[p, k] - (averages[p] if constants.transmit == conv.TRIANGLE else ZERO)
            if constants.pool == conv.MEAN_POOL:
                z = _sent(z, constants)
                pooled = z if fresh else pooled + z
            else:  # a power goes up with its argument, so the largest may be found first
                pooled = z if fresh else conv._larger(pooled, z)
            fresh = False
    if constants.pool == conv.MEAN_POOL:
        return pooled / np.float32(constants.pool_size * constants.pool_size)
    return _sent(pooled, constants)


@register_jitable
def _sent(z, constants):  # type: ignore[no-untyped-def]
    """Return f of a potential that its threshold is taken from."""
    if constants.transmit == conv.IDENTITY:
        return z
    z = conv._larger(z, ZERO)
    return _power(z, constants.exponent) if constants.transmit == conv.TRIANGLE else z


@register_jitable
def _keep_potentials(potentials, place, state):  # type: ignore[no-untyped-def]
    """Put potentials where a window waits for its end."""
    neurons = potentials.shape[1]
    for e in range(cuda.grid(1), potentials.shape[0] * neurons, cuda.gridsize(1)):
        state.pending_potentials[place, e // neurons, e % neurons] = potentials[e // neurons, e % neurons]


@register_jitable
def _add_up(terms, sums, rows, first, neurons):  # type: ignore[no-untyped-def]
    """Add rows of terms to their sums, in order."""
    cuda.syncthreads()
    for a in range(cuda.threadIdx.x, sums.size, cuda.blockDim.x):
        if first + a % COLUMNS < neurons:
            total = sums[a]
            for r in range(rows):
                total += terms[r, a]
            sums[a] = total
    cuda.syncthreads()


@register_jitable
def _clear(sums):  # type: ignore[no-untyped-def]
    """Begin sums anew; threads that read the old ones must be done, and those that use these meet first."""
    cuda.syncthreads()
    for a in range(cuda.threadIdx.x, sums.size, cuda.blockDim.x):
        sums[a] = ZERO


@functools.cache
def _proposer(own: Callable[..., Any] | None) -> Callable[..., None]:
    """Return the stage that asks the layer's rule, or the user's own."""
    if own is None:

        @register_jitable
        def decide(rule, potential, response, norm, rate, parameters):  # type: ignore[no-untyped-def]
            return conv._decide(rule, None, potential, response, norm, rate, parameters)

    else:
        cell = register_jitable(own)

        @register_jitable
        def decide(rule, potential, response, norm, rate, parameters):  # type: ignore[no-untyped-def]
            return cell(potential, response, norm, ZERO, ZERO, rate, parameters)

    @register_jitable
    def propose(potentials, responses, constants, state, memory, seat):  # type: ignore[no-untyped-def]
        """Ask the rule for two numbers of each neuron at every position of a window.

        Write growth, and what decay and overlap sum to; and count the events.
        """
        terms, sums = seat.terms, seat.sums
        window, positions, neurons = potentials.shape
        rows = window * positions
        for first in range(cuda.blockIdx.x * COLUMNS, neurons, cuda.gridDim.x * COLUMNS):
            _clear(sums)
            for begin in range(0, rows, ROWS):
                count = min(ROWS, rows - begin)
                for e in range(cuda.threadIdx.x, count * COLUMNS, cuda.blockDim.x):
                    r, column = e // COLUMNS, e % COLUMNS
                    row, k = begin + r, first + column
                    if k >= neurons:
                        continue
                    n, p = row // positions, row % positions
                    u, y, c, change, event = potentials[n, p, k], responses[n, p, k], ZERO, ZERO, ZERO
                    if abs(y) >= constants.cutoff:
                        part = state.pending_modulators[n] / np.float32(positions)
                        norm = np.float32(math.sqrt(state.norms[k]))
                        rate = ONE if constants.step == conv.LARGEST else memory.rates[k]
                        decay, grown = decide(constants.rule, u, y, norm, rate, constants.parameters)
                        c, change = conv._weighed(np.float32(decay), np.float32(grown), part)
                        event = ONE
                    memory.growth[row, k] = c
                    terms[r, column], terms[r, COLUMNS + column] = change, c * u
                    terms[r, 2 * COLUMNS + column] = event
                _add_up(terms, sums, count, first, neurons)
            for column in range(cuda.threadIdx.x, min(COLUMNS, neurons - first), cuda.blockDim.x):
                k = first + column
                memory.changes[k], memory.overlaps[k] = sums[column], sums[COLUMNS + column]
                memory.proposed[k] = sums[column] + sums[COLUMNS + column]
                memory.events[k] = sums[2 * COLUMNS + column]

    return propose  # type: ignore[no-any-return]


@register_jitable
def _follow_norms(constants, state, memory, seat):  # type: ignore[no-untyped-def]
    """Write norms, scales and factors of neurons whose growth will be added in place."""
    terms, sums = seat.terms, seat.sums
    rows, neurons = memory.growth.shape
    for first in range(cuda.blockIdx.x * COLUMNS, neurons, cuda.gridDim.x * COLUMNS):
        _clear(sums)
        for begin in range(0, rows, ROWS):
            count = min(ROWS, rows - begin)
            for e in range(cuda.threadIdx.x, count * COLUMNS, cuda.blockDim.x):
                r, column = e // COLUMNS, e % COLUMNS
                row, k = begin + r, first + column
                if k < neurons:
                    terms[r, column] = memory.growth[row, k] * memory.product[row, k]
                    terms[r, COLUMNS + column] = terms[r, 2 * COLUMNS + column] = ZERO
            _add_up(terms, sums, count, first, neurons)
        for column in range(cuda.threadIdx.x, min(COLUMNS, neurons - first), cuda.blockDim.x):
            k = first + column
            factor = conv._within(memory.changes[k], constants.cap)
            change, overlap = memory.changes[k] * factor, memory.overlaps[k] * factor
            norm, square = conv._moved(state.norms[k], change, overlap, factor * factor * sums[column])
            conv._account(k, norm, square, constants, state)
            state.scales[k] *= ONE + change
            if not conv.FOLD_BELOW <= abs(state.scales[k]) <= conv.FOLD_ABOVE:
                conv._fold(k, state)
                memory.folds[k] += 1
            memory.factors[k] = factor * (ONE / state.scales[k])


@register_jitable
def _find_largest(state, memory, seat):  # type: ignore[no-untyped-def]
    """Make growth the whole change of every weight, and write each neuron's largest."""
    neurons, fan_in = memory.step.shape
    for turn in range(_turns(neurons, seat)):
        k = _item(turn, seat)
        busy = _busy(k, neurons, seat)
        d, v = memory.step[k if busy else 0], state.synapses[k if busy else 0]
        s, change = state.scales[k] if busy else ONE, memory.changes[k] if busy else ZERO
        for i in range(seat.member, fan_in if busy else 0, seat.members):
            d[i] += change * (s * v[i])
        for j in range(seat.member, LANES, seat.members):
            largest = ZERO
            for i in range(j, fan_in if busy else 0, LANES):
                largest = conv._larger(largest, abs(d[i]))
            seat.lanes[j], seat.places[j] = largest, 0
        largest, _ = _top_of_partial(seat)
        if busy and seat.member == 0:
            memory.largest[k] = largest


@register_jitable
def _move(by_events, constants, state, memory, seat):  # type: ignore[no-untyped-def]
    """Move the neurons that have something to learn, by growth that is written apart; measure steps and norms.

    By events, those are the ones that have any; else those that the rule changes. If the largest step is what counts,
    growth is the whole change, and all neurons move.
    """
    neurons, fan_in = memory.step.shape
    largest = ONE
    if constants.step == conv.LARGEST:
        largest, _ = _top(memory.largest, seat)
        if not largest > conv.FLAT:
            return
    for turn in range(_turns(neurons, seat)):
        k = _item(turn, seat)
        busy = _busy(k, neurons, seat)
        change, factor = ZERO, ONE
        if busy and constants.step == conv.LARGEST:
            factor = memory.rates[k] / largest
        elif busy:
            change = memory.changes[k]
            factor = conv._within(change, constants.cap)
            busy = memory.events[k] > ZERO if by_events else change != ZERO or memory.overlaps[k] != ZERO
        size, place = fan_in if busy else 0, k if busy else 0
        v, growth, s = state.synapses[place][:size], memory.step[place][:size], state.scales[place] if busy else ONE
        for i in range(seat.member, size, seat.members):
            w = s * v[i]
            growth[i] = conv._step(w, change, growth[i], factor)
            v[i] = w + growth[i]
        square = _square(growth, ZERO, seat) if constants.instruments else ZERO
        norm = _square(v, ZERO, seat)
        if busy and seat.member == 0:
            state.scales[k] = ONE
            conv._account(k, norm, square, constants, state)


@register_jitable
def _grow(by_events, constants, state, memory, seat):  # type: ignore[no-untyped-def]
    """Move neurons by what the rule has said; return the first whose norm is not finite, or -1."""
    if memory.gram.size > 0 and not by_events:
        _transposed_times(memory.gram, memory.growth, memory.product, state.scales, cuda.blockIdx.x, seat)
        _meet()
        _follow_norms(constants, state, memory, seat)
        _meet()
        _add_transposed_times(memory.growth, memory.patches, state.synapses, memory.factors, cuda.blockIdx.x, seat)
    else:
        _transposed_times(memory.growth, memory.patches, memory.step, state.scales, cuda.blockIdx.x, seat)
        _meet()
        if constants.step == conv.LARGEST:
            _find_largest(state, memory, seat)
            _meet()
        _move(by_events, constants, state, memory, seat)
    _meet()
    return _first_unbounded(state.norms)


@register_jitable
def _recall(constants, state, memory, seat):  # type: ignore[no-untyped-def]
    """Bring back a window's patches, potentials and responses; return a neuron whose drive is not finite, or -1."""
    by_window, positions = constants.normalise == conv.WINDOW, constants.rows * constants.columns
    if by_window:
        _measure(state.pending_inputs, False, 0, constants, state, memory, seat)
        _meet()
    _cut(state.pending_inputs, by_window, constants, memory)
    _meet()
    if by_window:
        for n in range(state.pending_inputs.shape[0]):
            patches = memory.patches[n * positions : (n + 1) * positions]
            _integrate(patches, state.synapses, state.pending_potentials[n], state.scales, cuda.blockIdx.x, seat)
        _meet()
    for n in range(state.pending_inputs.shape[0]):
        _compete(state.pending_potentials[n], memory.responses[n], n * positions, constants, memory, seat)
    _meet()
    return _first_failure(memory.wild)


@functools.cache
def grid(own: Callable[..., Any] | None = None) -> Any:
    """Return the kernel `stream_grid`, whose own rule is a function of scalars with the arguments of `conv.hebb`.

    It is launched cooperatively: with no more blocks than the device holds at once. What it takes is what `conv.stream`
    takes, on the device, and it returns nothing:

    samples : conv.Samples
    learning : bool
    constants : conv.Constants
        Its parameters on the device.
    state : conv.State
    memory : Memory
    results : conv.Results
    report : int64 (2,)
        Gets what `conv.stream` returns: samples taken, and a neuron that is not finite, or -1.
    """
    propose = _proposer(own)

    @register_jitable
    def learn(potentials, responses, constants, state, memory, seat):  # type: ignore[no-untyped-def]
        """Apply a full window; return a neuron whose step or norm is not finite, or -1."""
        if memory.gram.size > 0:  # by the blocks that ask the rule last
            number = cuda.gridDim.x - 1 - cuda.blockIdx.x
            _times_transposed(memory.patches, memory.patches, memory.gram, state.scales, number, seat)
        propose(potentials, responses, constants, state, memory, seat)
        _meet()
        events = _whole(memory.events, seat) if constants.cutoff > ZERO else responses.size
        if cuda.grid(1) == 0:
            state.counters[conv.PENDING] = 0
            state.counters[conv.UPDATES] += 1
            state.counters[conv.WRITES] += events
        failed = _first_unbounded(memory.proposed)
        if failed >= 0:
            return failed
        by_events = constants.step == conv.CAPPED and events * conv.FEW < responses.size
        return _grow(by_events, constants, state, memory, seat)

    @_grid
    def stream_grid(samples, learning, constants, state, memory, results, report):  # type: ignore[no-untyped-def]
        lanes = cuda.shared.array((SEATS, LANES), float32)
        places = cuda.shared.array((SEATS, LANES), int64)
        left = cuda.shared.array((DEPTH, PADDED), float32)
        right = cuda.shared.array((DEPTH, PADDED), float32)
        terms = cuda.shared.array((ROWS, TERMS), float32)
        sums = cuda.shared.array(TERMS, float32)
        members = min(LANES, cuda.blockDim.x)
        group, groups = cuda.threadIdx.x // members, cuda.blockDim.x // members
        member = cuda.threadIdx.x - group * members
        seat = Seat(member, members, group, groups, lanes[group], places[group], left, right, terms, sums)
        window, first = state.pending_inputs.shape[0], cuda.grid(1) == 0
        learned, pending = state.counters[conv.SAMPLES], state.counters[conv.PENDING]
        measured = state.counters[conv.MEASURED]
        follows = learning and constants.normalise in (conv.RUNNING, conv.WINDOW)
        competes = learning or results.responses.size > 0
        for k in range(cuda.grid(1), memory.folds.size, cuda.gridsize(1)):
            memory.folds[k] = 0
        done, failed = 0, int64(-1)
        for n in range(samples.values.shape[0]):
            sample, row = samples.values[n], n % results.potentials.shape[0]
            potentials, positions = results.potentials[row], results.potentials.shape[1]
            if cuda.blockIdx.x == cuda.gridDim.x - 1:
                admitted = _admitted(sample, constants.negative, seat)
                if cuda.threadIdx.x == 0:
                    memory.refused[0] = 0 if admitted else 1
            _measure(samples.values[n : n + 1], learning, measured + follows, constants, state, memory, seat)
            _meet()
            if memory.refused[0] != 0:
                break
            measured += follows
            _cut(samples.values[n : n + 1], True, constants, memory)
            if learning and window > 1:
                _keep_values(sample, pending, constants, state, memory)
            if follows:
                _take_over(measured, state, memory)
            _meet()
            _integrate(memory.patches[:positions], state.synapses, potentials, state.scales, cuda.blockIdx.x, seat)
            _meet()
            if competes:
                _compete(potentials, results.responses[row], 0, constants, memory, seat)
            else:
                _average(potentials, memory, seat)
            _meet()
            failed = _first_failure(memory.wild[:positions])
            if failed >= 0:
                break
            learned += learning
            learns = learning and learned > constants.warm_up
            if competes:
                _count_wins(positions, learns, learned, constants, state, memory, seat)
            if results.outputs.size > 0:
                _send(potentials, constants, memory, results.outputs[n % results.outputs.shape[0]])
            if first and learning:
                state.counters[conv.SAMPLES] = learned
                state.counters[conv.BLANKS] += not learns
            if learns:
                if first:
                    state.pending_modulators[pending] = samples.modulators[n] if samples.modulators.size > 0 else ONE
                    state.counters[conv.PENDING] = pending + 1
                if window > 1:
                    _keep_potentials(potentials, pending, state)
                pending += 1
            _meet()
            if cuda.blockIdx.x == cuda.gridDim.x - 1:
                _, winner = _top(memory.counts, seat)
                if cuda.threadIdx.x == 0:
                    results.winners[n] = winner if competes else -1
            if learns and pending == window:
                pending = 0
                us, ys = results.potentials[row : row + 1], results.responses[row : row + 1]
                if window > 1:
                    us, ys = state.pending_potentials, memory.responses
                    failed = _recall(constants, state, memory, seat)
                if failed < 0:
                    failed = learn(us, ys, constants, state, memory, seat)
                if failed >= 0:
                    break
            done = n + 1
        if first:
            report[0], report[1] = done, failed
            if learning:
                for k in range(memory.folds.size):
                    state.counters[conv.FOLDS] += memory.folds[k]

    return stream_grid
