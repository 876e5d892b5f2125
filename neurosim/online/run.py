"""The on-line loop: a stream through a chip, with a clock, snapshots and a report."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from neurosim.checks import LARGEST, number, truth, whole
from neurosim.chip.changing import Change
from neurosim.chip.chip import Chip
from neurosim.chip.interrupts import Held
from neurosim.chip.samples import as_stream, in_multiples
from neurosim.errors import ConfigError, DivergedError, SampleError, StateError
from neurosim.layers.plain import describe
from neurosim.online.companion import Companion, Companions, companions_of
from neurosim.online.control import Control
from neurosim.online.editor import Editor
from neurosim.online.listener import Listener, check_chip, check_listener, check_needs_no_learning
from neurosim.online.loop import Loop
from neurosim.online.pace import AUTO, MOST, Pace, check_chunk
from neurosim.online.report import Report
from neurosim.online.request import Request
from neurosim.online.snapshots import Snapshots
from neurosim.online.stop import Stop
from neurosim.state import store
from neurosim.state.same_chip import Described, check_same
from neurosim.streams import Block, Stream
from neurosim.streams.base import RandomAccess


def run(
    chip: Chip,
    stream: Stream | Iterable[Any],
    *,
    state: str | Path | None = None,
    start: int = 0,
    position: int | None = None,
    chunk: int | str = AUTO,
    threads: int = 1,
    skip_bad: bool = False,
    snapshot_samples: int = 0,
    snapshot_seconds: float = 10.0,
    request: Request | None = None,
    watch: Callable[[Report], None] | None = None,
    stop: Callable[[], bool] | None = None,
    waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
    claimed: bool = False,
    edits: Iterable[Change] | None = None,
    control: Control | None = None,
    companions: Iterable[Companion] = (),
    listener: Listener | None = None,
    learning: bool = True,
) -> Report:
    """Learn from a stream, sample by sample, and keep the state on disk.

    Ctrl-C (KeyboardInterrupt) ends it after the chunk under way: all layers have then learned from the same samples,
    and the last snapshot is taken before it is raised. A second Ctrl-C is raised at once.

    Parameters
    ----------
    chip : Chip
        Learns in place.
    stream : Stream or iterator
        A generator gives samples or pairs (sample, label), one by one: a stream without length, which is read once.
    state : path, optional
        State file: written at each snapshot and at the end. What was learned is not read from it: a run that is to go
        on begins with `Chip.load` (`docs/filter.md`, In Python). A file that is there is replaced if it is of this very
        chip (the same layers, inputs and seed, whatever it has learned), and refused before the run begins if it is of
        another. When a sample is refused or the stream fails, the last snapshot is taken too, of all samples before;
        when the chip diverges, the file is that of the snapshot before.
    start : int
        Sample of the stream to begin with.
    position : int, optional
        Samples taken before this run, for the state file. By default `start`; they differ for a pipe that is resumed:
        `start` is 0, as the pipe begins with a new sample, and `position` counts the samples of earlier runs.
    chunk : int or "auto"
        Samples that are taken together; results do not depend on it. By default those that have arrived, up to 256,
        and no more than are learned in some thousandths of a second: nothing is ever waited for. A number is kept to,
        and so many samples are waited for.
    threads : int
        Threads that work on successive layers at the same time, or together on wide ones. Results do not depend on it.
    skip_bad : bool
        Pass over samples that the chip does not admit (negative, not finite, too large, with a label that a layer
        cannot learn) and malformed lines, and count them in the report's `refused` and `bad_lines`; by default the
        first one ends the run.
    snapshot_samples : int
        Samples between snapshots; 0 to go by time only. At each of them, learning waits until the one before is
        written.
    snapshot_seconds : float
        Seconds between snapshots, also while the stream is waited for; 0 to go by samples only. Learning goes on
        while another process writes; a snapshot that is due before the last one is written is taken as soon as it is.
        One that cannot be written is a StorageWarning, and the next one tries again.
    request : neurosim.online.request.Request, optional
        Asks for a snapshot at any time, from a signal handler or another thread.
    watch : callable, optional
        Called with the report after every chunk: with `chunk=1` after every sample.
    stop : callable, optional
        Called after every chunk; the run ends, with a last snapshot, when it returns true.
    waiting : callable
        Returns a context entered while the stream is waited for; it may raise `Stop`.
    claimed : bool
        Whether the caller holds `neurosim.state.store.claim(state)` already. A caller that reads the state to resume
        from it must claim it before.
    edits : sequence of dict, optional
        Changes of constants amid the run, as `chip.changes` and state files have them, in order: `sample`, `layer`,
        `name`, `old` and `new`. Each is made in place, and recorded, when the chip has learned from exactly `sample`
        samples: the same bits as stopping there, `with_constants`, and going on. Those that the chip has been through
        are passed over, so a run that was interrupted takes the same edits again; those after the end are not made.
    control : neurosim.online.control.Control, optional
        Asked between chunks: it may hold the run, and change constants.
    companions : sequence of neurosim.online.companion.Companion
        What keeps arrays of its own in every snapshot, and so goes on with the chip. A stream that has more to keep
        than its position does so by itself. `neurosim.online.companion.restore` lets all go on from a state file.
        When one that is told of samples fails, the file is that of the snapshot before.
    listener : neurosim.online.listener.Listener, optional
        Hears of every sample that was learned, once and in order, with the results of the last layer.
    learning : bool
        If false, the chip responds and nothing in it changes; the report counts samples that it responded to. `state`,
        `edits` and `control` must be left out.

    Returns
    -------
    Report

    Raises
    ------
    ConfigError, SampleError, StreamError, DivergedError, StateError
        If something fails; the chip has learned from all samples before.
    ConfigError
        Before a sample is taken, if edits are not as `chip.changes` has them, one was due before and was not made, or
        one does not go with the constants that the chip will have.
    StateError
        If `state` keeps another chip, or is damaged, before a sample is taken; if the last snapshot cannot be written.
    """
    begun = begin(
        chip, stream, state=state, start=start, position=position, chunk=chunk, threads=threads, skip_bad=skip_bad,
        snapshot_samples=snapshot_samples, snapshot_seconds=snapshot_seconds, request=request, claimed=claimed,
        edits=edits, control=control, companions=companions, listener=listener, learning=learning,
    )  # fmt: skip
    with interruptible(stop, waiting) as (stops, waits), begun as (loop, blocks, report):
        loop.learn(blocks, watch, stops, waits)
    return report


Stops: TypeAlias = Callable[[], bool] | None  # `stop` of a run
Waits: TypeAlias = Callable[[], AbstractContextManager[object]]  # and `waiting`


@contextmanager
def interruptible(stop: Stops, waiting: Waits) -> Iterator[tuple[Stops, Waits]]:
    """Give what tells a run to end, and what it waits in, so that Ctrl-C ends it whole; see `run`.

    KeyboardInterrupt is raised at the end of this context, which is around that of the run.
    """
    with Held() as held:
        if held.holds:
            yield partial(_ends, held, stop), partial(ended_by_interrupts, held, waiting)
        else:
            yield stop, waiting


def _ends(held: Held, stop: Stops) -> bool:
    """Tell whether a run is to end, as SIGINT came or `stop` says so."""
    return held.came or (stop is not None and stop())


@contextmanager
def ended_by_interrupts(held: Held, waiting: Waits) -> Iterator[None]:
    """Wait for a stream in a context; SIGINT ends the wait at once, and is raised as KeyboardInterrupt at the end."""
    try:
        with held.free(), waiting():
            yield
    except KeyboardInterrupt:
        if not held.came:  # it is the stream's own, or that of a program's handler
            raise
        raise Stop from None


class Begun(NamedTuple):
    """A run that has begun.

    Attributes
    ----------
    loop : Loop
    blocks : iterator of Block
        What the loop is to take.
    report : Report
    """

    loop: Loop
    blocks: Iterator[Block]
    report: Report


@contextmanager
def begin(
    chip: Chip, stream: Stream | Iterable[Any], *, state: str | Path | None, start: int, position: int | None,
    chunk: int | str, threads: int, skip_bad: bool, snapshot_samples: int, snapshot_seconds: float,
    request: Request | None, claimed: bool, edits: Iterable[Change] | None, control: Control | None,
    companions: Iterable[Companion], listener: Listener | None, learning: bool,
) -> Iterator[Begun]:  # fmt: skip
    """Give a run whose loop takes the blocks within the context; at its end the last snapshot is taken.

    Parameters and errors are those of `run`.
    """
    check_is_chip(chip)
    truth("learning", learning)
    check_run(start, position, chunk, threads, snapshot_samples, snapshot_seconds)
    companions = companions_of(companions)
    if listener is not None:
        check_listener(listener)
    check_chip([*companions, *([] if listener is None else [listener])], chip)
    if not learning:
        _check_nothing_learned(state=state, edits=edits, control=control)
        check_needs_no_learning(listener)
    stream = as_stream("stream", stream, chip.shape)
    if skip_bad:
        stream = stream.skipping_bad()
    check_start(stream, start)
    report = Report(stream_position=start if position is None else position)
    if state is not None and not claimed:  # who has claimed it has read it, or begins anew on purpose
        constants = [describe(layer.constants) for layer in chip.layers]
        check_same(state, Described(chip.shape, chip.seed, constants, chip.changes))
    editor = None if edits is None and control is None else Editor(chip, edits, control)
    for layer in chip.layers:
        layer.compile()
    with ExitStack() as contexts:
        snapshots, request = None, request or (Request() if snapshot_seconds else None)
        if state is not None:
            contexts.enter_context(nullcontext() if claimed else store.claim(state))
            snapshots = Snapshots(
                chip, state, stream.identity(), report.tally, samples=snapshot_samples, seconds=snapshot_seconds,
                request=request, beside=Companions(companions, stream).arrays,
            )  # fmt: skip
            contexts.enter_context(snapshots)
        loop = Loop(
            chip, report, snapshots, request, chunk=chunk, threads=threads, skip_bad=skip_bad,
            singly=chunk == 1 or (chunk == AUTO and not stream.replayable), editor=editor, listener=listener,
            companions=companions, waits=partial(may_wait, stream), learning=learning,
        )  # fmt: skip
        blocks = _blocks(stream, start, loop.pace)
        with ended(stream, start, blocks, report, loop.keep, snapshots):
            try:
                yield Begun(loop, _named(blocks, stream, chip) if learning else blocks, report)
            finally:
                report.edits_left = 0 if editor is None else editor.left


@contextmanager
def ended(
    stream: Stream,
    start: int,
    blocks: Iterator[Block],
    report: Any,
    keep: Callable[[Exception], None],
    snapshots: Snapshots | None,
) -> Iterator[None]:
    """Let a run, or a fleet's, go on within; at its end count what was passed over, and take the last snapshot.

    Parameters
    ----------
    stream : Stream
    start : int
        Sample of the stream that the run began with.
    blocks : iterator of Block
        What the run takes: a live source receives until this is closed.
    report : Report or FleetReport
    keep : callable
        Takes a last snapshot of what was learned before an error.
    snapshots : Snapshots, optional

    Raises
    ------
    SampleError
        If the stream held no sample; notes that came as it was read tell why.
    """
    known = stream.notes
    try:
        yield
    except (DivergedError, StateError) as error:
        _tell(error, report)
        if snapshots is not None:
            snapshots.tell_standing(error)
        raise
    except Exception as error:
        _tell(error, report)
        keep(error)
        raise
    finally:
        if isinstance(blocks, Generator):
            blocks.close()
        report.bad_lines, report.source = stream.bad, stream.counted(report.taken)
    if report.interrupted and start + report.taken == stream.length:
        report.interrupted = False  # the signal came when all was done
    if report.stream_position == 0 and not report.interrupted:
        found = [note for note in stream.notes if note not in known]
        raise SampleError("; ".join([f"{stream.name} must hold at least one sample, got none", *found]))
    if snapshots is not None:
        snapshots.finish(report.taken, report.stream_position)


def _tell(error: Exception, report: Any) -> None:
    """Note on an error that ends a run how much it had learned: nobody gets its report."""
    if report.samples:
        error.add_note(f"samples learned in this run before: {report.samples:,}")


def check_is_chip(chip: object) -> None:
    """Refuse what is no chip, by ConfigError."""
    if not isinstance(chip, Chip):
        keyed = "; neurosim.run_fleet takes a Fleet" if type(chip).__name__ == "Fleet" else ""
        raise ConfigError("chip", "a Chip" + keyed, type(chip).__name__)


def check_run(
    start: int, position: int | None, chunk: int | str, threads: int, snapshot_samples: int, snapshot_seconds: float
) -> None:
    """Refuse numbers that are out of range."""
    whole("start", start, 0)
    whole("position", start if position is None else position, 0)
    check_chunk(chunk)
    whole("threads", threads, 1, LARGEST)
    whole("snapshot_samples", snapshot_samples, 0)
    number("snapshot_seconds", snapshot_seconds, "at least 0", 0)


def check_start(stream: Stream, start: int) -> None:
    """Refuse a start behind the stream's end, where it has one, by ConfigError."""
    if stream.length is not None and start > stream.length:
        raise ConfigError("start", f"at most the stream's length, {stream.length}", start)


