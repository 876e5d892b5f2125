"""Single samples that come with more than a label: responses from outside, a modulator for each layer or neuron."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.chip.one_by_one import LabelAndModulator, OneByOne, Target
from neurosim.chip.response import Response
from neurosim.chip.samples import BY_LAYER, as_modulator, as_modulators, fitting, teachable
from neurosim.engine.base import WorkingLayer
from neurosim.engine.executor import Given
from neurosim.engine.samples import Array, Labels, Samples
from neurosim.errors import DeviceError, SampleError
from neurosim.layers.dense import DenseWTA
from neurosim.outside.arrays import numbers

NOTHING = np.empty((0, 0), np.float32)
Modulators = tuple[float | Array, ...]


class Direction(NamedTuple):
    """What comes with a sample.

    Attributes
    ----------
    label : int
        -1 for none.
    modulators : tuple of float or float32 (neurons,)
        One for each layer.
    responses : float32 (neurons,) or None
        Of the last layer.
    """

    label: int
    modulators: Modulators
    responses: Array | None

    def take(self, one: OneByOne, x: ArrayLike) -> Response:
        """Take a sample, with this, through all layers, learning; return new arrays of the last one's results."""
        if one.directed is None:
            one.directed = Directed(one.layers, one.shape, workspaces=[step.runner.workspace for step in one.steps])
        directed: Directed = one.directed
        return directed.take(x, self)


class Directed:
    """Takes single samples with their directions through layers, in memory that is made for each kind of direction.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    shape : tuple of int
        Of a sample.
    threads, frozen, workspaces
        As of `OneByOne`.
    """

    def __init__(
        self,
        layers: Sequence[WorkingLayer],
        shape: tuple[int, ...],
        *,
        threads: int = 1,
        frozen: Collection[int] = (),
        workspaces: Sequence[Any] | None = None,
    ) -> None:
        self._layers, self._shape = layers, shape
        self._threads, self._frozen, self._workspaces = threads, frozen, workspaces
        self._made: dict[tuple[bool, ...], tuple[OneByOne, list[Given]]] = {}

    def take(self, x: ArrayLike, direction: Direction) -> Response:
        """Respond to a sample and learn from it; errors as of `OneByOne.take`."""
        return self._prepared(direction).take(x, True)

    def learn(self, sample: Array, direction: Direction, number: int) -> None:
        """Learn from a sample, float32 (inputs,); errors as of `OneByOne.learn`."""
        one = self._prepared(direction)
        one.sample[...] = sample
        one.learn(number)

    def _prepared(self, direction: Direction) -> OneByOne:
        """Return what takes samples of such a direction, with the direction in its memory."""
        label, modulators, responses = direction
        kind = responses is not None, *(isinstance(modulator, np.ndarray) for modulator in modulators)
        if kind not in self._made:
            self._made[kind] = self._make(direction)
        one, given = self._made[kind]
        for step, memory, modulator in zip(one.steps, given, modulators, strict=True):
            if isinstance(modulator, np.ndarray):
                memory.factors[0] = modulator
            else:
                step.samples.modulators[0] = modulator
        if responses is not None:
            given[-1].responses[0] = responses
        one.label[0] = label
        return one

    def _make(self, direction: Direction) -> tuple[OneByOne, list[Given]]:
        given = []
        for layer, modulator in zip(self._layers, direction.modulators, strict=True):
            responding = direction.responses is not None and layer is self._layers[-1]
            row = np.zeros((1, layer.constants.neurons), np.float32)
            factors = row.copy() if isinstance(modulator, np.ndarray) else NOTHING
            given.append(Given(row if responding else NOTHING, factors))
        one = OneByOne(
            self._layers, self._shape, threads=self._threads, frozen=self._frozen, workspaces=self._workspaces,
            given=given,
        )  # fmt: skip
        return one, given


def direction_of(layers: Sequence[WorkingLayer], label: int, modulator: Any, responses: Any) -> Direction:
    """Return the direction of one sample, checked.

    Raises
    ------
    SampleError
        If modulators are not a number, or one for each layer; if those of neurons, or responses, are not of such a
        shape, not finite, or for a layer that cannot take them.
    DeviceError
        If a layer on a device is to take modulators of neurons, or responses.
    """
    if not is_many(modulator):
        modulators: Modulators = (as_modulator(modulator),) * len(layers)
    else:
        entries = _one_a_layer(layers, modulator)
        modulators = tuple(
            _of_neurons("modulators", layer, entry) if is_many(entry) else as_modulator(entry)
            for layer, entry in zip(layers, entries, strict=True)
        )
    given = None if responses is None else _of_neurons("responses", layers[-1], responses)
    return Direction(label, modulators, given)


def target_of(layers: Sequence[WorkingLayer], label: int, modulator: Any, responses: Any) -> Target:
    """Return what comes with a sample: a label and a modulator, or a direction; errors as of `direction_of`."""
    if responses is None and (type(modulator) is float or not is_many(modulator)):
        return LabelAndModulator(label, as_modulator(modulator))
    return direction_of(layers, label, modulator, responses)


def is_many(value: Any) -> bool:
    """Return whether a value is a sequence or an array, not a number."""
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0


def is_by_layer(modulators: Any) -> bool:
    """Return whether modulators of many samples are a list with an entry for each layer, not one for each sample."""
    return isinstance(modulators, list | tuple) and any(map(is_many, modulators))


