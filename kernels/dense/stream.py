r"""A dense layer: integrate, compete, learn, transmit, one sample after another.

.. math::

    u_k = \sum_i w_{ki} x_i, \qquad
    y = \mathrm{compete}(f(u) + b), \qquad
    w_k \leftarrow a_k w_k + c_k x, \qquad
    (a_k, c_k) = \mathrm{rule}(u_k, y_k, \|w_k\|, \ldots)

The weights are kept as :math:`w_{ki} = s_k v_{ik}`: decay touches the scale :math:`s_k` alone, growth touches
:math:`v_{ik}` of the active inputs alone, and the squared norm follows in three products,
:math:`\|w'\|^2 = a^2 \|w\|^2 + 2 a c u + c^2 \|x\|^2`. A sample costs active inputs x neurons, not inputs x neurons.
What has no such form says so where it stands: potentials with another norm, eligibility traces, Sanger's rule.
With synapses of few bits :math:`v_{ik}` is a whole number, and growth is rounded.

Every function here takes arrays of one float type and stays in it: float32 in the simulator, float64 in the tests
that compare with the textbook equation. Sums have a fixed order, so equal input gives equal bits.
"""

import math

import numpy as np
from numba import typeof, types
from numba.extending import register_jitable

from neurosim.kernels.compiled import compiled
from neurosim.kernels.dense.ahead import keep_copies, look_ahead, recall, samples_ahead, sum_ahead
from neurosim.kernels.dense.competition import activate, add_bias, compete
from neurosim.kernels.dense.inputs import take_in, teaches
from neurosim.kernels.dense.layout import (
    BEGUN,
    BLANKS,
    BREADTH,
    COMPETED,
    FOLDS,
    GATHERED,
    INTEGRATED,
    LEARNED,
    NO_MORE,
    NOT_THERE,
    PACE,
    PENDING,
    PENDING_ROW,
    SAMPLES,
    TAKEN,
    TRANSMITTED,
    WORD,
    WRITES,
)
from neurosim.kernels.dense.learning import learn
from neurosim.kernels.dense.means import count_for_means
from neurosim.kernels.dense.potentials import integrate, scale_sums
from neurosim.kernels.dense.tallies import has_zeros, tally_inputs, tally_live, tally_writes
from neurosim.kernels.dense.team import is_shared, sum_share, sum_together, wait_for_other_word
from neurosim.kernels.shared.arguments import arguments_at, size_of_arguments, write_arguments
from neurosim.kernels.shared.codes import IDENTITY, UNBIASED
from neurosim.kernels.shared.numbers import ONE, TWO, ZERO
from neurosim.kernels.shared.softmax import copy_into
from neurosim.kernels.shared.system import clock_gettime, store_release


@register_jitable
def _mark(marks, n, stage):
    """Write down when a stage of sample n was done; without marks, no code is left of it."""
    if marks is not None:
        clock_gettime(np.int32(marks.clock), marks.now.ctypes)
        marks.moments[n, stage] = marks.now[0] * 1_000_000_000 + marks.now[1]


