"""Operations of each sample, by what they are priced with."""

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.counting.reloading import reloading
from neurosim.hardware.counting.traffic import events
from neurosim.hardware.counting.words import words
from neurosim.hardware.placement.flows import FROM_OUTSIDE, GROWTH, TO_OUTSIDE, flows
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.placement.mesh import hops_to_all
from neurosim.hardware.placement.stored import bits

Whole = NDArray[np.int64]
# The operations that each share of a sample's energy is the price of.
INFERENCE = (
    "synaptic_operation", "neuron_update", "exponential", "memory_read_bit", "memory_read_word",
    "accumulator_read_word", "accumulator_write_word",
)  # fmt: skip
ROUTING = ("event_in", "event_out", "hop_east_west", "hop_north_south")
LEARNING = ("weight_update", "learning_read_bit", "learning_write_bit", "learning_read_word", "learning_write_word")
MERGING = "growth_operation"  # of learning too: what comes in from another copy of a kernel is added
# Whatever a core's synaptic memory is read and written for takes the price of a read or write.
PRICED_AS = {MERGING: "synaptic_operation"} | {
    f"{what}_{access}_{unit}": f"memory_{access}_{unit}"
    for what in ("learning", "accumulator", "state", "reload")
    for access in ("read", "write")
    for unit in ("bit", "word")
}


def operations(mapping: Mapping, counts: Counts) -> dict[str, Whole]:
    """Return how many operations of each kind a sample takes: int64 (samples,) each.

    Memory is counted in words, as the chip's table `memory` lays synapses out. Without that table it is counted in
    bits: each synaptic operation reads its synapse, each weight update reads and writes it, and no other comes along.
    Where a kernel has several copies, each is written, and what those on several cores grew by is added up: a
    `growth_operation` for each synapse that comes in. Operations that only such copies take, or cores that take turns,
    are left out where there are none.
    """
    left_out = "_bit" if mapping.hardware.memory is not None else "_word"
    names = [name for name in (*INFERENCE, *ROUTING, *LEARNING) if not name.endswith(left_out)]
    total = {name: np.zeros(counts.samples, np.int64) for name in names}
    for layer in counts.layers:
        demand = layer.demand
        responses, width = demand.neurons * demand.positions, bits(demand, mapping.hardware)
        done = layer.done(mapping.hardware.structure.is_dense)
        writes = layer.writes * mapping.stored(demand.layer)
        total["synaptic_operation"] += done
        total["neuron_update"] += responses
        total["exponential"] += responses * demand.soft
        total["weight_update"] += writes
        if mapping.hardware.memory is None:
            total["memory_read_bit"] += done * width
            total["learning_read_bit"] += writes * width
            total["learning_write_bit"] += writes * width
    if mapping.hardware.memory is not None:
        _add_words(total, mapping, counts)
    _add_routing(total, mapping, counts)
    return total | (reloading(mapping, counts) if mapping.in_turns else {})


def by_width(mapping: Mapping, counts: Counts) -> dict[str, dict[int, Whole]]:
    """Return the operations that arithmetic does on weights, by the bits of a weight: int64 (samples,) each."""
    done: dict[str, dict[int, Whole]] = {"synaptic_operation": {}, "weight_update": {}}
    for layer in counts.layers:
        width = bits(layer.demand, mapping.hardware)
        reached = layer.done(mapping.hardware.structure.is_dense)
        writes = layer.writes * mapping.stored(layer.demand.layer)
        for name, count in (("synaptic_operation", reached), ("weight_update", writes)):
            done[name][width] = done[name].get(width, np.zeros(counts.samples, np.int64)) + count
    return done


def _add_words(total: dict[str, Whole], mapping: Mapping, counts: Counts) -> None:
    """Add the words of memory that each part reads and writes."""
    for part in mapping.parts:
        found = words(part, counts.layers[part.layer], mapping.hardware)
        total["memory_read_word"] += found.read
        total["learning_read_word"] += found.updated
        total["learning_write_word"] += found.updated
        total["accumulator_read_word"] += found.accumulated
        total["accumulator_write_word"] += found.accumulated


def _add_routing(total: dict[str, Whole], mapping: Mapping, counts: Counts) -> None:
    """Add the events between cores, their links, and what comes in from other copies of a kernel."""
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
