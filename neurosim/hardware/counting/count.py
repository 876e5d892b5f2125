"""A run that is counted: samples through a chip, as `Chip.learn` takes them, and what each of them took."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import whole
from neurosim.chip.chip import Chip
from neurosim.chip.samples import as_labels, fitting, teachable
from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import NO_LABELS, NO_MODULATORS, TALLIED
from neurosim.errors import ConfigError, SampleError
from neurosim.hardware.counting.counts import Counts, LayerCounts
from neurosim.hardware.placement.demand import demand
from neurosim.streams import Stream


def count(
    chip: Chip,
    stream: Stream | ArrayLike,
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
    stream : Stream or float32 (samples, inputs)
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
    counting, first = Counting(chip, True), 0
    end = None if samples is None else warm_up + samples
    for block in chip.blocks(stream, chunk):
        given = block.labels if taught is None else fitting("labels", taught, slice(first, first + len(block.samples)))
        for part in _cut(first, len(block.samples), warm_up, end):
            if part.start + first == warm_up:
                counting = Counting(chip, learning)
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
    outputs : bool
        Whether results have the last layer's outputs.
    """

    def __init__(self, chip: Chip, learning: bool, outputs: bool = False) -> None:
        self.chip, self.learning = chip, learning
        *others, last = chip.layers
        self._counters = [_Counter(layer, learning, True, True) for layer in others]
        self._counters.append(_Counter(last, learning, outputs, False))

    def take(self, samples: Any, labels: NDArray[np.int64] | None, first: int) -> Any:
        """Take a chunk through all layers; return the last one's results. Errors number samples from `first`."""
        layers, given = self.chip.layers, NO_LABELS if labels is None else labels
        values, given, _ = layers[0].fitting(samples, given, NO_MODULATORS)
        end, fault = teachable(layers, len(values), given, first) if self.learning else (len(values), None)
        results: Any = None
        values = values[:end]
        for counter in self._counters if end else ():
            results = counter.take(values, given[:end], first)
            values = results.outputs
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


class _Counter:
    """A layer at work, and what it did in each chunk."""

    def __init__(self, layer: WorkingLayer, learning: bool, outputs: bool, sending: bool) -> None:
        self.layer, self.learning, self._outputs, self._sending = layer, learning, outputs, sending
        self._scratch, self._live, self._chunks = layer.scratch(), layer.live(), list[tuple[Any, ...]]()
        self._binary = True

    def take(self, values: Any, labels: NDArray[np.int64], first: int) -> Any:
        """Take a chunk; return its results."""
        layer, size = self.layer, len(values)
        done = layer.counted(values, self.learning, self._scratch, self._live, self._outputs, first, labels)
        if done.taken.error is not None:
            raise done.taken.error
        room = done.taken.results
        sent = _sent(room.outputs, layer.constants.neurons) if self._sending else np.empty((size, 0), np.uint8)
        self._chunks.append((done.tallies, np.packbits(done.written, axis=1), sent))
        self._binary = self._binary and _is_binary(values[:1]) and _is_binary(values)
        return room

    def counts(self) -> LayerCounts:
        """Return what the layer did since it was asked last."""
        tallies, packed, sent = (np.concatenate(parts) for parts in zip(*self._chunks, strict=True))
        columns = dict(zip(TALLIED, np.ascontiguousarray(tallies.T), strict=True))
        counted = LayerCounts(demand(self.layer), **columns, packed=packed, sent=sent, binary=self._binary)
        self._chunks, self._binary = [], True
        return counted
