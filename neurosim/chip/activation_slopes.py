"""Functions of potentials and their slopes in NumPy, for gradients; `kernels/dense/competition.py` has the loops."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.layers.activations import Identity, ReLU, Softmax, Transmit, Triangle

Real = NDArray[np.floating[Any]]


def log_softmax(x: Real) -> Real:
    """Return the logarithm of the softmax of each row: finite also where the softmax itself is 0."""
    below = x - x.max(axis=1, keepdims=True)
    shares: Real = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return shares


def log_sum(x: Real) -> Real:
    """Return the logarithm of the sum of exponentials of each row; minus infinity of a row of such."""
    top = np.maximum(x.max(axis=1, keepdims=True), np.finfo(x.dtype).min)
    with np.errstate(divide="ignore"):
        sums: Real = np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]
    return sums


def softmax(x: Real) -> Real:
    """Return the softmax of each row."""
    shares: Real = np.exp(x - x.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def activate(function: Transmit, u: Real) -> Real:
    """Return f(u), of the dtype of u.

    Parameters
    ----------
    function : any of `neurosim.layers.activations`
    u : float64 or float32 (samples, neurons)
    """
    match function:
        case Identity():
            return u
        case ReLU():
            return np.maximum(u, 0)
        case Triangle():
            above: Real = np.maximum(u - u.mean(axis=1, keepdims=True), 0)
            return above if function.power == 1 else np.power(above, function.power)
        case Softmax():
            return np.exp(log_softmax(u * function.exponent))
    raise AssertionError(f"a gradient for {type(function).__name__}")


def slope_before(function: Transmit, u: Real, slope: Real) -> Real:
    r"""Return the slope with respect to u of what has a slope with respect to f(u).

    .. math:: s_j = \sum_k s'_k \frac{\partial f_k}{\partial u_j}

    Where f has a kink the slope there counts as 0, and so does that of a power below 1 at 0.

    Parameters
    ----------
    function : any of `neurosim.layers.activations`
    u : float64 or float32 (samples, neurons)
    slope : like u
        :math:`s'`.
    """
    match function:
        case Identity():
            return slope
        case ReLU():
            return np.where(u > 0, slope, 0)
        case Triangle():
            above = u - u.mean(axis=1, keepdims=True)
            powers = np.power(above, function.power - 1, out=np.zeros_like(above), where=above > 0)
            own: Real = slope * powers * function.power
            centred: Real = own - own.mean(axis=1, keepdims=True)
            return centred
        case Softmax():
            shares = activate(function, u)
            mean = (slope * shares).sum(axis=1, keepdims=True)
            softened: Real = shares * (slope - mean) * function.exponent
            return softened
    raise AssertionError(f"a gradient for {type(function).__name__}")
