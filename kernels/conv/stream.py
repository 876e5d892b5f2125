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

Several threads may take a sample together: each calls `stream` with its own number in the team, and does a share of
the positions or of the neurons in every stage. They meet between stages. No sum is split among threads, and BLAS, which
runs on one thread, gets the same blocks of neurons for any number of threads, so the bits are the same.

Every function takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests that
compare with the textbook equation. Sums have a fixed order, except those inside BLAS.
"""

from numba import typeof
from numba.extending import register_jitable

from neurosim.kernels.compiled import compiled
from neurosim.kernels.conv import layout
from neurosim.kernels.conv.competition import compete, mean_potentials
from neurosim.kernels.conv.images import is_admitted, prepare
from neurosim.kernels.conv.learning import learn
from neurosim.kernels.conv.potentials import respond
from neurosim.kernels.conv.sending import send
from neurosim.kernels.conv.team import agree, mark, meet
from neurosim.kernels.conv.window import keep_potentials, keep_values, recall
from neurosim.kernels.shared.numbers import ONE
from neurosim.kernels.shared.system import write_begun


@register_jitable
def _is_refused(sample, constants, scratch, team):
    """Return whether a sample is not admitted; the first thread looks for all, as the caller's array may change."""
    refused = team.number == 0 and not is_admitted(sample, constants.negative, scratch.lanes)
    return agree(0 if refused else -1, team) >= 0


@register_jitable
def _compete(row, competes, constants, scratch, results, team):
    """Let neurons compete, or take mean potentials alone; return a neuron that is not finite, or -1."""
    potentials, averages = results.potentials[row], scratch.averages
    if competes:
        wins = team.wins[team.number]
        failed = compete(potentials, constants, averages, scratch, results.responses[row], wins, team)
    else:
        failed = mean_potentials(potentials, averages, scratch.lanes, team)
    return agree(failed, team)


@register_jitable
def _count_winners(n, competes, learns, state, results, team):
    """Add up what the threads have seen won, and write who won most; the first thread's work."""
    results.winners[n] = -1
    if not competes:
        return
    wins = team.wins[0]
    for other in range(1, team.size):
        for k in range(wins.size):
            wins[k] += team.wins[other, k]
    winner = 0
    for k in range(wins.size):
        winner = k if wins[k] > wins[winner] else winner
        if learns:
            state.wins[k] += wins[k]
    results.winners[n] = winner


@register_jitable
def _transmit(n, potentials, constants, scratch, results, team):
    """Write what the layer sends, if anybody reads it."""
    if results.outputs.size > 0:
        outputs = results.outputs[n % results.outputs.shape[0]]
        send(potentials, scratch.averages, constants, scratch, outputs, team)


@register_jitable
def _keep(n, pending, potentials, samples, state, team):
    """Put what is learned from a sample where its window waits for its end."""
    if team.number == 0:
        state.pending_modulators[pending] = samples.modulators[n] if samples.modulators.size > 0 else ONE
        state.counters[layout.PENDING] = pending + 1
    if state.pending_inputs.shape[0] > 1:
        keep_potentials(potentials, pending, state, team)


@register_jitable
def _learn_from_window(n, row, learned, product, constants, state, scratch, results, own, team, marks):
    """Learn from a full window; return a neuron that is not finite, or -1."""
    us = results.potentials[row]
    xs, ys = scratch.patches[: us.shape[0]], results.responses[row]
    if state.pending_inputs.shape[0] > 1:
        failed = recall(product, constants, state, scratch, team, marks)
        us = state.pending_potentials.reshape(scratch.patches.shape[0], us.shape[1])
        xs, ys = scratch.patches, scratch.responses
        mark(marks, team, n, layout.RECALLED)
        if failed >= 0:
            return failed
    else:
        meet(team)
    return learn(product, xs, us, ys, learned, constants, state, scratch, own, team, marks, n)


@compiled(nogil=True, _nrt=False)
def stream(samples, learning, constants, state, scratch, results, product, own, team, marks):
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
    own : int
        Address of the user's compiled rule, with the arguments of `hebb`, or 0.
    team : Team
        Every thread of a team calls this with the same arguments, except for its number and its private scratch.
    marks : Marks
        Where to write when each sample was taken up, and each stage done; the same for every thread.

    Returns
    -------
    done : int
        Samples taken: fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    window, first = state.pending_inputs.shape[0], team.number == 0
    learned, pending = state.counters[layout.SAMPLES], state.counters[layout.PENDING]
    measured, follows = (
        state.counters[layout.MEASURED],
        learning and constants.normalise in (layout.RUNNING, layout.WINDOW),
    )
    competes = learning or results.responses.size > 0
    if not meet(team):
        return 0, -1
    done, failed = 0, -1
    for n in range(samples.values.shape[0]):
        if first:
            write_begun(marks, n)
        mark(marks, team, n, layout.BEGUN)
        sample, row = samples.values[n], n % results.potentials.shape[0]
        if _is_refused(sample, constants, scratch, team):
            break
        potentials = results.potentials[row]
        patches = scratch.patches[: potentials.shape[0]]
        measured += follows
        prepare(sample, learning, measured, constants, state, scratch, team)
        respond(product, scratch.values, constants, state, scratch, patches, potentials, team, marks, n)
        if first and follows:
            state.counters[layout.MEASURED] = measured
        if learning and window > 1:
            keep_values(sample, pending, constants, state, scratch, team)
        meet(team)
        mark(marks, team, n, layout.INTEGRATED)
        failed = _compete(row, competes, constants, scratch, results, team)
        if failed >= 0:
            break
        learned += learning
        learns = learning and learned > constants.warm_up
        if first:
            _count_winners(n, competes, learns, state, results, team)
        mark(marks, team, n, layout.COMPETED)
        _transmit(n, potentials, constants, scratch, results, team)
        mark(marks, team, n, layout.TRANSMITTED)
        if first and learning:
            state.counters[layout.SAMPLES] = learned
            state.counters[layout.BLANKS] += not learns
        if learns:
            _keep(n, pending, potentials, samples, state, team)
            pending += 1
        if learns and pending == window:
            pending = 0
            failed = _learn_from_window(
                n, row, learned, product, constants, state, scratch, results, own, team, marks
            )  # fmt: skip
            if failed >= 0:
                break
            mark(marks, team, n, layout.LEARNED)
        done = n + 1
    meet(team)
    if first and done == samples.values.shape[0]:
        write_begun(marks, done)
    if first and learning:
        for other in range(team.size):
            state.counters[layout.FOLDS] += team.signals[other, layout.FOLDED]
    return done, failed


def loop(*arguments):
    """Return `stream` as compiled for arguments of these types: called directly, it does not look at types again."""
    return stream.compile(tuple(typeof(argument) for argument in arguments))
