"""The papers' algorithms as layers: a competition and a rule, composed with constants and a source."""

from typing import Any

from neurosim.competition import SoftWTA
from neurosim.errors import ConfigError
from neurosim.layers import DenseWTA
from neurosim.rules import SoftHebb
from neurosim.transmit import Triangle

TEMPERATURE = 0.01
RATE = 1.5


def softhebb(
    neurons: int, *, temperature: float | None = None, gain: float | None = None, rate: float = RATE, **constants: Any
) -> DenseWTA:
    """Return a SoftHebb layer whose defaults hold for any scale of the input and for 100 to 4,000 neurons.

    The input is taken in units of its own norm, so a potential is the neuron's norm times a cosine, and the
    temperature is measured against that. Where the default constants come from: `docs/measured.md`.

    Parameters
    ----------
    neurons : int
    temperature, gain : float, optional
        Softness of the competition, as in `SoftWTA`; give at most one. Default: temperature 0.01.
    rate : float
        As in `SoftHebb`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017.
    """
    if temperature is not None and gain is not None:
        raise ConfigError("temperature or gain", "given, one of the two at most", (temperature, gain))
    if temperature is None and gain is None:
        temperature = TEMPERATURE
    chosen: dict[str, Any] = {
        "competition": SoftWTA(temperature=temperature, gain=gain),
        "rule": SoftHebb(rate=rate),
        "normalise": "sample",
        "radius": 5.0,
        "cap": 0.25,
        "transmit": Triangle(power=2),
    }
    return DenseWTA(neurons, **(chosen | constants))
