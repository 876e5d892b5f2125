"""What a dense layer's loop works on: constants, state, working memory, samples and results."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EPOCH, PENDING_ROW, BREADTH, TAKEN = 0, 1, 2, 3  # indices of the first row of Scratch.signals
SIGNALS = 16  # int64 in a row of Scratch.signals, two lines of the cache: no two threads write to one line
NOT_STARTED, STOPPED = -1, -1  # epoch of a thread that has not begun yet, and of the first thread when it has stopped
PACE = 64  # weight of a sample in the running means of active inputs and of neurons written is 1/PACE
SAMPLES, BLANKS, WRITES, FOLDS, PENDING, UPDATES = 0, 1, 2, 3, 4, 5  # indices of State.counters
COUNTERS = 6
BEGUN, GATHERED, INTEGRATED, COMPETED, TRANSMITTED, LEARNED = 0, 1, 2, 3, 4, 5  # indices of a row of Marks.moments
MOMENTS = 6
EVENTS, OPERATIONS, EFFECTIVE, PLASTIC, WRITTEN, FLIPPED = 0, 1, 2, 3, 4, 5  # indices of a row of Results.tallies
TALLIES = 6
ALONE, LOOKING, TEAM = 0, 1, 2  # ways of taking sums: bits of a number
# indices of a row of Scratch.timing: of ways; of the block of samples at hand; of the clock; and a cost for each way
BEST, WAY, RIVAL, TRYING, WINS, WAIT, FIRST, LENGTH, SINCE, CLOCK, NOW, COST = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12
TIMING = 16


class Constants(NamedTuple):
    """What a layer is, as the loop sees it: codes are int, other numbers are floats of the weights' type."""

    competition: int
    soft: bool  # whether the competition asks for each neuron's share of a softmax
    ranked: bool  # whether it asks for the ranks of the first `winners` neurons
    by_label: bool  # whether a sample without a label teaches nothing
    gated: bool  # whether only the neurons with the `winners` largest steps learn
    winners: int
    signed: bool
    winner_only: bool
    competition_parameter: np.float32  # what else the cell of the competition takes
    sharpness: np.float32  # 1 / temperature
    relative: np.float32  # temperature as a share of the running mean of the lead; 0: `sharpness` stands
    activation: int
    activation_exponent: np.float32
    bias: int
    bias_rate: np.float32
    bias_strength: np.float32
    rule: int
    parameters: NDArray[np.float32]  # (PARAMETERS,) of the rule
    averaging: np.float32
    starts_at_mean: bool  # whether the rule's trace starts at the mean of the first update, and not at 0
    moment: int  # what the rule's trace averages: 0 nothing, 1 the response, 2 its square
    total: bool  # whether the rule asks for the sum of |u|
    schedule: int
    rate: np.float32
    last_rate: np.float32
    rate_samples: np.float32
    rate_power: np.float32
    rate_floor: np.float32
    cap: np.float32
    cutoff: np.float32
    lebesgue: np.float32  # p of the potential's norm
    renormalise: bool
    weight_sum: np.float32  # sum of |w| that neurons are brought to; 0: none
    largest: bool  # whether the whole step is divided by its largest change
    leak: np.float32
    eligibility: np.float32
    units: int
    forgetting: np.float32
    beginners: int  # neurons that begin as a sample, one after another; 0: first weights are there from the start
    first_norm: np.float32  # that they begin with
    negative: bool
    transmit: int
    exponent: np.float32  # power of Triangle, 1 / temperature of Softmax
    instruments: bool
    highest: np.float32  # whole number that a synapse of few bits can hold, and the lowest is -highest; 0: float
    nearest: bool  # whether growth is rounded to the nearest whole number, not by chance
    salt: np.uint64  # what chance depends on besides sample, neuron and input
    # (DEVICE_NUMBERS or 0,) of the cells of a crossbar, as `devices.py` names them; empty: synapses are exact
    devices: NDArray[np.float32] = np.empty(0, np.float32)


class State(NamedTuple):
    """What a layer has learned; `pending` holds the samples of an unfinished window."""

    synapses: NDArray[np.float32]  # v (inputs, neurons); whole numbers, if they have few bits
    scales: NDArray[np.float32]  # s (neurons,)
    norms: NDArray[np.float32]  # sum of |w|^p (neurons,)
    wins: NDArray[np.int64]  # (neurons,)
    # (COUNTERS,); BLANKS: samples that teach nothing, unlabelled ones among them; FOLDS: neurons written whole. While
    # a run is counted, another (neurons,) behind them: how often each neuron was written whole in this update
    counters: NDArray[np.int64]
    input_norm: NDArray[np.float32]  # (1,) running mean of |x|
    lead: NDArray[np.float32]  # (2,) running mean of the largest potential less the mean one; samples that it is of
    activity: NDArray[np.float32]  # (neurons,) running mean of the bias
    traces: NDArray[np.float32]  # (neurons,) running mean of the rule
    steps: NDArray[np.float32]  # (2, neurons) sum of the step sizes, and what float32 lost of it
    eligibility: NDArray[np.float32]  # (inputs or 0, neurons) eligibility of a synapse, in units of its neuron's scale
    eligibility_scales: NDArray[np.float32]  # (neurons or 0,)
    pending_inputs: NDArray[np.float32]  # (window, inputs) values of the active inputs, packed
    pending_active: NDArray[np.int32]  # (window, inputs) their indices
    pending_sizes: NDArray[np.int64]  # (window,) how many
    pending_modulators: NDArray[np.float32]  # (window,)
    pending_potentials: NDArray[np.float32]  # (window, neurons) u; a window of one uses neither this nor the next
    pending_responses: NDArray[np.float32]  # (window, neurons) y
    pending_sums: NDArray[np.float32]  # (2, neurons) over the window: what activity and traces average
    squares: NDArray[np.int64]  # (neurons or 0,) sum of v^2 of synapses of few bits
    # (inputs or 0, neurons) of cells that drift: samples learned from when each was programmed, and its exponent
    programmed: NDArray[np.int64] = np.empty((0, 0), np.int64)
    exponents: NDArray[np.float32] = np.empty((0, 0), np.float32)


