r"""Devices: what the synapses of a dense layer are made of, where they are not exact numbers.

First-order models of the cells of a crossbar, inside the learning loop; `docs/devices.md` has equations and sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from neurosim.checks import finite, number, plain, plain_number, whole
from neurosim.errors import ConfigError
from neurosim.layers.families import Family

__all__ = ["Crossbar"]

MOST_STATES = 2**15
MOST_ADC_BITS = 16
Numbers = tuple[float, ...]


class Devices(Family):
    """Base of all kinds of devices."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossbar(Devices):
    r"""Synapses that are pairs of memory cells in a crossbar; every effect is off by default.

    .. math::

        g_{ki}(t) = v_{ki} \Big(1 + \frac{t - t_{ki}}{t_0}\Big)^{-\nu_{ki}}, \qquad
        u_k = s_k \, \mathrm{ADC}\Big(\sum_i x_i g_{ki} - d_k + \sigma_k \xi_k\Big), \qquad
        v_{ki} \leftarrow g_{ki} + c_k x_i / s_k + \sigma_p \xi_{ki}

    A weight is :math:`w_{ki} = s_k v_{ki}`: v, from -1 to 1, is the difference of a pair's conductances in units of the
    largest, the scale s of a neuron is digital, and decay is the scale's. If a synapse would leave the range, all of
    its neuron's cells are programmed anew at half of what they were, and the scale doubles. Below, g is
    :math:`|v|`. Where four numbers (a, b, least, most) are given, they mean
    :math:`\min(\max(a \ln g + b, least), most)`.

    Parameters
    ----------
    states : int, optional
        Conductances that a cell can be programmed to, from none to the largest, from 2 to 32,768. Growth is rounded to
        whole steps by the layer's `rounding`, from the state that a cell is nearest. By default any.
    programming_noise : float or tuple of up to three floats
        Deviation of what a cell is programmed to, in units of the largest conductance: a number, or
        :math:`p_0 + p_1 g + p_2 g^2`. No conductance falls below 0.
    drift : float or four floats
        Mean of the exponent :math:`\nu` of a cell, which is drawn anew with each programming; at least 0.
    drift_spread : float or four floats
        Deviation of the exponent; one that comes out below 0 counts without its sign.
    drift_start_s : float
        :math:`t_0`, seconds, positive: a cell begins to drift so long after it was programmed.
    sample_s : float
        Seconds from one sample that is learned from to the next, at least 0: what time is to cells.
    idle_s : float
        Seconds from the last sample that was learned from to a response, at least 0: all cells have aged so much more.
        While the chip learns it has no influence. `Chip.with_constants(idle_s=86400.0)` is the chip a day later.
    read_noise : float
        Deviation of what a cell is each time that it is read, in units of the largest conductance.
    flicker_noise : float or three floats
        Of 1/f noise, as a share of the conductance: q, or :math:`\min(q g^{-p}, most)` from (q, p, most); times
        :math:`\sqrt{\ln((t + t_0 + t_r) / 2 t_r)}`, drawn anew at each read.
    read_time_s : float
        :math:`t_r`, seconds, positive: how long a read takes.
    adc_bits : int, optional
        From 2 to 16: a column's sum becomes a whole number from :math:`-(2^{bits-1} - 1)` to :math:`2^{bits-1} - 1`.
        By default converters are exact.
    adc_range : float, optional
        The sum :math:`\sum_i x_i v_{ki}` of the highest number, positive, in units of input times the largest
        conductance; beyond it, converters saturate. Given if `adc_bits` is.
    ir_drop : float
        :math:`r`, the largest conductance times the resistance of the wire from one cell to the next, at least 0:
        :math:`a_k = D r \sum_i |x_i g_{ki}|`, :math:`d_k = \frac{3}{2} (1 - \tanh(\sqrt{a_k}) / \sqrt{a_k})
        \sum_i x_i g_{ki} (1 - (1 - i / D)^2)` of D inputs, of which the first is next to the converter.

    Raises
    ------
    ConfigError
        If a number breaks its rule.

    References
    ----------
    Joshi et al., Nature Communications 11 (2020) 2473, and Nandakumar et al., IEEE ICECS (2019), as aihwkit's
    `PCMLikeNoiseModel` has them: programming noise, drift, 1/f noise. aihwkit's `rpu_forward_backward_pass.cpp` and
    `IOParameters`: the drop of voltage, and the converter.
    """

    PCM: ClassVar[dict[str, Any]] = {
        # aihwkit's PCMLikeNoiseModel: a fit in uS, where the largest conductance is 25 uS.
        "programming_noise": (0.26348 / 25, 1.9650 / 25, -1.1731 / 25),
        "drift": (-0.0155, 0.0244, 0.049, 0.1),
        "drift_spread": (-0.0125, -0.0059, 0.008, 0.045),
        "flicker_noise": (0.0088, 0.65, 0.2),
    }

    states: int | None = None
    programming_noise: float | Numbers = 0.0
    drift: float | Numbers = 0.0
    drift_spread: float | Numbers = 0.0
    drift_start_s: float = 20.0
    sample_s: float = 1e-3
    idle_s: float = 0.0
    read_noise: float = 0.0
    flicker_noise: float | Numbers = 0.0
    read_time_s: float = 250e-9
    adc_bits: int | None = None
    adc_range: float | None = None
    ir_drop: float = 0.0

    def __post_init__(self) -> None:
        plain(self)
        for name, count in (("programming_noise", 3), ("drift", 4), ("drift_spread", 4), ("flicker_noise", 3)):
            object.__setattr__(self, name, _checked(name, getattr(self, name), count))
        if self.states is not None:
            whole("states", self.states, 2, MOST_STATES)
        for name in ("sample_s", "idle_s", "read_noise", "ir_drop"):
            finite(name, getattr(self, name), "at least 0", 0)
        for name in ("drift_start_s", "read_time_s"):
            finite(name, getattr(self, name), "positive", 0, above=True)
        if self.drift_start_s <= self.read_time_s and self.flicker_noise != 0:
            advice = "1/f noise is of frequencies up to that of a read"
            raise ConfigError("drift_start_s", "above read_time_s with flicker_noise", self.drift_start_s, advice)
        self._check_converter()

    def _check_converter(self) -> None:
        if self.adc_bits is not None:
            whole("adc_bits", self.adc_bits, 2, MOST_ADC_BITS)
        if self.adc_range is not None:
            finite("adc_range", self.adc_range, "positive", 0, above=True)
        if (self.adc_bits is None) != (self.adc_range is None):
            advice = "a converter has bits and a range"
            raise ConfigError("adc_bits and adc_range", "given both, or none", (self.adc_bits, self.adc_range), advice)

    @classmethod
    def pcm(cls, **changes: Any) -> Self:
        """Return cells of phase-change memory, by aihwkit's `PCMLikeNoiseModel`, with some constants in place of its.

        Parameters
        ----------
        **changes
            Constants of `Crossbar`.
        """
        return cls(**{**cls.PCM, **changes})

    @property
    def ages(self) -> bool:
        """Whether what a cell is depends on when it was programmed."""
        return any(getattr(self, name) != 0 for name in ("drift", "drift_spread", "flicker_noise"))

    def polynomial(self) -> Numbers:
        """Return the three coefficients of the programming noise."""
        return (*_several(self.programming_noise), 0.0, 0.0)[:3]

    def exponent(self, name: str) -> Numbers:
        """Return the four numbers of `drift` or `drift_spread`."""
        given = _several(getattr(self, name))
        return given if len(given) == 4 else (0.0, given[0], given[0], given[0])

    def flicker(self) -> Numbers:
        """Return the three numbers of the 1/f noise."""
        given = _several(self.flicker_noise)
        return given if len(given) == 3 else (given[0], 0.0, given[0])


def _several(value: Any) -> Numbers:
    return value if isinstance(value, tuple) else (value,)


def _checked(name: str, value: Any, count: int) -> float | Numbers:
    """Return one number, or so many as a tuple; refuse other values."""
    rule = "up to three numbers" if name == "programming_noise" else f"{count} numbers"
    if isinstance(value, Sequence) and not isinstance(value, str):
        numbers = tuple(plain_number(one) for one in value)
        if len(numbers) != count and not (name == "programming_noise" and 1 <= len(numbers) < count):
            raise ConfigError(name, f"a number or {rule}", value)
        for one in numbers:
            finite(name, one, f"a number or {rule}")
        if len(numbers) == 4 and not 0 <= numbers[2] <= numbers[3]:
            raise ConfigError(name, "four numbers, of which 0 <= third <= fourth", value)
        if name == "flicker_noise" and min(numbers) < 0:
            raise ConfigError(name, "numbers of at least 0", value)
        return numbers
    number(name, value, f"at least 0, or {rule}", 0)
    finite(name, value, "at least 0", 0)
    return float(value)
