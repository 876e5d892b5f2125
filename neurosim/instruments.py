r"""Instruments: measures of what the neurons of a layer do while they learn, at a cost of O(neurons) per sample.

The functions take plain arrays, so they can be used on any data; `Records` is the time series that a layer keeps.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.outside.arrays import numbers

FIRST_INTERVAL, MOST_RECORDS = 100, 64
CONVERGED = 5e-3  # a norm that is closer to one counts as converged (R1 in the published code of SoftHebb)

SETTLED = 16  # records from which on drift is told; they then span the stream so far in at most 63 equal windows
COMPARED = 4  # windows whose mean step is compared
UNTIL_SHARES = 8  # records before which the shares of wins are not yet those of the inputs
STEPS_RISE, WINNERS_FALL = (
    1.6,
    1.5,
)  # beyond these, inputs have changed: benchmarks/drift.py --alarm shows how rarely not

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
    r"""Return the Gini coefficient of sizes that are not negative: 0 if all are equal, near 1 if one has everything.

    .. math:: G = \frac{\sum_{ij} |g_i - g_j|}{2 K^2 \bar g}

    The paper's appendix lacks the factor 2, but its example needs it: if a fraction p of the sizes is zero and the
    others are equal, G = p. It does not count dead neurons: a low value can hide two groups. If all are zero, G = 0.

    References
    ----------
    Liuson, Learning Dynamics in Competitive Hebbian Learning, appendix.
    """
    values = np.sort(_wide("sizes", sizes))
    total = values.sum()
    if total == 0:
        return 0.0
    places = np.arange(1, len(values) + 1)
    return float(2 * (places * values).sum() / (len(values) * total) - (len(values) + 1) / len(values))


def usage_entropy(wins: ArrayLike) -> float:
    r"""Return :math:`H(p) / \ln K` of the shares of wins p: 1 if all win equally often, 0 if one wins all, or none."""
    shares = _shares(wins)
    if len(shares) < 2:
        return 0.0
    used = shares[shares > 0]
    return float(-(used * np.log(used)).sum() / np.log(len(shares)))


def effective_winners(wins: ArrayLike) -> float:
    r"""Return :math:`1 / \sum_k p_k^2` of the shares of wins p: n if n neurons win equally often and others never."""
    shares = _shares(wins)
    return float(1 / (shares**2).sum()) if shares.any() else 0.0


def converged(norms: ArrayLike, within: float = CONVERGED) -> int:
    """Return how many norms are closer to one than `within` (R1 in the published code of SoftHebb)."""
    return int(np.count_nonzero(np.abs(_wide("norms", norms) - 1) < within))


def cosines(weights: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Return the cosine between each row of weights (neurons, inputs) and the same row of others; 0 for zeros."""
    one, two = (_narrow("weights", array) for array in (weights, others))
    dots = np.einsum("ki,ki->k", one, two, dtype=np.float64)
    lengths = np.einsum("ki,ki->k", one, one, dtype=np.float64) * np.einsum("ki,ki->k", two, two, dtype=np.float64)
    return _ratio(dots, np.sqrt(lengths))


def displacements(weights: ArrayLike, first: ArrayLike) -> NDArray[np.float64]:
    r"""Return :math:`\|w_k - w_k^0\| / \|w_k^0\|` for each row of weights (neurons, inputs)."""
    now, then = (_narrow("weights", array) for array in (weights, first))
    moved = np.linalg.norm(now - then, axis=1).astype(np.float64)
    lengths = np.linalg.norm(then, axis=1).astype(np.float64)
    return _ratio(moved, lengths)


