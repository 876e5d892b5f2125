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

from numba import typeof
from numba.extending import register_jitable

from neurosim.kernels.compiled import compiled
from neurosim.kernels.conv.blas import block_size
from neurosim.kernels.conv.competition import compete, mean_potentials
from neurosim.kernels.conv.growing import grow_densely, grow_in_place, grow_singly
from neurosim.kernels.conv.images import cut_patches, is_admitted, normalise, prepare, statistics
from neurosim.kernels.conv.layout import (
    BEGUN,
    BLANKS,
    CAPPED,
    COMPETED,
    FEW,
    FOLDED,
    FOLDS,
    GRAIN,
    INTEGRATED,
    LARGEST,
    LEARNED,
    MEASURED,
    NORMALISED,
    PATCHED,
    PENDING,
    PROPOSED,
    RECALLED,
    RUNNING,
    SAMPLES,
    TRANSMITTED,
    UPDATES,
    WINDOW,
    WRITES,
)
from neurosim.kernels.conv.potentials import integrate
from neurosim.kernels.conv.proposing import bound_steps, count_events, propose_singly, propose_steps, set_rates
from neurosim.kernels.conv.sending import send
from neurosim.kernels.conv.team import agree, mark, meet, share_of
from neurosim.kernels.shared.numbers import ONE
from neurosim.kernels.shared.softmax import copy_into


@register_jitable
def _learn(
    product, patches, potentials, responses, modulators, samples, constants, state, scratch, own, team, marks, n
):
    """Apply a full window; return a neuron whose step or norm is not finite, or -1."""
    first, last = share_of(potentials.shape[1], block_size(potentials.shape[1]), team)
    set_rates(samples, constants, state, scratch.rates, first, last)
    events = count_events(responses, constants.cutoff, scratch.counts, team, first, last)
    singly = constants.step == CAPPED and events * FEW < responses.size
    if constants.step == LARGEST:
        copy_into(scratch.rates[first:last], scratch.squares[first:])
        scratch.rates[first:last] = ONE
    if singly:
        propose_singly(potentials, responses, modulators, constants, state, scratch, own, first, last)
    else:
        propose_steps(potentials, responses, modulators, constants, state, scratch, own, first, last)
    failed = -1
    for k in range(first, last):  # a maximum and a comparison may pass over what is no number
        if failed < 0 and not math.isfinite(scratch.changes[k] + scratch.overlaps[k]):
            failed = k
    failed = agree(failed, team)
    if team.number == 0:
        state.counters[PENDING] = 0
        state.counters[UPDATES] += 1
        state.counters[WRITES] += events
    if failed >= 0:
        return failed
    mark(marks, team, n, PROPOSED)
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
    for k in range(first, last):
        if failed < 0 and not math.isfinite(state.norms[k]):
            failed = k
    return agree(failed, team)


@register_jitable
def _respond(product, values, constants, state, scratch, patches, potentials, team, marks, n):
    """Write an image's patches, and the potentials of a thread's neurons at every position."""
    meet(team)
    mark(marks, team, n, NORMALISED)
    cut_patches(values, constants, scratch.image, patches, team)
    meet(team)
    mark(marks, team, n, PATCHED)
    first, last = share_of(potentials.shape[1], block_size(potentials.shape[1]), team)
    integrate(product, patches, state, scratch, potentials, first, last)


