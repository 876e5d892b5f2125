"""Learning on a device: the rule asked at every position, steps applied."""

import math

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.conv import growing, layout, powers, proposing
from neurosim.kernels.conv.cuda.competition import compete, first_failure, first_not_finite, send
from neurosim.kernels.conv.cuda.images import cut_patches, measure_image
from neurosim.kernels.conv.cuda.layout import COLUMNS, ROWS
from neurosim.kernels.conv.cuda.products import add_transposed_times, integrate, times_transposed, transposed_times
from neurosim.kernels.conv.cuda.seats import (
    add_up,
    clear,
    has_work,
    item_of,
    laps_for,
    largest_of,
    largest_of_partial,
    square_sum,
    whole_sum,
)
from neurosim.kernels.conv.norms import DRIFT, SHORT
from neurosim.kernels.conv.sending import row_of
from neurosim.kernels.shared import numbers, rules
from neurosim.kernels.shared.grid import cuda, meet
from neurosim.kernels.shared.numbers import LANES, ONE, ZERO


@register_jitable
def _propose_one(n, p, k, potentials, responses, constants, state, memory, own):
    """Ask the rule for one neuron's step at one position; return its growth, change of decay, and whether it learns."""
    potential, response, positions = potentials[n, p, k], responses[n, p, k], potentials.shape[1]
    if not abs(response) >= constants.cutoff:
        return ZERO, ZERO, ZERO
    share = state.pending_modulators[n] / np.float32(positions)
    norm = np.float32(math.sqrt(state.norms[k]))
    rate = ONE if constants.step == layout.LARGEST else memory.rates[k]
    decay, grown = rules.decide(
        constants.rule, own, potential, response, norm, ZERO, ZERO, rate, constants.parameters
    )  # fmt: skip
    growth, change = proposing.weighed(np.float32(decay), np.float32(grown), share)
    return growth, change, ONE


@register_jitable
def propose(potentials, responses, constants, state, memory, own, seat):
    """Ask the rule for two numbers of each neuron at every position of a window; `own` is the user's rule, or None.

    Write growth, and what decay and overlap sum to; and count the events.
    """
    terms, sums = seat.terms, seat.sums
    window, positions, neurons = potentials.shape
    rows = window * positions
    for first in range(cuda.blockIdx.x * COLUMNS, neurons, cuda.gridDim.x * COLUMNS):
        clear(sums)
        for begin in range(0, rows, ROWS):
            count = min(ROWS, rows - begin)
            for e in range(cuda.threadIdx.x, count * COLUMNS, cuda.blockDim.x):
                r, column = e // COLUMNS, e % COLUMNS
                row, k = begin + r, first + column
                if k >= neurons:
                    continue
                n, p = row // positions, row % positions
                growth, change, event = _propose_one(
                    n, p, k, potentials, responses, constants, state, memory, own
                )  # fmt: skip
                memory.growth[row, k] = growth
                terms[r, column], terms[r, COLUMNS + column] = change, growth * potentials[n, p, k]
                terms[r, 2 * COLUMNS + column] = event
            add_up(terms, sums, count, first, neurons)
        for column in range(cuda.threadIdx.x, min(COLUMNS, neurons - first), cuda.blockDim.x):
            k = first + column
            memory.changes[k], memory.overlaps[k] = sums[column], sums[COLUMNS + column]
            memory.proposed[k] = sums[column] + sums[COLUMNS + column]
            memory.events[k] = sums[2 * COLUMNS + column]


