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
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import config, cuda, float32, int32
from numba.extending import register_jitable
from numpy.typing import NDArray

from neurosim.kernels import dense
from neurosim.kernels.dense import LANES, LEAST, ONE, TWO, ZERO, Constants, State

TILE = 2048  # neurons whose exponentials are held at once
MOST_THREADS = 512  # of a block, a power of two
FLAGS = 2 * MOST_THREADS
NOBODY, FIRST = np.int32(2**31 - 1), np.int32(0)
NOT_A_NUMBER = np.float32(np.nan)
NOT_WRITTEN = np.float32(-1)  # the size of no step
SEEN, TAKEN, CULPRIT = 0, 1, 2  # places in Intake.report: samples admitted, samples taken, the neuron that diverged


def _grid(function: Callable[..., None]) -> Any:
    """Make a function a kernel, without the linker's optimiser: it would contract products and sums after all."""
    options = {} if config.ENABLE_CUDASIM else {"lto": False}  # a simulator has no linker
    return cuda.jit(function, **options)  # as a decorator with options, it forgets this one


class Intake(NamedTuple):
    """A chunk of samples as it is taken in: active inputs packed, in the layer's units."""

    samples: NDArray[np.float32]  # (samples, inputs) as they came
    labels: NDArray[np.int64]  # (samples or 0,)
    modulators: NDArray[np.float32]  # (samples,)
    values: NDArray[np.float32]  # (samples, inputs)
    active: NDArray[np.int32]  # (samples, inputs)
    sizes: NDArray[np.int64]  # (samples,)
    squares: NDArray[np.float32]  # (samples,) |x|^2
    gains: NDArray[np.float32]  # (samples,)
    means: NDArray[np.float32]  # (samples,) running mean of |x| by then
    input_norm: NDArray[np.float32]  # (1,) to work with, as the next
    counters: NDArray[np.int64]  # (dense.COUNTERS,)
    report: NDArray[np.int64]  # (3,)


class Memory(NamedTuple):
    """What the grid works in. A neuron's own numbers are touched by its own thread alone."""

    potentials: NDArray[np.float32]  # (2, neurons) of this sample and of the one before, for every block to read
    biases: NDArray[np.float32]  # (2, neurons)
    growth: NDArray[np.float32]  # (window, neurons)
    changes: NDArray[np.float32]  # (neurons,)
    overlaps: NDArray[np.float32]  # (neurons,)
    sizes: NDArray[np.float32]  # (neurons,)
    gram: NDArray[np.float32]  # (1, window, window); of a window of one, (blocks, 1, 1)
    totals: NDArray[np.float32]  # (blocks, window)
    grown: NDArray[np.float32]  # (blocks, inputs)
    counters: NDArray[np.int64]  # (neurons, dense.COUNTERS) what each neuron has added since the layer came here
    failures: NDArray[np.int64]  # (neurons,) sample at which a neuron diverged, from 1; or 0
    place: NDArray[np.int64]  # (1,) 0: the place of a thread's neuron in a layer of one


class Scratch(NamedTuple):
    """What learning works in, of a layer of one neuron: those members of `dense.Scratch` that it looks at."""

    values: NDArray[np.float32]
    written: NDArray[np.int64]
    growth: NDArray[np.float32]
    changes: NDArray[np.float32]
    overlaps: NDArray[np.float32]
    sizes: NDArray[np.float32]
    totals: NDArray[np.float32]
    gram: NDArray[np.float32]


class Kind(NamedTuple):
    """What a kernel is compiled for: the codes of `dense.Constants`, and which of its numbers do anything at all."""

    competition: int
    signed: bool
    winner_only: bool
    activation: int
    bias: int
    rule: int
    moment: int
    total: bool
    schedule: int
    renormalise: bool
    units: int
    negative: bool
    transmit: int
    instruments: bool
    nearest: bool
    plain_power: bool  # of the activation: 1
    plain_sending: bool
    euclidean: bool
    leaks: bool
    waits: bool  # for a modulator
    few_bits: bool
    single: bool  # a window of one


