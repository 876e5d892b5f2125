"""What a convolutional layer's loop works on: constants, state, working memory, samples and results."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.shared.by_address import Own

FEW = 8  # if fewer than 1/FEW of the responses reach the cutoff, they are added singly, else by a matrix product
GRAM = 16  # cost of a pass over the synapses, in terms of a matrix product
PLAIN, RUNNING, SAMPLE, LAYER, WINDOW = 0, 1, 2, 3, 4  # normalisations of the input
CAPPED, LARGEST = 0, 1  # sizes of a step
NO_POOL, MAX_POOL, MEAN_POOL = 0, 1, 2
SAMPLES, BLANKS, WRITES, FOLDS, PENDING, UPDATES, MEASURED = 0, 1, 2, 3, 4, 5, 6  # indices of State.counters
COUNTERS = 7
MEETINGS, ABSENT, FAILED, EVENTS, FOLDED = 0, 1, 2, 4, 5  # indices of a row of Team.signals; FAILED has two
SIGNALS = 16  # int64 in a row of Team.signals, two lines of the cache: no two threads write to one line
GRAIN = 16  # neurons: blocks are multiples of so many
BEGUN, NORMALISED, PATCHED, INTEGRATED, COMPETED, TRANSMITTED = 0, 1, 2, 3, 4, 5  # indices of a row of Marks.moments
RECALLED, PROPOSED, MULTIPLIED, MEASURED_NORMS, LEARNED = 6, 7, 8, 9, 10
MOMENTS = 11


def by_products(rows: int, neurons: int, fan_in: int) -> bool:
    """Return whether norms after capped steps are found quicker by the products of a window's patches with one another.

    The alternative is a pass over the synapses, which takes about GRAM times as long as that many terms of a product.
    """
    return rows * rows * (fan_in + neurons) < GRAM * neurons * fan_in


class Constants(NamedTuple):
    """What a layer is, as the loop sees it: codes and sizes are int, other numbers are floats of the weights' type."""

    channels: int  # of the image
    height: int
    width: int
    kernel: int
    stride: int
    padding: int
    rows: int  # of positions
    columns: int
    pool: int
    pool_size: int
    pool_stride: int
    pool_padding: int
    pooled_rows: int
    pooled_columns: int
    competition: int
    soft: bool  # whether the competition asks for each neuron's share of a softmax
    ranked: bool  # whether it asks for the ranks of the first `winners` neurons
    winners: int
    signed: bool
    competition_parameter: np.float32  # what else the cell of the competition takes
    sharpness: np.float32  # 1 / temperature
    activation: int
    activation_exponent: np.float32
    bias: int
    bias_rate: np.float32
    bias_strength: np.float32
    rule: int
    parameters: NDArray[np.float32]  # (PARAMETERS,) of the rule
    schedule: int
    rate: np.float32
    last_rate: np.float32
    rate_samples: np.float32
    rate_power: np.float32
    rate_floor: np.float32
    step: int
    renormalise: bool
    cap: np.float32
    cutoff: np.float32
    normalise: int
    forgetting: np.float32  # of the running statistics
    momentum: np.float32  # of the running statistics, which move with windows; 0: they move with images
    warm_up: int
    waits: bool  # whether a window's images are sent on at its end, by its own statistics
    pre_triangle: bool  # whether Triangle(u) takes the place of u
    negative: bool
    transmit: int
    exponent: np.float32  # power of Triangle
    instruments: bool


class State(NamedTuple):
    """What a layer has learned; `pending` holds the samples of an unfinished window."""

    synapses: NDArray[np.float32]  # v (neurons, fan-in): kernel row, kernel column, channel
    scales: NDArray[np.float32]  # s (neurons,)
    norms: NDArray[np.float32]  # |w|^2 (neurons,)
    wins: NDArray[np.int64]  # (neurons,) positions won
    counters: NDArray[np.int64]  # (COUNTERS,)
    means: NDArray[np.float32]  # (channels,) running
    variances: NDArray[np.float32]  # (channels,) running
    steps: NDArray[np.float32]  # (2, neurons) sum of the step sizes, and what float32 lost of it
    activity: NDArray[np.float32]  # (neurons,) running mean of the bias; of no neuron without one
    pending_sums: NDArray[np.float32]  # (neurons or 0,) over the window: what the bias averages
    pending_inputs: NDArray[np.float32]  # (window, inputs) normalised; raw where the window is what normalises
    pending_modulators: NDArray[np.float32]  # (window,)
    pending_potentials: NDArray[np.float32]  # (window, positions, neurons) u; not used by a window of one


