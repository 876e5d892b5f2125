"""What a file or a pipe brings: what has arrived is told from what must be waited for."""

import io
import select
from collections.abc import Callable
from functools import cached_property
from typing import Any

BUFFER = 1 << 16  # bytes
SMALL = 1 << 10  # bytes; fewer of them are not worth a call of the system, and are all that a pipe had to be read


def waits(file: Any) -> Callable[[], bool]:
    """Return a function that tells whether a file has nothing to be read without waiting, its buffer aside.

    A file without a descriptor, as one in memory, never waits.
    """
    try:
        descriptor = file.fileno()
    except (OSError, AttributeError):
        return _never
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return lambda: not poll.poll(0)


def _never() -> bool:
    return False


class LineFeed:
    """Lines of a file or a pipe, without their line feeds; what follows the lines taken is left to be read by others.

    Parameters
    ----------
    file : binary file
    longest : int
        Bytes of a line after which it is given unfinished.

    Attributes
    ----------
    lent : int
        Lines that are parsed already, but not taken.
    """

    def __init__(self, file: Any, longest: int) -> None:
        self._given, self._waits, self._longest = file, waits(file), longest
        self._polls = self._waits is not _never
        self._lines, self._next = list[bytes](), 0  # lines in the file's buffer, and which of them is the next
        self._begun, self._read = bytearray(), 0  # a line whose end is not there; bytes of the next that were read
        self._buffered = self._unfinished = self._ended = self._brought_all = False
        self.lent = 0

    @cached_property
    def _file(self) -> Any:
        """The file with a buffer that can be looked at, as all have but some in memory."""
        return self._given if hasattr(self._given, "peek") else io.BufferedReader(self._given, BUFFER)

    def wait(self) -> bool:
        """Wait for a line; return False at the end."""
        while self._next == len(self._lines) and not self._ended:
            self._look()
        return self._next < len(self._lines)

    def single(self) -> bytes | None:
        """Wait, and take what comes if it is one short line and nothing else; if not, return None, and take nothing."""
        if self._next < len(self._lines) or self._begun or self._ended:
            return None
        data: bytes = self._file.peek(1)
        size = len(data)
        if not self._polls or not 1 < size < SMALL or data.find(b"\n") != size - 1:
            return None
        self._file.read(size)
        self._brought_all = True
        return data[:-1]

    def brought_all(self) -> bool:
        """Return whether the lines that are lent were the last that had come when the file was last looked at."""
        return self._brought_all and self._next + self.lent == len(self._lines)

    def ready(self) -> bool:
        """Return whether there is a line without waiting."""
        while self._next == len(self._lines) and not self._ended and (self._buffered or not self._waits()):
            self._look()
        return self._next < len(self._lines)

    def lines(self, most: int) -> list[bytes]:
        """Return lines that are there, without taking them: the next, and as many as long in `most` bytes."""
        if self._next == len(self._lines) - 1:
            return self._lines[self._next :]
        count = max(1, most // (len(self._lines[self._next]) + 1))
        return self._lines[self._next : self._next + count]

    def take(self, count: int) -> None:
        """Take the next lines, of those that `lines` returns."""
        first, self._next = self._next, self._next + count
        size = len(self._lines[first]) if count == 1 else sum(map(len, self._lines[first : self._next]))
        self._file.read(size + count - self._read)
        self._read = 0
        if self.lent:
            self.lent = max(0, self.lent - count)

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

    def _look(self) -> None:
        """Look at what the file's buffer has; if it is empty, wait until something arrives."""
        data = self._file.peek(1)
        lines = data.split(b"\n")
        begun = lines.pop()
        self._buffered, self._ended = bool(lines and begun), not data
        self._brought_all = self._polls and not begun and len(data) < SMALL
        if lines:
            if self._begun:
                self._read, lines[0] = len(self._begun), bytes(self._begun) + lines[0]
                self._begun.clear()
        else:
            self._begun += self._file.read(len(data))
            self._unfinished = len(self._begun) >= self._longest
            if self._unfinished or (self._ended and self._begun):
                self._read = len(self._begun) + 1
                lines = [bytes(self._begun)]
                self._begun.clear()
        self._lines, self._next = lines, 0


class FrameFeed:
    """Pieces of a fixed size of a file or a pipe, which is read no further than they are asked for.

    Parameters
    ----------
    file : binary file
    size : int
        Bytes of a frame.
    """

    def __init__(self, file: Any, size: int) -> None:
        self._file, self._waits, self._size = file, waits(file), size
        self._held, self._buffered = bytearray(), 0  # bytes that were read and not given; bytes in the file's buffer
        self._ended, self._fault = False, list[Exception]()

    @property
    def held(self) -> int:
        """How many bytes of a frame whose end is not there have come."""
        return len(self._held)

    def ready(self) -> bool:
        """Return whether there is a frame without waiting; an error of reading is raised by the next `take`."""
        held = self._held
        if not held and self._buffered >= self._size:
            return True
        try:
            while len(held) < self._size and not (self._fault or self._ended or self._would_wait()):
                self._read(self._size - len(held))
        except Exception as error:
            self._fault.append(error)
        return len(held) >= self._size

    def take(self, most: int, *, together: bool) -> bytearray:
        """Return frames: `most`, or fewer at the end; if not `together`, those that have arrived, and wait for one.

        An error of reading is raised when the frames before it are taken.
        """
        held, size, wanted = self._held, self._size, most * self._size
        if not held and self._buffered >= wanted:
            self._buffered -= wanted
            return bytearray(self._file.read(wanted))
        if self._fault:
            raise self._fault.pop()
        try:
            while len(held) < wanted and not self._ended and (together or len(held) < size or not self._would_wait()):
                self._read(wanted - len(held))
        except Exception as error:
            if len(held) < size:
                raise
            self._fault.append(error)
        whole = len(held) - len(held) % size
        self._held = held[whole:]
        del held[whole:]
        return held

    def _would_wait(self) -> bool:
        return not self._buffered and self._waits()

    def _read(self, most: int) -> None:
        """Read what there is, at most `most` bytes, through the buffer if they are few; wait if it is nothing."""
        if most < SMALL and hasattr(self._file, "peek"):
            self._buffered = self._buffered or len(self._file.peek(1))
            data = self._file.read(min(most, self._buffered))
        else:
            data = getattr(self._file, "read1", self._file.read)(min(most, BUFFER))
        self._held += data
        self._buffered = max(0, self._buffered - len(data))
        self._ended = not data
