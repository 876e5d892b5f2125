"""The least bytes and operations that the stages of a dense layer need for a sample, however they are written.

Counted are 64-byte lines of the synapses, each once; bytes of the vectors that a stage reads and writes; and float32
multiplications, additions and subtractions. Comparisons, rounding, roots, powers and the arithmetic of a neuron's rule
are left out, so that the count is never too high.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.dense.layer import DenseLayer
from neurosim.layers.activations import Transmit

STAGES = ("gather", "integrate", "compete", "transmit", "learn")
REAL, LINE = 4, 16  # bytes of a float32, and how many a line holds
SOFTMAX = 41  # operations a neuron: 37 of the exponential, the difference, the product, the sum, the share


class Work(NamedTuple):
    """The least that a stage does for a sample.

    Attributes
    ----------
    synapse_bytes : int
        Of synapses, in whole lines; those read and written count twice.
    vector_bytes : int
        Of the sample, potentials, responses and outputs.
    operations : int
        Multiplications, additions and subtractions.
    """

    synapse_bytes: int = 0
    vector_bytes: int = 0
    operations: int = 0


def lines(first: int, width: int, rows: NDArray[Any], columns: NDArray[Any]) -> int:
    """Count the lines that hold these columns of these rows of a float32 array, each line once.

    Parameters
    ----------
    first : int
        Offset of the array's first number in its line, from 0 to 15.
    width : int
        Numbers in a row of the array, which has no gaps.
    rows, columns : whole number (any,)
        Ascending.
    """
    if not len(rows) or not len(columns):
        return 0
    starts = first + rows.astype(np.int64) * width
    offsets = starts % LINE
    in_row = {offset: 1 + np.count_nonzero(np.diff((offset + columns) // LINE)) for offset in set(offsets.tolist())}
    shared = (starts[1:] + columns[0]) // LINE == (starts[:-1] + columns[-1]) // LINE
    return int(sum(in_row[offset] for offset in offsets.tolist()) - np.count_nonzero(shared))


def work(layer: DenseLayer, active: NDArray[Any], written: NDArray[Any]) -> tuple[Work, ...]:
    """Return the least work of each of STAGES for a sample with these active inputs that writes these neurons."""
    constants, synapses = layer.constants, layer.state.synapses
    neurons, first = constants.neurons, synapses.ctypes.data % (REAL * LINE) // REAL
    read, changed = (lines(first, neurons, active, which) for which in (np.arange(neurons), written))
    return (
        Work(0, REAL * (layer.inputs + 2 * len(active)), 2 * len(active)),
        Work(REAL * LINE * read, REAL * neurons, 2 * len(active) * neurons + neurons),
        Work(
            0,
            2 * REAL * neurons,
            neurons * (constants.competition.soft * SOFTMAX + function_operations(constants.activation)),
        ),
        Work(0, 2 * REAL * neurons, neurons * function_operations(constants.transmit)),
        # A relative temperature takes the sum of the potentials.
        Work(
            2 * REAL * LINE * changed,
            REAL * neurons,
            2 * len(active) * len(written) + neurons * bool(layer.codes.relative),
        ),
    )


def function_operations(function: Transmit) -> int:
    """Return how many operations a function of the potentials takes for a neuron."""
    return function.soft * SOFTMAX + function.centred * (2 + (function.exponent == 2))


def learning_is_counted(layer: DenseLayer) -> bool:
    """Return whether each sample writes no synapses but those of its active inputs and of neurons above the cutoff."""
    constants = layer.constants
    plain = constants.window == 1 and constants.lebesgue == 2 and constants.eligibility == 0
    exact = constants.weight_bits is None and constants.devices is None
    return plain and exact and not constants.rule.mixes
