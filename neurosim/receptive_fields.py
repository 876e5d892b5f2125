"""Receptive fields: which part of an image a neuron sees, and to which patches it responds far more than others."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, whole
from neurosim.chip.chip import Chip
from neurosim.engine.conv.layer import ConvLayer
from neurosim.errors import ConfigError
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.streams import Stream

Array = NDArray[np.float32]
TINY = np.float32(1e-30)  # so that no neuron stands out where all potentials are equal
CHUNK = 50  # images whose potentials at all positions are in memory at once


class Field(NamedTuple):
    """The squares of an image that the positions of a layer see, in pixels along each side.

    Attributes
    ----------
    size : int
        Side of the square that one position sees.
    stride : int
        Distance between the squares of neighbouring positions.
    start : int
        Where the square of the first position begins; below zero in the padding.
    """

    size: int
    stride: int
    start: int


def field(chip: Chip, layer: int) -> Field:
    """Return which squares of the chip's images the positions of a convolutional layer see.

    Raises
    ------
    ConfigError
        If the layer, or one before it, is not convolutional.
    """
    whole("layer", layer, 0, len(chip.layers) - 1)
    size, stride, start = 1, 1, 0
    for layer_index, working in enumerate(chip.layers[: layer + 1]):
        if not isinstance(working, ConvLayer):
            raise ConfigError(f"layer {layer_index + 1}", "a ConvWTA to have receptive fields", working.constants)
        constants, pool = working.constants, working.constants.pool
        windows = [(constants.kernel, constants.stride, constants.padding)]
        if pool is not None and layer_index < layer:
            windows.append((pool.size, pool.stride, pool.padding))
        for width, step, padding in windows:
            size += (width - 1) * stride
            start -= padding * stride
            stride *= step
    return Field(size, stride, start)


def strongest_patches(
    chip: Chip, stream: Stream | ArrayLike | Iterable[Any], *, layer: int, neurons: ArrayLike, count: int = 9
) -> Array:
    r"""Return the patches of a stream's images for which neurons of a layer stand out most from all others.

    .. math::

        z_{pk} = (u_{pk} - \bar u_p) / \sigma_p

    with the mean and deviation over the layer's neurons at a position p. If potentials were compared as they are, all
    neurons would show the same few patches of highest contrast.

    Parameters
    ----------
    chip : Chip
        A chip that takes images; it is not changed.
    stream : Stream, float32 (samples, channels, height, width), or iterable
        As for `Chip.learn`.
    layer : int
        Index of a convolutional layer, from 0.
    neurons : int or int (n,)
        Which of its neurons, at least one.
    count : int
        Patches for each neuron, the strongest first, from different images.

    Returns
    -------
    float32 (n, count, channels, size, size)
        Cut from the images; zeros beyond their borders, and in place of patches if there are fewer images than `count`.

    Raises
    ------
    ConfigError
        If there is no such layer or neuron.
    """
    squares = field(chip, layer)

    def cut(image: Array, position: int, columns: int) -> Array:
        return _cut(image, squares, *divmod(position, columns))

    return _strongest(chip, stream, layer, neurons, count, (chip.shape[0], squares.size, squares.size), cut)


def strongest_samples(
    chip: Chip, stream: Stream | ArrayLike | Iterable[Any], *, layer: int, neurons: ArrayLike, count: int = 9
) -> Array:
    """Return the samples for which neurons of a dense layer stand out most from all others, as `strongest_patches`.

    Parameters
    ----------
    chip, stream, neurons, count
        As in `strongest_patches`.
    layer : int
        Index of a dense layer, from 0.

    Returns
    -------
    float32 (n, count, *chip.shape)
        Zeros in place of samples if there are fewer than `count`.

    Raises
    ------
    ConfigError
        If there is no such layer or neuron, or the layer is convolutional.
    """
    whole("layer", layer, 0, len(chip.layers) - 1)
    if isinstance(chip.layers[layer], ConvLayer):
        raise ConfigError(f"layer {layer + 1}", "a DenseWTA, whose neurons see whole samples", "a ConvWTA")

    def cut(image: Array, _position: int, _columns: int) -> Array:
        return image

    return _strongest(chip, stream, layer, neurons, count, chip.shape, cut)


def _strongest(
    chip: Chip,
    stream: Stream | ArrayLike | Iterable[Any],
    layer: int,
    neurons: ArrayLike,
    count: int,
    shape: tuple[int, ...],
    cut: Callable[[Array, int, int], Array],
) -> Array:
    """Return what `cut` takes of a shape of the samples for which neurons stand out most."""
    whole("count", count, 1, LARGEST)
    chosen = np.atleast_1d(numbers("neurons", neurons, WHOLE, rule="whole numbers", refuse=ConfigError))
    within = (chosen >= 0) & (chosen < chip.layers[layer].constants.neurons)
    if chosen.ndim != 1 or chosen.size == 0 or not within.all():
        raise ConfigError("neurons", f"numbers below the layer's {chip.layers[layer].constants.neurons}", neurons)
    patches = np.zeros((len(chosen), count, *shape), np.float32)
    best = np.full((len(chosen), count), -np.inf)
    for block in chip.blocks(stream, CHUNK):
        images = block.samples.reshape(-1, *chip.shape)
        (response, _) = next(chip.respond_blocks(block.samples, chunk=CHUNK, layer=layer))
        columns = response.potentials.shape[-1]
        scores = _scores(response.potentials, chosen)
        positions = scores.argmax(axis=2)
        for n, image in enumerate(images):
            for k in np.flatnonzero(scores[n].max(axis=1) > best[:, -1]):
                rank = int(np.searchsorted(-best[k], -scores[n, k].max(), side="right"))
                best[k, rank + 1 :], patches[k, rank + 1 :] = best[k, rank:-1].copy(), patches[k, rank:-1].copy()
                best[k, rank] = scores[n, k].max()
                patches[k, rank] = cut(image, int(positions[n, k]), columns)
    return patches


def _scores(potentials: Array, chosen: NDArray[np.integer[Any]]) -> Array:
    """Return how far the chosen neurons stand out at each position, z above: float32 (samples, n, positions)."""
    scores: Array = potentials[:, chosen] - potentials.mean(axis=1, keepdims=True)
    scores /= potentials.std(axis=1, keepdims=True) + TINY
    return scores.reshape(len(potentials), len(chosen), -1)


def _cut(image: Array, squares: Field, row: int, column: int) -> Array:
    """Return the patch that a position sees of an image, with zeros beyond the image's borders."""
    patch = np.zeros((len(image), squares.size, squares.size), np.float32)
    top, left = (squares.start + squares.stride * index for index in (row, column))
    bottom, right = (max(start + squares.size, 0) for start in (top, left))  # a small kernel may see only padding
    inside = image[:, max(top, 0) : bottom, max(left, 0) : right]
    patch[:, max(-top, 0) : max(-top, 0) + inside.shape[1], max(-left, 0) : max(-left, 0) + inside.shape[2]] = inside
    return patch
