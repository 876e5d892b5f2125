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
from neurosim.hardware.counting.counts import Counts, LayerCounts
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

    Takes memory for two bytes a neuron and sample.

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


class _Counter:
    """A layer at work, and what it did in each chunk."""

    def __init__(self, layer: WorkingLayer, learning: bool, chunk: int, sending: bool) -> None:
        self.layer, self.learning, self._sending = layer, learning, sending
        self._runner = LayerRunner(layer, chunk, outputs=True, counting=True)
        self._chunks, self._binary, self._outputs = list[_Counted](), True, 0

    def take(self, samples: Samples, first: int) -> Results:
        """Take a chunk; return its results."""
        taken = self._runner.run(samples, self.learning, first)
        if taken.error is not None:
            raise taken.error
        results, values = self._runner.hand_over(taken), samples.values
        sent = np.empty((len(values), 0), np.uint8)
        if self._sending:
            sent = _sent(results.outputs, self.layer.constants.neurons)
        active = np.count_nonzero(results.outputs, axis=1)
        self._chunks.append(_Counted(results.tallies, np.packbits(results.written, axis=1), sent, active))
        self._outputs = results.outputs.shape[1]
        self._binary = self._binary and _is_binary(values[:1]) and _is_binary(values)
        return results

    def counts(self) -> LayerCounts:
        """Return what the layer did since it was asked last."""
        tallies, packed, sent, active = (np.concatenate(parts) for parts in zip(*self._chunks, strict=True))
        columns = dict(zip(TALLIED, np.ascontiguousarray(tallies.T), strict=True))
        counted = LayerCounts(
            demand(self.layer), **columns, packed=packed, sent=sent, binary=self._binary, active=active,
            outputs=self._outputs,
        )  # fmt: skip
        self._chunks, self._binary = [], True
        return counted
