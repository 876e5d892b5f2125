"""The report of a fleet's run: keys, samples, what was passed over, snapshots."""

from dataclasses import dataclass, field
from typing import Any

from neurosim.fleet.fleet import Fleet
from neurosim.online.snapshots import Tally


@dataclass
class FleetReport:
    """What a run has done so far.

    Attributes
    ----------
    samples : int
        Samples learned from in this run; where chips only respond, those that they responded to.
    refused : int
        Samples passed over, because a chip does not admit them or has diverged, or their key is one too many.
    beyond : int
        Those of them whose key is one too many, or, where chips only respond, has no chip.
    elsewhere : int
        Samples passed over, because their keys are other workers'.
    bad_lines : int
        Malformed lines that were passed over, those with a malformed key among them.
    stream_position : int
        Samples taken from the stream in total, earlier runs and samples passed over included.
    seconds : float
        Time in the loop, without snapshots.
    tally : neurosim.online.snapshots.Tally
        Snapshots written, how long learning paused for them, and how long writing took while learning went on.
    source : dict of str to int
        What a live source has counted in this run: see `neurosim.online.report.Report`.
    interrupted : bool
        Whether the run was told to stop before the end of the stream.
    """

    samples: int = 0
    refused: int = 0
    beyond: int = 0
    elsewhere: int = 0
    bad_lines: int = 0
    stream_position: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    source: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def taken(self) -> int:
        """Samples taken from the stream in this run: learned from, or passed over."""
        return self.samples + self.refused + self.elsewhere

    def count(self, samples: int, refused: int, beyond: int, elsewhere: int) -> None:
        """Count samples that were taken from the stream."""
        self.samples += samples
        self.refused += refused
        self.beyond += beyond
        self.elsewhere += elsewhere
        self.stream_position += samples + refused + elsewhere

    def summary(self, fleet: Fleet) -> dict[str, Any]:
        """Return plain values, units in the names."""
        return {
            "keys": len(fleet),
            "capacity": fleet.capacity,
            "bytes_per_key": fleet.bytes_per_chip,
            "samples": self.samples,
            "refused_samples": self.refused,
            "refused_keys_samples": self.beyond,
            "other_workers_samples": self.elsewhere,
            "diverged_keys": len(fleet.diverged),
            "bad_lines": self.bad_lines,
            "source": self.source or None,
            "stream_position": self.stream_position,
            "samples_per_s": self.samples / self.seconds if self.samples else None,
            "snapshots": self.tally.written,
            "snapshots_late": self.tally.late,
            "snapshot_s": self.tally.pause_seconds,
            "snapshot_pause_max_s": self.tally.longest_pause_seconds,
            "snapshot_write_s": self.tally.write_seconds,
            "interrupted": self.interrupted,
            "state_sha256": fleet.contents().state_sha256,
        }
