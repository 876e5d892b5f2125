"""Events as a stream of samples: recordings, or a live source, through an encoder."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import whole
from neurosim.errors import ConfigError, StreamError
from neurosim.kernels.events import clock as clocks
from neurosim.streams.base import MOST_TOGETHER, UNLABELLED, Block, Size, Stream, as_labels, asked
from neurosim.streams.events.block_maker import BlockMaker
from neurosim.streams.events.encoders import Encoder
from neurosim.streams.events.encoding import as_columns, encoding_of
from neurosim.streams.events.event_sources import as_sources, counts_of, notes_of, sensor_of
from neurosim.streams.events.trail import Trail

AT_ONCE = 1 << 16  # events that are taken from a source at once, at most


class EventStream(Stream):
    """Samples that an encoder makes of events.

    Each recording begins with an empty surface and ends its window. Events outside the sensor or of another polarity
    are passed over and counted. Time never runs backwards: an event earlier than the latest is taken as if it came with
    it, and counted; one earlier by more than a second begins a new clock, with an empty surface, which is counted too.

    Parameters
    ----------
    recordings : EventFile, Recording, array of events, live source, or sequence of these
        What a file of events is opened as (`open_events`), or read as (`read_events`); arrays have the fields t, x, y
        and p.
    encoder : LocalSurface, TimeSurface, EventCounts or EventFrames
    labels : int64 (recordings,), optional
        Of each recording, -1 for none: its samples have it.
    sensor : (int, int), optional
        Width and height, where the recordings do not say it, or in place of what they say.
    polarities : int
        Values of p, from 0.
    classes : sequence of str
        Names of the labels.
    name : str, optional
        By default that of the first recording.

    Attributes
    ----------
    outside, late, restarts : int
        Events passed over, taken at a later time than their own, and beginning a new clock, since reading began. Those
        that a file's reader left out, as outside the sensor, are among `outside`.
    bad : int
        Malformed packets of a live source that were passed over; 0 of recordings.

    Raises
    ------
    ConfigError
        If nobody knows the sensor's size, recordings differ in it, or an argument is none of these.
    """

    def __init__(
        self,
        recordings: Any,
        encoder: Encoder,
        *,
        labels: ArrayLike | None = None,
        sensor: tuple[int, int] | None = None,
        polarities: int = 2,
        classes: Sequence[str] = (),
        name: str | None = None,
    ) -> None:
        self._sources = as_sources(recordings)
        whole("polarities", polarities, 1, 256)
        if not isinstance(encoder, Encoder):
            raise ConfigError("encoder", "a LocalSurface, TimeSurface, EventCounts or EventFrames", encoder)
        self.encoder, self.sensor = encoder, sensor_of(self._sources, sensor)
        self._encoding = encoding_of(encoder, *self.sensor, polarities)
        self.replayable = all(getattr(source, "replayable", True) for source in self._sources)
        if not self.replayable and len(self._sources) > 1:
            raise ConfigError("recordings", "one live source, or recordings", f"{len(self._sources)} with a live one")
        self.name, self.length = name or self._sources[0].name, None
        self.inputs, self._shape, self.numbers = self._encoding.inputs, self._encoding.shape, str(encoder)
        self._labels = None if labels is None else as_labels(np.asarray(labels), len(self._sources), self.name)
        self.labelled, self.classes = labels is not None, tuple(classes)
        self.labels_advice = "for a folder with a folder for each class take events:FOLDER"
        self.keeps = not self.replayable
        self._trail: Trail | None = None
        self._skipped = 0
        self._fruitless = 0  # events of which no sample was made, if none was made at all

    going_on = "with the events that come from now on, and the surface as it was"

    @property
    def outside(self) -> int:
        """Events that were passed over, here or by what reads the recordings."""
        return self._passed_over + counts_of(self._sources).outside

    @property
    def _passed_over(self) -> int:
        return int(self._encoding.clock[clocks.OUTSIDE])

    @property
    def late(self) -> int:
        """Events that were taken at a later time than their own."""
        return int(self._encoding.clock[clocks.LATE])

    @property
    def restarts(self) -> int:
        """Events that began a new clock."""
        return int(self._encoding.clock[clocks.RESTARTS])

    @property
    def bad(self) -> int:  # type: ignore[override]
        """Packets of a live source that were malformed, and passed over."""
        return int(getattr(getattr(self._sources[0], "counts", None), "bad", 0))

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What is odd in the recordings, as far as they were read; of a live source `counted` tells it."""
        if not self.replayable:
            return ()
        told = {
            "outside the sensor or of another polarity, and passed over": self._passed_over,
            "earlier than one before, and taken at its time": self.late,
            "that began the clock anew": self.restarts,
            f"too few for a sample of {self.encoder}": self._fruitless,
        }
        return notes_of(self._sources) + tuple(f"{count} events {what}" for what, count in told.items() if count)

    def fingerprint(self) -> str:
        """Return those of the recordings together."""
        return "+".join(source.fingerprint() for source in self._sources[:4]) + f"+{len(self._sources)}"

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on: the encoder and the sensor are part of it."""
        return super().identity() | {"sensor": "{} x {}".format(*self.sensor)}

    def prepare(self, connected: Callable[[], None] | None = None) -> str | None:
        """Take hold of the port of a live source, before reading begins: see `Stream`."""
        prepare: Callable[[], str | None] | None = getattr(self._sources[0], "prepare", None)
        return None if prepare is None else prepare()

    def counted(self, taken: int) -> dict[str, int]:
        """Return what was counted of a live source: see `Stream.counted`."""
        if self.replayable:
            return {}
        of_source: dict[str, int] = getattr(self._sources[0], "counted", dict)()
        events = {"events": int(self._encoding.clock[clocks.TAKEN])}
        return events | {"outside": self.outside, "late": self.late, "restarts": self.restarts} | of_source

    def kept(self, taken: int) -> dict[str, NDArray[Any]]:
        """Return the surface and the clock of a live source as of so many samples: see `Stream.kept`."""
        if self._trail is None:
            return self._encoding.arrays()
        return self._trail.kept(self._skipped + taken)

    def go_on(self, kept: Mapping[str, NDArray[Any]]) -> None:
        """Take over a surface and a clock: see `Stream.go_on`."""
        self._encoding.restore(kept)

    def arrived(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Return when the events of a live source were taken that made samples: see `Stream.arrived`."""
        return None if self._trail is None else self._trail.arrived(self._skipped + first, count)

    def blocks(self, start: int = 0, size: int = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of `size`, the last of fewer.

        To begin later, all events before are taken, and no samples are made of them.
        """
        return self._read(start, lambda: size, together=True)

    def arriving(self, start: int = 0, size: Size = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples of `blocks`; of a live source those that have arrived together: see `Stream`."""
        if self.replayable:
            return super().arriving(start, size)
        return self._read(start, asked(size), together=False)

    def _read(self, start: int, size: Callable[[], int], *, together: bool) -> Iterator[Block]:
        if self.replayable:
            self._encoding = encoding_of(self.encoder, *self.sensor, self._encoding.sensor.polarities)
        else:
            self._trail, self._skipped = Trail(self._encoding), start
        maker = BlockMaker(self._encoding, size, start, self.labelled, self._trail)
        try:
            for number, source in enumerate(self._sources):
                label = UNLABELLED if self._labels is None else int(self._labels[number])
                for events in source.blocks(AT_ONCE):
                    arrived = getattr(source, "arrived", None) or time.monotonic_ns()
                    yield from maker.take(as_columns(events), label, arrived)
                    if not together:
                        yield from maker.rest()
                if self.replayable:
                    yield from maker.finish(label)
        except Exception:
            yield from maker.rest()
            raise
        yield from maker.rest()
        self._fruitless = 0 if maker.given else int(self._encoding.clock[clocks.TAKEN])
        if maker.skips:
            got = start - maker.skips
            raise StreamError(f"{self.name} must hold the {start} samples that were read from it before, got {got}")
