r"""A dense layer: integrate, compete, learn, transmit, one sample after another.

.. math::

    u_k = \sum_i w_{ki} x_i, \qquad
    y = \mathrm{compete}(f(u) + b), \qquad
    w_k \leftarrow a_k w_k + c_k x, \qquad
    (a_k, c_k) = \mathrm{rule}(u_k, y_k, \|w_k\|, \ldots)

The weights are kept as :math:`w_{ki} = s_k v_{ik}`: decay touches the scale :math:`s_k` alone, growth touches
:math:`v_{ik}` of the active inputs alone, and the squared norm follows in three products,
:math:`\|w'\|^2 = a^2 \|w\|^2 + 2 a c u + c^2 \|x\|^2`. A sample costs active inputs x neurons, not inputs x neurons.
Some features have no such form and cost inputs x neurons: potentials with another norm, eligibility traces, and
Sanger's rule; their functions say so.
With synapses of few bits :math:`v_{ik}` is a whole number, and growth is rounded.

Every function here takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests
that compare with the textbook equation. Sums have a fixed order, so equal input gives equal bits.
"""

import math

import numpy as np
from numba import typeof, types
from numba.extending import register_jitable

from neurosim.kernels.compiled import compiled, inlined
from neurosim.kernels.dense import layout
from neurosim.kernels.dense.ahead import keep_copies, look_ahead, recall, samples_ahead, sum_ahead
from neurosim.kernels.dense.competition import activate, compete, convert
from neurosim.kernels.dense.inputs import take_in, teaches
from neurosim.kernels.dense.learning import learn
from neurosim.kernels.dense.means import count_for_means
from neurosim.kernels.dense.potentials import integrate, scale_sums
from neurosim.kernels.dense.tallies import has_zeros, tally_inputs, tally_live, tally_writes
from neurosim.kernels.dense.team import is_shared, sum_share, sum_together, wait_for_new_epoch
from neurosim.kernels.shared.arguments import arguments_at, size_of_arguments, write_arguments
from neurosim.kernels.shared.codes import IDENTITY, UNBIASED
from neurosim.kernels.shared.numbers import ONE, TWO, ZERO
from neurosim.kernels.shared.softmax import copy_into
from neurosim.kernels.shared.system import store_release, write_begun, write_moment


@register_jitable
def _mark(marks, n, stage):
    """Write down when a stage of sample n was done, if anybody asks."""
    if marks.moments.size > 0:
        write_moment(marks, n, stage)


@register_jitable
def _begin(marks, n):
    """Write down when sample n was taken up, if anybody asks."""
    write_begun(marks, n)
    _mark(marks, n, layout.BEGUN)


@register_jitable
def _moved_mean(mean, count, known):
    """Return PACE times the running mean of a count; the first count, before which no mean is known, stands for it."""
    return mean + count - mean // layout.PACE if known else layout.PACE * count


