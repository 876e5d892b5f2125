"""Snapshots while samples are measured: the pause for a snapshot counts for the sample that waits for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neurosim.checks import finite
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.online.snapshots import Snapshots, Tally
from neurosim.state import store
from neurosim.streams import Stream


def check_snapshots(path: str | Path | None, seconds: float, learning: bool) -> None:
    """Refuse a file that exists, as the chip in it would be lost, and snapshots of a chip that does not learn."""
    finite("snapshot_seconds", seconds, "positive", 0, above=True)
    if path is None:
        return
    if not learning:
        raise ConfigError("snapshots", "None for a chip that only responds: it does not change", str(path))
    if Path(path).exists():
        raise ConfigError("snapshots", "a new file, and this one exists: it is left alone", str(path))


class Keeper:
    """Learns from samples, and takes a snapshot before a sample when one is due.

    Parameters
    ----------
    learn : callable
        The method that is measured.
    snapshots : Snapshots
    samples, warm_up : int
        Samples taken from the stream so far, and samples to come before those that are measured.

    Attributes
    ----------
    tally : Tally
        Counts and times of snapshots during the measured samples.
    """

    def __init__(self, learn: Callable[..., Any], snapshots: Snapshots, samples: int, warm_up: int) -> None:
        self._learn, self._snapshots, self._samples = learn, snapshots, samples
        self._first, self.tally = samples + warm_up, Tally()
        snapshots.take(samples, samples)  # so that the other process is running, and the file is known to be writable
        snapshots.settle()

    def learn_one(self, *call: Any) -> None:
        """Take a snapshot if one is due, then learn from the sample."""
        if self._samples == self._first:
            self._snapshots.tally = self.tally
        if self._snapshots.due(self._samples):
            self._snapshots.take(self._samples, self._samples)
        self._learn(*call)
        self._samples += 1

    def finish(self) -> None:
        """Write a last snapshot, so that the file has all that was learned."""
        self._snapshots.settle()
        self._snapshots.tally = Tally()
        self._snapshots.finish(self._samples, self._samples)


@contextmanager
def snapshotting(
    chip: Chip, stream: Stream, path: str | Path | None, seconds: float, samples: int, warm_up: int
) -> Iterator[Keeper | None]:
    """Yield a Keeper, or None without a path; at the end, the file has all that was learned."""
    if path is None:
        yield None
        return
    with store.claim(path), Snapshots(chip, path, stream.identity(), Tally(), seconds=seconds) as snapshots:
        keeper = Keeper(chip.learn_one, snapshots, samples, warm_up)
        yield keeper
        keeper.finish()


def summary_of(keeper: Keeper | None, path: str | Path | None, seconds: float) -> dict[str, Any] | None:
    """Return the counts and times of snapshots during the measured samples, as plain values."""
    if keeper is None:
        return None
    tally = keeper.tally
    return {
        "file": str(path),
        "interval_s": seconds,
        "written": tally.written,
        "late": tally.late,
        "pause_s": tally.pause_seconds,
        "pause_max_s": tally.longest_pause_seconds,
        "write_s": tally.write_seconds,
    }
