"""The on-line loop: a stream through a chip, with a clock, snapshots and an account of it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurosim import store
from neurosim.checks import LARGEST, number, whole
from neurosim.chip import Chip, check_fits
from neurosim.errors import ConfigError, SampleError
from neurosim.metrics import Latencies, never_won
from neurosim.pipeline import Chunk, Pipeline
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
    snapshots, snapshot_seconds : int, float
        Snapshots written, and the time that took.
    latencies : Latencies
        From the moment a chunk is at hand to the moment its responses are; with chunk 1, a sample's own latency.
    interrupted : bool
        Whether the run was told to stop before the end of the stream.
    """

    samples: int = 0
    stream_position: int = 0
    seconds: float = 0.0
    snapshots: int = 0
    snapshot_seconds: float = 0.0
    latencies: Latencies = field(default_factory=Latencies)
    interrupted: bool = False

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
            "samples": self.samples,
            "stream_position": self.stream_position,
            "samples_per_s": self.samples / self.seconds if self.samples else None,
            "latency_s": self.latencies.summary(),
            "blank_samples": chip.layers[0].blanks,
            "never_won": never_won(wins),
            "snapshots": self.snapshots,
            "snapshot_s": self.snapshot_seconds,
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
        State file: written at each snapshot and at the end. An error ends the run without a last snapshot.
    start : int
        Sample of the stream to begin with.
    position : int, optional
        Samples taken before this run, for the state file. By default `start`; a pipe that goes on has a position, but
        starts with what it brings.
    chunk : int
        Samples handed over at a time: 1 for latency, more for throughput. Results do not depend on it.
    threads : int
        Layers at work at the same time. Results do not depend on it.
    snapshot_samples : int
        Samples between snapshots; 0 goes by time alone.
    snapshot_seconds : float
        Seconds between snapshots, looked at after each chunk; 0 goes by samples alone.
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
    with nullcontext() if state is None or claimed else store.claim(state):
        writer = _Writer(chip, stream, state, report, snapshot_samples, snapshot_seconds)
        _learn(chip, _until_stopped(stream.blocks(start, chunk), waiting, report), report, writer, threads, watch, stop)
        if report.stream_position == 0 and not report.interrupted:
            raise SampleError(f"{stream.name} must hold at least one sample, got none")
        if report.samples > writer.last_samples or (state is not None and not Path(state).exists()):
            writer.write()
    return report


def _learn(
    chip: Chip,
    blocks: Iterator[Block],
    report: Report,
    writer: "_Writer",
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
            if writer.due():
                report.add(pipeline.drain())
                writer.write()
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


class _Writer:
    """Writes snapshots when they are due."""

    def __init__(
        self, chip: Chip, stream: Stream, state: str | Path | None, report: Report, samples: int, seconds: float
    ) -> None:
        self.chip, self.state, self.report = chip, state, report
        self.identity = None if state is None else stream.identity()
        self.samples, self.seconds = samples or float("inf"), seconds or float("inf")
        self.last_samples, self.last_time = 0, time.perf_counter()

    def due(self) -> bool:
        """Tell whether enough samples or seconds have gone by since the last one."""
        if self.state is None:
            return False
        waited = time.perf_counter() - self.last_time
        return self.report.samples - self.last_samples >= self.samples or waited >= self.seconds

    def write(self) -> None:
        """Write one, and count its time apart from the learning's."""
        if self.state is None:
            return
        begun = time.perf_counter()
        self.chip.save(self.state, position=self.report.stream_position, stream=self.identity)
        self.last_samples, self.last_time = self.report.samples, time.perf_counter()
        self.report.snapshots += 1
        self.report.snapshot_seconds += self.last_time - begun
