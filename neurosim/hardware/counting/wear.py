"""How often each synapse was written: what wears cells out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.counts import LayerCounts, unpacked

Whole = NDArray[np.int64]
CHUNK = 4096  # samples that are unpacked at once


class Wear(NamedTuple):
    """How often the synapses of a layer were written during a run.

    Attributes
    ----------
    mean : float
    most : int
        Writes of the synapse that was written most often.
    edges : tuple of int
        Least numbers of writes of the histogram's classes: 0, 1, 2, 4, 8, ...
    synapses : tuple of int
        How many synapses were written so often.
    """

    mean: float
    most: int
    edges: tuple[int, ...]
    synapses: tuple[int, ...]

    def summary(self) -> dict[str, Any]:
        """Return plain values."""
        histogram = [list(row) for row in zip(self.edges, self.synapses, strict=True)]
        return {"mean": self.mean, "most": self.most, "histogram": histogram}


def wear(layer: LayerCounts) -> Wear:
    """Return how often the synapses of a layer were written."""
    writes = synapse_writes(layer)
    classes = np.frexp(writes.ravel().astype(np.float64))[1]  # 0 of none, 1 of one write, 2 of two or three, ...
    synapses = np.bincount(classes)
    edges = (0, *(1 << place for place in range(len(synapses) - 1)))
    return Wear(float(writes.mean()), int(writes.max()), edges, tuple(synapses.tolist()))


def synapse_writes(layer: LayerCounts) -> Whole:
    """Return how often each stored synapse was written: int64 (neurons, fan-in).

    Exact, except for windows of several samples: there a synapse counts as written once in a window, if its input was
    not zero in any of the window's samples.
    """
    demand = layer.demand
    writes = np.zeros((demand.neurons, demand.fan_in), np.int64)
    inputs, packed = layer.written_inputs(), layer.packed
    whole = layer.whole_bits
    for first in range(0, len(packed), CHUNK):
        chunk = slice(first, first + CHUNK)
        writes += unpacked(whole[chunk], demand.neurons).sum(axis=0, dtype=np.int64)[:, None]
        partly = unpacked(packed[chunk] & ~whole[chunk], demand.neurons)
        if not partly.any():
            continue
        active = unpacked(inputs[chunk], demand.fan_in)
        for k in np.flatnonzero(partly.any(axis=0)):
            writes[k] += active[partly[:, k]].sum(axis=0, dtype=np.int64)
    _add_irregular(layer, inputs, whole, writes)
    return writes


def _add_irregular(layer: LayerCounts, inputs: NDArray[np.uint8], whole: NDArray[np.uint8], writes: Whole) -> None:
    """Add what neurons that were written whole took beyond that: whole once more, or at their inputs."""
    sample, neuron, more = layer.irregular.T
    fan_in = layer.demand.fan_in
    is_whole = (whole[sample, neuron // 8] >> (7 - neuron % 8)) & 1
    for n, k, beyond in zip(sample[is_whole > 0], neuron[is_whole > 0], more[is_whole > 0], strict=True):
        writes[k] += beyond // fan_in
        if beyond % fan_in:
            writes[k] += np.unpackbits(inputs[n], count=fan_in)
