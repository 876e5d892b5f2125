"""A mixture of von Mises-Fisher distributions in slow float64, from the equations: nothing but loops and quadrature.

Mardia and Jupp, Directional Statistics (2000), chapter 9; Banerjee et al., J. Machine Learning Research 6 (2005) 1345.
"""

import itertools
import math
from functools import cache

import numpy as np

NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)


def log_area(dimensions):
    """Return the logarithm of the area of the unit sphere in so many dimensions."""
    return math.log(2) + dimensions / 2 * math.log(math.pi) - math.lgamma(dimensions / 2)


@cache
def _integrals(inputs, kappa):
    """Return the logarithm of the integral of exp(kappa cos) over the sphere, and the mean of the cosine under it.

    By Gauss and Legendre's quadrature over the angle, where the integrand is not negligible.
    """

    def log_integrand(angle):
        return kappa * (np.cos(angle) - 1) + (inputs - 2) * np.log(np.sin(angle))

    angles = np.geomspace(1e-6, math.pi / 2, 10_000)
    angles = np.concatenate([angles, math.pi - angles[::-1]])
    values = log_integrand(angles)
    within = angles[values > values.max() - 60]
    low = 0.0 if within[0] == angles[0] else within[0]
    high = math.pi if within[-1] == angles[-1] else within[-1]
    nodes = low + (high - low) * (NODES + 1) / 2
    logs = log_integrand(nodes)
    parts = WEIGHTS * np.exp(logs - logs.max())
    log_integral = math.log((high - low) / 2 * parts.sum()) + logs.max() + kappa + log_area(inputs - 1)
    return log_integral, (parts * np.cos(nodes)).sum() / parts.sum()


def log_normaliser(inputs, kappa):
    return -_integrals(inputs, kappa)[0]


def mean_cosine(inputs, kappa):
    return _integrals(inputs, kappa)[1]


def density(x, direction, kappa):
    x = [value / math.sqrt(sum(v * v for v in x)) for value in x]
    return math.exp(kappa * sum(a * b for a, b in zip(x, direction, strict=True)) + log_normaliser(len(x), kappa))


def joint_density(samples, directions, kappa, shares):
    """Return the density of all samples together: the sum over every way in which components can have made them."""
    total = 0.0
    for components in itertools.product(range(len(shares)), repeat=len(samples)):
        product = 1.0
        for x, k in zip(samples, components, strict=True):
            product *= shares[k] * density(x, directions[k], kappa)
        total += product
    return total


def posterior(x, directions, kappa, shares):
    joint = [share * density(x, direction, kappa) for direction, share in zip(directions, shares, strict=True)]
    return [value / sum(joint) for value in joint]


def em_step(samples, directions, kappa, shares):
    """Return directions, shares and the mean length R after one step."""
    count, inputs = len(samples), len(samples[0])
    sums, mass = [[0.0] * inputs for _ in shares], [0.0] * len(shares)
    for x in samples:
        norm = math.sqrt(sum(value * value for value in x))
        for k, probability in enumerate(posterior(x, directions, kappa, shares)):
            mass[k] += probability
            for i in range(inputs):
                sums[k][i] += probability * x[i] / norm
    lengths = [math.sqrt(sum(value * value for value in row)) for row in sums]
    new = [[value / length for value in row] for row, length in zip(sums, lengths, strict=True)]
    return new, [m / count for m in mass], sum(lengths) / count


def best_concentration(inputs, length):
    """Return the concentration of the highest likelihood, kappa R + log C(kappa), by golden section."""

    def loss(log_kappa):
        return -math.exp(log_kappa) * length - log_normaliser(inputs, math.exp(log_kappa))

    low, high, golden = math.log(1e-3), math.log(1e6), (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return math.exp((low + high) / 2)
