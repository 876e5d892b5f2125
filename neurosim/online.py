"""The on-line loop: a stream through a chip, with a clock, snapshots and an account of it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurosim import store
from neurosim.checks import LARGEST, number, whole
from neurosim.chip import Chip, check_fits
from neurosim.errors import ConfigError, SampleError
from neurosim.metrics import Latencies, never_won
from neurosim.pipeline import Chunk, Pipeline
from neurosim.snapshots import Snapshots, Tally
from neurosim.streams import Block, Stream


@dataclass
class Report:
    """The account of a run, as it stands.

    Attributes
    ----------
    samples : int
        Samples learned from in this run.
    stream_position : int
        Samples taken from the stream in all, earlier runs included.
    seconds : float
        Time in the loop, without snapshots.
    tally : neurosim.snapshots.Tally
        Snapshots written, how long learning stood still for them, and how long writing took beside it.
    latencies : Latencies
        From the moment a chunk is at hand to the moment its responses are; with chunk 1, a sample's own latency.
    interrupted : bool
        Whether the run was told to stop before the end of the stream.
    """

    samples: int = 0
    stream_position: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    latencies: Latencies = field(default_factory=Latencies)
    interrupted: bool = False

    @property
    def snapshots(self) -> int:
        """Snapshots written."""
        return self.tally.written

    @property
    def snapshot_seconds(self) -> float:
        """Seconds for which the run stood still for snapshots, the last one, written at its end, included."""
        return self.tally.pause_seconds

    def add(self, chunks: Iterable[Chunk]) -> None:
        """Count chunks that have gone through; their tag is the moment they were at hand."""
        for chunk in chunks:
            count = len(chunk.winners)
            self.latencies.add(time.perf_counter() - chunk.tag, count)
            self.samples += count
            self.stream_position += count

    def summary(self, chip: Chip) -> dict[str, Any]:
        """Return plain values, units in the names."""
        wins = chip.layers[-1].state.wins
        return {
            "device": chip.device,
            "placement": [layer.placement for layer in chip.layers] if chip.device != "cpu" else None,
            "samples": self.samples,
            "stream_position": self.stream_position,
            "samples_per_s": self.samples / self.seconds if self.samples else None,
            "latency_s": self.latencies.summary(),
            "blank_samples": chip.layers[0].blanks,
            "never_won": never_won(wins),
            "snapshots": self.snapshots,
            "snapshots_late": self.tally.late,
            "snapshot_s": self.snapshot_seconds,
            "snapshot_pause_max_s": self.tally.longest_pause_seconds,
            "snapshot_write_s": self.tally.write_seconds,
            "interrupted": self.interrupted,
            "state_sha256": chip.state_sha256,
        }


class Stop(Exception):  # noqa: N818 - a request, not an error
    """Raised by `waiting` when the run must end while the stream is waited for."""


def run(
    chip: Chip,
    stream: Stream,
    *,
    state: str | Path | None = None,
    start: int = 0,
    position: int | None = None,
    chunk: int = 1,
    threads: int = 1,
    snapshot_samples: int = 0,
    snapshot_seconds: float = 10.0,
    watch: Callable[[Report], None] | None = None,
    stop: Callable[[], bool] | None = None,
    waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
    claimed: bool = False,
) -> Report:
    """Learn from a stream, sample by sample, and keep the state on disk.

    Parameters
    ----------
    chip : Chip
        Learns in place.
    stream : Stream
    state : path, optional
        State file: written at each snapshot and at the end. An error ends the run without a last snapshot; the one
        that is being written is waited for.
    start : int
        Sample of the stream to begin with.
    position : int, optional
        Samples taken before this run, for the state file. By default `start`; a pipe that goes on has a position, but
        starts with what it brings.
    chunk : int
        Samples handed over at a time: 1 for latency, more for throughput. Results do not depend on it.
    threads : int
        At work on successive layers at the same time, or together on wide ones. Results do not depend on it.
    snapshot_samples : int
        Samples between snapshots; 0 goes by time alone. At each of them, learning waits until the one before is
        written.
    snapshot_seconds : float
        Seconds between snapshots, looked at after each chunk; 0 goes by samples alone. Learning goes on while another
        process writes; a snapshot that falls due meanwhile is taken as soon as that is done.
    watch : callable, optional
        Called with the report after every chunk.
    stop : callable, optional
        Asked after every chunk; the run ends, with a last snapshot, when it returns true.
    waiting : callable
        Returns a context entered while the stream is waited for; it may raise `Stop`.
    claimed : bool
        Whether the caller holds `neurosim.store.claim(state)`, as it must from reading the state on to go on from it.

    Returns
    -------
    Report

    Raises
    ------
    ConfigError, SampleError, StreamError, DivergedError, StateError
        What went wrong; the chip has learned from all samples before, the state file is that of the last snapshot.
    """
    whole("start", start, 0)
    whole("position", start if position is None else position, 0)
    whole("chunk", chunk, 1, LARGEST)
    whole("threads", threads, 1, LARGEST)
    whole("snapshot_samples", snapshot_samples, 0)
    number("snapshot_seconds", snapshot_seconds, "at least 0", 0)
    check_fits(stream, chip.shape)
    if stream.length is not None and start > stream.length:
        raise ConfigError("start", f"at most the stream's length, {stream.length}", start)
    report = Report(stream_position=start if position is None else position)
    for layer in chip.layers:
        layer.compile()
    blocks = _until_stopped(stream.blocks(start, chunk), waiting, report)
    with ExitStack() as held:
        snapshots = None
        if state is not None:
            held.enter_context(nullcontext() if claimed else store.claim(state))
            snapshots = Snapshots(
                chip, state, stream.identity(), report.tally, samples=snapshot_samples, seconds=snapshot_seconds
            )
            held.enter_context(snapshots)
        _learn(chip, blocks, report, snapshots, threads, watch, stop)
        if report.stream_position == 0 and not report.interrupted:
            raise SampleError(f"{stream.name} must hold at least one sample, got none")
        if snapshots is not None:
            snapshots.finish(report.samples, report.stream_position)
    return report


def _learn(
    chip: Chip,
    blocks: Iterator[Block],
    report: Report,
    snapshots: Snapshots | None,
    threads: int,
    watch: Callable[[Report], None] | None,
    stop: Callable[[], bool] | None,
) -> None:
    begun = time.perf_counter()
    with Pipeline(chip.layers, threads, report.stream_position) as pipeline:
        for block in blocks:
            report.add(pipeline.push(block.samples, time.perf_counter(), block.labels))
            report.seconds = time.perf_counter() - begun - report.snapshot_seconds
            if watch is not None:
                watch(report)
            if stop is not None and stop():
                report.interrupted = True
                break
            if snapshots is not None and snapshots.due(report.samples):
                report.add(pipeline.drain())
                snapshots.take(report.samples, report.stream_position)
        report.add(pipeline.drain())
    report.seconds = time.perf_counter() - begun - report.snapshot_seconds


def _until_stopped(
    blocks: Iterator[Block], waiting: Callable[[], AbstractContextManager[object]], report: Report
) -> Iterator[Block]:
    """Give blocks until they end, or until waiting for one is told to stop."""
    while True:
        try:
            with waiting():
                block = next(blocks, None)
        except Stop:
            report.interrupted = True
            return
        if block is None:
            return
        yield block
