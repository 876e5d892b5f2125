"""First weights that are given as an array: checked before a layer begins with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.samples import Array
from neurosim.errors import ConfigError
from neurosim.outside.arrays import numbers

LARGEST_SUM = 1e36  # of |w|^p of a neuron: float32 ends at 3e38, and learning must not reach that at once


def first_array(
    values: object, shape: tuple[int, ...], index: int, p: float = 2.0, renormalise: bool = False
) -> Array | None:
    """Return first weights as a new array that cannot be written: float32, neurons first, C order; None if none are.

    Parameters
    ----------
    values : array-like or None
        Real numbers of the layer's shape; None where they are drawn from the seed.
    shape : tuple of int
        Of the layer's weights: (neurons, inputs), or (neurons, channels, kernel, kernel).
    index : int
        Of the layer in its chip, from 0, for errors.
    p : float
        The power in the layer's norms.
    renormalise : bool
        Whether the weights will be brought to a norm or a sum, so that each neuron needs a direction.

    Raises
    ------
    ConfigError
        If they are of another shape, not real numbers or not finite, or float32 cannot hold a neuron's norm.
    """
    if values is None:
        return None
    name = f"initial of layer {index + 1}"
    weights = numbers(name, values, refuse=ConfigError)
    if weights.shape != shape:
        raise ConfigError(name, f"an array of the shape {shape}, as the layer's weights", weights.shape)
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which is refused
        array = np.array(weights, np.float32, order="C")
    finite = np.isfinite(array)
    if not finite.all():
        raise ConfigError(name, "finite in float32", float(weights[~finite][0]))
    sums = sums_of_powers(array.reshape(len(array), -1).T, p)
    if sums.max() > LARGEST_SUM:
        neuron = int(sums.argmax())
        advice = "float32 cannot hold its norm: scale the weights down"
        rule = f"of a sum of |w|^{p:g} of at most {LARGEST_SUM:g}"
        raise ConfigError(f"{name}, neuron {neuron}", rule, sums[neuron].item(), advice)
    if renormalise and sums.min() == 0:
        advice = "weights of zero have no direction for renormalise=True or weight_sum"
        raise ConfigError(f"{name}, neuron {int(sums.argmin())}", "other than zero", 0.0, advice)
    array.setflags(write=False)
    return array


def sums_of_powers(weights: Array, p: float) -> NDArray[np.float64]:
    """Return the sum of |w|^p of each neuron of weights (..., inputs, neurons): float64 (..., neurons)."""
    sums: NDArray[Any]
    if p == 2:
        sums = np.einsum("...ik,...ik->...k", weights, weights, dtype=np.float64)
    else:
        sums = (np.abs(weights.astype(np.float64)) ** p).sum(axis=-2)
    return sums
