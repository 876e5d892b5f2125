"""Encoders at work: events in, samples out, and the state in between, which may be kept and taken over."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError
from neurosim.kernels.events import clock as clocks
from neurosim.kernels.events import surfaces, windows
from neurosim.streams.events.encoders import AGES, MOST_INPUTS, Encoder, LocalSurface, TimeSurface, _Windowed
from neurosim.streams.events.event import Events

Samples = NDArray[np.float32]
Sources = NDArray[np.int64]
MOST_PIXELS = 2**28  # whose last times are remembered, 8 bytes each: a damaged file may say that it has more
TOGETHER = 64  # values that are computed together


class Made(NamedTuple):
    """What came of events.

    Attributes
    ----------
    done : int
        Events that were taken, or passed over; the next call goes on with the one after them.
    samples : int
        That were made.
    """

    done: int
    samples: int


class Sensor(NamedTuple):
    """Width and height in pixels, and polarities."""

    width: int
    height: int
    polarities: int


class Encoding(ABC):
    """An encoder at work on the events of one sensor.

    Attributes
    ----------
    shape : tuple of int
        Of a sample.
    memory : int64 (polarities, rows, columns)
        Times of last events, or counts.
    clock : int64 (FIELDS,)
        As `neurosim.kernels.events.clock` has it.
    """

    empty: Any = clocks.NEVER

    def __init__(self, sensor: Sensor, shape: tuple[int, ...], memory: tuple[int, ...]) -> None:
        self.sensor, self.shape, self.inputs = sensor, shape, math.prod(shape)
        self.memory, self.clock = np.full(memory, self.empty, np.int64), np.zeros(clocks.FIELDS, np.int64)
        self._no_samples, self._no_sources = np.zeros((0, self.inputs), np.float32), np.zeros(0, np.int64)
        self._forget_time()

    @abstractmethod
    def encode(self, events: clocks.Events, first: int, rows: int, samples: Samples, sources: Sources) -> Made:
        """Make at most `rows` samples of the events from `first` on: see `neurosim.kernels.events.surfaces`."""

    def follow(self, events: clocks.Events, rows: int | None = None) -> Made:
        """Take events without writing samples, up to the moment at which so many are made."""
        rows = len(events.t) + 1 if rows is None else rows
        return self.encode(events, 0, rows, self._no_samples, self._no_sources)

    def finish(self, samples: Samples, sources: Sources) -> int:
        """End a recording, and forget its events; return how many samples that makes, 0 or 1."""
        self.memory[:] = self.empty
        self._forget_time()
        return 0

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """Return copies of the arrays with which it goes on."""
        return {"memory": self.memory.copy(), "clock": self.clock.copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned.

        Raises
        ------
        ValueError
            If arrays are missing, or of another sensor or encoder.
        """
        for name, own in (("memory", self.memory), ("clock", self.clock)):
            given = arrays.get(name)
            if given is None or given.shape != own.shape or given.dtype != own.dtype:
                raise ValueError(f"{name} of the encoder must be {own.dtype} {own.shape}, got {_described(given)}")
        self.memory[:], self.clock[:] = arrays["memory"], arrays["clock"]

    def copy(self) -> Self:
        """Return another that goes on by itself from here."""
        return deepcopy(self)

    def _forget_time(self) -> None:
        self.clock[[clocks.LATEST, clocks.WINDOW]] = clocks.NEVER
        self.clock[clocks.SINCE] = 0


class PatchEncoding(Encoding):
    """A `LocalSurface` at work."""

    def __init__(self, encoder: LocalSurface, sensor: Sensor) -> None:
        margin = 2 * encoder.radius
        memory = sensor.polarities, sensor.height + margin, sensor.width + margin + surfaces.WIDE
        super().__init__(sensor, encoder.shape(*sensor), memory)
        self._surface = _surface(encoder.tau_us)
        self._patch = surfaces.Patch(encoder.radius, encoder.least, encoder.norm)
        whole = -(-self.inputs // TOGETHER) * TOGETHER
        self._ages, self._values = np.zeros(whole + surfaces.WIDE, np.int32), np.zeros(whole, np.float32)
        self._lanes = np.zeros(surfaces.WIDE, np.float32)

    def encode(self, events: clocks.Events, first: int, rows: int, samples: Samples, sources: Sources) -> Made:
        """Make samples: see `neurosim.kernels.events.surfaces.patches`."""
        return Made(*surfaces.patches(
            events, first, rows, self.memory, self.clock, self._surface, self._patch, self._ages, self._values,
            self._lanes, samples, sources,
        ))  # fmt: skip


class WindowEncoding(Encoding):
    """An encoder of windows at work."""

    def __init__(self, encoder: _Windowed, sensor: Sensor) -> None:
        counts, cell = not isinstance(encoder, TimeSurface), getattr(encoder, "cell", 1)
        self.empty = 0 if counts else clocks.NEVER
        shape, full = encoder.shape(*sensor), getattr(encoder, "full", None)
        super().__init__(sensor, shape, shape)
        share, ceiling = (1.0, np.inf) if full is None else (1 / full, 1.0)
        self._window = windows.Window(
            np.int64(encoder.every), encoder.every_us is not None, counts, cell, np.float32(share), np.float32(ceiling),
            _surface(getattr(encoder, "tau_us", 1.0)), np.zeros(0 if counts else self.inputs, np.int32),
        )  # fmt: skip

    def encode(self, events: clocks.Events, first: int, rows: int, samples: Samples, sources: Sources) -> Made:
        """Make samples: see `neurosim.kernels.events.windows.windows`."""
        size, state = (self.sensor.height, self.sensor.width), (self.memory, self.clock)
        return Made(*windows.windows(events, first, rows, *size, *state, self._window, samples, sources))

    def finish(self, samples: Samples, sources: Sources) -> int:
        """End a recording: the window of time that is open makes a sample if it has events."""
        return int(windows.finish(self.memory, self.clock, self._window, samples, sources))


def encoding_of(encoder: Encoder, width: int, height: int, polarities: int = 2) -> Encoding:
    """Return an encoder at work on a sensor, without events so far.

    Raises
    ------
    ConfigError
        If samples would have more inputs than a layer may have, or the sensor has too many pixels to remember.
    """
    sensor = Sensor(width, height, polarities)
    if isinstance(encoder, LocalSurface) and math.prod(sensor) > MOST_PIXELS:
        raise ConfigError("pixels of a sensor, for each polarity,", f"at most {MOST_PIXELS}", math.prod(sensor))
    if math.prod(encoder.shape(*sensor)) > MOST_INPUTS:
        raise ConfigError("inputs of a sample", f"at most {MOST_INPUTS}", math.prod(encoder.shape(*sensor)))
    if isinstance(encoder, LocalSurface):
        return PatchEncoding(encoder, sensor)
    if isinstance(encoder, _Windowed):
        return WindowEncoding(encoder, sensor)
    raise ConfigError("encoder", "EventCounts, EventFrames, TimeSurface or LocalSurface", encoder)


def as_columns(events: Events) -> clocks.Events:
    """Return events as the loops take them."""
    columns = (np.ascontiguousarray(events[name], np.int64) for name in ("t", "x", "y", "p"))
    return clocks.Events(*columns)


def _surface(tau_us: float) -> surfaces.Surface:
    return surfaces.Surface(np.int32(math.floor(AGES * tau_us)), np.float32(1 / tau_us))


def _described(array: object) -> str:
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "none"
