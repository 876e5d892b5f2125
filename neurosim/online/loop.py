"""The samples of a stream through a chip, one chunk after another, with snapshots in between."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial

from neurosim.chip.chip import Chip
from neurosim.chip.pipeline import Pipeline, whole_windows
from neurosim.errors import SampleError
from neurosim.online import few
from neurosim.online.companion import Companion
from neurosim.online.editor import Editor
from neurosim.online.listener import Listener, Teller
from neurosim.online.pace import AUTO, MOST, Pace
from neurosim.online.report import Report
from neurosim.online.request import Request
from neurosim.online.snapshots import Snapshots
from neurosim.online.stop import Stop
from neurosim.online.watcher import Watcher, next_block
from neurosim.streams import Block

PASS_OVER = "skip_bad=True (--skip-bad) passes over such samples"


class Loop:
    """Takes blocks of samples to a chip, and snapshots of the chip.

    Parameters
    ----------
    chip : Chip
    report : Report
        Updated with every chunk.
    snapshots : Snapshots, optional
    request : Request, optional
        Asks for snapshots; without one, none are taken while the stream is waited for.
    chunk, threads, skip_bad
        As in `neurosim.run`.
    singly : bool
        Whether most samples are taken alone.
    editor : Editor, optional
        Changes constants between chunks, and holds the run.
    listener : Listener, optional
        Hears of every sample that was learned.
    companions : sequence of Companion
        Those of `snapshots`.
    waits : callable
        Called with the pace; returns what tells whether the next block may have to be waited for, which is only asked
        where there is a listener.
    learning : bool
        If false, all layers respond and none learns.

    Attributes
    ----------
    pace : Pace
        Tells how many samples are taken together.
    """

    def __init__(
        self,
        chip: Chip,
        report: Report,
        snapshots: Snapshots | None,
        request: Request | None,
        *,
        chunk: int | str,
        threads: int,
        skip_bad: bool,
        singly: bool,
        editor: Editor | None = None,
        listener: Listener | None = None,
        companions: Sequence[Companion] = (),
        waits: Callable[[Pace], Callable[[], bool]] = lambda _: lambda: True,
        learning: bool = True,
    ) -> None:
        self._chip, self._report, self._snapshots = chip, report, snapshots
        frozen = range(0 if learning else len(chip.layers))
        self.pace = Pace(chunk, whole_windows(chip.layers, frozen))
        self._new_pipeline = partial(
            Pipeline, chip.layers, threads, report.stream_position, frozen, MOST if chunk == AUTO else int(chunk),
            skip_bad=skip_bad, timing=True, singly=singly, wanted=None if listener is None else listener.wants,
        )  # fmt: skip
        self._teller = None if listener is None else Teller(listener, report.stream_position)
        self._few = few.Few(report, self._teller, None if listener is None else listener.wants)
        self._waits, self._companions = waits(self.pace), companions
        self._watcher = None
        if snapshots is not None and request is not None:
            self._watcher = Watcher(snapshots, request, lambda: self._pushed, self._take_while_waiting)
        self._editor, self._first = editor, chip.samples
        self._unedited = 0.0  # samples until the editor has something to do
        self._pushed = 0  # samples, those under way between layers included, which the report does not count yet
        self._certain = True  # that the chip has learned from the samples that were counted, and from no others

    def learn(
        self,
        blocks: Iterator[Block],
        watch: Callable[[Report], None] | None,
        stop: Callable[[], bool] | None,
        waiting: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Push blocks through the chip until they end, or until `stop` or `waiting` says so.

        After an error, the chip has learned from all samples before.
        """
        for _ in self.steps(blocks, watch, stop, waiting):
            pass

    def steps(
        self,
        blocks: Iterator[Block],
        watch: Callable[[Report], None] | None = None,
        stop: Callable[[], bool] | None = None,
        waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> Iterator[None]:
        """Do what `learn` does, and yield after every chunk; closed, it ends as if `stop` had said so."""
        report, begun = self._report, time.perf_counter()
        with (
            self._chip.use.run() as self._use,
            self._new_pipeline(run=self._use) as self._pipeline,
            self._watcher or nullcontext(),
        ):
            try:
                if self._editor is not None:
                    self._edit(self._editor, stop)
                while (block := self._next(blocks, waiting)) is not None:
                    if self._editor is not None:  # what was due while the stream was waited for
                        self._edit(self._editor, stop)
                    block, first = self._pipeline.fitting(block), 0
                    while first < len(block.samples):
                        first = self._take(block, first)
                        if watch is not None:
                            report.seconds = time.perf_counter() - begun - report.snapshot_seconds - report.held_seconds
                            watch(report)
                        yield  # before a snapshot, which then has no sample that nobody has heard of
                        if stop is not None and stop():
                            raise Stop
                        if self._snapshots is not None:
                            self._take_if_due(self._snapshots)
                        if self._editor is not None:  # here, as a call for each chunk of one sample has a cost
                            self._edit(self._editor, stop)
            except (Stop, GeneratorExit):
                report.interrupted = True
            except Exception:
                if self._certain:
                    self._settle()
                raise
            self._settle()
        report.seconds = time.perf_counter() - begun - report.snapshot_seconds - report.held_seconds

    def keep(self, error: Exception) -> None:
        """Take a last snapshot of what was learned before an error, where that is certain; note on it how that went."""
        snapshots, report = self._snapshots, self._report
        failed = [] if self._teller is None else self._teller.failed
        if any(companion is one for companion in self._companions for one in failed):
            return  # it has not heard of what the chip has learned since
        if snapshots is not None and self._certain:
            snapshots.keep(report.taken, report.stream_position, error)

    def _next(self, blocks: Iterator[Block], waiting: Callable[[], AbstractContextManager[object]]) -> Block | None:
        """Return the next block, or None at the end."""
        if self._teller is not None:  # all that came goes through all layers if more must be waited for
            waits = self._waits()
            if waits and self._use.staggered:
                self._drain()
            self._teller.rest(waits)
        return next_block(blocks, waiting, self._watcher)

    def _take(self, block: Block, first: int) -> int:
        """Take the next chunk of a block to the chip; return which sample of the block is the next one."""
        count, now = len(block.samples), time.perf_counter_ns
        stop = count if count == 1 else min(first + self._size(), count)
        chunk, begun = block if count == stop - first else block.part(first, stop), now()
        if stop - first > few.MOST or not self._pipeline.takes_one:
            self._push(self._push_several, chunk)
        else:
            self._push(self._push_one if stop - first == 1 else self._push_few, chunk)
        self.pace.note(stop - first, now() - begun)
        return stop

    def _size(self) -> int:
        """Return how many samples the next chunk may have: none after a snapshot, or an edit, that falls due."""
        if self._snapshots is None and self._editor is None:
            return self.pace.size
        left: float = self.pace.size
        if self._snapshots is not None:
            left = min(left, self._snapshots.samples_left(self._report.taken))
            left = self.pace.whole(int(max(1, left)))
        if self._editor is not None:
            left = min(left, self._unedited)
        return int(max(1, left))

    @property
    def _learned(self) -> int:
        """How many samples the first layer has learned from, in all runs: its own counter may be on a device."""
        return self._first + self._pushed - self._report.refused

    def _edit(self, editor: Editor, stop: Callable[[], bool] | None) -> None:
        """Make the edits that are due between two chunks, and ask the control if it is to be asked now."""
        learned = self._learned
        self._unedited = editor.samples_left(learned)
        if self._unedited > 0:
            return
        self._drain()
        changes = self._chip.changes
        try:
            editor.make_due(learned)
            if editor.asks(learned):
                self._hold(editor, learned)
        finally:
            if self._chip.changes is not changes:
                self._pipeline.renew()
        self._unedited = editor.samples_left(learned)
        if stop is not None and stop():
            raise Stop

    def _hold(self, editor: Editor, learned: int) -> None:
        """Let a control hold the run; what it takes is none of the loop's time, and snapshots are taken meanwhile."""
        begun, watcher, snapshots = time.perf_counter(), self._watcher, self._report.snapshot_seconds
        if self._teller is not None:
            self._teller.rest(True)
        if watcher is not None:
            watcher.rest()
        try:
            editor.ask(learned)
        finally:
            if watcher is not None:
                watcher.resume()
            paused = self._report.snapshot_seconds - snapshots
            self._report.held_seconds += time.perf_counter() - begun - paused

    def _take_if_due(self, snapshots: Snapshots) -> None:
        """Take a snapshot between two chunks, if one is due."""
        report = self._report
        if snapshots.due(report.taken):
            self._settle()
            snapshots.take(report.taken, report.stream_position)

    def _push_one(self, block: Block) -> None:
        """Take a single sample to the chip, through memory that is ready for it."""
        pipeline, (samples, labels) = self._pipeline, block
        nanoseconds = pipeline.take_one(samples[0], None if labels is None else labels.item(0))
        if nanoseconds is not None:
            self._report.add_one(nanoseconds)
            if self._teller is not None:
                self._teller.one(self._pushed - 1, pipeline.one, labels, samples, nanoseconds)

    def _push_few(self, block: Block) -> None:
        """Take a few samples to the chip, each as a single one."""
        self._few.push(self._pipeline, block, self._pushed - len(block.samples))

    def _push_several(self, block: Block) -> None:
        """Take a chunk to the chip."""
        chunks = self._pipeline.push(*block)
        self._report.add(chunks if self._teller is None else self._teller.chunks(chunks))

    def _push(self, push: Callable[[Block], None], block: Block) -> None:
        """Take samples to the chip, by one of the ways above."""
        report, pipeline = self._report, self._pipeline
        self._certain = False
        self._pushed += len(block.samples)
        try:
            push(block)
        except SampleError as error:
            if error is pipeline.fault:
                error.add_note(PASS_OVER)
            self._certain = True
            raise
        finally:
            if pipeline.refused != report.refused:
                report.pass_over(pipeline.refused, str(pipeline.fault))
        self._certain = True
        if self._teller is not None:
            self._teller.check()

    def _drain(self) -> None:
        """Let every sample under way go through all layers."""
        self._certain = False
        chunks = self._pipeline.drain()
        self._report.add(chunks if self._teller is None else self._teller.chunks(chunks))
        self._certain = True
        if self._teller is not None:
            self._teller.check()

    def _settle(self) -> None:
        """Let every sample under way go through all layers, and tell the listener, before a snapshot.

        No snapshot has a sample whose record is not written yet: a process killed after it would never write it.
        """
        self._drain()
        if self._teller is not None:
            with suppress(Stop):
                self._teller.rest(True)

    def _take_while_waiting(self) -> None:
        """Take a snapshot in the watcher's thread, unless the stream is using the chip at this moment."""
        assert self._snapshots is not None
        with self._use.lent() as free:
            if free:
                self._settle()
                self._snapshots.take_while_waiting(self._report.taken, self._report.stream_position)
