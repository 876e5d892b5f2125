"""The last layer of a frozen chip as gradients take it: its posterior P(k | x), and what a readout makes of it."""

from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.activation_slopes import Real, activate, log_softmax, slope_before
from neurosim.errors import ConfigError
from neurosim.layers.competition import Competition, Corrected, HardWTA
from neurosim.layers.dense import DenseWTA

Float = type[np.float32] | type[np.float64]


def check_posterior(competition: Competition) -> None:
    """Refuse, by ConfigError, a last layer whose frozen response is no posterior P(k | x)."""
    if not competition.posterior:
        rule = "SoftWTA, neither signed nor winner_only, or Corrected, whose response is P(k | x)"
        advice = "give the last layer such a competition: neurosim.recipes.softhebb has one"
        raise ConfigError("competition of the last layer", rule, competition, advice)


def check_shares(layer: DenseWTA) -> None:
    """Refuse, by ConfigError, a last layer whose frozen response is neither a posterior nor the winner alone."""
    if not isinstance(layer.competition, HardWTA):
        check_posterior(layer.competition)


class LastLayer:
    """The last layer's state for some samples.

    Attributes
    ----------
    potentials : float64 or float32 (samples, neurons)
        u.
    constants : DenseWTA
    log_shares : like potentials
        ln P(k | x); of a hard competition 0 for the winner, and minus infinity for all others.
    """

    def __init__(self, potentials: Real, constants: DenseWTA, sharpness: float | None, log_prior: Real) -> None:
        self.potentials, self.constants = potentials, constants
        self._sharpness, self._log_prior = sharpness, log_prior

    @cached_property
    def log_shares(self) -> Real:
        """Logarithms of P(k | x)."""
        drives = activate(self.constants.activation, self.potentials)
        if self._sharpness is None:
            winners = drives.argmax(axis=1)
            return np.where(np.arange(drives.shape[1]) == winners[:, None], 0, -np.inf).astype(drives.dtype)
        return log_softmax(drives * self._sharpness + self._log_prior)

    def slope_of_potentials(self, slope: Real) -> Real:
        """Return the slope with respect to u of what has a slope with respect to the exponents of the softmax."""
        assert self._sharpness is not None, "Passes.check_gradient comes first"
        return slope_before(self.constants.activation, self.potentials, slope * self._sharpness)


class Head(Protocol):
    """What a readout is to the passes: log P(c | x) of the last layer, and its slope there.

    Attributes
    ----------
    classes : int
        How many; label c is column c.
    of_shares : bool
        Whether it reads P(k | x), which has a temperature, and not the potentials.
    """

    classes: int
    of_shares: bool

    def log_proba(self, last: LastLayer) -> Real:
        """Return log P(c | x): (samples, classes)."""

    def slope(self, last: LastLayer, labels: NDArray[np.int64]) -> Real:
        """Return the slope of log P(label | x) with respect to the potentials: (samples, neurons)."""


@runtime_checkable
class Differentiable(Protocol):
    """A readout that has a head."""

    def head(self, layer: DenseWTA, dtype: Float) -> Head:
        """Return its head for a last layer.

        Raises
        ------
        ConfigError
            If it is not fitted, or not to such a layer.
        """


class TaughtHead:
    """The head of a last layer that is taught by the delta rule: neuron c is class c, so P(c | x) is its softmax."""

    of_shares = True

    def __init__(self, layer: DenseWTA) -> None:
        if not isinstance(layer.competition, Corrected):
            advice = "give the readout that names its neurons: SoftLabels or a LinearReadout"
            raise ConfigError("readout", f"given where the last layer is {layer.competition}", None, advice)
        self.classes = layer.neurons

    def log_proba(self, last: LastLayer) -> Real:
        """Return log P(c | x)."""
        return last.log_shares

    def slope(self, last: LastLayer, labels: NDArray[np.int64]) -> Real:
        """Return the slope of log P(label | x) with respect to the potentials."""
        slope = -np.exp(last.log_shares)
        slope[np.arange(len(labels)), labels] += 1
        return last.slope_of_potentials(slope)
