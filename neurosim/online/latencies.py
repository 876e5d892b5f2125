"""Latency percentiles of a run, in constant memory."""

import math

import numpy as np

SHORTEST, RESOLUTION, BINS = 1e-8, 0.005, 6000  # seconds; 0.5 % a bin, up to some 10^5 seconds
PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}


class Latencies:
    """A histogram of durations with bins of equal ratio: constant memory for any number of samples.

    A percentile is exact to 0.5 %.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(BINS, np.int64)
        self._scale = 1 / math.log1p(RESOLUTION)

    def add(self, seconds: float, samples: int = 1) -> None:
        """Count `samples` that each took `seconds`."""
        bin_index = int(math.log(seconds / SHORTEST) * self._scale) if seconds > SHORTEST else 0
        self.counts[min(bin_index, BINS - 1)] += samples

    def percentile(self, percent: float) -> float | None:
        """Return the duration in seconds that `percent` of the samples stayed below; None if there is no sample."""
        total = int(self.counts.sum())
        if total == 0:
            return None
        bin_index = int(np.searchsorted(np.cumsum(self.counts), math.ceil(total * percent / 100)))
        return float(SHORTEST * (1 + RESOLUTION) ** (bin_index + 0.5))

    def summary(self) -> dict[str, float | None]:
        """Return the percentiles 50, 95, 99 and 99.9 in seconds."""
        return {name: self.percentile(percent) for name, percent in PERCENTILES.items()}
