"""Exact counts of what a run of a chip did, sample by sample; they can be priced on any described chip."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.mapping import Part

Whole = NDArray[np.int64]
Bits = NDArray[np.uint8]
NONE: Whole = np.zeros(0, np.int64)
NO_BITS: Bits = np.zeros((0, 0), np.uint8)
REGULAR: Whole = np.zeros((0, 3), np.int64)


class LayerCounts(NamedTuple):
    """What one layer did.

    Attributes
    ----------
    demand : Demand
    events : int64 (samples,)
        Inputs that were not zero.
    operations : int64 (samples,)
        Synaptic operations: synapses that events reached. All of them, as a dense datapath does, are `dense`.
    effective : int64 (samples,)
        Synaptic operations whose weight was not zero.
    plasticity : int64 (samples,)
        How often the rule computed its two numbers, decay and growth.
    writes : int64 (samples,)
        Stored synapses that were read, changed and written.
    flips : int64 (samples,)
        Bits of stored synapses that changed; 0 without `weight_bits`.
    packed : uint8 (samples, neurons / 8)
        Neurons whose synapses were written, a bit each: those at the inputs that were not zero.
    sent : unsigned (samples, neurons)
        How many outputs of each neuron were not zero; empty, (samples, 0), for the last layer, whose response is one
        event.
    binary : bool
        Whether every input was -1, 0 or 1.
    active : int64 (samples,)
        Outputs that were not zero, the last layer's included.
    outputs : int
        Outputs of a sample, zero or not.
    inputs_packed : uint8 (samples, inputs / 8)
        Inputs that were not zero, a bit each.
    whole_packed : uint8 (samples, neurons / 8)
        Neurons of which all synapses were written, a bit each: their scale was folded into them, or changed.
    irregular : int64 (found, 3)
        Sample, neuron, and how many writes it took beyond those that the bits tell; none, but for windows of several
        samples and for scales that are folded.
    window_packed : uint8 (samples, inputs / 8) or None
        Inputs that were not zero in the window that ended with a sample; None where windows are of one sample.
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
    active: Whole = NONE
    outputs: int = 0
    inputs_packed: Bits = NO_BITS
    whole_packed: Bits = NO_BITS
    irregular: Whole = REGULAR
    window_packed: Bits | None = None

    @property
    def dense(self) -> int:
        """Synaptic operations of each sample, if zeros are not left out."""
        return self.demand.fan_in * self.demand.neurons * self.demand.positions

    def done(self, densely: bool) -> Whole:
        """Return the synaptic operations that are done: all, or those that events reach; int64 (samples,)."""
        return np.full_like(self.operations, self.dense) if densely else self.operations

    def writes_on(self, part: Part) -> Whole:
        """Return how many synapses of this part were written: int64 (samples,), exact."""
        whole = share(self.whole, part)
        writes: Whole = (share(self.written, part) - whole) * self.events + whole * self.demand.fan_in
        sample, neuron, more = self.irregular.T
        here = (neuron >= part.first) & (neuron < part.first + part.neurons)
        np.add.at(writes, sample[here], more[here])
        return writes

    @property
    def written(self) -> NDArray[np.bool_]:
        """Neurons whose synapses were written: bool (samples, neurons), a new array."""
        return unpacked(self.packed, self.demand.neurons)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Neurons of which all synapses were written: bool (samples, neurons), a new array."""
        return unpacked(self.whole_bits, self.demand.neurons)

    @property
    def whole_bits(self) -> Bits:
        """`whole_packed`, of zeros where that is left out."""
        return self.whole_packed if len(self.whole_packed) else np.zeros_like(self.packed)

    def written_inputs(self) -> Bits:
        """Return the inputs whose synapses were written, in neurons not written whole: uint8 (samples, inputs / 8).

        Those that were not zero in the sample, or in any sample of the window that ended with it; none where a window
        goes on.
        """
        return self.inputs_packed if self.window_packed is None else self.window_packed


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
        """Return plain values, means over the samples: NeuroBench's keys, and keys in the same style for learning."""
        return {
            "samples": self.samples,
            "SynapticOperations": _neurobench(self.layers),
            "PlasticityOperations": _mean(self.layers, "plasticity"),
            "WeightUpdates": _mean(self.layers, "writes"),
            "WeightBitsFlipped": _mean(self.layers, "flips"),
            "ActivationSparsity": _sparsity(self.layers),
            "layers": [_of_layer(layer) for layer in self.layers],
        }


def unpacked(bits: Bits, count: int) -> NDArray[np.bool_]:
    """Return the bits of each row: bool (rows, count), a new array."""
    return np.unpackbits(bits, axis=1, count=count).view(np.bool_)


def share(counted: NDArray[Any], part: Part) -> Whole:
    """Return the sum of a count over the neurons of a part: int64 (samples,)."""
    total: Whole = counted[:, part.first : part.first + part.neurons].sum(axis=1, dtype=np.int64)
    return total


def _mean(layers: Sequence[LayerCounts], name: str) -> float:
    return float(sum(getattr(layer, name).mean() for layer in layers))


def _neurobench(layers: Sequence[LayerCounts]) -> dict[str, float]:
    """Return synaptic operations a sample, by the definitions of NeuroBench."""
    operations = {"Effective_MACs": 0.0, "Effective_ACs": 0.0, "Dense": 0.0}
    for layer in layers:
        operations["Effective_ACs" if layer.binary else "Effective_MACs"] += float(layer.effective.mean())
        operations["Dense"] += layer.dense
    return operations


def _sparsity(layers: Sequence[LayerCounts]) -> float:
    """Return the share of outputs that are zero, over all samples and all layers, the last one included."""
    active = sum(int(layer.active.sum()) for layer in layers)
    total = sum(layer.outputs * len(layer.active) for layer in layers)
    return 1 - active / total if total else 0.0


def _of_layer(layer: LayerCounts) -> dict[str, float]:
    """Return means over the samples."""
    names = ("events", "operations", "effective", "plasticity", "writes", "flips")
    means = {name: float(getattr(layer, name).mean()) for name in names}
    responses = layer.demand.neurons * layer.demand.positions
    exponentials = responses if layer.demand.soft else 0
    return means | {"dense": layer.dense, "neuron_updates": responses, "exponentials": exponentials}
