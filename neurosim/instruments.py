r"""Instruments: what the neurons of a layer do while they learn, told from numbers that cost O(neurons) a sample.

Functions take plain arrays, so they serve any record; `Records` is the time series that a layer keeps of itself.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FIRST_INTERVAL, MOST_RECORDS = 100, 64
CONVERGED = 5e-3  # a norm as close to one as this counts as converged (the published code's R1)

RECORD = np.dtype(
    [
        ("sample", np.int64),
        ("step_mean", np.float64),
        ("step_gini", np.float64),
        ("usage_entropy", np.float64),
        ("effective_winners", np.float64),
        ("never_won", np.float64),
        ("norm_min", np.float64),
        ("norm_median", np.float64),
        ("norm_max", np.float64),
        ("converged", np.int64),
        ("writes", np.int64),
    ]
)


def gini(sizes: ArrayLike) -> float:
    r"""Return the Gini coefficient of sizes that are not negative: 0 if all are equal, near 1 if one has all.

    .. math:: G = \frac{\sum_{ij} |g_i - g_j|}{2 K^2 \bar g}

    With the factor 2, which the paper's appendix lacks and its example needs: a fraction p of zeros among equals gives
    G = p. It is no count of dead neurons: a low value can hide two groups. All zero: 0.

    References
    ----------
    Liuson, Learning Dynamics in Competitive Hebbian Learning, appendix.
    """
    values = np.sort(np.asarray(sizes, np.float64))
    total = values.sum()
    if total == 0:
        return 0.0
    places = np.arange(1, len(values) + 1)
    return float(2 * (places * values).sum() / (len(values) * total) - (len(values) + 1) / len(values))


def usage_entropy(wins: ArrayLike) -> float:
    r"""Return :math:`H(p) / \ln K` of the shares of wins: 1 if all win equally often, 0 if one wins all, or none."""
    shares = _shares(wins)
    if len(shares) < 2:
        return 0.0
    used = shares[shares > 0]
    return float(-(used * np.log(used)).sum() / np.log(len(shares)))


def effective_winners(wins: ArrayLike) -> float:
    r"""Return :math:`1 / \sum_k p_k^2` of the shares of wins: how many neurons winning equally would be as spread."""
    shares = _shares(wins)
    return float(1 / (shares**2).sum()) if shares.any() else 0.0


def converged(norms: ArrayLike, within: float = CONVERGED) -> int:
    """Return how many norms are within 0.005 of one (R1 in the published code of SoftHebb)."""
    return int((np.abs(np.asarray(norms, np.float64) - 1) < within).sum())


def cosines(weights: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Return the cosine of each row of weights (neurons, inputs) to the same row of others; 0 for a row of zeros."""
    one, two = (np.asarray(array, np.float32) for array in (weights, others))
    dots = np.einsum("ki,ki->k", one, two, dtype=np.float64)
    lengths = np.einsum("ki,ki->k", one, one, dtype=np.float64) * np.einsum("ki,ki->k", two, two, dtype=np.float64)
    return _ratio(dots, np.sqrt(lengths))


def displacements(weights: ArrayLike, first: ArrayLike) -> NDArray[np.float64]:
    r"""Return :math:`\|w_k - w_k^0\| / \|w_k^0\|` for each row of weights (neurons, inputs)."""
    now, then = (np.asarray(array, np.float32) for array in (weights, first))
    moved = np.linalg.norm(now - then, axis=1).astype(np.float64)
    lengths = np.linalg.norm(then, axis=1).astype(np.float64)
    return _ratio(moved, lengths)