def _check_nothing_learned(**given: Any) -> None:
    """Refuse what has a meaning only for a chip that learns."""
    for name, value in given.items():
        if value is not None:
            raise ConfigError(name, "None where the chip only responds", value)


def may_wait(stream: Stream, pace: Pace) -> Callable[[], bool]:
    """Return what tells whether the next block may have to be waited for."""
    if stream.replayable or (pace.multiple == 1 and (pace.auto or pace.size == 1)):
        return stream.waits
    return lambda: True  # until there are several samples, and the stream tells of one


def _blocks(stream: Stream, start: int, pace: Pace) -> Iterator[Block]:
    """Return the stream in blocks, which the loop cuts into chunks."""
    if pace.auto:
        blocks = stream.arriving(start, lambda: pace.size)
    else:
        at_once = stream.read_ahead if isinstance(stream, RandomAccess) else 1  # samples that are read together anyway
        blocks = stream.blocks(start, pace.size * max(1, min(MOST, at_once) // pace.size))
    return blocks if pace.multiple == 1 else in_multiples(blocks, pace.multiple)


def _named(blocks: Iterator[Block], stream: Stream, chip: Chip) -> Iterator[Block]:
    """Return blocks that keep the chip's names of labels as they are by then: a stream may find new ones as it goes."""
    if stream.labelled or stream.classes:
        return _naming(blocks, stream, chip)
    return blocks


def _naming(blocks: Iterator[Block], stream: Stream, chip: Chip) -> Iterator[Block]:
    for block in blocks:
        if stream.classes:
            chip.classes = stream.classes
        yield block
