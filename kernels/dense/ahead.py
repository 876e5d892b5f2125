"""Looking ahead: the sums of several samples of a chunk, taken together.

The synapses of a wide layer do not fit in a core's own cache, so a sample takes as long as reading them from memory.
The next samples of a chunk are known in advance: their sums are taken together, tile by tile, with the weights as they
are now, so that each tile is read from memory once. If a neuron is written before a later sample is reached, its sum
for that sample is taken again, from a copy of its synapses; the copies lie side by side. All sums are added in the
order of `potentials.py`, so the bits do not depend on how many samples are looked ahead at.
"""

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.dense.beginning import samples_taught
from neurosim.kernels.dense.inputs import take_in, teaches
from neurosim.kernels.dense.layout import BLANKS, PACE, SAMPLES
from neurosim.kernels.dense.potentials import scale_sums, sum_rows
from neurosim.kernels.shared.codes import SANGER, SUBSPACE
from neurosim.kernels.shared.numbers import LINE, TWO, ZERO
from neurosim.kernels.shared.softmax import copy_into

TILE = 256  # neurons whose rows stay in a core's own cache, together
# At most: samples looked ahead at, and neurons written meanwhile (whole lines); smaller layers never look ahead.
AHEAD, AHEAD_WRITES = 32, 128
# Looking ahead can pay if a sample reads at least READS synapses (fewer stay in a core's own cache), if a row is read
# by at least SHARED samples, and if, beyond READS, at least COPIES synapses are read for each that is copied. Where it
# can, `ways.py` finds out whether it does.
READS, SHARED, COPIES = 1 << 17, 2, 40


@cell
def samples_ahead(left, breadth, pace, learning, constants, state, scratch):
    """Return how many samples to look ahead at, of those left: 0 where it cannot pay.

    `breadth` and `pace` are PACE times the running means of active inputs and, while learning, of neurons written.
    """
    most, (inputs, neurons), pays = min(left, scratch.ahead_sums.shape[0]), state.synapses.shape, scratch.pays
    if most < 2 or constants.lebesgue != TWO or neurons < scratch.copied.size:
        return 0
    if learning:
        if samples_taught(state) < constants.beginners:
            return 0
        if state.pending_sizes.size > 1 or constants.leak > ZERO or constants.eligibility > ZERO:
            return 0
        if constants.largest:
            return 0
        beyond = breadth * neurons - pays[0] * PACE
        if constants.rule == SANGER or constants.rule == SUBSPACE or beyond < pays[2] * pace * inputs:
            return 0
        most = min(most, scratch.copied.size * PACE // max(pace, 1))
    if most < 2 or breadth * neurons < pays[0] * PACE or most * breadth < pays[1] * PACE * inputs:
        return 0
    return most


@not_inlined
def look_ahead(samples, first, depth, learning, constants, state, scratch):
    """Take in the next samples without changing the state; return how many: fewer if one is not admitted."""
    mean, counted, blanks = state.input_norm[0], state.counters[SAMPLES], state.counters[BLANKS]
    taken = 0
    while taken < depth:
        values, active = scratch.ahead_values[taken], scratch.ahead_active[taken]
        label = samples.labels[first + taken] if samples.labels.size > 0 else -1
        size, square = take_in(samples.values[first + taken], label, learning, constants, state, active, values)
        if size < 0:
            break
        scratch.ahead_sizes[taken] = size
        scratch.ahead_norms[0, taken] = square
        scratch.ahead_norms[1, taken] = state.input_norm[0]
        if learning:
            state.counters[SAMPLES] += 1
            state.counters[BLANKS] += not teaches(learning, size, label, constants.by_label)
        taken += 1
    if learning:
        state.input_norm[0], state.counters[SAMPLES], state.counters[BLANKS] = mean, counted, blanks
    return taken


@not_inlined
def sum_ahead(taken, synapses, start, stop, scratch, sums):
    """Take the sums of all samples for some neurons, tile by tile; tiles begin at whole lines of the cache."""
    shift = synapses.ctypes.data // synapses.itemsize
    while start < stop:
        end = start + TILE - (start + shift) % LINE
        end = end if end < stop else stop
        for n in range(taken):
            values, active = scratch.ahead_values[n], scratch.ahead_active[n]
            sum_rows(values, active, scratch.ahead_sizes[n], synapses, start, end, sums[n])
        start = end


@cell
def recall(n, copies, learning, state, scratch, active, values, potentials):
    """Take in the n-th sample ahead, and write its potentials; return how many inputs are active."""
    size = scratch.ahead_sizes[n]
    if learning:
        state.input_norm[0] = scratch.ahead_norms[1, n]
        for j in range(size):
            values[j], active[j] = scratch.ahead_values[n, j], scratch.ahead_active[n, j]
    copy_into(scratch.ahead_sums[n], potentials)
    if copies > 0:
        sums, end = scratch.order, min(copies + (LINE - copies % LINE) % LINE, scratch.order.size)
        sum_rows(values, active, size, scratch.copies, 0, end, sums)
        for m in range(copies):
            potentials[scratch.copied[m]] = sums[m]
    scale_sums(potentials, state.scales)
    return size


@not_inlined
def keep_copies(count, copies, synapses, scratch):
    """Copy the synapses of the neurons just written; return how many have copies then, -1 if too many."""
    for m in range(count):
        k = scratch.written[m]
        copy = scratch.copy_of[k]
        if not (0 <= copy < copies and scratch.copied[copy] == k):
            if copies == scratch.copied.size:
                return -1
            scratch.copy_of[k], scratch.copied[copies] = copies, k
            copies += 1
    for i in range(synapses.shape[0]):
        for m in range(count):
            k = scratch.written[m]
            scratch.copies[i, scratch.copy_of[k]] = synapses[i, k]
    return copies
