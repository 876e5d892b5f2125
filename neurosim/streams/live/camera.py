"""Events that arrive by themselves, as samples: address events in datagrams, through an encoder."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from neurosim.streams.events.encoder_text import encoder_of
from neurosim.streams.events.encoders import Encoder
from neurosim.streams.events.event import Events
from neurosim.streams.events.stream import EventStream
from neurosim.streams.live.packets import LiveEvents, udp_events


class Camera:
    """A live source of events as `EventStream` reads it.

    Attributes
    ----------
    name : str
    width, height : None
        Nobody says the sensor's size but the user.
    arrived : int
        When the latest events arrived, by `time.monotonic_ns`.
    """

    width = height = None
    replayable = False

    def __init__(self, live: LiveEvents) -> None:
        self.name, self._live, self.arrived = live.name, live, 0

    def blocks(self, most: int) -> Iterator[Events]:
        """Yield the events of each datagram as they arrive."""
        for events, arrived in self._live:
            self.arrived = arrived
            for first in range(0, len(events), most):
                yield events[first : first + most]

    def fingerprint(self) -> str:
        """Return the same for all: what will arrive is not known."""
        return "live"

    def counted(self) -> dict[str, int]:
        """Return what has been counted of packets since reading began."""
        return {f"packets {name}": count for name, count in asdict(self._live.reception.counts).items()}


def udp_camera(
    place: str,
    *,
    encode: Encoder | str | None,
    sensor: tuple[int, int] | None,
    skip_bad: bool = False,
    queue: int | None = None,
    when_full: str | None = None,
    reconnect: float | None = None,
    idle: float | None = None,
) -> EventStream:
    """Return address events that arrive at `[HOST:]PORT`, as samples: times of 64 bits, 13 bytes an event."""
    options = {"skip_bad": skip_bad, "queue": queue, "when_full": when_full, "reconnect": reconnect, "idle": idle}
    return _camera(place, "t64", encode, sensor, options)


def udp_camera_32(
    place: str,
    *,
    encode: Encoder | str | None,
    sensor: tuple[int, int] | None,
    skip_bad: bool = False,
    queue: int | None = None,
    when_full: str | None = None,
    reconnect: float | None = None,
    idle: float | None = None,
) -> EventStream:
    """Return address events with times of 32 bits, 8 bytes an event: see `udp_camera`."""
    options = {"skip_bad": skip_bad, "queue": queue, "when_full": when_full, "reconnect": reconnect, "idle": idle}
    return _camera(place, "t32", encode, sensor, options)


def _camera(
    place: str,
    layout: str,
    encode: Encoder | str | None,
    sensor: tuple[int, int] | None,
    options: dict[str, Any],
) -> EventStream:
    encoder = encoder_of(encode)
    return EventStream(Camera(udp_events(place, layout=layout, **options)), encoder, sensor=sensor, name="udp-events")
