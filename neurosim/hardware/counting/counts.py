"""What a run of a chip did, sample by sample: exact counts, which every chip of cores can price."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.mapping import Part

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
