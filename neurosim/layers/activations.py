r"""What a layer sends on: a function of its potentials, :math:`z = f(u)`."""

from dataclasses import dataclass

from neurosim.checks import finite, plain, temperature


@dataclass(frozen=True, slots=True)
class Identity:
    """Send the potentials themselves: :math:`z_k = u_k`."""


@dataclass(frozen=True, slots=True)
class ReLU:
    r"""Send what is positive: :math:`z_k = \max(u_k, 0)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triangle:
    r"""Send what exceeds the layer's mean: :math:`z_k = \max(u_k - \bar u, 0)^p`.

    Parameters
    ----------
    power : float
        :math:`p`, positive.

    References
    ----------
    Coates et al., AISTATS 2011, section 3.2.2 (p = 1); Journé et al., ICLR 2023 (the power).
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        plain(self)
        finite("power", self.power, "positive", 0, above=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax:
    r"""Send a softmax with a temperature of its own: :math:`z_k = e^{u_k / \tau} / \sum_l e^{u_l / \tau}`.

    Parameters
    ----------
    temperature : float
        :math:`\tau`, positive, in units of potential.
    """

    temperature: float

    def __post_init__(self) -> None:
        plain(self)
        temperature(self.temperature)


Transmit = Identity | ReLU | Triangle | Softmax
