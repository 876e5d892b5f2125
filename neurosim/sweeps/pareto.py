"""The Pareto front: the points that no other point beats."""

import numpy as np
from numpy.typing import NDArray

EQUAL = 1e-12  # relative: equal designs may differ in the last bits, when their parts are added in another order


def front(values: NDArray[np.float64], largest: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which points are on the front: no other point is at least as good in all objectives and better in one.

    Parameters
    ----------
    values : float64 (points, objectives)
        A point with NaN or infinity among its values is not on the front, and beats no other.
    largest : bool (objectives,)
        Whether the largest value is the best; otherwise it is the smallest.

    Returns
    -------
    bool (points,)
        Equal points are all on the front, or none of them is. Values that differ by 1e-12 of them or less are equal.
    """
    return _front(_ranks(values, largest))


def _front(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points are on the front of exact costs, all to be small: float64 (points, objectives)."""
    best: NDArray[np.bool_] = np.asarray(np.isfinite(costs).all(axis=1))
    order = np.flatnonzero(best)
    order = order[np.lexsort(costs[order].T[::-1])]  # what beats a point comes before it
    found, count = np.empty((len(order), costs.shape[1])), 0
    for i in order:
        others = found[:count]
        best[i] = not ((others <= costs[i]).all(axis=1) & (others < costs[i]).any(axis=1)).any()
        if best[i]:
            found[count] = costs[i]
            count += 1
    return best


def front_shares(values: NDArray[np.float64], largest: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of draws in which each point is on the front of its draw.

    Parameters
    ----------
    values : float64 (draws, points, objectives)
        As for `front`, in each draw.
    largest : bool (objectives,)

    Returns
    -------
    float64 (points,)
    """
    costs = _ranks(values, largest)
    left = np.flatnonzero(~_always_beaten(costs))
    shares = np.zeros(values.shape[1])
    shares[left] = np.mean([_front(one) for one in costs[:, left]], axis=0)
    return shares


def _ranks(values: NDArray[np.float64], largest: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each value's rank among those of all points: 0 is the best, values that are nearly equal have one rank.

    Parameters
    ----------
    values : float64 (..., points, objectives)
    largest : bool (objectives,)

    Returns
    -------
    float64 (..., points, objectives)
        Infinite where the value is not finite.
    """
    costs = np.where(largest, -values, values)
    order = costs.argsort(axis=-2)
    costs = np.take_along_axis(costs, order, axis=-2)
    below, above = costs[..., :-1, :], costs[..., 1:, :]
    with np.errstate(invalid="ignore", over="ignore"):
        steps = above - below > EQUAL * np.maximum(np.abs(below), np.abs(above))
    ranks = np.zeros(costs.shape)
    steps.cumsum(axis=-2, out=ranks[..., 1:, :])
    ranks[~np.isfinite(costs)] = np.inf
    np.put_along_axis(costs, order, ranks, axis=-2)
    return costs


def _always_beaten(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points one and the same other point beats in all draws: the front is the same without them."""
    beaten: NDArray[np.bool_] = np.asarray(~np.isfinite(costs).all(axis=2).any(axis=0))
    for rival in np.flatnonzero(_front(costs[0])):
        left = np.flatnonzero(~beaten)
        own, others = costs[:, rival : rival + 1], costs[:, left]
        beaten[left] = ((own <= others).all(axis=2) & (own < others).any(axis=2)).all(axis=0)
    return beaten
