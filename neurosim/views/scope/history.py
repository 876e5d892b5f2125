"""What the page keeps of a run's pictures: few enough points for constant memory, from the first picture to now."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.online.latencies import percentile

MOST = 256  # points; when there are more, every second one is left out
RECENT = 6  # pictures that the numbers of now are of: about a second
MOST_NEURONS = 4096  # whose wins are kept
TOGETHER = 4  # bins of latencies that are kept as one: 2 %
ROWS, COLUMNS = 100, 120  # of the map of wins, at most
WINS_DUE = 10  # that a neuron would have had at an equal share, where it counts as silent
EXACT = 1e-12  # of a sum of steps: less is the error of its arithmetic
PERCENTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}

Floats = NDArray[np.float64]


class Point(NamedTuple):
    """A picture as it is kept; all counts are from the first sample on."""

    clock: float
    samples: int
    steps: float
    latencies: NDArray[np.int64]
    wins: NDArray[np.int64]
    total: int
    never_won: float
    silent: float


class History:
    """Points of a run, from the first picture that was seen.

    Parameters
    ----------
    neurons : int
        Of the layer that is shown.

    Attributes
    ----------
    neurons : int array (n,)
        Those whose wins are kept: all, or so many at equal distances.
    points : list of Point
        At equal numbers of pictures but for the last one, which is the latest picture.
    """

    def __init__(self, neurons: int) -> None:
        self.neurons = np.arange(0, neurons, -(-neurons // MOST_NEURONS))
        self.points: list[Point] = []
        self._apart, self._since = 1, 0  # pictures between two points, and since the last point but one
        self._recent: deque[Point] = deque(maxlen=RECENT)

    def add(self, picture: NDArray[Any]) -> None:
        """Keep a picture, a structured array (1,), if there are more samples than in the last one."""
        (row,) = picture
        if self.points and row["samples"] <= self.points[-1].samples:
            return
        if len(self.points) > 1 and self._since < self._apart:
            self.points.pop()
            self._since += 1
        else:
            self._since = 1
        wins, total = row["wins"][self.neurons], int(row["wins"].sum())
        point = Point(
            clock=float(row["clock"]),
            samples=int(row["samples"]),
            steps=float(row["steps"]),
            latencies=row["latencies"].reshape(-1, TOGETHER).sum(axis=1),
            wins=wins,
            total=total,
            never_won=float(np.mean(row["wins"] == 0)),
            silent=self._silent(wins, total, len(row["wins"])),
        )
        self.points.append(point)
        self._recent.append(point)
        if len(self.points) > MOST:
            self.points = self.points[::2]  # the last one stays, as their number is odd
            self._since += self._apart
            self._apart *= 2

    def _silent(self, wins: NDArray[np.int64], total: int, neurons: int) -> float:
        """Return the share of neurons without a win for so long that each would have had some at an equal share."""
        before = [point for point in self.points if point.total <= total - WINS_DUE * neurons]
        return float(np.mean(wins == before[-1].wins)) if before else np.nan

    def series(self) -> dict[str, Floats]:
        """Return series over samples, for all points but the first: each tells of the time since the point before.

        `samples`, `speed` in samples/s (NaN where no time passed), `p50`, `p99` and `p99.9` in seconds, `novelty` (the
        neurons' steps summed, a sample), and `never_won` and `silent`, shares of the neurons.
        """
        return _series(self.points)

    def now(self) -> dict[str, float]:
        """Return the same of the latest pictures together; nothing if there is only one."""
        if len(self._recent) < 2:
            return {}
        return {name: float(values[0]) for name, values in _series((self._recent[0], self._recent[-1])).items()}

    def map_of_wins(self) -> Floats:
        """Return the share of wins of ranked neurons over the run: float64 (rows, columns), the most used row first.

        Columns are equal numbers of samples, from the first point to the last. Rows are neurons by all their wins so
        far, or means of several of like rank. A row's value is 1 where it has its equal share.
        """
        points = self.points
        if len(points) < 2:
            return np.zeros((0, 0))
        order = np.argsort(-points[-1].wins, kind="stable")
        starts = np.unique(np.linspace(0, len(order), min(ROWS, len(order)) + 1).astype(int)[:-1])
        sizes = np.diff([*starts, len(order)])
        ranked = np.array([np.add.reduceat(point.wins[order], starts) / sizes for point in points])
        samples = [point.samples for point in points]
        edges = np.linspace(samples[0], samples[-1], min(COLUMNS, len(points) - 1) + 1)
        counts = np.diff([np.interp(edges, samples, row) for row in ranked.T], axis=1)
        return np.asarray(counts / np.maximum(sizes @ counts / len(order), 1e-12))


def _series(points: Sequence[Point]) -> dict[str, Floats]:
    clock, samples, steps = (
        np.array([getattr(point, name) for point in points], np.float64) for name in ("clock", "samples", "steps")
    )
    taken, seconds, moved = np.diff(samples), np.diff(clock), np.diff(steps)
    series = {
        "samples": samples[1:],
        "speed": np.divide(taken, seconds, out=np.full(len(taken), np.nan), where=seconds > 0),
        "novelty": np.where(moved >= EXACT * steps[1:], moved, 0) / taken,
        "never_won": np.array([point.never_won for point in points[1:]]),
        "silent": np.array([point.silent for point in points[1:]]),
    }
    between = np.array([later.latencies - earlier.latencies for earlier, later in pairwise(points)])
    return series | {name: _percentiles(between, percent) for name, percent in PERCENTILES.items()}


def _percentiles(counts: NDArray[np.int64], percent: float) -> Floats:
    """Return a percentile of each histogram (n, bins) in seconds; NaN where it is empty."""
    return np.array([percentile(row, percent, TOGETHER) for row in counts], np.float64)
