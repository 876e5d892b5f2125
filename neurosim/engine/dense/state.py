"""The state of a dense layer before its first sample: a function of its constants, and of a seed or an array."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned, randomness
from neurosim.engine.dense.devices import in_cells
from neurosim.engine.dense.few_bits import in_few_bits, squares
from neurosim.engine.initial import sums_of_powers
from neurosim.kernels.dense import layout
from neurosim.layers.dense import DenseWTA

Array = NDArray[np.float32]
NOT_DRAWN = "zeros", "samples"  # of first weights: from samples, a neuron has none until its sample comes
ROUNDED = 2.0**-23  # how far from one a norm may be by the rounding of its weights


def first_weights(layer: DenseWTA, inputs: int, seed: int, index: int, array: Array | None = None) -> Array:
    """Return the weights (inputs, neurons) before the first sample.

    Parameters
    ----------
    layer : DenseWTA
    inputs : int
        Width of a sample.
    seed, index : int
        The chip's seed, and the layer's number in the chip.
    array : float32 (neurons, inputs), optional
        Weights that were given; without, they are drawn from the seed.
    """
    weights = _unrounded(layer, inputs, seed, index, array)
    if layer.devices is not None:
        cells = in_cells(layer, layer.devices, weights, seed, index)
        cells.synapses[:] *= cells.scales
        return cells.synapses
    if layer.weight_bits is None:
        return weights
    few = in_few_bits(layer, weights, seed, index)
    few.synapses[:] *= few.scales
    return few.synapses


def _unrounded(layer: DenseWTA, inputs: int, seed: int, index: int, array: Array | None) -> Array:
    """Return the weights that were given or drawn, before any rounding to few bits: a new array."""
    if array is None:
        return _drawn(layer, inputs, seed, index)
    weights: Array = aligned.empty((inputs, layer.neurons))
    weights[...] = array.T
    if layer.renormalise:
        norms = sums_of_powers(weights, layer.lebesgue) ** (1 / layer.lebesgue)
        # What has norm one but for the rounding to float32 stays as it is, so that this may be done twice.
        weights /= np.where(np.abs(norms - 1) < ROUNDED, 1, norms)
    if layer.weight_sum is not None:
        shares = sums_of_powers(weights, 1) / layer.weight_sum
        weights /= np.where(np.abs(shares - 1) < ROUNDED, 1, shares)
    return weights


def _drawn(layer: DenseWTA, inputs: int, seed: int, index: int) -> Array:
    """Return random weights, before any rounding."""
    shape = inputs, layer.neurons
    if layer.initial in NOT_DRAWN:
        return aligned.zeros(shape)
    draw = randomness.uniform if layer.initial == "uniform" else randomness.normal
    numbers = draw(seed, randomness.WEIGHTS, index, math.prod(shape), spread(layer, inputs), precision(layer))
    return in_proportion(layer, numbers.reshape(shape))


def spread(layer: DenseWTA, inputs: int) -> float:
    """Return the highest of uniform first weights, or the deviation of normal ones.

    The mean of the sum of |w|^p is R^p (Gamma functions: the normal distribution's moment).
    """
    p = layer.lebesgue
    if layer.initial == "uniform":
        return float(layer.radius * ((p + 1) / inputs) ** (1 / p))
    moment = 2 ** (p / 2) * math.gamma((p + 1) / 2) / math.sqrt(math.pi)
    return float(layer.radius / (inputs * moment) ** (1 / p))


def precision(layer: DenseWTA) -> type[np.floating[Any]]:
    """Return the type in which first weights are drawn: single precision takes half the memory.

    It may be the largest array; renormalising needs double precision.
    """
    return np.float64 if layer.renormalise or layer.weight_sum is not None else np.float32


def in_proportion(layer: DenseWTA, weights: NDArray[Any]) -> Array:
    """Bring drawn weights (..., inputs, neurons) to norm one, or to a sum, where a layer does; return them as float32.

    What is given may be written over.
    """
    if layer.renormalise:
        weights /= (np.abs(weights) ** layer.lebesgue).sum(axis=-2, keepdims=True) ** (1 / layer.lebesgue)
    if layer.weight_sum is not None:
        weights *= layer.weight_sum / np.abs(weights).sum(axis=-2, keepdims=True)
    single: Array = weights.astype(np.float32, copy=False)
    return single


def first_state(layer: DenseWTA, inputs: int, seed: int, index: int, array: Array | None = None) -> layout.State:
    """Return the state of a layer before its first sample; parameters as of `first_weights`."""
    synapses, neurons, window = _unrounded(layer, inputs, seed, index, array), layer.neurons, layer.window
    scales, summed = np.ones(neurons, np.float32), np.zeros(0, np.int64)
    exponents = np.zeros((0, neurons), np.float32)
    if layer.devices is not None:
        synapses, scales, exponents = in_cells(layer, layer.devices, synapses, seed, index)
    if layer.weight_bits is None:
        norms = (sums_of_powers(synapses, layer.lebesgue) * scales**layer.lebesgue).astype(np.float32)
    else:
        synapses, scales = in_few_bits(layer, synapses, seed, index)
        summed = squares(synapses)
        norms = (scales.astype(np.float64) ** 2 * summed).astype(np.float32)
    fair = layer.bias is not None and layer.bias.shares
    traced = layer.eligibility > 0
    return layout.State(
        synapses=synapses,
        scales=scales,
        norms=norms,
        wins=np.zeros(neurons, np.int64),
        counters=np.zeros(layout.COUNTERS, np.int64),
        input_norm=np.zeros(1, np.float32),
        lead=np.zeros(2, np.float32),
        activity=np.full(neurons, 1 / neurons if fair else 0, np.float32),
        traces=np.zeros(neurons, np.float32),
        steps=np.zeros((2, neurons), np.float32),
        eligibility=np.zeros((inputs if traced else 0, neurons), np.float32),
        eligibility_scales=np.ones(neurons if traced else 0, np.float32),
        **pending_arrays(window, inputs, neurons),
        pending_sums=np.zeros((2, neurons), np.float32),
        squares=summed,
        programmed=np.zeros(exponents.shape, np.int64),
        exponents=exponents,
    )


def pending_arrays(window: int, inputs: int, neurons: int) -> dict[str, NDArray[Any]]:
    """Return the arrays that have a row for each sample of a window, before its first one."""
    return {
        "pending_inputs": np.zeros((window, inputs), np.float32),
        "pending_active": np.zeros((window, inputs), np.int32),
        "pending_sizes": np.zeros(window, np.int64),
        "pending_modulators": np.zeros(window, np.float32),
        "pending_potentials": np.zeros((window, neurons), np.float32),
        "pending_responses": np.zeros((window, neurons), np.float32),
    }
