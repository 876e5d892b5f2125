"""What the gain explorer shows of a chip: the potentials of a layer for some samples, with what its steps take."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import instance, whole
from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.chip.samples import as_stream
from neurosim.engine.shown import rule_name
from neurosim.errors import ConfigError, SampleError
from neurosim.layers.biases import AdaptiveThreshold, LogPrior
from neurosim.layers.competition import Competition, HardWTA, SoftWTA
from neurosim.layers.conv import ConvWTA
from neurosim.layers.rules import SoftHebb, schedule
from neurosim.reporting.texts import visible
from neurosim.streams import Stream

Array = NDArray[np.float64]
HARD = 1000.0  # ln(gain) that stands for a hard competition
FIRST = 8  # samples that are taken unless told otherwise
DIGITS = 9  # of a number: what float32 holds


class ChipSample(NamedTuple):
    """A layer's potentials for one sample, as they compete, and what the size of a step of SoftHebb depends on.

    Attributes
    ----------
    name : str
        What the sample is called.
    potentials : float64 (neurons,)
        Of a convolutional layer, those at the position of the largest one.
    thresholds : float64 (neurons,)
        Subtracted from what competes; zeros without `AdaptiveThreshold`.
    offsets : float64 (neurons,)
        Logarithms of a learned prior, which no temperature changes; zeros without one.
    norms, rates : float64 (neurons,)
        Lengths of the weights, and the rule's rates at the next sample.
    square : float
        Squared length of the layer's input, in units of its norm.
    cutoff, cap : float
        As in `DenseWTA`.
    activation : str
        Name of f, whose f(u) competes.
    exponent : float
        Number of f.
    no_steps : str
        Why there are no sizes of steps, in words; empty if there are.
    """

    name: str
    potentials: Array
    thresholds: Array
    offsets: Array
    norms: Array
    rates: Array
    square: float
    cutoff: float
    cap: float
    activation: str
    exponent: float
    no_steps: str


def chip_data(
    chip: Chip, stream: Stream, samples: Sequence[int] | None = None, layer: int = 0, *, name: str = "the chip"
) -> dict[str, Any]:
    """Return what `explorer_page` shows of a chip, as plain values.

    Parameters
    ----------
    chip : Chip
        It is not changed.
    stream : Stream
        Read up to the last of the samples.
    samples : sequence of int, optional
        Positions in the stream, from 0; by default the first eight, or as many as there are.
    layer : int
        Index, from 0, of the layer whose potentials are shown; of two neurons at least.
    name : str
        What the page calls the chip.

    Raises
    ------
    ConfigError
        If there is no such layer, it has one neuron alone, or positions are none, or no whole numbers from 0.
    SampleError, StreamError, DivergedError
        If the stream does not fit the chip, cannot be read, or ends before one of the samples.
    """
    instance("stream", stream, Stream)
    described = chip_samples(chip, stream, samples, layer)
    constants = chip.layers[layer].constants
    sharpness, note = _sharpness(constants.competition, chip.layers[layer].sharpness)
    text = f"Potentials of {constants.neurons:,} neurons, layer {layer + 1} of {name}, for samples of {stream.name}."
    rated = isinstance(constants.rule, SoftHebb)
    if not rated:
        note += f" The layer's rule is {rule_name(constants.rule)}; steps are SoftHebb's, in units of its rate."
    return {
        "text": visible(f"{text} {note}"), "command": "", "layer": _layer_data(described[0]) | {"rated": rated},
        "samples": [_sample_data(sample) for sample in described], "sharpness": sharpness,
        "signed": bool(getattr(constants.competition, "signed", False)),
    }  # fmt: skip


def _sharpness(competition: Competition, now: float | None) -> tuple[float | None, str]:
    """Return ln(gain) of a competition as it is `now`, None if it is no softmax, and what the page says of it."""
    if isinstance(competition, SoftWTA):
        note = "The gain is the layer's own."
        if competition.relative_temperature is not None:
            note = "The gain is the layer's own, as it is now: it follows the stream."
            if now is None:
                note = "The layer's gain is not known yet: it follows the stream that is learned."
        if competition.winner_only:
            note += " With winner_only, all but the winner respond with 0 there."
        return now, note
    if isinstance(competition, HardWTA):
        return HARD, "The layer's competition is hard: the limit of a large gain."
    return None, f"The layer's competition is {type(competition).__name__}; responses are those of SoftWTA instead."


def _layer_data(sample: ChipSample) -> dict[str, Any]:
    """Return what all samples of a layer have in common."""
    return {
        "thresholds": _plain(sample.thresholds), "offsets": _plain(sample.offsets), "norms": _plain(sample.norms),
        "cutoff": sample.cutoff, "cap": sample.cap, "noSteps": sample.no_steps,
        "activation": {"name": sample.activation, "exponent": sample.exponent},
    }  # fmt: skip


def _sample_data(sample: ChipSample) -> dict[str, Any]:
    layer = {"potentials": _plain(sample.potentials), "rates": _plain(sample.rates), "square": sample.square}
    return {"name": visible(sample.name), "layer": layer}


def _plain(values: Array) -> list[float]:
    """Return numbers of float32 without digits that it does not hold: a third of the page's size."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def chip_samples(chip: Chip, stream: Stream, samples: Sequence[int] | None = None, layer: int = 0) -> list[ChipSample]:
    """Return a layer's potentials for some samples of a stream, as the frozen chip has them.

    Parameters and errors as of `chip_data`.
    """
    instance("chip", chip, Chip)
    whole("layer", layer, 0, len(chip.layers) - 1)
    working = chip.layers[layer]
    if working.constants.neurons < 2:
        raise ConfigError(f"neurons of layer {layer + 1}", "at least 2, to compete", working.constants.neurons)
    stream = as_stream("stream", stream, chip.shape)
    samples = _first(stream) if samples is None else samples
    whole("number of samples", len(samples), 1)
    for position in samples:
        whole("sample", position, 0)
    taken = [_sample(stream, position) for position in samples]
    values = np.stack([x for x, _ in taken])
    response = _responses(chip, values, layer)
    inputs = values if layer == 0 else _responses(chip, values, layer - 1).output
    names = [_name(stream, position, label) for position, (_, label) in zip(samples, taken, strict=True)]
    rows = zip(names, response.potentials, response.winner, inputs, strict=True)
    return [_described(working, *row) for row in rows]