class Scratch(NamedTuple):
    """Memory the loop works in; keeps only times from call to call. Without rows `ahead`, it never looks ahead."""

    values: NDArray[np.float32]  # (inputs,)
    active: NDArray[np.int32]  # (inputs,)
    lanes: NDArray[np.float32]  # (LANES,)
    written: NDArray[np.int64]  # (neurons,)
    drive: NDArray[np.float32]  # (neurons,) f(u) + b
    growth: NDArray[np.float32]  # (window, neurons) c
    changes: NDArray[np.float32]  # (neurons,) sum of a - 1
    overlaps: NDArray[np.float32]  # (neurons,) sum of c u
    sizes: NDArray[np.float32]  # (neurons,) squared step
    order: NDArray[np.float32]  # (neurons,)
    totals: NDArray[np.float32]  # (window,) sum of |u|
    gram: NDArray[np.float32]  # (window, window)
    ahead_values: NDArray[np.float32]  # (ahead, inputs) of samples yet to come
    ahead_active: NDArray[np.int32]  # (ahead, inputs)
    ahead_sizes: NDArray[np.int64]  # (ahead,)
    ahead_norms: NDArray[np.float32]  # (2, ahead) |x|^2, and the running mean of |x| by then
    ahead_sums: NDArray[np.float32]  # (ahead, neurons) potentials in units of the scales
    copies: NDArray[np.float32]  # (inputs, AHEAD_WRITES) synapses of neurons written since the sums were taken
    copied: NDArray[np.int64]  # (AHEAD_WRITES,) which neurons these are
    # (5,) READS, SHARED, COPIES, TOGETHER, UNWRITTEN: they decide how sums are taken, which changes no bit, so that a
    # test may set them to force either way
    pays: NDArray[np.int64]
    # (2 or 0, TIMING) what is known of the time that each way of taking sums takes, responding and learning. Without
    # rows nothing is timed, and `pays` alone decides
    timing: NDArray[np.int64]
    copy_of: NDArray[np.int64]  # (neurons,) index of a neuron in `copied`, if it is there
    flips: NDArray[np.int64]  # (1,) bits that the last update changed
    step: NDArray[np.float32]  # (inputs or 0, neurons) whole change, where its largest entry is sought
    signals: NDArray[np.int64]  # (threads of a team, SIGNALS) epochs by which they meet; the first thread leads
    shares: NDArray[np.float32]  # (threads or 0, ahead or 1, neurons) sums of all threads but the first


class Samples(NamedTuple):
    """Samples to take. Empty labels: unsupervised; empty modulators: all are one."""

    values: NDArray[np.float32]  # (samples, inputs)
    labels: NDArray[np.int64]  # (samples or 0,); -1: none
    modulators: NDArray[np.float32]  # (samples or 0,)
    # (samples or 0, neurons) responses that take the place of the competition's, and each neuron's modulator, by which
    # the sample's is multiplied; a window of one alone has the second
    responses: NDArray[np.float32] = np.empty((0, 0), np.float32)
    factors: NDArray[np.float32] = np.empty((0, 0), np.float32)


class Results(NamedTuple):
    """Results of a call. With fewer rows than samples, sample n is written to row n modulo the rows.

    Outputs without rows are not computed; without tallies nothing is counted.
    """

    potentials: NDArray[np.float32]  # u (rows, neurons)
    responses: NDArray[np.float32]  # y (rows, neurons)
    winners: NDArray[np.int64]  # (samples,)
    outputs: NDArray[np.float32]  # z (rows, neurons)
    tallies: NDArray[np.int64] = np.empty((0, TALLIES), np.int64)  # (samples or 0, TALLIES) what each sample took
    # (samples or 0, neurons) writes of a neuron's synapses, with a minus sign where all of its synapses were written
    written: NDArray[np.int32] = np.empty((0, 0), np.int32)
    live: NDArray[np.int64] = np.empty(0, np.int64)  # (inputs or 0,) each input's synapses that are not zero


class Stages(NamedTuple):
    """Where the code of the stages begins that few layers have; 0 for what this layer does not have. See `apart.py`."""

    sum_next: int = 0
    recall: int = 0
    keep_copies: int = 0
    integrate: int = 0
    convert: int = 0
    compete: int = 0
    count_for_means: int = 0
    move_means: int = 0
    overlaps: int = 0
    totals: int = 0
    propose: int = 0
    mix: int = 0
    gate: int = 0
    eligibility: int = 0
    move_by_largest: int = 0
    write_few_bits: int = 0
    begin: int = 0
    leak: int = 0
    tally_inputs: int = 0
    tally_live: int = 0
    tally_writes: int = 0


class Marks(NamedTuple):
    """When each sample's stages were done, by the system's clock; changes no bit of anything else.

    Arrays without rows are not written.
    """

    moments: NDArray[np.int64]  # (samples or 0, MOMENTS) nanoseconds; LEARNED is not written where nothing is learned
    begun: NDArray[np.int64]  # (samples + 1 or 0,) when each was taken up, and the last was done
    now: NDArray[np.int64]  # (2,) seconds and nanoseconds, as the system gives them
    clock: int  # the system's number of the clock
