"""The state of a dense layer before its first sample: a function of its constants and of the chip's seed."""

import math

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned, randomness
from neurosim.engine.dense.few_bits import in_few_bits, squares
from neurosim.kernels.dense import layout
from neurosim.layers.dense import DenseWTA

Array = NDArray[np.float32]


def first_weights(layer: DenseWTA, inputs: int, seed: int, index: int) -> Array:
    """Return the weights (inputs, neurons) before the first sample; `index` is its number in the chip."""
    weights = _drawn(layer, inputs, seed, index)
    if layer.weight_bits is None:
        return weights
    few = in_few_bits(layer, weights, seed, index)
    few.synapses[:] *= few.scales
    return few.synapses


def _drawn(layer: DenseWTA, inputs: int, seed: int, index: int) -> Array:
    """Return random weights, before any rounding.

    The mean of the sum of |w|^p is R^p (Gamma functions: the normal distribution's moment).
    """
    if layer.initial == "zeros":
        return aligned.zeros((inputs, layer.neurons))
    shape, p = (inputs, layer.neurons), layer.lebesgue
    # Single precision takes half the memory of what may be the largest array; renormalising needs double precision.
    precision = np.float64 if layer.renormalise else np.float32
    if layer.initial == "uniform":
        highest = layer.radius * ((p + 1) / inputs) ** (1 / p)
        weights = randomness.uniform(seed, randomness.WEIGHTS, index, math.prod(shape), highest, precision)
    else:
        moment = 2 ** (p / 2) * math.gamma((p + 1) / 2) / math.sqrt(math.pi)
        deviation = layer.radius / (inputs * moment) ** (1 / p)
        weights = randomness.normal(seed, randomness.WEIGHTS, index, math.prod(shape), deviation, precision)
    weights = weights.reshape(shape)
    if layer.renormalise:
        weights /= (np.abs(weights) ** p).sum(axis=0) ** (1 / p)
    single: Array = weights.astype(np.float32, copy=False)
    return single


def first_state(layer: DenseWTA, inputs: int, seed: int, index: int) -> layout.State:
    """Return the state of a layer before its first sample."""
    synapses, neurons, window = _drawn(layer, inputs, seed, index), layer.neurons, layer.window
    scales, summed = np.ones(neurons, np.float32), np.zeros(0, np.int64)
    norms = _sums(synapses, layer.lebesgue) if layer.weight_bits is None else scales
    if layer.weight_bits is not None:
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
        activity=np.full(neurons, 1 / neurons if fair else 0, np.float32),
        traces=np.zeros(neurons, np.float32),
        steps=np.zeros((2, neurons), np.float32),
        eligibility=np.zeros((inputs if traced else 0, neurons), np.float32),
        eligibility_scales=np.ones(neurons if traced else 0, np.float32),
        pending_inputs=np.zeros((window, inputs), np.float32),
        pending_active=np.zeros((window, inputs), np.int32),
        pending_sizes=np.zeros(window, np.int64),
        pending_modulators=np.zeros(window, np.float32),
        pending_potentials=np.zeros((window, neurons), np.float32),
        pending_responses=np.zeros((window, neurons), np.float32),
        pending_sums=np.zeros((2, neurons), np.float32),
        squares=summed,
    )


def _sums(synapses: Array, p: float) -> Array:
    """Return the sum of |w|^p of each neuron."""
    if p == 2:
        sums = np.einsum("ik,ik->k", synapses, synapses, dtype=np.float64)
    else:
        sums = (np.abs(synapses.astype(np.float64)) ** p).sum(axis=0)
    single: Array = sums.astype(np.float32)
    return single
