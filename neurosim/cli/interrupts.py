"""Signals: those that end a command wait until nothing is left half done, and one asks for a snapshot."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """A context in which SIGINT, SIGTERM and SIGHUP are noted, and end only what is done within `waiting`.

    SIGHUP stays ignored where it was, as under `nohup`.

    Parameters
    ----------
    stop : exception class
        What is raised within `waiting`.
    snapshot : callable, optional
        Called when SIGUSR1 comes; without it, that signal is ignored, as there is no state to write.

    Attributes
    ----------
    signal : int
        The last ending signal that came, or 0.
    """

    def __init__(self, stop: type[Exception], snapshot: Callable[[], None] | None = None) -> None:
        self.signal, self._stop, self._waiting = 0, stop, False
        self._handlers: dict[int, Callable[[int, FrameType | None], None]] = dict.fromkeys(ENDING, self._note)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
            del self._handlers[signal.SIGHUP]
        self._handlers[signal.SIGUSR1] = lambda *_: None if snapshot is None else snapshot()

    def __enter__(self) -> "Interrupts":
        self._before = {number: signal.signal(number, handler) for number, handler in self._handlers.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if self._waiting:
            raise self._stop

    def came(self) -> bool:
        """Tell whether a signal came."""
        return self.signal != 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Raise `stop` if a signal came before or comes within."""
        self._waiting = True
        try:
            if self.signal:
                raise self._stop
            yield
        finally:
            self._waiting = False


@contextmanager
def ignored(number: int) -> Iterator[None]:
    """Ignore a signal that would end the process, until another context handles it."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
