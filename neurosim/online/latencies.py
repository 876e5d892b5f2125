"""Latency percentiles of a run, in constant memory."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHORTEST, RESOLUTION, BINS = 1e-8, 0.005, 6000  # seconds; 0.5 % a bin, up to some 10^5 seconds
PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
SECOND = 1e9  # nanoseconds
TOGETHER = 128  # single durations that are counted at once: one alone takes microseconds, all of many a long pause


class Latencies:
    """A histogram of durations with bins of equal ratio: constant memory for any number of samples.

    A percentile is exact to 0.5 %.
    """

    def __init__(self) -> None:
        self._counts, self._scale = np.zeros(BINS, np.int64), 1 / math.log1p(RESOLUTION)
        self._single: list[int] = []

    def add(self, nanoseconds: int) -> None:
        """Count a sample that took so long."""
        self._single.append(nanoseconds)
        if len(self._single) == TOGETHER:
            self._count_single()

    def add_all(self, nanoseconds: ArrayLike) -> None:
        """Count samples that took so long each."""
        seconds = np.maximum(np.asarray(nanoseconds, np.float64) / SECOND, SHORTEST)
        bins = (np.log(seconds / SHORTEST) * self._scale).astype(np.int64)
        np.add.at(self._counts, np.minimum(bins, BINS - 1), 1)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Samples in each bin."""
        self._count_single()
        return self._counts

    def _count_single(self) -> None:
        if self._single:
            single, self._single = self._single, []
            self.add_all(single)

    def percentile(self, percent: float) -> float | None:
        """Return the duration in seconds that `percent` of the samples stayed below; None if there is no sample."""
        return percentile(self.counts, percent)

    def summary(self) -> dict[str, float | None]:
        """Return the percentiles 50, 95, 99 and 99.9 in seconds."""
        return {name: self.percentile(percent) for name, percent in PERCENTILES.items()}


def percentile(counts: NDArray[np.int64], percent: float, together: int = 1) -> float | None:
    """Return a percentile of counts in bins of `Latencies`, so many of them together; None if there is no sample."""
    total = int(counts.sum())
    if total == 0:
        return None
    bin_index = int(np.searchsorted(np.cumsum(counts), math.ceil(total * percent / 100)))
    return float(SHORTEST * (1 + RESOLUTION) ** (together * (bin_index + 0.5)))
