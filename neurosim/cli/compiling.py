"""A line on standard error for what is compiled: the first run waits for that, and later ones do not."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

LOG = "neurosim.kernels.code_cache"  # by its name: a command that compiles nothing must not wait for Numba
PATIENCE = 1.0  # seconds; what is compiled sooner is not worth a word
CLEAR = "\r\x1b[2K"  # a terminal's line, where a progress bar may be


@contextmanager
def compiling_is_told(echo: Callable[[str], None]) -> Iterator[None]:
    """Print a line for each function that takes long to compile.

    Parameters
    ----------
    echo : callable
        Prints text as it is, without ending the line.
    """
    log, told = logging.getLogger(LOG), _Told(echo)
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(told)
    try:
        yield
    finally:
        log.removeHandler(told)
        log.setLevel(level)
        told.end()


class _Told(logging.Handler):
    """Begins a line when a function has been compiled for a while, and ends it when that is done."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        super().__init__()
        self._echo, self._turn = echo, threading.Lock()
        self._timer: threading.Timer | None = None  # of what is being compiled
        self._begun = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of `neurosim.kernels.code_cache`."""
        text = record.getMessage()
        if text.startswith("compiling "):
            self._timer = threading.Timer(PATIENCE, self._begin, [text])
            self._timer.daemon = True
            self._timer.start()
        else:
            self.end(f" {record.args[1]:.1f} s" if isinstance(record.args, tuple) else "")

    def end(self, rest: str = "") -> None:
        """End the line, if one was begun."""
        with self._turn:
            if self._timer is not None:
                self._timer.cancel()
            if self._begun:
                self._print(f"{rest}\n")
            self._timer, self._begun = None, False

    def _begin(self, text: str) -> None:
        with self._turn:
            if self._timer is not None:
                terminal = sys.stderr is not None and sys.stderr.isatty()
                self._print(f"{CLEAR if terminal else ''}{text} ...")
                self._begun = True

    def _print(self, text: str) -> None:
        with suppress(OSError):  # a closed end must not stop what is compiled for a result
            self._echo(text)
