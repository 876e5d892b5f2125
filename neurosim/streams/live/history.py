"""What is known of the samples that a live source gave lately: when they arrived, and where they stood in it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurosim.streams.live.receiver import Places

FEWEST = 1 << 14  # samples that are remembered at least


class History:
    """Times and places of the latest samples, counted from 0; one thread notes, others may read meanwhile.

    A place is where to go on after a sample, in its partition. Those of samples that are forgotten are folded into the
    latest of each partition.

    """

    def __init__(self) -> None:
        self.begin(1, {})

    def begin(self, most: int, places: Places) -> None:
        """Begin anew, with at most `most` samples noted at once, and with the places that a run before had reached."""
        self._size = 1 << max(FEWEST, 8 * most).bit_length()
        self._arrived = np.zeros(self._size, np.int64)
        self._places = np.zeros((self._size, 3), np.int64)  # partition, offset, and records of that message before it
        self._count = 0
        self._folded: tuple[int, Places] = (0, dict(places))  # replaced as a whole, never changed

    def note(self, arrived: NDArray[np.int64], places: NDArray[np.int64] | None) -> None:
        """Note the next samples."""
        count, first = len(arrived), self._count & (self._size - 1)
        slots: slice | NDArray[np.int64] = slice(first, first + count)
        if first + count > self._size:  # the rest begins the ring again
            slots = np.arange(first, first + count) & (self._size - 1)
        self._arrived[slots] = arrived
        if places is not None:
            if self._count + count - self._folded[0] > self._size // 2:
                old = self._count - self._size // 4
                self._folded = (old, self._latest(old))
            self._places[slots] = places
        self._count += count

    def note_one(self, arrived: int) -> None:
        """Note the time of the next sample alone, where there are no places."""
        self._arrived[self._count & (self._size - 1)] = arrived
        self._count += 1

    def arrived(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Return when samples arrived, int64 nanoseconds; None if one of them is not known, or not any more."""
        if not self._count - self._size <= first <= first + count <= self._count or first < 0:
            return None
        times: NDArray[np.int64] = self._arrived[np.arange(first, first + count) & (self._size - 1)]
        return times

    def places(self, taken: int, began: Mapping[int, int]) -> NDArray[np.int64]:
        """Return the place after the latest of `taken` samples in each partition, int64 (partitions, 3).

        It is a row of partition, offset of a message, and how many of its records are before the place. Partitions of
        which none was taken are where they began. `taken` lies at most a quarter of what is remembered behind the
        latest sample.
        """
        places = {partition: (offset, 0) for partition, offset in began.items()} | self._latest(taken)
        rows = [(partition, offset, count) for partition, (offset, count) in sorted(places.items())]
        return np.array(rows, np.int64).reshape(-1, 3)

    def _latest(self, taken: int) -> Places:
        folded, latest = self._folded
        places = self._places[np.arange(folded, taken) & (self._size - 1)]
        latest = dict(latest)
        for partition in np.unique(places[:, 0]).tolist():
            _, offset, count = places[places[:, 0] == partition][-1].tolist()
            latest[partition] = (offset, count)
        return latest
