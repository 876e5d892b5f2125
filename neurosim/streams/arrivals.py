"""How samples arrive: when the one before is done, or by a clock that does not wait for the chip."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, finite, plain, whole
from neurosim.errors import ConfigError
from neurosim.randomness import ARRIVALS, uniform

LATEST = 2**62  # nanoseconds, some 146 years: later moments would not fit where they are added up
MICROSECOND = 1000
SLOWEST = 1e-9  # Hz


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed loop: the next sample comes when the last one is done, so none ever waits."""

    def due(self, first: int, count: int) -> None:
        """Return nothing: no sample is due at a moment of its own."""

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "closed"}


@dataclass(frozen=True, slots=True)
class Period:
    r"""One sample every :math:`1 / r` seconds: sample i is due at :math:`i / r`.

    Parameters
    ----------
    rate : float
        r, samples a second, positive.

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
        """Return when `count` samples are due, int64 nanoseconds after the first of them, which is the `first`."""
        return _nanoseconds(np.arange(count) / self.rate, self.rate)

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "period", "rate_hz": self.rate}


@dataclass(frozen=True, slots=True)
class Poisson:
    r"""Samples at random, each independent of the others: gaps of density :math:`r e^{-r t}`.

    Parameters
    ----------
    rate : float
        r, samples a second on average, positive.
    seed : int
        Of the gaps: equal seeds, equal gaps.

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

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "poisson", "rate_hz": self.rate, "seed": self.seed}


@dataclass(frozen=True, slots=True)
class Bursts:
    r"""Bursts of b samples that are due at once, a burst every :math:`b / r` seconds.

    Parameters
    ----------
    rate : float
        r, samples a second on average, positive.
    burst : int
        b, from 1.

    Raises
    ------
    ConfigError
        If the rate is not positive, or the burst no whole number from 1.
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

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "bursts", "rate_hz": self.rate, "burst": self.burst}


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Moments that were recorded with the samples, as an event camera or a data logger has them.

    Parameters
    ----------
    timestamps : whole number (samples,)
        Microseconds, one for each sample of the stream from its first, never less than the one before.

    Raises
    ------
    ConfigError
        If they are no such numbers, or run backwards; when they are asked for, if there are too few.
    """

    timestamps: ArrayLike = field(repr=False)

    def __post_init__(self) -> None:
        given = np.asarray(self.timestamps)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            found = f"{given.dtype} of shape {given.shape}"
            raise ConfigError("timestamps", "whole numbers of microseconds, one a sample", found)
        back = np.flatnonzero(given[1:] < given[:-1])
        if len(back):
            at = int(back[0]) + 1
            raise ConfigError(
                f"timestamp {at}", f"at least the one before, {int(given[at - 1])}: time runs forwards", int(given[at])
            )
        if len(given) and int(given[-1]) - int(given[0]) > LATEST // MICROSECOND:
            raise ConfigError("timestamps", f"within {LATEST // MICROSECOND} microseconds", int(given[-1]))
        object.__setattr__(self, "timestamps", given)

    def due(self, first: int, count: int) -> NDArray[np.int64]:
        """Return when `count` samples from the `first` on are due, int64 nanoseconds after the first of them."""
        given = np.asarray(self.timestamps)
        if len(given) < first + count:
            rule = f"at least {first + count}, one for each sample that is taken, warm-up included"
            raise ConfigError("timestamps", rule, len(given))
        part = given[first : first + count]
        moments: NDArray[np.int64] = (part - part[:1]).astype(np.int64) * MICROSECOND
        return moments

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "stream"}


Arrivals = Closed | Period | Poisson | Bursts | Recorded


def _check_rate(rate: object) -> None:
    finite("rate", rate, "positive, in samples a second", 0, above=True)
    finite("rate", rate, f"at least {SLOWEST} samples a second", SLOWEST)


def _nanoseconds(seconds: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
    """Return moments in whole nanoseconds; each is rounded by itself, so that errors do not add up."""
    if len(seconds) and not seconds[-1] * 1e9 < LATEST:
        raise ConfigError("rate", f"large enough that {len(seconds)} samples come within {LATEST / 1e9:.1e} s", rate)
    return np.rint(seconds * 1e9).astype(np.int64)
