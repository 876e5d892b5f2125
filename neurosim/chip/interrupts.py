"""Ctrl-C while a chip learns: it waits until all layers have learned from the same samples."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")


class Held:
    """A context in which the first SIGINT is held back until its end, and comes at once only within `free`.

    A second one comes at once wherever it is, so that nothing can keep the user waiting. Nothing is held back where
    SIGINT would not raise KeyboardInterrupt: in other threads than the main one, and where a program handles it itself.

    Parameters
    ----------
    layers : int
        How many learn: with one, none can be behind another.

    Attributes
    ----------
    came : bool
        Whether one is held back.
    holds : bool
        Whether one would be, within the context.
    """

    def __init__(self, layers: int = 2) -> None:
        self.came, self._free, self._several = False, False, layers > 1
        self._before: Any = None

    def __enter__(self) -> Self:
        if self._several and threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler or isinstance(getattr(before, "__self__", None), Held):
                self._before = before
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self.came and (kind is None or issubclass(kind, Exception)):
                self._before(signal.SIGINT, None)

    @property
    def holds(self) -> bool:  # noqa: D102 - an attribute, above
        return self._before is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.came = self.came, True
        if self._free or again:
            self._before(number, frame)

    @contextmanager
    def free(self) -> Iterator[None]:
        """Let SIGINT come at once within, also one that is held back: all layers are as far."""
        self._let()
        try:
            yield
        finally:
            self._free = False

    def _let(self) -> None:
        self._free = True
        if self.came:
            self._before(signal.SIGINT, None)

    def waited(self, items: Iterable[Item], finish: Callable[[], object]) -> Iterator[Item]:
        """Yield what is waited for, which SIGINT ends at once, once `finish` has brought all layers as far."""
        items = iter(items)
        while True:
            try:
                self._let()
                item = next(items)
                self._free = False
            except StopIteration:
                return
            except KeyboardInterrupt:
                self._free = False
                finish()
                raise
            finally:
                self._free = False
            yield item
