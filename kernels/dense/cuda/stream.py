r"""A dense layer on CUDA: the twin of `kernels/dense/stream.py`, resident while a chunk of samples streams through it.

One cooperative launch takes a chunk. Each block owns some neurons, and each of its threads at most one of them; their
synapses lie in the block's shared memory where they fit. For each sample the grid meets once: every block writes its
neurons' potentials, waits, and then computes for itself, from all potentials, who wins and what the responses are
normalised by. A neuron learns without waiting for others.

The arithmetic is that of the CPU: the same cells, on a layer of one neuron, and the same order of every sum (over the
active inputs term by term, over the neurons in LANES partial sums). Products and sums are not contracted, so a sample
gives the same bits on both, except for logarithms and powers, which come from each machine's own library.

Nothing imports this file unless a device is asked for.
"""

import math
from functools import cache
from typing import Any

from numba import float32, int32
from numba.extending import register_jitable

from neurosim.kernels.dense import inputs, layout
from neurosim.kernels.dense.cuda.layout import (
    CULPRIT,
    FLAGS,
    MOST_THREADS,
    NOBODY,
    SEEN,
    TAKEN,
    TILE,
    Kind,
    Seat,
)
from neurosim.kernels.dense.cuda.learning import begin, first_failure, learn, pass_time
from neurosim.kernels.dense.cuda.potentials import any_wild, load_synapses, write_potential
from neurosim.kernels.dense.cuda.survey import activated, rank_of, respond, softened, survey
from neurosim.kernels.dense.cuda.window import keep
from neurosim.kernels.dense.layout import Constants
from neurosim.kernels.dense.temperature import lead_over, moved_lead
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared.biases import acts
from neurosim.kernels.shared.grid import cuda, grid_kernel, meet
from neurosim.kernels.shared.numbers import LANES, ONE, TWO, ZERO


@register_jitable
def _known(given, kind):
    """Return the constants, with what the compiler knows already: what does nothing leaves no code."""
    activation_exponent = ONE if kind.plain_power else given.activation_exponent
    lebesgue = TWO if kind.euclidean else given.lebesgue
    leak = given.leak if kind.leaks else ZERO
    eligibility = given.eligibility if kind.waits else ZERO
    weight_sum = given.weight_sum if kind.sums else ZERO
    exponent = ONE if kind.plain_sending else given.exponent
    highest = given.highest if kind.few_bits else ZERO
    relative = given.relative if kind.relates else ZERO
    beginners = given.beginners if kind.begins else 0
    return Constants(  # Numba takes no condition within a call of so many keywords
        competition=kind.competition,
        soft=kind.soft,
        ranked=kind.ranked,
        by_label=kind.by_label,
        gated=kind.gated,
        winners=given.winners,
        signed=kind.signed,
        winner_only=kind.winner_only,
        competition_parameter=given.competition_parameter,
        sharpness=given.sharpness,
        relative=relative,
        activation=kind.activation,
        activation_exponent=activation_exponent,
        bias=kind.bias,
        bias_rate=given.bias_rate,
        bias_strength=given.bias_strength,
        rule=kind.rule,
        parameters=given.parameters,
        averaging=given.averaging,
        starts_at_mean=kind.starts_at_mean,
        moment=kind.moment,
        total=kind.total,
        schedule=kind.schedule,
        rate=given.rate,
        last_rate=given.last_rate,
        rate_samples=given.rate_samples,
        rate_power=given.rate_power,
        rate_floor=given.rate_floor,
        cap=given.cap,
        cutoff=given.cutoff,
        lebesgue=lebesgue,
        renormalise=kind.renormalise,
        weight_sum=weight_sum,
        largest=False,
        leak=leak,
        eligibility=eligibility,
        units=kind.units,
        forgetting=given.forgetting,
        beginners=beginners,
        first_norm=given.first_norm,
        negative=kind.negative,
        transmit=kind.transmit,
        exponent=exponent,
        instruments=kind.instruments,
        highest=highest,
        nearest=kind.nearest,
        salt=given.salt,
    )


@register_jitable
def _seat(width, depth, resident, neurons, products, tile, lanes, tops, ranks, flags):
    """Return a thread's seat."""
    first, thread = cuda.blockIdx.x * width, cuda.threadIdx.x
    mine = min(width, neurons - first)
    return Seat(
        first=first,
        mine=mine,
        width=width,
        depth=depth,
        owner=thread < mine,
        neuron=min(first + thread, neurons - 1),
        resident=resident,
        products=products,
        copy=products[2 * depth * width :],
        tile=tile,
        lanes=lanes,
        tops=tops,
        ranks=ranks,
        flags=flags,
    )


@register_jitable
def _is_wild(n, potential, failed, memory, seat):
    """Return whether a potential of sample n is not finite; note the thread's neuron, if it is the one."""
    wild = any_wild(memory.potentials[n % 2])
    if wild and seat.owner and not failed and not math.isfinite(potential):
        memory.failures[seat.neuron] = n + 1
    return wild


@register_jitable
def _is_undecided(n, field, memory, seat):
    """Return whether what decides the competition is not finite; note the winner."""
    undecided = not math.isfinite(field.top + field.share)
    if undecided and seat.owner and seat.neuron == field.winner:
        memory.failures[seat.neuron] = n + 1
    return undecided


@register_jitable
def _rank(n, biased, constants, field, memory, seat):
    """Return how many neurons come before the thread's own, where the competition asks for it."""
    if constants.ranked:
        return rank_of(False, seat.first, seat.mine, n % 2, biased, constants, field, memory, seat.ranks)
    return 0