def kind_of(constants: Constants, window: int) -> Kind:
    """Return what a layer's kernel is compiled for."""
    codes = {name: getattr(constants, name) for name in Kind._fields if name in Constants._fields}
    return Kind(
        **codes, plain_power=bool(constants.activation_exponent == 1), plain_sending=bool(constants.exponent == 1),
        euclidean=bool(constants.lebesgue == 2), leaks=bool(constants.leak > 0), waits=bool(constants.eligibility > 0),
        few_bits=bool(constants.highest > 0), single=window == 1,
    )  # fmt: skip


class Field(NamedTuple):
    """What a neuron must know of all others to find its response."""

    mean: np.float32  # of the potentials
    highest: np.float32
    softness: np.float32  # share of f's own softmax
    top: np.float32  # largest drive
    winner: int
    share: np.float32


# Taking in a chunk: three launches, one thread for each sample, one thread for all, one block for each sample.


@_grid
def gather_grid(intake, negative):  # type: ignore[no-untyped-def]
    """Pack each sample's active inputs."""
    n = cuda.grid(1)
    if n < intake.samples.shape[0]:
        intake.sizes[n], intake.squares[n] = dense._gather(
            intake.samples[n], negative, intake.active[n], intake.values[n]
        )


@_grid
def admit_grid(intake, learning, constants, input_norm, counters):  # type: ignore[no-untyped-def]
    """Find what each sample is multiplied by, one after another: a running mean looks at all before."""
    if cuda.grid(1) > 0:
        return
    intake.input_norm[0] = input_norm[0]
    for place in range(counters.size):
        intake.counters[place] = counters[place]
    taken, samples = 0, intake.samples.shape[0]
    while taken < samples:
        label = intake.labels[taken] if intake.labels.size > 0 else -1
        size, square = intake.sizes[taken], intake.squares[taken]
        size, gain = dense._admit(size, square, label, learning, constants, intake)
        if size < 0:
            break
        intake.sizes[taken], intake.gains[taken], intake.squares[taken] = size, gain, square * (gain * gain)
        intake.means[taken] = intake.input_norm[0]
        if learning:
            intake.counters[dense.SAMPLES] += 1
            intake.counters[dense.BLANKS] += not dense._teaches(learning, size, label, constants.competition)
        taken += 1
    intake.report[SEEN] = taken


@_grid
def scale_grid(intake):  # type: ignore[no-untyped-def]
    """Put each sample in the layer's units."""
    n = cuda.blockIdx.x
    if n < intake.report[SEEN]:
        for j in range(cuda.threadIdx.x, intake.sizes[n], cuda.blockDim.x):
            intake.values[n, j] *= intake.gains[n]


# One sample in a block: every thread of it calls these.


@register_jitable
def _produce(values, active, begin, end, first, mine, width, resident, power, synapses, room, products):  # type: ignore[no-untyped-def]
    """Write the products of some active inputs with the block's synapses, four at a time, as loads take long."""
    thread = cuda.threadIdx.x
    abreast = cuda.blockDim.x // mine
    row, column = thread // mine, thread % mine
    if row >= abreast:
        return
    if power != ONE:
        for j in range(begin + row, end, abreast):
            place = active[j] * width + column
            v0 = room[place] if resident else synapses[active[j], first + column]
            products[(j - begin) * mine + column] = values[j] * dense._signed_power(v0, power)
        return
    for j in range(begin + row, end, 4 * abreast):
        j1, j2, j3 = j + abreast, j + 2 * abreast, j + 3 * abreast
        j1, j2, j3 = j1 if j1 < end else j, j2 if j2 < end else j, j3 if j3 < end else j
        if resident:
            v0, v1 = room[active[j] * width + column], room[active[j1] * width + column]
            v2, v3 = room[active[j2] * width + column], room[active[j3] * width + column]
        else:
            v0, v1 = synapses[active[j], first + column], synapses[active[j1], first + column]
            v2, v3 = synapses[active[j2], first + column], synapses[active[j3], first + column]
        x0, x1, x2, x3 = values[j], values[j1], values[j2], values[j3]
        products[(j - begin) * mine + column] = x0 * v0
        products[(j1 - begin) * mine + column] = x1 * v1
        products[(j2 - begin) * mine + column] = x2 * v2
        products[(j3 - begin) * mine + column] = x3 * v3