class Directions:
    """Directions of many samples.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    modulators : float32 (samples,), or list with an entry for each layer, or None
        An entry is a number for all samples, (samples,), or (samples, neurons).
    responses : float32 (samples, neurons), optional
        Of the last layer.
    count : int or None
        How many samples there are, if that is known.

    Raises
    ------
    SampleError, DeviceError
        As of `direction_of`.
    """

    def __init__(self, layers: Sequence[WorkingLayer], modulators: Any, responses: Any, count: int | None) -> None:
        entries = _one_a_layer(layers, modulators) if is_by_layer(modulators) else [modulators] * len(layers)
        self._entries = [_entry(layer, entry, count) for layer, entry in zip(layers, entries, strict=True)]
        self._responses = None if responses is None else _of_neurons("responses", layers[-1], responses, True, count)

    def of(self, first: int, labels: Labels, count: int) -> list[Direction]:
        """Return the directions of `count` samples from the first one on; `labels` has none, or theirs."""
        samples = slice(first, first + count)
        entries = [
            fitting("modulators", entry, samples) if isinstance(entry, np.ndarray) else entry for entry in self._entries
        ]
        responses = None if self._responses is None else fitting("responses", self._responses, samples)
        return [
            Direction(
                int(labels[index]) if len(labels) else -1,
                tuple(_of_sample(entry, index) for entry in entries),
                None if responses is None else responses[index],
            )
            for index in range(count)
        ]

    def check_length(self, samples: int) -> None:
        """Refuse, by SampleError, more directions than there were samples."""
        for name, values in (*(("modulators", entry) for entry in self._entries), ("responses", self._responses)):
            if isinstance(values, np.ndarray) and len(values) > samples:
                raise SampleError(f"{name} must be as many as samples, got {len(values)} for {samples}")


def learn_block(
    directed: Directed, layers: Sequence[WorkingLayer], block: Samples, directions: Directions, first: int
) -> None:
    """Learn from a block of samples, one by one; `layers` are those that learn, `first` is the first one's number.

    Raises
    ------
    NeurosimError
        At the first sample, or label, that is not admitted.
    """
    values, labels, _ = block
    end, fault = teachable(layers, len(values), labels, first)
    for index, direction in enumerate(directions.of(first, labels, len(values))[:end]):
        directed.learn(values[index], direction, first + index)
    if fault is not None:
        raise fault


def _of_sample(entry: Any, index: int) -> float | Array:
    """Return a layer's modulator of one sample: a number, or an array with one for each neuron."""
    if np.ndim(entry) == 2:
        neurons: Array = entry[index]
        return neurons
    return float(entry[index]) if np.ndim(entry) else float(entry)


def _one_a_layer(layers: Sequence[WorkingLayer], modulators: Any) -> list[Any]:
    entries = list(modulators)
    if len(entries) != len(layers):
        rule = f"a number, or a sequence with one entry for each of {len(layers)} layers"
        raise SampleError(f"modulators must be {rule}, got {len(entries)} entries: give {BY_LAYER}")
    return entries


def _entry(layer: WorkingLayer, entry: Any, count: int | None) -> float | NDArray[Any]:
    """Return a layer's modulators of many samples."""
    if entry is None:
        return 1.0
    if not is_many(entry):
        return as_modulator(entry)
    if any(map(is_many, entry)):
        return _of_neurons("modulators", layer, entry, True, count)
    return as_modulators(entry, count)


def _of_neurons(name: str, layer: WorkingLayer, values: Any, many: bool = False, count: int | None = None) -> Array:
    """Return numbers for a layer's neurons, (neurons,), or (samples, neurons) if `many`, as float32."""
    constants, where = layer.constants, f"{name} of layer {layer.index + 1}"
    _check_takes(name, layer, where)
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(numbers(where, values), np.float32)
    shape = (len(array) if count is None else count, constants.neurons) if many else (constants.neurons,)
    if array.shape != shape:
        raise SampleError(f"{where} must be numbers of the shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise SampleError(f"{where} must be finite in float32, got {array[~np.isfinite(array)][0]}")
    return array


def _check_takes(name: str, layer: WorkingLayer, where: str) -> None:
    """Refuse a layer that cannot take responses, or modulators of its neurons."""
    constants = layer.constants
    if not isinstance(constants, DenseWTA):
        rest = "left out" if name == "responses" else "a number"
        raise SampleError(f"{where} must be {rest}, as it is convolutional: each position has responses of its own")
    if layer.device != "cpu":
        raise DeviceError(f"device of layer {layer.index + 1} must be 'cpu' to be given {name}, got {layer.device!r}")
    if name == "responses" and constants.competition.by_label:
        raise SampleError(f"{where} must be left out, as {type(constants.competition).__name__} takes labels")
    if name == "responses" and constants.initial == "samples" and layer.initial_array is None:
        raise SampleError(f"{where} must be left out with initial='samples', whose neurons begin one by one")
    if name == "modulators":
        refused = {
            "window": constants.window > 1, "eligibility": constants.eligibility > 0, "rule": constants.rule.mixes,
        }  # fmt: skip
        for what in (name for name, is_refused in refused.items() if is_refused):
            got = getattr(constants, what)
            raise SampleError(f"{where} must be a number where {what} is {got}, got an array")
