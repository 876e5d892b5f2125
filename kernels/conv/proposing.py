"""What the rule says of each neuron at every position: growth, and what decay and overlap sum to."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.blas import block_size
from neurosim.kernels.conv.layout import EVENTS, LARGEST
from neurosim.kernels.conv.team import meet, share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.codes import BY_NORM, BY_WINS
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.rates import rate_by_time
from neurosim.kernels.shared.rules import decide, softhebb
from neurosim.kernels.shared.slices import between

NEGLIGIBLE = np.float32(1e-18)  # smaller growth is zero: its square is subnormal, which takes a hundred times as long


@cell
def rate_of_neuron(rate, square, wins, constants):
    """Return a neuron's rate: by its squared norm, or by the positions it has won.

    Dense layers take a square root where the power is a half, which has other bits than a power of a half.
    """
    if constants.schedule == BY_NORM:
        return max(rate * abs(math.sqrt(square) - ONE) ** constants.rate_power, constants.rate_floor)
    if constants.schedule == BY_WINS:
        return max(rate * np.float32(ONE + np.float32(wins)) ** -constants.rate_power, constants.rate_floor)
    return rate


@compiled(_nrt=False, no_cpython_wrapper=True)
def count_events(address, kind, samples, row, _unused, _also):
    """Set the rates of a thread's neurons; return how many responses of all neurons are above the cutoff.

    A step that is sized by its largest change is asked for with a rate of one, and its rate waits in `squares`.
    """
    given = kept_at(address, kind)
    constants, state, scratch, team = given.constants, given.state, given.scratch, given.team
    neurons, rates, waits = state.norms.size, scratch.rates, constants.step == LARGEST
    first, last = share_of(neurons, block_size(neurons), team)
    rate = rate_by_time(constants, samples - 1)
    for k in range(first, last):
        own_rate = rate_of_neuron(rate, state.norms[k], state.wins[k], constants)
        scratch.squares[k], rates[k] = own_rate, ONE if waits else own_rate
    if not constants.cutoff > ZERO:
        return scratch.growth.size
    responses = scratch.responses if state.pending_inputs.shape[0] > 1 else given.results.responses[row]
    mine = between(scratch.counts, first, last)
    mine[:] = 0
    for p in range(responses.shape[0]):
        y = between(responses[p], first, last)
        for k in range(y.size):
            mine[k] += abs(y[k]) >= constants.cutoff
    total = 0
    for k in range(mine.size):
        total += mine[k]
    team.signals[team.number, EVENTS] = total
    meet(team)
    for other in range(team.size):
        total += team.signals[other, EVENTS] if other != team.number else 0
    return total


@cell
def weighed(decay, grown, share):
    """Return a position's share of what the rule says: growth, and change of decay."""
    grown *= share
    return ZERO if abs(grown) <= NEGLIGIBLE else grown, share * (decay - ONE)


@cell
def _first_wild(changes, overlaps, first, last):
    """Return the first neuron whose step is not finite, or -1."""
    for k in range(first, last):  # a maximum and a comparison may pass over what is no number
        if not math.isfinite(changes[k] + overlaps[k]):
            return k
    return -1