@register_jitable
def _integrate(values, active, size, depth, first, mine, width, resident, lebesgue, synapses, room, products):  # type: ignore[no-untyped-def]
    """Return the sum of x v of this thread's neuron: all threads multiply, one a neuron adds, in order."""
    thread, power = cuda.threadIdx.x, lebesgue - ONE
    tiles, total = (size + depth - 1) // depth, ZERO
    for tile in range(tiles + 1 if tiles > 0 else 0):  # one tile is made while the one before is added
        begin, here = tile * depth, tile % 2 * depth * width
        if tile < tiles:
            end, place = min(begin + depth, size), products[here:]
            _produce(values, active, begin, end, first, mine, width, resident, power, synapses, room, place)
        if thread < mine and tile > 0:
            there, count = depth * width - here, min(depth, size - begin + depth)
            for j in range(count):
                total += products[there + j * mine + thread]
        cuda.syncthreads()
    return total


@register_jitable
def _function(function, exponent, potential, field):  # type: ignore[no-untyped-def]
    """Return f(u) of one neuron."""
    if function == dense.SOFTMAX:
        return dense._exponential(max(exponent * (potential - field.highest), LEAST)) * field.softness
    threshold = field.mean if function == dense.TRIANGLE else ZERO
    z = potential - threshold
    if function != dense.IDENTITY:
        z = max(z, ZERO)
    if function == dense.TRIANGLE and exponent == TWO:
        z *= z
    elif function == dense.TRIANGLE and exponent != ONE and z > ZERO:
        z = z**exponent
    return z


@register_jitable
def _drive(k, half, biased, constants, field, memory):  # type: ignore[no-untyped-def]
    """Return what of a neuron competes."""
    z = memory.potentials[half, k]
    if constants.activation != dense.IDENTITY:
        z = _function(constants.activation, constants.activation_exponent, z, field)
    return z + memory.biases[half, k] if biased else z


@register_jitable
def _top(half, plain, biased, constants, field, memory, tops, places):  # type: ignore[no-untyped-def]
    """Return the largest drive, or potential if `plain`, and the first neuron that has it."""
    thread, threads, neurons = cuda.threadIdx.x, cuda.blockDim.x, memory.potentials.shape[1]
    place = min(thread, neurons - 1)
    top = memory.potentials[half, place] if plain else _drive(place, half, biased, constants, field, memory)
    for k in range(thread + threads, neurons, threads):
        z = memory.potentials[half, k] if plain else _drive(k, half, biased, constants, field, memory)
        if z > top:
            top, place = z, k
    tops[thread], places[thread] = top, place
    reach = threads // 2
    while reach > 0:
        cuda.syncthreads()
        if thread < reach:
            other, elsewhere = tops[thread + reach], places[thread + reach]
            if other > tops[thread] or (other == tops[thread] and elsewhere < places[thread]):
                tops[thread], places[thread] = other, elsewhere
        reach //= 2
    cuda.syncthreads()
    top, place = tops[0], places[0]
    cuda.syncthreads()
    return top, place


PLAIN, SIZES, SOFTENED, EXPONENTIALS = 0, 1, 2, 3  # terms of a sum over all neurons


@register_jitable
def _term(kind, k, half, biased, constants, field, exponent, memory):  # type: ignore[no-untyped-def]
    """Return one neuron's term."""
    if kind == PLAIN:
        return memory.potentials[half, k]
    if kind == SOFTENED:
        return dense._exponential(max(exponent * (memory.potentials[half, k] - field.highest), LEAST))
    z = _drive(k, half, biased, constants, field, memory)
    return dense._exponential(max(constants.sharpness * (z - field.top), LEAST))


