"""The probability that a design is on the front, from what is not known exactly: constants, and chance in learning.

In each draw, every constant of a described chip has one value, within its band, for all points on that chip; every
learned chip has one seed, out of those that were measured, on whatever hardware it is priced; and the front is computed
anew. So two designs on one chip are compared with the same constants, and one chip on two kinds of hardware with the
same accuracy.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neurosim import randomness
from neurosim.sweeps.bands import Floats, within
from neurosim.sweeps.pareto import front_shares
from neurosim.sweeps.run import Row
from neurosim.sweeps.search import objectives
from neurosim.sweeps.study import Chances, Sweep

SEEDS = (("chip", "seed"), ("arrivals", "seed"))  # points that differ in nothing else are one design
ENERGY, TERMS = "energy_J", "energy_terms"
ACCURACY, ERROR = "accuracy", "accuracy_error"
LATENCIES = ("latency_s", "latency_p99_s", "latency_max_s")  # each within its own band, all with the chip's times
SPEED = "samples_per_s_limit"  # high when times are low
MOST = 10_000_000  # draws of all designs together; they fill memory
PART_BITS = 48  # of what tells random numbers of one purpose apart


@dataclass
class Draws:
    """Random numbers by what they are of: the same for all points that share it, and whatever other points there are.

    Attributes
    ----------
    chances : Chances
    """

    chances: Chances
    _kept: dict[tuple[int, str], Floats] = field(default_factory=dict)

    def shares(self, purpose: int, what: str) -> Floats:
        """Return uniform numbers from 0 to 1: float64 (draws,)."""
        return self._drawn(purpose, what, randomness.uniform)

    def errors(self, what: str) -> Floats:
        """Return normally distributed numbers: float64 (draws,)."""
        return self._drawn(randomness.READOUT_ERRORS, what, randomness.normal)

    def _drawn(self, purpose: int, what: str, draw: Any) -> Floats:
        key = purpose, what
        if key not in self._kept:
            part = int.from_bytes(hashlib.sha256(what.encode()).digest()[: PART_BITS // 8], "big")
            self._kept[key] = np.asarray(draw(self.chances.seed, purpose, part, self.chances.draws))
        return self._kept[key]


def with_chances(sweep: Sweep, learning: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the probability that each one's design is on the front.

    Parameters
    ----------
    sweep : Sweep
    learning : sequence of str
        The sections that learning depends on: points that agree in them have one learned chip.
    rows : sequence of Row

    Returns
    -------
    list of Row
        The probability is 0 for a point that may be on no front, such as one that loses events, and None for one that
        is not done. Points that differ in seeds alone are one design, and have one probability.
    """
    done = [row for row in rows if row.record["status"] == "done"]
    if not sweep.chances.draws or not done:
        return list(rows)
    designs: dict[str, list[Row]] = {}
    for row in done:
        designs.setdefault(_without_seeds(row, row.point.cell.settings), []).append(row)
    draws = Draws(replace(sweep.chances, draws=max(1, min(sweep.chances.draws, MOST // len(designs)))))
    values = np.stack([_drawn(sweep, learning, group, draws) for group in designs.values()], axis=1)
    largest = np.array([wish == "max" for wish in sweep.objectives.values()])
    of_design = dict(zip(designs, front_shares(values, largest).tolist(), strict=True))
    return [
        row._replace(chance=of_design[_without_seeds(row, row.point.cell.settings)])
        if row.record["status"] == "done" else row
        for row in rows
    ]  # fmt: skip


def _without_seeds(row: Row, sections: Iterable[str]) -> str:
    """Return these sections of a point's configuration as text, without its seeds."""
    settings = row.point.cell.settings
    plain = {name: dict(settings[name]) for name in sections if name in settings}
    for section, key in SEEDS:
        plain.get(section, {}).pop(key, None)
    return json.dumps(plain, sort_keys=True)


def _drawn(sweep: Sweep, learning: Sequence[str], group: Sequence[Row], draws: Draws) -> Floats:
    """Return a design's objectives in each draw: float64 (draws, objectives); NaN where it may be on no front."""
    count = draws.chances.draws
    learned = _without_seeds(group[0], learning)
    alone = len({_seeds(row)[0] for row in group}) == 1
    values = np.full((len(group), count, len(sweep.objectives)), np.nan)
    for seed, row in enumerate(sorted(group, key=_seeds)):
        if objectives(row.record, sweep) is not None:
            measures = row.record["measures"]
            for column, name in enumerate(sweep.objectives):
                values[seed, :, column] = _measure(name, measures, _chip(row), learned, alone, draws)
    if len(group) == 1:
        return np.asarray(values[0])
    picked = (draws.shares(randomness.SEEDS, learned) * len(group)).astype(np.int64)
    chosen: Floats = values[picked, np.arange(count)]
    return chosen


def _seeds(row: Row) -> list[int]:
    settings = row.point.cell.settings
    return [settings.get(section, {}).get(key) or 0 for section, key in SEEDS]


def _chip(row: Row) -> str:
    """Return the described chip whose constants a point has, whatever is changed of it."""
    return str(row.point.cell.settings.get("hardware", {}).get("chip", ""))


def _measure(name: str, measures: dict[str, Any], chip: str, learned: str, alone: bool, draws: Draws) -> Floats:
    """Return a measure of a point in each draw; `alone` says that no other seed of its design was measured."""
    value = float(measures[name])
    if name == ENERGY and measures.get(TERMS):
        terms = json.loads(measures[TERMS])
        drawn = [_banded(f"{chip} energy of {term}", band, draws) for term, band in terms.items()]
        return np.asarray(np.sum(drawn, axis=0))
    if name == ACCURACY:  # several seeds show the spread themselves
        error = measures.get(ERROR) or 0.0
        return np.asarray(np.clip(value + error * draws.errors(learned) * alone, 0.0, 1.0))
    band = band_of(name, measures) or (value, value)
    if name == SPEED and band[0] > 0:  # its inverse is a time
        return np.asarray(1 / _banded(f"{chip} times", (1 / band[1], 1 / value, 1 / band[0]), draws))
    what = "times" if name in LATENCIES else name
    return _banded(f"{chip} {what}", (band[0], value, band[1]), draws)


def _banded(what: str, band: Sequence[float], draws: Draws) -> Floats:
    low, value, high = band
    if low == high:
        return np.full(draws.chances.draws, value)
    return within(low, value, high, draws.shares(randomness.CONSTANTS, what), draws.chances.band)


def band_of(name: str, measures: dict[str, Any]) -> tuple[float, float] | None:
    """Return the band of a measure, `energy_low_J` and `energy_high_J` of `energy_J`; None if it has none.

    An accuracy has the band of one standard error of the test set to each side.
    """
    if name == ACCURACY and measures.get(ERROR):
        value = measures[name]
        return max(0.0, value - measures[ERROR]), min(1.0, value + measures[ERROR])
    stem, _, unit = name.rpartition("_")
    ends = [measures.get(f"{stem}_{end}_{unit}", measures.get(f"{name}_{end}")) for end in ("low", "high")]
    value = measures.get(name)
    if value is None or ends[0] is None or ends[1] is None:
        return None
    return min(ends[0], value), max(ends[1], value)