@register_jitable
def _gather(product, constants, state, scratch, team):
    """Bring back a window's patches, potentials and responses; return a neuron whose drive is not finite, or -1."""
    window, positions = state.pending_inputs.shape[0], constants.rows * constants.columns
    by_window = constants.normalise == WINDOW
    first, last = share_of(constants.channels, 1, team)
    meet(team)
    if by_window:
        statistics(state.pending_inputs, scratch.means, scratch.variances, scratch.lanes, first, last)
    for n in range(window):
        rows = slice(n * positions, (n + 1) * positions)
        potentials, patches = state.pending_potentials[n], scratch.patches[rows]
        if by_window:
            normalise(state.pending_inputs[n], scratch.means, scratch.variances, scratch.values, first, last)
            _respond(product, scratch.values, constants, state, scratch, patches, potentials, team, None, n)
        else:
            cut_patches(state.pending_inputs[n], constants, scratch.image, patches, team)
        meet(team)
        wins = team.wins[team.number]
        failed = compete(potentials, constants, scratch.averages, scratch, scratch.responses[rows], wins, team)
        failed = agree(failed, team)
        if failed >= 0:
            return failed
    return -1


@register_jitable
def _keep_values(sample, place, constants, state, scratch, team):
    """Put a thread's share of an image where a window waits for its end; the next image must not be prepared yet."""
    first, last = share_of(sample.size, GRAIN, team)
    source = sample if constants.normalise == WINDOW else scratch.values
    copy_into(source[first:last], state.pending_inputs[place, first:])


@register_jitable
def _keep_potentials(potentials, place, state, team):
    """Put potentials of a thread's positions where a window waits for its end."""
    first, last = share_of(potentials.shape[0], 1, team)
    for p in range(first, last):
        copy_into(potentials[p], state.pending_potentials[place, p])


@register_jitable
def _count_winners(learned, results, n, state, team):
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


@compiled(nogil=True, _nrt=False)
def stream(samples, learning, constants, state, scratch, results, product, own, team, marks=None):
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
    if not meet(team):
        return 0, -1
    done, failed = 0, -1
    for n in range(samples.values.shape[0]):
        mark(marks, team, n, BEGUN)
        sample = samples.values[n]
        refused = 0 if first and not is_admitted(sample, constants.negative, scratch.lanes) else -1
        if agree(refused, team) >= 0:  # one looks for all: the caller's array might change meanwhile
            break
        row = n % results.potentials.shape[0]
        potentials = results.potentials[row]
        patches = scratch.patches[: potentials.shape[0]]
        measured += follows
        prepare(sample, learning, measured, constants, state, scratch, team)
        _respond(product, scratch.values, constants, state, scratch, patches, potentials, team, marks, n)
        if first and follows:
            state.counters[MEASURED] = measured
        if learning and window > 1:
            _keep_values(sample, pending, constants, state, scratch, team)
        meet(team)
        mark(marks, team, n, INTEGRATED)
        competes = learning or results.responses.size > 0
        if competes:
            responses, wins = results.responses[row], team.wins[team.number]
            failed = compete(potentials, constants, scratch.averages, scratch, responses, wins, team)
        else:
            failed = mean_potentials(potentials, scratch.averages, scratch.lanes, team)
        failed = agree(failed, team)
        if failed >= 0:
            break
        learned += learning
        learns = learning and learned > constants.warm_up
        if first:
            results.winners[n] = -1
            if competes:
                _count_winners(learns, results, n, state, team)
        mark(marks, team, n, COMPETED)
        if results.outputs.size > 0:
            outputs = results.outputs[n % results.outputs.shape[0]]
            send(potentials, scratch.averages, constants, scratch, outputs, team)
        mark(marks, team, n, TRANSMITTED)
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
                mark(marks, team, n, RECALLED)
            else:
                meet(team)
                us, xs, ys = potentials, patches, results.responses[row]
            if failed < 0:
                failed = _learn(product, xs, us, ys, state.pending_modulators, learned, constants, state, scratch,
                                own, team, marks, n)  # fmt: skip
            if failed >= 0:
                break
            mark(marks, team, n, LEARNED)
        done = n + 1
    meet(team)
    if first and learning:
        for other in range(team.size):
            state.counters[FOLDS] += team.board[other, FOLDED]
    return done, failed


def loop(*arguments):
    """Return `stream` as compiled for arguments of these types: called directly, it does not look at types again."""
    return stream.compile(tuple(typeof(argument) for argument in arguments))
