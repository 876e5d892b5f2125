"""What a layer asks of a chip: neurons, positions, inputs, bits."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from neurosim.engine.base import WorkingLayer
from neurosim.layers.conv import ConvWTA


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
    """

    layer: int
    inputs: int
    fan_in: int
    neurons: int
    positions: int
    weight_bits: int | None
    soft: bool
    uncounted: tuple[str, ...] = ()


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
    )


def _uncounted(constants: Any) -> Iterator[str]:
    for part in (constants.competition, constants.rule):
        if part.compiled is not None:
            yield f"what {part.maker.label} computes"
    competition = constants.competition
    if competition.ranked and not competition.soft and competition.numbers(constants.neurons).get("soft"):
        yield f"an exponential for each of {competition.winners} winners"
