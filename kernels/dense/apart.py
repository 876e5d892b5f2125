"""The stages of a dense layer that few layers have.

Each is compiled apart, when a layer first has it, and the loop calls it by its address: no layer waits for what it does
not have. Every stage takes an address and a kind, as `kept_at` does, and four whole numbers; it returns one.
"""

from neurosim.kernels.compiled import compiled
from neurosim.kernels.dense import (
    ahead,
    beginning,
    competition,
    devices,
    every_synapse,
    few_bits,
    layout,
    means,
    tallies,
    temperature,
    ways,
)
from neurosim.kernels.dense import gate as gates
from neurosim.kernels.dense.learning import leak_all, propose_steps
from neurosim.kernels.dense.potentials import integrate as integrate_alone
from neurosim.kernels.dense.potentials import integrate_powers, scale_sums
from neurosim.kernels.dense.team import is_shared, sum_together
from neurosim.kernels.dense.window import full_window, memory_of_inputs
from neurosim.kernels.shared import own_competition
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.by_address import entry_of
from neurosim.kernels.shared.codes import IDENTITY, SANGER, SUBSPACE, UNBIASED
from neurosim.kernels.shared.numbers import ONE, TWO, ZERO
from neurosim.kernels.shared.rates import rate_by_time
from neurosim.kernels.shared.softmax import copy_into, first_index, maximum, total_of


