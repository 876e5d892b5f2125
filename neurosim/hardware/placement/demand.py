"""What a layer asks of a chip: neurons, positions, inputs, bits."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.base import WorkingLayer
from neurosim.layers.conv import ConvWTA
from neurosim.layers.dense import DenseWTA


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
    dense = _dense(constants, layer.index, layer.inputs)
    if not isinstance(constants, ConvWTA):
        return dense
    return dense._replace(
        fan_in=layer.state.synapses.shape[1],
        positions=layer.responses // constants.neurons,
        weight_bits=None,
        patches=_patches(layer),
    )


def before_weights(layers: Sequence[DenseWTA | ConvWTA], inputs: int) -> tuple[Demand, ...]:
    """Return what dense layers of a width of inputs will ask of a chip; nothing if any of them is convolutional."""
    if any(isinstance(constants, ConvWTA) for constants in layers):
        return ()
    widths = (inputs, *(constants.neurons for constants in layers))
    return tuple(_dense(constants, index, widths[index]) for index, constants in enumerate(layers))


def _dense(constants: Any, index: int, inputs: int) -> Demand:
    return Demand(
        layer=index,
        inputs=inputs,
        fan_in=inputs,
        neurons=constants.neurons,
        positions=1,
        weight_bits=getattr(constants, "weight_bits", None),
        soft=constants.competition.soft,
        uncounted=tuple(_uncounted(constants)),
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
