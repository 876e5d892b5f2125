"""How many events flow between the cores of a mapping in each sample of a run."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.counts import Counts, LayerCounts, share
from neurosim.hardware.placement.flows import GROWTH, INPUTS, KERNELS, OUTPUTS, SUMS, Flow
from neurosim.hardware.placement.mapping import Mapping, Part

Whole = NDArray[np.int64]


def events(flow: Flow, mapping: Mapping, counts: Counts) -> Whole:
    """Return how many events a flow has: int64 (samples,)."""
    layer = counts.layers[flow.layer]
    if flow.kind == INPUTS:
        return layer.events
    if flow.kind == OUTPUTS and flow.share is not None:
        total: Whole = np.sum([sent_by(layer, part) for part in flow.share.parts], axis=0, dtype=np.int64)
        return total
    count: Any = 1
    if flow.kind == SUMS and flow.part is not None:
        count = flow.part.positions
    if flow.kind in (GROWTH, KERNELS) and flow.part is not None:
        return written_by(layer, flow.part) * layer.demand.fan_in
    return np.full(counts.samples, count, np.int64)


def mean_events(counts: Counts) -> Any:
    """Return a function that gives the mean events of a flow in a run."""

    def amount(mapping: Mapping, flow: Flow) -> float:
        return float(events(flow, mapping, counts).mean())

    return amount


def sent_by(layer: LayerCounts, part: Part) -> Whole:
    """Return how many outputs of a part were not zero; those of a neuron are spread evenly over its positions."""
    return at_positions(share(layer.sent, part), layer, part)


def operations_of(layer: LayerCounts, part: Part, densely: bool = False) -> Whole:
    """Return the synaptic operations that a part does: all, or those that events reach, spread over its positions."""
    entries = layer.done(densely) // layer.demand.neurons  # every event reaches all neurons: nothing is left over
    return at_positions(entries, layer, part) * part.neurons


def at_positions(counted: Whole, layer: LayerCounts, part: Part) -> Whole:
    """Return the share of a part's positions in a count over all of them; the shares of all blocks add up exactly."""
    end = counted * (part.first_position + part.positions) // layer.demand.positions
    return end - counted * part.first_position // layer.demand.positions


def written_by(layer: LayerCounts, part: Part) -> Whole:
    """Return how many neurons of a part were written."""
    return share(layer.written, part)
