"""The on-line loop: a stream through a chip, with a clock, snapshots and a report."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any

from neurosim.checks import LARGEST, number, whole
from neurosim.chip.chip import Chip
from neurosim.chip.pipeline import Pipeline
from neurosim.chip.samples import as_stream
from neurosim.errors import ConfigError, SampleError
from neurosim.online.report import Report
from neurosim.online.snapshots import Snapshots
from neurosim.online.stop import Stop
from neurosim.state import store
from neurosim.streams import Block, Stream


def run(
    chip: Chip,
    stream: Stream | Iterable[Any],
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
    stream : Stream or iterable
        A generator gives samples or pairs (sample, label), one by one: a stream without length, which is read once.
    state : path, optional
        State file: written at each snapshot and at the end. After an error there is no last snapshot, but one that is
        already being written is finished.
    start : int
        Sample of the stream to begin with.
    position : int, optional
        Samples taken before this run, for the state file. By default `start`; they differ for a pipe that is resumed:
        `start` is 0, as the pipe begins with a new sample, and `position` counts the samples of earlier runs.
    chunk : int
        Samples handed over at a time: 1 for latency, more for throughput. Results do not depend on it.
    threads : int
        Threads that work on successive layers at the same time, or together on wide ones. Results do not depend on it.
    snapshot_samples : int
        Samples between snapshots; 0 to go by time only. At each of them, learning waits until the one before is
        written.
    snapshot_seconds : float
        Seconds between snapshots, checked after each chunk; 0 to go by samples only. Learning goes on while another
        process writes; a snapshot that is due before the last one is written is taken as soon as it is.
    watch : callable, optional
        Called with the report after every chunk.
    stop : callable, optional
        Called after every chunk; the run ends, with a last snapshot, when it returns true.
    waiting : callable
        Returns a context entered while the stream is waited for; it may raise `Stop`.
    claimed : bool
        Whether the caller holds `neurosim.state.store.claim(state)` already. A caller that reads the state to resume
        from it must claim it before.

    Returns
    -------
    Report

    Raises
    ------
    ConfigError, SampleError, StreamError, DivergedError, StateError
        If something fails; the chip has learned from all samples before, the state file is that of the last snapshot.
    """
    whole("start", start, 0)
    whole("position", start if position is None else position, 0)
    whole("chunk", chunk, 1, LARGEST)
    whole("threads", threads, 1, LARGEST)
    whole("snapshot_samples", snapshot_samples, 0)
    number("snapshot_seconds", snapshot_seconds, "at least 0", 0)
    stream = as_stream("stream", stream, chip.shape)
    if stream.length is not None and start > stream.length:
        raise ConfigError("start", f"at most the stream's length, {stream.length}", start)
    report = Report(stream_position=start if position is None else position)
    for layer in chip.layers:
        layer.compile()
    blocks = _until_stopped(stream.blocks(start, chunk), waiting, report)
    with ExitStack() as contexts:
        snapshots = None
        if state is not None:
            contexts.enter_context(nullcontext() if claimed else store.claim(state))
            snapshots = Snapshots(
                chip, state, stream.identity(), report.tally, samples=snapshot_samples, seconds=snapshot_seconds
            )
            contexts.enter_context(snapshots)
        _learn(chip, blocks, report, snapshots, chunk, threads, watch, stop)
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
    chunk: int,
    threads: int,
    watch: Callable[[Report], None] | None,
    stop: Callable[[], bool] | None,
) -> None:
    """Push blocks through the chip, and take snapshots when they are due, until the blocks end or `stop` says so."""
    begun = time.perf_counter()
    with Pipeline(chip.layers, threads, report.stream_position, chunk=chunk) as pipeline:
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
    """Yield blocks until they end, or until `waiting` raises `Stop`."""
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