def neighbour_correlation(weights: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the correlation of each neuron's weights with those of the next pixel down and to the right.

    Parameters
    ----------
    weights : float (neurons, inputs)
    shape : tuple of int
        Of the image: (height, width), or (channels, height, width).

    Returns
    -------
    float64 (neurons,)
        About 0 for noise, 0.8 to 0.9 for a formed receptive field; 0 for constant weights.
    """
    images = np.asarray(weights, np.float64).reshape(len(np.asarray(weights)), *shape)
    images = images - images.mean(axis=tuple(range(1, images.ndim)), keepdims=True)
    images = images.reshape(len(images), -1, *shape[-2:])
    variance = (images**2).mean(axis=(1, 2, 3))
    down = (images[:, :, 1:] * images[:, :, :-1]).sum(axis=(1, 2, 3))
    right = (images[:, :, :, 1:] * images[:, :, :, :-1]).sum(axis=(1, 2, 3))
    pairs = images[0, :, 1:].size + images[0, :, :, 1:].size
    product = (down + right) / max(1, pairs)
    return _ratio(product, variance)


def excess_kurtosis(weights: ArrayLike) -> NDArray[np.float64]:
    """Return the excess kurtosis of each row of weights (neurons, inputs): 0 for normal ones, -1.2 for uniform ones."""
    centred = np.asarray(weights, np.float64)
    centred = centred - centred.mean(axis=1, keepdims=True)
    variance, fourth = (centred**2).mean(axis=1), (centred**4).mean(axis=1)
    return _ratio(fourth, variance**2, otherwise=3.0) - 3


def _shares(wins: ArrayLike) -> NDArray[np.float64]:
    counts: NDArray[np.float64] = np.asarray(wins, np.float64)
    return counts / max(1.0, float(counts.sum()))


def _ratio(part: Any, whole: Any, otherwise: float = 0.0) -> NDArray[np.float64]:
    """Return part / whole where whole is positive."""
    quotient: NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole > 0)
    return quotient


NEURON = np.dtype(
    [
        ("state", "U7"),
        ("cosine", np.float64),
        ("displacement", np.float64),
        ("kurtosis", np.float64),
        ("correlation", np.float64),
        ("step", np.float64),
        ("wins", np.int64),
        ("norm", np.float64),
    ]
)
DEAD_ABOVE, LIVE_BELOW = 0.9, 0.5  # cosine to the first weights


def liveness(cosine: ArrayLike) -> NDArray[np.str_]:
    """Return "dead", "live" or "between" for each neuron, by the cosine of its weights to its first weights.

    Dead is above 0.9: what it was before the first sample, a random projection. Live is below 0.5: it has formed. In
    runs of the published rules nearly no neuron is between. The thresholds are for first weights around zero;
    weights that are never negative have much in common, so give the cosine of what differs from the mean.

    Parameters
    ----------
    cosine : float (neurons,)
    """
    values = np.asarray(cosine, np.float64)
    return np.where(values > DEAD_ABOVE, "dead", np.where(values < LIVE_BELOW, "live", "between"))


def neurons(
    weights: ArrayLike, first: ArrayLike, *, centred: bool, shape: tuple[int, ...] | None = None
) -> NDArray[Any]:
    """Return what weights tell of each neuron; steps, wins and norms are left to the caller.

    Parameters
    ----------
    weights, first : float (neurons, inputs)
        Now, and before the first sample.
    centred : bool
        Whether the cosine is that of what differs from each row's mean.
    shape : tuple of int, optional
        Of the image, for the correlation of neighbours; without it that is NaN.

    Returns
    -------
    structured array (neurons,), of dtype `NEURON`
    """
    now, then = (np.asarray(array, np.float32) for array in (weights, first))
    table = np.zeros(len(now), NEURON)
    one, two = (array - array.mean(axis=1, keepdims=True) if centred else array for array in (now, then))
    table["cosine"] = cosines(one, two)
    table["state"] = liveness(table["cosine"])
    table["displacement"] = displacements(now, then)
    table["kurtosis"] = excess_kurtosis(now)
    table["correlation"] = np.nan if shape is None else neighbour_correlation(now, shape)
    return table


def record(sample: int, steps: ArrayLike, wins: ArrayLike, norms: ArrayLike, writes: int) -> NDArray[Any]:
    """Return one row of the time series: sums since the first sample, norms as they are now."""
    lengths = np.sort(np.asarray(norms, np.float64))  # several times quicker than percentiles, for a few neurons
    middle = len(lengths) // 2
    median = (lengths[middle] + lengths[~middle]) / 2
    row = (
        sample, np.mean(np.asarray(steps, np.float64)), gini(steps), usage_entropy(wins), effective_winners(wins),
        np.mean(np.asarray(wins) == 0), lengths[0], median, lengths[-1], converged(lengths), writes,
    )  # fmt: skip
    return np.array([row], RECORD)


class Records:
    """A time series of bounded length: when it is full, every second record goes and the interval doubles.

    What it holds depends on the number of samples alone, not on how they came.

    Parameters
    ----------
    rows : structured array, optional
        What an earlier one held.

    Raises
    ------
    ValueError
        If rows are no such series.

    Attributes
    ----------
    rows : structured array (records,), of dtype `RECORD`
    interval : int
        Samples from one record to the next.
    """

    def __init__(self, rows: NDArray[Any] | None = None) -> None:
        self.rows: NDArray[Any] = np.empty(0, RECORD) if rows is None else rows
        if self.rows.dtype != RECORD or self.rows.ndim != 1 or len(self.rows) >= MOST_RECORDS:
            raise ValueError(f"records must be fewer than {MOST_RECORDS} of {RECORD}, got {self.rows.shape}")
        places = self.rows["sample"]
        # Thinning leaves half of the most: a single row is one of the first.
        self.interval = int(places[1] - places[0]) if len(places) > 1 else FIRST_INTERVAL
        if self.interval < 1 or (np.diff(places) != self.interval).any() or (places % self.interval).any():
            raise ValueError("records must stand at equal intervals")
        if not all(np.isfinite(self.rows[name]).all() for name in RECORD.names or ()):
            raise ValueError("records must be finite")

    def until_due(self, samples: int) -> int:
        """Return how many samples after `samples` the next record falls."""
        return self.interval - samples % self.interval

    def add(self, row: NDArray[Any]) -> None:
        """Take a record."""
        self.rows = np.concatenate([self.rows, row])
        if len(self.rows) == MOST_RECORDS:
            self.interval *= 2
            self.rows = self.rows[self.rows["sample"] % self.interval == 0]


def never_won(wins: ArrayLike) -> float:
    """Return the share of neurons that never won, from their counts of wins."""
    return float(np.mean(np.asarray(wins) == 0))
