"""When the system had what a socket gives: the kernel's own time stamps, told by the clock of arrivals."""

import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from neurosim.streams.live.queue import now

SO_TIMESTAMPNS = 35  # Linux: each message comes with the time at which it reached the system, as two C longs
TIME = struct.Struct("@ll")
SECOND = 1_000_000_000  # nanoseconds


def stamped(where: socket.socket, most: int) -> Callable[[], tuple[bytes, int]]:
    """Return a function that receives at most so many bytes, and tells when they came; 0 where the system does not say.

    Of a connection of bytes it is the time of the last of them. The system's stamps are of the time of day: where that
    is set in between, as it rarely is, a time is wrong, though never after the present.
    """
    if sys.platform != "linux":
        return lambda: (where.recv(most), 0)
    with suppress(OSError):
        where.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receive, space, unpack, time_of_day = where.recvmsg, socket.CMSG_SPACE(TIME.size), TIME.unpack, time.time_ns

    def received() -> tuple[bytes, int]:
        data, notes, _, _ = receive(most, space)
        if not notes:
            return data, 0
        seconds, nanoseconds = unpack(notes[0][2])
        return data, now() - max(0, time_of_day() - SECOND * seconds - nanoseconds)

    return received