@register_jitable
def _total(kind, half, biased, constants, field, exponent, memory, others, tile, lanes):  # type: ignore[no-untyped-def]
    """Return a sum over all neurons, as `dense._total` adds it; of |u| of `others` if it is of SIZES."""
    thread, threads, neurons = cuda.threadIdx.x, cuda.blockDim.x, memory.potentials.shape[1]
    for j in range(thread, LANES, threads):
        lanes[j] = ZERO
    for begin in range(0, neurons, TILE):
        count = min(TILE, neurons - begin)
        for e in range(thread, count, threads):
            if kind == SIZES:
                tile[e] = abs(others[begin + e])
            else:
                tile[e] = _term(kind, begin + e, half, biased, constants, field, exponent, memory)
        cuda.syncthreads()
        for j in range(thread, LANES, threads):
            part = lanes[j]
            for e in range(j, count, LANES):
                part += tile[e]
            lanes[j] = part
        cuda.syncthreads()
    reach = LANES // 2
    while reach > 0:
        for j in range(thread, reach, threads):
            lanes[j] += lanes[reach + j]
        cuda.syncthreads()
        reach //= 2
    total = lanes[0]
    cuda.syncthreads()
    return total


@register_jitable
def _softened(exponent, half, constants, mean, highest, memory, tile, lanes):  # type: ignore[no-untyped-def]
    """Return a field in which f, or what is sent, is a softmax of the potentials."""
    field = Field(mean, highest, ONE, ZERO, FIRST, ONE)
    total = _total(SOFTENED, half, False, constants, field, exponent, memory, memory.sizes, tile, lanes)
    return Field(mean, highest, ONE / total, ZERO, FIRST, ONE)


@register_jitable
def _survey(half, biased, constants, memory, tile, lanes, tops, places):  # type: ignore[no-untyped-def]
    """Return what decides the competition, and the mean and highest potential where somebody asks for them."""
    mean, highest, softness, neurons = ZERO, ZERO, ONE, np.float32(memory.potentials.shape[1])
    nothing = Field(mean, highest, softness, ZERO, FIRST, ONE)
    if constants.activation == dense.TRIANGLE or constants.transmit == dense.TRIANGLE:
        mean = _total(PLAIN, half, False, constants, nothing, ONE, memory, memory.sizes, tile, lanes) / neurons
    if constants.activation == dense.SOFTMAX or constants.transmit == dense.SOFTMAX:
        highest, _ = _top(half, True, False, constants, nothing, memory, tops, places)
    if constants.activation == dense.SOFTMAX:
        softness = _softened(
            constants.activation_exponent, half, constants, mean, highest, memory, tile, lanes
        ).softness
    plain = constants.activation == dense.IDENTITY and not biased
    field = Field(mean, highest, softness, ZERO, FIRST, ONE)
    top, winner = _top(half, plain, biased, constants, field, memory, tops, places)
    field = Field(mean, highest, softness, top, winner, ONE)
    if constants.competition != dense.SOFT and constants.competition != dense.CORRECTED:
        return field
    total = _total(EXPONENTIALS, half, biased, constants, field, ONE, memory, memory.sizes, tile, lanes)
    return Field(mean, highest, softness, top, winner, ONE / total)


@register_jitable
def _rank(steps, first, mine, half, biased, constants, field, memory, ranks):  # type: ignore[no-untyped-def]
    """Return how many neurons come before this thread's one, by step if `steps`, else by drive; ties by number."""
    thread, neurons = cuda.threadIdx.x, memory.potentials.shape[1]
    abreast = cuda.blockDim.x // mine
    row, k = thread // mine, first + thread % mine
    before = 0
    if row < abreast:
        own = memory.sizes[k] if steps else _drive(k, half, biased, constants, field, memory)
        for other in range(row, neurons, abreast):
            z = memory.sizes[other] if steps else _drive(other, half, biased, constants, field, memory)
            before += z > own or (z == own and other < k)
    ranks[thread] = before
    cuda.syncthreads()
    if thread < mine:
        for part in range(1, abreast):
            before += ranks[part * mine + thread]
    return before


@register_jitable
def _respond(k, label, rank, half, biased, constants, field, memory):  # type: ignore[no-untyped-def]
    """Return a neuron's response."""
    competition, response, winner = constants.competition, ZERO, field.winner
    if competition == dense.SOFT or competition == dense.CORRECTED:
        z = _drive(k, half, biased, constants, field, memory)
        response = dense._exponential(max(constants.sharpness * (z - field.top), LEAST)) * field.share
        if competition == dense.CORRECTED and label >= 0:
            response = -response
            response += ONE if k == label else ZERO
    elif competition == dense.HARD:
        response = ONE if k == winner else ZERO
    elif competition == dense.TAUGHT:
        response = ONE if k == (label if label >= 0 else winner) else ZERO
    elif competition == dense.K_WINNERS:
        response = ONE if rank < constants.winners else ZERO
    elif competition == dense.RANKED:
        response = -constants.opposition if rank == constants.winners - 1 else ZERO
        response = ONE if k == winner else response
    else:
        response = _drive(k, half, biased, constants, field, memory)
    if constants.winner_only:
        response = response if k == winner else ZERO
    elif constants.signed and competition != dense.GATED and k != winner:
        response = -response
    return response


