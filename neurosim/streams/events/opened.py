"""A file of events that is open for reading: what its header says, and its events in batches, as often as wanted."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.outside.files import check_regular
from neurosim.streams.events.event import EVENT, Counts, Events

PIECE = 1 << 17  # bytes that are read and decoded at once; of EVT 2.1, they may hold 64 times as many bytes of events

OUTSIDE = 2**16 - 1  # a column or row beyond every sensor that is smaller


class Opened(NamedTuple):
    """What a reader of a format returns.

    Attributes
    ----------
    width, height : int or None
        Of the sensor, if the file says.
    batches : callable
        Called with a `Counts`, which it fills with what it passes over; gives the events from the first one on, in
        arrays of any length. If the file is damaged, it raises StreamError after the last event before the damage.
    notes : tuple of str
        What whoever reads the events should know.
    """

    width: int | None
    height: int | None
    batches: Callable[[Counts], Iterator[Events]]
    notes: tuple[str, ...] = ()


def pieces(path: Path, start: int, size: int, what: str) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Give the bytes of a file from `start` on, and where they begin, in pieces of whole records of `size` bytes.

    Raises
    ------
    StreamError
        If the file ends within a record, after all whole ones; `what` is a record in words.
    """
    check_regular(path)
    with path.open("rb") as file:
        file.seek(start)
        while data := file.read(PIECE // size * size):
            whole = len(data) // size * size
            if whole:
                yield start, np.frombuffer(data, np.uint8, whole)
            start += whole
            if whole < len(data):
                raise cut(path, start, what, size, len(data) - whole)


def cut(path: Path, at: int, what: str, wanted: int, got: int) -> StreamError:
    """Return the error of a file that ends too early."""
    return StreamError(f"{path} must not end within {what}: at byte {at} it has {got} of {wanted} bytes")


def new_events(count: int) -> Events:
    """Return space for events."""
    return np.empty(count, EVENT)


def mirrored(places: NDArray[Any], size: int) -> NDArray[Any]:
    """Return columns counted from the other side, or rows; what is outside the sensor stays outside."""
    return np.where(places < size, size - 1 - places.astype(np.int64), OUTSIDE)
