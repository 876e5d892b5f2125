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
    one thread, and not two. It takes the turn back when the reader leaves something to it, as where many came at
    once, or does something else for some milliseconds, so that what comes meanwhile is received.

    No thread waits for the reader: an exception may end it anywhere.

    Attributes
    ----------
    left : list of Record, Exception or None
        What the reader leaves to the receiver: more records than it may take, or why nothing more comes. It has no
        records where the receiver is to receive while the reader learns.
    """

    def __init__(self) -> None:
        self._right, self._bell = threading.Lock(), SimpleQueue[None]()
        self._right.acquire()  # the first turn is taken here: the reader may ask before the receiver's thread runs
        self._taken, self._receiving, self._asleep = 0, False, False
        self.left: Sequence[Record] | Exception | None = None

    def lend(self, ended: Callable[[], bool]) -> None:
        """Let the reader receive, until it is the receiver's turn again, or reading has ended."""
        while not self._bell.empty():  # it rang for a turn before
            self._bell.get_nowait()
        quiet, taken = 0, self._taken
        self._right.release()
        while not ended() and self.left is None:
            self._asleep = quiet >= QUIET
            asleep = self._asleep and self._taken == taken  # asked last: what is noted from here on wakes
            with suppress(Empty):
                self._bell.get(timeout=ASLEEP if asleep else LOOK)
            if self._taken != taken:
                quiet, taken = 0, self._taken
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
            self._asleep = False
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