# Learning: a thread sees the layer as if its own neuron were all of it.


@register_jitable
def _only(k, state, counters, inputs, active, sizes, modulators):  # type: ignore[no-untyped-def]
    """Return a state of one neuron, and of a window."""
    end = k + 1
    return State(
        state.synapses[:, k:end], state.scales[k:end], state.norms[k:end], state.wins[k:end], counters,
        state.input_norm, state.activity[k:end], state.traces[k:end], state.steps[:, k:end],
        state.eligibility[:, k:end], state.eligibility_scales[k:end], inputs, active, sizes, modulators,
        state.pending_potentials[:, k:end], state.pending_responses[:, k:end], state.pending_sums[:, k:end],
        state.squares[k:end],
    )  # fmt: skip


@register_jitable
def _only_scratch(k, block, memory):  # type: ignore[no-untyped-def]
    """Return the scratch of one neuron."""
    end, sheet = k + 1, block if memory.gram.shape[0] > 1 else 0
    return Scratch(
        memory.grown[block], memory.place, memory.growth[:, k:end], memory.changes[k:end], memory.overlaps[k:end],
        memory.sizes[k:end], memory.totals[block], memory.gram[sheet],
    )  # fmt: skip


@register_jitable
def _count(k, winner, potential, response, constants, field, sums):  # type: ignore[no-untyped-def]
    """Add one sample to what a neuron's running means average over the window."""
    if constants.bias == dense.CONSCIENCE:
        sums[0, k] += ONE if k == winner else ZERO
    elif constants.bias == dense.LOG_PRIOR:
        sums[0, k] += response
    elif constants.bias == dense.MEAN_ACTIVITY:
        sums[0, k] += _function(constants.activation, constants.activation_exponent, potential, field)
    if constants.moment == 1:
        sums[1, k] += response
    elif constants.moment == 2:
        sums[1, k] += dense._squared(response, constants)


@register_jitable
def _keep(intake, n, p, block, blocks, state):  # type: ignore[no-untyped-def]
    """Put a sample where its window waits for its end; the grid shares the work."""
    thread, threads, size = cuda.threadIdx.x, cuda.blockDim.x, intake.sizes[n]
    for j in range(block * threads + thread, size, blocks * threads):
        state.pending_inputs[p, j], state.pending_active[p, j] = intake.values[n, j], intake.active[n, j]
    if block == 0 and thread == 0:
        state.pending_sizes[p], state.pending_modulators[p] = size, intake.modulators[n]


@register_jitable
def _overlap(p, q, state):  # type: ignore[no-untyped-def]
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
def _overlaps(block, blocks, state, gram):  # type: ignore[no-untyped-def]
    """Write the inner products of a window's samples with one another; the grid shares the work."""
    window, threads = gram.shape[0], cuda.blockDim.x
    for place in range(block * threads + cuda.threadIdx.x, window * window, blocks * threads):
        p, q = place // window, place % window
        if q <= p:
            dot = _overlap(p, q, state)
            gram[p, q] = dot
            gram[q, p] = dot


@register_jitable
def _touched(responses, cutoff):  # type: ignore[no-untyped-def]
    """Return whether some sample of the window writes the one neuron."""
    touched = False
    for p in range(responses.shape[0]):
        touched |= abs(responses[p, 0]) >= cutoff
    return touched


@register_jitable
def _turn(scratch):  # type: ignore[no-untyped-def]
    """Turn the one neuron's step round."""
    scratch.changes[0] = -scratch.changes[0]
    scratch.overlaps[0] = -scratch.overlaps[0]
    for p in range(scratch.growth.shape[0]):
        scratch.growth[p, 0] = -scratch.growth[p, 0]


