r"""A dense layer: integrate, compete, learn, transmit, one sample after another.

.. math::

    u_k = \sum_i w_{ki} x_i, \qquad
    y = \mathrm{compete}(f(u) + b), \qquad
    w_k \leftarrow a_k w_k + c_k x, \qquad
    (a_k, c_k) = \mathrm{rule}(u_k, y_k, \|w_k\|, \ldots)

The weights are kept as :math:`w_{ki} = s_k v_{ik}`: decay touches the scale :math:`s_k` alone, growth touches
:math:`v_{ik}` of the active inputs alone, and the squared norm follows in three products,
:math:`\|w'\|^2 = a^2 \|w\|^2 + 2 a c u + c^2 \|x\|^2`. A sample costs active inputs x neurons, not inputs x neurons.
Some features have no such form and cost inputs x neurons: potentials with another norm, eligibility traces, steps
divided by their largest change, and Sanger's rule; their functions say so.
With synapses of few bits :math:`v_{ik}` is a whole number, and growth is rounded.

Every function here takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests
that compare with the textbook equation. Sums have a fixed order, so equal input gives equal bits.
"""

import math

import numpy as np
from numba import typeof, types

from neurosim.kernels.compiled import cell, compiled, inlined
from neurosim.kernels.dense import layout
from neurosim.kernels.dense.apart import stages_of
from neurosim.kernels.dense.competition import activate, compete_softly
from neurosim.kernels.dense.inputs import take_in
from neurosim.kernels.dense.learning import learn, pass_time
from neurosim.kernels.dense.potentials import integrate
from neurosim.kernels.dense.tallies import has_zeros
from neurosim.kernels.dense.team import sum_share, wait_for_new_epoch
from neurosim.kernels.dense.temperature import sharpness_of
from neurosim.kernels.dense.window import full_window, keep, memory_of_inputs
from neurosim.kernels.shared import own_competition
from neurosim.kernels.shared.arguments import arguments_at, size_of_arguments, write_arguments
from neurosim.kernels.shared.by_address import Own as Own
from neurosim.kernels.shared.by_address import call
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.system import store_release, write_begun, write_moment


@cell
def _mark(marks, n, stage):
    """Write down when a stage of sample n was done, if anybody asks."""
    if marks.moments.size > 0:
        write_moment(marks, n, stage)


@cell
def _begin(marks, n):
    """Write down when sample n was taken up, if anybody asks."""
    write_begun(marks, n)
    _mark(marks, n, layout.BEGUN)


@cell
def _moved_mean(mean, count, known):
    """Return PACE times the running mean of a count; the first count, before which no mean is known, stands for it."""
    return mean + count - mean // layout.PACE if known else layout.PACE * count


@inlined
def _integrate(row, size, mean_written, values, active, state, results, stages, address, kind):
    """Write the potentials of a sample that was taken in."""
    if stages.integrate != 0:
        call(stages.integrate, address, kind, row, size, mean_written, 0)
    else:
        integrate(values, active, size, state.synapses, state.scales, results.potentials[row])


@inlined
def _compete(n, row, label, constants, state, scratch, results, stages, address, kind):
    """Write the responses; return the winner."""
    drive = results.potentials[row]
    if stages.convert != 0:
        call(stages.convert, address, kind, row, 0, 0, 0)
        drive = scratch.drive
    if stages.compete != 0:
        return call(stages.compete, address, kind, row, label, n, 0)
    sharpness = sharpness_of(results.potentials[row], constants, state)
    return compete_softly(drive, sharpness, scratch.lanes, results.responses[row])


@inlined
def _transmit(n, potentials, constants, scratch, results):
    """Write what the layer sends, if anybody reads it."""
    if results.outputs.size > 0:
        outputs = results.outputs[n % results.outputs.shape[0]]
        activate(potentials, constants.transmit, constants.exponent, scratch.lanes, outputs)


