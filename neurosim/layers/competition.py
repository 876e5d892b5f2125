r"""Competitions: how lateral inhibition turns a layer's drives into responses.

The drive of a neuron is its activated potential and its bias, :math:`d_k = f(u_k) + b_k`; without the two it is the
potential itself. The winner is the neuron of the largest drive, the lowest index among equals.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from neurosim.checks import LARGEST, finite, fraction, plain, temperature, truth, whole
from neurosim.errors import ConfigError
from neurosim.layers.families import NEWER, Family

__all__ = ["KWTA", "Corrected", "HardWTA", "NoInhibition", "Ranked", "SoftWTA", "SparseGate", "Taught"]


class Competition(Family):
    """Base of all competitions: what other files read from one instead of asking which one it is.

    Attributes
    ----------
    cell : str
        Name of its cell in `kernels/shared/competitions.py`.
    soft : bool
        Whether a response takes an exponential: the neuron's share of a softmax.
    ranked : bool
        Whether the cell asks for the ranks of the first `winners` neurons.
    by_label : bool
        Whether neuron k is class k, and a sample without a label teaches nothing.
    gated : bool
        Whether only the neurons with the `winners` largest steps learn.
    positive : bool
        Whether responses are at least 0, if nothing is signed.
    images : bool
        Whether a `ConvWTA` may have it.
    begins : bool
        Whether neurons may begin as samples, so that those which have not must never win.
    """

    __slots__ = ()
    cell: ClassVar[str]
    soft: ClassVar[bool] = False
    ranked: ClassVar[bool] = False
    by_label: ClassVar[bool] = False
    gated: ClassVar[bool] = False
    positive: ClassVar[bool] = False
    images: ClassVar[bool] = False
    begins: ClassVar[bool] = False

    @property
    def compiled(self) -> Any:
        """The user's function, compiled; None for a competition that has a cell."""
        return None

    def numbers(self, neurons: int) -> dict[str, Any]:
        """Return what of `winners`, `competition_parameter`, `soft`, `sharpness`, `relative`, ... the loop takes."""
        return {}

    @property
    def posterior(self) -> bool:
        """Whether a frozen response is P(k | x): a softmax over the neurons, whole and without signs."""
        return False

    def check(self, neurons: int) -> None:
        """Refuse a layer of too few neurons.

        Raises
        ------
        ConfigError
            If a constant does not go with so many neurons.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftWTA(Competition):
    r"""Soft winner-take-all: every neuron responds by its share of a softmax.

    .. math::

        y_k = \frac{e^{d_k / \tau}}{\sum_l e^{d_l / \tau}} = \frac{b^{d_k}}{\sum_l b^{d_l}}, \qquad \ln b = 1 / \tau

    Give one of temperature, gain and relative temperature. The last follows the stream, so that one number fits inputs
    that differ much and inputs that hardly differ: it is a share of the running mean of the lead, by which a sample's
    largest potential exceeds the mean one,

    .. math::

        \tau = \rho\, \overline{\max_k u_k - \frac{1}{K} \sum_k u_k}

    over the samples learned from so far (an exponential mean with a horizon of a thousand samples, once that many are
    seen), not those with which neurons begin. A sample meets the mean before it; as long as there is none, its own lead
    stands for it. Responding without learning changes nothing. `layer.temperature` tells :math:`\tau` as it is now.

    Parameters
    ----------
    temperature : float, optional
        :math:`\tau`, positive, in units of potential; towards 0 the winner takes all.
    gain : float, optional
        :math:`b`, above 1; b = e is the plain softmax.
    relative_temperature : float, optional
        :math:`\rho`, positive, at most 1e6. Of dense layers.
    signed : bool
        If true, every neuron but the winner responds with the opposite sign, and so unlearns (Journé et al. 2023,
        section 2). Meant for convolutional layers: on non-negative inputs of a dense layer one neuron ends up
        winning every sample.
    winner_only : bool
        If true, the winner keeps its share and all others respond with 0 (what Liuson's published code does).

    Raises
    ------
    ConfigError
        If not exactly one of the three is given, or it is out of range; if both `signed` and `winner_only`
        are true.

    References
    ----------
    Moraitis et al., SoftHebb, Neuromorph. Comput. Eng. 2 (2022) 044017. The softmax of lateral inhibition.
    """

    cell = "soft"
    begins = True
    soft = True
    positive = True
    images = True

    temperature: float | None = None
    gain: float | None = None
    signed: bool = False
    winner_only: bool = False
    relative_temperature: float | None = field(default=None, metadata=NEWER)

    def __post_init__(self) -> None:
        plain(self)
        given = self.temperature, self.gain, self.relative_temperature
        if sum(value is not None for value in given) != 1:
            raise ConfigError("temperature, gain or relative_temperature", "given, exactly one of the three", given)
        if self.temperature is not None:
            temperature(self.temperature)
        if self.gain is not None:
            finite("gain", self.gain, "above 1", 1, above=True)
        if self.relative_temperature is not None:
            finite("relative_temperature", self.relative_temperature, "positive", 0, above=True)
            if self.relative_temperature > 1e6:
                raise ConfigError("relative_temperature", "positive and at most 1e6", self.relative_temperature)
        truth("signed", self.signed)
        truth("winner_only", self.winner_only)
        if self.signed and self.winner_only:
            raise ConfigError("winner_only", "False with signed=True", True, "there are no losers left to sign")

    @property
    def sharpness(self) -> float:
        r"""Return :math:`1 / \tau = \ln b`; of a relative temperature, where the mean lead is 1."""
        if self.relative_temperature is not None:
            return 1 / self.relative_temperature
        return math.log(self.gain) if self.gain is not None else 1 / (self.temperature or 1)

    @property
    def posterior(self) -> bool:
        """Whether a frozen response is P(k | x)."""
        return not (self.signed or self.winner_only)

    def numbers(self, neurons: int) -> dict[str, Any]:
        """Return what its cell takes."""
        signs = {"signed": self.signed, "winner_only": self.winner_only}
        return {"sharpness": self.sharpness, "relative": self.relative_temperature or 0.0, **signs}


@dataclass(frozen=True, slots=True, kw_only=True)
class HardWTA(Competition):
    r"""Hard winner-take-all: :math:`y_k = 1` for the largest drive (ties: the lowest index), else 0."""

    cell = "hard"
    begins = True
    positive = True
    images = True


@dataclass(frozen=True, slots=True)
class KWTA(Competition):
    r"""K winners: :math:`y_k = 1` for the k largest drives (ties: the lowest index), else 0.

    With a temperature they share the response by a softmax over the winners alone:

    .. math:: y_k = \frac{e^{d_k / \tau}}{\sum_{l \in \mathrm{winners}} e^{d_l / \tau}}

    Parameters
    ----------
    winners : int
        How many, from 1 to the number of neurons; 1 is `HardWTA`.
    signed : bool
        If true, the largest drive responds with 1, or its share, the others among the winners with the opposite sign.
    temperature : float, optional
        :math:`\tau`, positive, in units of potential; without, all winners respond with 1. Of a dense layer on the CPU.

    Raises
    ------
    ConfigError
        If `winners` is no whole number of at least 1, or the temperature is out of range.
    """

    cell = "k_winners"
    begins = True
    ranked = True
    positive = True
    images = True

    winners: int
    signed: bool = False
    temperature: float | None = field(default=None, metadata=NEWER)

    def __post_init__(self) -> None:
        plain(self)
        whole("winners", self.winners, 1, LARGEST)
        truth("signed", self.signed)
        if self.temperature is not None:
            temperature(self.temperature)

    def numbers(self, neurons: int) -> dict[str, Any]:
        """Return what its cell takes."""
        shares = {} if self.temperature is None else {"soft": True, "sharpness": 1 / self.temperature}
        return {"winners": self.winners, "signed": self.signed, **shares}

    def check(self, neurons: int) -> None:
        """Refuse more winners than neurons."""
        if self.winners > neurons:
            raise ConfigError("winners", f"at most the number of neurons, {neurons}", self.winners)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked(Competition):
    r"""Two neurons respond: the first by its drive with 1, the one of a given rank with :math:`-\Delta`.

    Parameters
    ----------
    rank : int
        From 2, the second largest drive, to the number of neurons.
    opposition : float
        :math:`\Delta`, not negative.

    Raises
    ------
    ConfigError
        If a constant is out of range.

    References
    ----------
    Krotov and Hopfield, Unsupervised learning by competing hidden units, PNAS 116 (2019) 7723, equations 9 and 10.
    """

    cell = "ranked"
    begins = True
    ranked = True
    images = True

    rank: int = 2
    opposition: float = 0.4

    def __post_init__(self) -> None:
        plain(self)
        whole("rank", self.rank, 2, LARGEST)
        finite("opposition", self.opposition, "at least 0", 0)

    def numbers(self, neurons: int) -> dict[str, Any]:
        """Return what its cell takes."""
        return {"winners": self.rank, "competition_parameter": self.opposition}

    def check(self, neurons: int) -> None:
        """Refuse a rank that no neuron has."""
        if self.rank > neurons:
            raise ConfigError("rank", f"at most the number of neurons, {neurons}", self.rank)


@dataclass(frozen=True, slots=True)
class NoInhibition(Competition):
    r"""No competition: every neuron responds with its own drive, :math:`y_k = d_k`."""

    cell = "uninhibited"


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseGate(Competition):
    r"""Every neuron responds with its drive, :math:`y_k = d_k`, but few learn: those with the largest steps.

    Of an update's steps :math:`\|\Delta w_k\|` the largest share is applied, the rest dropped; ties go to the lowest
    index.

    Parameters
    ----------
    share : float
        Above 0, at most 1: of K neurons, max(1, round(share K)) learn.
    quantile : bool
        If true, those learn whose step is at least the quantile 1 - share of all K, linear between steps, as in
        Liuson's code: K - ceil((1 - share) (K - 1)) neurons, so 7 of 32 with the default share, not 6.
    signed : bool
        If true, the neuron with the very largest step learns as the rule says, the others with the opposite sign.

    Raises
    ------
    ConfigError
        If a constant is out of range.

    References
    ----------
    Gupta et al., HebbNet, ICASSP 2021, the gradient sparsity; signs as in the code of Liuson, Learning Dynamics in
    Competitive Hebbian Learning.
    """

    cell = "uninhibited"
    gated = True

    share: float = 0.2
    signed: bool = True
    quantile: bool = field(default=False, metadata=NEWER)

    def __post_init__(self) -> None:
        plain(self)
        fraction("share", self.share)
        truth("signed", self.signed)
        truth("quantile", self.quantile)

    def numbers(self, neurons: int) -> dict[str, Any]:
        """Return what its cell takes, and how many neurons learn."""
        below = math.ceil(round((1 - self.share) * (neurons - 1), 9))  # steps below the quantile
        learning = neurons - below if self.quantile else max(1, round(self.share * neurons))
        return {"winners": learning, "signed": self.signed}


@dataclass(frozen=True, slots=True)
class Taught(Competition):
    r"""A label takes the place of the competition: :math:`y_k = 1` for the neuron of the sample's label, else 0.

    Label k means neuron k, so a layer has as many neurons as there are classes. A sample without a label teaches
    nothing. Where there is no label, in responding, the neuron of the largest drive responds with 1.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017: supervised SoftHebb.
    """

    cell = "taught"
    by_label = True
    positive = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected(Competition):
    r"""A label corrects a softmax: while learning, a neuron responds with its error, and so learns by the delta rule.

    .. math::

        y_k = [k = \mathrm{label}] - p_k, \qquad p = \mathrm{softmax}(d / \tau)

    With `Hebb`, which adds :math:`\eta y_k x`, that is the delta rule of Widrow and Hoff for a softmax: on-line
    gradient descent of the cross-entropy, by what each neuron has at hand. The error bounds the growth, so `Hebb` needs
    no decay here. Begin with `initial="zeros"`, and keep `cutoff=0`: small errors teach, too.

    Label k means neuron k, as in `Taught`: the winner is the predicted class. A sample without a label teaches nothing.
    Where there is no label, in responding, a neuron responds with its share p.

    Parameters
    ----------
    temperature : float
        :math:`\tau`, positive, in units of potential. From weights of zero only its ratio to the rate matters.

    Raises
    ------
    ConfigError
        If the temperature is out of range.

    References
    ----------
    Widrow and Hoff, Adaptive switching circuits, IRE WESCON Convention Record 4 (1960) 96; Bridle, Probabilistic
    interpretation of feedforward classification network outputs, in Neurocomputing (1990): the softmax.
    """

    cell = "corrected"
    soft = True
    by_label = True

    temperature: float = 1.0

    def __post_init__(self) -> None:
        plain(self)
        temperature(self.temperature)

    @property
    def sharpness(self) -> float:
        r"""Return :math:`1 / \tau`."""
        return 1 / self.temperature

    @property
    def posterior(self) -> bool:
        """Whether a frozen response is P(k | x)."""
        return True

    def numbers(self, neurons: int) -> dict[str, Any]:
        """Return what its cell takes."""
        return {"sharpness": self.sharpness}