@register_jitable
def _follow_norms(constants, state, memory, seat):
    """Write norms, scales and factors of neurons whose growth will be added in place."""
    terms, sums = seat.terms, seat.sums
    rows, neurons = memory.growth.shape
    for first in range(cuda.blockIdx.x * COLUMNS, neurons, cuda.gridDim.x * COLUMNS):
        clear(sums)
        for begin in range(0, rows, ROWS):
            count = min(ROWS, rows - begin)
            for e in range(cuda.threadIdx.x, count * COLUMNS, cuda.blockDim.x):
                r, column = e // COLUMNS, e % COLUMNS
                row, k = begin + r, first + column
                if k < neurons:
                    terms[r, column] = memory.growth[row, k] * memory.product[row, k]
                    terms[r, COLUMNS + column] = terms[r, 2 * COLUMNS + column] = ZERO
            add_up(terms, sums, count, first, neurons)
        for column in range(cuda.threadIdx.x, min(COLUMNS, neurons - first), cuda.blockDim.x):
            k = first + column
            factor = proposing.within_cap(memory.changes[k], constants.cap)
            change, overlap = memory.changes[k] * factor, memory.overlaps[k] * factor
            norm, square = growing.moved_norm(state.norms[k], change, overlap, factor * factor * sums[column])
            growing.take_over_norm(k, norm, square, constants.instruments, state.norms, state.steps)
            state.scales[k] *= ONE + change
            if not numbers.FOLD_BELOW <= abs(state.scales[k]) <= numbers.FOLD_ABOVE:
                growing.fold_scale(k, state.synapses, state.scales)
                memory.folds[k] += 1
            memory.factors[k] = factor * (ONE / state.scales[k])


@register_jitable
def _find_largest(state, memory, seat):
    """Make growth the whole change of every weight, and write each neuron's largest."""
    neurons, fan_in = memory.step.shape
    for lap in range(laps_for(neurons, seat)):
        k = item_of(lap, seat)
        busy = has_work(k, neurons, seat)
        d, v = memory.step[k if busy else 0], state.synapses[k if busy else 0]
        s, change = state.scales[k] if busy else ONE, memory.changes[k] if busy else ZERO
        for i in range(seat.member, fan_in if busy else 0, seat.members):
            d[i] += change * (s * v[i])
        for j in range(seat.member, LANES, seat.members):
            largest = ZERO
            for i in range(j, fan_in if busy else 0, LANES):
                largest = powers.larger(largest, abs(d[i]))
            seat.lanes[j], seat.indices[j] = largest, 0
        largest, _ = largest_of_partial(seat)
        if busy and seat.member == 0:
            memory.largest[k] = largest


@register_jitable
def _move(by_events, constants, state, memory, seat):
    """Move the neurons that have something to learn, by growth that is written apart; measure steps and norms.

    By events, those are the ones that have any; else those that the rule changes. If the largest step is what counts,
    growth is the whole change, and all neurons move.
    """
    neurons, fan_in = memory.step.shape
    largest = ONE
    if constants.step == layout.LARGEST:
        largest, _ = largest_of(memory.largest, seat)
        if not largest > growing.FLAT:
            return
    for lap in range(laps_for(neurons, seat)):
        k = item_of(lap, seat)
        busy = has_work(k, neurons, seat)
        change, factor = ZERO, ONE
        if busy and constants.step == layout.LARGEST:
            factor = memory.rates[k] / largest
        elif busy:
            change = memory.changes[k]
            factor = proposing.within_cap(change, constants.cap)
            busy = memory.events[k] > ZERO if by_events else change != ZERO or memory.overlaps[k] != ZERO
        size, index = fan_in if busy else 0, k if busy else 0
        v, growth, s = state.synapses[index][:size], memory.step[index][:size], state.scales[index] if busy else ONE
        for i in range(seat.member, size, seat.members):
            w = s * v[i]
            growth[i] = growing.weight_step(w, change, growth[i], factor)
            v[i] = w + growth[i]
        square = square_sum(growth, ZERO, seat) if constants.instruments else ZERO
        norm = square_sum(v, ZERO, seat)
        if busy and seat.member == 0:
            state.scales[k] = ONE
            growing.take_over_norm(k, norm, square, constants.instruments, state.norms, state.steps)


@register_jitable
def grow(by_events, constants, state, memory, seat):
    """Move neurons by what the rule has said; return the first whose norm is not finite, or -1."""
    if memory.gram.size > 0 and not by_events:
        transposed_times(memory.gram, memory.growth, memory.product, state.scales, cuda.blockIdx.x, seat)
        meet()
        _follow_norms(constants, state, memory, seat)
        meet()
        add_transposed_times(memory.growth, memory.patches, state.synapses, memory.factors, cuda.blockIdx.x, seat)
    else:
        transposed_times(memory.growth, memory.patches, memory.step, state.scales, cuda.blockIdx.x, seat)
        meet()
        if constants.step == layout.LARGEST:
            _find_largest(state, memory, seat)
            meet()
        _move(by_events, constants, state, memory, seat)
    meet()
    return first_not_finite(state.norms)


