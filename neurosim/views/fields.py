"""Figures of what neurons look for: their weights as images, and the patches that they answer to most."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import receptive_fields as seen
from neurosim.checks import LARGEST, whole
from neurosim.chip.chip import Chip
from neurosim.chip.learning import Samples
from neurosim.engine.conv.layer import ConvLayer
from neurosim.errors import ConfigError
from neurosim.reporting.figures import picture
from neurosim.reporting.pictures import CHANNELS, patches_picture, weights_picture
from neurosim.views.use import layer_of

COUNT = 64  # fields of a figure, unless told otherwise


def receptive_fields(chip: Chip, layer: int = 0, *, shape: tuple[int, ...] | None = None, count: int = COUNT) -> Any:
    """Return a figure of the weights of the most used neurons as images, the most used first.

    Each image has its own scale. Weights that are never negative are grey, black at 0; others are blue below 0 and
    vermilion above; three channels are colours.

    Parameters
    ----------
    chip : Chip
    layer : int
        Index from 0.
    shape : tuple of int, optional
        Of the layer's inputs as an image, (height, width) or (channels, height, width) of 1 or 3 channels; by default
        the chip's own, if its samples are images. A convolutional layer has its own.
    count : int
        Neurons shown, at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If there is no such layer, its inputs are no image, or matplotlib is missing.
    """
    working = layer_of(chip, layer)
    whole("count", count, 1, LARGEST)
    image = field_shape(chip, layer, shape)
    chosen = most_used(working, count)
    tiles = working.weights_of(chosen).reshape(len(chosen), *image)
    sheet = weights_picture(tiles, math.ceil(math.sqrt(len(tiles))))
    wins = working.wins[chosen]
    used = f"wins {wins[0]:,} to {wins[-1]:,}" if wins[0] else "no wins yet"
    title = f"Layer {layer + 1}: {len(chosen):,} of {working.constants.neurons:,} neurons, {used}"
    return picture(sheet / 255, title)


def strongest_patches(
    chip: Chip,
    stream: Samples,
    layer: int = 0,
    *,
    shape: tuple[int, ...] | None = None,
    count: int = 8,
    patches: int = 8,
) -> Any:
    """Return a figure of the patches of a stream's images that the most used neurons answer to far more than others.

    A row is a neuron, and its patches come from different images, the strongest first. Neurons of a dense layer see
    whole samples, and these are shown.

    Parameters
    ----------
    chip : Chip
        It is not changed.
    stream : Stream, float32 (samples, inputs), or iterable
    layer : int
        Index from 0.
    shape : tuple of int, optional
        Of a sample as an image, as in `receptive_fields`; by default the chip's own.
    count, patches : int
        Neurons shown, at most, and patches of each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If there is no such layer, samples are no images of 1 or 3 channels, or matplotlib is missing.
    SampleError, StreamError
        As in `Chip.respond`.
    """
    working = layer_of(chip, layer)
    for name, number in (("count", count), ("patches", patches)):
        whole(name, number, 1, LARGEST)
    image, chosen = sample_shape(chip, shape), most_used(working, count)
    if isinstance(working, ConvLayer):
        found = seen.strongest_patches(chip, stream, layer=layer, neurons=chosen, count=patches)
    else:
        found = seen.strongest_samples(chip, stream, layer=layer, neurons=chosen, count=patches)
        found = found.reshape(len(chosen), patches, *image)
    sheet = patches_picture(found.reshape(-1, *found.shape[2:]), patches)
    return picture(sheet / 255, f"Layer {layer + 1}: a row of strongest inputs for each of {len(chosen):,} neurons")


def most_used(layer: Any, count: int) -> NDArray[np.int64]:
    """Return the neurons of a layer that won most, the most used first: int64, at most `count`."""
    return np.argsort(-layer.wins, kind="stable")[:count]


def field_shape(chip: Chip, layer: int, shape: tuple[int, ...] | None = None) -> tuple[int, int, int]:
    """Return channels, height and width of the images that a layer's weights are.

    Raises
    ------
    ConfigError
        If they are none, or have other than 1 or 3 channels.
    """
    working = layer_of(chip, layer)
    if isinstance(working, ConvLayer):
        if working.image[0] not in CHANNELS:
            advice = "strongest_patches shows what its neurons look for"
            raise ConfigError(f"channels of layer {layer + 1}", "1 or 3 to show weights", working.image[0], advice)
        return working.image[0], working.constants.kernel, working.constants.kernel
    if shape is None and layer == 0:
        shape = chip.shape
    return _as_image(shape, working.inputs, f"inputs of layer {layer + 1}")


def sample_shape(chip: Chip, shape: tuple[int, ...] | None = None) -> tuple[int, int, int]:
    """Return channels, height and width of the images that the chip's samples are; ConfigError if they are none."""
    return _as_image(chip.shape if shape is None else shape, chip.inputs, "inputs of a sample")


def _as_image(shape: tuple[int, ...] | None, inputs: int, what: str) -> tuple[int, int, int]:
    if shape is None or len(shape) not in (2, 3):
        rule = f"given as H,W or C,H,W: the {inputs:,} {what} do not say what image they are"
        raise ConfigError("shape", rule, shape)
    channels, height, width = (1, *shape) if len(shape) == 2 else shape
    if channels not in CHANNELS or channels * height * width != inputs or min(height, width) < 1:
        raise ConfigError("shape", f"H,W or C,H,W, of 1 or 3 channels, that make the {inputs:,} {what}", shape)
    return channels, height, width
