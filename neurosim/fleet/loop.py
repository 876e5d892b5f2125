"""Blocks of a stream to the chips of their keys, one chunk after another, with snapshots in between."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.samples import as_labels, as_samples
from neurosim.errors import DivergedError, NeurosimError
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.hearing import KeyedListener, batch_of
from neurosim.fleet.keys import as_keys
from neurosim.fleet.members import Keyed, Passed
from neurosim.fleet.report import FleetReport
from neurosim.fleet.snapshots import FleetSnapshots
from neurosim.fleet.workers import Worker
from neurosim.online.companion import Companion
from neurosim.online.listener import Tells
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
    chunk, skip_bad, learning
        As of `neurosim.run_fleet`.
    listener : KeyedListener, optional
        Hears of every sample that a chip has learned from.
    companions : sequence of Companion
        Those of `snapshots`.
    waits : callable
        Returns, by the pace, what tells whether the next block may have to be waited for; only asked where there is a
        listener.
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
        listener: KeyedListener | None = None,
        companions: Sequence[Companion] = (),
        waits: Callable[[Pace], Callable[[], bool]] = lambda _: lambda: True,
        learning: bool = True,
    ) -> None:
        self._fleet, self._report, self._snapshots, self._worker = fleet, report, snapshots, worker
        self._pace, self._skip_bad, self._learning = Pace(chunk), skip_bad, learning
        self._teller = None if listener is None else Tells(listener)
        self._wanted = None if listener is None else listener.wants
        self._companions, self._waits = companions, waits(self._pace)
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
        for _ in self.steps(blocks, watch, stop, waiting):
            pass

    def steps(
        self,
        blocks: Iterator[Block],
        watch: Callable[[FleetReport], None] | None = None,
        stop: Callable[[], bool] | None = None,
        waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> Iterator[None]:
        """Do what `learn` does, and yield after every chunk; closed, it ends as if `stop` had said so."""
        report, begun = self._report, time.perf_counter()
        with self._watcher or nullcontext():
            try:
                while (block := self._next(blocks, waiting)) is not None:
                    for _ in self._chunks(block):
                        report.seconds = time.perf_counter() - begun - report.tally.pause_seconds
                        if watch is not None:
                            watch(report)
                        yield  # before a snapshot, which then has no sample that nobody has heard of
                        if stop is not None and stop():
                            raise Stop
                        self._take_if_due()
            except (Stop, GeneratorExit):
                report.interrupted = True
            except Exception:
                self._settle()  # the fleet is whole: also of a chip that diverged, all before was told
                raise
            self._settle()
        report.seconds = time.perf_counter() - begun - report.tally.pause_seconds

    def keep(self, error: Exception) -> None:
        """Take a last snapshot of what was learned before an error; note on it how that went."""
        snapshots, report = self._snapshots, self._report
        failed = [] if self._teller is None else self._teller.failed
        if any(companion is one for companion in self._companions for one in failed):
            return  # it has not heard of what the chips have learned since
        if snapshots is not None and self._certain:
            snapshots.keep(report.taken, report.stream_position, error)

    def _next(self, blocks: Iterator[Block], waiting: Callable[[], AbstractContextManager[object]]) -> Block | None:
        """Return the next block, or None at the end."""
        if self._teller is not None:
            self._teller.rest(self._waits())
        return next_block(blocks, waiting, self._watcher)

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
        report, own = self._report, self._own(block)
        keyed = self._keyed(block, own)
        self._certain, count = False, len(keyed.keys)
        if count:
            begun = time.perf_counter_ns()
            passed = self._fleet.through(keyed, self._wanted, learning=self._learning, skip=self._skip_bad)
            if self._teller is not None and len(passed.order):
                numbers = report.taken + (np.arange(count) if own is None else own)
                self._teller.tell(batch_of(keyed, passed, numbers, time.perf_counter_ns() - begun))
            if passed.fault is not None:
                self._count_before(passed, passed.fault, own)
                raise passed.fault
            refused = count - len(passed.order)
            report.count(len(passed.order), refused, self._beyond(keyed, passed), len(block.keys) - count)
        else:
            report.count(0, 0, 0, len(block.keys))
        self._certain = True
        if self._teller is not None:
            self._teller.check()

    def _own(self, block: KeyedBlock) -> NDArray[np.int64] | None:
        """Return which samples of a chunk are this worker's; None for all."""
        if self._worker.workers == 1:
            return None
        return np.flatnonzero([self._worker.has(key) for key in block.keys])

    def _keyed(self, block: KeyedBlock, own: NDArray[np.int64] | None) -> Keyed:
        """Return the samples of a chunk that are this worker's."""
        keys, samples, labels = block.keys, block.samples, block.labels
        if own is not None:
            keys, samples = [keys[n] for n in own.tolist()], samples[own]
            labels = None if labels is None else labels[own]
        found = None if labels is None else as_labels(labels, len(samples))
        return Keyed(as_keys(keys), as_samples(samples, self._fleet.shape, None), found, self._report.stream_position)

    def _beyond(self, keyed: Keyed, passed: Passed) -> int:
        """Return how many samples of a chunk were passed over as their keys are too many, or have no chip."""
        full = len(self._fleet) == self._fleet.capacity or not self._learning
        if not full or len(passed.order) == len(passed.chips):
            return 0
        return sum(keyed.keys[n] not in self._fleet for n in np.flatnonzero(passed.chips < 0).tolist())

    def _count_before(self, passed: Passed, fault: NeurosimError, own: NDArray[np.int64] | None) -> None:
        """Count the samples of a chunk before the first that was refused, from which chips have learned."""
        fault.add_note(PASS_OVER)
        if isinstance(fault, DivergedError):
            return
        learned = len(passed.order)
        if own is not None:  # the error counts this worker's samples alone
            number = self._report.stream_position + int(own[learned])
            fault.add_note(f"with the samples of other workers, it is sample {number} of the stream")
        self._report.count(learned, 0, 0, 0 if own is None else int(own[learned]) - learned)
        self._certain = True

    def _take_if_due(self) -> None:
        """Take a snapshot between two chunks, if one is due."""
        snapshots, report = self._snapshots, self._report
        if snapshots is not None and snapshots.due(report.taken):
            self._settle()
            snapshots.take(report.taken, report.stream_position)

    def _settle(self) -> None:
        """Tell the listener before a snapshot: none has a sample whose record is not written yet."""
        if self._teller is not None:
            with suppress(Stop):
                self._teller.rest(True)

    def _take_while_waiting(self) -> None:
        """Take a snapshot in the watcher's thread."""
        assert self._snapshots is not None
        self._settle()
        self._snapshots.take_while_waiting(self._report.taken, self._report.stream_position)
