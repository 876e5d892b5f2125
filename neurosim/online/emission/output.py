"""Where records go: standard output, a pipe or a file, written whole and in few calls."""

import os
import select
import stat
import time
from collections.abc import Callable
from typing import Any

MILLISECOND = 1_000_000  # nanoseconds
LONGEST = MILLISECOND  # since the last write: what then comes is written at once, so it waits for a chunk at most
MOST = 1 << 16  # bytes that are held back
AT_ONCE = select.PIPE_BUF  # bytes that a pipe which has space takes without waiting, and in one piece
LOOK = 50  # milliseconds between two looks at whether a signal has come, while nobody reads
PATIENCE = 2.0  # seconds that a reader has, after a signal, to go on reading


class Stuck(Exception):  # noqa: N818 - the reader's fault
    """Raised when a signal has come, and nobody has read for some seconds."""


class Output:
    """A file that records are written to.

    Records are held back while more come, for some milliseconds or bytes at most. One write never waits for a reader
    longer than a signal allows: a pipe gets no more at once than it has space for.

    Parameters
    ----------
    file : binary file
        With a descriptor, it is written to without the file's own buffer.
    interrupted : callable
        Tells whether a signal has come that ends the run.

    Attributes
    ----------
    held : int
        Bytes that are not written yet.
    lost : bytes
        What a write that failed left unwritten.
    """

    def __init__(self, file: Any, interrupted: Callable[[], bool] = lambda: False) -> None:
        self._file, self._interrupted = file, interrupted
        self._pieces, self.held, self._last = list[bytes](), 0, time.monotonic_ns()
        self.lost = b""
        self._descriptor, self._poll = _descriptor(file), select.poll()
        self._waits = self._descriptor >= 0 and not stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        if self._waits:
            self._poll.register(self._descriptor, select.POLLOUT)

    def hold(self, data: bytes) -> None:
        """Take what is not to be written before something else is."""
        self._pieces.append(data)
        self.held += len(data)

    def add(self, data: bytes) -> None:
        """Take whole records; write them, and those held back, if that is due.

        Raises
        ------
        OSError, Stuck
            As `flush` does.
        """
        self._pieces.append(data)
        self.held += len(data)
        if self.held >= MOST or time.monotonic_ns() - self._last >= LONGEST:
            self.flush()

    def flush(self) -> None:
        """Write all that is held back.

        Raises
        ------
        OSError
            BrokenPipeError if the reader is gone; others if the file cannot be written, as on a full disk.
        Stuck
            If a signal came, and the reader does not read.
        """
        if not self.held:
            return
        data = memoryview(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))
        self._pieces, self.held = [], 0
        try:
            if self._descriptor < 0:
                self._file.write(data)
                self._file.flush()
            while self._descriptor >= 0 and len(data):
                data = data[self._write_some(data) :]
        except BaseException:
            self.lost = bytes(data)
            raise
        self._last = time.monotonic_ns()

    def _write_some(self, data: memoryview) -> int:
        """Write what there is space for; return how many bytes that was."""
        if not self._waits:
            return os.write(self._descriptor, data)
        self._wait()
        try:
            return os.write(self._descriptor, data[:AT_ONCE])
        except BlockingIOError:  # of a descriptor that somebody made so: wait again
            return 0

    def _wait(self) -> None:
        """Wait until there is space; after a signal, for some seconds only."""
        end = None
        while not self._poll.poll(LOOK):
            if self._interrupted():
                end = time.monotonic() + PATIENCE if end is None else end
                if time.monotonic() > end:
                    raise Stuck


def _descriptor(file: Any) -> int:
    """Return a file's descriptor, or -1 if it has none, as one in memory."""
    try:
        return int(file.fileno())
    except (OSError, AttributeError):
        return -1
