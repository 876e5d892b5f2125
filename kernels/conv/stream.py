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

from neurosim.kernels.compiled import compiled
from neurosim.kernels.conv import layout
from neurosim.kernels.conv.apart import compiled_for, needed
from neurosim.kernels.conv.team import agree, mark, meet
from neurosim.kernels.shared.arguments import kept_at, size_of_arguments, write_arguments
from neurosim.kernels.shared.by_address import call
from neurosim.kernels.shared.numbers import ONE
from neurosim.kernels.shared.system import write_begun


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
    learning, counters, team, marks, stages = (
        given.learning,
        given.state.counters,
        given.team,
        given.marks,
        given.stages,
    )
    window, first, count = given.state.pending_inputs.shape[0], team.number == 0, given.samples.values.shape[0]
    learned, pending, measured = counters[layout.SAMPLES], counters[layout.PENDING], counters[layout.MEASURED]
    follows = learning and given.constants.normalise in (layout.RUNNING, layout.WINDOW)
    if not meet(team):
        return 0, -1
    done, failed = 0, -1
    for n in range(count):
        if first:
            write_begun(marks, n)
        mark(marks, team, n, layout.BEGUN)
        row = n % given.results.potentials.shape[0]
        # The first thread looks for all, as the caller's array may change.
        if agree(call(stages.admit, address, kind, n, 0, 0, 0) if first else -1, team) >= 0:
            break
        measured += follows
        call(stages.prepare, address, kind, n, measured, 0, 0)
        meet(team)
        mark(marks, team, n, layout.NORMALISED)
        call(stages.cut_patches, address, kind, -1, 0, 0, 0)
        meet(team)
        mark(marks, team, n, layout.PATCHED)
        call(stages.integrate, address, kind, row, -1, 0, 0)
        if first and follows:
            counters[layout.MEASURED] = measured
        if stages.keep_values != 0:
            call(stages.keep_values, address, kind, n, pending, 0, 0)
        meet(team)
        mark(marks, team, n, layout.INTEGRATED)
        failed = agree(call(stages.compete, address, kind, row, -1, 0, 0), team)
        if failed >= 0:
            break
        learned += learning
        learns = learning and learned > given.constants.warm_up
        if first:
            given.results.winners[n] = -1
            if stages.count_winners != 0:
                call(stages.count_winners, address, kind, n, learns, 0, 0)
        mark(marks, team, n, layout.COMPETED)
        if stages.send != 0:
            call(stages.send, address, kind, n, row, 0, 0)
        mark(marks, team, n, layout.TRANSMITTED)
        if first and learning:
            counters[layout.SAMPLES] = learned
            counters[layout.BLANKS] += not learns
        if not learns:
            done = n + 1
            continue
        if first:
            modulators = given.samples.modulators
            given.state.pending_modulators[pending] = modulators[n] if modulators.size > 0 else ONE
            counters[layout.PENDING] = pending + 1
        if stages.keep_potentials != 0:
            call(stages.keep_potentials, address, kind, row, pending, 0, 0)
        pending += 1
        if pending == window:
            pending = 0
            failed = call(stages.learn, address, kind, n, row, learned, 0)
            if failed >= 0:
                break
            mark(marks, team, n, layout.LEARNED)
        done = n + 1
    meet(team)
    if first and done == count:
        write_begun(marks, done)
    if first and learning:
        for other in range(team.size):
            counters[layout.FOLDS] += team.signals[other, layout.FOLDED]
    return done, failed


def bound(*arguments):
    """Return `stream` as compiled for these arguments, its two arguments (address and kind), and the memory they name.

    Calling it reads what the arrays hold at that moment. The arrays and the returned memory must outlive the function.
    """
    whole = layout.Arguments(*arguments)
    kind, memory = typeof(whole), np.zeros(size_of_arguments(whole), np.uint8)
    write_arguments(memory.ctypes.data, whole._replace(stages=compiled_for(kind, needed(whole))))
    return stream.compile((types.intp, types.TypeRef(kind))), memory.ctypes.data, kind, memory


def loop(*arguments):
    """Return `stream` as compiled for arguments of these types, as a function of such arguments."""
    whole = layout.Arguments(*arguments)
    kind, size = typeof(whole), size_of_arguments(whole)
    put, run = write_arguments.compile((types.intp, kind)), stream.compile((types.intp, types.TypeRef(kind)))
    entries = {needed(whole): compiled_for(kind, needed(whole))}  # a look-up without the types, which take long

    def take(*arguments):
        whole = layout.Arguments(*arguments)
        stages = needed(whole)
        if stages not in entries:
            entries[stages] = compiled_for(kind, stages)
        memory = np.empty(size, np.uint8)
        address = memory.__array_interface__["data"][0]
        put(address, whole._replace(stages=entries[stages]))
        return run(address, kind)

    return take
