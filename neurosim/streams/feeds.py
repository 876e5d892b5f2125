"""What a file or a pipe brings: what has arrived is told from what must be waited for."""

import io
import select
from collections.abc import Callable
from functools import cached_property
from typing import Any


def waits(file: Any) -> Callable[[], bool]:
    """Return a function that tells whether a file has nothing to be read without waiting, its buffer aside.

    A file without a descriptor, as one in memory, never waits.
    """
    try:
        descriptor = file.fileno()
    except (OSError, AttributeError):
        return lambda: False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return lambda: not poll.poll(0)


class LineFeed:
    """Lines of a file or a pipe, without their line feeds; what comes after a line is left to be read by others.

    Parameters
    ----------
    file : binary file
    longest : int
        Bytes of a line after which it is given unfinished.
    """

    def __init__(self, file: Any, longest: int) -> None:
        self._given, self._waits, self._longest = file, waits(file), longest
        self._lines, self._begun = list[bytes](), bytearray()  # lines in the file's buffer, the next one last
        self._buffered = self._unfinished = self._ended = False

    @cached_property
    def _file(self) -> Any:
        """The file with a buffer that can be looked at, as all have but some in memory."""
        return self._given if hasattr(self._given, "peek") else io.BufferedReader(self._given)

    def next(self) -> bytes | None:
        """Return the next line, None at the end; wait for it."""
        while not self._complete():
            self._look()
        line = bytes(self._begun)
        self._begun.clear()
        if self._lines:
            line += self._lines[-1]
            self._file.read(len(self._lines.pop()) + 1)
        elif not self._ended:
            self._unfinished = True
        return line if line or not self._ended else None

    def ready(self) -> bool:
        """Return whether `next` returns without waiting."""
        while not self._complete() and (self._buffered or not self._waits()):
            self._look()
        return self._complete()

    def discard_rest(self, most: int) -> bool:
        """Discard the rest of a line that was given unfinished; return False if it does not end within `most` bytes."""
        while self._unfinished:
            if most < 0:
                return False
            data = self._file.peek(1)
            size = data.find(b"\n") + 1
            most -= len(self._file.read(size or len(data)))
            self._unfinished = bool(data) and not size
        return True

    def close(self) -> None:
        """Close the file."""
        self._given.close()

    def _complete(self) -> bool:
        return bool(self._lines) or self._ended or len(self._begun) >= self._longest

    def _look(self) -> None:
        """Look at what the file's buffer has; if it is empty, wait until something arrives."""
        data = self._file.peek(1)
        *lines, begun = data.split(b"\n")
        self._lines, self._buffered, self._ended = lines[::-1], bool(lines and begun), not data
        if not lines:
            self._begun += self._file.read(len(data))
