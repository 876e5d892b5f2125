"""Competitions: how lateral inhibition turns a layer's potentials into responses."""

import math
from dataclasses import dataclass

from neurosim.checks import LARGEST, finite, plain, temperature, truth, whole
from neurosim.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftWTA:
    r"""Soft winner-take-all: every neuron responds by its share of a softmax.

    .. math::

        y_k = \frac{e^{u_k / \tau}}{\sum_l e^{u_l / \tau}} = \frac{b^{u_k}}{\sum_l b^{u_l}}, \qquad \ln b = 1 / \tau

    Give the temperature or the gain, never both.

    Parameters
    ----------
    temperature : float, optional
        :math:`\tau`, positive, in units of potential; towards 0 the winner takes all.
    gain : float, optional
        :math:`b`, above 1; b = e is the plain softmax.
    signed : bool
        If true, every neuron but the winner responds with the opposite sign, and so unlearns (Journé et al. 2023,
        section 2). Meant for convolutional layers: on non-negative inputs of a dense layer one neuron ends up
        winning every sample.

    Raises
    ------
    ConfigError
        If not exactly one of the two is given, or it is out of range.

    References
    ----------
    Moraitis et al., SoftHebb, Neuromorph. Comput. Eng. 2 (2022) 044017. The softmax of lateral inhibition.
    """

    temperature: float | None = None
    gain: float | None = None
    signed: bool = False

    def __post_init__(self) -> None:
        plain(self)
        if (self.temperature is None) == (self.gain is None):
            raise ConfigError("temperature or gain", "given, exactly one of the two", (self.temperature, self.gain))
        if self.temperature is not None:
            temperature(self.temperature)
        if self.gain is not None:
            finite("gain", self.gain, "above 1", 1, above=True)
        truth("signed", self.signed)

    @property
    def sharpness(self) -> float:
        r"""Return :math:`1 / \tau = \ln b`."""
        return math.log(self.gain) if self.gain is not None else 1 / (self.temperature or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HardWTA:
    r"""Hard winner-take-all: :math:`y_k = 1` for the largest potential (ties: the lowest index), else 0."""


@dataclass(frozen=True, slots=True)
class KWTA:
    r"""K winners: :math:`y_k = 1` for the k largest potentials (ties: the lowest index), else 0.

    Parameters
    ----------
    winners : int
        How many, from 1 to the number of neurons; 1 is `HardWTA`.
    signed : bool
        If true, the largest potential responds with 1, the others among the winners with -1.

    Raises
    ------
    ConfigError
        If `winners` is no whole number of at least 1.
    """

    winners: int
    signed: bool = False

    def __post_init__(self) -> None:
        plain(self)
        whole("winners", self.winners, 1, LARGEST)
        truth("signed", self.signed)


Competition = SoftWTA | HardWTA | KWTA
