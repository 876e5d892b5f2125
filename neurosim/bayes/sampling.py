"""Random samples of von Mises-Fisher distributions, by rejection: each a function of a seed and of its number."""

import math

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness

Array = NDArray[np.float64]
COMPONENTS, COSINES, TANGENTS = 601, 602, 603  # purposes of random numbers, distinct from those of a chip


def draw(
    directions: Array, concentration: float, shares: Array, count: int, seed: int
) -> tuple[Array, NDArray[np.int64]]:
    r"""Return samples of a mixture, float64 (count, inputs), and their components, int64 (count,).

    .. math:: x = c \mu_k + \sqrt{1 - c^2}\, v, \qquad v \perp \mu_k

    with the cosine c by rejection, and v uniform among the unit vectors that are orthogonal to the direction.
    """
    chosen = randomness.at_places(seed, COMPONENTS, 0, 0, count, 1)[:, 0]
    bounds = np.cumsum(shares)
    last = np.flatnonzero(shares)[-1]  # rounding may lift a number to the last bound
    components = np.minimum(np.searchsorted(bounds, chosen * bounds[-1], side="right"), last)
    means = directions[components]
    samples = randomness.normal(seed, TANGENTS, 0, count * means.shape[1]).reshape(means.shape)
    samples -= np.einsum("ni,ni->n", samples, means)[:, None] * means
    samples /= np.linalg.norm(samples, axis=1, keepdims=True)
    cosines, sines = _cosines(directions.shape[1], concentration, count, seed)
    samples *= sines[:, None]
    samples += cosines[:, None] * means
    return samples, components


def _cosines(inputs: int, concentration: float, count: int, seed: int) -> tuple[Array, Array]:
    r"""Return cosines between samples and directions, and their sines, without the cancellation of 1 - c^2.

    .. math:: p(c) \propto e^{\kappa c} (1 - c^2)^{(D - 3) / 2}

    Wood's envelope makes a cosine of a symmetric beta variate z, which Ulrich's formula makes of two uniform numbers.

    References
    ----------
    Wood, Commun. Statist. Simulation 23 (1994) 157, algorithm VM*; Ulrich, Applied Statistics 33 (1984) 158, for the
    beta variate.
    """
    more = inputs - 1
    b = more / (2 * concentration + math.hypot(2 * concentration, more))
    peak = (1 - b) / (1 + b)
    log_bound = concentration * peak + more * (math.log(4 * b) - 2 * math.log1p(b))
    cosines, sines, waiting, attempt = np.empty(count), np.empty(count), np.ones(count, np.bool_), 0
    while waiting.any():
        size, angle, chance = randomness.at_places(seed, COSINES, attempt, 0, count, 3)[waiting].T
        power = 2 / (inputs - 2) if inputs > 2 else math.inf
        z = (1 + np.sqrt(1 - size**power) * np.cos(2 * np.pi * angle)) / 2
        short = 2 * b * z / (1 - (1 - b) * z)  # 1 - c
        cosine = 1 - short
        accepted = concentration * cosine + more * np.log(1 - peak * cosine) - log_bound >= np.log1p(-chance)
        numbers = np.flatnonzero(waiting)[accepted]
        cosines[numbers], sines[numbers] = cosine[accepted], np.sqrt(short * (2 - short))[accepted]
        waiting[numbers] = False
        attempt += 1
    return cosines, sines