@compiled(_nrt=False, no_cpython_wrapper=True)
def sum_next(address, kind, n, mean_active, mean_written, _unused):
    """Take the sums of the next samples together, where it pays; return the first sample whose sums are not taken.

    It is asked before each sample whose sums are not taken, and once more after a chunk's last one.
    """
    samples, learning, constants, state, scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    neurons, count, timed = state.scales.size, samples.values.shape[0], scratch.timing.shape[0] > 0
    timing = scratch.timing[1 if learning else 0] if timed else scratch.copied
    if timed and n > 0:
        if n < count and ways.goes_on(n, timing):
            return n
        ways.end_block(n, samples.values, timing)
    if n == count:
        return n
    depth = ahead.samples_ahead(count - n, mean_active, mean_written, learning, constants, state, scratch)
    if timed and ways.begin_block(n, count, depth, scratch.signals.shape[0], timing) & layout.LOOKING == 0:
        return n
    if depth == 0:
        return n
    taken = ahead.look_ahead(samples, n, depth, learning, constants, state, scratch)
    typical, sums = mean_active // layout.PACE, scratch.ahead_sums
    if taken > 0 and ways.with_team(learning, scratch) and is_shared(typical, neurons, mean_written, scratch):
        values, active = memory_of_inputs(learning, state, scratch)
        scratch.signals[0, layout.TAKEN] = taken
        sum_together(taken * mean_active // layout.PACE * neurons, values, active, state.synapses, scratch, sums)
    else:
        ahead.sum_ahead(taken, state.synapses, 0, neurons, scratch, sums)
    return n + taken


@compiled(_nrt=False, no_cpython_wrapper=True)
def recall(address, kind, row, n, copies, _unused):
    """Take in the n-th sample ahead, and write its potentials; return how many inputs are active."""
    _samples, learning, _constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    values, active = memory_of_inputs(learning, state, scratch)
    return ahead.recall(n, copies, learning, state, scratch, active, values, results.potentials[row])


@compiled(_nrt=False, no_cpython_wrapper=True)
def keep_copies(address, kind, count, copies, _unused, _also):
    """Copy the synapses of the neurons just written; return how many have copies then, -1 if too many."""
    _samples, _learning, _constants, state, scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    return ahead.keep_copies(count, copies, state.synapses, scratch)


@compiled(_nrt=False, no_cpython_wrapper=True)
def integrate(address, kind, row, size, mean_written, _unused):
    """Write the potentials of a sample that was taken in: with the team, where that pays, or of another norm."""
    _samples, learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    values, active = memory_of_inputs(learning, state, scratch)
    potentials, neurons = results.potentials[row], state.scales.size
    if constants.lebesgue != TWO:
        power = constants.lebesgue - ONE
        integrate_powers(values, active, size, power, state.synapses, state.scales, potentials)
    elif ways.with_team(learning, scratch) and is_shared(size, neurons, mean_written, scratch):
        signals, sums = scratch.signals[0], results.potentials[row : row + 1]
        signals[layout.TAKEN], signals[layout.BREADTH] = 0, size
        signals[layout.PENDING_ROW] = state.counters[layout.PENDING] if learning else -1
        sum_together(size * neurons, values, active, state.synapses, scratch, sums)
        scale_sums(potentials, state.scales)
    else:
        integrate_alone(values, active, size, state.synapses, state.scales, potentials)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def read_cells(address, kind, row, size, _unused, _also):
    """Do what `integrate` does, where synapses are the cells of a crossbar."""
    _samples, learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    values, active = memory_of_inputs(learning, state, scratch)
    devices.read_columns(values, active, size, learning, constants, state, scratch, results.potentials[row])
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def convert(address, kind, row, _unused, _also, _too):
    """Write what competes, from the potentials."""
    _samples, learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    sharpness, lanes, drive = temperature.sharpness_at(state.lead[0], constants), scratch.lanes, scratch.drive
    competition.convert(results.potentials[row], learning, constants, sharpness, state.activity, lanes, drive)
    beginning.put_behind(drive, constants, state)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def compete(address, kind, row, label, _n, _unused):
    """Write the responses; return the winner."""
    _samples, _learning, constants, state, scratch, results, _own, _marks, stages = kept_at(address, kind)
    potentials, responses, lanes, order = (
        results.potentials[row],
        results.responses[row],
        scratch.lanes,
        scratch.written,
    )
    sharpness = temperature.sharpness_of(potentials, constants, state)
    drive = scratch.drive if stages.convert != 0 else potentials
    return competition.compete(drive, label, constants, sharpness, lanes, order, responses)


@compiled(_nrt=False, no_cpython_wrapper=True)
def compete_by_own(address, kind, row, _label, _n, _unused):
    """Do what `compete` does, by the user's competition."""
    _samples, _learning, _constants, _state, scratch, results, own, _marks, stages = kept_at(address, kind)
    drive, responses = scratch.drive if stages.convert != 0 else results.potentials[row], results.responses[row]
    winner, _finite = own_competition.compete(own.competition, drive, own.parameters, responses)
    return winner


@compiled(_nrt=False, no_cpython_wrapper=True)
def take_responses(address, kind, row, _label, n, _unused):
    """Do what `compete` does, with responses that are given; return a neuron with a wild potential, if there is one."""
    samples, _learning, _constants, _state, _scratch, results, _own, _marks, _stages = kept_at(address, kind)
    given, potentials, responses = samples.responses[n], results.potentials[row], results.responses[row]
    copy_into(given, responses)
    wild = own_competition.first_wild(potentials, responses)
    return wild if wild >= 0 else first_index(given, maximum(given))


@compiled(_nrt=False, no_cpython_wrapper=True)
def count_for_means(address, kind, row, winner, _unused, _also):
    """Count a sample for the running means."""
    _samples, _learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    potentials, responses = results.potentials[row], results.responses[row]
    means.count_for_means(winner, potentials, responses, constants, state.pending_sums, scratch)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def move_means(address, kind, _unused, _also, _too, _last):
    """Move the running means by those over the window."""
    _samples, _learning, constants, state, _scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    means.move_means(constants, state)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def overlaps(address, kind, samples, _unused, _also, _too):
    """Write the inner products of the pending samples with one another into scratch.gram."""
    _samples, _learning, _constants, state, scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    for p in range(samples):
        scratch.values[:] = ZERO
        for j in range(state.pending_sizes[p]):
            scratch.values[state.pending_active[p, j]] = state.pending_inputs[p, j]
        for q in range(p + 1):
            dot = scratch.values[0] * ZERO
            for j in range(state.pending_sizes[q]):
                dot += state.pending_inputs[q, j] * scratch.values[state.pending_active[q, j]]
            scratch.gram[p, q] = dot
            scratch.gram[q, p] = dot
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def totals(address, kind, row, _unused, _also, _too):
    """Write the sum of |u| of each sample of the window."""
    _samples, _learning, _constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    potentials, _responses = full_window(row, state, results)
    for p in range(potentials.shape[0]):
        for k in range(potentials.shape[1]):
            scratch.order[k] = abs(potentials[p, k])
        scratch.totals[p] = total_of(scratch.order)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def propose(address, kind, n, row, count, _unused):
    """Ask the rule for each neuron's two numbers, where each neuron has a modulator of its own."""
    samples, _learning, constants, state, scratch, results, own, _marks, _stages = kept_at(address, kind)
    potentials, responses = full_window(row, state, results)
    rate = rate_by_time(constants, state.counters[layout.SAMPLES] - 1)
    propose_steps(count, potentials, responses, rate, samples.factors[n], constants, state, scratch, own.rule)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def mix(address, kind, row, _unused, _also, _too):
    """Learn by a rule in which a neuron sees what others explain."""
    _samples, _learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    rate = rate_by_time(constants, state.counters[layout.SAMPLES] - 1)
    every_synapse.learn_by_mixing(rate, results.responses[row : row + 1], constants, state, scratch)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def gate(address, kind, count, _unused, _also, _too):
    """Keep the neurons with the largest steps; return how many."""
    _samples, _learning, constants, _state, scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    return gates.gate(count, constants, scratch)


@compiled(_nrt=False, no_cpython_wrapper=True)
def eligibility(address, kind, count, _unused, _also, _too):
    """Keep the step in the synapses' eligibility, and let the modulator turn it into weight."""
    _samples, _learning, constants, state, scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    every_synapse.learn_by_eligibility(count, constants, state, scratch)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def move_by_largest(address, kind, count, _unused, _also, _too):
    """Apply what was proposed, divided by the largest change of all synapses."""
    _samples, _learning, constants, state, scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    rate = rate_by_time(constants, state.counters[layout.SAMPLES] - 1)
    every_synapse.move_by_largest(count, rate, constants, state, scratch)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def write_few_bits(address, kind, count, _unused, _also, _too):
    """Apply what was proposed, in synapses of few bits."""
    _samples, _learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    few_bits.write_few_bits(count, constants, state, scratch, results.live)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def write_cells(address, kind, count, _unused, _also, _too):
    """Apply what was proposed, in the cells of a crossbar."""
    _samples, _learning, constants, state, scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    devices.write_cells(count, constants, state, scratch)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def begin(address, kind, n, size, _unused, _also):
    """Let the next neuron begin as a sample."""
    _samples, _learning, constants, state, _scratch, results, _own, _marks, _stages = kept_at(address, kind)
    k, p = beginning.samples_taught(state) - 1, state.counters[layout.PENDING]
    active, values, live = state.pending_active[p], state.pending_inputs[p], results.live
    flips = beginning.begin_neuron(
        k, k, state.counters[layout.SAMPLES], size, active, values, constants, state, live
    )  # fmt: skip
    if results.tallies.shape[0] > 0:
        tallies.tally_beginning(n, k, size, flips, results)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def leak(address, kind, _unused, _also, _too, _last):
    """Let every neuron's weights decay by the window's time."""
    _samples, _learning, constants, state, _scratch, _results, _own, _marks, _stages = kept_at(address, kind)
    leak_all(constants, state)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def tally_inputs(address, kind, n, size, first, holes):
    """Count the events of a sample, and the synapses that they reach; `first` is the first sample ahead, or -1."""
    _samples, learning, _constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    _values, active = memory_of_inputs(learning, state, scratch)
    if first >= 0 and not learning:
        active = scratch.ahead_active[n - first]
    tallies.tally_inputs(n, size, active, holes != 0, state.scales.size, results)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def tally_live(address, kind, row, _unused, _also, _too):
    """Take the synapses that are about to be written out of those that are not zero."""
    _samples, _learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    _potentials, responses = full_window(row, state, results)
    tallies.tally_live(responses, constants, state, scratch, results.live, -1)
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def tally_writes(address, kind, n, asked, folds, holes):
    """Count what the window that ended with a sample has written."""
    _samples, _learning, constants, state, scratch, results, _own, _marks, _stages = kept_at(address, kind)
    _potentials, responses = full_window(n % results.potentials.shape[0], state, results)
    tallies.tally_writes(n, asked, folds, holes != 0, responses, constants, state, scratch, results)
    return 0


def stages_of(kind, samples, constants, state, scratch, results, own):
    """Return the stages that a layer has, compiled for arguments of a kind."""
    # Where there is one sample, there is none to look ahead at.
    of_cells, counts = constants.devices.shape[0] > 0, results.tallies.shape[0] > 0
    looks = scratch.ahead_sums.shape[0] > 0 and samples.values.shape[0] != 1 and not of_cells
    averages = constants.bias != UNBIASED or constants.moment > 0
    begins = constants.beginners > 0
    mixes = constants.rule in (SANGER, SUBSPACE)
    given, own_competes = samples.responses.shape[0] > 0, own.competition != 0
    asked = {
        sum_next: looks, recall: looks, keep_copies: looks,
        integrate: (constants.lebesgue != TWO or scratch.signals.shape[0] > 1) and not of_cells,
        read_cells: of_cells, write_cells: of_cells,
        convert: constants.activation != IDENTITY or constants.bias != UNBIASED or begins,
        compete: not (competition.is_plain(constants) or own_competes or given),
        compete_by_own: own_competes and not given, take_responses: given,
        count_for_means: averages, move_means: averages, begin: begins,
        overlaps: state.pending_sizes.size > 1, totals: constants.total and not mixes,
        propose: samples.factors.shape[0] > 0 and not mixes, mix: mixes,
        gate: constants.gated, eligibility: constants.eligibility > ZERO,
        move_by_largest: constants.largest,
        write_few_bits: constants.highest > ZERO, leak: constants.leak > ZERO,
        tally_inputs: counts, tally_live: counts, tally_writes: counts,
    }  # fmt: skip
    fields = dict.fromkeys((compete_by_own, take_responses), "compete")  # they take its place
    fields |= {read_cells: "integrate", write_cells: "write_few_bits"}
    needed = [one for one, is_asked in asked.items() if is_asked]
    return layout.Stages(**{fields.get(one, one.__name__): _entry(one, kind) for one in needed})


_ENTRIES = {}  # by stage and identity of a kind, which is kept beside: Numba makes equal kinds one object


def _entry(one, kind):
    """Return where a stage's code begins; to hash a kind, as a cache would, takes as long as dozens of samples."""
    found = _ENTRIES.get((one, id(kind)))
    if found is None:
        found = _ENTRIES[one, id(kind)] = entry_of(one, kind), kind
    return found[0]
