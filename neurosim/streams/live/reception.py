"""The reception of a live source: its transport, its queue and its thread, from the first record to the last."""

from collections.abc import Callable, Iterator

from neurosim.checks import LARGEST, number, whole
from neurosim.errors import StreamError
from neurosim.streams.live.queue import BLOCK, Queue, Record
from neurosim.streams.live.receiver import Counts, Cutter, Places, Receiver
from neurosim.streams.live.transport import Transport

DEFAULT_QUEUE = 4096  # records


class Reception:
    """Receives records, in a thread of its own while they are read.

    Parameters
    ----------
    name : str
        Of the source, for messages.
    transport : Transport
    cutter : callable
        Returns what cuts the messages of one connection into records.
    queue, when_full, reconnect, idle
        As in `LiveStream`; None for the default.

    Attributes
    ----------
    connected : callable or None
        Called from the thread that receives, when a source that connects to others first has.

    Raises
    ------
    ConfigError
        If one of them is out of range.
    """

    connected: Callable[[], None] | None = None

    def __init__(
        self,
        name: str,
        transport: Transport,
        cutter: Callable[[], Cutter],
        *,
        queue: int | None = None,
        when_full: str | None = None,
        reconnect: float | None = None,
        idle: float | None = None,
    ) -> None:
        self.name, self.transport, self._counts = name, transport, Counts()
        self._cutter = cutter
        self._most = DEFAULT_QUEUE if queue is None else queue
        self._when_full = BLOCK if when_full is None else when_full
        self._reconnect, self._idle = reconnect or 0.0, idle
        whole("queue", self._most, 1, LARGEST)
        number("reconnect", self._reconnect, "at least 0, in seconds", 0)
        if idle is not None:
            number("idle", idle, "positive, in seconds", 0, above=True)
        self._queue = Queue(self._most, self._when_full)

    def prepare(self) -> str | None:
        """Take hold of the port, if others are to reach this source, before reading begins; return it: `HOST:PORT`.

        Raises
        ------
        StreamError
            If it is not to be had.
        """
        try:
            self.transport.prepare()
        except StreamError:
            raise
        except OSError as error:
            raise StreamError(f"{self.name} must be an address that can be listened to, but: {error}") from error
        if self.transport.address is None:
            return None
        host, port = self.transport.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def tally(self) -> Counts:
        """Where the one who reads counts; what the queue and the system know is not in it yet."""
        return self._counts

    @property
    def counts(self) -> Counts:
        """What has been counted since reading began."""
        counts = self._counts
        counts.received, counts.dropped, counts.lost = self._queue.received, self._queue.dropped, self.transport.lost
        return counts

    def empty(self) -> bool:
        """Tell whether no record waits."""
        return not len(self._queue)

    def records(self, size: Callable[[], int], places: Places, *, together: bool) -> Iterator[list[Record]]:
        """Yield records as they arrive: `size()` of them, or, if not `together`, those that are there.

        Parameters
        ----------
        size : callable
            Asked before each list how many records it may have.
        places : dict of int to (int, int)
            Where a source that replays goes on, by partition: the offset of a message, and how many of its records
            were taken.
        together : bool
        """
        if places:
            self.transport.seek({partition: offset for partition, (offset, _) in places.items()})
        self.prepare()
        self._counts = Counts()
        self._queue = queue = Queue(self._most, self._when_full)
        direct = self.transport.any_thread and not together
        receiver = Receiver(
            self.name, self.transport, self._cutter, queue, self._counts, reconnect=self._reconnect, idle=self._idle,
            skip=places, connected=self.connected if self.transport.address is None else None,
            lends=direct,
        )  # fmt: skip
        receiver.start()
        try:
            while True:
                most = size()
                records = receiver.directly(most) if direct else []
                records = records or queue.take(most, wanted=most if together else 1)
                if not records:
                    break
                yield records
        finally:
            receiver.close()
