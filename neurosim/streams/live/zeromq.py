"""ZeroMQ: messages of a publisher (SUB) or of whoever pushes them (PULL), without a broker between.

https://zguide.zeromq.org/docs/chapter5 says what a publisher loses: all that it sends before a subscriber is
there, and what a slow one has no room for. One that pushes waits.
"""

import re
import threading
import time
from collections.abc import Sequence
from socket import AF_INET
from typing import Any

from neurosim.errors import StreamError
from neurosim.streams.live.live import reader
from neurosim.streams.live.names import addresses
from neurosim.streams.live.spelling import choice, host_and_port, package, split_options
from neurosim.streams.live.transport import Message, Transport

OPTIONS = {"kind": "sub", "bind": "no", "topic": ""}
MOST = 1024  # messages that are taken at once, and that wait in the socket's own queue
LARGEST = 1 << 24  # bytes of a message; the peer of a larger one is disconnected
NAME = re.compile(r"[^\W_*][^:;*]*")  # of a host, or an address of IP version 4


class ZeroMQ(Transport):
    """Messages of a SUB or a PULL socket: the last part of each; the parts before it are its envelope.

    Parameters
    ----------
    endpoint : str
        `tcp://HOST:PORT` or `ipc://PATH`.
    kind : {"sub", "pull"}
    bind : bool
        Whether others connect to this endpoint; by default this socket connects to it.
    topic : bytes
        What the first part of a message must begin with, for SUB.
    """

    def __init__(self, endpoint: str, *, kind: str = "sub", bind: bool = False, topic: bytes = b"") -> None:
        self.kind = f"zmq {kind}"
        self._zmq = package("zmq", "zmq", "zmq")
        self._endpoint, self._type, self._bind, self._topic = endpoint, kind, bind, topic
        self._context: Any = None
        self._socket: Any = None
        self._monitor: Any = None
        self._gone = False

    def open(self, seconds: float) -> bool:
        """Connect, or bind.

        Raises
        ------
        ConnectionError
            If nobody takes the connection, or the endpoint is taken.
        StreamError
            If it is no endpoint.
        """
        zmq, until = self._zmq, time.monotonic() + seconds
        endpoint = self._endpoint if self._bind else _looked_up(self._endpoint, seconds, self.ended)
        self._gone = False
        self._context = self._context or zmq.Context()
        self._socket = socket = self._context.socket(zmq.SUB if self._type == "sub" else zmq.PULL)
        socket.linger, socket.rcvhwm, socket.maxmsgsize = 0, MOST, LARGEST
        if self._type == "sub":
            socket.subscribe(self._topic)
        self._monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        try:
            (socket.bind if self._bind else socket.connect)(endpoint)
        except zmq.ZMQError as error:
            self.close()
            if error.errno in (zmq.EINVAL, zmq.EPROTONOSUPPORT):
                advice = "" if self._bind else "; to be connected to there, as at *, it takes bind=yes"
                raise StreamError(
                    f"endpoint of zmq must be one of ZeroMQ's, got {self._endpoint}: {error}{advice}"
                ) from None
            raise ConnectionError(f"{self._endpoint}: {error}") from None
        if not self._bind and not self._greeted(until):
            self.close()
            raise ConnectionError(f"nobody answers at {self._endpoint}")
        return True

    def receive(self, seconds: float) -> Sequence[Message]:
        """Return messages that are there; wait for the first of them.

        Raises
        ------
        ConnectionError
            If the peer that this socket connected to is gone, and all that it sent is received.
        """
        zmq, socket = self._zmq, self._socket
        if not socket.poll(0 if self._gone else max(1, round(1000 * seconds))):
            if self._gone:
                raise ConnectionError(f"{self._endpoint} is gone")
            self._gone = not self._bind and self._left()
            return ()
        messages = list[Message]()
        while len(messages) < MOST:
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            messages.append(Message(parts[-1], key=parts[0] if len(parts) > 1 else None))
        return messages

    def close(self) -> None:
        """Leave the peer."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close(0)
            self._socket = None

    def release(self) -> None:
        """End the threads of ZeroMQ."""
        self.close()
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    def _events(self, milliseconds: int) -> list[int]:
        """Return what happened to the connection; wait for the first event."""
        received = package("zmq", "zmq.utils.monitor", "zmq").recv_monitor_message
        events = list[int]()
        while self._monitor.poll(0 if events else milliseconds):
            events.append(received(self._monitor, self._zmq.NOBLOCK)["event"])
        return events

    def _greeted(self, until: float) -> bool:
        """Wait until the peer answers as one that speaks ZeroMQ, or it is so late."""
        while (left := until - time.monotonic()) > 0:
            if self._zmq.EVENT_HANDSHAKE_SUCCEEDED in self._events(max(1, round(1000 * left))):
                return True
        return False

    def _left(self) -> bool:
        """Return whether the peer is gone: the socket would connect again by itself, and nobody would know."""
        return self._zmq.EVENT_DISCONNECTED in self._events(0)


def _looked_up(endpoint: str, seconds: float, ended: threading.Event | None) -> str:
    """Return an endpoint with the address of its host, of IP version 4 as ZeroMQ has it: its own lookup has no limit.

    What is no name of a host stays, and is ZeroMQ's to refuse.
    """
    scheme, _, rest = endpoint.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not port.isdecimal() or NAME.fullmatch(host) is None:
        return endpoint
    place = addresses(host, int(port), seconds, family=AF_INET, ended=ended)[0][4]
    return f"tcp://{place[0]}:{place[1]}"


@reader("zmq")
def zeromq(text: str) -> ZeroMQ:
    """Open `zmq:tcp://HOST:PORT[?OPTIONS]` or `zmq:ipc://PATH[?OPTIONS]`.

    Raises
    ------
    StreamError
        If it says none.
    ConfigError
        If pyzmq is not installed.
    """
    endpoint, options = split_options("zmq", text, OPTIONS)
    kind = choice("zmq", options, "kind", ("sub", "pull"))
    scheme, mark, rest = endpoint.partition("://")
    if not mark or scheme not in ("tcp", "ipc") or not rest:
        raise StreamError(f"endpoint of zmq must be tcp://HOST:PORT or ipc://PATH, got {endpoint!r}")
    if scheme == "tcp":
        host_and_port("zmq", rest)
    if options["topic"] and kind == "pull":
        raise StreamError(f"topic of zmq must be left out for kind=pull, got {options['topic']}")
    bind = choice("zmq", options, "bind", ("no", "yes")) == "yes"
    return ZeroMQ(endpoint, kind=kind, bind=bind, topic=options["topic"].encode())
