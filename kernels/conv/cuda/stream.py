r"""The loop of `kernels/conv/stream.py` on a CUDA device: one cooperative launch takes a chunk of images.

All blocks share every stage of an image, and meet on the grid between stages. The order of every sum is the same for
any number of blocks and threads: a sum is split only into the CPU's own LANES, and no two threads write one element. So
a device gives the same bits however many blocks it has. They are the CPU's bits, except where matrix products differ,
or the library's powers in schedules of the rate. The products

.. math::

    u_{pk} = s_k \sum_i x_{pi} v_{ki}, \qquad g_{ki} = \sum_p c_{pk} x_{pi}

have one accumulator for each entry here, in ascending order of i or p; the order of BLAS is unknown.

An image takes these stages; each needs all results of the ones before:

1. look at the image, and take its statistics
2. cut its patches
3. potentials
4. compete at every position
5. count what was won, send outputs; rates
6. ask the rule at every position, and add up what it says of each neuron
7. growth, and the step; two or three stages
8. is every norm finite?

The arithmetic of one neuron, weight or channel is that of `kernels/conv/`. Nothing imports this file unless a device is
asked for, as it needs Numba's CUDA.
"""

import functools
from collections.abc import Callable
from typing import Any

from numba import float32, int64
from numba.extending import register_jitable

from neurosim.kernels.conv import layout
from neurosim.kernels.conv.cuda.competition import (
    compete,
    count_for_bias,
    count_wins,
    first_failure,
    keep_potentials,
    mean_potentials,
    move_bias,
    send,
    write_biases,
)
from neurosim.kernels.conv.cuda.images import cut_patches, is_admitted, keep_values, measure_image, take_over_statistics
from neurosim.kernels.conv.cuda.layout import DEPTH, PADDED, ROWS, SEATS, TERMS, Seat
from neurosim.kernels.conv.cuda.learning import learn, recall
from neurosim.kernels.conv.cuda.products import integrate
from neurosim.kernels.conv.cuda.seats import largest_of
from neurosim.kernels.conv.sending import row_of
from neurosim.kernels.shared.codes import UNBIASED
from neurosim.kernels.shared.grid import cuda, grid_kernel, meet
from neurosim.kernels.shared.numbers import LANES, ONE, ZERO


@register_jitable
def _seat(lanes, indices, left, right, terms, sums):
    """Return a thread's seat."""
    members = min(LANES, cuda.blockDim.x)
    group = cuda.threadIdx.x // members
    return Seat(
        member=cuda.threadIdx.x - group * members,
        members=members,
        group=group,
        groups=cuda.blockDim.x // members,
        lanes=lanes[group],
        indices=indices[group],
        left=left,
        right=right,
        terms=terms,
        sums=sums,
    )


@register_jitable
def _look(n, measured, learning, samples, constants, state, memory, seat):
    """Look at an image, and take its statistics; return whether it is admitted."""
    if cuda.blockIdx.x == cuda.gridDim.x - 1:
        admitted = is_admitted(samples.values[n], constants.negative, seat)
        if cuda.threadIdx.x == 0:
            memory.refused[0] = 0 if admitted else 1
    measure_image(samples.values[n : n + 1], learning, measured, constants, state, memory, seat)
    meet()
    return memory.refused[0] == 0


@register_jitable
def _cut(n, pending, measured, learning, follows, samples, constants, state, memory):
    """Cut an image's patches, and keep what is needed of it later."""
    cut_patches(samples.values[n : n + 1], True, constants, memory)
    if learning and state.pending_inputs.shape[0] > 1:
        keep_values(samples.values[n], pending, constants, state, memory)
    if follows:
        take_over_statistics(measured, state, memory)
    if constants.bias != UNBIASED:
        write_biases(learning, constants, state, memory)


@register_jitable
def _compete(row, competes, constants, memory, results, seat):
    """Let neurons compete, or take mean potentials alone; return a neuron that is not finite, or -1."""
    potentials = results.potentials[row]
    if competes:
        compete(potentials, results.responses[row], 0, True, constants, memory, seat)
    else:
        mean_potentials(potentials, constants, memory, seat)
    meet()
    return first_failure(memory.wild[: potentials.shape[0]])


@register_jitable
def _count(n, row, learned, learning, learns, competes, samples, constants, state, memory, results, seat):
    """Count what was won, and send outputs."""
    potentials = results.potentials[row]
    if competes:
        count_wins(potentials.shape[0], learns, learned, constants, state, memory, seat)
    if results.outputs.size > 0:
        send(potentials, memory.averages, constants, results.outputs[row_of(n, results.outputs, samples.values)])
    if cuda.grid(1) == 0 and learning:
        state.counters[layout.SAMPLES] = learned
        state.counters[layout.BLANKS] += not learns