@compiled(_nrt=False, no_cpython_wrapper=True)
def propose(address, kind, row, _unused, _also, _too):
    """Ask SoftHebb for two numbers of each of a thread's neurons at every position.

    Write growth, and what decay and overlap sum to. Return a neuron whose step is not finite, or -1.
    """
    given = kept_at(address, kind)
    constants, state, scratch, results = given.constants, given.state, given.scratch, given.results
    window, neurons, parameters = state.pending_inputs.shape[0], state.norms.size, constants.parameters
    first, last = share_of(neurons, block_size(neurons), given.team)
    potentials = state.pending_potentials if window > 1 else between(results.potentials, row, row + 1)
    responses = scratch.responses if window > 1 else results.responses[row]
    changes, overlaps = between(scratch.changes, first, last), between(scratch.overlaps, first, last)
    rates = between(scratch.rates, first, last)
    changes[:], overlaps[:] = ZERO, ZERO
    positions, cutoff = potentials.shape[1], constants.cutoff
    for p in range(responses.shape[0]):
        share = state.pending_modulators[p // positions] / np.float32(positions)
        u = between(potentials[p // positions, p % positions], first, last)
        y, c = between(responses[p], first, last), between(scratch.growth[p], first, last)
        for k in range(rates.size):
            decay, grown = softhebb(u[k], y[k], ONE, ZERO, ZERO, rates[k], parameters)
            c[k], change = weighed(decay, grown, share if abs(y[k]) >= cutoff else ZERO)
            changes[k] += change
            overlaps[k] += c[k] * u[k]
    return _first_wild(scratch.changes, scratch.overlaps, first, last)


@compiled(_nrt=False, no_cpython_wrapper=True)
def propose_by_rule(address, kind, row, _unused, _also, _too):
    """Do what `propose` does, by any rule."""
    given = kept_at(address, kind)
    constants, state, scratch, results = given.constants, given.state, given.scratch, given.results
    window, neurons, parameters = state.pending_inputs.shape[0], state.norms.size, constants.parameters
    first, last = share_of(neurons, block_size(neurons), given.team)
    potentials = state.pending_potentials if window > 1 else between(results.potentials, row, row + 1)
    responses = scratch.responses if window > 1 else results.responses[row]
    changes, overlaps, growth = scratch.changes, scratch.overlaps, scratch.growth
    changes[first:last], overlaps[first:last] = ZERO, ZERO
    positions = potentials.shape[1]
    for p in range(responses.shape[0]):
        share = state.pending_modulators[p // positions] / np.float32(positions)
        for k in range(first, last):
            growth[p, k], y = ZERO, responses[p, k]
            if abs(y) >= constants.cutoff:
                u, norm = potentials[p // positions, p % positions, k], math.sqrt(state.norms[k])
                decay, grown = decide(
                    constants.rule, given.own.rule, u, y, norm, ZERO, ZERO, scratch.rates[k], parameters
                )  # fmt: skip
                growth[p, k], change = weighed(decay, grown, share)
                changes[k] += change
                overlaps[k] += growth[p, k] * u
    return _first_wild(changes, overlaps, first, last)


@cell
def _list_events(responses, cutoff, counts, starts, rows, values, begin, end):
    """Sort responses above the cutoff by neuron, from begin to end: their positions, in order, and how large.

    Counts are there already.
    """
    first = 0
    for k in range(begin, end):
        starts[k] = first
        first += counts[k]
    for p in range(responses.shape[0]):
        y = responses[p]
        for k in range(begin, end):
            if abs(y[k]) >= cutoff:
                place = starts[k]
                rows[place], values[place] = p, y[k]
                starts[k] = place + 1


@compiled(_nrt=False, no_cpython_wrapper=True)
def propose_singly(address, kind, row, _unused, _also, _too):
    """Do what `propose` does, where responses above the cutoff are few; event_values become what grows."""
    given = kept_at(address, kind)
    constants, state, scratch, results = given.constants, given.state, given.scratch, given.results
    window, neurons, parameters = state.pending_inputs.shape[0], state.norms.size, constants.parameters
    first, last = share_of(neurons, block_size(neurons), given.team)
    potentials = state.pending_potentials if window > 1 else between(results.potentials, row, row + 1)
    responses = scratch.responses if window > 1 else results.responses[row]
    counts, rows, values = scratch.counts, scratch.event_rows, scratch.event_values
    _list_events(responses, constants.cutoff, counts, scratch.starts, rows, values, first, last)
    changes, overlaps, positions, j = scratch.changes, scratch.overlaps, potentials.shape[1], 0
    for k in range(first, last):
        changes[k], overlaps[k], norm = ZERO, ZERO, math.sqrt(state.norms[k])
        for _ in range(counts[k]):
            p, y = rows[j], values[j]
            share = state.pending_modulators[p // positions] / np.float32(positions)
            u = potentials[p // positions, p % positions, k]
            decay, grown = decide(constants.rule, given.own.rule, u, y, norm, ZERO, ZERO, scratch.rates[k], parameters)
            values[j], change = weighed(decay, grown, share)
            changes[k] += change
            overlaps[k] += values[j] * u
            j += 1
    return _first_wild(changes, overlaps, first, last)


@cell
def within_cap(change, cap):
    """Return what a step is multiplied by, so that its decay keeps the cap."""
    change = abs(change)
    return cap / change if change > cap else ONE
