"""Snapshots while a run waits for its stream: a sensor may be silent for hours, and the clock goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType

from neurosim.online.request import Request
from neurosim.online.snapshots import Snapshots
from neurosim.streams import Block

SHORTEST = 0.02  # seconds between two looks


class Watcher:
    """A thread that takes snapshots while the loop waits, and never while it learns; a context.

    The two take turns: the loop has the chip from `resume` to `rest`, and the thread only in between. So a snapshot is
    of all samples that were taken, as one between two samples is.

    Parameters
    ----------
    snapshots : Snapshots
    request : Request
    taken : callable
        Returns how many samples were taken from the stream in this run, those under way between layers included.
    take : callable
        Takes a snapshot.
    """

    def __init__(
        self, snapshots: Snapshots, request: Request, taken: Callable[[], int], take: Callable[[], None]
    ) -> None:
        self._snapshots, self._request, self._taken, self._take = snapshots, request, taken, take
        self._turn, self._ended = threading.Lock(), False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="neurosim-snapshots", daemon=True)

    def __enter__(self) -> "Watcher":
        self._turn.acquire()
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended = True
        self._request.wake()
        self._thread.join()

    def rest(self) -> None:
        """Let the thread have the chip: the loop begins to wait."""
        self._turn.release()

    def resume(self) -> None:
        """Take the chip back; while a snapshot is being copied, this waits, and it counts as a pause.

        Raises
        ------
        Exception
            What ended the thread.
        """
        if not self._turn.acquire(blocking=False):
            begun = time.perf_counter()
            self._turn.acquire()
            self._snapshots.tally.paused(time.perf_counter() - begun)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _watch(self) -> None:
        """Look at the clock whenever a snapshot may be due, and when one is asked for."""
        snapshots, request = self._snapshots, self._request
        seconds = snapshots.seconds_left()
        try:
            while not self._ended:
                request.wait(SHORTEST + seconds)  # so that a loop that does not wait comes first
                seconds = snapshots.seconds_left()
                if self._ended or not (snapshots.overdue() or request.pending):
                    continue
                if not self._turn.acquire(timeout=SHORTEST):
                    seconds = 0
                    continue
                try:
                    seconds = self._look()
                finally:
                    self._turn.release()
        except Exception as error:
            self._error = error

    def _look(self) -> float:
        """Take a snapshot if it is time for one; return in how many seconds to look again."""
        if self._snapshots.due_while_waiting(self._taken()):
            if self._snapshots.busy():
                return 0
            self._take()
        return self._snapshots.seconds_left()


def next_block(
    blocks: Iterator[Block], waiting: Callable[[], AbstractContextManager[object]], watcher: Watcher | None
) -> Block | None:
    """Return the next block of a stream, None at its end; a watcher, if there is one, may take snapshots meanwhile."""
    if watcher is None:
        with waiting():
            return next(blocks, None)
    watcher.rest()
    try:
        with waiting():
            return next(blocks, None)
    finally:
        watcher.resume()
