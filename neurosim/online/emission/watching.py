"""A stream through a chip as a Python iterator: an event for each sample, as soon as it is learned."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from neurosim.checks import truth
from neurosim.chip.chip import Chip
from neurosim.chip.interrupts import Held
from neurosim.chip.samples import as_stream
from neurosim.chip.wanted import Wanted
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError, DivergedError, StateError
from neurosim.online.companion import Companion
from neurosim.online.emission.fields import FIELDS
from neurosim.online.emission.novelty import Novelty
from neurosim.online.listener import Batch, Listener, Listeners, check_listener
from neurosim.online.run import begin, check_is_chip, ended_by_interrupts
from neurosim.streams import Stream
from neurosim.streams.base import UNLABELLED

Event = TypeVar("Event")


class Emission(NamedTuple):
    """What `neurosim.watch` tells of a sample.

    Attributes
    ----------
    number : int
        Of the sample in the stream, from 0; of a pipe or a generator from `position`.
    label : int or None
        The sample's, None if it has none.
    winner : int
        The neuron that won.
    potentials, responses : float32 (neurons,) or (neurons, rows, columns)
        Of the last layer, as `Chip.learn_one` returns them: by its weights before they learned from the sample.
    output : float32 (outputs,) or None
        What the last layer transmits; None where it answers at its window's end.
    latency_s : float
        Seconds since the sample arrived, where the source has a clock of arrival; else those in the layers' loops.
    novelty : float or None
        The sample's score by `novelty`; None without it.
    """

    number: int
    label: int | None
    winner: int
    potentials: Array
    responses: Array
    output: Array | None
    latency_s: float
    novelty: float | None


def watch(
    chip: Chip,
    stream: Stream | Iterable[Any],
    *,
    learn: bool = True,
    novelty: Novelty | None = None,
    listener: Listener | None = None,
    state: str | Path | None = None,
    start: int = 0,
    position: int | None = None,
    chunk: int | str = 1,
    threads: int = 1,
    skip_bad: bool = False,
    snapshot_samples: int = 0,
    snapshot_seconds: float = 10.0,
    companions: Iterable[Companion] = (),
) -> Iterator[Emission]:
    """Learn from a stream, and yield an event for each sample as soon as the chip has learned from it.

    Leave the loop whenever you like: the chip has then learned from all samples that came out, and by default from no
    other. With a larger `chunk`, it has learned from those that were taken together with the last one, and with more
    `threads` also from the few chunks under way. With `state`, a last snapshot is taken then.

    The loop's body may use the chip, and while it runs nothing is learned and no snapshot is taken. An error or an
    interrupt (KeyboardInterrupt) in it leaves the chip as it was at that event. One that comes while several layers
    learn waits until all have learned from the same samples; the events of the last of these are then not given. What
    follows a loop that was left (the last snapshot, the end of `threads`) is done when the iterator is dropped, or
    closed: `contextlib.closing` does so at once, also where the traceback of an error keeps it alive.

    Parameters
    ----------
    chip : Chip
        Learns in place.
    stream : Stream or iterable
        As in `neurosim.run`.
    learn : bool
        If false, the chip responds and nothing in it changes; `state` must then be left out.
    novelty : Novelty, optional
        Scores each sample and learns from it; with `state`, it is kept beside the chip.
    listener : neurosim.online.listener.Listener, optional
        Hears of the samples, too, before they come out.
    chunk : int or "auto"
        Samples that are learned together before their events come out: 1 by default. "auto", those that have arrived,
        is quicker for many samples.
    state, start, position, threads, skip_bad, snapshot_samples, snapshot_seconds, companions
        As in `neurosim.run`.

    Yields
    ------
    Emission
        In order, each sample once; samples that are passed over by `skip_bad` are missing, and counted by `number`.

    Raises
    ------
    ConfigError, SampleError, StreamError, DivergedError, StateError
        As `neurosim.run` does: before the first sample, or after the events of all samples before.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64)
    >>> for event in ns.watch(chip, ns.open_stream("digits")):
    ...     if event.number == 99:
    ...         break
    >>> chip.samples
    100
    """
    check_is_chip(chip)
    truth("learn", learn)
    if novelty is not None and not isinstance(novelty, Novelty):
        raise ConfigError("novelty", "a Novelty", type(novelty).__name__, "make it by neurosim.Novelty(chip, measures)")
    if listener is not None:
        check_listener(listener)
    source = as_stream("stream", stream, chip.shape)
    source = source.skipping_bad() if skip_bad else source
    heard = _Heard(chip, source, start if position is None else position, learn, novelty)
    listeners = [each for each in (novelty, listener, heard) if each is not None]
    begun = begin(
        chip, source, state=state, start=start, position=position, chunk=chunk, threads=threads, skip_bad=skip_bad,
        snapshot_samples=snapshot_samples, snapshot_seconds=snapshot_seconds, request=None, claimed=False, edits=None,
        control=None, companions=companions if novelty is None else [novelty, *companions], learning=learn,
        listener=heard if len(listeners) == 1 else Listeners(listeners),
    )  # fmt: skip
    return events_of(begun, heard.events, len(chip.layers))


def events_of(begun: Any, events: "deque[Event]", layers: int) -> "Iterator[Event]":
    """Yield the events of a run, which its listener appends, as soon as they are there; end the run when closed.

    Of several layers, Ctrl-C waits until all have learned from the same samples. It is raised when the run is ended.
    """
    held, interrupted = Held(layers), False
    with begun as (loop, blocks, _):
        steps = loop.steps(blocks, waiting=partial(ended_by_interrupts, held, nullcontext))
        try:
            for _ in _whole(steps, held):
                while events:
                    yield events.popleft()
        except GeneratorExit:
            steps.close()  # takes what is under way through all layers
            return
        except KeyboardInterrupt:
            steps.close()
            interrupted = True
        except Exception as error:
            try:
                yield from events  # of the samples before
            except GeneratorExit:
                if not isinstance(error, DivergedError | StateError):
                    loop.keep(error)
                raise
            raise
        if not interrupted:
            with suppress(GeneratorExit):
                yield from events
    if interrupted:
        raise KeyboardInterrupt


def _whole(steps: Iterator[None], held: Held) -> Iterator[None]:
    """Yield after each step of a loop, which Ctrl-C does not break off; it does while the stream is waited for."""
    while True:
        with held:
            if next(steps, True):
                return
        yield


class _Heard:
    """A listener that keeps an event for each sample."""

    def __init__(self, chip: Chip, stream: Stream, position: int, learning: bool, novelty: Novelty | None) -> None:
        self._layer, self._position, self._novelty = chip.layers[-1], position, novelty
        self._outputs = not learning or self._layer.answers_after == 1
        self._latencies, self.events = FIELDS["latency"].begin(chip, stream), deque[Emission]()
        self.wants = Wanted(potentials=True, responses=True, outputs=self._outputs)

    def take(self, batch: Batch) -> None:
        """Keep the events of samples."""
        results, labels, number = batch.results, batch.labels, self._position + batch.first
        as_images, winners = self._layer.as_images, results.winners.tolist()
        potentials, responses = as_images(results.potentials), as_images(results.responses)
        latencies = self._latencies(batch)
        novelties = None if self._novelty is None else self._novelty.scores  # it heard of the samples before
        for i, winner in enumerate(winners):  # quicker than columns: most batches have one sample
            label = None if labels is None else labels.item(i)
            event = (
                number + i, None if label == UNLABELLED else label, winner, potentials[i].copy(), responses[i].copy(),
                results.outputs[i].copy() if self._outputs else None, latencies.item(i),
                None if novelties is None else novelties.item(i),
            )  # fmt: skip
            self.events.append(Emission._make(event))
