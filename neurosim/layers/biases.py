r"""Biases on the competition: a number per neuron, added to its activated potential before it competes.

Each follows a running mean, moved once per update (window) by the mean over its samples. In a convolutional layer an
image counts as one sample: what is averaged is the mean over its positions, so that a win is a share of the positions.
The loops compute biases, and move what they follow, in `kernels/shared/biases.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import finite, fraction, number, plain
from neurosim.errors import ConfigError
from neurosim.kernels.shared import codes
from neurosim.layers.families import Family

__all__ = ["AdaptiveThreshold", "Conscience", "LogPrior", "MeanActivity"]


class Bias(Family):
    """Base of all biases: what other files read from one instead of asking which one it is.

    Attributes
    ----------
    code : int
        What the loop compares.
    shares : bool
        Whether its running mean is of shares, which sum to 1 over the neurons: then it starts at 1 / K, else at 0.
    """

    __slots__ = ()
    code: ClassVar[int]
    shares: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conscience(Bias):
    r"""A conscience by wins: who wins more than its fair share is held back.

    .. math:: b_k = C (1 / K - p_k), \qquad p_k \leftarrow p_k + B (z_k - p_k)

    z is 1 for the winner of the biased competition and 0 for the others; p starts at 1 / K. It acts while learning
    only: a frozen chip answers without it.

    Parameters
    ----------
    rate : float
        :math:`B`, above 0, at most 1.
    strength : float
        :math:`C`, not negative, in units of potential.

    References
    ----------
    DeSieno, Adding a conscience to competitive learning, IEEE ICNN (1988), equations 2 to 5.
    """

    code = codes.CONSCIENCE
    shares = True

    rate: float = 1e-4
    strength: float = 10.0

    def __post_init__(self) -> None:
        plain(self)
        fraction("rate", self.rate)
        finite("strength", self.strength, "at least 0", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanActivity(Bias):
    r"""A conscience by activity: each neuron competes with what exceeds its own running mean.

    .. math:: b_k = -m_k, \qquad m_k \leftarrow m_k + B (v_k - m_k)

    v is the activated potential; the first update sets m, before it m is 0. It acts while learning only. It
    removes what samples have in common; on samples with little in common it spreads wins no better than no bias.

    Parameters
    ----------
    rate : float
        :math:`B`, above 0, at most 1.

    References
    ----------
    Liuson, Learning Dynamics in Competitive Hebbian Learning: y* = softmax(y - EMA(y)), with B = 0.05 a batch.
    """

    code = codes.MEAN_ACTIVITY

    rate: float = 0.05

    def __post_init__(self) -> None:
        plain(self)
        fraction("rate", self.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPrior(Bias):
    r"""A prior, learned: the softmax becomes the posterior of a mixture whose weights are the neurons' shares.

    .. math:: y = \mathrm{softmax}(v / \tau + \ln q), \qquad q_k \leftarrow q_k + B (y_k - q_k)

    q starts at 1 / K. To first order this is the paper's :math:`\Delta b_k = B e^{-b_k} (y_k - e^{b_k})` for
    :math:`b = \ln q`, with the same fixed point :math:`q_k = E[y_k]`, and it cannot leave [0, 1]. It acts always, in
    frozen responses too. The rich get richer: with a first radius of 1, who wins first may keep the samples of others,
    which are then dead; at the recipes' radius of 5 none died in the measurements of `docs/bayes.md`.

    Parameters
    ----------
    rate : float
        :math:`B`, above 0, at most 1.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017: the neural bias as the log-prior of a Bayesian model.
    """

    code = codes.LOG_PRIOR
    shares = True

    rate: float = 0.01

    def __post_init__(self) -> None:
        plain(self)
        fraction("rate", self.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveThreshold(Bias):
    r"""A homeostatic threshold: it rises by a step when its neuron wins, and leaks back.

    .. math:: b_k = -\theta_k, \qquad \theta_k \leftarrow (1 - \lambda)\, \theta_k + \Delta z_k

    z is 1 for the winner of the competition with thresholds and 0 for the others; thresholds start at 0. A neuron that
    wins its fair share settles at :math:`\Delta / (\lambda K)`, and one that wins every sample at
    :math:`\Delta / \lambda`, which should be some differences of potentials. Each neuron knows all that this takes by
    itself. As in the paper, thresholds are part of what a neuron has learned: a frozen chip keeps them, and answers
    with them.

    Parameters
    ----------
    step : float
        :math:`\Delta`, not negative, in units of potential.
    leak : float
        :math:`\lambda`, from 0, at most 1, per sample that is learned from; the paper's time constant in samples is
        :math:`-1 / \ln(1 - \lambda)`.

    References
    ----------
    Diehl and Cook, Unsupervised learning of digit recognition using spike-timing-dependent plasticity, Front. Comput.
    Neurosci. 9 (2015) 99: the adaptive membrane threshold.
    """

    code = codes.THRESHOLD

    step: float = 0.01
    leak: float = 1e-3

    def __post_init__(self) -> None:
        plain(self)
        finite("step", self.step, "at least 0", 0)
        number("leak", self.leak, "from 0, at most 1", 0)
        if self.leak > 1:
            raise ConfigError("leak", "from 0, at most 1", self.leak)

    @property
    def rate(self) -> float:
        """What the loop takes as its rate."""
        return self.leak

    @property
    def strength(self) -> float:
        """What the loop takes as its strength."""
        return self.step
