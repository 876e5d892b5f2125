"""Signals: those that end a command wait until nothing is left half done, and one asks for a snapshot."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
        self.signal, self._stop, self._waiting = 0, stop, _Waiting(self, stop)
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
        if self._waiting.within:
            raise self._stop

    def came(self) -> bool:
        """Tell whether a signal came."""
        return self.signal != 0

    def waiting(self) -> AbstractContextManager[None]:
        """Return the context that raises `stop` if a signal came before or comes within."""
        return self._waiting


class _Waiting(AbstractContextManager[None]):
    """The context of `Interrupts.waiting`, made once: a loop enters it before each sample."""

    __slots__ = ("_interrupts", "_stop", "within")

    def __init__(self, interrupts: Interrupts, stop: type[Exception]) -> None:
        self._interrupts, self._stop, self.within = interrupts, stop, False

    def __enter__(self) -> None:
        self.within = True
        if self._interrupts.signal:  # a signal that comes from here on raises: no call, so none comes before the body
            self.within = False
            raise self._stop

    def __exit__(self, *_: object) -> None:
        self.within = False


@contextmanager
def ignored(number: int) -> Iterator[None]:
    """Ignore a signal that would end the process, until another context handles it."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
