"""What the rule says of each neuron at every position: growth, and what decay and overlap sum to."""

import math

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.conv.layout import EVENTS
from neurosim.kernels.conv.team import meet
from neurosim.kernels.shared.codes import BY_NORM, BY_WINS
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.rates import rate_by_time
from neurosim.kernels.shared.rules import SOFT_HEBB, decide, softhebb

NEGLIGIBLE = np.float32(1e-18)  # smaller growth is zero: its square is subnormal, which takes a hundred times as long


@register_jitable
def rate_of_neuron(rate, square, wins, constants):
    """Return a neuron's rate: by its squared norm, or by the positions it has won.

    Dense layers take a square root where the power is a half, which has other bits than a power of a half.
    """
    if constants.schedule == BY_NORM:
        return max(rate * abs(math.sqrt(square) - ONE) ** constants.rate_power, constants.rate_floor)
    if constants.schedule == BY_WINS:
        return max(rate * np.float32(ONE + np.float32(wins)) ** -constants.rate_power, constants.rate_floor)
    return rate


@register_jitable
def set_rates(samples, constants, state, rates, first, last):
    """Write the rates of neurons from first to last: by time, by their norms, or by the positions they have won."""
    rate = rate_by_time(constants, samples - 1)
    for k in range(first, last):
        rates[k] = rate_of_neuron(rate, state.norms[k], state.wins[k], constants)


@register_jitable
def count_events(responses, cutoff, counts, team, first, last):
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
    team.signals[team.number, EVENTS] = total
    meet(team)
    for other in range(team.size):
        total += team.signals[other, EVENTS] if other != team.number else 0
    return total


@register_jitable
def weighed(decay, grown, share):
    """Return a position's share of what the rule says: growth, and change of decay."""
    grown *= share
    return ZERO if abs(grown) <= NEGLIGIBLE else grown, share * (decay - ONE)


@register_jitable
def propose_steps(potentials, responses, modulators, constants, state, scratch, own, first, last):
    """Ask the rule for two numbers of each neuron from first to last at every position.

    Write growth, and what decay and overlap sum to.
    """
    changes, overlaps, rates = scratch.changes[first:last], scratch.overlaps[first:last], scratch.rates[first:last]
    positions, parameters, norms = constants.rows * constants.columns, constants.parameters, state.norms[first:last]
    changes[:], overlaps[:] = ZERO, ZERO
    for p in range(responses.shape[0]):
        share = modulators[p // positions] / np.float32(positions)
        u, y, c = potentials[p, first:last], responses[p, first:last], scratch.growth[p, first:last]
        if own is None and constants.rule == SOFT_HEBB:
            for k in range(rates.size):
                decay, grown = softhebb(u[k], y[k], ONE, ZERO, ZERO, rates[k], parameters)
                kept = share if abs(y[k]) >= constants.cutoff else ZERO
                c[k], change = weighed(decay, grown, kept)
                changes[k] += change
                overlaps[k] += c[k] * u[k]
            continue
        for k in range(rates.size):
            c[k] = ZERO
            if abs(y[k]) >= constants.cutoff:
                norm = math.sqrt(norms[k])
                decay, grown = decide(constants.rule, own, u[k], y[k], norm, ZERO, ZERO, rates[k], parameters)
                c[k], change = weighed(decay, grown, share)
                changes[k] += change
                overlaps[k] += c[k] * u[k]


@register_jitable
def _list_events(responses, cutoff, counts, starts, scratch):
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
def propose_singly(potentials, responses, modulators, constants, state, scratch, own, first, last):
    """Do what `propose_steps` does, where responses above the cutoff are few; event_values become what grows."""
    counts, rows, values, starts = scratch.counts, scratch.event_rows, scratch.event_values, scratch.starts
    positions, changes, overlaps = constants.rows * constants.columns, scratch.changes, scratch.overlaps
    _list_events(responses[:, first:last], constants.cutoff, counts[first:last], starts[first:last], scratch)
    j = 0
    for k in range(first, last):
        changes[k], overlaps[k], norm = ZERO, ZERO, math.sqrt(state.norms[k])
        for _ in range(counts[k]):
            p, y = rows[j], values[j]
            u, part = potentials[p, k], modulators[p // positions] / np.float32(positions)
            decay, grown = decide(constants.rule, own, u, y, norm, ZERO, ZERO, scratch.rates[k], constants.parameters)
            values[j], change = weighed(decay, grown, part)
            changes[k] += change
            overlaps[k] += values[j] * u
            j += 1


@register_jitable
def within_cap(change, cap):
    """Return what a step is multiplied by, so that its decay keeps the cap."""
    change = abs(change)
    return cap / change if change > cap else ONE


@register_jitable
def bound_steps(constants, scratch, first, last):
    """Write into rates what the steps of neurons from first to last are multiplied by, so that decay keeps the cap."""
    for k in range(first, last):
        scratch.rates[k] = within_cap(scratch.changes[k], constants.cap)
