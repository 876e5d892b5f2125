"""When the system had what a socket gives: the kernel's own time stamps, told by the clock of arrivals."""

import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from neurosim.streams.live.transport import Message

SO_TIMESTAMPNS = 35  # Linux: each message comes with the time at which it reached the system, as two C longs
TIME = struct.Struct("@ll")
SECOND = 1_000_000_000  # nanoseconds
new_tuple = tuple.__new__  # a third quicker than a named tuple's own constructor


def stamped(where: socket.socket, most: int) -> Callable[[], Message]:
    """Return a function that receives a message of at most so many bytes, with the time at which the system had it.

    Of a connection of bytes that is the time of the last of them. The system's stamps are of the time of day: where it
    is set in between, as it rarely is, a time is wrong, though never after the present. Where there are none, it is 0.
    """
    if sys.platform != "linux":
        return lambda: Message(where.recv(most))
    with suppress(OSError):
        where.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receive, space, unpack = where.recvmsg, socket.CMSG_SPACE(TIME.size), TIME.unpack
    time_of_day, clock = time.time_ns, time.monotonic_ns

    def received() -> Message:
        data, notes, _, _ = receive(most, space)
        arrived = 0
        if notes:
            seconds, nanoseconds = unpack(notes[0][2])
            arrived, age = clock(), time_of_day() - SECOND * seconds - nanoseconds
            if age > 0:
                arrived -= age
        return new_tuple(Message, (data, 0, -1, None, None, arrived))

    return received
