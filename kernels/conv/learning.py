"""Learning from a full window: the rule asked at every position, and the steps that it proposes applied."""

import math

from numba.extending import register_jitable

from neurosim.kernels.conv.blas import block_size
from neurosim.kernels.conv.growing import grow_densely, grow_in_place, grow_singly
from neurosim.kernels.conv.layout import CAPPED, FEW, LARGEST, PENDING, PROPOSED, UPDATES, WRITES
from neurosim.kernels.conv.proposing import bound_steps, count_events, propose_singly, propose_steps, set_rates
from neurosim.kernels.conv.team import agree, mark, share_of
from neurosim.kernels.shared.numbers import ONE
from neurosim.kernels.shared.softmax import copy_into


@register_jitable
def learn(product, patches, potentials, responses, samples, constants, state, scratch, own, team, marks, n):
    """Apply a full window; return a neuron whose step or norm is not finite, or -1."""
    first, last = share_of(potentials.shape[1], block_size(potentials.shape[1]), team)
    set_rates(samples, constants, state, scratch.rates, first, last)
    events = count_events(responses, constants.cutoff, scratch.counts, team, first, last)
    singly = constants.step == CAPPED and events * FEW < responses.size
    _propose(singly, potentials, responses, constants, state, scratch, own, first, last)
    failed = agree(_wild_step(scratch.changes, scratch.overlaps, first, last), team)
    if team.number == 0:
        state.counters[PENDING] = 0
        state.counters[UPDATES] += 1
        state.counters[WRITES] += events
    if failed >= 0:
        return failed
    mark(marks, team, n, PROPOSED)
    _grow(singly, product, patches, constants, state, scratch, team, first, last, marks, n)
    return agree(_wild_norm(state.norms, first, last), team)


@register_jitable
def _propose(singly, potentials, responses, constants, state, scratch, own, first, last):
    """Ask the rule; of a step that is sized by its largest change it is asked with a rate of one, as the rate waits."""
    modulators = state.pending_modulators
    if constants.step == LARGEST:
        copy_into(scratch.rates[first:last], scratch.squares[first:])
        scratch.rates[first:last] = ONE
    if singly:
        propose_singly(potentials, responses, modulators, constants, state, scratch, own, first, last)
    else:
        propose_steps(potentials, responses, modulators, constants, state, scratch, own, first, last)


@register_jitable
def _grow(singly, product, patches, constants, state, scratch, team, first, last, marks, n):
    """Size the steps, and apply them: one response at a time, in place, or by a product of their own."""
    if constants.step == LARGEST:
        copy_into(scratch.squares[first:last], scratch.rates[first:])
    else:
        bound_steps(constants, scratch, first, last)
    if singly:
        grow_singly(patches, constants, state, scratch, first, last)
    elif scratch.gram.size > 0:
        grow_in_place(product, patches, constants, state, scratch, team, first, last, marks, n)
    else:
        grow_densely(product, patches, constants, state, scratch, team, first, last, marks, n)


@register_jitable
def _wild_step(changes, overlaps, first, last):
    """Return the first neuron whose step is not finite, or -1."""
    for k in range(first, last):  # a maximum and a comparison may pass over what is no number
        if not math.isfinite(changes[k] + overlaps[k]):
            return k
    return -1


@register_jitable
def _wild_norm(norms, first, last):
    """Return the first neuron whose norm is not finite, or -1."""
    for k in range(first, last):
        if not math.isfinite(norms[k]):
            return k
    return -1
