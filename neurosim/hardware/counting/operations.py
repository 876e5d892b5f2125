"""Operations of each sample, by what they are priced with."""

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.counting.reloading import reloading
from neurosim.hardware.counting.traffic import events
from neurosim.hardware.placement.flows import FROM_OUTSIDE, GROWTH, TO_OUTSIDE, flows
from neurosim.hardware.placement.mapping import Mapping, bits
from neurosim.hardware.placement.mesh import hops_to_all

Whole = NDArray[np.int64]
# The operations that each share of a sample's energy is the price of.
INFERENCE = ("synaptic_operation", "neuron_update", "exponential", "memory_read_bit")
ROUTING = ("event_in", "event_out", "hop_east_west", "hop_north_south")
LEARNING = ("weight_update", "learning_read_bit", "learning_write_bit")
MERGING = "growth_operation"  # of learning too: what comes in from another copy of a kernel is added
PRICED_AS = {
    "learning_read_bit": "memory_read_bit", "learning_write_bit": "memory_write_bit",
    MERGING: "synaptic_operation", "state_read_bit": "memory_read_bit",
    "state_write_bit": "memory_write_bit", "reload_read_bit": "memory_read_bit", "reload_write_bit": "memory_write_bit",
}  # fmt: skip


def operations(mapping: Mapping, counts: Counts) -> dict[str, Whole]:
    """Return how many operations of each kind a sample takes: int64 (samples,) each.

    Each synaptic operation reads a word of memory, each weight update reads and writes one. Where a kernel has several
    copies, each is written, and what they grew by is added up: a `growth_operation` for each synapse that comes in.
    Operations that only such copies take, or cores that take turns, are left out where there are none.
    """
    total = {name: np.zeros(counts.samples, np.int64) for name in (*INFERENCE, *ROUTING, *LEARNING)}
    for layer in counts.layers:
        demand = layer.demand
        responses, width = demand.neurons * demand.positions, bits(demand, mapping.hardware)
        writes = layer.writes * len(mapping.blocks(demand.layer))
        total["synaptic_operation"] += layer.operations
        total["neuron_update"] += responses
        total["exponential"] += responses * demand.soft
        total["memory_read_bit"] += layer.operations * width
        total["weight_update"] += writes
        total["learning_read_bit"] += writes * width
        total["learning_write_bit"] += writes * width
    _route(total, mapping, counts)
    return total | (reloading(mapping, counts) if mapping.in_turns else {})


def _route(total: dict[str, Whole], mapping: Mapping, counts: Counts) -> None:
    """Add the events between cores, and their links."""
    built = mapping.hardware.structure
    for flow in flows(mapping):
        sent, links = events(flow, mapping, counts), hops_to_all(built, flow.source, flow.targets)
        made = 1 if built.multicast else len(flow.targets)
        total["event_out"] += sent * made * (flow.kind not in FROM_OUTSIDE)
        total["event_in"] += sent * len(flow.targets) * (flow.kind not in TO_OUTSIDE)
        total["hop_east_west"] += sent * links.east_west
        total["hop_north_south"] += sent * links.north_south
        if flow.kind == GROWTH:
            total[MERGING] = total.get(MERGING, 0) + sent
