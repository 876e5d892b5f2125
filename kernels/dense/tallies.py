"""What a sample took, counted by what the algorithm says.

A synapse is written where a neuron's growth meets an active input, and all of a neuron's where its scale is folded into
them, or changes so that few bits can hold them. Rows come blank. Which synapses are zero is followed only where some
are: that a sum of floats becomes zero to the last bit is not waited for.
"""

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.dense.layout import COUNTERS, EFFECTIVE, EVENTS, FLIPPED, OPERATIONS, PLASTIC, WRITTEN
from neurosim.kernels.dense.learning import select_written
from neurosim.kernels.shared.codes import SANGER, SUBSPACE
from neurosim.kernels.shared.numbers import ZERO


@cell
def tally_inputs(n, size, active, holes, neurons, results):
    """Count the events of a sample, and the synapses that they reach."""
    row, live, effective = results.tallies[n], results.live, 0
    if holes:
        for j in range(size):
            effective += live[active[j]]
    else:
        effective = size * neurons
    row[EVENTS], row[OPERATIONS], row[EFFECTIVE] = size, size * neurons, effective


@cell
def tally_beginning(n, k, size, flips, results):
    """Count what it took to begin neuron k as sample n: no rule is asked, and its active inputs are written."""
    row = results.tallies[n]
    row[WRITTEN], row[FLIPPED] = size, flips
    results.written[n, k] = size


@cell
def has_zeros(live, neurons):
    """Return whether some synapse is zero."""
    zeros = 0
    for i in range(live.size):
        zeros += live[i] < neurons
    return zeros > 0


@not_inlined
def tally_live(responses, constants, state, scratch, live, sign):
    """Take the synapses that are about to be written out of those that are not zero, or put them back in."""
    count = select_written(responses, constants.cutoff, scratch.written)
    single = responses.shape[0] == 1
    for j in range(state.pending_sizes[0] if single else live.size):
        i = state.pending_active[0, j] if single else j
        if live[i] == state.scales.size:  # no sum of floats is waited for to be zero
            continue
        v, live_synapses = state.synapses[i], 0
        for m in range(count):
            live_synapses += v[scratch.written[m]] != ZERO
        live[i] += sign * live_synapses


@cell
def _tally_all_live(synapses, live):
    """Count the synapses of each input that are not zero."""
    for i in range(live.size):
        live[i] = 0
        for k in range(synapses.shape[1]):
            live[i] += synapses[i, k] != ZERO


@cell
def _tally_whole(written, counters, each):
    """Write down how many synapses were written in neurons that were written whole, and forget who they were."""
    for k in range(written.size):
        written[k] = -each * counters[COUNTERS + k]
        counters[COUNTERS + k] = 0


@cell
def _tally_every_synapse(row, written, inputs, waiting, state, scratch):
    """Count what rules without an event-driven form write: all synapses of each neuron that moves."""
    for k in range(written.size):
        moved = state.pending_modulators[0] != ZERO and (waiting or scratch.changes[k] != ZERO)
        row[WRITTEN] += moved * inputs
        written[k] -= moved * inputs


@cell
def _tally_growth(k, written, inputs, constants, state, scratch):
    """Return how many synapses of neuron k its growth has written, and note them."""
    grown, once = 0, constants.highest > ZERO or constants.devices.shape[0] > 0
    whole = constants.largest or (once and written[k] < 0)
    for p in range(scratch.growth.shape[0]):
        if scratch.growth[p, k] != ZERO:
            grown += state.pending_sizes[p]
    if whole and grown > 0:
        grown = inputs
    if once and whole:  # a neuron of few bits, or of cells, that is written whole is written once
        return 0
    written[k] += -grown if whole or written[k] < 0 else grown
    return grown


@not_inlined
def tally_writes(n, asked, folds, holes, responses, constants, state, scratch, results):
    """Count what the window that ended with a sample has written."""
    row, written, inputs = results.tallies[n], results.written[n], state.synapses.shape[0]
    row[PLASTIC], row[WRITTEN] = asked, folds * inputs
    if folds > 0:
        _tally_whole(written, state.counters, inputs)
    if constants.highest > ZERO:
        row[FLIPPED] = scratch.flips[0]
    waiting, mixing = constants.eligibility > ZERO, constants.rule == SANGER or constants.rule == SUBSPACE
    if holes and (waiting or mixing or constants.largest or folds > 0):
        _tally_all_live(state.synapses, results.live)
    elif holes:
        tally_live(responses, constants, state, scratch, results.live, 1)
    if waiting or mixing:
        _tally_every_synapse(row, written, inputs, waiting, state, scratch)
        return
    count = asked
    if responses.shape[0] > 1 or constants.gated:  # the list has more neurons, or others
        count = select_written(responses, constants.cutoff, scratch.written)
    for m in range(count):
        row[WRITTEN] += _tally_growth(scratch.written[m], written, inputs, constants, state, scratch)