# Without Numba's reference counts: nothing is allocated here, and counting the arrays of State and Scratch at every
# function's door takes as long as a small layer's whole sample.
@compiled(nogil=True, _nrt=False)
def stream(address, kind):
    """Take samples through the layer one by one, learning from each in turn if `learning`.

    Parameters
    ----------
    address : int
        Where eight arguments lie: `Samples`; whether to learn (if not, nothing in the state is written); `Constants`;
        `State`; `Scratch`; `Results`; the user's compiled rule, with the arguments of `hebb`, or None; `Marks` or None.
    kind : tuple type
        Of the eight.

    Returns
    -------
    done : int
        Samples taken; fewer than given if the next one is not finite, too large, or negative where that is not
        admitted (nothing was learned from it), or if a neuron diverged.
    neuron : int
        A neuron whose potential, or whose weights after learning, are not finite; or -1.
    """
    samples, learning, constants, state, scratch, results, own, marks = arguments_at(address, kind)
    values, active, window = scratch.values, scratch.active, state.pending_sizes.size
    plain = constants.activation == IDENTITY and constants.bias == UNBIASED
    holes = results.tallies.size > 0 and constants.highest == ZERO and has_zeros(results.live, state.scales.size)
    first, end, held, breadth, pace = 0, 0, 0, 0, -1  # samples looked ahead at, and neurons written meanwhile
    for n in range(samples.values.shape[0]):
        _mark(marks, n, BEGUN)
        if learning:
            values, active = (
                state.pending_inputs[state.counters[PENDING]],
                state.pending_active[state.counters[PENDING]],
            )
        if n >= end:
            depth = samples_ahead(samples.values.shape[0] - n, breadth, pace, learning, constants, state, scratch)
            first, end, held = n, n, 0
            if depth > 0:
                end += look_ahead(samples, n, depth, learning, constants, state, scratch)
                products, sums = (end - n) * breadth // PACE * state.scales.size, scratch.ahead_sums
                if end > n and is_shared(breadth // PACE, state.scales.size, pace, scratch):
                    scratch.board[0, TAKEN] = end - n
                    sum_together(products, values, active, state.synapses, scratch, sums)
                else:
                    sum_ahead(end - n, state.synapses, 0, state.scales.size, scratch, sums)
        label = samples.labels[n] if samples.labels.size > 0 else -1
        row = n % results.potentials.shape[0]
        potentials, responses = results.potentials[row], results.responses[row]
        if n < end:
            _mark(marks, n, GATHERED)
            size, square = recall(n - first, held, learning, state, scratch, active, values, potentials)
        else:
            size, square = take_in(samples.values[n], label, learning, constants, state, active, values)
            if size < 0:
                return n, -1
            _mark(marks, n, GATHERED)
            if constants.lebesgue == TWO and is_shared(size, state.scales.size, pace, scratch):
                board, sums = scratch.board[0], results.potentials[row : row + 1]
                board[TAKEN], board[BREADTH] = 0, size
                board[PENDING_ROW] = state.counters[PENDING] if learning else -1
                sum_together(size * state.scales.size, values, active, state.synapses, scratch, sums)
                scale_sums(potentials, state.scales)
            else:
                integrate(values, active, size, constants.lebesgue, state.synapses, state.scales, potentials)
        _mark(marks, n, INTEGRATED)
        if results.tallies.size > 0:
            ahead = n < end and not learning
            places = scratch.ahead_active[n - first] if ahead else active
            some = holes or constants.highest > ZERO
            tally_inputs(n, size, places, some, state.scales.size, results)
        breadth = breadth + size - breadth // PACE if breadth > 0 else PACE * size
        teaching = teaches(learning, size, label, constants.by_label)
        drive = potentials
        if not plain:
            drive = scratch.drive
            activate(potentials, constants.activation, constants.activation_exponent, scratch.lanes, drive)
            add_bias(learning, constants, state.activity, drive)
        winner = compete(drive, label if learning else -1, constants, scratch.lanes, scratch.written, responses)
        if not math.isfinite(responses[winner] + potentials[winner]):
            return n, winner
        results.winners[n] = winner
        _mark(marks, n, COMPETED)
        if results.outputs.size > 0:
            outputs = results.outputs[n % results.outputs.shape[0]]
            activate(potentials, constants.transmit, constants.exponent, scratch.lanes, outputs)
        _mark(marks, n, TRANSMITTED)
        if not learning:
            continue
        state.counters[SAMPLES] += 1
        if not teaching:
            state.counters[BLANKS] += 1
            continue
        state.wins[winner] += 1
        p = state.counters[PENDING]
        state.pending_sizes[p] = size
        state.pending_modulators[p] = samples.modulators[n] if samples.modulators.size > 0 else ONE
        state.counters[PENDING] = p + 1
        if constants.bias != UNBIASED or constants.moment > 0:
            count_for_means(winner, potentials, responses, constants, state.pending_sums, scratch)
        us, ys = state.pending_potentials, state.pending_responses
        if window == 1:
            us, ys = results.potentials[row : row + 1], results.responses[row : row + 1]
        else:
            copy_into(potentials, us[p])
            copy_into(responses, ys[p])
        if p + 1 < window:
            continue
        before, folds = state.counters[WRITES], state.counters[FOLDS]
        if holes:
            tally_live(ys, constants, state, scratch, results.live, -1)
        neuron = learn(us, ys, square, constants, state, scratch, own, results.live)
        if neuron >= 0:
            return n, neuron
        count = state.counters[WRITES] - before
        pace = pace + count - pace // PACE if pace >= 0 else PACE * count
        if n + 1 < end:
            held = keep_copies(count, held, state.synapses, scratch)
            if held < 0:
                end = n + 1
        if results.tallies.size > 0:
            tally_writes(n, count, state.counters[FOLDS] - folds, holes, ys, constants, state, scratch, results)
        _mark(marks, n, LEARNED)
    return samples.values.shape[0], -1


@compiled(nogil=True, _nrt=False)
def assist(address, kind, number):
    """Take a share of the sums while another thread is in `stream` with these arguments, until it leaves word to end.

    Parameters
    ----------
    address, kind : int, tuple type
        As `stream`'s.
    number : int
        The thread's row of the board, from 1, with NOT_THERE on it.
    """
    _samples, _learning, _constants, state, scratch, _results, _own, _marks = arguments_at(address, kind)
    board, word = scratch.board, 0
    store_release(board[number], word)
    while True:
        word = wait_for_other_word(board[0], word)
        if word == NO_MORE:
            return
        values, active, p = scratch.values, scratch.active, board[0, PENDING_ROW]
        if p >= 0:
            values, active = state.pending_inputs[p], state.pending_active[p]
        sum_share(number, values, active, state.synapses, scratch, scratch.shares[number])
        store_release(board[number], word)


def bound(*arguments):
    """Return `stream` as compiled for these arguments, to be called with an address and a kind, and these.

    What it returns first takes what is then in the arrays. They, and the memory returned last, must outlive it.
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
    """Return what `loop` returns, for a team: a function of arguments that returns what each of its threads calls.

    It calls that with its number: 0 takes the samples, and returns what `stream` returns; the others assist it.
    """
    kind, size = typeof(arguments), size_of_arguments(arguments)
    place = types.intp, types.TypeRef(kind)
    put, run, help_out = (
        write_arguments.compile((types.intp, kind)),
        stream.compile(place),
        assist.compile((*place, types.intp)),
    )

    def work(*arguments):
        memory, board = np.empty(size, np.uint8), arguments[4].board
        address = memory.__array_interface__["data"][0]
        put(address, arguments)
        board[0], board[1:] = 0, NOT_THERE

        def part(number):
            if number > 0:
                return help_out(address, kind, number)
            try:
                return run(address, kind)
            finally:
                board[0, WORD] = NO_MORE

        part.needs = arguments, memory  # as long as a thread may be at work
        return part

    return work
