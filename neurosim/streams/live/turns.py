"""Whose turn it is to receive: a thread's of its own, or, as that wakes nobody, that of the thread which reads."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from neurosim.streams.live.queue import Record

LOOK = 0.002  # seconds that the one who reads may do something else before the other thread receives again
QUIET = 50  # looks without anything that has come, after which the other thread looks no more
ASLEEP = 0.1  # seconds between its looks then, unless it is woken


class Turns:
    """The turn to receive, which two threads hand to and fro.

    At first it is the receiver's. It lends it where the reader waits for what comes: so a sample that comes alone wakes
    one thread, and not two. It takes the turn back when the reader leaves something to it, or does something else for
    some milliseconds, so that what comes meanwhile is received, and told when it arrived.

    No thread waits for the reader: an exception may end it anywhere.

    Attributes
    ----------
    left : list of Record, Exception or None
        What the reader leaves to the receiver: more records than it may take, or why nothing more comes.
    """

    def __init__(self) -> None:
        self._right, self._bell = threading.Lock(), SimpleQueue[None]()
        self._taken, self._receiving, self._asleep = 0, False, False
        self.left: Sequence[Record] | Exception | None = None

    def begin(self) -> None:
        """Take the first turn; called by the receiver."""
        self._right.acquire()

    def lend(self, ended: Callable[[], bool]) -> None:
        """Let the reader receive, until it is the receiver's turn again, or reading has ended."""
        self._right.release()
        quiet = 0
        while not ended() and self.left is None:
            taken, self._asleep = self._taken, quiet >= QUIET
            with suppress(Empty):
                self._bell.get(timeout=ASLEEP if self._asleep else LOOK)
            if self._taken != taken:
                quiet = 0
            elif self._receiving:
                quiet += 1
            else:
                break
        self._asleep = False
        while not self._right.acquire(timeout=ASLEEP):
            if ended():
                return

    def take(self) -> bool:
        """Take the turn, if it is lent; called by the reader, which then calls `give`."""
        if not self._right.acquire(blocking=False):
            return False
        self._receiving = True
        return True

    def note(self) -> None:
        """Take note that something has come, in a turn of the reader."""
        self._taken += 1
        if self._asleep:
            self.wake()

    def leave(self, what: Sequence[Record] | Exception) -> None:
        """Leave records, or an error, to the receiver, whose turn it is as soon as the reader has given its own."""
        self.left = what
        self.wake()

    def give(self) -> None:
        """End a turn of the reader."""
        self._receiving = False
        self._right.release()

    def wake(self) -> None:
        """Have the receiver look at once."""
        self._bell.put(None)
