"""Where the samples of a window wait for its end."""

from neurosim.kernels.compiled import cell, inlined
from neurosim.kernels.dense import layout
from neurosim.kernels.dense.beginning import samples_taught
from neurosim.kernels.dense.inputs import teaches
from neurosim.kernels.dense.temperature import count_lead
from neurosim.kernels.shared.by_address import call
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.softmax import copy_into


@cell
def memory_of_inputs(learning, state, scratch):
    """Return where a sample's active inputs are packed: their values, and which they are."""
    if learning:
        p = state.counters[layout.PENDING]
        return state.pending_inputs[p], state.pending_active[p]
    return scratch.values, scratch.active


@inlined
def keep(n, row, size, winner, label, samples, constants, state, scratch, results, stages, address, kind):
    """Count a sample, and put it where its window waits for its end; return whether the window is full."""
    p, window = state.counters[layout.PENDING], state.pending_sizes.size
    state.counters[layout.SAMPLES] += 1
    state.pending_modulators[p] = samples.modulators[n] if samples.modulators.size > 0 else ONE
    if not teaches(True, size, label, constants.by_label):
        state.counters[layout.BLANKS] += 1
        return False
    if stages.begin != 0 and samples_taught(state) <= constants.beginners:
        call(stages.begin, address, kind, n, size, 0, 0)
        return False
    state.wins[winner] += 1
    state.pending_sizes[p] = size
    state.counters[layout.PENDING] = p + 1
    if constants.relative > ZERO:
        count_lead(results.potentials[row], constants.forgetting, state.lead)
    if stages.count_for_means != 0:
        call(stages.count_for_means, address, kind, row, winner, 0, 0)
    if window > 1:
        copy_into(results.potentials[row], state.pending_potentials[p])
        copy_into(results.responses[row], state.pending_responses[p])
    return p + 1 == window


@cell
def full_window(row, state, results):
    """Return potentials and responses of the window: those of the sample itself, if it is a window of one."""
    if state.pending_sizes.size == 1:
        return results.potentials[row : row + 1], results.responses[row : row + 1]
    return state.pending_potentials, state.pending_responses
