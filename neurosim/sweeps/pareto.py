"""The Pareto front: points that no other one beats."""

import numpy as np
from numpy.typing import NDArray


def front(values: NDArray[np.float64], largest: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which points are on the front: none is at least as good in all objectives and better in one.

    Parameters
    ----------
    values : float64 (points, objectives)
        A point with NaN or infinity among them is on no front, and beats none.
    largest : bool (objectives,)
        Whether the largest value is the best, else the smallest.

    Returns
    -------
    bool (points,)
        Of equal points, all are on it or none.
    """
    costs = np.where(largest, -values, values)
    best: NDArray[np.bool_] = np.asarray(np.isfinite(costs).all(axis=1))
    others = costs[best]
    for place in np.flatnonzero(best):
        better = (others <= costs[place]).all(axis=1) & (others < costs[place]).any(axis=1)
        best[place] = not better.any()
    return best
