"""Rules of plasticity: how a neuron's response becomes its two numbers, decay and growth."""

from dataclasses import dataclass

from neurosim.checks import finite, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftHebb:
    r"""SoftHebb: Hebbian growth, with a decay that draws each neuron's norm to one.

    .. math::

        \Delta w_k = \eta_k\, y_k\, (x - u_k w_k), \qquad
        \eta_k = \max(\eta\, |\, \|w_k\| - 1 |^q,\; \eta_{min})

    It is the linear potential :math:`u_k` that multiplies the weights, not the response. In decay and growth:
    :math:`a_k = 1 - \eta_k y_k u_k`, :math:`c_k = \eta_k y_k`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, not negative, per sample.
    power : float
        :math:`q`, not negative: a neuron slows down as its norm comes near one; 0 keeps the rate constant.
    floor : float
        :math:`\eta_{min}`, not negative. Above 0 a neuron never stops: what a stream that drifts needs.

    Raises
    ------
    ConfigError
        If a constant is negative or not finite.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017, the plasticity rule;
    Journé et al., ICLR 2023, arXiv 2209.11883, the rate that adapts to the norm.
    """

    rate: float
    power: float = 0.5
    floor: float = 0.0

    def __post_init__(self) -> None:
        plain(self)
        finite("rate", self.rate, "at least 0", 0)
        finite("power", self.power, "at least 0", 0)
        finite("floor", self.floor, "at least 0", 0)


Rule = SoftHebb
