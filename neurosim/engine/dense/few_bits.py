r"""Synapses of few bits: whole numbers, with one scale for each neuron, as in a chip's memory.

.. math::

    w_{ki} = s_k q_{ki}, \qquad |q_{ki}| \le 2^{bits-1} - 1
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.kernels.dense import few_bits
from neurosim.layers.dense import DenseWTA

Array = NDArray[np.float32]


class Few(NamedTuple):
    """Synapses of few bits: weight = scale x synapse.

    Attributes
    ----------
    synapses : float32 (inputs, neurons)
        Whole numbers.
    scales : float32 (neurons,)
    """

    synapses: Array
    scales: Array


def highest(layer: DenseWTA) -> int:
    """Return the highest whole number that a synapse of few bits can hold; 0 for float32."""
    return 0 if layer.weight_bits is None else 2 ** (layer.weight_bits - 1) - 1


def salt(layer: DenseWTA, seed: int, index: int) -> int:
    """Return the salt of the random rounding of few bits, a function of the chip's seed and of the layer's index."""
    return 0 if layer.weight_bits is None else int(randomness.words(seed, randomness.GROWTH, index, 1)[0])


def in_few_bits(layer: DenseWTA, weights: Array, seed: int, index: int) -> Few:
    r"""Round weights (inputs, neurons) to few bits, with scales :math:`s_k = \max_i |w_{ki}| / (2^{bits-1} - 1)`.

    A neuron whose weights are all zero has the smallest scale; its first growth chooses another. Synapses are written
    over the weights, which may be the largest array in memory.
    """
    most = highest(layer)
    largest = np.maximum(weights.max(axis=0), -weights.min(axis=0))
    scales = np.maximum(largest / np.float32(most), few_bits.FAINTEST)
    for i, row in enumerate(weights):
        exact = row / scales.astype(np.float64)
        whole = np.rint(exact)
        if layer.rounding == "stochastic":
            low = np.floor(exact)
            whole = low + (at_random(seed, index, i, len(row)) < exact - low)
        weights[i] = np.clip(whole, -most, most) + 0.0  # no negative zero
    return Few(weights, scales)


def at_random(seed: int, index: int, i: int, count: int) -> NDArray[np.float64]:
    """Return the numbers in [0, 1) by which the first synapses of an input are rounded: float64 (count,)."""
    chances: NDArray[np.float64] = randomness.at_places(seed, randomness.FEW_BITS, index, i, 1, count)[0]
    return chances


def squares(synapses: Array) -> NDArray[np.int64]:
    """Return each neuron's sum of squared synapses (inputs, neurons), which are whole numbers: exact."""
    total = np.zeros(synapses.shape[1], np.int64)
    for row in synapses:
        total += row.astype(np.int64) ** 2
    return total


def check(layer: DenseWTA, synapses: Array, scales: Array) -> None:
    """Refuse synapses and scales that no layer of few bits can have learned.

    Raises
    ------
    ValueError
        If synapses are not whole numbers of the layer's bits, or a scale is too small.
    """
    most = highest(layer)
    if not ((np.rint(synapses) == synapses) & (np.abs(synapses) <= most)).all():
        raise ValueError(f"synapses must be whole numbers from {-most} to {most}")
    if not (scales >= few_bits.FAINTEST).all():
        raise ValueError(f"scales must be at least {few_bits.FAINTEST:.0e}")
