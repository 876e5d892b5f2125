r"""Rules of plasticity: how a neuron's response becomes its two numbers, decay and growth.

Every rule here has the form :math:`w_k \leftarrow a_k w_k + c_k x`: u is the potential, y the response, x the input.
A rate is a number or a schedule (`neurosim.layers.schedules`). The cells themselves are in `kernels/shared/rules.py`.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from neurosim.checks import finite, fraction, plain, truth
from neurosim.errors import ConfigError
from neurosim.layers.families import NEWER, Family
from neurosim.layers.schedules import ConstantRate, NormAdaptiveRate, Schedule

__all__ = ["BCM", "EGHR", "Hebb", "HebbNet", "Instar", "Oja", "OjaSubspace", "Sanger", "SoftHebb"]
Rate = float | Schedule


class Rule(Family):
    """Base of all rules: what other files read from a rule instead of asking which one it is.

    Attributes
    ----------
    cell : str
        Name of its cell in `kernels/shared/rules.py`.
    schedule_of_number : type
        The schedule that a plain number as the rate means.
    moment : int
        What the trace averages that the cell asks for: 0 nothing, 1 the response, 2 its square.
    total : bool
        Whether the cell asks for the sum of the potentials' sizes over the layer.
    mixes : bool
        Whether a neuron's step depends on other neurons' weights: then it has no cell and costs inputs x neurons.
    bounded : bool
        Whether something in it keeps weights from growing for ever.
    keeps_sign : bool
        Whether weights of at least 0 stay so, if inputs and responses are.
    settles : bool
        Whether it draws weights to the inputs that a neuron responds to, so that steps get smaller as weights fit.
    images : bool
        Whether a `ConvWTA` may have it.
    """

    __slots__ = ()
    rate: Rate
    cell: ClassVar[str]
    schedule_of_number: ClassVar[type[ConstantRate | NormAdaptiveRate]] = ConstantRate
    moment: int = 0
    total: bool = False
    mixes: ClassVar[bool] = False
    bounded: ClassVar[bool] = True
    keeps_sign: ClassVar[bool] = False
    settles: ClassVar[bool] = False
    images: ClassVar[bool] = False

    @property
    def compiled(self) -> Any:
        """The user's function, compiled for each device; None for a rule that has a cell."""
        return None

    @property
    def parameters(self) -> tuple[float, ...]:
        """Return the numbers that its cell takes as `parameters`, eight at most."""
        return ()

    def instability(self, layer: Any) -> str:
        """Return why responses of a layer may swing, in words; empty if nothing is known against it."""
        return ""


def schedule(rule: Rule) -> Schedule:
    """Return the schedule of a rule's rate."""
    return rule.rate if isinstance(rule.rate, Schedule) else rule.schedule_of_number(rule.rate)


def schedule_of(rate: Rate) -> Schedule:
    """Return a rate as a schedule; a plain number never changes."""
    return rate if isinstance(rate, Schedule) else ConstantRate(rate)


