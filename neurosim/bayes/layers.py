"""Layers whose responses are the posterior of a mixture: what a model takes from one, and the samples that it sees."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import whole
from neurosim.chip.chip import Chip
from neurosim.chip.learning import Samples
from neurosim.errors import ConfigError, SampleError
from neurosim.layers.activations import Identity
from neurosim.layers.biases import AdaptiveThreshold, LogPrior
from neurosim.layers.competition import SoftWTA
from neurosim.layers.dense import DenseWTA

Array = NDArray[np.float64]
CHUNK = 256  # samples that a chip responds to at a time


def model_layer(chip: Chip, layer: int) -> tuple[Array, float, Array | None]:
    """Return the weights (neurons, inputs) of a layer, its inverse temperature, and its shares if it learns them.

    Raises
    ------
    ConfigError
        If its responses are not the posterior of a mixture of one concentration; if there is no such layer or chip.
    ConcurrentUseError
        If another thread is using the chip.
    """
    _check_layer(chip, layer)
    working = chip.layers[layer]
    _check_model(f"layer {working.index + 1}", working.constants)
    competition, bias = working.constants.competition, working.constants.bias
    with chip._reading():
        weights, activity = working.weights.astype(np.float64), np.array(working.state.activity, np.float64)
        sharpness = working.sharpness
    if sharpness is None:
        advice = "its temperature is relative to what it has learned"
        raise ConfigError(f"layer {working.index + 1}", "one that has learned, to be a mixture", competition, advice)
    return weights, sharpness, activity / activity.sum() if isinstance(bias, LogPrior) else None


def _check_layer(chip: object, layer: int) -> None:
    if not isinstance(chip, Chip):
        raise ConfigError("chip", "a Chip", type(chip).__name__)
    whole("layer", layer, -len(chip.layers), len(chip.layers) - 1)


def _check_model(name: str, constants: Any) -> None:
    """Refuse a layer whose responses are not the posterior of a mixture of one concentration; `name` is for errors."""
    if not isinstance(constants, DenseWTA):
        raise ConfigError(name, "a DenseWTA to be a mixture", type(constants).__name__)
    competition = constants.competition
    if not isinstance(competition, SoftWTA) or not competition.posterior:
        raise ConfigError(name, "one with SoftWTA, neither signed nor of the winner only, to be a mixture", competition)
    if not isinstance(constants.activation, Identity) or constants.lebesgue != 2:
        rule = "one whose potentials w.x compete as they are, with lebesgue 2, to be a mixture"
        raise ConfigError(name, rule, (constants.activation, constants.lebesgue))
    if isinstance(constants.bias, AdaptiveThreshold):
        advice = "frozen responses have its thresholds, too, and are no posterior"
        raise ConfigError(name, "one without AdaptiveThreshold to be a mixture", constants.bias, advice)
    if constants.devices is not None:
        advice = "what cells make of a potential is another for each sample"
        raise ConfigError(name, "one without devices to be a mixture", constants.devices, advice)
    if constants.normalise != "sample":
        advice = "otherwise the concentration |x| / temperature is another one for each sample"
        raise ConfigError(name, 'one with normalise="sample" to be a mixture', constants.normalise, advice)


def direct(weights: Array) -> Array:
    """Return weights at norm one.

    Raises
    ------
    ConfigError
        If a neuron's are all zeros.
    """
    norms = np.linalg.norm(weights, axis=1, keepdims=True)
    if not norms.all():
        raise ConfigError(f"weights of neuron {int(np.argmin(norms))}", "not all zeros, to have a direction", 0.0)
    directions: Array = weights / norms
    return directions


def layer_inputs(chip: Chip, samples: Samples, layer: int = -1) -> NDArray[np.float32]:
    """Return what a layer sees: the samples themselves, or what the layer before it transmits.

    Parameters
    ----------
    chip : Chip
        It is not changed.
    samples : Stream, float32 (samples, inputs), or iterable
        As in `Chip.respond`.
    layer : int
        Index of the layer, by default the last.

    Returns
    -------
    float32 (samples, inputs of the layer)
        All in memory.

    Raises
    ------
    ConfigError
        If there is no such layer, or the chip is none.
    SampleError, StreamError, DivergedError
        As in `Chip.respond`.
    """
    _check_layer(chip, layer)
    before = layer % len(chip.layers) - 1
    if before < 0:
        parts = [block.samples for block in chip.blocks(samples, CHUNK)]
    else:
        parts = [response.output for response, _ in chip.respond_blocks(samples, chunk=CHUNK, layer=before)]
    if not parts:
        raise SampleError("samples must be at least one, got none")
    return np.concatenate(parts)
