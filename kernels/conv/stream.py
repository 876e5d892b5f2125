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

import numpy as np
from numba import typeof, types

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv import layout
from neurosim.kernels.conv.apart import compiled_for, needed
from neurosim.kernels.conv.team import agree, mark, meet
from neurosim.kernels.shared.arguments import kept_at, size_of_arguments, write_arguments
from neurosim.kernels.shared.by_address import Own as Own
from neurosim.kernels.shared.by_address import call
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.system import write_begun


@cell
def _begin(n, given):
    """Meet for a sample, and write down when it is taken up, if anybody asks."""
    if given.team.number == 0:
        write_begun(given.marks, n)
    mark(given.marks, given.team, n, layout.BEGUN)


@cell
def _is_refused(n, given, address, kind):
    """Return whether a sample is not admitted; the first thread looks for all, as the caller's array may change."""
    failed = call(given.stages.admit, address, kind, n, 0, 0, 0) if given.team.number == 0 else -1
    return agree(failed, given.team) >= 0


@cell
def _integrate(n, row, measured, pending, given, address, kind):
    """Write a sample's potentials, and keep what its window needs of it."""
    team, marks, stages = given.team, given.marks, given.stages
    call(stages.prepare, address, kind, n, measured, 0, 0)
    meet(team)
    mark(marks, team, n, layout.NORMALISED)
    call(stages.cut_patches, address, kind, -1, 0, 0, 0)
    meet(team)
    mark(marks, team, n, layout.PATCHED)
    call(stages.integrate, address, kind, row, -1, 0, 0)
    if team.number == 0 and given.learning:
        given.state.counters[layout.MEASURED] = measured
    if stages.keep_values != 0:
        call(stages.keep_values, address, kind, n, pending, 0, 0)
    meet(team)
    mark(marks, team, n, layout.INTEGRATED)


@cell
def _compete(n, row, learns, given, address, kind):
    """Write responses, who won, and what is sent, if anybody reads it; return a neuron that is not finite, or -1."""
    team, marks, stages = given.team, given.marks, given.stages
    failed = agree(call(stages.compete, address, kind, row, -1, 0, 0), team)
    if failed >= 0:
        return failed
    if team.number == 0:
        given.results.winners[n] = -1
        if stages.count_winners != 0:
            call(stages.count_winners, address, kind, n, learns, 0, 0)
    mark(marks, team, n, layout.COMPETED)
    if stages.send != 0:
        call(stages.send, address, kind, n, row, -1, 0)
    mark(marks, team, n, layout.TRANSMITTED)
    return -1


@cell
def _learn(n, row, learned, pending, given, address, kind):
    """Put a sample where its window waits for its end, and learn if this is it; return a wild neuron, or -1."""
    team, stages, modulators = given.team, given.stages, given.samples.modulators
    if team.number == 0:
        given.state.pending_modulators[pending] = modulators[n] if modulators.size > 0 else ONE
        given.state.counters[layout.PENDING] = pending + 1
    if stages.count_for_bias != 0:
        call(stages.count_for_bias, address, kind, row, 0, 0, 0)
    if stages.keep_potentials != 0:
        call(stages.keep_potentials, address, kind, row, pending, 0, 0)
    if pending + 1 < given.state.pending_inputs.shape[0]:
        return -1
    failed = call(stages.learn, address, kind, n, row, learned, 0)
    if failed < 0:
        mark(given.marks, team, n, layout.LEARNED)
    return failed


@cell
def _end(done, given):
    """Meet for the last time, and add up what the threads have counted."""
    meet(given.team)
    if given.team.number > 0:
        return
    if done == given.samples.values.shape[0]:
        write_begun(given.marks, done)
    if given.learning:
        for other in range(given.team.size):
            given.state.counters[layout.FOLDS] += given.team.signals[other, layout.FOLDED]


@compiled(nogil=True, _nrt=False)
def stream(address, kind):
    """Take images through the layer one by one, learning from each in turn if `learning`.

    Parameters
    ----------
    address : int
        Of `Arguments` in memory.
    kind : tuple type
        The type of the arguments.

    Returns
    -------
    done : int
        Samples taken: fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    given = kept_at(address, kind)
    learning, counters, window = given.learning, given.state.counters, given.state.pending_inputs.shape[0]
    learned, pending, measured = counters[layout.SAMPLES], counters[layout.PENDING], counters[layout.MEASURED]
    follows = given.constants.normalise in (layout.RUNNING, layout.WINDOW) and given.constants.momentum == ZERO
    if not meet(given.team):
        return 0, -1
    done, failed = 0, -1
    for n in range(given.samples.values.shape[0]):
        row = n % given.results.potentials.shape[0]
        _begin(n, given)
        if _is_refused(n, given, address, kind):
            break
        measured += learning and follows
        _integrate(n, row, measured, pending, given, address, kind)
        learned += learning
        learns = learning and learned > given.constants.warm_up
        failed = _compete(n, row, learns, given, address, kind)
        if failed >= 0:
            break
        if given.team.number == 0 and learning:
            counters[layout.SAMPLES] = learned
            counters[layout.BLANKS] += not learns
        if learns:
            failed = _learn(n, row, learned, pending, given, address, kind)
            if failed >= 0:
                break
            pending = (pending + 1) % window
        done = n + 1
    _end(done, given)
    return done, failed


def kind_of(*arguments):
    """Return the type of what `stream` takes; to look at a hundred arrays takes as long as many small images."""
    return typeof(layout.Arguments(*arguments))


def bound(kind, *arguments):
    """Return `stream` as compiled for arguments of a kind, the address of these ones, and the memory that they lie in.

    The function takes the address and the kind. Calling it reads what the arrays hold at that moment. The arrays and
    the returned memory must outlive the function.
    """
    whole, memory = layout.Arguments(*arguments), np.zeros(size_of_arguments(kind), np.uint8)
    address = memory.__array_interface__["data"][0]
    stages = compiled_for(kind, needed(whole))
    write_arguments.compile((types.intp, kind))(address, whole._replace(stages=stages))
    return stream.compile((types.intp, types.TypeRef(kind))), address, memory


def loop(*arguments):
    """Return `stream` as compiled for arguments of these types, as a function of such arguments."""
    kind, asked = kind_of(*arguments), needed(layout.Arguments(*arguments))
    size, entries = size_of_arguments(kind), {asked: compiled_for(kind, asked)}
    put, run = write_arguments.compile((types.intp, kind)), stream.compile((types.intp, types.TypeRef(kind)))

    def take(*arguments):
        whole = layout.Arguments(*arguments)
        asked = needed(whole)
        if asked not in entries:
            entries[asked] = compiled_for(kind, asked)
        memory = np.empty(size, np.uint8)
        address = memory.__array_interface__["data"][0]
        put(address, whole._replace(stages=entries[asked]))
        return run(address, kind)

    return take