def highest(rate: Rate) -> float:
    """Return the highest rate of a schedule, before a neuron's norm scales it."""
    schedule = schedule_of(rate)
    return max(schedule.rate, getattr(schedule, "last", 0.0), getattr(schedule, "floor", 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rated(Rule):
    """What all built-in rules have: a rate, a number or a schedule."""

    rate: Rate

    def __post_init__(self) -> None:
        plain(self)
        if not isinstance(self.rate, Schedule | int | float):
            raise ConfigError("rate", "a number or a schedule", self.rate)
        if not isinstance(self.rate, Schedule):
            finite("rate", self.rate, "at least 0", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hebb(_Rated):
    r"""Plain Hebb: :math:`\Delta w_k = \eta\, y_k\, x`, so :math:`a_k = 1`, :math:`c_k = \eta y_k`.

    Nothing bounds it: give the layer `renormalise=True`, or a `leak`.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample.

    References
    ----------
    Hebb, The Organization of Behavior (1949).
    """

    cell = "hebb"
    bounded = False
    keeps_sign = True
    images = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Oja(_Rated):
    r"""Oja: :math:`\Delta w_k = \eta y_k (x - y_k w_k)`, so :math:`a_k = 1 - \eta y_k^2`, :math:`c_k = \eta y_k`.

    With `NoInhibition` (:math:`y = u`) a neuron becomes the first principal component of centred data, at norm one:
    every neuron the same one, unless a competition parts them. Stable for :math:`\eta y^2 < 1`, which the layer's `cap`
    enforces; it converges if the rate falls as in `LinearRate`.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample.

    References
    ----------
    Oja, J. Math. Biology 15 (1982) 267, equation 3.
    """

    cell = "oja"
    keeps_sign = True
    images = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Instar(_Rated):
    r"""Instar: :math:`\Delta w_k = \eta\, y_k (x - w_k)`, so :math:`a_k = 1 - \eta y_k`, :math:`c_k = \eta y_k`.

    Responsible weights move to the mean of what they respond to: with a hard competition on-line k-means. A convex
    combination, so always stable, for responses up to 1 and a rate up to 1.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, from 0 to 1, per sample.

    References
    ----------
    Grossberg, Biol. Cybernetics 23 (1976) 121; with a soft competition Lagani et al. 2022.
    """

    cell = "instar"
    keeps_sign = True
    settles = True
    images = True

    def __post_init__(self) -> None:
        _Rated.__post_init__(self)
        if highest(self.rate) > 1:
            raise ConfigError("rate of Instar", "at most 1", highest(self.rate), "beyond, weights change sign")


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftHebb(_Rated):
    r"""SoftHebb: Hebbian growth, with a decay that draws each neuron's norm to one.

    .. math:: \Delta w_k = \eta_k\, y_k\, (x - u_k w_k), \qquad a_k = 1 - \eta_k y_k u_k, \qquad c_k = \eta_k y_k

    It is the linear potential :math:`u_k` that multiplies the weights, not the response. At the fixed point
    :math:`w_k` is the mean of the samples, weighted by responses, at norm one (at p-norm one with `lebesgue=p`).
    Stable for :math:`0 < c_k u_k < 1`, which the layer's `cap` enforces.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample. A plain number means `NormAdaptiveRate(number)` in this rule, the
        published rate, which slows a neuron down as its norm comes near one; `ConstantRate(number)` does not.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017, the plasticity rule;
    Journé et al., ICLR 2023, arXiv 2209.11883, the rate that adapts to the norm.
    """

    cell = "softhebb"
    schedule_of_number = NormAdaptiveRate
    keeps_sign = True
    settles = True
    images = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HebbNet(_Rated):
    r"""HebbNet: growth by what a response exceeds its mean by: :math:`\Delta w_k = \eta\, (y_k - T_k)\, x`.

    .. math:: a_k = 1, \qquad c_k = \eta (y_k - T_k), \qquad T_k \leftarrow T_k + \alpha (y_k - T_k)

    The mean moves first, once per update, by the mean over the window. Nothing decays: give the layer
    `renormalise=True` (Liuson found it unstable without).

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample.
    averaging : float
        :math:`\alpha`, above 0, at most 1.
    starts_at_mean : bool
        Whether :math:`T` starts at the mean of the first update, as in Liuson's code, and not at 0.

    References
    ----------
    Gupta et al., HebbNet: A simplified Hebbian learning framework to do biologically plausible learning, ICASSP 2021.
    """

    cell = "hebbnet"
    moment = 1
    bounded = False

    averaging: float = 0.95
    starts_at_mean: bool = field(default=False, metadata=NEWER)

    def __post_init__(self) -> None:
        _Rated.__post_init__(self)
        fraction("averaging", self.averaging)
        truth("starts_at_mean", self.starts_at_mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class BCM(_Rated):
    r"""BCM: a threshold that follows the squared response parts growth from shrinking.

    .. math::

        \Delta w_k = \eta\, y'_k (y'_k - \theta_k)\, x - \eta \epsilon w_k, \qquad
        \theta_k \leftarrow \theta_k + \alpha ({y'_k}^2 - \theta_k), \qquad y'_k = \min(y_k, y_{max})

    so :math:`a_k = 1 - \eta \epsilon`, :math:`c_k = \eta y'_k (y'_k - \theta_k)`. The threshold moves first, once per
    update. Around the fixed point y = 1 of a single input the rule is stable for
    :math:`\eta \|x\|^2 < \alpha / (1 - \alpha)`: the threshold must be faster than the weights; and, which matters
    beyond :math:`\alpha` = 0.83, for :math:`\eta \|x\|^2 (3 \alpha - 2) < 4 - 2 \alpha`. Beyond, the response swings;
    the ceiling bounds it, as the threshold of a response at the ceiling is above it.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample.
    averaging : float
        :math:`\alpha`, above 0, at most 1.
    ceiling : float
        :math:`y_{max}`; above 1, or the threshold never catches up with the response.
    decay : float
        :math:`\epsilon`, not negative.

    References
    ----------
    Bienenstock, Cooper and Munro, J. Neuroscience 2 (1982) 32; Intrator and Cooper, Neural Networks 5 (1992) 3, the
    squared mean response as threshold.
    """

    cell = "bcm"
    moment = 2

    averaging: float = 0.1
    ceiling: float = 2.0
    decay: float = 0.0

    def __post_init__(self) -> None:
        _Rated.__post_init__(self)
        fraction("averaging", self.averaging)
        finite("ceiling", self.ceiling, "above 1", 1, above=True)
        finite("decay", self.decay, "at least 0", 0)

    @property
    def bound(self) -> float:
        """Return what the rate times the squared input must stay below, for the fixed point to be stable."""
        alpha = self.averaging
        slow = alpha / (1 - alpha) if alpha < 1 else math.inf
        flip = (4 - 2 * alpha) / (3 * alpha - 2) if alpha > 2 / 3 else math.inf
        return min(slow, flip)

    @property
    def parameters(self) -> tuple[float, ...]:
        """Return what its cell takes."""
        return self.ceiling, self.decay

    def instability(self, layer: Any) -> str:
        """Return why responses may swing: the rate is not below `bound`."""
        rate = schedule(self).rate
        if layer.normalise != "sample" or rate < self.bound:
            return ""
        rule = f"rate of BCM must be below {self.bound:.4g} with averaging {self.averaging} for inputs of norm 1"
        return f"{rule}, got {rate}: responses will swing"


@dataclass(frozen=True, slots=True, kw_only=True)
class EGHR(_Rated):
    r"""Error-gated Hebbian rule: one error of the whole layer decides on the sign of Hebbian growth.

    .. math::

        \Delta w_k = \eta\, (E_0 - E(u))\, g(u_k)\, x, \qquad
        g(u) = \sqrt 2\, \mathrm{sign}(u), \qquad E(u) = \sqrt 2 \sum_k |u_k|

    for a Laplace prior; :math:`a_k = 1`, :math:`c_k = \eta (E_0 - E) g(u_k)`. It finds independent components of
    centred, mixed sources, one per neuron. The threshold sets the scale: it settles where
    :math:`\langle E^2 \rangle / \langle E \rangle = E_0`. Stable for :math:`\eta K \|x\|^2 < 1`: the K neurons follow
    one error.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample.
    threshold : float
        :math:`E_0`, positive: about the number of neurons plus one, for components of unit variance.

    References
    ----------
    Isomura and Toyoizumi, Scientific Reports 6 (2016) 28073; 8 (2018) 1835.
    """

    cell = "eghr"
    total = True

    threshold: float

    def __post_init__(self) -> None:
        _Rated.__post_init__(self)
        finite("threshold", self.threshold, "positive", 0, above=True)

    @property
    def parameters(self) -> tuple[float, ...]:
        """Return what its cell takes."""
        return (self.threshold,)

    def instability(self, layer: Any) -> str:
        """Return why responses may swing: the neurons, which follow one error, are too many for the rate."""
        rate = schedule(self).rate
        if layer.normalise != "sample" or rate * layer.neurons < 1:
            return ""
        rule = f"rate of EGHR must be below 1 / neurons = {1 / layer.neurons:.4g} for inputs of norm 1"
        return f"{rule}, got {rate}: a step overshoots the error it follows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanger(_Rated):
    r"""Sanger's rule (GHA): the neurons become the principal components in order.

    .. math:: \Delta w_k = \eta\, y_k \Big( x - \sum_{j \le k} y_j w_j \Big)

    It mixes neurons, so it is not event-driven: inputs x neurons every sample, in a chain from neuron to neuron. For up
    to 512 neurons, `NoInhibition`, centred data; stable for :math:`\eta \lambda_{max} \ll 1`, the largest variance.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample.

    References
    ----------
    Sanger, Neural Networks 2 (1989) 459, equation 3.
    """

    cell = "sanger"
    mixes = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OjaSubspace(_Rated):
    r"""Oja's subspace rule: the neurons span the space of the first principal components.

    .. math:: \Delta w_k = \eta\, y_k \Big( x - \sum_j y_j w_j \Big)

    Cost, limits and stability as for `Sanger`.

    Parameters
    ----------
    rate : float or schedule
        :math:`\eta`, not negative, per sample.

    References
    ----------
    Oja, Int. J. Neural Systems 1 (1989) 61.
    """

    cell = "subspace"
    mixes = True
