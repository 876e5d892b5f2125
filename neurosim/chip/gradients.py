r"""Forward and backward pass of a frozen chip of dense layers, in NumPy: for gradients with respect to the sample.

Of every layer, for m the norm that `normalise` divides by:

.. math:: u = V^T x / m, \qquad V_{ik} = \mathrm{sign}(w_{ki}) |w_{ki}|^{p-1}, \qquad z = g(u)

and of the last one :math:`\ln y = \ln \mathrm{softmax}(f(u) / \tau + \ln q)`, where q are the shares of a `LogPrior`.
Other biases act in learning alone. A head (`Head`) turns the last layer into log P(c | x).
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import plain_number
from neurosim.checks import temperature as check_temperature
from neurosim.chip.activation_slopes import Real, activate, slope_before
from neurosim.chip.last_layer import Differentiable, Float, Head, LastLayer, TaughtHead
from neurosim.chip.samples import as_classes, is_one
from neurosim.chip.saved import SavedChip
from neurosim.engine.base import WorkingLayer
from neurosim.engine.dense.layer import DenseLayer
from neurosim.errors import ConfigError, SampleError
from neurosim.layers.biases import AdaptiveThreshold, LogPrior
from neurosim.layers.dense import DenseWTA
from neurosim.outside.arrays import WHOLE, numbers

SMALLEST = 1.1754944e-38  # a sample whose |x|^2 is smaller is one of zeros, as in the compiled loops
TOGETHER = 512  # samples of a block, so that memory does not grow with their number
READOUT = "SoftLabels, a LinearReadout, or None where the last layer is Corrected"


class Forward(NamedTuple):
    """What the backward pass needs of a layer's forward pass.

    Attributes
    ----------
    unit_samples : float64 or float32 (samples, inputs)
        Samples as the layer normalises them.
    gains : like unit_samples (samples, 1)
        What they were multiplied by.
    potentials : like unit_samples (samples, neurons)
        u.
    """

    unit_samples: Real
    gains: Real
    potentials: Real


class LayerPass:
    """Copies of what a frozen dense layer has learned, and its two passes.

    Attributes
    ----------
    weights : float64 or float32 (inputs, neurons)
        V.
    mean_norm : float or None
        The frozen mean of the norm that samples are divided by; None where each is divided by its own, or by none.
    by_sample : bool
        Whether each sample is divided by its own norm: also where no norm was seen of which to take a mean.
    log_prior : float64 or float32 (neurons,)
        ln q; zeros without a `LogPrior`.
    """

    def __init__(self, layer: DenseLayer, dtype: Float) -> None:
        self.constants = layer.constants
        arrays, p = layer.arrays(), layer.constants.lebesgue
        self.weights = arrays["synapses"].astype(dtype) * arrays["scales"].astype(dtype)
        if p != 2:
            self.weights = np.sign(self.weights) * np.abs(self.weights) ** (p - 1)
        followed = self.constants.normalise == "stream" and layer.samples > layer.blanks
        self.mean_norm = float(arrays["input_norm"][0]) if followed else None
        self.by_sample = self.constants.normalise != "none" and not followed
        self.log_prior = np.zeros(self.constants.neurons, dtype)
        if isinstance(self.constants.bias, LogPrior):
            with np.errstate(divide="ignore"):  # of a neuron dead for long, whose share has come to 0
                self.log_prior = np.log(arrays["activity"].astype(dtype))

    def forward(self, samples: Real) -> Forward:
        """Return what the layer makes of samples (samples, inputs); those of zeros have potentials of 0."""
        squares = np.einsum("ni,ni->n", samples, samples)
        gains = np.full_like(squares, 1 if self.mean_norm is None else 1 / self.mean_norm)
        if self.by_sample:
            gains = 1 / np.sqrt(np.maximum(squares, SMALLEST))
        gains = np.where(squares < SMALLEST, 0, gains)[:, None]
        unit_samples = samples * gains
        return Forward(unit_samples, gains, unit_samples @ self.weights)

    def backward(self, forward: Forward, slope: Real) -> Real:
        """Return the slope with respect to the samples of what has a slope with respect to the potentials.

        Where x / |x| has no slope, at samples of zeros, it is 0.
        """
        inputs: Real = slope @ self.weights.T
        if self.by_sample:  # what is along the sample has no influence
            inputs -= forward.unit_samples * (slope * forward.potentials).sum(axis=1, keepdims=True)
        inputs *= forward.gains
        return inputs


class Passes:
    """A frozen chip with a head, as a function of the sample: log P(c | x) and its gradient.

    Weights are copied once: what the chip learns later has no influence.

    Parameters
    ----------
    chip : Chip
        Of dense layers.
    readout : SoftLabels, LinearReadout or None
        None: the last layer is taught (`Corrected`), and its softmax is P(c | x).
    temperature : float, optional
        In place of the last layer's; turns a `HardWTA` into the softmax of which it is the limit.
    dtype : float64 or float32
        Of the arithmetic.

    Raises
    ------
    ConfigError
        If a layer is not dense, or the last layer and the readout have no log P(c | x); if a temperature is given that
        has no influence.
    """

    def __init__(
        self, chip: SavedChip, readout: object, *, temperature: float | None = None, dtype: Float = np.float64
    ) -> None:
        if dtype not in (np.float32, np.float64):
            raise ConfigError("dtype", "numpy.float64 or numpy.float32", dtype)
        self.dtype, self.shape, self.inputs = dtype, chip.shape, chip.inputs
        constants = _last_constants(chip.layers)
        self.head = _head(readout, constants, dtype)
        with chip._reading():
            self.sharpness = _sharpness(self.head, chip.layers[-1], temperature)
            self.layers = [LayerPass(layer, dtype) for layer in chip.layers if isinstance(layer, DenseLayer)]
        if self.head.of_shares:
            _check_shares(constants, self.sharpness)

    def log_proba(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Return log P(c | x): float64 (samples, classes).

        Raises
        ------
        SampleError
            If the samples are not numbers (samples, inputs), or one or its :math:`|x|^2` is not finite.
        """
        samples = self.checked(samples)
        values = np.empty((len(samples), self.head.classes))
        for block in _blocks(len(samples)):
            values[block] = self.head.log_proba(self._forward(samples[block])[1])
        return values

    def gradient(self, samples: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
        """Return d log P(label | x) / dx of each sample: float64 (samples, inputs).

        Raises
        ------
        ConfigError
            If the competition has no gradient.
        SampleError
            As in `log_proba`; if labels are not whole numbers of classes, one for each sample.
        """
        self.check_gradient()
        samples = self.checked(samples)
        labels = as_classes(labels, len(samples), self.head.classes)
        values = np.empty((len(samples), self.inputs))
        for block in _blocks(len(samples)):
            forwards, last = self._forward(samples[block])
            values[block] = self._backward(forwards, self.head.slope(last, labels[block]))
        return values

    def check_gradient(self) -> None:
        """Refuse, by ConfigError, a hard competition, whose winner has no slope."""
        if self.head.of_shares and self.sharpness is None:
            advice = "give a temperature for the softmax of which it is the limit, or a LinearReadout"
            competition = self.layers[-1].constants.competition
            raise ConfigError("competition of the last layer", "a softmax to have a gradient", competition, advice)

    def checked(self, samples: object) -> Real:
        """Return samples in the passes' dtype, (samples, inputs), or raise SampleError."""
        array = numbers("samples", samples)
        if array.ndim < 2 or array.shape[1:] not in (self.shape, (self.inputs,)):
            raise SampleError(f"samples must have the shape (samples, {self.inputs}), got {array.shape}")
        with np.errstate(over="ignore"):  # what is infinite is refused
            values: Real = array.reshape(-1, self.inputs).astype(self.dtype, copy=False)
            norms = np.einsum("ni,ni->n", values, values)
        if not np.isfinite(norms).all():
            number = int(np.argmin(np.isfinite(norms)))
            raise SampleError(f"sample {number} must be finite, as must be its |x|^2 in {np.dtype(self.dtype)}")
        return values

    def _forward(self, samples: Real) -> tuple[list[Forward], LastLayer]:
        forwards = [self.layers[0].forward(samples)]
        for before, layer in pairwise(self.layers):
            forwards.append(layer.forward(activate(before.constants.transmit, forwards[-1].potentials)))
        last = self.layers[-1]
        return forwards, LastLayer(forwards[-1].potentials, last.constants, self.sharpness, last.log_prior)

    def _backward(self, forwards: list[Forward], slope: Real) -> Real:
        slope = self.layers[-1].backward(forwards[-1], slope)
        for layer, forward in zip(self.layers[-2::-1], forwards[-2::-1], strict=True):
            slope = layer.backward(forward, slope_before(layer.constants.transmit, forward.potentials, slope))
        return slope


def gradient(chip: SavedChip, x: object, readout: object, labels: object) -> NDArray[np.float64]:
    """Return what `Chip.gradient` does."""
    array = numbers("samples", x)
    one, numbered = is_one(array, chip.shape), numbers("labels", labels, WHOLE)
    values = Passes(chip, readout).gradient(array[None] if one else array, numbered.reshape(-1) if one else numbered)
    return values.reshape(array.shape)


def _blocks(count: int) -> list[slice]:
    return [slice(start, start + TOGETHER) for start in range(0, count, TOGETHER)]


def _last_constants(layers: tuple[WorkingLayer, ...]) -> DenseWTA:
    for layer in layers:
        if not isinstance(layer.constants, DenseWTA):
            kind = type(layer.constants).__name__
            raise ConfigError("layers", "all DenseWTA to have a gradient", kind, "convolutional ones have none here")
        if layer.constants.devices is not None:
            raise ConfigError("devices", "None to have a gradient", layer.constants.devices, "that of cells is unknown")
    last: DenseWTA = layers[-1].constants
    return last


def _head(readout: object, constants: DenseWTA, dtype: Float) -> Head:
    if readout is None:
        return TaughtHead(constants)
    if isinstance(readout, type):
        raise ConfigError("readout", READOUT, f"the class {readout.__name__}", "make one, add samples, then finish")
    if not isinstance(readout, Differentiable):
        raise ConfigError("readout", READOUT, type(readout).__name__, "no other has a gradient")
    return readout.head(constants, dtype)


def _check_shares(constants: DenseWTA, sharpness: float | None) -> None:
    """Refuse a last layer whose P(k | x) is not known, or not that of potentials and a prior alone."""
    competition = constants.competition
    if sharpness is None and getattr(competition, "relative_temperature", None) is not None:
        advice = "its temperature is relative to what it learns, and it has learned nothing: train it, or give one"
        raise ConfigError("competition of the last layer", "of a known temperature", competition, advice)
    if isinstance(constants.bias, AdaptiveThreshold):
        advice = "a LinearReadout reads potentials, which have no threshold"
        raise ConfigError("bias of the last layer", "None or a LogPrior for P(k | x)", constants.bias, advice)


def _sharpness(head: Head, last: WorkingLayer, temperature: float | None) -> float | None:
    """Return 1 / tau of the last layer's softmax as it is now; None where there is none."""
    if temperature is None:
        return last.sharpness if last.constants.competition.posterior else None
    temperature = plain_number(temperature)
    check_temperature(temperature)
    if not head.of_shares:
        raise ConfigError("temperature", "None with a readout of potentials", temperature, "it has no influence")
    return float(1 / temperature)
