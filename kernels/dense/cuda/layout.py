"""What a dense layer's kernels work on, on a CUDA device."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.dense.layout import Constants

TILE = 2048  # neurons whose exponentials are held at once
MOST_THREADS = 512  # of a block, a power of two
FLAGS = 2 * MOST_THREADS
NOBODY, FIRST = np.int32(2**31 - 1), np.int32(0)
NOT_A_NUMBER = np.float32(np.nan)
NOT_WRITTEN = np.float32(-1)  # the size of no step
SEEN, TAKEN, CULPRIT = 0, 1, 2  # indices of Intake.report: samples admitted, samples taken, the neuron that diverged


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
    input_norm: NDArray[np.float32]  # (1,) scratch, like `counters`
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
    place: NDArray[np.int64]  # (1,) 0: the index of a thread's neuron in a layer of one


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
    soft: bool
    ranked: bool
    by_label: bool
    gated: bool
    signed: bool
    winner_only: bool
    activation: int
    bias: int
    rule: int
    starts_at_mean: bool
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
    sums: bool  # whether neurons are brought to a sum of |w|
    leaks: bool
    waits: bool  # for a modulator
    few_bits: bool
    single: bool  # a window of one
    relates: bool  # the temperature is relative
    begins: bool  # neurons begin as samples


def kind_of(constants: Constants, window: int) -> Kind:
    """Return what a layer's kernel is compiled for."""
    codes = {name: getattr(constants, name) for name in Kind._fields if name in Constants._fields}
    return Kind(
        **codes, plain_power=bool(constants.activation_exponent == 1), plain_sending=bool(constants.exponent == 1),
        euclidean=bool(constants.lebesgue == 2), sums=bool(constants.weight_sum > 0),
        leaks=bool(constants.leak > 0), waits=bool(constants.eligibility > 0),
        few_bits=bool(constants.highest > 0), single=window == 1, relates=bool(constants.relative > 0),
        begins=bool(constants.beginners > 0),
    )  # fmt: skip


class Field(NamedTuple):
    """What a neuron must know of all others to find its response."""

    mean: np.float32  # of the potentials
    highest: np.float32
    softness: np.float32  # share of f's own softmax
    top: np.float32  # largest drive
    winner: int
    share: np.float32
    sharpness: np.float32


class Seat(NamedTuple):
    """A thread among the others: its block's neurons, the one of them that it owns, and the block's shared memory.

    That memory is made by the kernel itself: Numba links what another function makes as often as that is called.
    """

    first: int  # of the block's neurons
    mine: int  # how many they are
    width: int  # neurons of a block, at the most
    depth: int  # active inputs whose products are held at once
    owner: bool  # whether the thread owns a neuron
    neuron: int  # that neuron; the layer's last one for threads beyond it
    resident: bool  # whether the block holds a copy of its synapses
    products: NDArray[np.float32]  # (2 depth width,), and what follows
    copy: NDArray[np.float32]  # (inputs width or 0,) synapses: input, neuron
    tile: NDArray[np.float32]  # (TILE,)
    lanes: NDArray[np.float32]  # (LANES,)
    tops: NDArray[np.float32]  # (MOST_THREADS,)
    ranks: NDArray[np.int32]  # (MOST_THREADS,)
    flags: NDArray[np.int32]  # (FLAGS,) begins with the numbers, within the block, of chosen neurons
