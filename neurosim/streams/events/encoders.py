r"""Encoders: how events become samples, each a description; what works by it is in `encoding`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

from neurosim.checks import finite, plain, truth, whole
from neurosim.errors import ConfigError

__all__ = ["EventCounts", "EventFrames", "LocalSurface", "TimeSurface"]

AGES = 5  # time constants: of an older event nothing is left (Grimaldi et al. 2024)
LONGEST = 2**31 - 2  # microseconds that fit into 32 bits
LARGEST_RADIUS = 128  # pixels
MOST_INPUTS = 2**26
EITHER = "every_us or every_events"  # what errors call the length of a window


class Encoder(ABC):
    """Base of all encoders."""

    __slots__ = ()

    @abstractmethod
    def shape(self, width: int, height: int, polarities: int) -> tuple[int, int, int]:
        """Return the shape of a sample of a sensor, channels first: (polarities, rows, columns)."""

    def __str__(self) -> str:
        """Return the constants that are given; equal for equal encoders."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        told = (f"{name}={value:.17g}" if name == "tau_us" else f"{name}={value}" for name, value in given.items())
        return f"{type(self).__name__}({', '.join(text for text in told if not text.endswith('=None'))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windowed(Encoder):
    """What is made of windows has: one of `every_us` and `every_events`."""

    every_us: int | None = None
    every_events: int | None = None

    def __post_init__(self) -> None:
        plain(self)
        given = self.every_us, self.every_events
        if (self.every_us is None) == (self.every_events is None):
            raise ConfigError(EITHER, "given, exactly one of the two", given)
        name = "every_events" if self.every_us is None else "every_us"
        whole(name, getattr(self, name), 1, 2**60)

    @property
    def every(self) -> int:
        """Microseconds or events."""
        return self.every_us or self.every_events or 0

    def shape(self, width: int, height: int, polarities: int) -> tuple[int, int, int]:
        """Return the shape of a sample, channels first."""
        return polarities, height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounts(_Windowed):
    """How many events each cell had in a window, for each polarity: a sample at the end of each window.

    Windows of time begin at multiples of `every_us`; one without events makes no sample. The last one of a recording
    ends with it; of a window by number that is not full nothing is made.

    Parameters
    ----------
    every_us, every_events : int
        Length of a window in microseconds, or in events: give one of the two.
    cell : int
        Side of the squares of pixels whose events are counted together, from 1.

    Raises
    ------
    ConfigError
        If not exactly one length is given, or a number is out of range.
    """

    cell: int = 1

    def __post_init__(self) -> None:
        _Windowed.__post_init__(self)
        whole("cell", self.cell, 1, LARGEST_RADIUS)

    def shape(self, width: int, height: int, polarities: int) -> tuple[int, int, int]:
        """Return the shape of a sample, channels first."""
        return polarities, -(-height // self.cell), -(-width // self.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFrames(_Windowed):
    r"""A picture of each window, a channel for each polarity: :math:`\min(n / n_{full}, 1)` of n events at a pixel.

    Windows are those of `EventCounts`.

    Parameters
    ----------
    every_us, every_events : int
        Length of a window in microseconds, or in events: give one of the two.
    full : int
        :math:`n_{full}`, events in a window that make a pixel 1, from 1; with 1 a picture has zeros and ones alone.

    Raises
    ------
    ConfigError
        If not exactly one length is given, or a number is out of range.
    """

    full: int = 1

    def __post_init__(self) -> None:
        _Windowed.__post_init__(self)
        whole("full", self.full, 1, LONGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSurface(_Windowed):
    r"""How long ago each pixel had its last event, for the whole sensor, now and then.

    .. math:: s_{pyx} = e^{-(t - t_{pyx}) / \tau}

    with :math:`t_{pyx}` the time of the last event of polarity p at the pixel; 0 if there was none, or it is older than
    five :math:`\tau`. A sample is taken at the end of each window of time that had an event, or with each event that
    completes a number of them.

    Parameters
    ----------
    tau_us : float
        :math:`\tau` in microseconds, positive, at most 4e8.
    every_us, every_events : int
        Microseconds, or events, from one sample to the next: give one of the two.

    Raises
    ------
    ConfigError
        If not exactly one of the two is given, or a number is out of range.

    References
    ----------
    Lagorce et al., HOTS: a hierarchy of event-based time-surfaces for pattern recognition, IEEE TPAMI 39 (2017) 1346.
    """

    tau_us: float

    def __post_init__(self) -> None:
        _Windowed.__post_init__(self)
        _check_tau(self.tau_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSurface(Encoder):
    r"""A sample for each event: the surface of times in a square around it.

    .. math:: s_{pij} = e^{-(t - t_{p, y + i, x + j}) / \tau}, \qquad |i|, |j| \le R

    for an event (t, x, y) that is itself recorded first, so :math:`s` is 1 in the middle of its polarity; 0 beyond the
    sensor, where there was no event, and where it is older than five :math:`\tau`.

    Parameters
    ----------
    radius : int
        R, from 0: a sample is (polarities, 2 R + 1, 2 R + 1).
    tau_us : float
        :math:`\tau` in microseconds, positive, at most 4e8.
    norm : bool
        Whether samples are divided by their Euclidean norm, so that a product with them is a cosine.
    least : int
        Pixels with an event no older than five :math:`\tau`, the event's own among them, without which an event makes
        no sample, though it is recorded: `2 * radius` leaves out what stands alone, as in Lagorce et al.

    Raises
    ------
    ConfigError
        If a number is out of range.

    References
    ----------
    Lagorce et al., IEEE TPAMI 39 (2017) 1346; Grimaldi et al., A robust event-driven approach to always-on object
    recognition, Neural Networks 178 (2024) 106415: the norm.
    """

    radius: int = 2
    tau_us: float = 20_000
    norm: bool = True
    least: int = 1

    def __post_init__(self) -> None:
        plain(self)
        whole("radius", self.radius, 0, LARGEST_RADIUS)
        _check_tau(self.tau_us)
        truth("norm", self.norm)
        whole("least", self.least, 1, LONGEST)

    def shape(self, width: int, height: int, polarities: int) -> tuple[int, int, int]:
        """Return the shape of a sample, channels first."""
        return polarities, 2 * self.radius + 1, 2 * self.radius + 1


def _check_tau(tau_us: float) -> None:
    finite("tau_us", tau_us, "positive, in microseconds", 0, above=True)
    if not 1 <= AGES * tau_us <= LONGEST:
        raise ConfigError("tau_us", "from 0.2 to 4e8 microseconds", tau_us)
