"""Competition at every position on a device, and what the layer sends."""

import math

import numpy as np
from numba import int32, int64
from numba.extending import register_jitable

from neurosim.kernels.conv import competition, layout, powers, proposing
from neurosim.kernels.conv.cuda.seats import (
    count_matches,
    has_work,
    item_of,
    laps_for,
    largest_after,
    largest_of,
    total_of,
)
from neurosim.kernels.shared import biases, numbers
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared.competitions import respond
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.rates import rate_by_time


@register_jitable
def compete(potentials, responses, first, raw, constants, memory, seat):
    """Write responses and who won at every position of an image; memory is written from position `first` on.

    Potentials that are raw may first become those of Triangle.
    """
    positions, neurons = potentials.shape
    for lap in range(laps_for(positions, seat)):
        p = item_of(lap, seat)
        busy = has_work(p, positions, seat)
        size = neurons if busy else 0
        u, y = potentials[p if busy else 0][:size], responses[p if busy else 0][:size]
        average = total_of(u, seat) / np.float32(neurons)
        if constants.pre_triangle and raw:
            average = _rectified(u, average, neurons, seat)
        drive = u
        if constants.activation != kernel_codes.IDENTITY or constants.bias != kernel_codes.UNBIASED:
            for k in range(seat.member, size, seat.members):
                y[k] = _activated(u[k], average, constants)
                if constants.bias != kernel_codes.UNBIASED:
                    y[k] += memory.biases[k]
            drive = y
        top, winner = largest_of(drive, seat)
        if constants.soft:
            for k in range(seat.member, size, seat.members):
                y[k] = powers.exponential(max(constants.sharpness * (drive[k] - top), numbers.LEAST))
            total = total_of(y, seat)
            share = ONE / (total if busy else ONE)
            for k in range(seat.member, size, seat.members):
                y[k] *= share
        elif constants.ranked:
            _respond_by_rank(drive, winner, top, constants, y, seat)
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
def _respond_by_rank(drive, winner, top, constants, y, seat):
    """Write responses that depend on who are the first few; drives may lie where responses go."""
    last, lowest = winner, top
    for _ in range(constants.winners - 1):
        lowest, last = largest_after(drive, lowest, last, seat)
    for k in range(seat.member, drive.size, seat.members):
        rank = constants.winners  # any number that is not smaller, of a neuron behind them
        if k == last:
            rank = constants.winners - 1
        elif drive[k] > lowest or (drive[k] == lowest and k < last):
            rank = 0  # any that is smaller, of one before the last of them
        y[k] = respond(
            constants.competition, k, drive[k], ZERO, rank, winner, -1, constants.winners,
            constants.competition_parameter,
        )  # fmt: skip


@register_jitable
def write_biases(learning, constants, state, memory):
    """Write what is added to every neuron's drive."""
    for k in range(cuda.grid(1), memory.biases.size, cuda.gridsize(1)):
        memory.biases[k] = ZERO
        if biases.acts(constants.bias, learning):
            memory.biases[k] = biases.bias_of(constants, constants.sharpness, state.activity[k], memory.biases.size)


@register_jitable
def count_for_bias(potentials, responses, constants, state, memory, seat):
    """Add an image's means over its positions to what the bias averages over the window."""
    positions = potentials.shape[0]
    by_wins, by_responses = biases.counts_wins(constants.bias), constants.bias == kernel_codes.LOG_PRIOR
    for k in range(cuda.grid(1), state.pending_sums.size, cuda.gridsize(1)):
        total = memory.counts[k]
        if not by_wins:
            total = ZERO
            for p in range(positions):
                v = responses[p, k] if by_responses else _activated(potentials[p, k], memory.averages[p], constants)
                total += v
        state.pending_sums[k] += total / np.float32(positions)


@register_jitable
def move_bias(is_first, samples, constants, state):
    """Move what the bias follows by the window that ends."""
    for k in range(cuda.grid(1), state.pending_sums.size, cuda.gridsize(1)):
        total = state.pending_sums[k]
        state.activity[k] = biases.moved_activity(state.activity[k], total, samples, is_first, constants)
        state.pending_sums[k] = ZERO


@register_jitable
def _activated(u, average, constants):
    """Return f(u), of what competes."""
    if constants.activation == kernel_codes.IDENTITY:
        return u
    threshold = average if constants.activation == kernel_codes.TRIANGLE else ZERO
    return _power(powers.larger(u - threshold, ZERO), constants.activation_exponent)


