"""The states of many chips before their first sample: those of `first_state` for each of many seeds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.engine.dense.state import NOT_DRAWN, first_state, in_proportion, precision, spread
from neurosim.engine.initial import sums_of_powers
from neurosim.layers.dense import DenseWTA

PIECE = 1 << 16  # weights made at a time, so that intermediate results take little memory

Seeds = NDArray[np.uint64]


def first_states(
    layer: DenseWTA, inputs: int, seeds: Seeds, index: int
) -> Iterator[tuple[slice, dict[str, NDArray[Any]]]]:
    """Give which seeds, and of their first states what depends on the seed: arrays (seeds, ...) by name.

    Parameters
    ----------
    layer : DenseWTA
    inputs : int
        Width of a sample.
    seeds : uint64 (chips,)
    index : int
        The layer's number in its chip.
    """
    if layer.weight_bits is not None or layer.devices is not None:
        for number, seed in enumerate(seeds.tolist()):
            state = first_state(layer, inputs, seed, index)
            yield slice(number, number + 1), {name: array[None] for name, array in state._asdict().items()}
        return
    size = max(1, PIECE // (inputs * layer.neurons))
    for first in range(0, len(seeds), size):
        some = slice(first, min(first + size, len(seeds)))
        synapses = _drawn(layer, inputs, seeds[some], index)
        norms = sums_of_powers(synapses, layer.lebesgue).astype(np.float32)
        yield some, {"synapses": synapses, "norms": norms}


def _drawn(layer: DenseWTA, inputs: int, seeds: Seeds, index: int) -> NDArray[np.float32]:
    """Return first weights that are drawn, float32 (chips, inputs, neurons)."""
    shape = len(seeds), inputs, layer.neurons
    if layer.initial in NOT_DRAWN:
        return np.zeros(shape, np.float32)
    count, size = inputs * layer.neurons, spread(layer, inputs)
    if layer.initial == "uniform":
        exact = randomness.unit(randomness.words_of_seeds(seeds.tolist(), randomness.WEIGHTS, index, count))
    else:
        words = randomness.words_of_seeds(seeds.tolist(), randomness.WEIGHTS, index, 2 * count)
        exact = randomness.normal_of(randomness.unit(words).reshape(-1, 2))
    return in_proportion(layer, (exact * size).astype(precision(layer), copy=False).reshape(shape))
