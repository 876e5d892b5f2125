"""Records of many chips: made for many at once, and kept one behind the other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.instruments import CONVERGED, FIRST_INTERVAL, MOST_RECORDS, RECORD, Records

NO_RECORDS = np.empty(0, RECORD)
Indices = NDArray[np.int64]
Exact = NDArray[np.float64]


def records_of(samples: Indices, steps: Exact, wins: Indices, lengths: NDArray[np.float32], writes: Indices) -> Any:
    """Return what `neurosim.instruments.record` returns for each of many chips, bit for bit: structured (chips,).

    Parameters
    ----------
    samples, writes : int64 (chips,)
    steps : float64 (chips, neurons)
    wins : int64 (chips, neurons)
    lengths : float32 (chips, neurons)
        Norms.
    """
    rows, neurons = np.empty(len(samples), RECORD), steps.shape[1]
    counts, norms = wins.astype(np.float64), np.sort(lengths.astype(np.float64), axis=1)
    shares = counts / np.maximum(1.0, counts.sum(axis=1, keepdims=True))
    squares, won = (shares**2).sum(axis=1), np.count_nonzero(counts, axis=1)
    rows["sample"], rows["writes"] = samples, writes
    rows["step_mean"], rows["step_gini"] = steps.sum(axis=1) / neurons, _ginis(steps)
    rows["usage_entropy"] = _entropies(shares, won)
    rows["effective_winners"] = np.divide(1, squares, out=np.zeros(len(rows)), where=squares > 0)
    rows["never_won"] = (neurons - won) / neurons
    rows["norm_min"], rows["norm_max"] = norms[:, 0], norms[:, -1]
    rows["norm_median"] = (norms[:, neurons // 2] + norms[:, ~(neurons // 2)]) / 2
    rows["converged"] = np.count_nonzero(np.abs(norms - 1) < CONVERGED, axis=1)
    return rows


def _ginis(steps: Exact) -> Exact:
    """Return `neurosim.instruments.gini` of each row."""
    values, size = np.sort(steps, axis=1), steps.shape[1]
    totals, places = values.sum(axis=1), np.arange(1, size + 1)
    ratios = np.zeros(len(values))
    np.divide(2 * (places * values).sum(axis=1), size * totals, out=ratios, where=totals != 0)
    return np.where(totals != 0, ratios - (size + 1) / size, 0.0)


def _entropies(shares: Exact, won: NDArray[np.intp]) -> Exact:
    """Return `neurosim.instruments.usage_entropy` of each row of shares, of which so many are not zero."""
    found = np.zeros(len(shares))
    if shares.shape[1] < 2:
        return found
    for count in np.unique(won).tolist():  # zeros among the terms would change the order of the sum
        which = won == count
        used = shares[which]
        used = used[used > 0].reshape(-1, count)
        found[which] = -(used * np.log(used)).sum(axis=1) / np.log(shares.shape[1])
    return found


class ManyRecords:
    """Time series of the instruments of many chips: of each, what `neurosim.instruments.Records` holds.

    All lie in the order in which they were taken. When a chip's interval doubles, every second of its records stays
    here until they are gathered anew.

    Attributes
    ----------
    due : int64 (room, 2)
        After how many samples of each chip its next record is due, and the interval from there; compiled code reads it.
    """

    def __init__(self) -> None:
        self.due, self._counts = np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
        self._rows: list[tuple[Indices, NDArray[Any]]] = []
        self._held, self._gathered = 0, 0

    def grow(self, room: int) -> None:
        """Make room for so many chips."""
        due, counts = np.full((room, 2), FIRST_INTERVAL), np.zeros(room, np.int64)
        due[: len(self.due)], counts[: len(self.due)] = self.due, self._counts
        self.due, self._counts = due, counts

    def add(self, chips: Indices, rows: NDArray[Any], samples: Indices) -> None:
        """Add records of some chips, in order; `samples` is how many each of these chips has learned from by now."""
        kept = np.ones(len(chips), np.bool_)
        for place, (chip, sample) in enumerate(zip(chips.tolist(), rows["sample"].tolist(), strict=True)):
            if sample % self.due[chip, 1]:  # the interval has doubled since
                kept[place] = False
                continue
            self._counts[chip] += 1
            if self._counts[chip] == MOST_RECORDS:
                self.due[chip, 1] *= 2
                self._counts[chip] //= 2
        self.due[chips, 0] = samples + self.due[chips, 1] - samples % self.due[chips, 1]
        self._rows.append((chips[kept], rows[kept]))
        self._held += len(chips)
        if self._held > 2 * self._gathered + len(self.due):
            self._gather()

    def _gather(self) -> tuple[Indices, NDArray[Any]]:
        """Bring all records together, without those that an interval has left behind."""
        if len(self._rows) != 1 or self._held != self._gathered:
            chips = np.concatenate([np.empty(0, np.int64), *(chips for chips, _ in self._rows)])
            rows = np.concatenate([NO_RECORDS, *(rows for _, rows in self._rows)])
            kept = rows["sample"] % self.due[chips, 1] == 0
            self._rows = [(chips[kept], rows[kept])]
            self._held = self._gathered = len(self._rows[0][0])
        return self._rows[0]

    def of(self, chip: int) -> Records:
        """Return a copy of a chip's records."""
        chips, rows = self._gather()
        return Records(rows[chips == chip])

    def put(self, chip: int, records: Records, samples: int) -> None:
        """Let a chip, which has learned from so many samples, have these records."""
        chips, rows = self._gather()
        mine = np.full(len(records.rows), chip)
        self._rows = [
            (np.concatenate([chips[chips != chip], mine]), np.concatenate([rows[chips != chip], records.rows]))
        ]
        self._held = self._gathered = len(self._rows[0][0])
        self._counts[chip] = len(records.rows)
        self.due[chip] = samples + records.until_due(samples), records.interval

    def arrays(self, count: int) -> dict[str, NDArray[Any]]:
        """Return the records of the first chips as plain numbers.

        `records` has all, chip after chip: float64 (records, numbers), in the order of `RECORD`, whose whole numbers
        are exact below 2**53. `record_counts` tells how many are each chip's.
        """
        chips, rows = self._gather()
        order = np.argsort(chips, kind="stable")
        numbers = np.stack([rows[name][order].astype(np.float64) for name in RECORD.names or ()], axis=1)
        return {"record_counts": np.bincount(chips, minlength=count)[:count], "records": numbers}

    def restore(self, arrays: dict[str, NDArray[Any]], samples: Indices) -> None:
        """Take over what `arrays` returned, of chips that have learned from so many samples.

        Raises
        ------
        ValueError
            If these are no such records.
        """
        counts, numbers, width = arrays.get("record_counts"), arrays.get("records"), len(RECORD.names or ())
        if counts is None or counts.shape != samples.shape or counts.dtype != np.int64:
            raise ValueError(f"record_counts must be int64 {samples.shape}")
        if ((counts < 0) | (counts >= MOST_RECORDS)).any():  # before they are added up, which many could overflow
            raise ValueError(f"record_counts must be from 0, below {MOST_RECORDS}")
        if numbers is None or numbers.dtype != np.float64 or numbers.shape != (counts.sum(), width):
            raise ValueError(f"records must be float64 {(int(counts.sum()), width)}")
        rows = np.empty(len(numbers), RECORD)
        for name, column in zip(RECORD.names or (), numbers.T, strict=True):
            rows[name] = column
        for chip, (end, count) in enumerate(zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True)):
            records = Records(rows[end - count : end])
            self.due[chip] = samples[chip] + records.until_due(int(samples[chip])), records.interval
        self._rows, self._counts[: len(counts)] = [(np.repeat(np.arange(len(counts)), counts), rows)], counts
        self._held = self._gathered = len(rows)
