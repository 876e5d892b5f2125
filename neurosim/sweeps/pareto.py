"""The Pareto front: the points that no other point beats."""

import numpy as np
from numpy.typing import NDArray


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
        Equal points are all on the front, or none of them is.
    """
    costs = np.where(largest, -values, values)
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
    costs = np.where(largest, -values, values)
    left = np.flatnonzero(~_always_beaten(costs))
    shares = np.zeros(values.shape[1])
    least = np.zeros_like(largest)
    shares[left] = np.mean([front(one, least) for one in costs[:, left]], axis=0)
    return shares


def _always_beaten(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points one and the same other point beats in all draws: the front is the same without them."""
    beaten: NDArray[np.bool_] = np.asarray(~np.isfinite(costs).all(axis=2).any(axis=0))
    for rival in np.flatnonzero(front(costs[0], np.zeros(costs.shape[2], np.bool_))):
        left = np.flatnonzero(~beaten)
        own, others = costs[:, rival : rival + 1], costs[:, left]
        beaten[left] = ((own <= others).all(axis=2) & (own < others).any(axis=2)).all(axis=0)
    return beaten
