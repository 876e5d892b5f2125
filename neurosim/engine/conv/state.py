"""The state of a convolutional layer before its first image: a function of its constants, and a seed or an array."""

import numpy as np

from neurosim import randomness
from neurosim.engine.samples import Array
from neurosim.kernels.conv import layout
from neurosim.layers.conv import ConvWTA

ROUNDED = 1e-6  # what rounding to float32 may make of a norm of one, less one


def first_weights(layer: ConvWTA, channels: int, seed: int, index: int, array: Array | None) -> Array:
    """Return weights (neurons, channels, kernel, kernel): a copy of `array`, or drawn from the seed if that is None.

    `index` is the layer's number in the chip.
    """
    if array is not None:
        return _at_norm_one(array) if layer.renormalise else array.copy()
    shape = (layer.neurons, channels, layer.kernel, layer.kernel)
    fan_in, count = channels * layer.kernel**2, int(np.prod(shape))
    if layer.initial == "uniform":
        weights = randomness.uniform(seed, randomness.WEIGHTS, index, count) * (layer.radius * (3 / fan_in) ** 0.5)
    else:
        weights = randomness.normal(seed, randomness.WEIGHTS, index, count)
        weights *= layer.radius / fan_in**0.5
    single: Array = weights.reshape(shape).astype(np.float32)
    return _at_norm_one(single) if layer.renormalise else single


def _at_norm_one(weights: Array) -> Array:
    """Return weights with every neuron's norm at one; the neurons come first."""
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    # What has norm one but for the rounding to float32 stays as it is, so that this may be done twice.
    lengths[np.abs(lengths - 1) < ROUNDED] = 1
    at_one: Array = (flat / lengths).reshape(weights.shape).astype(np.float32)
    return at_one


def first_state(
    layer: ConvWTA, image: tuple[int, ...], positions: int, seed: int, index: int, array: Array | None
) -> layout.State:
    """Return the state of a layer before its first image (channels, height, width)."""
    weights, neurons, window = first_weights(layer, image[0], seed, index, array), layer.neurons, layer.window
    synapses = np.ascontiguousarray(weights.transpose(0, 2, 3, 1)).reshape(neurons, -1)
    biased, fair = (0, 0.0) if layer.bias is None else (neurons, 1 / neurons if layer.bias.shares else 0.0)
    return layout.State(
        synapses=synapses,
        scales=np.ones(neurons, np.float32),
        norms=np.ones(neurons, np.float32)
        if layer.renormalise
        else np.einsum("ki,ki->k", synapses, synapses, dtype=np.float64).astype(np.float32),
        wins=np.zeros(neurons, np.int64),
        counters=np.zeros(layout.COUNTERS, np.int64),
        means=np.zeros(image[0], np.float32),
        variances=np.ones(image[0], np.float32),
        steps=np.zeros((2, neurons), np.float32),
        activity=np.full(biased, fair, np.float32),
        pending_sums=np.zeros(biased, np.float32),
        **pending_arrays(window, image, positions, neurons),
    )


def pending_arrays(window: int, image: tuple[int, ...], positions: int, neurons: int) -> dict[str, Array]:
    """Return the arrays that have a row for each image of a window, before its first one."""
    return {
        "pending_inputs": np.zeros((window, int(np.prod(image))), np.float32),
        "pending_modulators": np.zeros(window, np.float32),
        "pending_potentials": np.zeros((window if window > 1 else 0, positions, neurons), np.float32),
    }
