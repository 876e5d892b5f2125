"""Competition at every position."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.layout import GRAIN, UPDATES, WINDOW
from neurosim.kernels.conv.powers import raise_all, softmax_by_powers
from neurosim.kernels.conv.team import share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.biases import acts, bias_of, counts_wins, moved_activity
from neurosim.kernels.shared.codes import IDENTITY, LOG_PRIOR, TRIANGLE, UNBIASED
from neurosim.kernels.shared.competitions import list_first, respond, respond_all
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.softmax import copy_into, first_index, maximum, total_of


def is_plain(constants):
    """Return whether `compete` is all that a layer's competition takes."""
    return constants.bias == UNBIASED and not constants.ranked


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
        averages[p] = total_of(u) / np.float32(neurons)
        if constants.pre_triangle and raw and math.isfinite(averages[p]):
            averages[p] = rectified(u, averages[p])
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
            winner = first_index(drive, maximum(drive))
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
def rectified(u, average):
    """Make Triangle(u) of potentials at a position, in place; return its mean."""
    for k in range(u.size):
        u[k] = above(u[k], average)
    return total_of(u) / np.float32(u.size)


@cell
def above(u, average):
    """Return what a potential exceeds the mean by; zero without a sign if by nothing."""
    return max(u - average, ZERO)


@cell
def activate(u, average, constants, drive):
    """Write f(u)."""
    if constants.activation == IDENTITY:
        copy_into(u, drive)
        return
    threshold = average if constants.activation == TRIANGLE else average * ZERO
    for k in range(u.size):
        drive[k] = max(u[k] - threshold, ZERO)
    raise_all(drive, constants.activation_exponent)


@cell
def write_biases(given):
    """Write what is added to every neuron's drive; return whether anything is."""
    constants, biases = given.constants, given.scratch.biases
    if not acts(constants.bias, given.learning):
        return False
    for k in range(biases.size):
        biases[k] = bias_of(constants, constants.sharpness, given.state.activity[k], biases.size)
    return True


@cell
def convert(p, u, raw, biased, constants, scratch):
    """Write a position's mean potential, and what competes there: f(u) plus each neuron's bias."""
    averages, drive = scratch.averages, scratch.drive
    averages[p] = total_of(u) / np.float32(u.size)
    if constants.pre_triangle and raw and math.isfinite(averages[p]):
        averages[p] = rectified(u, averages[p])
    activate(u, averages[p], constants, drive)
    for k in range(u.size if biased else 0):
        drive[k] += scratch.biases[k]


@cell
def _respond(drive, constants, scratch, y):
    """Write responses, before the losers' signs are turned; return the winner."""
    code, winners, parameter = constants.competition, constants.winners, constants.competition_parameter
    lanes, order = scratch.lanes, scratch.order
    top = softmax_by_powers(drive, constants.sharpness, y, lanes) if constants.soft else maximum(drive)
    winner = first_index(drive, top)
    respond_all(code, drive, winner, -1, winners, parameter, y)
    if constants.ranked:
        list_first(drive, winners, order)
        for rank in range(winners):
            k = order[rank]
            y[k] = respond(code, k, drive[k], y[k], rank, winner, -1, winners, parameter)
    return winner


@compiled(_nrt=False, no_cpython_wrapper=True)
def compete_at_length(address, kind, row, recalled, _unused, _also):
    """Do what `compete` does, for layers with a bias, or with responses that depend on ranks."""
    given = kept_at(address, kind)
    constants, state, scratch, results, team = given.constants, given.state, given.scratch, given.results, given.team
    potentials = state.pending_potentials[recalled] if recalled >= 0 else results.potentials[row]
    positions = potentials.shape[0]
    begin, raw = max(recalled, 0) * positions, recalled < 0 or constants.normalise == WINDOW
    responses = between(scratch.responses, begin, begin + positions) if recalled >= 0 else results.responses[row]
    counts, drive = team.wins[team.number], scratch.drive
    counts[:] = 0
    biased = write_biases(given)
    first, last = share_of(positions, 1, team)
    for p in range(first, last):
        u, y = potentials[p], responses[p]
        convert(p, u, raw, biased, constants, scratch)
        winner = _respond(drive, constants, scratch, y)
        if not math.isfinite(y[winner] + u[winner] + scratch.averages[p]):
            return winner
        counts[winner] += 1
        if constants.signed:
            for k in range(y.size):
                y[k] = -y[k]
            y[winner] = -y[winner]
    return -1


@compiled(_nrt=False, no_cpython_wrapper=True)
def count_for_bias(address, kind, row, _unused, _also, _too):
    """Add an image's means over its positions to what the bias averages over the window, of a thread's neurons.

    What the threads have seen won, the first one has added up, and it alone counts it.
    """
    given = kept_at(address, kind)
    constants, scratch, team, sums = given.constants, given.scratch, given.team, given.state.pending_sums
    potentials, responses = given.results.potentials[row], given.results.responses[row]
    positions = np.float32(potentials.shape[0])
    if counts_wins(constants.bias):
        for k in range(sums.size if team.number == 0 else 0):
            sums[k] += np.float32(team.wins[0, k]) / positions
        return 0
    first, last = share_of(sums.size, GRAIN, team)
    totals, drive = between(scratch.squares, first, last), between(scratch.drive, first, last)
    totals[:] = ZERO
    for p in range(potentials.shape[0]):
        if constants.bias == LOG_PRIOR:
            copy_into(between(responses[p], first, last), drive)
        else:
            activate(between(potentials[p], first, last), scratch.averages[p], constants, drive)
        for k in range(totals.size):
            totals[k] += drive[k]
    for k in range(totals.size):
        sums[first + k] += totals[k] / positions
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def move_bias(address, kind, _unused, _also, _too, _last):
    """Move what the bias follows by the window that ends, of the neurons that a thread counted."""
    given = kept_at(address, kind)
    constants, state, team = given.constants, given.state, given.team
    activity, sums, samples = state.activity, state.pending_sums, state.pending_inputs.shape[0]
    first, last = share_of(sums.size, GRAIN, team)
    if counts_wins(constants.bias):
        first, last = 0, sums.size if team.number == 0 else 0
    is_first = state.counters[UPDATES] == 0
    for k in range(first, last):
        activity[k] = moved_activity(activity[k], sums[k], samples, is_first, constants)
        sums[k] = ZERO
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def mean_potentials(address, kind, row, _unused, _also, _too):
    """Write the mean potential at a thread's positions; return a neuron if one is not finite, or -1."""
    given = kept_at(address, kind)
    constants, scratch, results, team = given.constants, given.scratch, given.results, given.team
    potentials, averages = results.potentials[row], scratch.averages
    first, last = share_of(potentials.shape[0], 1, team)
    for p in range(first, last):
        averages[p] = total_of(potentials[p]) / np.float32(potentials.shape[1])
        if constants.pre_triangle and math.isfinite(averages[p]):
            averages[p] = rectified(potentials[p], averages[p])
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
