"""Snapshots while samples are measured: the loop's pauses fall within the samples that wait for them."""

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
    """Refuse a file that is there, as its chip would be lost, and a chip that has nothing to keep."""
    finite("snapshot_seconds", seconds, "positive", 0, above=True)
    if path is None:
        return
    if not learning:
        raise ConfigError("snapshots", "None for a chip that only responds: it does not change", str(path))
    if Path(path).exists():
        raise ConfigError("snapshots", "a new file, and one is there: it is left alone", str(path))


class Keeper:
    """Takes snapshots of a chip that learns, before samples that come when one is due.

    Parameters
    ----------
    learn : callable
        What is measured.
    snapshots : Snapshots
    samples, warm_up : int
        Taken from the stream so far, and still to come before those that are measured.

    Attributes
    ----------
    tally : Tally
        Of the samples that are measured.
    """

    def __init__(self, learn: Callable[..., Any], snapshots: Snapshots, samples: int, warm_up: int) -> None:
        self._learn, self._snapshots, self._samples = learn, snapshots, samples
        self._first, self.tally = samples + warm_up, Tally()
        snapshots.take(samples, samples)  # so the other process is at hand, and the file can be written
        snapshots.settle()

    def learn_one(self, *call: Any) -> None:
        """Take a snapshot if one is due, then the sample."""
        if self._samples == self._first:
            self._snapshots.tally = self.tally
        if self._snapshots.due(self._samples):
            self._snapshots.take(self._samples, self._samples)
        self._learn(*call)
        self._samples += 1

    def finish(self) -> None:
        """Have what was learned in the file."""
        self._snapshots.settle()
        self._snapshots.tally = Tally()
        self._snapshots.finish(self._samples, self._samples)


@contextmanager
def kept(
    chip: Chip, stream: Stream, path: str | Path | None, seconds: float, samples: int, warm_up: int
) -> Iterator[Keeper | None]:
    """Give what takes snapshots, or None without a path; at the end, everything learned is in the file."""
    if path is None:
        yield None
        return
    with store.claim(path), Snapshots(chip, path, stream.identity(), Tally(), seconds=seconds) as snapshots:
        keeper = Keeper(chip.learn_one, snapshots, samples, warm_up)
        yield keeper
        keeper.finish()


def account(keeper: Keeper | None, path: str | Path | None, seconds: float) -> dict[str, Any] | None:
    """Return what became of snapshots while samples were measured, as plain values."""
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
