"""When samples arrive: each when the one before is done, or by a clock that does not wait for the chip."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, finite, plain, whole
from neurosim.errors import ConfigError
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.randomness import ARRIVALS, uniform

LATEST = 2**62  # nanoseconds, 146 years; sums of later times could overflow int64
MICROSECOND = 1000  # nanoseconds
SLOWEST = 1e-9  # Hz


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed loop: each sample arrives when the one before is done, so none ever waits."""

    def due(self, first: int, count: int) -> None:
        """Return None: samples are not due at given times."""

    def until(self, count: int) -> None:
        """Return None: a run lasts until its samples are done."""

    def describe(self) -> dict[str, Any]:
        """Return the kind and its constants, as JSON can hold them."""
        return {"kind": "closed"}


@dataclass(frozen=True, slots=True)
class Period:
    r"""One sample every :math:`1 / r` seconds: sample i is due at :math:`i / r`.

    Parameters
    ----------
    rate : float
        r, samples per second, positive.

    Raises
    ------
    ConfigError
        If the rate is not positive.
    """

    rate: float

    def __post_init__(self) -> None:
        plain(self)
        _check_rate(self.rate)

    def due(self, first: int, count: int) -> NDArray[np.int64]:
        """Return when the `count` samples from the `first` on are due, int64 nanoseconds after the first of them."""
        return _nanoseconds(np.arange(count) / self.rate, self.rate)

    def until(self, count: int) -> int:
        """Return when a run of `count` samples is over: when the next one is due, in ns after the first of them."""
        return int(self.due(0, count + 1)[-1])

    def describe(self) -> dict[str, Any]:
        """Return the kind and its constants, as JSON can hold them."""
        return {"kind": "period", "rate_hz": self.rate}


@dataclass(frozen=True, slots=True)
class Poisson:
    r"""Samples at random times: independent gaps of density :math:`r e^{-r t}`.

    Parameters
    ----------
    rate : float
        r, samples per second on average, positive.
    seed : int
        Seed of the gaps.

    Raises
    ------
    ConfigError
        If the rate is not positive, or the seed out of range.
    """

    rate: float
    seed: int = 0

    def __post_init__(self) -> None:
        plain(self)
        _check_rate(self.rate)
        whole("seed", self.seed, 0, 2**64 - 1)

    def due(self, first: int, count: int) -> NDArray[np.int64]:
        """Return when `count` samples are due, as in `Period`."""
        gaps = -np.log1p(-uniform(self.seed, ARRIVALS, 0, count)) / self.rate
        gaps[:1] = 0
        return _nanoseconds(np.cumsum(gaps), self.rate)

    def until(self, count: int) -> int:
        """Return when a run of `count` samples is over: when the next one is due, in ns after the first of them."""
        return int(self.due(0, count + 1)[-1])

    def describe(self) -> dict[str, Any]:
        """Return the kind and its constants, as JSON can hold them."""
        return {"kind": "poisson", "rate_hz": self.rate, "seed": self.seed}


@dataclass(frozen=True, slots=True)
class Bursts:
    r"""Bursts of b samples that are due at the same time, one burst every :math:`b / r` seconds.

    Parameters
    ----------
    rate : float
        r, samples per second on average, positive.
    burst : int
        b, at least 1.

    Raises
    ------
    ConfigError
        If the rate is not positive, or the burst is not a whole number from 1.
    """

    rate: float
    burst: int = 8

    def __post_init__(self) -> None:
        plain(self)
        _check_rate(self.rate)
        whole("burst", self.burst, 1, LARGEST)

    def due(self, first: int, count: int) -> NDArray[np.int64]:
        """Return when `count` samples are due, as in `Period`."""
        return _nanoseconds(np.arange(count) // self.burst * self.burst / self.rate, self.rate)

    def until(self, count: int) -> int:
        r"""Return when a run of `count` samples is over: :math:`count / r`, also within a burst, in ns."""
        return int(_nanoseconds(np.array([count / self.rate]), self.rate)[0])

    def describe(self) -> dict[str, Any]:
        """Return the kind and its constants, as JSON can hold them."""
        return {"kind": "bursts", "rate_hz": self.rate, "burst": self.burst}


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Times that were recorded with the samples, as by an event camera or a data logger.

    Parameters
    ----------
    timestamps : whole number (samples,)
        Microseconds, one for each sample of the stream from its first on, each at least the one before.

    Raises
    ------
    ConfigError
        If they are not whole numbers, or decrease; in `due`, if there are too few.
    """

    timestamps: ArrayLike = field(repr=False)

    def __post_init__(self) -> None:
        times = _wide("timestamps", self.timestamps)
        decreasing = np.flatnonzero(times[1:] < times[:-1])
        if len(decreasing):
            index = int(decreasing[0]) + 1
            before, after = int(times[index - 1]), int(times[index])
            raise ConfigError(f"timestamp {index}", f"at least the one before, {before}: time runs forwards", after)
        if len(times) and int(times[-1]) - int(times[0]) > LATEST // MICROSECOND:
            raise ConfigError("timestamps", f"within {LATEST // MICROSECOND} microseconds", int(times[-1]))
        object.__setattr__(self, "timestamps", times)

    def due(self, first: int, count: int) -> NDArray[np.int64]:
        """Return when `count` samples are due, as in `Period`."""
        times: NDArray[np.int64] = self.timestamps  # type: ignore[assignment]
        if len(times) < first + count:
            rule = f"at least {first + count}, one for each sample that is read, warm-up included"
            raise ConfigError("timestamps", rule, len(times))
        chosen = times[first : first + count]
        return (chosen - chosen[:1]) * MICROSECOND

    def until(self, count: int) -> int:
        """Return when a run of `count` samples is over, in ns after the first of them: when the next one was recorded.

        After the last one that was recorded: after the mean gap between them; 0 for a single one, which has no gap.
        """
        if len(self.timestamps) > count:  # type: ignore[arg-type]
            return int(self.due(0, count + 1)[-1])
        last = int(self.due(0, count)[-1])
        return last + round(last / max(1, count - 1))

    def describe(self) -> dict[str, Any]:
        """Return the kind and its constants, as JSON can hold them."""
        return {"kind": "stream"}


def _wide(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Return whole numbers as int64, in which their differences cannot overflow as in a type of fewer bits."""
    rule = "whole numbers of microseconds, one a sample"
    times = numbers(name, values, WHOLE, rule=rule, refuse=ConfigError)
    if times.ndim != 1:
        raise ConfigError(name, rule, f"{times.dtype} of shape {times.shape}")
    largest = np.iinfo(np.int64).max
    if times.dtype.kind == "u" and times.size and int(times.max()) > largest:
        raise ConfigError(name, f"at most {largest}, as int64 holds", int(times.max()))
    return np.asarray(times, np.int64)


Arrivals = Closed | Period | Poisson | Bursts | Recorded


def _check_rate(rate: object) -> None:
    finite("rate", rate, "positive, in samples a second", 0, above=True)
    finite("rate", rate, f"at least {SLOWEST} samples a second", SLOWEST)


def _nanoseconds(seconds: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
    """Return times in whole nanoseconds; each is rounded by itself, so that errors do not add up."""
    if len(seconds) and not seconds[-1] * 1e9 < LATEST:
        raise ConfigError("rate", f"large enough that {len(seconds)} samples come within {LATEST / 1e9:.1e} s", rate)
    return np.rint(seconds * 1e9).astype(np.int64)