def neighbour_correlation(weights: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the correlation between the weights of neighbouring pixels, vertical and horizontal, for each neuron.

    Parameters
    ----------
    weights : float (neurons, inputs)
    shape : tuple of int
        Shape of the image: (height, width), or (channels, height, width).

    Returns
    -------
    float64 (neurons,)
        About 0 for noise, 0.8 to 0.9 for a formed receptive field; 0 for constant weights.
    """
    rows = _wide("weights", weights)
    images = rows.reshape(len(rows), *shape)
    images = images - images.mean(axis=tuple(range(1, images.ndim)), keepdims=True)
    images = images.reshape(len(images), -1, *shape[-2:])
    variance = (images**2).mean(axis=(1, 2, 3))
    down = (images[:, :, 1:] * images[:, :, :-1]).sum(axis=(1, 2, 3))
    right = (images[:, :, :, 1:] * images[:, :, :, :-1]).sum(axis=(1, 2, 3))
    pairs = images[0, :, 1:].size + images[0, :, :, 1:].size
    product = (down + right) / max(1, pairs)
    return _ratio(product, variance)


def excess_kurtosis(weights: ArrayLike) -> NDArray[np.float64]:
    """Return the excess kurtosis of each row of weights (neurons, inputs): 0 if they are normal, -1.2 if uniform."""
    centred = _wide("weights", weights)
    centred = centred - centred.mean(axis=1, keepdims=True)
    squares = centred**2
    variance, fourth = squares.mean(axis=1), (squares**2).mean(axis=1)  # `centred**4` takes twenty times as long
    return _ratio(fourth, variance**2, otherwise=3.0) - 3


def _wide(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return numbers from outside as float64."""
    return np.asarray(numbers(name, values), np.float64)


def _narrow(name: str, values: ArrayLike) -> NDArray[np.float32]:
    """Return numbers from outside as float32, as weights are."""
    with np.errstate(over="ignore"):
        return np.asarray(numbers(name, values), np.float32)


def _shares(wins: ArrayLike) -> NDArray[np.float64]:
    counts = _wide("wins", wins)
    return counts / max(1.0, float(counts.sum()))


def _ratio(
    numerators: NDArray[np.float64], denominators: NDArray[np.float64], otherwise: float = 0.0
) -> NDArray[np.float64]:
    """Return numerator / denominator where the denominator is positive, else `otherwise`."""
    out = np.full(numerators.shape, otherwise)
    quotient: NDArray[np.float64] = np.divide(numerators, denominators, out=out, where=denominators > 0)
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
    """Return "dead", "live" or "between" for each neuron, by the cosine between its weights and its first weights.

    Above 0.9 a neuron is dead: it still is the random projection that it was before the first sample. Below 0.5 it is
    live: it has formed. In runs of the published rules hardly any neuron is between. The thresholds are for first
    weights around zero. Weights that are never negative resemble each other: for these, subtract each row's mean before
    the cosine is taken.

    Parameters
    ----------
    cosine : float (neurons,)
    """
    values = _wide("cosine", cosine)
    return np.where(values > DEAD_ABOVE, "dead", np.where(values < LIVE_BELOW, "live", "between"))


def neurons(
    weights: ArrayLike, first: ArrayLike, *, centred: bool, shape: tuple[int, ...] | None = None
) -> NDArray[Any]:
    """Return what can be computed from the weights of each neuron; steps, wins and norms are left to the caller.

    Parameters
    ----------
    weights, first : float (neurons, inputs)
        The weights now, and before the first sample.
    centred : bool
        Whether each row's mean is subtracted before the cosine is taken.
    shape : tuple of int, optional
        Shape of the image, for the correlation of neighbours, which is NaN without it.

    Returns
    -------
    structured array (neurons,), of dtype `NEURON`
    """
    now, then = (_narrow("weights", array) for array in (weights, first))
    table = np.zeros(len(now), NEURON)
    one, two = (array - array.mean(axis=1, keepdims=True) if centred else array for array in (now, then))
    table["cosine"] = np.where((now == then).all(axis=1), 1.0, cosines(one, two))  # zeros have no cosine
    table["state"] = liveness(table["cosine"])
    table["displacement"] = displacements(now, then)
    table["kurtosis"] = excess_kurtosis(now)
    table["correlation"] = np.nan if shape is None else neighbour_correlation(now, shape)
    return table


def record(sample: int, steps: ArrayLike, wins: ArrayLike, norms: ArrayLike, writes: int) -> NDArray[Any]:
    """Return one row of the time series, from steps and wins since the first sample, and the present norms."""
    lengths = np.sort(_wide("norms", norms))  # for a few neurons, several times quicker than percentiles
    middle = len(lengths) // 2
    median = (lengths[middle] + lengths[~middle]) / 2
    values = {
        "sample": sample,
        "step_mean": _wide("steps", steps).sum() / len(lengths),  # a fifth of the time of np.mean, and the same number
        "step_gini": gini(steps),
        "usage_entropy": usage_entropy(wins),
        "effective_winners": effective_winners(wins),
        "never_won": never_won(wins),
        "norm_min": lengths[0],
        "norm_median": median,
        "norm_max": lengths[-1],
        "converged": converged(lengths),
        "writes": writes,
    }
    return np.array([tuple(values.values())], RECORD)


class Records:
    """A time series of bounded length: when it is full, every second record is dropped and the interval doubles.

    Which samples have records depends only on the number of samples, not on how they are cut into chunks.

    Parameters
    ----------
    rows : structured array, optional
        Rows of an earlier series, to go on from.

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
        samples = self.rows["sample"]
        # Thinning leaves MOST_RECORDS / 2 rows: a series with fewer than two was never thinned.
        self.interval = int(samples[1] - samples[0]) if len(samples) > 1 else FIRST_INTERVAL
        if self.interval < 1 or (np.diff(samples) != self.interval).any() or (samples % self.interval).any():
            raise ValueError("records must be at equal intervals")
        if not all(np.isfinite(self.rows[name]).all() for name in RECORD.names or ()):
            raise ValueError("records must be finite")

    def until_due(self, samples: int) -> int:
        """Return how many samples after `samples` the next record falls."""
        return self.interval - samples % self.interval

    def add(self, row: NDArray[Any]) -> None:
        """Append a record; thin the series if it is full."""
        self.rows = np.concatenate([self.rows, row])
        if len(self.rows) == MOST_RECORDS:
            self.interval *= 2
            self.rows = self.rows[self.rows["sample"] % self.interval == 0]


def never_won(wins: ArrayLike) -> float:
    """Return the share of neurons that never won, from their counts of wins."""
    counts = _wide("wins", wins)
    return (counts.size - int(np.count_nonzero(counts))) / counts.size


class Drift(NamedTuple):
    """How far a layer's steps and winners are from those that it had settled on.

    Attributes
    ----------
    steps : float
        The mean step of the last windows over the smallest mean step before.
    winners : float
        The largest number of effective winners over the present one.
    fewest, most : float
        Effective winners now, and at most.
    since : int or None
        The sample after which inputs changed, as far as records tell it; None if they have not changed.
    """

    steps: float
    winners: float
    fewest: float
    most: float
    since: int | None

    @property
    def alarm(self) -> bool:
        """Whether the inputs have changed."""
        return self.since is not None


def drift(records: NDArray[Any], rates: ArrayLike | None = None, after: int = 0) -> Drift | None:
    r"""Tell from a layer's records whether its inputs have changed since it settled; None with too few records.

    As neurons come to fit their inputs, :math:`\|\Delta w\|` falls and stays low, and the shares of wins stay as they
    are. Inputs that fit no neuron make steps larger; inputs that fit one neuron alone give it most of the wins. So
    inputs have changed if the mean step of the last four windows between records is above 1.6 times the smallest mean
    of four windows before, or if there were 1.5 times as many effective winners as now. This holds for rules that draw
    weights to their inputs: `neurosim.online.drift` knows which layers these are.

    Parameters
    ----------
    records : structured array (records,), of dtype `RECORD`
    rates : float (records,), optional
        The mean rate by time in the window that ends with each record; steps are divided by it.
    after : int
        A sample at which a constant was changed, which changes steps: only windows from there on are compared.

    References
    ----------
    Page, Biometrika 41 (1954) 100, the test whose running minimum this shares.
    """
    if len(records) < SETTLED:
        return None
    with np.errstate(all="ignore"):  # an edited state file may hold any finite numbers
        return _drift(records, np.ones(len(records)) if rates is None else np.asarray(rates, np.float64), after)


def _drift(records: NDArray[Any], rates: NDArray[np.float64], after: int) -> Drift | None:
    """Compare the last windows of enough records with those before; None if they have no steps to compare."""
    ends = np.concatenate([[0], records["sample"]]).astype(np.float64)
    totals = np.concatenate([[0], records["step_mean"] * records["sample"]])
    steps = _ratio(np.diff(totals) / np.diff(ends), rates, np.nan)
    kept = ends[:-1] >= after
    steps, records, ends = steps[kept], records[kept], np.concatenate([ends[:-1][kept][:1], ends[1:][kept]])
    if len(records) < SETTLED:
        return None
    means = np.convolve(steps, np.full(COMPARED, 1 / COMPARED), "valid")
    earlier, winners = means[:-COMPARED][means[:-COMPARED] > 0], records["effective_winners"]
    if len(earlier) == 0:
        return None
    lowest, settled = earlier.min(), UNTIL_SHARES + int(winners[UNTIL_SHARES:].argmax())
    rise, fall, since = float(means[-1] / lowest), float(winners[settled] / winners[-1]), None
    if not np.isfinite([rise, fall]).all():
        return None
    if fall > WINNERS_FALL:
        since = int(records["sample"][settled])
    if rise > STEPS_RISE:
        large = steps > STEPS_RISE * lowest
        first = int(np.flatnonzero(~large[:-COMPARED]).max()) + 1
        since = int(ends[first + large[first:].argmax()])
    return Drift(rise, fall, float(winners[-1]), float(winners[settled]), since)