@register_jitable
def _keep(n, pending, potentials, samples, state):
    """Keep what is learned from a sample until its window ends."""
    if cuda.grid(1) == 0:
        state.pending_modulators[pending] = samples.modulators[n] if samples.modulators.size > 0 else ONE
        state.counters[layout.PENDING] = pending + 1
    if state.pending_inputs.shape[0] > 1:
        keep_potentials(potentials, pending, state)


@register_jitable
def _name_winner(n, competes, memory, results, seat):
    """Write which neuron won most positions; the last block's work."""
    if cuda.blockIdx.x == cuda.gridDim.x - 1:
        _, winner = largest_of(memory.counts, seat)
        if cuda.threadIdx.x == 0:
            results.winners[n] = winner if competes else -1


@register_jitable
def _learn_from_window(n, row, samples, constants, state, memory, results, own, seat):
    """Learn from a full window; return a neuron that is not finite, or -1."""
    us, ys = results.potentials[row : row + 1], results.responses[row : row + 1]
    if state.pending_inputs.shape[0] > 1:
        us, ys = state.pending_potentials, memory.responses
        failed = recall(n, samples.values, results.outputs, constants, state, memory, seat)
        if failed >= 0:
            return failed
    if constants.bias != UNBIASED:
        is_first, images = state.counters[layout.UPDATES] == 0, state.pending_inputs.shape[0]
        move_bias(is_first, images, constants, state)
    return learn(us, ys, constants, state, memory, own, seat)


@register_jitable
def _report(done, failed, learning, state, memory, report):
    """Write how far the chunk was taken; one thread's work."""
    if cuda.grid(1) > 0:
        return
    report[0], report[1] = done, failed
    if learning:
        for k in range(memory.folds.size):
            state.counters[layout.FOLDS] += memory.folds[k]


@functools.cache
def grid(own: Callable[..., Any] | None = None) -> Any:
    """Return the kernel `stream_grid`, whose own rule is a function of scalars with the arguments of `conv.hebb`.

    It is launched cooperatively: with no more blocks than the device holds at once. It returns nothing, and takes what
    `conv.stream` takes, on the device:

    samples : conv.Samples
    learning : bool
    constants : conv.Constants
        Its parameters on the device.
    state : conv.State
    memory : Memory
    results : conv.Results
    report : int64 (2,)
        Gets what `conv.stream` returns: samples taken, and a neuron that is not finite, or -1.
    """
    rule = None if own is None else register_jitable(own)

    @grid_kernel
    def stream_grid(samples, learning, constants, state, memory, results, report):
        lanes = cuda.shared.array((SEATS, LANES), float32)
        indices = cuda.shared.array((SEATS, LANES), int64)
        left = cuda.shared.array((DEPTH, PADDED), float32)
        right = cuda.shared.array((DEPTH, PADDED), float32)
        terms = cuda.shared.array((ROWS, TERMS), float32)
        sums = cuda.shared.array(TERMS, float32)
        seat = _seat(lanes, indices, left, right, terms, sums)
        window, rows = state.pending_inputs.shape[0], results.potentials.shape[0]
        learned, pending = state.counters[layout.SAMPLES], state.counters[layout.PENDING]
        measured = state.counters[layout.MEASURED]
        follows = learning and constants.normalise in (layout.RUNNING, layout.WINDOW) and constants.momentum == ZERO
        competes = learning or results.responses.size > 0
        for k in range(cuda.grid(1), memory.folds.size, cuda.gridsize(1)):
            memory.folds[k] = 0
        done, failed = 0, int64(-1)
        for n in range(samples.values.shape[0]):
            if not _look(n, measured + follows, learning, samples, constants, state, memory, seat):
                break
            measured += follows
            _cut(n, pending, measured, learning, follows, samples, constants, state, memory)
            meet()
            row, potentials = n % rows, results.potentials[n % rows]
            patches = memory.patches[: potentials.shape[0]]
            integrate(patches, state.synapses, potentials, state.scales, cuda.blockIdx.x, seat)
            meet()
            failed = _compete(row, competes, constants, memory, results, seat)
            if failed >= 0:
                break
            learned += learning
            learns = learning and learned > constants.warm_up
            _count(n, row, learned, learning, learns, competes, samples, constants, state, memory, results, seat)
            if learns:
                _keep(n, pending, potentials, samples, state)
                pending += 1
            meet()
            _name_winner(n, competes, memory, results, seat)
            if learns and constants.bias != UNBIASED:
                count_for_bias(potentials, results.responses[row], constants, state, memory, seat)
                meet()
            if learns and pending == window:
                pending = 0
                failed = _learn_from_window(n, row, samples, constants, state, memory, results, rule, seat)
                if failed >= 0:
                    break
            done = n + 1
        _report(done, failed, learning, state, memory, report)

    return stream_grid
