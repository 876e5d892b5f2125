"""Numbers that are known only within a band, low to high around a value, as random numbers."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def within(low: float, value: float, high: float, shares: Floats, shape: str) -> Floats:
    r"""Return the quantiles of a band.

    The logarithm has a triangle as its density, with the peak at the value, or is uniform. For the triangle, with
    :math:`a, c, b` the logarithms of low, value and high,

    .. math::

        F^{-1}(u) = a + \sqrt{u (b - a)(c - a)} \text{ if } u < \frac{c - a}{b - a}, \text{ else }
        b - \sqrt{(1 - u)(b - a)(b - c)}

    If low is 0, which has no logarithm, the number itself has this distribution.

    Parameters
    ----------
    low, value, high : float
        In order: low <= value <= high but for rounding, and none negative.
    shares : float64 (draws,)
        u, from 0 to 1. A larger one never gives a smaller number.
    shape : {"triangular", "uniform"}

    Returns
    -------
    float64 (draws,)
        From low to high; the value itself if both are equal to it.
    """
    low, high = min(low, value), max(high, value)
    if low == high:
        return np.full(len(shares), value)
    if low <= 0:
        return np.clip(_quantile(low, value, high, shares, shape), low, high)
    a, c, b = np.log([low, value, high])
    return np.clip(np.exp(_quantile(a, c, b, shares, shape)), low, high)


def _quantile(a: float, c: float, b: float, u: Floats, shape: str) -> Floats:
    if shape == "uniform":
        return a + u * (b - a)
    rising = a + np.sqrt(u * (b - a) * (c - a))
    falling = b - np.sqrt((1 - u) * (b - a) * (b - c))
    return np.where(u * (b - a) < c - a, rising, falling)
