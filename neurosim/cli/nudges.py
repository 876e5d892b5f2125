"""Signals that come just before a wait: the wait is broken off, so that Python hears of them at once."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

FIRST, LONGEST = 0.01, 0.5  # seconds that Python has to hear of a signal before it is nudged, and later between nudges
NUDGE = getattr(signal, "SIGURG", 0)  # the system ignores it by default, so one that comes too late harms nobody


class Nudges:
    """A context in which no signal is left unheard while the process waits for something else.

    Python calls a signal's handler between two steps of its own. A signal that comes after the last of them, but before
    the call of the system that waits (for a line, say), would be heard when that call returns, and so perhaps never. So
    a thread of its own, which the system wakes at each signal (`signal.set_wakeup_fd`), sends the main thread another
    one, until Python has heard it: that breaks off any wait, also one in a library, and costs nothing as long as no
    signal comes.

    It does nothing outside the main thread, where the system has no such signals, and where a program that uses the
    command has a wake-up descriptor or a handler of SIGURG itself.
    """

    def __init__(self) -> None:
        self._heard, self._over = True, threading.Event()
        self._before: Any = None

    def __enter__(self) -> Self:
        if not _possible():
            return self
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        others = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        if others != -1:
            signal.set_wakeup_fd(others)
            self._close()
            return self
        self._before = signal.signal(NUDGE, self._hear)
        self._main = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="neurosim-signals", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._before is None:
            return
        signal.set_wakeup_fd(-1)
        self._over.set()
        os.write(self._write, b"\0")
        self._thread.join()
        signal.signal(NUDGE, self._before)
        self._close()

    def _close(self) -> None:
        os.close(self._read)
        os.close(self._write)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        """Take note that Python calls handlers: those of all signals before are called as well."""
        self._heard = True

    def _watch(self) -> None:
        """Wait for signals, each of which the system writes as a byte; nudge the main thread after them."""
        while not self._over.is_set():
            if set(os.read(self._read, 1 << 16)) == {NUDGE}:
                continue
            self._heard, seconds = False, FIRST
            while not (self._over.wait(seconds) or self._heard):
                signal.pthread_kill(self._main, NUDGE)
                seconds = min(2 * seconds, LONGEST)


def _possible() -> bool:
    """Tell whether this thread may be nudged, and nobody else uses what it takes."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_kill"):
        return False
    return NUDGE != 0 and signal.getsignal(NUDGE) == signal.SIG_DFL
