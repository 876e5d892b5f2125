"""TCP and UDP: lines or packed frames over sockets, as a client, as a server of one sender, or by datagrams."""

import select
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from neurosim.errors import StreamError
from neurosim.streams.live.live import reader
from neurosim.streams.live.names import addresses, connected
from neurosim.streams.live.receiver import TICK
from neurosim.streams.live.spelling import LARGEST_PORT, check_host
from neurosim.streams.live.stamps import stamped
from neurosim.streams.live.transport import Closed, Message, Transport
from neurosim.streams.sources import hidden

LOOPBACK = "127.0.0.1"
PIECE = 1 << 16  # bytes that are received at once: more than a datagram has
DATAGRAMS = 64  # taken at once at most
BUFFER = 1 << 22  # bytes of the system's buffer for datagrams that are asked for; it may give fewer
SO_MEMINFO, DROPS = 55, 8  # Linux: numbers of 32 bits about a socket, one of them how many datagrams it has dropped
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # a peer without power is gone in a minute


def address(source: str, text: str, *, local: bool) -> tuple[str, int]:
    """Return the host and the port of `HOST:PORT` or, where it is `local`, of `PORT`; IPv6 stands in brackets.

    Raises
    ------
    StreamError
        If it is neither, or there can be no such host.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    spelled = f"{source}:[HOST:]PORT" if local else f"{source}:HOST:PORT"
    if not (port.isascii() and port.isdecimal()) or int(port) > LARGEST_PORT or (colon and not host):
        raise StreamError(f"source must be {spelled}, with a port up to {LARGEST_PORT}, got {source}:{hidden(text)}")
    check_host(source, host)
    if not host and not local:
        raise StreamError(f"source must be {spelled}, got {source}:{text}; {source}-listen:{port} waits for a sender")
    if int(port) == 0 and not local:
        raise StreamError(f"source must be {spelled}, with a port from 1, got {source}:{text}")
    return host or LOOPBACK, int(port)


def listening(host: str, port: int, kind: int) -> socket.socket:
    """Return a socket that is bound to an address of this machine."""
    family, _, protocol, _, place = addresses(host, port, kind=kind, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
    except BaseException:
        bound.close()
        raise
    return bound


def arrival(where: socket.socket) -> Callable[[float], bool]:
    """Return a function that waits so many seconds at most, and tells whether a socket has something to take."""
    if not hasattr(select, "poll"):
        return lambda seconds: bool(select.select([where], [], [], seconds)[0])
    waiting = select.poll()  # unlike `select`, whatever number the socket has
    waiting.register(where, select.POLLIN)
    poll = waiting.poll
    return lambda seconds: bool(poll(1000 * seconds))


class Connection(Transport):
    """A connection of bytes, however it comes about."""

    kind, boundaries, any_thread = "tcp", False, True

    def __init__(self) -> None:
        self._connected: socket.socket | None = None

    def _take(self, connected: socket.socket) -> None:
        """Begin to receive from a peer, and to notice when it is gone without a word."""
        connected.settimeout(None)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._connected, self._has_come, self._received = connected, arrival(connected), stamped(connected, PIECE)

    def receive(self, seconds: float) -> Sequence[Message]:
        """Return the bytes that have arrived, as one message: see `Transport`."""
        assert self._connected is not None
        if not self._has_come(seconds):
            return []
        message = self._received()
        if not message.data:
            raise Closed
        return [message]

    def close(self) -> None:
        """Close the connection."""
        if self._connected is not None:
            self._connected.close()
            self._connected = None


class Client(Connection):
    """Connects to a sender that listens.

    Parameters
    ----------
    host, port
        Of the sender.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._peer = (host, port)

    def open(self, seconds: float) -> bool:
        """Connect: see `Transport`."""
        self._take(connected(*self._peer, seconds, self.ended))
        return True


class Server(Connection):
    """Listens, and takes one sender at a time; another one waits until the first has closed.

    Parameters
    ----------
    host, port
        Of this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._place = (host, port)
        self._listening: socket.socket | None = None

    def prepare(self) -> None:
        """Listen."""
        if self._listening is None:
            self._listening = listening(*self._place, socket.SOCK_STREAM)
            self._listening.listen(8)

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that are listened to, once it is prepared."""
        return None if self._listening is None else self._listening.getsockname()[:2]

    def open(self, seconds: float) -> bool:
        """Wait for a sender: see `Transport`."""
        assert self._listening is not None
        if not arrival(self._listening)(min(seconds, TICK)):
            return False
        self._listening.settimeout(0)  # the sender may be gone again
        try:
            self._take(self._listening.accept()[0])
        except (BlockingIOError, ConnectionAbortedError):
            return False
        return True

    def release(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None


class Datagrams(Transport):
    """Datagrams, each of which is a message; those that the system drops, where it tells, are counted as `lost`.

    Parameters
    ----------
    host, port
        Of this machine.
    """

    kind, any_thread = "udp", True

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._bound: socket.socket | None = None
        self._dropped = 0

    @property
    def lost(self) -> int:  # type: ignore[override]
        """Datagrams that the system dropped as its buffer was full, since the port was bound; 0 if it does not say."""
        bound = self._bound  # the thread that receives may release it meanwhile
        if bound is not None and sys.platform == "linux":
            with suppress(OSError, struct.error):
                numbers = bound.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (DROPS + 1))
                self._dropped = struct.unpack(f"{DROPS + 1}I", numbers)[DROPS]
        return self._dropped

    def prepare(self) -> None:
        """Bind the port."""
        if self._bound is not None:
            return
        self._bound = bound = listening(*self._place, socket.SOCK_DGRAM)
        bound.setblocking(False)
        with suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._dropped, self._has_come, self._received = 0, arrival(bound), stamped(bound, PIECE)

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that are bound, once it is prepared."""
        return None if self._bound is None else self._bound.getsockname()[:2]

    def open(self, seconds: float) -> bool:
        """Return True: there is nobody to connect to."""
        return True

    def receive(self, seconds: float) -> Sequence[Message]:
        """Return the datagrams that have arrived: see `Transport`."""
        assert self._bound is not None
        if not self._has_come(seconds):
            return []
        messages, received = list[Message](), self._received
        try:
            messages.append(received())
            if self._has_come(0):  # asked, as an error for nothing more takes longer
                for _ in range(DATAGRAMS - 1):
                    messages.append(received())
        except (BlockingIOError, ConnectionRefusedError):
            pass
        return messages

    def close(self) -> None:
        """Do nothing: the port stays bound until `release`."""

    def release(self) -> None:
        """Give the port back."""
        if self._bound is not None:
            self._dropped = self.lost
            self._bound.close()
            self._bound = None


@reader("tcp")
def tcp(place: str) -> Transport:
    """Open `tcp:HOST:PORT`: connect to a sender that listens."""
    return Client(*address("tcp", place, local=False))


@reader("tcp-listen")
def tcp_listen(place: str) -> Transport:
    """Open `tcp-listen:[HOST:]PORT`: wait for a sender that connects."""
    return Server(*address("tcp-listen", place, local=True))


@reader("udp")
def udp(place: str) -> Transport:
    """Open `udp:[HOST:]PORT`: receive datagrams."""
    return Datagrams(*address("udp", place, local=True))
