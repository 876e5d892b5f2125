"""A stream through the chips of its keys as a Python iterator: an event for each sample, as soon as it is learned."""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from neurosim.checks import truth
from neurosim.chip.wanted import Wanted
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError
from neurosim.fleet.fields import KEYED_FIELDS
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.hearing import KeyedBatch, KeyedListener, check_listener
from neurosim.fleet.keys import Key
from neurosim.fleet.novelty import FleetNovelty
from neurosim.fleet.run import ALONE, begin
from neurosim.fleet.workers import Worker
from neurosim.online.companion import Companion
from neurosim.online.emission.watching import events_of
from neurosim.online.listener import Listeners
from neurosim.streams import Stream
from neurosim.streams.base import UNLABELLED


class KeyedEmission(NamedTuple):
    """What `neurosim.watch_fleet` tells of a sample.

    Attributes
    ----------
    key : str or int
        Whose the sample is.
    number, label, winner, potentials, responses, output, latency_s, novelty
        As of `neurosim.Emission`; without a clock of arrival, the latency is the sample's share of its chunk's.
    """

    number: int
    key: Key
    label: int | None
    winner: int
    potentials: Array
    responses: Array
    output: Array
    latency_s: float
    novelty: float | None


def watch_fleet(
    fleet: Fleet,
    stream: Stream,
    *,
    learn: bool = True,
    novelty: FleetNovelty | None = None,
    listener: KeyedListener | None = None,
    state: str | Path | None = None,
    start: int = 0,
    position: int | None = None,
    worker: Worker | str = ALONE,
    chunk: int | str = 1,
    skip_bad: bool = False,
    snapshot_samples: int = 0,
    snapshot_seconds: float = 10.0,
    companions: Iterable[Companion] = (),
) -> Iterator[KeyedEmission]:
    r"""Learn from a stream with keys, and yield an event for each sample as soon as its chip has learned from it.

    Leaving the loop, its body, errors and the last snapshot are as of `neurosim.watch`.

    Parameters
    ----------
    fleet : Fleet
        Learns in place.
    stream : Stream
        With keys: `open_stream(source, key=COLUMN)`.
    learn : bool
        If false, the chips respond and nothing in them changes; `state` must then be left out.
    novelty : FleetNovelty, optional
        Scores each sample and learns from it; with `state`, it is kept beside the fleet.
    listener : neurosim.fleet.hearing.KeyedListener, optional
        Hears of the samples, too, before they come out.
    chunk : int or "auto"
        Samples that are learned together before their events come out: 1 by default. "auto", those that have arrived,
        is quicker for many samples.
    state, start, position, worker, skip_bad, snapshot_samples, snapshot_seconds, companions
        As in `neurosim.run_fleet`.

    Yields
    ------
    KeyedEmission
        In order, each sample once; those that are passed over are missing, and counted by `number`.

    Raises
    ------
    ConfigError, SampleError, StreamError, DivergedError, StateError
        As `neurosim.run_fleet` does: before the first sample, or after the events of all samples before.

    Examples
    --------
    >>> import neurosim as ns
    >>> with open("two_pumps.csv", "w") as file:
    ...     _ = file.write("pump-1,0.2,0.7\npump-2,0.9,0.1\npump-1,0.3,0.6\n")
    >>> fleet = ns.Fleet([ns.recipes.softhebb(4)], inputs=2)
    >>> [event.key for event in ns.watch_fleet(fleet, ns.open_stream("two_pumps.csv", key="0"))]
    ['pump-1', 'pump-2', 'pump-1']
    """
    truth("learn", learn)
    if novelty is not None and not isinstance(novelty, FleetNovelty):
        raise ConfigError(
            "novelty", "a FleetNovelty", type(novelty).__name__, "make it by neurosim.FleetNovelty(fleet)"
        )
    if listener is not None:
        check_listener(listener)
    stream = stream.skipping_bad() if skip_bad and isinstance(stream, Stream) else stream
    heard = _Heard(stream, start if position is None else position, novelty)
    listeners = [each for each in (novelty, listener, heard) if each is not None]
    begun = begin(
        fleet, stream, state=state, start=start, position=position, worker=worker, chunk=chunk, skip_bad=skip_bad,
        snapshot_samples=snapshot_samples, snapshot_seconds=snapshot_seconds, request=None, claimed=False,
        listener=Listeners(listeners), companions=companions if novelty is None else [novelty, *companions],
        learning=learn,
    )  # fmt: skip
    return events_of(begun, heard.events, 2)  # and its table of keys is one more that must go with them


class _Heard:
    """A listener that keeps an event for each sample."""

    wants = Wanted(potentials=True, responses=True, outputs=True)

    def __init__(self, stream: Stream, position: int, novelty: FleetNovelty | None) -> None:
        self._position, self._novelty = position, novelty
        self._latencies, self.events = KEYED_FIELDS["latency"].begin(None, stream), deque[KeyedEmission]()

    def take(self, batch: KeyedBatch) -> None:
        """Keep the events of samples."""
        results, latencies = batch.results, self._latencies(batch).tolist()
        numbers = (self._position + batch.numbers).tolist()
        novelties = None if self._novelty is None else self._novelty.scores.tolist()  # it heard of the samples before
        for i, key in enumerate(batch.keys):
            label = None if batch.labels is None else int(batch.labels[i])
            event = KeyedEmission(
                numbers[i], key, None if label == UNLABELLED else label, int(results.winners[i]),
                results.potentials[i].copy(), results.responses[i].copy(), results.outputs[i].copy(), latencies[i],
                None if novelties is None else novelties[i],
            )  # fmt: skip
            self.events.append(event)
