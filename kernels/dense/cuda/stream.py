r"""A dense layer on CUDA: the twin of `kernels/dense.py`, resident while a chunk of samples streams through it.

One cooperative launch takes a chunk. Each block owns some neurons, each of its threads one of them at most, and their
synapses lie in the block's shared memory where they fit. A sample crosses the grid's barrier once: every block writes
its neurons' potentials, waits, and then finds out for itself, from all potentials, who wins and what the responses are
shares of. Learning is a neuron's own matter, so nobody waits for it.

The arithmetic is that of the CPU: the same cells, on a layer of one neuron, and the same order of every sum (terms one
after another over the active inputs, LANES partial sums over the neurons). Compiled without contraction of products
and sums, a sample gives the same bits on both, but for logarithms and powers, which each has from its own library.

This file is not cached on disk, so that it may take its cells from another one; the core never imports it.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numba import float32, int32
from numba.extending import register_jitable

from neurosim.kernels.dense import (
    competition,
    every_synapse,
    inputs,
    layout,
    means,
    rates,
)
from neurosim.kernels.dense.cuda.layout import (
    CULPRIT,
    FLAGS,
    MOST_THREADS,
    NOBODY,
    NOT_A_NUMBER,
    NOT_WRITTEN,
    SEEN,
    TAKEN,
    TILE,
    Kind,
)
from neurosim.kernels.dense.cuda.learning import (
    count_for_means,
    first_failure,
    grow,
    is_touched,
    keep_sample,
    only_neuron,
    only_scratch,
    reverse_step,
    write_few_bits,
    write_overlaps,
)
from neurosim.kernels.dense.cuda.potentials import choose, integrate, load_synapses, reload_synapses
from neurosim.kernels.dense.cuda.survey import SIZES, activated, rank_of, respond, softened, sum_over_neurons, survey
from neurosim.kernels.dense.layout import Constants
from neurosim.kernels.dense.learning import apply_decay, leak_all, propose_steps, settle_norms
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared.grid import cuda, grid_kernel
from neurosim.kernels.shared.numbers import LANES, ONE, TWO, ZERO


@cache
def stream_grid(kind: Kind, own: Any = None) -> Any:
    """Return the resident kernel for layers of a kind; `own` is the user's rule, or None.

    It takes `Intake`, as the three launches left it; whether to learn; `Constants`, `State`, `Memory` and `Results`, on
    the device; how many neurons a block has; how many inputs' products with their synapses it holds at once, twice; and
    whether the synapses stay in its shared memory. The launch gives it that memory: products first. `Intake.report`
    says what `dense.stream` returns.
    """

    @register_jitable
    def known(given):
        """Return the constants, with what the compiler knows already: what does nothing leaves no code."""
        power = ONE if kind.plain_power else given.activation_exponent
        exponent = ONE if kind.plain_sending else given.exponent
        lebesgue = TWO if kind.euclidean else given.lebesgue
        leak = given.leak if kind.leaks else ZERO
        eligibility = given.eligibility if kind.waits else ZERO
        highest = given.highest if kind.few_bits else ZERO
        return Constants(
            competition=kind.competition, soft=kind.soft, ranked=kind.ranked, by_label=kind.by_label,
            gated=kind.gated, winners=given.winners, signed=kind.signed, winner_only=kind.winner_only,
            competition_parameter=given.competition_parameter, sharpness=given.sharpness, activation=kind.activation,
            activation_exponent=power, bias=kind.bias, bias_rate=given.bias_rate, bias_strength=given.bias_strength,
            rule=kind.rule, parameters=given.parameters, averaging=given.averaging, moment=kind.moment,
            total=kind.total, schedule=kind.schedule, rate=given.rate, last_rate=given.last_rate,
            rate_samples=given.rate_samples, rate_power=given.rate_power, rate_floor=given.rate_floor, cap=given.cap,
            cutoff=given.cutoff, lebesgue=lebesgue, renormalise=kind.renormalise, leak=leak, eligibility=eligibility,
            units=kind.units, forgetting=given.forgetting, negative=kind.negative, transmit=kind.transmit,
            exponent=exponent, instruments=kind.instruments, highest=highest, nearest=kind.nearest, salt=given.salt,
        )  # fmt: skip

    @register_jitable
    def propose(us, ys, rate, constants, one, scratch):
        """Ask the rule for the one neuron's step; return whether it is finite."""
        propose_steps(1, us, ys, rate, constants, one, scratch, own)
        return math.isfinite(scratch.sizes[0])

    @grid_kernel
    def grid(intake, learning, given, state, memory, results, width, depth, asked):
        constants = known(given)
        thread, block, blocks = cuda.threadIdx.x, cuda.blockIdx.x, cuda.gridDim.x
        everybody, neurons = cuda.cg.this_grid(), state.scales.size
        window = 1 if kind.single else state.pending_sizes.size
        first = block * width
        mine = min(width, neurons - first)
        owner, k = thread < mine, min(first + thread, neurons - 1)
        products = cuda.shared.array(0, float32)
        room = products[2 * depth * width :]
        tile = cuda.shared.array(TILE, float32)
        lanes = cuda.shared.array(LANES, float32)
        tops = cuda.shared.array(MOST_THREADS, float32)
        places = cuda.shared.array(MOST_THREADS, int32)
        flags = cuda.shared.array(FLAGS, int32)
        resident = asked and not kind.waits  # what is written as a whole with every sample needs no copy
        if resident:
            load_synapses(mine, first, width, state.synapses, room)
        biased = constants.bias == kernel_codes.LOG_PRIOR or (learning and constants.bias != kernel_codes.UNBIASED)
        seen, blanks = state.counters[layout.SAMPLES], state.counters[layout.BLANKS]
        pending, updates = state.counters[layout.PENDING], state.counters[layout.UPDATES]
        failed, taken = False, 0
        if owner:
            memory.failures[k] = 0
        for n in range(intake.report[SEEN]):
            row, half, size = n % results.potentials.shape[0], n % 2, intake.sizes[n]
            label = intake.labels[n] if intake.labels.size > 0 else -1
            potential = integrate(
                intake.values[n], intake.active[n], size, depth, first, mine, width, resident, constants.lebesgue,
                state.synapses, room, products,
            )  # fmt: skip
            if owner:
                scale = state.scales[k]
                potential *= scale if constants.lebesgue == TWO else scale ** (constants.lebesgue - ONE)
                results.potentials[row, k] = potential
                memory.potentials[half, k] = NOT_A_NUMBER if failed else potential
                if biased:
                    memory.biases[half, k] = competition.bias_of(constants, state.activity[k], neurons)
            everybody.sync()
            wild = False
            for other in range(thread, neurons, cuda.blockDim.x):
                wild |= not math.isfinite(memory.potentials[half, other])
            if cuda.syncthreads_or(np.int32(wild)):
                if owner and not failed and not math.isfinite(potential):
                    memory.failures[k] = n + 1
                break
            field = survey(half, biased, constants, memory, tile, lanes, tops, places)
            rank = 0
            if constants.ranked:
                rank = rank_of(False, first, mine, half, biased, constants, field, memory, places)
            if not math.isfinite(field.top + field.share):
                if owner and k == field.winner:
                    memory.failures[k] = n + 1
                break
            response = ZERO
            if owner:
                response = respond(k, label if learning else -1, rank, half, biased, constants, field, memory)
                results.responses[row, k] = response
            if results.outputs.size > 0:
                sent = field
                if constants.transmit == kernel_codes.SOFTMAX:
                    sent = softened(constants.exponent, half, constants, field.mean, field.highest, memory, tile, lanes)
                if owner:
                    z = activated(constants.transmit, constants.exponent, potential, sent)
                    results.outputs[n % results.outputs.shape[0], k] = z
            if block == 0 and thread == 0:
                results.winners[n] = field.winner
            taken = n + 1
            if not learning:
                continue
            seen += 1
            if not inputs.teaches(learning, size, label, constants.by_label):
                blanks += 1
                continue
            if owner:
                state.wins[k] += k == field.winner
                if constants.bias != kernel_codes.UNBIASED or constants.moment > 0:
                    count_for_means(k, field.winner, potential, response, constants, field, state.pending_sums)
                if window > 1:
                    state.pending_potentials[pending, k], state.pending_responses[pending, k] = potential, response
            if window > 1:
                keep_sample(intake, n, pending, block, blocks, state)
            pending += 1
            if pending < window:
                continue
            pending = 0
            counts, scratch = memory.counters[k], only_scratch(k, block, memory)
            if window > 1:
                everybody.sync()
                write_overlaps(block, blocks, state, memory.gram[0])
                everybody.sync()
                one = only_neuron(
                    k, state, counts, state.pending_inputs, state.pending_active, state.pending_sizes,
                    state.pending_modulators,
                )  # fmt: skip
                us, ys = one.pending_potentials, one.pending_responses
            else:
                end = n + 1
                one = only_neuron(
                    k, state, counts, intake.values[n:end], intake.active[n:end], intake.sizes[n:end],
                    intake.modulators[n:end],
                )  # fmt: skip
                us, ys = results.potentials[row : row + 1, k : k + 1], results.responses[row : row + 1, k : k + 1]
                if thread == 0:
                    scratch.gram[0, 0] = intake.squares[n]
            if constants.total:
                for p in range(window):
                    others = state.pending_potentials[p] if window > 1 else memory.potentials[half]
                    total = sum_over_neurons(SIZES, half, False, constants, field, ONE, memory, others, tile, lanes)
                    if thread == 0:
                        memory.totals[block, p] = total
            cuda.syncthreads()
            rate = rates.rate_by_time(constants, seen - 1)
            learns, folds = False, counts[layout.FOLDS] if owner else 0
            if owner:
                counts[layout.UPDATES] = updates
                if constants.bias != kernel_codes.UNBIASED or constants.moment > 0:
                    means.move_means(constants, one)
                learns = is_touched(ys, constants.cutoff)
                if learns and not propose(us, ys, rate, constants, one, scratch):
                    learns, failed = False, True
            updates += 1
            if constants.gated:
                if owner and not learns:
                    memory.sizes[k] = NOT_WRITTEN
                everybody.sync()
                rank = rank_of(True, first, mine, half, biased, constants, field, memory, places)
                learns = learns and rank < constants.winners
                if learns and constants.signed and rank > 0:
                    reverse_step(scratch)
            stale = False
            if constants.eligibility > ZERO:
                stale = owner
                if owner:
                    every_synapse.learn_by_eligibility(1 if learns else 0, constants, one, scratch)
                    failed |= not math.isfinite(state.norms[k])
            elif constants.highest > ZERO:
                stale, count = learns, choose(learns, mine, flags)
                write_few_bits(block, first, seen, count, flags, constants, state, one, memory, results.live)
            else:
                folded = learns and apply_decay(1, constants, one, scratch)
                reload_synapses(folded, mine, first, width, resident, state.synapses, room, flags)
                folds = counts[layout.FOLDS] if owner else folds
                count = choose(learns, mine, flags)
                for p in range(window if count > 0 else 0):
                    grow(p, count, first, width, resident, one, state.synapses, room, memory.growth, flags)
                if learns:
                    settle_norms(1, folded, constants, one, scratch)
            if owner and constants.leak > ZERO:
                leak_all(constants, one)
            stale = stale or (owner and counts[layout.FOLDS] != folds)
            reload_synapses(stale, mine, first, width, resident, state.synapses, room, flags)
            if learns and not math.isfinite(state.norms[k]):
                failed = True
            if failed:
                memory.failures[k] = n + 1
        everybody.sync()
        if block > 0:
            return
        sample, culprit = first_failure(memory.failures, places, flags)
        if thread > 0:
            return
        intake.report[TAKEN] = sample - 1 if culprit < NOBODY else taken
        intake.report[CULPRIT] = culprit if culprit < NOBODY else -1
        if learning:
            state.counters[layout.SAMPLES], state.counters[layout.BLANKS] = seen, blanks
            state.counters[layout.PENDING], state.counters[layout.UPDATES] = pending, updates
            if taken > 0:
                state.input_norm[0] = intake.means[taken - 1]

    return grid
