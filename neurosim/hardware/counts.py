"""What a run of a chip did, sample by sample: exact counts, which every chip of cores can price."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import whole
from neurosim.chip import Chip, as_labels, fitting
from neurosim.errors import ConfigError, SampleError
from neurosim.hardware.demand import Demand, demand
from neurosim.hardware.mapping import Part
from neurosim.streams import Stream
from neurosim.working import NO_LABELS, NO_MODULATORS, TALLIED, WorkingLayer, teachable

Whole = NDArray[np.int64]


class LayerCounts(NamedTuple):
    """What one layer did.

    Attributes
    ----------
    demand : Demand
    events : int64 (samples,)
        Inputs that were not zero.
    operations : int64 (samples,)
        Synaptic operations: synapses that events reached.
    effective : int64 (samples,)
        Those among them whose weight was not zero.
    plasticity : int64 (samples,)
        Times the rule was asked for its two numbers.
    writes : int64 (samples,)
        Stored synapses that were read, changed and written.
    flips : int64 (samples,)
        Bits of stored synapses that changed; 0 without `weight_bits`.
    packed : uint8 (samples, neurons / 8)
        Neurons whose synapses were written, a bit each.
    sent : unsigned (samples, neurons)
        Outputs of each neuron that were not zero; of the last layer nothing, (samples, 0): its response is one event.
    binary : bool
        Whether every input was -1, 0 or 1.
    """

    demand: Demand
    events: Whole
    operations: Whole
    effective: Whole
    plasticity: Whole
    writes: Whole
    flips: Whole
    packed: NDArray[np.uint8]
    sent: NDArray[Any]
    binary: bool

    def writes_on(self, part: Part) -> Whole:
        """Return the synapses written on a core: int64 (samples,)."""
        written = self.written
        here: Whole = self.writes * share(written, part) // np.maximum(written.sum(axis=1, dtype=np.int64), 1)
        return here

    @property
    def written(self) -> NDArray[np.bool_]:
        """Neurons whose synapses were written: bool (samples, neurons), a new array."""
        return np.unpackbits(self.packed, axis=1, count=self.demand.neurons).view(np.bool_)


class Counts(NamedTuple):
    """What a run of a chip did.

    Attributes
    ----------
    layers : tuple of LayerCounts
    learning : bool
    samples : int
    """

    layers: tuple[LayerCounts, ...]
    learning: bool
    samples: int

    def summary(self) -> dict[str, Any]:
        """Return plain values, means over the samples: NeuroBench's keys, and those of learning beside them."""
        return {
            "samples": self.samples,
            "SynapticOperations": _neurobench(self.layers),
            "PlasticityOperations": _mean(self.layers, "plasticity"),
            "WeightUpdates": _mean(self.layers, "writes"),
            "WeightBitsFlipped": _mean(self.layers, "flips"),
            "ActivationSparsity": _sparsity(self.layers),
            "layers": [_of_layer(layer) for layer in self.layers],
        }


def share(counted: NDArray[Any], part: Part) -> Whole:
    """Return the sum over the neurons that sit on a core: int64 (samples,)."""
    total: Whole = counted[:, part.first : part.first + part.neurons].sum(axis=1, dtype=np.int64)
    return total


def _mean(layers: Sequence[LayerCounts], name: str) -> float:
    return float(sum(getattr(layer, name).mean() for layer in layers))


def _neurobench(layers: Sequence[LayerCounts]) -> dict[str, float]:
    """Return synaptic operations a sample, by the definitions of NeuroBench."""
    parts = {"Effective_MACs": 0.0, "Effective_ACs": 0.0, "Dense": 0.0}
    for layer in layers:
        wanted = layer.demand
        parts["Effective_ACs" if layer.binary else "Effective_MACs"] += float(layer.effective.mean())
        parts["Dense"] += wanted.fan_in * wanted.neurons * wanted.positions
    return parts


def _sparsity(layers: Sequence[LayerCounts]) -> float:
    """Return the share of outputs that are zero, over all layers and samples but the last layer."""
    sent = sum(int(layer.events.sum()) for layer in layers[1:])
    total = sum(layer.demand.inputs * len(layer.events) for layer in layers[1:])
    return 1 - sent / total if total else 0.0


def _of_layer(layer: LayerCounts) -> dict[str, float]:
    """Return means over the samples."""
    names = ("events", "operations", "effective", "plasticity", "writes", "flips")
    means = {name: float(getattr(layer, name).mean()) for name in names}
    responses = layer.demand.neurons * layer.demand.positions
    return means | {"neuron_updates": responses, "exponentials": responses if layer.demand.soft else 0}


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
