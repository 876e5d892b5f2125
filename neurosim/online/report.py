"""The report of a run: samples, seconds, snapshots, latencies."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from neurosim.chip.chip import Chip
from neurosim.chip.pipeline import Chunk
from neurosim.instruments import never_won
from neurosim.online.drift import drift_of
from neurosim.online.latencies import Latencies
from neurosim.online.snapshots import Tally
from neurosim.reporting import html
from neurosim.reporting.units import duration


@dataclass
class Report:
    """What a run has done so far.

    Attributes
    ----------
    samples : int
        Samples learned from in this run.
    refused : int
        Samples that were passed over in this run, because the chip does not admit them.
    why_refused : str
        Why the latest of these was passed over; empty if none was.
    bad_lines : int
        Malformed lines that were passed over in this run; of several epochs, those of the last.
    source : dict of str to int
        What a live source has counted in this run, by its name (`neurosim.streams.live.receiver.Counts`), and how many
        records were `left`: received and neither dropped nor taken when the run ended. Empty for all others.
    stream_position : int
        Samples taken from the stream in total, earlier runs and samples passed over included.
    seconds : float
        Time in the loop, without snapshots and without `held_seconds`.
    held_seconds : float
        How long a `control` has held the run.
    tally : neurosim.online.snapshots.Tally
        Snapshots written, how long learning paused for them, and how long writing took while learning went on.
    latencies : Latencies
        Of each sample in the loop: from the moment at which a layer's compiled loop took it up to that at which its
        results were written and the layer had learned from it, by the clock inside the loop; of several layers the sum.
    edits_left : int
        Scheduled edits that were not made, as the run ended before their samples.
    interrupted : bool
        Whether the run was told to stop before the end of the stream.
    """

    samples: int = 0
    refused: int = 0
    why_refused: str = ""
    bad_lines: int = 0
    source: dict[str, int] = field(default_factory=dict)
    stream_position: int = 0
    seconds: float = 0.0
    held_seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    latencies: Latencies = field(default_factory=Latencies)
    edits_left: int = 0
    interrupted: bool = False

    def _repr_html_(self) -> str:
        seconds = {name: duration(value).strip() for name, value in self.latencies.summary().items()}
        rows = {
            "samples": f"{self.samples:,}" + (", interrupted" if self.interrupted else ""),
            "speed": f"{self.samples / self.seconds:,.0f} samples/s" if self.samples and self.seconds else "-",
            "latency": ", ".join(f"{name} {value}" for name, value in seconds.items()),
            "refused": f"{self.refused:,} samples, {self.bad_lines:,} lines",
            "position": f"{self.stream_position:,} samples taken from the stream",
            "snapshots": f"{self.snapshots:,}, which held up learning for {duration(self.snapshot_seconds).strip()}",
        }
        return html.heading("Run") + html.pairs(rows.items())

    @property
    def taken(self) -> int:
        """Samples taken from the stream in this run: learned from, or passed over."""
        return self.samples + self.refused

    @property
    def snapshots(self) -> int:
        """Snapshots written."""
        return self.tally.written

    @property
    def snapshot_seconds(self) -> float:
        """Seconds for which the run paused for snapshots, the last one, written at its end, included."""
        return self.tally.pause_seconds

    def add(self, chunks: Iterable[Chunk]) -> None:
        """Count chunks that have gone through."""
        for chunk in chunks:
            count = len(chunk.winners)
            self.latencies.add_all(chunk.nanoseconds)
            self.samples += count
            self.stream_position += count

    def add_one(self, nanoseconds: int) -> None:
        """Count a single sample that has gone through."""
        self.latencies.add(nanoseconds)
        self.samples += 1
        self.stream_position += 1

    def pass_over(self, refused: int, why: str) -> None:
        """Set how many samples were passed over so far, and why the latest was."""
        self.stream_position += refused - self.refused
        self.refused, self.why_refused = refused, why

    def summary(self, chip: Chip) -> dict[str, Any]:
        """Return plain values, units in the names."""
        wins = chip.layers[-1].state.wins
        return {
            "device": chip.device,
            "placement": [layer.placement for layer in chip.layers] if chip.device != "cpu" else None,
            "samples": self.samples,
            "refused_samples": self.refused,
            "bad_lines": self.bad_lines,
            "source": self.source or None,
            "stream_position": self.stream_position,
            "samples_per_s": self.samples / self.seconds if self.samples else None,
            "latency_s": self.latencies.summary(),
            "blank_samples": chip.layers[0].blanks,
            "never_won": never_won(wins),
            "drift": drift_of(chip.layers[0], chip.changes),
            "snapshots": self.snapshots,
            "snapshots_late": self.tally.late,
            "snapshot_s": self.snapshot_seconds,
            "snapshot_pause_max_s": self.tally.longest_pause_seconds,
            "snapshot_write_s": self.tally.write_seconds,
            "held_s": self.held_seconds,
            "edits_left": self.edits_left,
            "interrupted": self.interrupted,
            "state_sha256": chip.state_sha256,
        }
