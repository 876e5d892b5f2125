"""The points near a sample that an attack may reach: a ball around it, within the box of all samples."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.bayes.inputs import Array, box, unit
from neurosim.checks import finite, one_of, plain

NORMS = ("linf", "l2")
HALF_A_STEP = 2.0**-54  # random numbers in [0, 1) are multiples of twice that


@dataclass(frozen=True)
class Ball:
    """All points within a distance of a centre and within [low, high], where also the centre is.

    Parameters
    ----------
    norm : {"linf", "l2"}
    epsilon : float
        Radius, at least 0.
    low, high : float
        Bounds of every input.
    """

    norm: str
    epsilon: float
    low: float
    high: float

    def __post_init__(self) -> None:
        plain(self)
        one_of("norm", self.norm, NORMS)
        finite("epsilon", self.epsilon, "at least 0", 0)
        box(self.low, self.high)

    def reach(self, inputs: int) -> float:
        """Return the radius, or the diameter of the box if that is smaller."""
        width = self.high - self.low
        return min(self.epsilon, width * math.sqrt(inputs) if self.norm == "l2" else width)

    def direction(self, gradient: Array) -> Array:
        """Return the steepest steps of size 1 in this norm; of gradients of 0, no steps."""
        return unit(gradient) if self.norm == "l2" else np.sign(gradient)

    def distance(self, points: NDArray[Any], centres: NDArray[Any]) -> Array:
        """Return the distance of each point from its centre, in this norm."""
        away = np.asarray(points, np.float64) - centres
        return np.asarray(np.sqrt((away * away).sum(axis=1)) if self.norm == "l2" else np.abs(away).max(axis=1))

    def project(self, points: Array, centres: Array) -> Array:
        r"""Return the nearest points of the ball and the box, by Euclid's distance.

        For the L2 norm that is :math:`\mathrm{clip}(c + t (z - c))` with the largest t up to 1 that stays in the ball.
        """
        if self.norm == "linf":
            reach = self.reach(centres.shape[1])
            near = np.clip(points, centres - reach, centres + reach)
            return np.asarray(np.clip(near, self.low, self.high))
        return self._towards(points - centres, centres, 1.0)

    def surface(self, directions: Array, centres: Array) -> Array:
        """Return the points of the L2 ball's surface and of the box along directions whose entries end at the box.

        Where the box ends before the surface is reached, it is the last point in the box.
        """
        return self._towards(directions, centres, math.inf)

    def _towards(self, directions: Array, centres: Array, longest: float) -> Array:
        """Return clip(c + t d) for the largest t up to `longest` with which it stays in the L2 ball."""
        size = np.abs(directions)
        free = np.where(directions > 0, self.high - centres, centres - self.low)  # up to the bound
        reach = self.reach(centres.shape[1])
        length = np.sqrt((size * size).sum(axis=1))
        t = np.minimum(np.divide(reach, length, out=np.zeros(len(length)), where=length > 0), longest)
        for _ in range(centres.shape[1]):  # t grows with every entry that ends at its bound, until there is no other
            ended = t[:, None] * size >= free
            moving = np.where(ended, 0, size)
            rest = (moving * moving).sum(axis=1)
            left = np.maximum(reach**2 - np.where(ended, free * free, 0).sum(axis=1), 0)
            longer = np.sqrt(np.divide(left, rest, out=np.zeros(len(rest)), where=rest > 0))
            longer = np.minimum(longer, longest)
            if (longer <= t).all():
                break
            t = np.maximum(t, longer)
        moved = centres + np.copysign(np.minimum(t[:, None] * size, free), directions)
        return np.asarray(np.clip(moved, self.low, self.high))

    def random(self, seed: int, purpose: int, part: int, first: int, centres: Array) -> Array:
        """Return random points, uniform in each ball and then projected to the box; a function of the position."""
        count, inputs = centres.shape
        draws = randomness.at_places(seed, purpose, part, first, count, inputs + 1)
        reach = self.reach(inputs)
        if self.norm == "linf":
            return self.project(centres + reach * (2 * draws[:, :inputs] - 1), centres)
        radius = reach * draws[:, inputs:] ** (1 / inputs)
        return self.project(centres + radius * _normal_directions(draws[:, :inputs]), centres)

    def noise(self, seed: int, purpose: int, first: int, centres: Array) -> Array:
        """Return random points of the surface: random signs times epsilon, or a random direction of that length."""
        draws = randomness.at_places(seed, purpose, 0, first, *centres.shape)
        if self.norm == "linf":
            return self.project(centres + np.where(draws < 0.5, -1, 1) * self.reach(centres.shape[1]), centres)
        return self.surface(_normal_directions(draws), centres)


def _normal_directions(draws: Array) -> Array:
    """Return random directions, uniform on the sphere, of numbers that are uniform in [0, 1)."""
    from scipy.special import ndtri  # takes a quarter of a second to import

    return unit(np.asarray(ndtri(draws + HALF_A_STEP)))