@register_jitable
def _respond(n, label, rank, biased, constants, field, memory, results, seat):
    """Write the response of the thread's neuron, and return it; the first thread writes who won."""
    response = ZERO
    if seat.owner:
        response = respond(seat.neuron, label, rank, n % 2, biased, constants, field, memory)
        results.responses[n % results.responses.shape[0], seat.neuron] = response
    if cuda.grid(1) == 0:
        results.winners[n] = field.winner
    return response


@register_jitable
def _transmit(n, potential, constants, field, memory, results, seat):
    """Write what the thread's neuron sends, if anybody reads it."""
    if results.outputs.size == 0:
        return
    sent = field
    if constants.transmit == kernel_codes.SOFTMAX:
        sent = softened(
            constants.exponent, n % 2, constants, field.mean, field.highest, memory, seat.tile, seat.lanes
        )  # fmt: skip
    if seat.owner:
        z = activated(constants.transmit, constants.exponent, potential, sent)
        results.outputs[n % results.outputs.shape[0], seat.neuron] = z


@register_jitable
def _report(taken, learning, samples, blanks, pending, updates, lead, leads, intake, state, memory, seat):
    """Write how far the chunk was taken, and what was counted; the first block's work."""
    if cuda.blockIdx.x > 0:
        return
    sample, culprit = first_failure(memory.failures, seat.ranks, seat.flags)
    if cuda.threadIdx.x > 0:
        return
    intake.report[TAKEN] = sample - 1 if culprit < NOBODY else taken
    intake.report[CULPRIT] = culprit if culprit < NOBODY else -1
    if learning:
        state.counters[layout.SAMPLES], state.counters[layout.BLANKS] = samples, blanks
        state.counters[layout.PENDING], state.counters[layout.UPDATES] = pending, updates
        state.lead[0], state.lead[1] = lead, leads
        if taken > 0:
            state.input_norm[0] = intake.means[taken - 1]


@cache
def stream_grid(kind: Kind, own: Any = None) -> Any:
    """Return the resident kernel for layers of a kind; `own` is the user's rule, or None.

    Its arguments: `Intake`, as the three launches before it left it; whether to learn; `Constants`, `State`, `Memory`
    and `Results`, on the device; the neurons of a block (`width`); the active inputs whose products with synapses a
    block holds at once, twice (`depth`); and whether synapses stay in shared memory. The launch allocates that memory:
    products first, then synapses. `Intake.report` gets what `dense.stream` returns.
    """

    @grid_kernel
    def grid(intake, learning, given, state, memory, results, width, depth, asked):
        products = cuda.shared.array(0, float32)
        tile = cuda.shared.array(TILE, float32)
        lanes = cuda.shared.array(LANES, float32)
        tops = cuda.shared.array(MOST_THREADS, float32)
        ranks = cuda.shared.array(MOST_THREADS, int32)
        flags = cuda.shared.array(FLAGS, int32)
        constants, window = _known(given, kind), 1 if kind.single else state.pending_sizes.size
        resident = asked and not kind.waits  # what is written as a whole with every sample needs no copy
        seat = _seat(width, depth, resident, state.scales.size, products, tile, lanes, tops, ranks, flags)
        if resident:
            load_synapses(state.synapses, seat)
        habitual, biased = acts(constants.bias, learning), acts(constants.bias, learning) or constants.beginners > 0
        samples, blanks = state.counters[layout.SAMPLES], state.counters[layout.BLANKS]
        pending, updates = state.counters[layout.PENDING], state.counters[layout.UPDATES]
        lead, leads, failed, taken = state.lead[0], state.lead[1], False, 0
        if seat.owner:
            memory.failures[seat.neuron] = 0
        for n in range(intake.report[SEEN]):
            label = intake.labels[n] if intake.labels.size > 0 else -1
            begun = samples - blanks
            where = intake, state, memory, results, seat
            potential = write_potential(n, failed, habitual, begun, lead, constants, *where)
            meet()
            if _is_wild(n, potential, failed, memory, seat):
                break
            field = survey(n % 2, biased, lead, leads, constants, memory, tile, lanes, tops, ranks)
            rank = _rank(n, biased, constants, field, memory, seat)
            if _is_undecided(n, field, memory, seat):
                break
            response = _respond(n, label if learning else -1, rank, biased, constants, field, memory, results, seat)
            _transmit(n, potential, constants, field, memory, results, seat)
            taken = n + 1
            if not learning:
                continue
            samples += 1
            blank = not inputs.teaches(learning, intake.sizes[n], label, constants.by_label)
            if blank or begun < constants.beginners:
                blanks += blank
                if not blank:
                    begin(begun, n, samples, constants, intake, state, memory, results, seat)
                failed |= pass_time(n, constants, *where)
                continue
            if constants.relative > ZERO:
                lead, leads = moved_lead(lead_over(field.highest, field.mean), lead, leads, constants.forgetting)
            keep(n, pending, window, potential, response, field, constants, intake, state, seat)
            pending += 1
            if pending < window:
                continue
            pending = 0
            failed |= learn(
                n, window, samples, updates, biased, field, constants, intake, state, memory, results, own, seat
            )  # fmt: skip
            updates += 1
            if failed:
                memory.failures[seat.neuron] = n + 1
        meet()
        _report(taken, learning, samples, blanks, pending, updates, lead, leads, intake, state, memory, seat)

    return grid
