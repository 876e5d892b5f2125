r"""Schedules: how a rule's rate changes with time, with a neuron's norm, or with its wins.

Below, n is the number of the sample (from 0, blank ones counted) that completes an update.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import finite, plain
from neurosim.errors import ConfigError
from neurosim.kernels.shared import codes
from neurosim.layers.families import Family

__all__ = ["ConstantRate", "ExponentialRate", "LinearRate", "NormAdaptiveRate", "WinCountRate"]


class Schedule(Family):
    """Base of all schedules; `code` is what loops compare."""

    __slots__ = ()
    code: ClassVar[int]
    rate: float

    def numbers(self) -> dict[str, Any]:
        """Return the numbers that loops take, by their names there."""
        return {
            "schedule": self.code, "rate": self.rate, "last_rate": getattr(self, "last", 0.0),
            "rate_samples": getattr(self, "samples", 1.0), "rate_power": getattr(self, "power", 0.0),
            "rate_floor": getattr(self, "floor", 0.0),
        }  # fmt: skip

    def by_time(self, sample: float) -> float:
        """Return the rate at the sample of this number, before a neuron's norm or wins change it."""
        from neurosim.kernels.shared.rates import rate_by_time

        return float(rate_by_time(SimpleNamespace(**self.numbers()), sample))  # type: ignore[no-untyped-call]

    def of_neurons(self, sample: float, norms: ArrayLike, wins: ArrayLike) -> NDArray[np.float64]:
        """Return each neuron's rate at the sample of this number, from norms and wins: float64 (neurons,)."""
        return np.full(np.shape(norms), self.by_time(sample))


@dataclass(frozen=True, slots=True)
class ConstantRate(Schedule):
    r"""The same rate for ever: :math:`\eta_k = \eta`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, not negative, per sample.
    """

    code = codes.CONSTANT

    rate: float

    def __post_init__(self) -> None:
        plain(self)
        finite("rate", self.rate, "at least 0", 0)


@dataclass(frozen=True, slots=True)
class LinearRate(Schedule):
    r"""From one rate to another in a straight line: :math:`\eta_k = \eta + (\eta_{end} - \eta) \min(n / N, 1)`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, not negative, of the first sample.
    samples : float
        :math:`N`, positive: from this sample on the rate is `last`.
    last : float
        :math:`\eta_{end}`, not negative.
    """

    code = codes.LINEAR

    rate: float
    samples: float
    last: float = 0.0

    def __post_init__(self) -> None:
        plain(self)
        finite("rate", self.rate, "at least 0", 0)
        finite("samples", self.samples, "positive", 0, above=True)
        finite("last", self.last, "at least 0", 0)


@dataclass(frozen=True, slots=True)
class ExponentialRate(Schedule):
    r"""From one rate to another by equal ratios: :math:`\eta_k = \eta\, (\eta_{end} / \eta)^{\min(n / N, 1)}`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, positive, of the first sample.
    samples : float
        :math:`N`, positive: from this sample on the rate is `last`.
    last : float
        :math:`\eta_{end}`, positive.
    """

    code = codes.EXPONENTIAL

    rate: float
    samples: float
    last: float

    def __post_init__(self) -> None:
        plain(self)
        for name in ("rate", "samples", "last"):
            finite(name, getattr(self, name), "positive", 0, above=True)
        if not 1e-37 <= self.last / self.rate <= 1e37:
            raise ConfigError("last", "within 37 powers of ten of rate", self.last)


@dataclass(frozen=True, slots=True)
class NormAdaptiveRate(Schedule):
    r"""Slower the nearer a neuron's norm is to one: :math:`\eta_k = \max(\eta\, |\,\|w_k\| - 1|^q,\ \eta_{min})`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, not negative, per sample.
    power : float
        :math:`q`, not negative.
    floor : float
        :math:`\eta_{min}`, not negative. Above 0 a neuron never stops: what a stream that drifts needs.

    References
    ----------
    Journé et al., ICLR 2023, arXiv 2209.11883.
    """

    code = codes.BY_NORM

    rate: float
    power: float = 0.5
    floor: float = 0.0

    def __post_init__(self) -> None:
        plain(self)
        for name in ("rate", "power", "floor"):
            finite(name, getattr(self, name), "at least 0", 0)

    def of_neurons(self, sample: float, norms: ArrayLike, wins: ArrayLike) -> NDArray[np.float64]:
        """Return each neuron's rate, from norms and wins: float64 (neurons,)."""
        rates: NDArray[np.float64] = self.rate * np.abs(np.asarray(norms, np.float64) - 1) ** self.power
        return np.maximum(rates, self.floor)


def by_norm(rate: float | Schedule, floor: float | None) -> float | Schedule:
    """Return a rate by the norm with a floor; a rate without one stays as it is.

    Raises
    ------
    ConfigError
        If a schedule is given a floor.
    """
    if floor is None:
        return rate
    if isinstance(rate, Schedule):
        raise ConfigError("floor", "left out with a schedule as the rate, which has its own", floor)
    floored = NormAdaptiveRate(rate, floor=floor)
    return floored if floor > 0 else rate


@dataclass(frozen=True, slots=True)
class WinCountRate(Schedule):
    r"""Slower the more samples a neuron has won: :math:`\eta_k = \max(\eta\, (1 + \mathrm{wins}_k)^{-q},\ \eta_{min})`.

    With q = 1 and a hard competition an instar neuron is the running mean of what it has won: on-line k-means.

    Parameters
    ----------
    rate : float
        :math:`\eta`, not negative, per sample.
    power : float
        :math:`q`, not negative.
    floor : float
        :math:`\eta_{min}`, not negative.

    References
    ----------
    MacQueen, 5th Berkeley Symposium (1967), the running mean of a cluster.
    """

    code = codes.BY_WINS

    rate: float
    power: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        plain(self)
        for name in ("rate", "power", "floor"):
            finite(name, getattr(self, name), "at least 0", 0)

    def of_neurons(self, sample: float, norms: ArrayLike, wins: ArrayLike) -> NDArray[np.float64]:
        """Return each neuron's rate, from norms and wins: float64 (neurons,)."""
        rates: NDArray[np.float64] = self.rate * (1 + np.asarray(wins, np.float64)) ** -self.power
        return np.maximum(rates, self.floor)


def by_wins(rate: float | Schedule | None, floor: float | None) -> float | Schedule:
    """Return the rate of a running mean with a floor, 0.01 by default; or the rate that is given, without one.

    Raises
    ------
    ConfigError
        If both are given.
    """
    if rate is None:
        return WinCountRate(1.0, floor=0.01 if floor is None else floor)
    if floor is not None:
        raise ConfigError("floor", "left out with a rate of one's own", floor, "give WinCountRate(rate, floor=...)")
    return rate