@inlined
def _sum_next(n, values, active, mean_active, mean_written, samples, learning, constants, state, scratch):
    """Take the sums of the next samples together, where it pays; return the first sample whose sums are not taken."""
    neurons, left = state.scales.size, samples.values.shape[0] - n
    depth = samples_ahead(left, mean_active, mean_written, learning, constants, state, scratch)
    if depth == 0:
        return n
    taken = look_ahead(samples, n, depth, learning, constants, state, scratch)
    typical, sums = mean_active // layout.PACE, scratch.ahead_sums
    if taken > 0 and is_shared(typical, neurons, mean_written, scratch):
        scratch.signals[0, layout.TAKEN] = taken
        sum_together(taken * mean_active // layout.PACE * neurons, values, active, state.synapses, scratch, sums)
    else:
        sum_ahead(taken, state.synapses, 0, neurons, scratch, sums)
    return n + taken


@inlined
def _integrate(row, size, values, active, mean_written, learning, constants, state, scratch, results):
    """Write the potentials of a sample that was taken in: with the team, where that pays."""
    potentials, neurons = results.potentials[row], state.scales.size
    if constants.lebesgue == TWO and is_shared(size, neurons, mean_written, scratch):
        signals, sums = scratch.signals[0], results.potentials[row : row + 1]
        signals[layout.TAKEN], signals[layout.BREADTH] = 0, size
        signals[layout.PENDING_ROW] = state.counters[layout.PENDING] if learning else -1
        sum_together(size * neurons, values, active, state.synapses, scratch, sums)
        scale_sums(potentials, state.scales)
    else:
        integrate(values, active, size, constants.lebesgue, state.synapses, state.scales, potentials)


@inlined
def _keep(n, row, size, winner, teaching, samples, constants, state, scratch, results):
    """Count a sample, and put it where its window waits for its end; return whether the window is full."""
    state.counters[layout.SAMPLES] += 1
    if not teaching:
        state.counters[layout.BLANKS] += 1
        return False
    state.wins[winner] += 1
    p, window = state.counters[layout.PENDING], state.pending_sizes.size
    state.pending_sizes[p] = size
    state.pending_modulators[p] = samples.modulators[n] if samples.modulators.size > 0 else ONE
    state.counters[layout.PENDING] = p + 1
    potentials, responses = results.potentials[row], results.responses[row]
    if constants.bias != UNBIASED or constants.moment > 0:
        count_for_means(winner, potentials, responses, constants, state.pending_sums, scratch)
    if window > 1:
        copy_into(potentials, state.pending_potentials[p])
        copy_into(responses, state.pending_responses[p])
    return p + 1 == window


@inlined
def _transmit(n, potentials, constants, scratch, results):
    """Write what the layer sends, if anybody reads it."""
    if results.outputs.size > 0:
        outputs = results.outputs[n % results.outputs.shape[0]]
        activate(potentials, constants.transmit, constants.exponent, scratch.lanes, outputs)


@register_jitable
def _memory(learning, state, scratch):
    """Return where a sample's active inputs are packed: their values, and which they are."""
    if learning:
        p = state.counters[layout.PENDING]
        return state.pending_inputs[p], state.pending_active[p]
    return scratch.values, scratch.active


@register_jitable
def _window(row, state, results):
    """Return potentials and responses of the window: those of the sample itself, if it is a window of one."""
    if state.pending_sizes.size == 1:
        return results.potentials[row : row + 1], results.responses[row : row + 1]
    return state.pending_potentials, state.pending_responses


# Without Numba's reference counts: nothing is allocated here, and counting references to all arrays of State and
# Scratch at every call takes as long as a small layer's whole sample.
@compiled(nogil=True, _nrt=False)
def stream(address, kind):
    """Take samples through the layer one by one, learning from each in turn if `learning`.

    Parameters
    ----------
    address : int
        Of eight arguments in memory: `Samples`; whether to learn (if not, the state is not written); `Constants`;
        `State`; `Scratch`; `Results`; the address of the user's compiled rule, which takes what `hebb` does, or 0;
        `Marks`.
    kind : tuple type
        The types of the eight.

    Returns
    -------
    done : int
        Samples taken: fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    samples, learning, constants, state, scratch, results, own, marks = arguments_at(address, kind)
    counts, converts = results.tallies.size > 0, constants.activation != IDENTITY or constants.bias != UNBIASED
    zeros = counts and constants.highest == ZERO and has_zeros(results.live, state.scales.size)
    first, end, copied, mean_active, mean_written = 0, 0, 0, 0, -1  # of samples looked ahead at; PACE times means
    for n in range(samples.values.shape[0]):
        _begin(marks, n)
        values, active = _memory(learning, state, scratch)
        if n >= end:
            first, copied = n, 0
            end = _sum_next(n, values, active, mean_active, mean_written, samples, learning, constants, state, scratch)
        label = samples.labels[n] if samples.labels.size > 0 else -1
        row = n % results.potentials.shape[0]
        potentials, responses = results.potentials[row], results.responses[row]
        if n < end:
            _mark(marks, n, layout.GATHERED)
            size, square = recall(n - first, copied, learning, state, scratch, active, values, potentials)
        else:
            size, square = take_in(samples.values[n], label, learning, constants, state, active, values)
            if size < 0:
                return n, -1
            _mark(marks, n, layout.GATHERED)
            _integrate(row, size, values, active, mean_written, learning, constants, state, scratch, results)
        _mark(marks, n, layout.INTEGRATED)
        if counts:
            packed = scratch.ahead_active[n - first] if n < end and not learning else active
            tally_inputs(n, size, packed, zeros or constants.highest > ZERO, state.scales.size, results)
        mean_active = _moved_mean(mean_active, size, mean_active > 0)
        drive = scratch.drive if converts else potentials
        if converts:
            convert(potentials, learning, constants, state.activity, scratch.lanes, drive)
        winner = compete(drive, label if learning else -1, constants, scratch.lanes, scratch.written, responses)
        if not math.isfinite(responses[winner] + potentials[winner]):
            return n, winner
        results.winners[n] = winner
        _mark(marks, n, layout.COMPETED)
        _transmit(n, potentials, constants, scratch, results)
        _mark(marks, n, layout.TRANSMITTED)
        if not learning:
            continue
        teaching = teaches(learning, size, label, constants.by_label)
        if not _keep(n, row, size, winner, teaching, samples, constants, state, scratch, results):
            continue
        us, ys = _window(row, state, results)
        before, folds = state.counters[layout.WRITES], state.counters[layout.FOLDS]
        if zeros:
            tally_live(ys, constants, state, scratch, results.live, -1)
        neuron = learn(us, ys, square, constants, state, scratch, own, results.live)
        if neuron >= 0:
            return n, neuron
        count = state.counters[layout.WRITES] - before
        mean_written = _moved_mean(mean_written, count, mean_written >= 0)
        if n + 1 < end:
            copied = keep_copies(count, copied, state.synapses, scratch)
            end = end if copied >= 0 else n + 1
        if counts:
            tally_writes(n, count, state.counters[layout.FOLDS] - folds, zeros, ys, constants, state, scratch, results)
        _mark(marks, n, layout.LEARNED)
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
    _samples, _learning, _constants, state, scratch, _results, _own, _marks = arguments_at(address, kind)
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


def bound(*arguments):
    """Return `stream` as compiled for these arguments, its two arguments (address and kind), and the memory they name.

    Calling it reads what the arrays hold at that moment. The arrays and the returned memory must outlive the function.
    """
    memory, kind = np.zeros(size_of_arguments(arguments), np.uint8), typeof(arguments)
    write_arguments(memory.ctypes.data, arguments)
    return stream.compile((types.intp, types.TypeRef(kind))), memory.ctypes.data, kind, memory


def loop(*arguments):
    """Return `stream` as compiled for arguments of these types, as a function of such arguments."""
    kind, size = typeof(arguments), size_of_arguments(arguments)
    put, run = write_arguments.compile((types.intp, kind)), stream.compile((types.intp, types.TypeRef(kind)))

    def take(*arguments):
        memory = np.empty(size, np.uint8)
        address = memory.__array_interface__["data"][0]
        put(address, arguments)
        return run(address, kind)

    return take


def team(*arguments):
    """Return what `loop` returns, for a team: a function of arguments that returns what each thread of the team calls.

    Each thread calls it with its number: thread 0 takes the samples, and gets what `stream` returns; the others assist.
    """
    kind, size = typeof(arguments), size_of_arguments(arguments)
    address_and_kind = types.intp, types.TypeRef(kind)
    put, run, help_out = (
        write_arguments.compile((types.intp, kind)),
        stream.compile(address_and_kind),
        assist.compile((*address_and_kind, types.intp)),
    )

    def work(*arguments):
        memory, signals = np.empty(size, np.uint8), arguments[4].signals
        address = memory.__array_interface__["data"][0]
        put(address, arguments)
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