@inlined
def _tally_inputs(n, size, ahead, zeros, constants, stages, address, kind):
    """Count a sample's events; `ahead` is the first sample looked ahead at, or -1."""
    call(stages.tally_inputs, address, kind, n, size, ahead, zeros or constants.highest > ZERO)


@inlined
def _count_before(row, zeros, state, stages, address, kind):
    """Return how often neurons were written, and whole ones, before a sample; where some are zeros, note which."""
    if zeros:
        call(stages.tally_live, address, kind, row, 0, 0, 0)
    return state.counters[layout.WRITES], state.counters[layout.FOLDS]


# Without Numba's reference counts: nothing is allocated here, and counting references to all arrays of State and
# Scratch at every call takes as long as a small layer's whole sample.
@compiled(nogil=True, _nrt=False)
def stream(address, kind):
    """Take samples through the layer one by one, learning from each in turn if `learning`.

    Parameters
    ----------
    address : int
        Of nine arguments in memory: `Samples`; whether to learn (if not, the state is not written); `Constants`;
        `State`; `Scratch`; `Results`; `Own`; `Marks`; `Stages`.
    kind : tuple type
        The types of the nine.

    Returns
    -------
    done : int
        Samples taken: fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1. Where the user's competition
        is to blame, as `own_competition.blamed` has it.
    """
    samples, learning, constants, state, scratch, results, own, marks, stages = arguments_at(address, kind)
    counts = results.tallies.size > 0
    zeros = counts and constants.highest == ZERO and has_zeros(results.live, state.scales.size)
    looks = stages.sum_next != 0 and samples.values.shape[0] > 1
    first, end, copied, mean_active, mean_written = 0, 0, 0, 0, -1  # of samples looked ahead at; PACE times means
    for n in range(samples.values.shape[0]):
        _begin(marks, n)
        values, active = memory_of_inputs(learning, state, scratch)
        if n >= end:
            first, copied = n, 0
            end = call(stages.sum_next, address, kind, n, mean_active, mean_written, 0) if looks else n
        label = samples.labels[n] if learning and samples.labels.size > 0 else -1
        row = n % results.potentials.shape[0]
        potentials, responses = results.potentials[row], results.responses[row]
        if n < end:
            _mark(marks, n, layout.GATHERED)
            size = call(stages.recall, address, kind, row, n - first, copied, 0)
            square = scratch.ahead_norms[0, n - first]
        else:
            size, square = take_in(samples.values[n], label, learning, constants, state, active, values)
            if size < 0:
                return n, -1
            _mark(marks, n, layout.GATHERED)
            _integrate(row, size, mean_written, values, active, state, results, stages, address, kind)
        _mark(marks, n, layout.INTEGRATED)
        if counts:
            _tally_inputs(n, size, first if n < end else -1, zeros, constants, stages, address, kind)
        mean_active = _moved_mean(mean_active, size, mean_active > 0)
        winner = _compete(n, row, label, constants, state, scratch, results, stages, address, kind)
        if not math.isfinite(responses[winner] + potentials[winner]):
            return n, own_competition.blamed(winner, responses) if own.competition != 0 else winner
        results.winners[n] = winner
        _mark(marks, n, layout.COMPETED)
        _transmit(n, potentials, constants, scratch, results)
        _mark(marks, n, layout.TRANSMITTED)
        if not learning:
            continue
        if not keep(n, row, size, winner, label, samples, constants, state, scratch, results, stages, address, kind):
            neuron = pass_time(n, counts, zeros, state, stages, address, kind)
            if neuron >= 0:
                return n, neuron
            continue
        us, ys = full_window(row, state, results)
        before, folds = _count_before(row, zeros, state, stages, address, kind)
        neuron = learn(n, row, us, ys, square, constants, state, scratch, own, stages, address, kind)
        if neuron >= 0:
            return n, neuron
        count = state.counters[layout.WRITES] - before
        mean_written = _moved_mean(mean_written, count, mean_written >= 0)
        if n + 1 < end:
            copied = call(stages.keep_copies, address, kind, count, copied, 0, 0)
            end = end if copied >= 0 else n + 1
        if counts:
            call(stages.tally_writes, address, kind, n, count, state.counters[layout.FOLDS] - folds, zeros)
        _mark(marks, n, layout.LEARNED)
    if looks:
        call(stages.sum_next, address, kind, samples.values.shape[0], mean_active, mean_written, 0)
    write_begun(marks, samples.values.shape[0])
    return samples.values.shape[0], -1


