r"""What a layer sends on: a function of its potentials, :math:`z = f(u)`."""

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import finite, plain, temperature
from neurosim.kernels.shared import codes
from neurosim.layers.families import Family

__all__ = ["Identity", "ReLU", "Softmax", "Triangle"]


class Transmit(Family):
    """Base of all functions of the potentials: what other files read from one instead of asking which one it is.

    Attributes
    ----------
    code : int
        What loops compare.
    soft : bool
        Whether it takes an exponential for each neuron, and their sum.
    centred : bool
        Whether it takes the mean over the neurons, and each neuron's difference from it.
    images : bool
        Whether a `ConvWTA` may have it.
    """

    __slots__ = ()
    code: ClassVar[int]
    soft: ClassVar[bool] = False
    centred: ClassVar[bool] = False
    images: ClassVar[bool] = True

    @property
    def exponent(self) -> float:
        """Return the number that loops take: a power, or an inverse temperature."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Identity(Transmit):
    """Send the potentials themselves: :math:`z_k = u_k`."""

    code = codes.IDENTITY


@dataclass(frozen=True, slots=True)
class ReLU(Transmit):
    r"""Send what is positive: :math:`z_k = \max(u_k, 0)`."""

    code = codes.RELU


@dataclass(frozen=True, slots=True, kw_only=True)
class Triangle(Transmit):
    r"""Send what exceeds the layer's mean: :math:`z_k = \max(u_k - \bar u, 0)^p`.

    Parameters
    ----------
    power : float
        :math:`p`, positive.

    References
    ----------
    Coates et al., AISTATS 2011, section 3.2.2 (p = 1); Journé et al., ICLR 2023 (the power).
    """

    code = codes.TRIANGLE
    centred = True

    power: float = 1.0

    def __post_init__(self) -> None:
        plain(self)
        finite("power", self.power, "positive", 0, above=True)

    @property
    def exponent(self) -> float:
        """Return the power."""
        return self.power


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Transmit):
    r"""Send a softmax with a temperature of its own: :math:`z_k = e^{u_k / \tau} / \sum_l e^{u_l / \tau}`.

    Parameters
    ----------
    temperature : float
        :math:`\tau`, positive, in units of potential.
    """

    code = codes.SOFTMAX
    soft = True
    images = False

    temperature: float

    def __post_init__(self) -> None:
        plain(self)
        temperature(self.temperature)

    @property
    def exponent(self) -> float:
        """Return the inverse temperature."""
        return 1 / self.temperature
