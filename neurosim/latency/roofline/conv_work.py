"""The least bytes and operations that the stages of a convolutional layer need for an image, however they are written.

Counted are bytes of the synapses; bytes of the images, patches, potentials and responses that a stage reads and writes,
each once; and float32 multiplications, additions and subtractions. Comparisons, roots, powers, the arithmetic of a
neuron's rule, and that of a pool are left out, so that the count is never too high.
"""

import numpy as np

from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.conv.marked import Marked
from neurosim.latency.roofline.products import Product
from neurosim.latency.roofline.work import REAL, Work
from neurosim.layers.conv import ConvWTA

# In the order of `Marked.moments`, without the first.
STAGES = ("normalise", "patches", "integrate", "compete", "transmit", "recall", "propose", "product", "norms", "write")
LEARNING = STAGES[5:]
SOFTMAX = 33  # operations a response: 29 of the exponential, the difference, the product, the sum, the share
SINGLY, IN_PLACE, APART = "events", "in_place", "apart"  # how synapses are written


def written_by(marked: Marked) -> str:
    """Return how an image wrote the synapses: event by event, or by a product, and by which."""
    if marked.moments[1 + STAGES.index("product")]:
        return APART
    return IN_PLACE if marked.moments[1 + STAGES.index("norms")] else SINGLY


def products(layer: ConvLayer) -> dict[str, tuple[Product, ...]]:
    """Return the matrix products of each stage that has any, as the layer's arrays lie in memory."""
    neurons, patch = layer.state.synapses.shape
    rows = layer.constants.window * layer.positions
    growth = Product(neurons, rows, patch, turned_a=True)
    return {
        "integrate": (Product(layer.positions, patch, neurons, turned_b=True),),
        "product": (growth,),
        "norms": (Product(rows, patch, rows, turned_b=True), Product(rows, rows, neurons)),
        "write": (growth,),  # where it is added in place
    }


def work(layer: ConvLayer, learning: bool, marked: Marked) -> dict[str, Work]:
    """Return the least work of each stage that a measured image went through, `recall` excepted."""
    neurons, patch = layer.state.synapses.shape
    constants, positions, responses = layer.constants, layer.positions, layer.responses
    competed, sent = _function_operations(constants), covered(layer)
    done = {
        "normalise": Work(0, 2 * REAL * layer.inputs, _normalising(constants, learning) * layer.inputs),
        "patches": Work(0, REAL * (layer.inputs + positions * patch)),
        "integrate": Work(REAL * neurons * patch, REAL * (positions * patch + responses), 2 * responses * patch),
        "compete": Work(0, 2 * REAL * responses, competed * responses),
        "transmit": Work(0, REAL * (sent * neurons + layer.outputs), constants.transmit.centred * sent * neurons),
    }
    return done | (_learning(layer, marked) if marked.moments[-1] else {})


def covered(layer: ConvLayer) -> int:
    """Count the positions that the pool looks at: all, if there is none."""
    pool, sizes = layer.constants.pool, layer.geometry
    if pool is None:
        return layer.positions
    counts = []
    for side, pooled in ((sizes.rows, sizes.pooled_rows), (sizes.columns, sizes.pooled_columns)):
        positions = np.arange(pooled)[:, None] * pool.stride - pool.padding + np.arange(pool.size)
        counts.append(len(np.unique(positions[(positions >= 0) & (positions < side)])))
    return counts[0] * counts[1]


def _normalising(constants: ConvWTA, learning: bool) -> int:
    """Return operations an input: the sum of squares, by which it is admitted; the mean; removing both."""
    if constants.normalise == "none":
        return 2
    measured = learning or constants.normalise in ("sample", "layer")
    return 2 + measured + 2


def _function_operations(constants: ConvWTA) -> int:
    """Return operations a response: the mean, where a function subtracts it; subtracting it; the softmax."""
    centred = constants.activation.centred
    mean = centred or constants.transmit.centred
    return mean + centred + SOFTMAX * constants.competition.soft


def _learning(layer: ConvLayer, marked: Marked) -> dict[str, Work]:
    """Return the least work of the stages of learning."""
    neurons, patch = layer.state.synapses.shape
    rows, how = layer.constants.window * layer.positions, written_by(marked)
    events, grown = marked.events, marked.events if how == SINGLY else rows * neurons
    done = {"propose": Work(0, REAL * (rows * neurons + events + grown), 2 * events)}
    moved, product = 2 * REAL * marked.written * patch, 2 * rows * patch * neurons
    inputs_and_growth = REAL * (rows * patch + rows * neurons)
    if how == SINGLY:
        return done | {"write": Work(moved, REAL * marked.places * patch, 2 * events * patch)}
    if how == IN_PLACE:
        squares = rows * (rows + 1) * patch + 2 * rows * rows * neurons  # each pair of patches once
        return done | {"norms": Work(0, inputs_and_growth, squares), "write": Work(moved, inputs_and_growth, product)}
    step = REAL * neurons * patch
    return done | {
        "product": Work(0, inputs_and_growth + step, product),
        "write": Work(moved, REAL * marked.written * patch, marked.written * patch),
    }
