"""Address events in datagrams, as other programs for event cameras send them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from neurosim.checks import LARGEST, whole
from neurosim.errors import ConfigError, SampleError, StreamError
from neurosim.streams.events.event import EVENT, Counts, Events
from neurosim.streams.live.decoders import WholeMessages
from neurosim.streams.live.reception import Reception
from neurosim.streams.live.sockets import Datagrams, address
from neurosim.streams.live.transport import Transport

# Little-endian, without gaps. `t64`: microseconds, column, row, 1 for brighter. `t32`: the same in 8 bytes, the lowest
# bit of the last field being the polarity; its clock begins anew every 71.6 minutes.
LAYOUTS = {
    "t64": np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]),
    "t32": np.dtype([("t", "<u4"), ("x", "<u2"), ("yp", "<u2")]),
}
TURN = 1 << 32  # microseconds of a turn of the clock of `t32`
LATEST = (1 << 63) - 1


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
        self._name, self._dtype, self._width, self._height = name, LAYOUTS[layout], width, height
        self._turns, self._last, self._latest, self._packets = 0, 0, -1, 0
        self._before: Any = None  # the event before

    def decode(self, data: bytes) -> Events:
        """Return the events of a datagram that lie on the sensor.

        Raises
        ------
        SampleError
            If it is not whole events, has none, or one of them cannot be: nothing of it is taken then.
        """
        size, name = self._dtype.itemsize, f"packet {self._packets} of {self._name}"
        self._packets += 1
        if not data or len(data) % size:
            raise SampleError(f"{name} must be whole events of {size} bytes, got {len(data)} bytes")
        raw = np.frombuffer(data, self._dtype)
        events = np.empty(len(raw), EVENT)
        events["x"] = raw["x"]
        if "p" in self._dtype.names:  # type: ignore[operator]
            if raw["t"].max() > LATEST or raw["p"].max() > 1:
                raise SampleError(f"{name} must have times below 2^63 us and polarities 0 or 1, got others")
            events["t"], events["y"], events["p"] = raw["t"], raw["y"], raw["p"]
        else:
            events["t"] = self._unwrapped(raw["t"].astype(np.int64))
            events["y"], events["p"] = raw["yp"] >> 1, raw["yp"] & 1
        return self._counted(events)

    def _unwrapped(self, times: Any) -> Any:
        """Return times of a clock of 32 bits that goes on: a step back by more than half a turn begins a new one."""
        steps = np.diff(times, prepend=self._last if self._packets > 1 else times[0])
        turns = self._turns + np.cumsum((steps < -TURN // 2).astype(np.int64) - (steps > TURN // 2).astype(np.int64))
        turns = np.maximum(turns, 0)
        self._turns, self._last = int(turns[-1]), int(times[-1])
        return times + turns * TURN

    def _counted(self, events: Events) -> Events:
        """Return the events on the sensor; count them, and those that are not after the one before."""
        on = np.ones(len(events), bool)
        if self._width is not None:
            on &= events["x"] < self._width
        if self._height is not None:
            on &= events["y"] < self._height
        self.counts.outside += len(events) - int(on.sum())
        events = events[on]
        if not len(events):
            return events
        before = events if self._before is None else np.concatenate([self._before, events])
        later, earlier = before[1:], before[:-1]
        same = later["t"] == earlier["t"]
        latest = np.maximum.accumulate(before["t"])
        self.counts.events += len(events)
        self.counts.same_time += int(same.sum())
        self.counts.repeated += int((later == earlier).sum())
        first = max(self._latest, int(before["t"][0]))
        self.counts.out_of_order += int((later["t"] < np.maximum(latest[:-1], first)).sum())
        self._latest, self._before = max(first, int(latest[-1])), events[-1:]
        return events


class LiveEvents:
    """Address events as they arrive; iterating yields pairs of events and the time at which they arrived.

    The events are an array of `neurosim.streams.events.event.EVENT`, those of one datagram; the time is that of
    `time.monotonic_ns()`. One packet is one record of the queue.

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
    reception : Reception
        Its `counts` are of packets.
    packets : EventPackets
        Its `counts` are of events.
    """

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
        self.name, self._skip_bad = name, skip_bad
        self.packets = EventPackets(name, layout, width, height)
        self.reception = Reception(
            name, transport, WholeMessages, queue=queue, when_full=when_full, reconnect=reconnect, idle=idle
        )

    def __iter__(self) -> Iterator[tuple[Events, int]]:
        for records in self.reception.records(lambda: 1, {}, together=False):
            for record in records:
                try:
                    events = self.packets.decode(record.data)  # type: ignore[arg-type]
                except SampleError as error:
                    if not self._skip_bad:
                        raise StreamError(f"{error}; --skip-bad passes over such packets") from None
                    self.reception.counts.bad += 1
                    continue
                if len(events):
                    yield events, record.arrived


def udp_events(place: str, **options: Any) -> LiveEvents:
    """Return the events that arrive at `[HOST:]PORT`: see `LiveEvents`."""
    return LiveEvents(f"udp-events:{place}", Datagrams(*address("udp-events", place, local=True)), **options)
