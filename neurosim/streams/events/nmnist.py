"""N-MNIST's records of 5 bytes, without a header: `.bin`, as in N-Caltech101 too, and `.bs2`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurosim.streams.events.event import Counts, Events
from neurosim.streams.events.opened import Opened, new_events, pieces

SIZE = 5  # bytes: x, y, and 24 bits of which the highest is the polarity, and the others are microseconds
OVERFLOW_ROW = 240  # the y of a record that is no event, but adds to the time of all that follow
OVERFLOW = 1 << 13  # microseconds


def open_nmnist(path: Path) -> Opened:
    """Open a file of N-MNIST's records; nothing in it tells the sensor's size, nor damage but a cut end."""
    return Opened(None, None, lambda counts: _batches(path, counts))


def _batches(path: Path, counts: Counts) -> Iterator[Events]:
    added = 0
    for _, data in pieces(path, 0, SIZE, "a record"):
        records = data.reshape(-1, SIZE).astype(np.int64)
        overflows = records[:, 1] == OVERFLOW_ROW
        time = (records[:, 2] & 0x7F) << 16 | records[:, 3] << 8 | records[:, 4]
        time += added + OVERFLOW * np.cumsum(overflows)
        counts.pass_over("overflow records", int(overflows.sum()))
        added += OVERFLOW * int(overflows.sum())
        kept = ~overflows
        events = new_events(int(kept.sum()))
        events["t"], events["x"], events["y"] = time[kept], records[kept, 0], records[kept, 1]
        events["p"] = records[kept, 2] >> 7
        yield events
