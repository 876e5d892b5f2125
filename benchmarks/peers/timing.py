"""Pairs measured one right after the other, in one process: their ratio holds when the machine is busy."""

import statistics
import time
from typing import NamedTuple

import numpy as np


class Times(NamedTuple):
    """Times of samples in seconds: of each one, and of each round their median, and the mean of processor time.

    Of a chunk there is the mean only; processor time, as what else the machine does would go into a mean.
    """

    each: list[float]
    medians: list[float]
    means: list[float]

    def percentile(self, share: float) -> float | None:
        """Return a percentile, if there are samples enough to have one: it is a sample's time, none in between."""
        if len(self.each) * (1 - share) < 1:
            return None
        return float(np.quantile(self.each, share, method="inverted_cdf"))

    @property
    def middle(self) -> float:
        """Return the median sample, or of chunks the median of the means."""
        return self.percentile(0.5) or statistics.median(self.means)


def nothing() -> Times:
    """Return room for times."""
    return Times([], [], [])


class Ratio(NamedTuple):
    """Ratio of two in the same round: median, lowest and highest."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.1f} ({self.lowest:.1f}-{self.highest:.1f})"


def one_by_one(call):
    """Return a function that times a call a sample."""

    def run(samples: list[np.ndarray], times: Times) -> None:
        clock, taken, at_first = time.perf_counter_ns, np.empty(len(samples)), time.process_time()
        for n, x in enumerate(samples):
            begun = clock()
            call(x)
            taken[n] = clock() - begun
        times.means.append((time.process_time() - at_first) / len(samples))
        times.each.extend((taken * 1e-9).tolist())
        times.medians.append(float(np.median(taken)) * 1e-9)

    return run


def in_a_chunk(call):
    """Return a function that times one call for all samples: a sample's share."""

    def run(samples: np.ndarray, times: Times) -> None:
        begun = time.process_time()
        call(samples)
        times.means.append((time.process_time() - begun) / len(samples))

    return run


def in_turn(runs: dict, parts: np.ndarray, at_most: dict[str, int]) -> dict[str, Times]:
    """Let all take the samples of a round, one after the other, round after round; the first round is to warm up."""
    warm, *measured = parts
    for name, run in runs.items():
        run(warm[: at_most.get(name)], nothing())
    times = {name: nothing() for name in runs}
    for part in measured:
        for name, run in runs.items():
            run(part[: at_most.get(name)], times[name])
    return times


def ratio(slow: Times, fast: Times) -> Ratio:
    """Return the ratios of two, round by round: of medians, or of means where one of them was timed by the chunk.

    Never of one's mean to the other's median: on a busy machine that alone can be a factor of two.
    """
    both = slow.medians and fast.medians
    pairs = zip(slow.medians, fast.medians, strict=True) if both else zip(slow.means, fast.means, strict=True)
    ratios = [a / b for a, b in pairs]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))