@register_jitable
def _choose(chosen, mine, flags):  # type: ignore[no-untyped-def]
    """Gather the block's neurons that are chosen, in order; return how many. `flags` begins with their places."""
    thread = cuda.threadIdx.x
    marks = flags[MOST_THREADS:]
    marks[thread] = 1 if chosen else 0
    count = cuda.syncthreads_count(np.int32(chosen))
    if chosen:
        place = 0
        for other in range(thread):
            place += marks[other]
        flags[place] = thread
    cuda.syncthreads()
    return count


@register_jitable
def _grow(p, count, first, width, resident, window, synapses, room, growth, flags):  # type: ignore[no-untyped-def]
    """Add c x / s to v for one sample of the window, in the synapses and in the block's copy of them."""
    values, active = window.pending_inputs[p], window.pending_active[p]
    for j in range(cuda.threadIdx.x, window.pending_sizes[p], cuda.blockDim.x):
        i, x = active[j], values[j]
        for m in range(count):
            column = flags[m]
            step = growth[p, first + column] * x
            if resident:
                grown = room[i * width + column] + step
                room[i * width + column] = grown
                synapses[i, first + column] = grown
            else:
                synapses[i, first + column] += step
    cuda.syncthreads()


@register_jitable
def _reload(stale, mine, first, width, resident, synapses, room, flags):  # type: ignore[no-untyped-def]
    """Copy the synapses of neurons that were written as a whole into the block's copy, if it has one."""
    count = _choose(stale, mine, flags)
    if resident and count > 0:
        for i in range(cuda.threadIdx.x, synapses.shape[0], cuda.blockDim.x):
            for m in range(count):
                room[i * width + flags[m]] = synapses[i, first + flags[m]]
    cuda.syncthreads()


@register_jitable
def _load(mine, first, width, synapses, room):  # type: ignore[no-untyped-def]
    """Copy the synapses of all the block's neurons."""
    for place in range(cuda.threadIdx.x, synapses.shape[0] * mine, cuda.blockDim.x):
        i, column = place // mine, place % mine
        room[i * width + column] = synapses[i, first + column]
    cuda.syncthreads()


@register_jitable
def _write_few_bits(block, first, samples, chosen, flags, constants, state, window, memory, live):  # type: ignore[no-untyped-def]
    """Apply what was proposed for the block's chosen neurons; one thread, as they share the memory to grow in."""
    if cuda.threadIdx.x > 0:
        return
    word = dense._sample_word(constants.salt, samples)
    for m in range(chosen):
        k = first + flags[m]
        one = _only(
            k, state, memory.counters[k], window.pending_inputs, window.pending_active, window.pending_sizes,
            window.pending_modulators,
        )  # fmt: skip
        dense._write_neuron_in_few_bits(0, k, word, constants, one, _only_scratch(k, block, memory), live)


@register_jitable
def _first_failure(failures, samples, neurons):  # type: ignore[no-untyped-def]
    """Return the first sample, from 1, at which a neuron diverged, and the neuron; NOBODY if none. A block does it."""
    thread = cuda.threadIdx.x
    sample, neuron = NOBODY, NOBODY
    for k in range(thread, failures.size, cuda.blockDim.x):
        if 0 < failures[k] < sample:
            sample, neuron = np.int32(failures[k]), np.int32(k)
    samples[thread], neurons[thread] = sample, neuron
    cuda.syncthreads()
    for other in range(cuda.blockDim.x):
        if samples[other] < sample or (samples[other] == sample and neurons[other] < neuron):
            sample, neuron = samples[other], neurons[other]
    return sample, neuron


