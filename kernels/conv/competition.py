"""Competition at every position."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.layout import WINDOW
from neurosim.kernels.conv.powers import raise_all, softmax_by_powers
from neurosim.kernels.conv.team import share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.codes import IDENTITY, TRIANGLE
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.softmax import first_index, maximum, total_of


@compiled(_nrt=False, no_cpython_wrapper=True)
def compete(address, kind, row, recalled, _unused, _also):
    """Write a thread's share of positions' responses; count winners; return a neuron with a wild drive, or -1."""
    given = kept_at(address, kind)
    constants, state, scratch, results, team = given.constants, given.state, given.scratch, given.results, given.team
    potentials = state.pending_potentials[recalled] if recalled >= 0 else results.potentials[row]
    positions, neurons = potentials.shape
    begin, raw = max(recalled, 0) * positions, recalled < 0 or constants.normalise == WINDOW
    responses = between(scratch.responses, begin, begin + positions) if recalled >= 0 else results.responses[row]
    lanes, averages, counts = scratch.lanes, scratch.averages, team.wins[team.number]
    counts[:] = 0
    first, last = share_of(positions, 1, team)
    for p in range(first, last):
        u, y = potentials[p], responses[p]
        averages[p] = total_of(u, lanes) / np.float32(neurons)
        if constants.pre_triangle and raw and math.isfinite(averages[p]):
            averages[p] = rectified(u, averages[p], lanes)
        drive = u
        if constants.activation != IDENTITY:
            drive = scratch.drive
            threshold = averages[p] if constants.activation == TRIANGLE else averages[p] * ZERO
            for k in range(neurons):
                drive[k] = max(u[k] - threshold, ZERO)
            raise_all(drive, constants.activation_exponent)
        if constants.soft:
            winner = first_index(drive, softmax_by_powers(drive, constants.sharpness, y, lanes))
        else:
            winner = first_index(drive, maximum(drive, lanes))
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


@cell
def rectified(u, average, lanes):
    """Make Triangle(u) of potentials at a position, in place; return its mean."""
    for k in range(u.size):
        u[k] = above(u[k], average)
    return total_of(u, lanes) / np.float32(u.size)


@cell
def above(u, average):
    """Return what a potential exceeds the mean by."""
    return max(u - average, average * ZERO)


@compiled(_nrt=False, no_cpython_wrapper=True)
def mean_potentials(address, kind, row, _unused, _also, _too):
    """Write the mean potential at a thread's positions; return a neuron if one is not finite, or -1."""
    given = kept_at(address, kind)
    constants, scratch, results, team = given.constants, given.scratch, given.results, given.team
    potentials, averages = results.potentials[row], scratch.averages
    first, last = share_of(potentials.shape[0], 1, team)
    for p in range(first, last):
        averages[p] = total_of(potentials[p], scratch.lanes) / np.float32(potentials.shape[1])
        if constants.pre_triangle and math.isfinite(averages[p]):
            averages[p] = rectified(potentials[p], averages[p], scratch.lanes)
        if not math.isfinite(averages[p]):
            return first_not_finite(potentials[p])
    return -1


@compiled(_nrt=False, no_cpython_wrapper=True)
def count_winners(address, kind, n, learns, _unused, _also):
    """Add up what the threads have seen won, and write who won most; the first thread's work."""
    given = kept_at(address, kind)
    state, results, team = given.state, given.results, given.team
    wins, winner = team.wins[0], 0
    for other in range(1, team.size):
        for k in range(wins.size):
            wins[k] += team.wins[other, k]
    for k in range(wins.size):
        winner = k if wins[k] > wins[winner] else winner
        if learns:
            state.wins[k] += wins[k]
    results.winners[n] = winner
    return 0


@cell
def first_not_finite(x):
    """Return the first index where x is not finite, 0 if only their sum is not."""
    for k in range(x.size):
        if not math.isfinite(x[k]):
            return k
    return 0
