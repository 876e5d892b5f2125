"""Files of events of every format: opened, read in blocks with what is odd counted, or read whole."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from neurosim.checks import whole
from neurosim.errors import ConfigError, StreamError
from neurosim.outside.arrays import kind_of
from neurosim.outside.files import check_regular
from neurosim.streams.events.event import Counts, Events, Recording, Tally
from neurosim.streams.events.formats import FORMATS, recognised
from neurosim.streams.events.headers import LARGEST_SENSOR
from neurosim.streams.events.opened import new_events

TOGETHER = 1 << 16  # events of a block, at most
MARKS = 1 << 16  # bytes at the beginning and at the end of a file that tell it apart


class EventFile:
    """A file of events, read as often as wanted, in blocks: memory does not depend on how long it is.

    Parameters
    ----------
    path : path
    format : str, optional
        One of those that docs/events.md lists; by default the file's beginning and its ending tell.
    sensor : (int, int), optional
        Width and height, in place of what the file says.

    Attributes
    ----------
    name, format : str
        The file's name without folders, and the name of its format.
    width, height : int or None
        Of the sensor, in pixels; None where nobody says.
    counts : Counts
        Of the last reading, as far as it has come.

    Raises
    ------
    StreamError
        If the file is missing, damaged in its header, or of a format that is not read.
    ConfigError
        If `format` or `sensor` is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,  # noqa: A002
        sensor: tuple[int, int] | None = None,
    ) -> None:
        if not isinstance(path, str | os.PathLike):
            raise ConfigError("path", "that of a file of events", kind_of(path))
        if format is not None and format not in FORMATS:
            raise ConfigError("format", f"one of {', '.join(FORMATS)}", format)
        if sensor is not None:
            if not isinstance(sensor, tuple | list) or len(sensor) != 2:
                raise ConfigError("sensor", "two whole numbers, width and height", sensor)
            for name, size in zip(("width", "height"), sensor, strict=True):
                whole(f"{name} of sensor", size, 1, LARGEST_SENSOR)
        self.path = Path(path)
        check_regular(self.path)
        self.name, self.format = self.path.name, format or recognised(self.path)
        with _readable(self.path):
            self._opened = FORMATS[self.format].open(self.path)
        self.width, self.height = sensor or (self._opened.width, self._opened.height)
        self.counts = Counts()

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever uses the events should know, in words."""
        return self.of_format + self.counts.notes()

    @property
    def of_format(self) -> tuple[str, ...]:
        """What the file's format or header leaves open, in words."""
        return self._opened.notes

    def blocks(self, most: int = TOGETHER) -> Iterator[Events]:
        """Yield the events from the first one on, arrays of `EVENT`, of at most `most` and at least one.

        Raises
        ------
        StreamError
            If the file is damaged, with the byte where; all events before are yielded first.
        """
        whole("most", most, 1, 2**40)
        self.counts = counts = Counts()
        tally = Tally(counts, self.width, self.height)
        with _readable(self.path):
            for events in self._opened.batches(counts):
                kept = tally.kept(events)
                for first in range(0, len(kept), most):
                    yield kept[first : first + most]

    def read(self) -> Recording:
        """Return all events."""
        blocks = list(self.blocks())
        events = np.concatenate(blocks) if blocks else new_events(0)
        return Recording(events, self.width, self.height, self.name, self.format, self.counts, self.of_format)

    def fingerprint(self) -> str:
        """Hash the size, and the first and last bytes: it tells files of the same name apart."""
        size = self.path.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with self.path.open("rb") as file:
            digest.update(file.read(MARKS))
            file.seek(max(0, size - MARKS))
            digest.update(file.read(MARKS))
        return digest.hexdigest()[:16]

    def __repr__(self) -> str:
        size = "a sensor of unknown size" if self.width is None else f"{self.width} x {self.height} pixels"
        return f"{type(self).__name__}({self.name!r}, {self.format}, {size})"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Tell whatever the system says of a file as StreamError."""
    try:
        yield
    except StreamError:
        raise
    except (OSError, MemoryError) as error:
        raise StreamError(f"{path} must be a file that can be read, but: {error}") from error


def open_events(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    sensor: tuple[int, int] | None = None,
) -> EventFile:
    """Open a file of events, to be read in blocks: see `EventFile`.

    Examples
    --------
    >>> with open("two.bin", "wb") as file:
    ...     _ = file.write(bytes([3, 4, 0x80, 0, 10]) + bytes([5, 6, 0, 0, 12]))
    >>> for events in open_events("two.bin").blocks():
    ...     print(events["t"], events["x"], events["y"], events["p"])
    [10 12] [3 5] [4 6] [1 0]
    """
    return EventFile(path, format, sensor)


def read_events(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    sensor: tuple[int, int] | None = None,
) -> Recording:
    """Read all events of a file: see `EventFile`, and docs/events.md for the formats.

    Parameters
    ----------
    path : path
    format : str, optional
        By default the file's beginning and its ending tell.
    sensor : (int, int), optional
        Width and height, in place of what the file says. Events outside are left out, and counted.

    Returns
    -------
    Recording
        `events` is an array with the fields `t` (microseconds), `x`, `y` and `p`.

    Raises
    ------
    StreamError
        If the file is missing, damaged, or of a format that is not read; with the byte, where it can be told.
    ConfigError
        If `format` or `sensor` is none.

    Examples
    --------
    >>> with open("one.bin", "wb") as file:
    ...     _ = file.write(bytes([3, 4, 0x80, 0, 10]))
    >>> read_events("one.bin", sensor=(34, 34))
    Recording('one.bin', 1 events, 34 x 34 pixels)
    """
    return EventFile(path, format, sensor).read()
