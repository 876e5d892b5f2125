"""A snapshot that is asked for from outside a run."""

from contextlib import suppress
from queue import Empty, SimpleQueue

LONGEST = 3600.0  # seconds of one wait: systems have a limit


class Request:
    """Asks a run for snapshots; a signal handler or another thread may do that at any time.

    Attributes
    ----------
    pending : bool
        Whether a snapshot is asked for, and not yet taken.
    """

    def __init__(self) -> None:
        self.pending = False
        self._calls: SimpleQueue[None] = SimpleQueue()  # may be put to within its own `put`: a handler does that

    def ask(self) -> None:
        """Ask for a snapshot: it is taken after the chunk that the chip is learning, or while the stream is waited for.

        If the one before is still being written, it is taken when that is done.
        """
        self.pending = True
        self.wake()

    def wake(self) -> None:
        """End a `wait`."""
        self._calls.put(None)

    def wait(self, seconds: float) -> None:
        """Wait for `ask` or `wake`, some seconds at most; of a very long wait, only the beginning."""
        with suppress(Empty):
            self._calls.get(timeout=min(seconds, LONGEST))
