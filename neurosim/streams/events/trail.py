"""The state of an encoder as it was a few samples ago: another one follows it by the same events, and stays behind."""

from collections import deque
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.kernels.events.clock import Events
from neurosim.streams.events.encoding import Encoding

BLOCKS = 16  # that are remembered: more than are under way at once
MOST_EVENTS = 1 << 20  # that are remembered for them, more or less: an encoder may make no sample for hours


class Trail:
    """What a live stream of events gave lately; one thread notes, another may ask.

    Where many events make few samples, fewer blocks are remembered; and of more than `MOST_EVENTS` since the last
    sample, the earlier ones count as if they had come before it. So its memory has a bound.

    Parameters
    ----------
    encoding : Encoding
        As it is before the first event.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._behind, self._samples = encoding.copy(), 0  # samples that the encoder which stays behind has made
        self._packets, self._lock = deque[Events](), Lock()
        self._held = self._made = 0  # events in packets, and samples made of those that were noted
        self._blocks = deque[int]()  # how many samples were given, after each block
        self._times = deque[tuple[int, int]]()  # samples that were made at once, and when their events had arrived

    def note_events(self, events: Events) -> None:
        """Note events, before samples are made of them."""
        with self._lock:
            self._make_room()
            self._packets.append(events)
            self._held += len(events.t)

    def note_samples(self, samples: int, arrived: int) -> None:
        """Note samples, whose events had arrived at a time in nanoseconds."""
        with self._lock:
            self._times.append((samples, arrived))
            self._made += samples

    def end_block(self, samples: int) -> None:
        """Note that so many samples are given now, and forget what is long ago."""
        with self._lock:
            self._blocks.append(samples)
            while len(self._blocks) > BLOCKS:
                self._follow(max(self._blocks.popleft(), self._samples))

    def kept(self, taken: int) -> dict[str, NDArray[Any]]:
        """Return the encoder's arrays as they were right after so many samples.

        Raises
        ------
        StreamError
            If that is longer ago than is remembered, or has not come.
        """
        with self._lock:
            self._follow(taken)
            return self._behind.arrays()

    def arrived(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Return when samples arrived: see `Stream.arrived`."""
        with self._lock:
            times = np.repeat(*np.array(self._times, np.int64).reshape(-1, 2).T[::-1])
            begin = first - self._samples
        return times[begin : begin + count] if 0 <= begin <= begin + count <= len(times) else None

    def _make_room(self) -> None:
        """Forget blocks while more events are held than is good, and then events of which no sample came."""
        while self._held > MOST_EVENTS and self._blocks:
            self._follow(max(self._blocks.popleft(), self._samples))
        while self._held > MOST_EVENTS and self._samples == self._made:
            packet = self._packets.popleft()
            self._behind.follow(packet)
            self._held -= len(packet.t)

    def _follow(self, taken: int) -> None:
        """Let the encoder that stays behind make samples up to so many."""
        before = self._samples
        while self._samples < taken and self._packets:
            packet = self._packets.popleft()
            done, made = self._behind.follow(packet, taken - self._samples)
            self._samples += made
            self._held -= done
            if done < len(packet.t):
                self._packets.appendleft(Events(*(column[done:] for column in packet)))
        if self._samples != taken:
            when = "long ago" if self._samples > taken else "to come"
            raise StreamError(f"samples taken must be among those given lately, got {taken}: that is {when}")
        passed = taken - before
        while passed:
            samples, arrived = self._times.popleft()
            if samples > passed:
                self._times.appendleft((samples - passed, arrived))
            passed -= min(samples, passed)
