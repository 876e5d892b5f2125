"""The response of a layer to samples, as a caller sees it."""

from typing import Any, NamedTuple

from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import Results
from neurosim.engine.samples import Array


class Response(NamedTuple):
    """The last layer's response to one sample, or, with a leading axis, to many.

    Of a convolutional layer, potentials and responses are (neurons, rows, columns), and the winner is the neuron that
    won most positions.

    Attributes
    ----------
    potentials : float32 (neurons,)
        Potentials u, in units of the layer's normalised input.
    responses : float32 (neurons,)
        Responses y, the outcome of the competition: shares or choices from 0 to 1, with a sign if the competition is
        signed or ranked; of any size where neurons respond with their drive (`NoInhibition`, `SparseGate`).
    winner : int or int64 (samples,)
        The neuron of the largest drive (the potential, but for an activation or a bias); ties go to the lowest index.
    output : float32 (neurons,)
        Output z, which the layer transmits; of a convolutional one (neurons * pooled rows * pooled columns,), neurons
        first.
    """

    potentials: Array
    responses: Array
    winner: Any
    output: Array


def response_of(layer: WorkingLayer, results: Results) -> Response:
    """Return a layer's results in its shapes."""
    potentials, responses = layer.as_images(results.potentials), layer.as_images(results.responses)
    return Response(potentials, responses, results.winners, results.outputs)