class Scratch(NamedTuple):
    """Memory the loop works in; keeps nothing from one sample to the next.

    The threads of a team share all arrays except those that PRIVATE names.
    """

    values: NDArray[np.float32]  # (inputs,) a normalised image
    image: NDArray[np.float32]  # (padded height * padded width * channels,) channels last
    patches: NDArray[np.float32]  # x (window * positions, fan-in)
    responses: NDArray[np.float32]  # y (window * positions or 0, neurons)
    turned: NDArray[np.float32]  # u (neurons or 0, positions)
    growth: NDArray[np.float32]  # c (window * positions, neurons)
    drive: NDArray[np.float32]  # (neurons,) f(u) + b
    biases: NDArray[np.float32]  # (neurons or 0,)
    order: NDArray[np.int64]  # (neurons or 0,) the first by drive
    sent: NDArray[np.float32]  # (positions or 0, neurons) what is averaged by a pool
    pooled: NDArray[np.float32]  # (neurons,)
    averages: NDArray[np.float32]  # (positions,) mean potential
    changes: NDArray[np.float32]  # (neurons,) sum of a - 1
    overlaps: NDArray[np.float32]  # (neurons,) sum of c u
    rates: NDArray[np.float32]  # (neurons,)
    squares: NDArray[np.float32]  # (neurons,)
    gram: NDArray[np.float32]  # (window * positions or 0, window * positions)
    product: NDArray[np.float32]  # (window * positions or 0, neurons) gram @ c
    step: NDArray[np.float32]  # (neurons or 0, fan-in)
    sum: NDArray[np.float32]  # (fan-in,)
    counts: NDArray[np.int64]  # (neurons,)
    starts: NDArray[np.int64]  # (neurons,)
    event_rows: NDArray[np.int32]  # (window * positions * neurons / FEW,)
    event_values: NDArray[np.float32]
    lanes: NDArray[np.float32]  # (LANES,)
    means: NDArray[np.float32]  # (channels,)
    variances: NDArray[np.float32]  # (channels,)


PRIVATE = ("drive", "biases", "order", "pooled", "sum", "event_rows", "event_values", "lanes")  # of one thread


class Team(NamedTuple):
    """The threads that take a sample together, as one of them sees it, and the memory by which they synchronise.

    `signals` is zero before a call of `stream`. If ABSENT is set, the others do not wait for the first thread to begin.
    """

    number: int  # of this thread, from 0
    size: int  # threads
    signals: NDArray[np.int64]  # (size, SIGNALS + neurons) behind SIGNALS, how often a thread folded each neuron
    wins: NDArray[np.int64]  # (size, neurons) positions won, of those that a thread has seen
    largest: NDArray[np.float32]  # (size, LANES) first: the largest change among a thread's neurons


class Samples(NamedTuple):
    """Samples to take. Empty modulators: all are one."""

    values: NDArray[np.float32]  # (samples, inputs), channels first
    modulators: NDArray[np.float32]  # (samples or 0,)


class Results(NamedTuple):
    """Results of a call. With fewer rows than samples, sample n is written to row n modulo the rows.

    Outputs without rows are not computed. If images wait for the end of their window, there may be more rows than
    samples: the first ones are of images of that window that came in earlier calls. Without learning, responses without
    rows and winners are not computed either.
    """

    potentials: NDArray[np.float32]  # u (rows, positions, neurons)
    responses: NDArray[np.float32]  # y (rows or 0, positions, neurons)
    winners: NDArray[np.int64]  # (samples,) the neuron that won most positions; -1 if there were no responses
    outputs: NDArray[np.float32]  # z (rows, neurons * pooled positions), channels first


class Stages(NamedTuple):
    """Where the code of each stage begins; 0 for what a call does not need. See `apart.py`."""

    admit: int = 0
    prepare: int = 0
    cut_patches: int = 0
    integrate: int = 0
    compete: int = 0  # where nobody wants responses, `mean_potentials`
    count_winners: int = 0
    count_for_bias: int = 0
    move_bias: int = 0
    send: int = 0
    keep_values: int = 0
    keep_potentials: int = 0
    recall: int = 0
    learn: int = 0
    count_events: int = 0
    propose: int = 0
    propose_singly: int = 0
    grow: int = 0
    grow_singly: int = 0
    renormalise: int = 0


class Marks(NamedTuple):
    """When each sample's stages were done, by the system's clock; changes no bit of anything else.

    The first thread of a team writes them, when the last one is done with the stage. The moment of a stage that did not
    take place is not written: nothing learned, a window of one, which is not recalled, or steps without a product.
    """

    moments: NDArray[np.int64]  # (samples or 0, MOMENTS) nanoseconds
    begun: NDArray[np.int64]  # (samples + 1 or 0,) when each was taken up, and the last was done
    now: NDArray[np.int64]  # (2,) seconds and nanoseconds, as the system gives them
    clock: int  # the system's number of the clock


class Arguments(NamedTuple):
    """What `stream` and every stage take, in memory: see `kernels/shared/arguments.py`."""

    samples: Samples
    learning: bool  # if false, nothing in the state is written
    constants: Constants
    state: State
    scratch: Scratch
    results: Results
    product: int  # address of BLAS's matrix product for the type of the weights
    own: Own
    team: Team  # every thread of a team has the same, except for its number and its private scratch
    marks: Marks
    stages: Stages = Stages()