@register_jitable
def _renormalise(state, memory, seat):
    """Bring the neurons that have moved to norm one, as on the CPU."""
    neurons, fan_in = state.synapses.shape
    for lap in range(laps_for(neurons, seat)):
        k = item_of(lap, seat)
        busy = has_work(k, neurons, seat)
        norm, scale = state.norms[k] if busy else ONE, state.scales[k] if busy else ONE
        v = state.synapses[k if busy else 0]
        moved = norm != ONE
        short = moved and not norm > SHORT
        square = square_sum(v[: fan_in if short else 0], ZERO, seat)
        norm = square * (scale * scale) if short else norm
        moved = moved and norm > ZERO
        scale = scale / np.float32(math.sqrt(norm)) if moved else ONE
        folds = moved and not ONE / DRIFT <= abs(scale) <= DRIFT
        for i in range(seat.member, fan_in if folds else 0, seat.members):
            v[i] *= scale
        square = square_sum(v[: fan_in if folds else 0], ZERO, seat)
        if moved and seat.member == 0:
            state.scales[k] = ONE / np.float32(math.sqrt(square)) if folds else scale
            state.norms[k] = ONE
            memory.folds[k] += folds


@register_jitable
def recall(last, samples, outputs, constants, state, memory, seat):
    """Bring back a window's patches, potentials and responses; return a neuron whose drive is not finite, or -1.

    `last` is the window's last sample. If its images wait for its end, they are sent on, where all have a row.
    """
    by_window, positions = constants.normalise == layout.WINDOW, constants.rows * constants.columns
    if by_window:
        measure_image(state.pending_inputs, False, 0, constants, state, memory, seat)
        meet()
    cut_patches(state.pending_inputs, by_window, constants, memory)
    meet()
    if by_window:
        for n in range(state.pending_inputs.shape[0]):
            patches = memory.patches[n * positions : (n + 1) * positions]
            integrate(patches, state.synapses, state.pending_potentials[n], state.scales, cuda.blockIdx.x, seat)
        meet()
    for n in range(state.pending_inputs.shape[0]):
        potentials, responses = state.pending_potentials[n], memory.responses[n]
        compete(potentials, responses, n * positions, by_window, constants, memory, seat)
    meet()
    first = last + 1 - state.pending_inputs.shape[0]
    if constants.waits and outputs.size > 0 and first + outputs.shape[0] - samples.shape[0] >= 0:
        for n in range(state.pending_inputs.shape[0]):
            averages = memory.averages[n * positions : (n + 1) * positions]
            row = row_of(first + n, outputs, samples)
            send(state.pending_potentials[n], averages, constants, outputs[row])
    return first_failure(memory.wild)


@register_jitable
def learn(potentials, responses, constants, state, memory, own, seat):
    """Apply a full window; return a neuron whose step or norm is not finite, or -1."""
    if memory.gram.size > 0:  # by the blocks that ask the rule last
        number = cuda.gridDim.x - 1 - cuda.blockIdx.x
        times_transposed(memory.patches, memory.patches, memory.gram, state.scales, number, seat)
    propose(potentials, responses, constants, state, memory, own, seat)
    meet()
    events = whole_sum(memory.events, seat) if constants.cutoff > ZERO else responses.size
    if cuda.grid(1) == 0:
        state.counters[layout.PENDING] = 0
        state.counters[layout.UPDATES] += 1
        state.counters[layout.WRITES] += events
    failed = first_not_finite(memory.proposed)
    if failed >= 0:
        return failed
    by_events = constants.step == layout.CAPPED and events * layout.FEW < responses.size
    failed = grow(by_events, constants, state, memory, seat)
    if failed < 0 and constants.renormalise:
        meet()  # all have looked at the norms
        _renormalise(state, memory, seat)
        meet()
    return failed
