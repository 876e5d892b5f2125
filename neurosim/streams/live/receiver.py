"""The thread that receives: it connects, also again, and queues what arrives until it is told to end.

The thread that reads may receive by itself, in turn with it: see `Turns`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from neurosim.errors import StreamError
from neurosim.streams.live.queue import Queue, Record, now
from neurosim.streams.live.transport import Closed, Ended, Message, Transport
from neurosim.streams.live.turns import Turns

TICK = 0.1  # seconds: how long the thread waits at most before it looks whether it is to end
PAUSE = 0.2  # seconds between two attempts to connect
ATTEMPT, SHORTEST = 5.0, 1.0  # seconds of one attempt: at most, and where less is left
SECOND = 1e9  # nanoseconds
new_tuple = tuple.__new__  # a third quicker than a named tuple's own constructor
MANY, LARGE = 16, 1 << 15  # records or bytes that came at once: more wait, or will before these are learned
ENDING = 2.0  # seconds that the end of the thread is waited for, at most: it may be within an attempt to connect


Places = dict[int, tuple[int, int]]  # by partition: the offset of a message, and how many of its records were taken


class Cutter(Protocol):
    """Cuts what arrives into records; a new one for each connection."""

    def cut(self, data: bytes) -> list[bytes]:
        """Return the records that are complete with these bytes."""
        ...

    def rest(self) -> int:
        """Return how many bytes of a record are held whose end has not come."""
        ...


@dataclass
class Counts:
    """What a live source has counted since it was opened.

    Attributes
    ----------
    received : int
        Records that arrived: lines that are not empty, or frames; a message of a wrong size is one.
    dropped : int
        Of these, those for which the queue had no room.
    lost : int
        Messages that are known to be lost before: dropped by the system, whose own buffer was full, or missing by
        their numbers.
    bad : int
        Malformed records that were passed over.
    names : int
        Lines that had the names of the columns.
    cut : int
        Records whose end had not come when a connection ended; they are not among the received.
    repeated : int
        Messages that came again, by their offsets; they are passed over, and are not among the received.
    late : int
        Messages whose time stamp was before the latest; they are learned from.
    same_time : int
        Messages whose time stamp was the same as that of the one before; they are learned from.
    connections : int
        How often it was connected.
    """

    received: int = 0
    dropped: int = 0
    lost: int = 0
    bad: int = 0
    names: int = 0
    cut: int = 0
    repeated: int = 0
    late: int = 0
    same_time: int = 0
    connections: int = 0


class Receiver:
    """Receives in a thread of its own, from `start` to `close`.

    Parameters
    ----------
    name : str
        Of the source, for messages.
    transport : Transport
    cutter : callable
        Returns a `Cutter`.
    queue : Queue
    counts : Counts
    reconnect : float
        Seconds for which a source that is not there, or is gone, is tried again; 0 to end.
    idle : float or None
        Seconds of silence after which it ends.
    skip : mapping of int to (int, int)
        For each partition the offset of the message to go on with, and how many of its records were taken already.
    connected : callable, optional
        Called when it is connected for the first time.
    lends : bool
        Whether the one who reads calls `directly`.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        cutter: Callable[[], Cutter],
        queue: Queue,
        counts: Counts,
        *,
        reconnect: float,
        idle: float | None,
        skip: Places,
        connected: Callable[[], None] | None = None,
        lends: bool = False,
    ) -> None:
        self._name, self._transport, self._new_cutter = name, transport, cutter
        self._queue, self._counts, self._skip = queue, counts, skip
        self._reconnect, self._idle, self._told, self._lends = reconnect, idle, connected, lends
        self._next = {partition: offset for partition, (offset, _) in skip.items()}  # of what is to come
        self._stamps: dict[int, int] = {}
        self._arrived = 0  # the latest message
        self._ended, self._turns, self._begins = threading.Event(), Turns(), True
        self._thread = threading.Thread(target=self._run, name="neurosim-receiver", daemon=True)

    def start(self) -> None:
        """Begin to receive."""
        self._heard, self._transport.ended = time.monotonic(), self._ended
        self._thread.start()

    def close(self) -> None:
        """End the thread, and wait until it has ended."""
        self._ended.set()
        self._queue.close()
        self._turns.wake()
        self._thread.join(ENDING)

    def directly(self, most: int) -> list[Record]:
        """Receive at most so many records in the thread that reads, and wait for one; none if it is not its turn.

        Then it takes them from the queue, also what ends it all. Where many come at once, the other thread receives
        while they are learned, so that what follows waits in the queue, and goes by its policy.
        """
        turns, queue = self._turns, self._queue
        if len(queue) or not turns.take():
            return []
        try:
            while turns.left is None and not len(queue) and not self._ended.is_set():
                messages = self._transport.receive(TICK)
                if not messages:
                    self._silent()
                    continue
                records = list(self._records(messages))
                turns.note()
                if len(records) > min(most, queue.most):
                    turns.leave(records)
                elif records:
                    queue.received += len(records)
                    if len(records) > MANY or len(messages[-1].data) >= LARGE:
                        turns.leave([])
                    return records
        except (OSError, Closed) as error:
            turns.leave(error)
        finally:
            turns.give()
        return []

    def _run(self) -> None:
        fault: Exception | None = None
        try:
            self._attend()
        except Exception as error:
            fault = error
        finally:
            with suppress(OSError):
                self._transport.release()
            self._queue.end(fault)

    def _silent(self) -> bool:
        """Return whether to end as nothing has come for so long: asked where nothing has come just now."""
        if self._idle is not None and time.monotonic() - self._heard >= self._idle:
            self._ended.set()
        return self._ended.is_set()

    def _attend(self) -> None:
        """Take one connection after another."""
        broken: Exception | None = None
        until = time.monotonic() + self._reconnect
        while self._connected(until, broken):
            self._counts.connections += 1
            if self._told is not None:
                self._told()
                self._told = None
            self._heard, broken, before = time.monotonic(), None, self._queue.received
            lasting = self._heard + SHORTEST
            try:
                self._receive()
            except Ended:
                return
            except Closed:
                pass
            except StreamError:
                raise
            except OSError as error:
                broken = error
            finally:
                self._transport.close()
            if self._ended.is_set():
                return
            if self._queue.received > before or time.monotonic() >= lasting:
                until = time.monotonic() + self._reconnect
            if time.monotonic() >= until:
                if broken is not None:
                    raise StreamError(f"{self._name} must stay connected (--reconnect S tries again), but: {broken}")
                return
            if self._queue.received == before:  # it may be one that closes every connection at once
                self._ended.wait(PAUSE)

    def _connected(self, until: float, broken: Exception | None) -> bool:
        """Connect until some time by `time.monotonic`; return False if it is over without an error."""
        first = self._counts.connections == 0
        while not self._ended.is_set():
            left = until - time.monotonic()
            fault: OSError | None = None
            try:
                if self._transport.open(min(ATTEMPT, max(left, SHORTEST)) if self._reconnect else ATTEMPT):
                    return True
            except StreamError:
                raise
            except OSError as error:
                fault = error
            left = until - time.monotonic()
            if left <= 0 and (fault is not None or not first):
                if first or broken is not None:
                    why = broken or fault
                    tried = f" within {self._reconnect:g} s" if self._reconnect else ""
                    words = f"be there{tried} (--reconnect S tries for S seconds)"
                    raise StreamError(f"{self._name} must {words}, but: {why}") from None
                return False
            if not self._silent() and fault is not None:
                self._ended.wait(min(PAUSE, max(left, 0.0)))
        return False

    def _receive(self) -> None:
        """Put what arrives into the queue until it is over, or the connection is."""
        self._cutter, self._begins, transport, queue = self._new_cutter(), True, self._transport, self._queue
        try:
            while not self._ended.is_set():
                messages = transport.receive(TICK)
                if not messages:
                    self._silent()
                    continue
                queue.rang = False
                for record in self._records(messages):
                    queue.put(record)
                if queue.rang and self._lends:
                    self._lend()
        finally:
            self._counts.cut += bool(self._cutter.rest())

    def _lend(self) -> None:
        """Let the thread that reads receive, and go on with what it leaves."""
        turns = self._turns
        turns.lend(self._ended.is_set)
        left, turns.left = turns.left, None
        if isinstance(left, Exception):
            raise left
        for record in left or ():
            self._queue.put(record)

    def _records(self, messages: Sequence[Message]) -> Iterator[Record]:
        """Yield the records of messages that have just arrived."""
        received = now()
        self._heard = received / SECOND
        for message in messages:
            data, partition, offset, stamp, key, system = message
            arrived = system or received
            if arrived < self._arrived:  # in order, also if the clock was set
                arrived = self._arrived
            self._arrived = arrived
            if offset >= 0 and self._is_repeated(message):
                continue
            if stamp is not None:
                self._compare(message)
            pieces = self._cutter.cut(data)
            last = len(pieces) - 1
            for index, piece in enumerate(pieces):
                if offset >= 0 and (offset, index) < self._skip.get(partition, (-1, 0)):
                    continue
                fields = (piece, arrived, partition, offset, index, index == last, self._begins, key)
                yield new_tuple(Record, fields)
                self._begins = False

    def _is_repeated(self, message: Message) -> bool:
        """Return whether a message came before, by its offset, and count it then."""
        partition, offset = message.partition, message.offset
        if offset < self._next.get(partition, 0):
            self._counts.repeated += 1
            return True
        self._next[partition] = offset + 1
        return False

    def _compare(self, message: Message) -> None:
        """Count a message whose time is not after the latest."""
        assert message.stamp is not None
        latest = self._stamps.get(message.partition)
        if latest is not None and message.stamp <= latest:
            self._counts.late += message.stamp < latest
            self._counts.same_time += message.stamp == latest
            return
        self._stamps[message.partition] = message.stamp
