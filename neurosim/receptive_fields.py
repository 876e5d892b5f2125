"""Receptive fields: what part of an image a neuron sees at a position, and the patches it stands out for."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, whole
from neurosim.chip.chip import Chip
from neurosim.engine.conv.layer import ConvLayer
from neurosim.errors import ConfigError
from neurosim.streams import Stream

Array = NDArray[np.float32]
TINY = np.float32(1e-30)  # where all neurons are alike, none stands out
CHUNK = 50  # images whose potentials at all positions are in memory at once


class Field(NamedTuple):
    """What the positions of a layer see of an image, in pixels along each side.

    Attributes
    ----------
    size : int
        Of the square that one position sees.
    stride : int
        From one position's square to the next one's.
    start : int
        Where the first one's begins; below zero in the padding.
    """

    size: int
    stride: int
    start: int


def field(chip: Chip, layer: int) -> Field:
    """Return what the positions of a convolutional layer see of the chip's images.

    Raises
    ------
    ConfigError
        If the layer, or one before it, is not convolutional.
    """
    whole("layer", layer, 0, len(chip.layers) - 1)
    size, stride, start = 1, 1, 0
    for place, working in enumerate(chip.layers[: layer + 1]):
        if not isinstance(working, ConvLayer):
            raise ConfigError(f"layer {place + 1}", "a ConvWTA to have receptive fields", working.constants)
        made, last = working.constants, place == layer
        slides = [(made.kernel, made.stride, made.padding)]
        if made.pool is not None and not last:
            slides.append((made.pool.size, made.pool.stride, made.pool.padding))
        for width, step, padding in slides:
            size += (width - 1) * stride
            start -= padding * stride
            stride *= step
    return Field(size, stride, start)


def strongest_patches(
    chip: Chip, stream: Stream | ArrayLike, *, layer: int, neurons: ArrayLike, count: int = 9
) -> Array:
    r"""Return the patches of a stream's images for which neurons of a layer stand out most from all others.

    .. math::

        z_{pk} = (u_{pk} - \bar u_p) / \sigma_p

    with mean and deviation over the layer's neurons at a position p. By potentials alone all neurons would show the
    few patches of the highest contrast.

    Parameters
    ----------
    chip : Chip
        Of images; it is not changed.
    stream : Stream or float32 (samples, channels, height, width)
    layer : int
        Place of a convolutional layer, from 0.
    neurons : int or int (n,)
        Which of its neurons, one at least.
    count : int
        Patches of each, the strongest first, no two of the same image.

    Returns
    -------
    float32 (n, count, channels, size, size)
        As the images are; zeros beyond their borders, and where there were fewer images.

    Raises
    ------
    ConfigError
        If there is no such layer or neuron.
    """
    whole("count", count, 1, LARGEST)
    seen = field(chip, layer)
    try:
        chosen = np.atleast_1d(np.asarray(neurons))
    except ValueError:  # a ragged list
        raise ConfigError("neurons", "whole numbers", neurons) from None
    whole_numbers = chosen.dtype.kind in "iu" and chosen.ndim == 1 and chosen.size > 0
    if not whole_numbers or not ((chosen >= 0) & (chosen < chip.layers[layer].constants.neurons)).all():
        raise ConfigError("neurons", f"numbers below the layer's {chip.layers[layer].constants.neurons}", neurons)
    patches = np.zeros((len(chosen), count, chip.shape[0], seen.size, seen.size), np.float32)
    best = np.full((len(chosen), count), -np.inf)
    for block in chip.blocks(stream, CHUNK):
        images = block.samples.reshape(-1, *chip.shape)
        (response, _) = next(chip.respond_blocks(block.samples, chunk=CHUNK, layer=layer))
        every = response.potentials
        away = every[:, chosen] - every.mean(axis=1, keepdims=True)
        away /= every.std(axis=1, keepdims=True) + TINY
        standing = away.reshape(len(images), len(chosen), -1)
        where, columns = standing.argmax(axis=2), every.shape[3]
        for n, image in enumerate(images):
            for k in np.flatnonzero(standing[n].max(axis=1) > best[:, -1]):
                place = int(np.searchsorted(-best[k], -standing[n, k].max(), side="right"))
                best[k, place + 1 :], patches[k, place + 1 :] = best[k, place:-1].copy(), patches[k, place:-1].copy()
                best[k, place] = standing[n, k].max()
                patches[k, place] = _cut(image, seen, *divmod(int(where[n, k]), columns))
    return patches


def _cut(image: Array, seen: Field, row: int, column: int) -> Array:
    """Return what a position sees of an image, zeros beyond its borders."""
    patch = np.zeros((len(image), seen.size, seen.size), np.float32)
    top, left = (seen.start + seen.stride * at for at in (row, column))
    bottom, right = (max(start + seen.size, 0) for start in (top, left))  # a small kernel may see padding alone
    inside = image[:, max(top, 0) : bottom, max(left, 0) : right]
    patch[:, max(-top, 0) : max(-top, 0) + inside.shape[1], max(-left, 0) : max(-left, 0) + inside.shape[2]] = inside
    return patch
