"""What gives events: files, live sources, recordings and arrays, all alike."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from neurosim.checks import whole
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.events.event import EVENT, Counts, Events, Recording
from neurosim.streams.events.headers import LARGEST_SENSOR

FIELDS = ("t", "x", "y", "p")


class EventSource(Protocol):
    """What gives events: a file opened by `open_events`, or a live source.

    Attributes
    ----------
    name : str
    width, height : int or None
        Of the sensor, in pixels; None where nobody says.
    replayable : bool
        Whether it gives the same events as often as it is read; true for what has no such attribute.
    """

    name: str
    width: int | None
    height: int | None

    def blocks(self, most: int) -> Iterator[Events]:
        """Yield events as they come, in arrays of `EVENT` of at most `most`."""

    def fingerprint(self) -> str:
        """Return a hash that tells sources of the same name apart."""


class InMemory:
    """Events that are in memory, as a source."""

    def __init__(self, recording: Recording) -> None:
        self.name, self.width, self.height = recording.name or "events", recording.width, recording.height
        self._events, self.counts, self.of_format = recording.events, recording.counts, recording.of_format

    def blocks(self, most: int) -> Iterator[Events]:
        """Yield the events."""
        for first in range(0, len(self._events), most):
            yield self._events[first : first + most]

    def fingerprint(self) -> str:
        """Hash all events."""
        digest = hashlib.sha256()
        for name in FIELDS:
            digest.update(np.ascontiguousarray(self._events[name]).data)
        return digest.hexdigest()[:16]


def as_sources(recordings: Any) -> list[EventSource]:
    """Return each recording, or the only one, as a source of events.

    Raises
    ------
    ConfigError
        If there is none, or one is nothing that gives events.
    """
    several = isinstance(recordings, Sequence) and not isinstance(recordings, str)
    sources = [_as_source(recording) for recording in (recordings if several else [recordings])]
    if not sources:
        raise ConfigError("recordings", "one at least", recordings)
    return sources


def _as_source(recording: Any) -> EventSource:
    if isinstance(recording, Recording):
        return InMemory(recording)
    if isinstance(recording, np.ndarray):
        return InMemory(Recording(_as_events(recording)))
    if all(hasattr(recording, name) for name in ("blocks", "width", "height", "name")):
        source: EventSource = recording
        return source
    rule = "read by read_events, opened by open_events, or an array with the fields t, x, y and p"
    raise ConfigError("recording", rule, type(recording).__name__)


def _as_events(array: Any) -> Events:
    """Return an array with the fields of events, of any types of whole numbers, as events."""
    fields = array.dtype.fields or {}
    if array.ndim != 1 or any(name not in fields or array[name].dtype.kind not in "iub" for name in FIELDS):
        raise ConfigError("events", "an array (n,) with the fields t, x, y and p, of whole numbers", array.dtype)
    given: Events = array
    if array.dtype == EVENT:
        return given
    events = np.empty(len(array), EVENT)
    for name in FIELDS:
        low, high = np.iinfo(EVENT[name]).min, np.iinfo(EVENT[name]).max
        if len(array) and not low <= int(array[name].min()) <= int(array[name].max()) <= high:
            raise ConfigError(f"{name} of events", f"from {low} to {high}", (array[name].min(), array[name].max()))
        events[name] = array[name]
    return events


def sensor_of(sources: Sequence[EventSource], sensor: tuple[int, int] | None) -> tuple[int, int]:
    """Return width and height of the sensor that all sources have.

    Raises
    ------
    ConfigError
        If `sensor` is none, or nobody says it.
    StreamError
        If sources differ.
    """
    if sensor is not None:
        if not isinstance(sensor, tuple | list) or len(sensor) != 2:
            raise ConfigError("sensor", "two whole numbers, width and height", sensor)
        for name, size in zip(("width", "height"), sensor, strict=True):
            whole(f"{name} of sensor", size, 1, LARGEST_SENSOR)
        return int(sensor[0]), int(sensor[1])
    sizes = {(source.width, source.height) for source in sources}
    if len(sizes) > 1:
        told = ", ".join(sorted(map(str, sizes)))
        raise StreamError(f"recordings must be of one sensor, got {told}; give sensor=(width, height)")
    width, height = sizes.pop()
    if width is None or height is None:
        advice = "give sensor=(width, height), or --sensor WIDTH,HEIGHT"
        raise ConfigError("sensor", "given where the source does not say it", None, advice)
    return width, height


def counts_of(sources: Sequence[EventSource]) -> Counts:
    """Return what was counted of the events of all sources together, as far as they were read."""
    total = Counts()
    for source in sources:
        for name in ("counts", "events"):  # a live source has counts of packets too, and calls these `events`
            counts = getattr(source, name, None)
            if isinstance(counts, Counts):
                total.add(counts)
    return total


def notes_of(sources: Sequence[EventSource]) -> tuple[str, ...]:
    """Return what is odd in files and recordings, all together and as far as they were read, in words."""
    of_format = dict[str, None]()
    for source in sources:
        of_format |= dict.fromkeys(getattr(source, "of_format", ()))
    return *of_format, *counts_of(sources).notes()
