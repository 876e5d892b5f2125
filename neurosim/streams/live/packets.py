"""Address events in datagrams, as other programs for event cameras send them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from neurosim.checks import LARGEST, whole
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.events.encoder_text import encoder_of
from neurosim.streams.events.encoders import Encoder
from neurosim.streams.events.event import EVENT, Clock32, Counts, Events, Tally
from neurosim.streams.events.stream import EventStream
from neurosim.streams.live.decoders import WholeMessages
from neurosim.streams.live.receiver import Counts as PacketCounts
from neurosim.streams.live.reception import Reception
from neurosim.streams.live.sockets import Datagrams, address
from neurosim.streams.live.transport import Transport

# Little-endian, without gaps. `t64`: microseconds, column, row, 1 for brighter. `t32`: the same in 8 bytes, the lowest
# bit of the last field being the polarity; its clock begins anew every 71.6 minutes.
LAYOUTS = {
    "t64": np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]),
    "t32": np.dtype([("t", "<u4"), ("x", "<u2"), ("yp", "<u2")]),
}
NAMES = {"t64": "udp-events", "t32": "udp-events32"}  # of the sources
LATEST = (1 << 63) - 1
PACKETS, AT_ONCE = 64, 1 << 16  # packets, and events, that are given together at most


class EventPackets:
    """Decodes datagrams of address events, in order of arrival.

    Events beyond the sensor are left out and counted. Events that are earlier than one before, or repeat it, are
    counted and kept, as in recordings (`neurosim.streams.events`).

    Parameters
    ----------
    name : str
        Of the source, for messages.
    layout : {"t64", "t32"}
    width, height : int, optional
        Of the sensor, in pixels; without them no event is beyond it.

    Attributes
    ----------
    counts : Counts
    """

    def __init__(self, name: str, layout: str, width: int | None = None, height: int | None = None) -> None:
        if layout not in LAYOUTS:
            raise ConfigError("layout", "one of " + ", ".join(LAYOUTS), layout)
        for what, size in (("width", width), ("height", height)):
            if size is not None:
                whole(what, size, 1, LARGEST)
        self.counts = Counts()
        self._name, self._dtype, self._tally = name, LAYOUTS[layout], Tally(self.counts, width, height)
        self._number = 0  # of the next packet
        self._clock = Clock32()

    def decode(
        self, packets: Sequence[bytes], skip_bad: bool, counts: PacketCounts
    ) -> tuple[Events, StreamError | None]:
        """Return the events of datagrams that lie on the sensor, and what is wrong with the datagram after them.

        Nothing is taken of a datagram that is malformed: one that is not whole events, has none, or has one that
        cannot be. It is the last one, or, with `skip_bad`, passed over and counted in `counts.bad`.
        """
        size = self._dtype.itemsize
        if packets and all(packet and not len(packet) % size for packet in packets):
            raw = np.frombuffer(b"".join(packets), self._dtype)
            if not self._wrong(raw):
                self._number += len(packets)
                return self._events(raw), None
        pieces, fault = [np.empty(0, EVENT)], None
        for packet in packets:
            self._number += 1
            why = f"whole events of {size} bytes, got {len(packet)} bytes"
            if packet and not len(packet) % size:
                raw = np.frombuffer(packet, self._dtype)
                why = self._wrong(raw)
                if not why:
                    pieces.append(self._events(raw))
                    continue
            if not skip_bad:
                where = f"packet {self._number - 1} of {self._name}"
                fault = StreamError(f"{where} must have {why}; --skip-bad passes over such packets")
                break
            counts.bad += 1
        return np.concatenate(pieces), fault

    def _wrong(self, raw: Any) -> str:
        """Return what events of a layout must have, and have not; empty if they can be."""
        if "p" in raw.dtype.names:
            if raw["t"].max() > LATEST:
                return f"times below 2^63 us, got {raw['t'].max()}"
            if raw["p"].max() > 1:
                return f"polarities of 0 or 1, got {raw['p'].max()}"
        return ""

    def _events(self, raw: Any) -> Events:
        """Return events of a layout as `EVENT`, those on the sensor."""
        events = np.empty(len(raw), EVENT)
        events["x"] = raw["x"]
        if "p" in raw.dtype.names:
            events["t"], events["y"], events["p"] = raw["t"], raw["y"], raw["p"]
        else:
            events["t"], events["y"], events["p"] = self._clock.times(raw["t"]), raw["yp"] >> 1, raw["yp"] & 1
        return self._tally.kept(events)


class LiveEvents:
    """Address events as they arrive, in arrays: a source of events, as `neurosim.streams.events.EventStream` takes it.

    Parameters
    ----------
    name : str
    transport : Transport
    layout, width, height
        As in `EventPackets`.
    skip_bad : bool
        Pass over malformed packets and count them, instead of stopping at the first.
    queue, when_full, reconnect, idle
        As in `neurosim.open_stream`; the queue counts packets.

    Attributes
    ----------
    width, height : int or None
        Of the sensor.
    events : Counts
        What has been counted of events.
    arrived : int
        `time.monotonic_ns()` at which the first of the packets arrived that the latest array was made of.
    """

    replayable = False

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        layout: str = "t64",
        width: int | None = None,
        height: int | None = None,
        skip_bad: bool = False,
        queue: int | None = None,
        when_full: str | None = None,
        reconnect: float | None = None,
        idle: float | None = None,
    ) -> None:
        self.name, self.transport, self.width, self.height = name, transport, width, height
        self.arrived = 0
        self._skip_bad, self._packets = skip_bad, EventPackets(name, layout, width, height)
        self.events = self._packets.counts
        self._reception = Reception(
            name, transport, WholeMessages, queue=queue, when_full=when_full, reconnect=reconnect, idle=idle
        )

    @property
    def counts(self) -> PacketCounts:
        """What has been counted of packets since reading began."""
        return self._reception.counts

    def prepare(self) -> str | None:
        """Take hold of the port, before reading begins, and return it: `HOST:PORT`."""
        return self._reception.prepare()

    def fingerprint(self) -> str:
        """Return the same for all: what will arrive is not known."""
        return "live"

    def counted(self) -> dict[str, int]:
        """Return what has been counted of packets, and of the times of events, by its name."""
        counts, events = self.counts, self.events
        return {
            "received": counts.received, "dropped": counts.dropped, "lost": counts.lost, "bad": counts.bad,
            "connections": counts.connections, "out_of_order": events.out_of_order, "repeated": events.repeated,
            "same_time": events.same_time,
        }  # fmt: skip

    def blocks(self, most: int = AT_ONCE) -> Iterator[Events]:
        """Yield the events that arrive, in arrays of `EVENT`: those that have arrived together, at most `most`.

        Raises
        ------
        StreamError
            If a packet is malformed, and not to be passed over, after the events before it.
        """
        for records in self._reception.records(lambda: PACKETS, {}, together=False):
            self.arrived = records[0].arrived
            packets: list[Any] = [record.data for record in records]
            events, fault = self._packets.decode(packets, self._skip_bad, self._reception.tally)
            for first in range(0, len(events), most):
                yield events[first : first + most]
            if fault is not None:
                raise fault


def receiving(place: str, layout: str = "t64", **options: Any) -> LiveEvents:
    """Return the events that arrive at `[HOST:]PORT`; `options` are others of `LiveEvents`."""
    name = NAMES.get(layout, layout)
    return LiveEvents(f"{name}:{place}", Datagrams(*address(name, place, local=True)), layout=layout, **options)


def _reader(layout: str, about: str) -> Callable[..., EventStream]:
    """Return the reader of a layout, for the table of sources."""

    def read(
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
        encoder = encoder_of(encode)
        source = receiving(
            place, layout, skip_bad=skip_bad, queue=queue, when_full=when_full, reconnect=reconnect, idle=idle
        )
        return EventStream(source, encoder, sensor=sensor, name=NAMES[layout])

    read.__doc__ = about
    return read


udp_events = _reader("t64", "Open `udp-events:[HOST:]PORT`: address events of 13 bytes in datagrams, as samples.")
udp_events32 = _reader("t32", "Open `udp-events32:[HOST:]PORT`: address events of 8 bytes in datagrams, as samples.")
