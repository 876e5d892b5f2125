"""What is known of the samples that a live source gave lately: when they arrived, and where they stood in it."""

import numpy as np
from numpy.typing import NDArray

FEWEST = 1 << 14  # samples that are remembered at least


class History:
    """Times and places of the latest samples, counted from 0; one thread notes, others may read meanwhile.

    Places of samples that are forgotten are folded into the latest of each partition.

    Parameters
    ----------
    most : int
        Samples that are noted at once, at most.
    """

    def __init__(self, most: int) -> None:
        self._size = 1 << max(FEWEST, 8 * most).bit_length()
        self._arrived = np.zeros(self._size, np.int64)
        self._places = np.zeros((self._size, 3), np.int64)  # partition, offset, and records of the message up to it
        self._count = 0
        self._folded: tuple[int, dict[int, tuple[int, int]]] = (0, {})  # replaced as a whole, never changed

    def begin_at(self, latest: dict[int, tuple[int, int]]) -> None:
        """Begin with the places that an earlier run had reached."""
        self._folded = (0, dict(latest))

    def note(self, arrived: NDArray[np.int64], places: NDArray[np.int64] | None) -> None:
        """Note the next samples."""
        count = len(arrived)
        slots = np.arange(self._count, self._count + count) & (self._size - 1)
        self._arrived[slots] = arrived
        if places is not None:
            if self._count + count - self._folded[0] > self._size // 2:
                first = self._count - self._size // 4
                self._folded = (first, self._latest(first))
            self._places[slots] = places
        self._count += count

    def arrived(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Return when samples arrived, int64 nanoseconds; None if one of them is not known, or not any more."""
        if not self._count - self._size <= first <= first + count <= self._count or first < 0:
            return None
        return self._arrived[np.arange(first, first + count) & (self._size - 1)]

    def latest(self, taken: int) -> NDArray[np.int64]:
        """Return the place of the latest of `taken` samples in each partition, int64 (partitions, 3).

        It is a row of partition, offset, and records of that message up to it. `taken` lies at most a quarter of what
        is remembered behind the latest sample.
        """
        rows = [(partition, offset, count) for partition, (offset, count) in sorted(self._latest(taken).items())]
        return np.array(rows, np.int64).reshape(-1, 3)

    def _latest(self, taken: int) -> dict[int, tuple[int, int]]:
        folded, latest = self._folded
        places = self._places[np.arange(folded, taken) & (self._size - 1)]
        latest = dict(latest)
        for partition in np.unique(places[:, 0]).tolist():
            _, offset, count = places[places[:, 0] == partition][-1].tolist()
            latest[partition] = (offset, count)
        return latest
