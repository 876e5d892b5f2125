"""Names of hosts, looked up with a time limit: the system's own lookup has none, and cannot be interrupted."""

import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

LIMIT = 5.0  # seconds of a lookup, where nothing else limits it
TICK = 0.05  # seconds: how long a thread that looks up waits at most before it looks whether it is to end

Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]  # of `socket.getaddrinfo`
Asked = tuple[str, int, int, int, int]  # host, port, family, kind, flags

_under_way: dict[Asked, "Lookup"] = {}  # one for each question, however often it is asked: a thread cannot be ended
_lock = threading.Lock()


class Lookup:
    """A question to the system for the addresses of a host, asked in a thread of its own.

    Parameters
    ----------
    asked : tuple
        Host, port, family, kind and flags, as `socket.getaddrinfo` has them.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked, self._answered = asked, threading.Event()
        self._found: Sequence[Found] = ()
        self._fault: Exception | None = None

    def start(self) -> None:
        """Ask."""
        threading.Thread(target=self._ask, name="neurosim-lookup", daemon=True).start()

    def _ask(self) -> None:
        host, port, family, kind, flags = self._asked
        try:
            self._found = socket.getaddrinfo(host, port, family, kind, 0, flags)
        except Exception as error:
            self._fault = error
        finally:
            with _lock:
                del _under_way[self._asked]
            self._answered.set()

    def wait(self, seconds: float, ended: threading.Event | None = None, begun: float | None = None) -> Sequence[Found]:
        """Return the addresses; see `addresses`. The time counts from `begun`, by `time.monotonic`, or from now."""
        until = seconds + (time.monotonic() if begun is None else begun)
        while not self._answered.wait(max(0.0, min(TICK, until - time.monotonic()))):
            if ended is not None and ended.is_set():
                raise ConnectionAbortedError(f"the lookup of the host {self._asked[0]} was given up")
            if time.monotonic() >= until:
                words = f"the name of the host {self._asked[0]} was not found within {seconds:.3g} s"
                raise TimeoutError(f"{words}: the system's lookup of names does not answer")
        if self._fault is not None:
            raise self._fault
        return self._found


def addresses(
    host: str,
    port: int,
    seconds: float | None = None,
    *,
    kind: int = socket.SOCK_STREAM,
    family: int = socket.AF_UNSPEC,
    flags: int = 0,
    ended: threading.Event | None = None,
) -> Sequence[Found]:
    """Return the addresses of a host, which are not looked up if it is an address.

    Parameters
    ----------
    host : str
    port : int
    seconds : float, optional
        How long the lookup may take, by default `LIMIT`.
    kind, family, flags : int
        As `socket.getaddrinfo` has them.
    ended : threading.Event, optional
        Ends the wait when it is set.

    Raises
    ------
    OSError
        If there is no such host. A TimeoutError that names the host and the limit, if there is no answer in time.
    """
    try:
        return socket.getaddrinfo(host, port, family, kind, 0, flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        return _lookup((host, port, family, kind, flags)).wait(LIMIT if seconds is None else seconds, ended)


def hosts_found(
    hosts: Sequence[tuple[str, int]], seconds: float, ended: threading.Event | None = None
) -> list[tuple[str, int]]:
    """Return those of some hosts that have an address, all looked up at once.

    Raises
    ------
    OSError
        As `addresses` does, of the last one, if none has.
    """
    begun = time.monotonic()
    lookups = [(place, _lookup((*place, socket.AF_UNSPEC, socket.SOCK_STREAM, 0))) for place in hosts]
    found, fault = list[tuple[str, int]](), None
    for place, lookup in lookups:
        try:
            lookup.wait(seconds, ended, begun)
        except OSError as error:
            fault = error
        else:
            found.append(place)
    if not found and fault is not None:
        raise fault
    return found


def connected(host: str, port: int, seconds: float, ended: threading.Event | None = None) -> socket.socket:
    """Return a socket that is connected to a host, within about so many seconds; one that has a timeout.

    Raises
    ------
    OSError
        If nobody there takes the connection.
    """
    until, fault = time.monotonic() + seconds, OSError(f"{host} has no address")
    found = addresses(host, port, seconds, ended=ended)
    for number, (family, kind, protocol, _, place) in enumerate(found):
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.settimeout(max(TICK, (until - time.monotonic()) / (len(found) - number)))
            connecting.connect(place)
        except OSError as error:
            connecting.close()
            fault = error
        else:
            return connecting
    raise fault


def _lookup(asked: Asked) -> Lookup:
    """Return the lookup that asks this, which may have been under way, or be over already if it has an address."""
    with _lock:
        lookup = _under_way.get(asked)
        if lookup is None:
            lookup = Lookup(asked)
            lookup.start()
            _under_way[asked] = lookup  # the thread that takes it away waits for the lock
    return lookup
