"""Blocks of a stream to the chips of their keys, one chunk after another, with snapshots in between."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.report import FleetReport
from neurosim.fleet.snapshots import FleetSnapshots
from neurosim.fleet.workers import Worker
from neurosim.online.loop import PASS_OVER
from neurosim.online.pace import Pace
from neurosim.online.request import Request
from neurosim.online.stop import Stop
from neurosim.online.watcher import Watcher, next_block
from neurosim.streams import Block, Stream
from neurosim.streams.keyed import KeyedBlock


class FleetLoop:
    """Takes blocks of samples to a fleet, and snapshots of the fleet.

    Parameters
    ----------
    fleet : Fleet
    report : FleetReport
        Updated with every chunk.
    snapshots : FleetSnapshots, optional
    request : Request, optional
        Asks for snapshots; without one, none are taken while the stream is waited for.
    worker : Worker
        Whose keys are learned from.
    chunk, skip_bad
        As of `neurosim.run_fleet`.
    """

    def __init__(
        self,
        fleet: Fleet,
        report: FleetReport,
        snapshots: FleetSnapshots | None,
        request: Request | None,
        worker: Worker,
        *,
        chunk: int | str,
        skip_bad: bool,
    ) -> None:
        self._fleet, self._report, self._snapshots, self._worker = fleet, report, snapshots, worker
        self._pace, self._skip_bad, self._first = Pace(chunk), skip_bad, int(fleet.samples.sum())
        self._certain = True  # that the chips have learned from the samples that were counted, and from no others
        self._watcher = None
        if snapshots is not None and request is not None:
            self._watcher = Watcher(snapshots, request, lambda: report.taken, self._take_while_waiting)

    def blocks(self, stream: Stream, start: int) -> Iterator[Block]:
        """Return the stream in blocks, which the loop cuts into chunks."""
        pace = self._pace
        return stream.arriving(start, lambda: pace.size) if pace.auto else stream.blocks(start, pace.size)

    def learn(
        self,
        blocks: Iterator[Block],
        watch: Callable[[FleetReport], None] | None,
        stop: Callable[[], bool] | None,
        waiting: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Take blocks to the fleet until they end, or until `stop` or `waiting` says so.

        After an error, the chips have learned from all samples before.
        """
        report, begun = self._report, time.perf_counter()
        with self._watcher or nullcontext():
            try:
                while (block := next_block(blocks, waiting, self._watcher)) is not None:
                    for _ in self._chunks(block):
                        report.seconds = time.perf_counter() - begun - report.tally.pause_seconds
                        if watch is not None:
                            watch(report)
                        if stop is not None and stop():
                            raise Stop
                        self._take_if_due()
            except Stop:
                report.interrupted = True
        report.seconds = time.perf_counter() - begun - report.tally.pause_seconds

    def keep(self, error: Exception) -> None:
        """Take a last snapshot of what was learned before an error; note on it how that went."""
        snapshots, report = self._snapshots, self._report
        if snapshots is not None and self._certain:
            snapshots.keep(report.taken, report.stream_position, error)

    def _chunks(self, block: Block) -> Iterator[None]:
        """Take a block to the fleet in chunks; yield after each."""
        assert isinstance(block, KeyedBlock)
        first, count = 0, len(block.keys)
        while first < count:
            size = self._pace.size
            if self._snapshots is not None:
                size = int(max(1, min(size, self._snapshots.samples_left(self._report.taken))))
            stop, begun = min(first + size, count), time.perf_counter_ns()
            self._take(block.part(first, stop))
            self._pace.note(stop - first, time.perf_counter_ns() - begun)
            first = stop
            yield

    def _take(self, block: KeyedBlock) -> None:
        """Take a chunk to the chips of its keys, without the samples of other workers."""
        keys, samples, labels, own = block.keys, block.samples, block.labels, None
        if self._worker.workers > 1:
            own = np.flatnonzero([self._worker.has(key) for key in keys])
            keys, samples = [keys[n] for n in own], samples[own]
            labels = None if labels is None else labels[own]
        fleet, report, refused = self._fleet, self._report, self._fleet.refused
        self._certain = False
        if keys:
            try:
                first = report.stream_position
                fleet.learn(keys, samples, labels, chunk=len(keys), skip_bad=self._skip_bad, first=first)
            except SampleError as error:
                self._count_before(error, own)
                raise
        passed = fleet.refused - refused
        report.count(len(keys) - passed, passed, self._beyond(keys, passed), len(block.keys) - len(keys))
        self._certain = True

    def _beyond(self, keys: list[str], passed: int) -> int:
        """Return how many samples of a chunk were passed over as their keys are too many."""
        if passed == 0 or len(self._fleet) != self._fleet.capacity:
            return 0
        return sum(key not in self._fleet for key in keys)

    def _count_before(self, error: SampleError, own: NDArray[np.int64] | None) -> None:
        """Count the samples of a chunk before the first that was refused, which `fleet.learn` has learned from."""
        learned = int(self._fleet.samples.sum()) - self._first - self._report.samples
        if own is not None:  # the error counts this worker's samples alone
            number = self._report.stream_position + int(own[learned])
            error.add_note(f"with the samples of other workers, it is sample {number} of the stream")
        self._report.count(learned, 0, 0, 0 if own is None else int(own[learned]) - learned)
        self._certain = True
        if not self._skip_bad:
            error.add_note(PASS_OVER)

    def _take_if_due(self) -> None:
        """Take a snapshot between two chunks, if one is due."""
        snapshots, report = self._snapshots, self._report
        if snapshots is not None and snapshots.due(report.taken):
            snapshots.take(report.taken, report.stream_position)

    def _take_while_waiting(self) -> None:
        """Take a snapshot in the watcher's thread."""
        assert self._snapshots is not None
        self._snapshots.take_while_waiting(self._report.taken, self._report.stream_position)