@compiled(nogil=True, _nrt=False)
def assist(address, kind, number):
    """Take a share of the sums while another thread is in `stream` with these arguments, until that thread stops.

    Parameters
    ----------
    address, kind : int, tuple type
        As `stream`'s.
    number : int
        The thread's row of `Scratch.signals`, from 1; the row holds NOT_STARTED when this is called.
    """
    _samples, _learning, _constants, state, scratch, _results, _own, _marks, _stages = arguments_at(address, kind)
    signals, epoch = scratch.signals, 0
    store_release(signals[number], epoch)
    while True:
        epoch = wait_for_new_epoch(signals[0], epoch)
        if epoch == layout.STOPPED:
            return
        values, active, p = scratch.values, scratch.active, signals[0, layout.PENDING_ROW]
        if p >= 0:
            values, active = state.pending_inputs[p], state.pending_active[p]
        sum_share(number, values, active, state.synapses, scratch, scratch.shares[number])
        store_release(signals[number], epoch)


def _with_stages(kind, arguments):
    """Return what `stream` takes: arguments with the stages that their layer has, compiled."""
    samples, _learning, constants, state, scratch, results, own, _marks = arguments
    return (*arguments, stages_of(kind, samples, constants, state, scratch, results, own))


def kind_of(*arguments):
    """Return the type of what `stream` takes; to look at a hundred arrays takes as long as a thousand small samples."""
    return typeof((*arguments, layout.Stages()))


def bound(kind, *arguments):
    """Return `stream` as compiled for arguments of a kind, the address of these ones, and the memory that they lie in.

    The function takes the address and the kind. Calling it reads what the arrays hold at that moment. The arrays and
    the returned memory must outlive the function.
    """
    memory = np.zeros(size_of_arguments(kind), np.uint8)
    address = memory.__array_interface__["data"][0]
    write_arguments.compile((types.intp, kind))(address, _with_stages(kind, arguments))
    return stream.compile((types.intp, types.TypeRef(kind))), address, memory


def loop(*arguments):
    """Return `stream` as compiled for arguments of these types, as a function of such arguments."""
    kind = kind_of(*arguments)
    size = size_of_arguments(kind)
    put, run = write_arguments.compile((types.intp, kind)), stream.compile((types.intp, types.TypeRef(kind)))

    def take(*arguments):
        memory = np.empty(size, np.uint8)
        address = memory.__array_interface__["data"][0]
        put(address, _with_stages(kind, arguments))
        return run(address, kind)

    return take


def team(*arguments):
    """Return what `loop` returns, for a team: a function of arguments that returns what each thread of the team calls.

    Each thread calls it with its number: thread 0 takes the samples, and gets what `stream` returns; the others assist.
    """
    kind = kind_of(*arguments)
    size, address_and_kind = size_of_arguments(kind), (types.intp, types.TypeRef(kind))
    put, run, help_out = (
        write_arguments.compile((types.intp, kind)),
        stream.compile(address_and_kind),
        assist.compile((*address_and_kind, types.intp)),
    )

    def work(*arguments):
        memory, signals = np.empty(size, np.uint8), arguments[4].signals
        address = memory.__array_interface__["data"][0]
        put(address, _with_stages(kind, arguments))
        signals[0], signals[1:] = 0, layout.NOT_STARTED

        def work_as(number):
            if number > 0:
                return help_out(address, kind, number)
            try:
                return run(address, kind)
            finally:
                signals[0, layout.EPOCH] = layout.STOPPED

        work_as.needs = arguments, memory  # kept alive as long as a thread may be at work
        return work_as

    return work
