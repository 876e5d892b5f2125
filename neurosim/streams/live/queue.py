"""A bounded queue between the thread that receives and the loop that learns; what does not fit is counted."""

import time
from collections import deque
from collections.abc import Sized
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

from neurosim.errors import ConfigError

BLOCK, DROP_OLDEST, DROP_NEWEST = POLICIES = ("block", "drop-oldest", "drop-newest")
LONGEST = 3600.0  # seconds of one wait: systems have a limit


class Record(NamedTuple):
    """What may be one sample: a line or a frame; or several events.

    Attributes
    ----------
    data : bytes or array
    arrived : int
        `time.monotonic_ns()` at which the system had it, where that says so, or else at which it was received.
    partition, offset : int
        Of the message that it came in.
    number : int
        Which of the message's records it is, from 0.
    last : bool
        Whether it is the message's last one.
    begins : bool
        Whether it is the first of its connection.
    key : bytes or None
        Of the message.
    """

    data: bytes | Sized
    arrived: int
    partition: int = 0
    offset: int = -1
    number: int = 0
    last: bool = True
    begins: bool = False
    key: bytes | None = None


class Queue:
    """Records on their way from one thread that puts to one that takes.

    The thread that takes may be interrupted by an exception at any time, as by a handler of signals: it holds no lock
    that the other waits for.

    Parameters
    ----------
    most : int
        Records that it holds.
    policy : {"block", "drop-oldest", "drop-newest"}
        What happens to a record that comes when it is full: `put` waits for room, or the oldest makes room, or the new
        one is dropped.

    Attributes
    ----------
    received : int
        Records that were put.
    dropped : int
        Records that were dropped as there was no room; those that were put when the queue had ended as well.
    rang : bool
        Whether a record came for which the other thread waited; whoever asks sets it to false.
    """

    def __init__(self, most: int, policy: str) -> None:
        if policy not in POLICIES:
            raise ConfigError("when_full", "one of " + ", ".join(POLICIES), policy)
        self.most, self.policy = most, policy
        self.received = self.dropped = 0
        self._records: deque[Record] = deque()
        self._arrival, self._room = SimpleQueue[None](), SimpleQueue[None]()  # bells: each wakes one thread
        self._awaits_arrival = self._awaits_room = False
        self._ended = self._closed = self.rang = False
        self._fault: Exception | None = None

    def __len__(self) -> int:
        return len(self._records)

    def put(self, record: Record) -> None:
        """Add a record, by the policy if there is no room."""
        self.received += 1
        records = self._records
        while len(records) >= self.most and not self._closed:
            if self.policy == DROP_NEWEST:
                self.dropped += 1
                return
            if self.policy == DROP_OLDEST:
                with suppress(IndexError):  # the other thread has just taken them all
                    records.popleft()
                    self.dropped += 1
                continue
            self._awaits_room = True
            if len(records) >= self.most:
                with suppress(Empty):
                    self._room.get(timeout=1.0)
            self._awaits_room = False
        if self._closed:
            self.dropped += 1
            return
        records.append(record)
        if self._awaits_arrival:
            self._awaits_arrival, self.rang = False, True
            self._arrival.put(None)

    def end(self, fault: Exception | None = None) -> None:
        """Say that nothing more comes, and why, if that is an error; called by the thread that puts."""
        self._fault, self._ended = fault, True
        self._arrival.put(None)

    def take(self, most: int, *, wanted: int = 1) -> list[Record]:
        """Return up to `most` records, in order; wait until there are `wanted`, or as many as fit.

        At the end those that are left are returned, and then none, or the error that ended it is raised.
        """
        wanted = min(wanted, most, self.most)
        while True:
            self._wait(wanted)
            ended = self._ended
            taken = self._pop(most)
            if taken:
                return taken
            if ended:
                break
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        return []

    def _wait(self, wanted: int) -> None:
        """Wait until there are `wanted` records, or nothing more comes."""
        records = self._records
        while len(records) < wanted and not self._ended:
            self._awaits_arrival = True
            if len(records) < wanted and not self._ended:
                with suppress(Empty):
                    self._arrival.get(timeout=LONGEST)
        self._awaits_arrival = False

    def _pop(self, most: int) -> list[Record]:
        """Return up to `most` records that are there."""
        records, taken = self._records, list[Record]()
        with suppress(IndexError):  # the other thread drops the oldest meanwhile
            for _ in range(min(most, len(records))):
                taken.append(records.popleft())
        if self._awaits_room:
            self._awaits_room = False
            self._room.put(None)
        return taken

    def close(self) -> None:
        """Say that nothing more is taken; called by the thread that takes. A `put` that waits ends."""
        self._closed = True
        self._room.put(None)


def now() -> int:
    """Return the clock of arrivals: `time.monotonic_ns()`."""
    return time.monotonic_ns()