def _first(stream: Stream) -> range:
    """Return the positions of the first samples of a stream, of which there may be few."""
    block = next(stream.blocks(size=FIRST), None)
    if block is None or len(block.samples) == 0:
        raise SampleError(f"{stream.name} must hold at least one sample, got none")
    return range(len(block.samples))


def _sample(stream: Stream, position: int) -> tuple[NDArray[np.float32], int | None]:
    """Return the sample at a position of a stream, and its label."""
    block = next(stream.blocks(start=position, size=1), None)
    if block is None or len(block.samples) == 0:
        raise SampleError(f"sample must be a position within {stream.name}, which ends before {position}")
    return block.samples[0], None if block.labels is None or block.labels[0] < 0 else int(block.labels[0])


def _responses(chip: Chip, values: NDArray[np.float32], layer: int) -> Response:
    blocks = [response for response, _ in chip.respond_blocks(values, layer=layer)]
    return Response(*(np.concatenate(arrays) for arrays in zip(*blocks, strict=True)))


def _name(stream: Stream, position: int, label: int | None) -> str:
    name = f"sample {position:,}"
    if label is None:
        return name
    return f"{name}: {stream.classes[label] if label < len(stream.classes) else label}"


def _described(
    layer: Any, name: str, potentials: NDArray[np.float32], winner: int, x: NDArray[np.float32]
) -> ChipSample:
    """Return a layer's potentials for a sample, with the layer's constants and norms."""
    constants, bias, activity = layer.constants, layer.constants.bias, layer.state.activity.astype(np.float64)
    if isinstance(constants, ConvWTA):
        place = np.unravel_index(int(potentials.argmax()), potentials.shape)
        potentials = potentials[:, place[1], place[2]]
        name = f"{name}, row {place[1]}, column {place[2]}"
    why, neurons = _without_steps(constants), constants.neurons
    rates = np.ones(neurons)
    if isinstance(constants.rule, SoftHebb):
        wins = layer.wins
        wins[winner] += 1  # a win is counted before its step
        rates = schedule(constants.rule).of_neurons(layer.samples, layer.norms, wins)
    return ChipSample(
        name=name, potentials=potentials.astype(np.float64),
        thresholds=activity if isinstance(bias, AdaptiveThreshold) else np.zeros(neurons),
        offsets=np.log(activity) if isinstance(bias, LogPrior) else np.zeros(neurons),
        norms=layer.norms.astype(np.float64), rates=rates, square=0.0 if why else _square(layer, potentials, x),
        cutoff=float(constants.cutoff), cap=float(constants.cap), activation=type(constants.activation).__name__,
        exponent=float(constants.activation.exponent), no_steps=why,
    )  # fmt: skip


def _without_steps(constants: Any) -> str:
    """Return why the size of a step does not follow from potentials and norms; empty if it does."""
    if isinstance(constants, ConvWTA):
        return (
            "A convolutional layer sums its steps over all positions of the image, and this page shows one of them: "
            "responses, but no sizes of steps."
        )
    if constants.lebesgue != 2:
        return f"Potentials of lebesgue={constants.lebesgue:g} are no products w x: no sizes of steps are shown."
    return ""


def _square(layer: Any, potentials: NDArray[np.float32], x: NDArray[np.float32]) -> float:
    """Return the squared length of a dense layer's input in units of its norm, which the potentials tell."""
    square = float(np.dot(x.astype(np.float64), x))
    if layer.constants.normalise == "none" or square == 0:
        return square
    if layer.constants.normalise == "sample":
        return 1.0
    largest = int(np.abs(potentials).argmax())
    product = float(np.dot(layer.weights_of([largest])[0].astype(np.float64), x))
    unit = product / float(potentials[largest]) if potentials[largest] else math.inf
    return square / unit**2
