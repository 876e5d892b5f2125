"""What a layer asks of a chip: neurons, positions, inputs, bits."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.base import WorkingLayer
from neurosim.layers.conv import ConvWTA


class Patches(NamedTuple):
    """How a convolutional layer cuts its image into patches, one a position.

    Attributes
    ----------
    channels, height, width : int
        Of the image that comes in.
    kernel, stride, padding : int
        Of the layer; the image is padded by its reflection.
    """

    channels: int
    height: int
    width: int
    kernel: int
    stride: int
    padding: int

    def cut(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return the patches of images: (samples, positions, fan_in); a patch by rows, columns, channels."""
        shaped = images.reshape(-1, self.channels, self.height, self.width)
        edge = (self.padding, self.padding)
        padded = np.pad(shaped, ((0, 0), (0, 0), edge, edge), mode="reflect")
        views = np.lib.stride_tricks.sliding_window_view(padded, (self.kernel, self.kernel), axis=(2, 3))
        views = views[:, :, :: self.stride, :: self.stride].transpose(0, 2, 3, 4, 5, 1)
        return views.reshape(len(shaped), views.shape[1] * views.shape[2], -1)


class Demand(NamedTuple):
    """What a layer asks of a chip.

    Attributes
    ----------
    layer : int
        Its place, from 0.
    inputs : int
        Width of what comes in.
    fan_in : int
        Synapses of a neuron.
    neurons, positions : int
        Neurons that learn, and positions where each responds: 1 in a dense layer.
    weight_bits : int or None
        Of a synapse, where the layer runs with few bits; None for float32.
    soft : bool
        Whether each response takes an exponential.
    uncounted : tuple of str
        Operations that nobody counts, in words: those of the user's own functions, and of winners alone.
    patches : Patches or None
        Of a convolutional layer: where its positions are.
    in_cells : bool
        Whether it learns in cells of a crossbar (`devices`), which have neither float32 nor few bits.
    """

    layer: int
    inputs: int
    fan_in: int
    neurons: int
    positions: int
    weight_bits: int | None
    soft: bool
    uncounted: tuple[str, ...] = ()
    patches: Patches | None = None
    in_cells: bool = False


def demand(layer: WorkingLayer) -> Demand:
    """Return what a layer at work asks of a chip."""
    constants: Any = layer.constants
    convolutional = isinstance(constants, ConvWTA)
    return Demand(
        layer=layer.index,
        inputs=layer.inputs,
        fan_in=layer.state.synapses.shape[1] if convolutional else layer.inputs,
        neurons=constants.neurons,
        positions=layer.responses // constants.neurons,
        weight_bits=None if convolutional else getattr(constants, "weight_bits", None),
        soft=constants.competition.soft,
        uncounted=tuple(_uncounted(constants)),
        patches=_patches(layer) if convolutional else None,
        in_cells=getattr(constants, "devices", None) is not None,
    )


def _patches(layer: Any) -> Patches:
    constants = layer.constants
    channels, height, width = layer.image
    return Patches(channels, height, width, constants.kernel, constants.stride, constants.padding)


def _uncounted(constants: Any) -> Iterator[str]:
    for part in (constants.competition, constants.rule):
        if part.compiled is not None:
            yield f"what {part.maker.label} computes"
    competition = constants.competition
    if competition.ranked and not competition.soft and competition.numbers(constants.neurons).get("soft"):
        yield f"an exponential for each of {competition.winners} winners"
