"""The on-line loop of a fleet: a stream with keys through the chips of its keys, with snapshots and a report."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

from neurosim.checks import truth
from neurosim.chip.chip import Chip
from neurosim.chip.samples import check_fits
from neurosim.errors import ConfigError
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.format import CHIPS
from neurosim.fleet.hearing import KeyedListener, check_fleet, check_listener
from neurosim.fleet.loop import FleetLoop
from neurosim.fleet.report import FleetReport
from neurosim.fleet.snapshots import FleetSnapshots, LabelledFleet
from neurosim.fleet.workers import Worker
from neurosim.layers.plain import describe
from neurosim.online.companion import Companion, Companions
from neurosim.online.pace import AUTO
from neurosim.online.request import Request
from neurosim.online.run import check_run, ended, interruptible, may_wait
from neurosim.outside.arrays import kind_of
from neurosim.state import store
from neurosim.state.checksum import FLEET
from neurosim.state.same_chip import Described, check_same
from neurosim.streams import Block, Stream
from neurosim.streams.iterated import is_iterated

ALONE = Worker()


def run_fleet(
    fleet: Fleet,
    stream: Stream,
    *,
    state: str | Path | None = None,
    start: int = 0,
    position: int | None = None,
    worker: Worker | str = ALONE,
    chunk: int | str = AUTO,
    skip_bad: bool = False,
    snapshot_samples: int = 0,
    snapshot_seconds: float = 10.0,
    request: Request | None = None,
    watch: Callable[[FleetReport], None] | None = None,
    stop: Callable[[], bool] | None = None,
    waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
    claimed: bool = False,
    listener: KeyedListener | None = None,
    companions: Iterable[Companion] = (),
    learning: bool = True,
) -> FleetReport:
    r"""Learn from a stream with keys, each sample with the chip of its key, and keep the state on disk.

    Parameters
    ----------
    fleet : Fleet
        Learns in place; chips begin as their keys appear, up to its capacity.
    stream : Stream
        With keys: `open_stream(source, key=COLUMN)`.
    state : path, optional
        State file of the whole fleet: written at each snapshot and at the end. What was learned is not read from it: a
        run that is to go on begins with `Fleet.load` (`docs/fleet-store.md`). A file that is there is replaced if it is
        of a fleet of the same layers, inputs and seed, and refused before the run begins if it is of another. When a
        sample is refused or the stream fails, the last snapshot is taken too, of all samples before; when a chip
        diverges, the file is that of the snapshot before.
    start, position, chunk, snapshot_samples, snapshot_seconds, request, stop, waiting, claimed
        As of `neurosim.run`. A snapshot is written by a thread while learning goes on.
    worker : neurosim.fleet.workers.Worker, or str
        Such as `2/8`, the second of eight that share the keys: samples whose keys are other workers' are passed over,
        and counted. The state file is of this worker alone.
    skip_bad : bool
        Pass over samples that a chip does not admit, those of keys beyond the capacity, those of chips that have
        diverged and malformed lines, and count them; by default the first one ends the run.
    watch : callable, optional
        Called with the report after every chunk.
    listener : neurosim.fleet.hearing.KeyedListener, optional
        Hears of every sample that a chip has learned from, once and in order, with its key and the results of the last
        layer. Those that were passed over are not told.
    companions : sequence of neurosim.online.companion.Companion
        As of `neurosim.run`; their arrays have a row for each chip, in the order of `fleet.keys`. What lets them go on
        is `neurosim.online.companion.go_on(path, neurosim.fleet.store.read(path).beside, stream, companions)`.
    learning : bool
        If false, the chips respond and nothing in them changes; a sample of a key that the fleet has not is refused.
        `state` must be left out.

    Returns
    -------
    FleetReport

    Raises
    ------
    ConfigError, SampleError, StreamError, DivergedError, StateError
        If something fails; the chips have learned from all samples before.

    Examples
    --------
    >>> import neurosim as ns
    >>> with open("pumps.csv", "w") as file:
    ...     _ = file.write("pump-1,0.2,0.7\npump-2,0.9,0.1\npump-1,0.3,0.6\n")
    >>> fleet = ns.Fleet([ns.recipes.softhebb(4)], inputs=2)
    >>> report = ns.run_fleet(fleet, ns.open_stream("pumps.csv", key="0"), state="pumps.h5")
    >>> report.samples, ns.Fleet.load("pumps.h5").keys
    (3, ('pump-1', 'pump-2'))
    """
    begun = begin(
        fleet, stream, state=state, start=start, position=position, worker=worker, chunk=chunk, skip_bad=skip_bad,
        snapshot_samples=snapshot_samples, snapshot_seconds=snapshot_seconds, request=request, claimed=claimed,
        listener=listener, companions=companions, learning=learning,
    )  # fmt: skip
    with interruptible(stop, waiting) as (stops, waits), begun as (loop, blocks, report):
        loop.learn(blocks, watch, stops, waits)
    return report


class Begun(NamedTuple):
    """A run that has begun.

    Attributes
    ----------
    loop : FleetLoop
    blocks : iterator of Block
        What the loop is to take.
    report : FleetReport
    """

    loop: FleetLoop
    blocks: Iterator[Block]
    report: FleetReport


@contextmanager
def begin(
    fleet: Fleet, stream: Stream, *, state: str | Path | None, start: int, position: int | None, worker: Worker | str,
    chunk: int | str, skip_bad: bool, snapshot_samples: int, snapshot_seconds: float, request: Request | None,
    claimed: bool, listener: KeyedListener | None, companions: Iterable[Companion], learning: bool,
) -> Iterator[Begun]:  # fmt: skip
    """Give a run whose loop takes the blocks within the context; at its end the last snapshot is taken.

    Parameters and errors are those of `run_fleet`.
    """
    if not isinstance(fleet, Fleet):
        raise ConfigError("fleet", "a Fleet", kind_of(fleet), "neurosim.run takes a Chip" * isinstance(fleet, Chip))
    check_run(start, position, chunk, fleet.threads, snapshot_samples, snapshot_seconds)
    worker, companions = Worker.of(worker) if isinstance(worker, str) else worker, tuple(companions)
    _check_keyed(stream)
    check_fits(stream, fleet.shape)
    _check_others(fleet, listener, companions)
    truth("learning", learning)
    if not learning and state is not None:
        raise ConfigError("state", "None where chips only respond", state)
    if skip_bad:
        stream = stream.skipping_bad()
    if state is not None and not claimed:
        check_same(state, Described(fleet.shape, fleet.seed, [describe(layer) for layer in fleet.layers]), FLEET)
    fleet.compile()
    report = FleetReport(stream_position=start if position is None else position)
    with ExitStack() as contexts:
        snapshots, request = None, request or (Request() if snapshot_seconds else None)
        if state is not None:
            contexts.enter_context(nullcontext() if claimed else store.claim(state, FLEET))
            snapshots = FleetSnapshots(
                LabelledFleet(fleet, stream), state, identity_of(stream, worker), report.tally,
                samples=snapshot_samples, seconds=snapshot_seconds, request=request,
                beside=Companions(companions, stream).arrays,
            )  # fmt: skip
            contexts.enter_context(snapshots)
        loop = FleetLoop(
            fleet, report, snapshots, request, worker, chunk=chunk, skip_bad=skip_bad, listener=listener,
            companions=companions, waits=partial(may_wait, stream), learning=learning,
        )  # fmt: skip
        blocks = loop.blocks(stream, start)
        with ended(stream, start, blocks, report, loop.keep, snapshots):
            yield Begun(loop, blocks, report)


def _check_others(fleet: Fleet, listener: KeyedListener | None, companions: tuple[Companion, ...]) -> None:
    """Refuse what is no listener, those that were made for another fleet, and a name that is the fleet's own."""
    if listener is not None:
        check_listener(listener)
    check_fleet([*companions, *([] if listener is None else [listener])], fleet)
    for companion in companions:
        if companion.name == CHIPS:
            raise ConfigError("companions", "of other names than that of the fleet's own group", companion.name)


def _check_keyed(stream: object) -> None:
    """Refuse what is no stream with keys, by ConfigError."""
    if isinstance(stream, Stream) and stream.keyed:
        return
    advice = "open it by neurosim.open_stream(source, key=COLUMN)"
    if is_iterated(stream):
        advice = "fleet.learn(pairs) takes pairs (key, sample) from an iterator"
    if isinstance(stream, Stream):
        raise ConfigError("stream", "one with keys", stream.name, advice)
    raise ConfigError("stream", "a Stream", kind_of(stream), advice)


def identity_of(stream: Stream, worker: Worker) -> dict[str, object]:
    """Return what must be equal for a run to go on: the stream's identity, and the worker where there are several."""
    return stream.identity() | ({} if worker.workers == 1 else {"worker": str(worker)})
