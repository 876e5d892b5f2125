"""Transports: what brings messages, whatever is in them, from a socket or a broker."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from threading import Event
from typing import NamedTuple


class Message(NamedTuple):
    """What arrived at once.

    Attributes
    ----------
    data : bytes
        One or several samples, or, of a transport without boundaries, any piece of the bytes sent.
    partition : int
        Which of the source's sequences it belongs to, for sources that number their messages in several.
    offset : int
        Its number in that sequence: each is larger than the one before; -1 if the source has none.
    stamp : int or None
        When it was sent, in nanoseconds of the sender's own clock, if the source says so.
    key : bytes or None
        What the source says that the message is of: the key of Kafka, the topic of MQTT or ZeroMQ.
    arrived : int
        `time.monotonic_ns()` at which the system had it, which may be long before it is asked; 0 if it does not say.
    """

    data: bytes
    partition: int = 0
    offset: int = -1
    stamp: int | None = None
    key: bytes | None = None
    arrived: int = 0


class Closed(Exception):  # noqa: N818 - the usual end of a connection, not an error
    """The peer has closed the connection in good order."""


class Ended(Closed):
    """The source has no more, and will not have: nobody connects again."""


class Transport(ABC):
    """Brings messages; `open`, `receive` and `close` are called from one thread, again and again if it reconnects.

    Where it allows it by `any_thread`, `receive` is also called from another.

    Attributes
    ----------
    kind : str
        Name of the source in state files, without what may differ when a run goes on, such as an address.
    boundaries : bool
        Whether a message comes as it was sent; of a connection of bytes, messages are any pieces.
    any_thread : bool
        Whether `receive` may be called now from one thread, now from another, though never from two at once.
    replays : bool
        Whether the source gives its messages again from an offset: then `seek` is called before it is opened.
    format : str or None
        Of frames, where messages are always such, whatever is asked for: `f32`.
    lost : int
        Messages that are known to be lost before they were received: the system dropped them, or numbers are missing.
    ended : threading.Event or None
        Set when nobody reads any more: what takes long within `open` looks at it.
    """

    kind: str
    boundaries = True
    any_thread = False
    replays = False
    format: str | None = None
    lost = 0
    ended: Event | None = None

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Take hold of what others need in order to reach this source, such as a port; called by the reader's thread.

        Raises
        ------
        OSError
            If that is not to be had. It is not tried again.
        """

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that are listened to, once it is prepared; None if others do not come to this source."""
        return None

    def seek(self, positions: Mapping[int, int]) -> None:
        """Go on, when it is opened, at an offset of each partition; at others as from the beginning."""
        raise NotImplementedError

    def began(self) -> Mapping[int, int]:
        """Return the offset at which reading begins in each partition, once it is open, for a source that replays."""
        return {}

    def width(self, asked: int | None) -> int | None:
        """Return how many numbers a sample has, its label among them: those asked for, or what the source says.

        Raises
        ------
        OSError
            If the source must say it, and is not there.
        """
        return asked

    @abstractmethod
    def open(self, seconds: float) -> bool:
        """Connect, within about so many seconds; return False if nobody has come yet to a source that is listened to.

        Raises
        ------
        OSError
            If there is nobody to connect to: a StreamError where trying again cannot help.
        """

    @abstractmethod
    def receive(self, seconds: float) -> Sequence[Message]:
        """Return what has arrived, in order; wait for it so many seconds at most, then return nothing.

        Raises
        ------
        Closed
            If the peer has closed the connection.
        Ended
            If a source of a known end has no more.
        OSError
            If the connection broke.
        """

    @abstractmethod
    def close(self) -> None:
        """Leave the connection, if there is one; it may be opened again."""

    def release(self) -> None:  # noqa: B027 - most have nothing prepared
        """Give back what `prepare` took; called once, at the end."""
