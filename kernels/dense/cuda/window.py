"""A window of samples: what waits for its end, and how a thread then sees it, as if its own neuron were the layer."""

from numba.extending import register_jitable

from neurosim.kernels.dense import means
from neurosim.kernels.dense.cuda.layout import Scratch
from neurosim.kernels.dense.cuda.survey import activated
from neurosim.kernels.dense.layout import State
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared.biases import counts_wins
from neurosim.kernels.shared.grid import cuda, meet
from neurosim.kernels.shared.numbers import ONE, ZERO


@register_jitable
def _count_for_means(k, winner, potential, response, constants, field, sums):
    """Add one sample to what a neuron's running means average over the window."""
    if counts_wins(constants.bias):
        sums[0, k] += ONE if k == winner else ZERO
    elif constants.bias == kernel_codes.LOG_PRIOR:
        sums[0, k] += response
    elif constants.bias == kernel_codes.MEAN_ACTIVITY:
        sums[0, k] += activated(constants.activation, constants.activation_exponent, potential, field)
    if constants.moment == 1:
        sums[1, k] += response
    elif constants.moment == 2:
        sums[1, k] += means.squared_response(response, constants)


@register_jitable
def _keep_sample(n, p, intake, state):
    """Keep a sample until its window ends; the grid shares the work."""
    size = intake.sizes[n]
    for j in range(cuda.grid(1), size, cuda.gridsize(1)):
        state.pending_inputs[p, j], state.pending_active[p, j] = intake.values[n, j], intake.active[n, j]
    if cuda.grid(1) == 0:
        state.pending_sizes[p], state.pending_modulators[p] = size, intake.modulators[n]


@register_jitable
def keep(n, pending, window, potential, response, field, constants, intake, state, seat):
    """Count a sample that is learned from, and keep it until its window ends."""
    k = seat.neuron
    if seat.owner:
        state.wins[k] += k == field.winner
        if constants.bias != kernel_codes.UNBIASED or constants.moment > 0:
            _count_for_means(k, field.winner, potential, response, constants, field, state.pending_sums)
        if window > 1:
            state.pending_potentials[pending, k], state.pending_responses[pending, k] = potential, response
    if window > 1:
        _keep_sample(n, pending, intake, state)


@register_jitable
def _overlap(p, q, state):
    """Return the inner product of two samples of a window: of the inputs that are active in both, in order."""
    i, j, dot = 0, 0, ZERO
    while i < state.pending_sizes[p] and j < state.pending_sizes[q]:
        one, other = state.pending_active[p, i], state.pending_active[q, j]
        if one == other:
            dot += state.pending_inputs[q, j] * state.pending_inputs[p, i]
        i += one <= other
        j += other <= one
    return dot


@register_jitable
def _write_overlaps(state, gram):
    """Write the inner products of a window's samples with one another; the grid shares the work."""
    window = gram.shape[0]
    for e in range(cuda.grid(1), window * window, cuda.gridsize(1)):
        p, q = e // window, e % window
        if q <= p:
            dot = _overlap(p, q, state)
            gram[p, q] = dot
            gram[q, p] = dot


@register_jitable
def only_neuron(k, state, counters, inputs, active, sizes, modulators, potentials, responses):
    """Return a state of one neuron, and of a window of these samples."""
    end = k + 1
    return State(
        synapses=state.synapses[:, k:end],
        scales=state.scales[k:end],
        norms=state.norms[k:end],
        wins=state.wins[k:end],
        counters=counters,
        input_norm=state.input_norm,
        lead=state.lead,
        activity=state.activity[k:end],
        traces=state.traces[k:end],
        steps=state.steps[:, k:end],
        eligibility=state.eligibility[:, k:end],
        eligibility_scales=state.eligibility_scales[k:end],
        pending_inputs=inputs,
        pending_active=active,
        pending_sizes=sizes,
        pending_modulators=modulators,
        pending_potentials=potentials,
        pending_responses=responses,
        pending_sums=state.pending_sums[:, k:end],
        squares=state.squares[k:end],
    )


@register_jitable
def only_scratch(k, memory):
    """Return the scratch of one neuron."""
    end, block = k + 1, cuda.blockIdx.x
    sheet = block if memory.gram.shape[0] > 1 else 0
    return Scratch(
        values=memory.grown[block],
        written=memory.place,
        growth=memory.growth[:, k:end],
        changes=memory.changes[k:end],
        overlaps=memory.overlaps[k:end],
        sizes=memory.sizes[k:end],
        totals=memory.totals[block],
        gram=memory.gram[sheet],
    )


@register_jitable
def full_window(n, window, intake, state, memory, results, seat):
    """Return a state of this thread's neuron and of the full window that ends with sample n; write its gram matrix."""
    k, end = seat.neuron, seat.neuron + 1
    if window > 1:
        meet()
        _write_overlaps(state, memory.gram[0])
        meet()
        return only_neuron(
            k, state, memory.counters[k], state.pending_inputs, state.pending_active, state.pending_sizes,
            state.pending_modulators, state.pending_potentials[:, k:end], state.pending_responses[:, k:end],
        )  # fmt: skip
    if cuda.threadIdx.x == 0:
        memory.gram[cuda.blockIdx.x if memory.gram.shape[0] > 1 else 0, 0, 0] = intake.squares[n]
    row, only = n % results.potentials.shape[0], n + 1
    return only_neuron(
        k, state, memory.counters[k], intake.values[n:only], intake.active[n:only], intake.sizes[n:only],
        intake.modulators[n:only], results.potentials[row : row + 1, k:end], results.responses[row : row + 1, k:end],
    )  # fmt: skip
