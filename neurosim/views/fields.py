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
from neurosim.reporting.figures import new_figure
from neurosim.views.use import layer_of

COUNT = 64  # fields of a figure, unless told otherwise
SHOWN = (1, 3)  # channels that make a picture: grey, or red, green and blue


def receptive_fields(chip: Chip, layer: int = 0, *, shape: tuple[int, ...] | None = None, count: int = COUNT) -> Any:
    """Return a figure of the weights of the most used neurons as images, the most used first.

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
    tiles = working.weights[chosen].reshape(len(chosen), *image)
    figure = new_figure(7, 7)
    columns = math.ceil(math.sqrt(len(tiles)))
    grid = np.atleast_1d(figure.subplots(-(-len(tiles) // columns), columns)).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, tile in zip(grid, tiles, strict=False):
        axes.imshow(tile[0], cmap="gray")
    return figure


def strongest_patches(chip: Chip, stream: Samples, layer: int = 0, *, count: int = 12, patches: int = 9) -> Any:
    """Return a figure of the patches of a stream's images that the most used neurons answer to far more than others.

    Parameters
    ----------
    chip : Chip
        A chip that takes images; it is not changed.
    stream : Stream, float32 (samples, inputs), or iterable
    layer : int
        Index from 0.
    count, patches : int
        Neurons shown, at most, and patches of each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If there is no such layer, the chip takes no images, or matplotlib is missing.
    SampleError, StreamError
        As in `Chip.respond`.
    """
    working = layer_of(chip, layer)
    found = seen.strongest_patches(chip, stream, layer=layer, neurons=most_used(working, count), count=patches)
    figure = new_figure(7, 7)
    grid = figure.subplots(*found.shape[:2], squeeze=False)
    for row, tiles in zip(grid, found, strict=True):
        for axes, tile in zip(row, tiles, strict=True):
            axes.set_axis_off()
            axes.imshow(tile[0], cmap="gray")
    return figure


def most_used(layer: Any, count: int) -> NDArray[np.int64]:
    """Return the neurons of a layer that won most, the most used first: int64, at most `count`."""
    return np.argsort(-layer.wins, kind="stable")[:count]


def field_shape(chip: Chip, layer: int, shape: tuple[int, ...] | None = None) -> tuple[int, int, int]:
    """Return channels, height and width of the images that a layer's weights are; ConfigError if they are none."""
    working = layer_of(chip, layer)
    if isinstance(working, ConvLayer):
        image: tuple[int, ...] = working.weights.shape[1:]
    elif shape is not None:
        image = (1, *shape) if len(shape) == 2 else shape
    elif layer == 0 and len(chip.shape) == 3:
        image = chip.shape
    else:
        raise ConfigError(
            "shape", f"H,W or C,H,W of the {working.inputs} inputs of layer {layer + 1}, which are no image", None
        )
    if len(image) != 3 or math.prod(image[-2:]) * image[0] * working.constants.neurons != working.weights.size:
        raise ConfigError("shape", f"H,W or C,H,W of {working.inputs} inputs", shape)
    if image[0] not in SHOWN:
        raise ConfigError(f"channels of layer {layer + 1}", "1 or 3 to be shown as images", image[0])
    return image[0], image[1], image[2]