@register_jitable
def _rectified(u, average, neurons, seat):
    """Make Triangle(u) of finite potentials at a position, in place; return their mean."""
    if math.isfinite(average):
        for k in range(seat.member, u.size, seat.members):
            u[k] = competition.above(u[k], average)
    return total_of(u, seat) / np.float32(neurons)


@register_jitable
def mean_potentials(potentials, constants, memory, seat):
    """Write the mean potential at every position of an image that nothing competes for."""
    positions, neurons = potentials.shape
    for lap in range(laps_for(positions, seat)):
        p = item_of(lap, seat)
        busy = has_work(p, positions, seat)
        u = potentials[p if busy else 0][: neurons if busy else 0]
        average = total_of(u, seat) / np.float32(neurons)
        if constants.pre_triangle:
            average = _rectified(u, average, neurons, seat)
        if busy and seat.member == 0:
            memory.averages[p] = average
            memory.wild[p] = -1 if math.isfinite(average) else competition.first_not_finite(u)


@register_jitable
def _power(x, exponent):
    """Return x**exponent, where x is not negative."""
    return x if exponent == ONE else powers.raised(x, exponent)


@register_jitable
def first_failure(wild):
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
def first_not_finite(x):
    """Return the first index where x is not finite, or -1; the same for every thread."""
    any_wild = int32(0)
    for k in range(cuda.threadIdx.x, x.size, cuda.blockDim.x):
        any_wild |= int32(not math.isfinite(x[k]))
    return int64(competition.first_not_finite(x)) if cuda.syncthreads_or(any_wild) != 0 else int64(-1)


@register_jitable
def count_wins(positions, learns, learned, constants, state, memory, seat):
    """Count the positions that each neuron won; then write its rate, which may depend on it."""
    neurons = state.wins.size
    for lap in range(laps_for(neurons, seat)):
        k = item_of(lap, seat)
        busy = has_work(k, neurons, seat)
        count = count_matches(memory.won[: positions if busy else 0], k, seat)
        if busy and seat.member == 0:
            memory.counts[k] = count
            if learns:
                state.wins[k] += int64(count)
                rate = rate_by_time(constants, learned - 1)
                memory.rates[k] = proposing.rate_of_neuron(rate, state.norms[k], state.wins[k], constants)


@register_jitable
def send(potentials, averages, constants, outputs):
    """Write f(u), pooled, channels first."""
    neurons, squares = potentials.shape[1], constants.pooled_rows * constants.pooled_columns
    for e in range(cuda.grid(1), neurons * squares, cuda.gridsize(1)):
        square, k = e // neurons, e % neurons
        top = square // constants.pooled_columns * constants.pool_stride - constants.pool_padding
        left = square % constants.pooled_columns * constants.pool_stride - constants.pool_padding
        outputs[k * squares + square] = _pooled(potentials, k, top, left, constants, averages)


@register_jitable
def _pooled(potentials, k, top, left, constants, averages):
    """Return what neuron k sends of one square of positions."""
    pooled, fresh = ZERO, True
    for i in range(max(top, 0), min(top + constants.pool_size, constants.rows)):
        for j in range(max(left, 0), min(left + constants.pool_size, constants.columns)):
            p = i * constants.columns + j
            z = potentials[p, k] - (averages[p] if constants.transmit == kernel_codes.TRIANGLE else ZERO)
            if constants.pool == layout.MEAN_POOL:
                z = _sent(z, constants)
                pooled = z if fresh else pooled + z
            else:  # a power goes up with its argument, so the largest may be found first
                pooled = z if fresh else powers.larger(pooled, z)
            fresh = False
    if constants.pool == layout.MEAN_POOL:
        return pooled / np.float32(constants.pool_size * constants.pool_size)
    return _sent(pooled, constants)


@register_jitable
def _sent(z, constants):
    """Return f of a potential that its threshold is taken from."""
    if constants.transmit == kernel_codes.IDENTITY:
        return z
    z = powers.larger(z, ZERO)
    return _power(z, constants.exponent) if constants.transmit == kernel_codes.TRIANGLE else z


@register_jitable
def keep_potentials(potentials, pending, state):
    """Put potentials where a window waits for its end."""
    neurons = potentials.shape[1]
    for e in range(cuda.grid(1), potentials.shape[0] * neurons, cuda.gridsize(1)):
        state.pending_potentials[pending, e // neurons, e % neurons] = potentials[e // neurons, e % neurons]
