"""What an event is, a recording of events, and what was counted while they were read."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.events import tally
from neurosim.kernels.events.wrapping import unwrap

# By name, never by place: readers of other people agree on the fields, and order them as they like. Aligned, so that
# compiled loops have one kind of array, whether a field was taken from events or stands by itself.
EVENT = np.dtype(
    [("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.uint8)],
    align=True,
)
PERIOD = 1 << 32  # of counters of 32 bits
OFF, ON = 0, 1  # of `p`: it has become darker, brighter

Events = NDArray[np.void]  # of EVENT


@dataclass
class Counts:
    """What was met while events were read; of events, all but those `outside` are kept.

    Attributes
    ----------
    events : int
        That were given.
    same_time : int
        With the time of the event before: usual, where many pixels see one edge.
    repeated : int
        Of them, equal to the event before in all fields.
    out_of_order : int
        Earlier than one before. They stay where they are: who needs order sorts them, or refuses.
    outside : int
        Beyond the sensor, if its size is known. They are left out.
    passed_over : dict of str to int
        Records that are no events of pixels, by what they are: `external triggers`, `frames`.
    """

    events: int = 0
    same_time: int = 0
    repeated: int = 0
    out_of_order: int = 0
    outside: int = 0
    passed_over: dict[str, int] = field(default_factory=dict)

    def pass_over(self, what: str, count: int = 1) -> None:
        """Count records that are no events of pixels."""
        if count:
            self.passed_over[what] = self.passed_over.get(what, 0) + int(count)

    def add(self, other: "Counts") -> None:
        """Add what was counted in another file."""
        for name in ("events", "same_time", "repeated", "out_of_order", "outside"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for what, count in other.passed_over.items():
            self.pass_over(what, count)

    def notes(self) -> tuple[str, ...]:
        """Return what is worth a line, in words: nothing of a recording that is as it should be."""
        found = {
            "out of order, and kept": self.out_of_order,
            "equal to the one before, and kept": self.repeated,
            "outside the sensor, and left out": self.outside,
        }
        told = [f"{count} events {what}" for what, count in found.items() if count]
        return *told, *(f"{count} {what} passed over" for what, count in self.passed_over.items() if count)


class Tally:
    """Counts events as they come, and leaves out those outside the sensor.

    Parameters
    ----------
    counts : Counts
        What it counts in.
    width, height : int or None
        Of the sensor; None if nobody says.
    """

    def __init__(self, counts: Counts, width: int | None, height: int | None) -> None:
        self._counts, self._width, self._height = counts, width or 0, height or 0
        self._last = np.zeros(tally.LAST, np.int64)  # what is kept of the events before

    def kept(self, events: Events) -> Events:
        """Return the events on the sensor, moved to the front of the same memory; they follow those before."""
        counts, met = self._counts, np.zeros(tally.COUNTS, np.int64)
        kept = tally.tally(events, self._width, self._height, self._last, met)
        counts.events += kept
        counts.same_time += int(met[tally.SAME_TIME])
        counts.repeated += int(met[tally.REPEATED])
        counts.out_of_order += int(met[tally.OUT_OF_ORDER])
        counts.outside += int(met[tally.OUTSIDE])
        return events[:kept]


class Clock32:
    """Microseconds of a counter of 32 bits, which begins again every 71.6 minutes, made to go on.

    A step back by half of its range or more is a new beginning.
    """

    def __init__(self) -> None:
        self._state = np.zeros(2, np.int64)  # the counter before, and how often it has begun again

    def times(self, stored: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the times of counters (n,) that follow those before."""
        times = np.empty(len(stored), np.int64)
        unwrap(stored.astype(np.uint32), PERIOD, self._state, times)
        return times


@dataclass(frozen=True)
class Recording:
    """Events in the order in which they were stored.

    Attributes
    ----------
    events : array of `EVENT` (n,)
        `t` in microseconds, int64; `x` from the left and `y` from the top, uint16; `p` 1 for brighter and 0 for
        darker, uint8.
    width, height : int or None
        Of the sensor, in pixels; None where the file does not say.
    name : str
        Of the source, without folders.
    format : str
        As the table of formats has it: `evt3`, `aedat4`.
    counts : Counts
    of_format : tuple of str
        What the file's format or header leaves open, in words.
    """

    events: Events
    width: int | None = None
    height: int | None = None
    name: str = ""
    format: str = ""
    counts: Counts = field(default_factory=Counts)
    of_format: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever uses the events should know, in words."""
        return self.of_format + self.counts.notes()

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        size = "a sensor of unknown size" if self.width is None else f"{self.width} x {self.height} pixels"
        return f"{type(self).__name__}({self.name!r}, {len(self)} events, {size})"


def as_events(t: object, x: object, y: object, p: object) -> Events:
    """Return events of four arrays (n,) of whole numbers, each within the range of its field.

    Examples
    --------
    >>> as_events([10, 12], [3, 4], [0, 1], [1, 0])["t"].tolist()
    [10, 12]
    """
    columns = [np.asarray(column) for column in (t, x, y, p)]
    events = np.empty(len(columns[0]), EVENT)
    for name, column in zip(("t", "x", "y", "p"), columns, strict=True):
        events[name] = column
    return events
