"""SIGINT and SIGTERM, which wait until nothing is left half done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """A context in which SIGINT and SIGTERM are noted, and end only what is done within `waiting`.

    Parameters
    ----------
    stop : exception class
        What is raised within `waiting`.

    Attributes
    ----------
    signal : int
        The last signal that came, or 0.
    """

    def __init__(self, stop: type[Exception]) -> None:
        self.signal, self._stop, self._waiting = 0, stop, False

    def __enter__(self) -> "Interrupts":
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
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