@cache
def stream_grid(kind: Kind, own: Any = None) -> Any:
    """Return the resident kernel for layers of a kind; `own` is the user's rule, or None.

    It takes `Intake`, as the three launches left it; whether to learn; `Constants`, `State`, `Memory` and `Results`, on
    the device; how many neurons a block has; how many inputs' products with their synapses it holds at once, twice; and
    whether the synapses stay in its shared memory. The launch gives it that memory: products first. `Intake.report`
    says what `dense.stream` returns.
    """

    @register_jitable
    def known(given):  # type: ignore[no-untyped-def]
        """Return the constants, with what the compiler knows already: what does nothing leaves no code."""
        power = ONE if kind.plain_power else given.activation_exponent
        exponent = ONE if kind.plain_sending else given.exponent
        lebesgue = TWO if kind.euclidean else given.lebesgue
        leak = given.leak if kind.leaks else ZERO
        eligibility = given.eligibility if kind.waits else ZERO
        highest = given.highest if kind.few_bits else ZERO
        return Constants(
            kind.competition, given.winners, kind.signed, kind.winner_only, given.opposition, given.sharpness,
            kind.activation, power, kind.bias, given.bias_rate, given.bias_strength, kind.rule, given.parameters,
            given.averaging, kind.moment, kind.total, kind.schedule, given.rate, given.last_rate, given.rate_samples,
            given.rate_power, given.rate_floor, given.cap, given.cutoff, lebesgue, kind.renormalise, leak, eligibility,
            kind.units, given.forgetting, kind.negative, kind.transmit, exponent, kind.instruments, highest,
            kind.nearest, given.salt,
        )  # fmt: skip

    @register_jitable
    def propose(us, ys, rate, constants, one, scratch):  # type: ignore[no-untyped-def]
        """Ask the rule for the one neuron's step; return whether it is finite."""
        dense._propose(1, us, ys, rate, constants, one, scratch, own)
        return math.isfinite(scratch.sizes[0])

    @_grid
    def grid(intake, learning, given, state, memory, results, width, depth, asked):  # type: ignore[no-untyped-def]
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
            _load(mine, first, width, state.synapses, room)
        biased = constants.bias == dense.LOG_PRIOR or (learning and constants.bias != dense.UNBIASED)
        ranked = constants.competition == dense.K_WINNERS or constants.competition == dense.RANKED
        gated = constants.competition == dense.GATED
        seen, blanks = state.counters[dense.SAMPLES], state.counters[dense.BLANKS]
        pending, updates = state.counters[dense.PENDING], state.counters[dense.UPDATES]
        failed, taken = False, 0
        if owner:
            memory.failures[k] = 0
        for n in range(intake.report[SEEN]):
            row, half, size = n % results.potentials.shape[0], n % 2, intake.sizes[n]
            label = intake.labels[n] if intake.labels.size > 0 else -1
            potential = _integrate(
                intake.values[n], intake.active[n], size, depth, first, mine, width, resident, constants.lebesgue,
                state.synapses, room, products,
            )  # fmt: skip
            if owner:
                scale = state.scales[k]
                potential *= scale if constants.lebesgue == TWO else scale ** (constants.lebesgue - ONE)
                results.potentials[row, k] = potential
                memory.potentials[half, k] = NOT_A_NUMBER if failed else potential
                if biased:
                    memory.biases[half, k] = dense._bias_of(constants, state.activity[k], neurons)
            everybody.sync()
            wild = False
            for other in range(thread, neurons, cuda.blockDim.x):
                wild |= not math.isfinite(memory.potentials[half, other])
            if cuda.syncthreads_or(np.int32(wild)):
                if owner and not failed and not math.isfinite(potential):
                    memory.failures[k] = n + 1
                break
            field = _survey(half, biased, constants, memory, tile, lanes, tops, places)
            rank = 0
            if ranked:
                rank = _rank(False, first, mine, half, biased, constants, field, memory, places)
            if not math.isfinite(field.top + field.share):
                if owner and k == field.winner:
                    memory.failures[k] = n + 1
                break
            response = ZERO
            if owner:
                response = _respond(k, label if learning else -1, rank, half, biased, constants, field, memory)
                results.responses[row, k] = response
            if results.outputs.size > 0:
                sent = field
                if constants.transmit == dense.SOFTMAX:
                    sent = _softened(
                        constants.exponent, half, constants, field.mean, field.highest, memory, tile, lanes
                    )
                if owner:
                    z = _function(constants.transmit, constants.exponent, potential, sent)
                    results.outputs[n % results.outputs.shape[0], k] = z
            if block == 0 and thread == 0:
                results.winners[n] = field.winner
            taken = n + 1
            if not learning:
                continue
            seen += 1
            if not dense._teaches(learning, size, label, constants.competition):
                blanks += 1
                continue
            if owner:
                state.wins[k] += k == field.winner
                if constants.bias != dense.UNBIASED or constants.moment > 0:
                    _count(k, field.winner, potential, response, constants, field, state.pending_sums)
                if window > 1:
                    state.pending_potentials[pending, k], state.pending_responses[pending, k] = potential, response
            if window > 1:
                _keep(intake, n, pending, block, blocks, state)
            pending += 1
            if pending < window:
                continue
            pending = 0
            counts, scratch = memory.counters[k], _only_scratch(k, block, memory)
            if window > 1:
                everybody.sync()
                _overlaps(block, blocks, state, memory.gram[0])
                everybody.sync()
                one = _only(
                    k, state, counts, state.pending_inputs, state.pending_active, state.pending_sizes,
                    state.pending_modulators,
                )  # fmt: skip
                us, ys = one.pending_potentials, one.pending_responses
            else:
                end = n + 1
                one = _only(
                    k, state, counts, intake.values[n:end], intake.active[n:end], intake.sizes[n:end],
                    intake.modulators[n:end],
                )  # fmt: skip
                us, ys = results.potentials[row : row + 1, k : k + 1], results.responses[row : row + 1, k : k + 1]
                if thread == 0:
                    scratch.gram[0, 0] = intake.squares[n]
            if constants.total:
                for p in range(window):
                    others = state.pending_potentials[p] if window > 1 else memory.potentials[half]
                    total = _total(SIZES, half, False, constants, field, ONE, memory, others, tile, lanes)
                    if thread == 0:
                        memory.totals[block, p] = total
            cuda.syncthreads()
            rate = dense._rate(constants, seen - 1)
            learns, folds = False, counts[dense.FOLDS] if owner else 0
            if owner:
                counts[dense.UPDATES] = updates
                if constants.bias != dense.UNBIASED or constants.moment > 0:
                    dense._average(constants, one)
                learns = _touched(ys, constants.cutoff)
                if learns and not propose(us, ys, rate, constants, one, scratch):
                    learns, failed = False, True
            updates += 1
            if gated:
                if owner and not learns:
                    memory.sizes[k] = NOT_WRITTEN
                everybody.sync()
                rank = _rank(True, first, mine, half, biased, constants, field, memory, places)
                learns = learns and rank < constants.winners
                if learns and constants.signed and rank > 0:
                    _turn(scratch)
            stale = False
            if constants.eligibility > ZERO:
                stale = owner
                if owner:
                    dense._rise(1 if learns else 0, constants, one, scratch)
                    failed |= not math.isfinite(state.norms[k])
            elif constants.highest > ZERO:
                stale, count = learns, _choose(learns, mine, flags)
                _write_few_bits(block, first, seen, count, flags, constants, state, one, memory, results.live)
            else:
                folded = learns and dense._apply(1, constants, one, scratch)
                _reload(folded, mine, first, width, resident, state.synapses, room, flags)
                folds = counts[dense.FOLDS] if owner else folds
                count = _choose(learns, mine, flags)
                for p in range(window if count > 0 else 0):
                    _grow(p, count, first, width, resident, one, state.synapses, room, memory.growth, flags)
                if learns:
                    dense._settle(1, folded, constants, one, scratch)
            if owner and constants.leak > ZERO:
                dense._leak(constants, one)
            stale = stale or (owner and counts[dense.FOLDS] != folds)
            _reload(stale, mine, first, width, resident, state.synapses, room, flags)
            if learns and not math.isfinite(state.norms[k]):
                failed = True
            if failed:
                memory.failures[k] = n + 1
        everybody.sync()
        if block > 0:
            return
        sample, culprit = _first_failure(memory.failures, places, flags)
        if thread > 0:
            return
        intake.report[TAKEN] = sample - 1 if culprit < NOBODY else taken
        intake.report[CULPRIT] = culprit if culprit < NOBODY else -1
        if learning:
            state.counters[dense.SAMPLES], state.counters[dense.BLANKS] = seen, blanks
            state.counters[dense.PENDING], state.counters[dense.UPDATES] = pending, updates
            if taken > 0:
                state.input_norm[0] = intake.means[taken - 1]

    return grid
