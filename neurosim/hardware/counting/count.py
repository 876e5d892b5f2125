"""A run that is counted: samples through a chip, as `Chip.learn` takes them, and what each of them took."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import whole
from neurosim.chip.chip import Chip
from neurosim.chip.samples import as_labels, fitting, teachable
from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import TALLIED, Results
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import NO_LABELS, Array, Labels, Samples
from neurosim.errors import ConfigError, SampleError
from neurosim.hardware.counting.counts import NO_BITS, NONE, Counts, LayerCounts
from neurosim.hardware.counting.window import Window, has_windows
from neurosim.hardware.placement.demand import demand
from neurosim.streams import Stream


def count(
    chip: Chip,
    stream: Stream | ArrayLike | Iterable[Any],
    *,
    learning: bool = True,
    samples: int | None = None,
    warm_up: int = 0,
    labels: ArrayLike | None = None,
    chunk: int = 512,
) -> Counts:
    """Take a stream through a chip, as `Chip.learn` does or `Chip.respond`, and count what it does.

    Takes memory for a byte and two bits of a neuron and sample, and for a bit of an input.

    Parameters
    ----------
    chip : Chip
        Learns in place, if `learning`.
    stream : Stream, float32 (samples, inputs), or iterable
        As for `Chip.learn`.
    learning : bool
    samples : int, optional
        How many at most to count, by default all there are.
    warm_up : int
        Samples to learn from before.
    labels : int64 (samples,), optional
        In place of the stream's own, for layers that are taught.
    chunk : int
        Samples that one layer takes before the next layer gets them; counts do not depend on it.

    Returns
    -------
    Counts

    Raises
    ------
    ConfigError
        If `samples` or `chunk` is out of range.
    SampleError, StreamError, DivergedError
        As for `Chip.learn`.
    """
    if not isinstance(chip, Chip):
        raise ConfigError("chip", "a Chip", type(chip).__name__)
    whole("warm_up", warm_up, 0)
    if samples is not None:
        whole("samples", samples, 1)
    taught = None if labels is None else as_labels(labels, None)
    counting, first = Counting(chip, True, chunk), 0
    end = None if samples is None else warm_up + samples
    for block in chip.blocks(stream, chunk):
        given = block.labels if taught is None else fitting("labels", taught, slice(first, first + len(block.samples)))
        for part in _cut(first, len(block.samples), warm_up, end):
            if part.start + first == warm_up:
                counting = Counting(chip, learning, chunk)
            counting.take(block.samples[part], None if given is None else given[part], first + part.start)
        first += len(block.samples)
        if end is not None and first >= end:
            break
    if first <= warm_up:
        raise SampleError(f"samples must be more than the {warm_up} of warm_up, got {first}")
    return counting.counts()


def _cut(first: int, size: int, warm_up: int, end: int | None) -> list[slice]:
    """Return the parts of a block that are for warming up and for counting."""
    stop = size if end is None else min(size, end - first)
    middle = min(max(warm_up - first, 0), stop)
    return [part for part in (slice(0, middle), slice(middle, stop)) if part.stop > part.start]


class Counting:
    """A chip at work, and what it did since the last `counts`.

    Parameters
    ----------
    chip : Chip
    learning : bool
    chunk : int
        Samples that `take` gets.
    """

    def __init__(self, chip: Chip, learning: bool, chunk: int) -> None:
        self.chip, self.learning = chip, learning
        *others, last = chip.layers
        self._counters = [_Counter(layer, learning, chunk, True) for layer in others]
        self._counters.append(_Counter(last, learning, chunk, False))

    def take(self, values: Array, labels: Labels | None, first: int) -> Results:
        """Take a chunk through all layers; return the last one's results, for the caller to keep.

        Errors number samples from `first`.
        """
        layers = self.chip.layers
        samples = layers[0].fitting(Samples(values, NO_LABELS if labels is None else labels))
        end, fault = len(samples.values), None
        if self.learning:
            end, fault = teachable(layers, end, samples.labels, first)
        if end == 0 and fault is not None:
            raise fault
        samples = samples.cut(0, end)
        for counter in self._counters:
            results = counter.take(samples, first)
            samples = samples._replace(values=results.outputs)
        if fault is not None:
            raise fault
        return results

    def counts(self) -> Counts:
        """Return what was done, and begin anew."""
        layers = tuple(counter.counts() for counter in self._counters)
        return Counts(layers, self.learning, len(layers[0].events))


def _sent(outputs: NDArray[np.float32], neurons: int) -> NDArray[Any]:
    """Return how many outputs of each neuron are not zero, in as few bytes as they take."""
    sent: NDArray[Any] = (outputs != 0).view(np.uint8)
    if outputs.shape[1] > neurons:
        positions = outputs.reshape(len(outputs), neurons, -1)
        sent = np.count_nonzero(positions, axis=2).astype(np.min_scalar_type(positions.shape[2]))
    return sent


def _is_binary(values: NDArray[np.float32]) -> bool:
    """Return whether every value is -1, 0 or 1."""
    return bool(((values == 0) | (np.abs(values) == 1)).all())


class _Counted(NamedTuple):
    """What a layer did in a chunk: see `LayerCounts`."""

    tallies: NDArray[np.int64]
    packed: NDArray[np.uint8]
    sent: NDArray[Any]
    active: NDArray[np.int64]
    inputs_packed: NDArray[np.uint8]
    whole_packed: NDArray[np.uint8]
    irregular: NDArray[np.int64]
    window_packed: NDArray[np.uint8]


class _Counter:
    """A layer at work, and what it did in each chunk."""

    def __init__(self, layer: WorkingLayer, learning: bool, chunk: int, sending: bool) -> None:
        self.layer, self.learning, self._sending = layer, learning, sending
        self._runner = LayerRunner(layer, chunk, outputs=True, counting=True)
        self._chunks, self._binary, self._outputs, self._samples = list[_Counted](), True, 0, 0
        self._demand = demand(layer)
        self._window = Window(layer) if learning and has_windows(layer) else None

    def take(self, samples: Samples, first: int) -> Results:
        """Take a chunk; return its results."""
        if self._window is not None:
            self._window.look()
        taken = self._runner.run(samples, self.learning, first)
        if taken.error is not None:
            raise taken.error
        results, values = self._runner.hand_over(taken), samples.values
        self._chunks.append(self._counted(results, samples))
        self._samples += len(values)
        self._outputs = results.outputs.shape[1]
        self._binary = self._binary and _is_binary(values[:1]) and _is_binary(values)
        return results

    def _counted(self, results: Results, samples: Samples) -> _Counted:
        sent = np.empty((len(samples.values), 0), np.uint8)
        if self._sending:
            sent = _sent(results.outputs, self.layer.constants.neurons)
        events = results.tallies[:, TALLIED.index("events")]
        inputs = np.packbits(samples.values != 0, axis=1)
        inputs[events == 0] = 0  # a sample too faint to be learned from is none
        written, whole = results.written != 0, results.written < 0
        # Without windows and folds, a neuron is written at all active inputs, or whole.
        told = written if self._window is not None else whole
        irregular = _irregular(results.written, told, events, self._demand.fan_in)
        irregular[:, 0] += self._samples
        return _Counted(
            tallies=results.tallies,
            packed=np.packbits(written, axis=1),
            sent=sent,
            active=np.count_nonzero(results.outputs, axis=1),
            inputs_packed=inputs,
            whole_packed=np.packbits(whole, axis=1),
            irregular=irregular,
            window_packed=NO_BITS if self._window is None else self._window.union(inputs, samples.labels),
        )

    def counts(self) -> LayerCounts:
        """Return what the layer did since it was asked last."""
        parts = {name: np.concatenate(chunks) for name, chunks in zip(
            _Counted._fields, zip(*self._chunks, strict=True), strict=True
        )}  # fmt: skip
        columns = dict(zip(TALLIED, np.ascontiguousarray(parts.pop("tallies").T), strict=True))
        windows = parts.pop("window_packed")
        counted = LayerCounts(
            self._demand, **columns, **parts, binary=self._binary, outputs=self._outputs,
            window_packed=None if self._window is None else windows,
        )  # fmt: skip
        self._chunks, self._binary, self._samples = [], True, 0
        return counted


def _irregular(
    written: NDArray[np.int32], told: NDArray[np.bool_], events: NDArray[np.int64], fan_in: int
) -> NDArray[np.int64]:
    """Return sample, neuron, and the writes it took beyond one of each synapse: int64 (found, 3).

    Looks only where `told`, (samples, neurons), is true.
    """
    places = np.flatnonzero(told) if told.any() else NONE
    writes = written.ravel()[places].astype(np.int64)
    sample, neuron = np.divmod(places, written.shape[1])
    more = np.abs(writes) - np.where(writes < 0, fan_in, events[sample])
    found: NDArray[np.int64] = np.stack([sample, neuron, more], axis=1)[more != 0]
    return found
