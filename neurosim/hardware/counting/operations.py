"""Operations of each sample, by what they are priced with."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.counts import Counts, share
from neurosim.hardware.counting.words import words
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.placement.mesh import Hops, hops
from neurosim.hardware.placement.stored import bits

Whole = NDArray[np.int64]
# The operations that each share of a sample's energy is the price of.
INFERENCE = (
    "synaptic_operation", "neuron_update", "exponential", "memory_read_bit", "memory_read_word",
    "accumulator_read_word", "accumulator_write_word",
)  # fmt: skip
ROUTING = ("event_in", "event_out", "hop_east_west", "hop_north_south")
LEARNING = ("weight_update", "learning_read_bit", "learning_write_bit", "learning_read_word", "learning_write_word")
IN, INSIDE, OUT = 0, 1, 2  # events from the port, between cores, to the port
PRICED_AS = {
    "learning_read_bit": "memory_read_bit", "learning_write_bit": "memory_write_bit",
    "learning_read_word": "memory_read_word", "learning_write_word": "memory_write_word",
    "accumulator_read_word": "memory_read_word", "accumulator_write_word": "memory_write_word",
}  # fmt: skip


def operations(mapping: Mapping, counts: Counts) -> dict[str, Whole]:
    """Return how many operations of each kind a sample takes: int64 (samples,) each.

    Memory is counted in words, as the chip's table `memory` lays synapses out. Without that table it is counted in
    bits: each synaptic operation reads its synapse, each weight update reads and writes it, and no other comes along.
    """
    left_out = "_bit" if mapping.hardware.memory is not None else "_word"
    names = [name for name in (*INFERENCE, *ROUTING, *LEARNING) if not name.endswith(left_out)]
    total = {name: np.zeros(counts.samples, np.int64) for name in names}
    for layer in counts.layers:
        demand = layer.demand
        responses, width = demand.neurons * demand.positions, bits(demand, mapping.hardware)
        done = layer.done(mapping.hardware.structure.is_dense)
        total["synaptic_operation"] += done
        total["neuron_update"] += responses
        total["exponential"] += responses * demand.soft
        total["weight_update"] += layer.writes
        if mapping.hardware.memory is None:
            total["memory_read_bit"] += done * width
            total["learning_read_bit"] += layer.writes * width
            total["learning_write_bit"] += layer.writes * width
    if mapping.hardware.memory is not None:
        _add_words(total, mapping, counts)
    for direction, route, events in _traffic(mapping, counts):
        total["event_out"] += events * (direction != IN)
        total["event_in"] += events * (direction != OUT)
        total["hop_east_west"] += events * route.east_west
        total["hop_north_south"] += events * route.north_south
    return total


def by_width(mapping: Mapping, counts: Counts) -> dict[str, dict[int, Whole]]:
    """Return the operations that arithmetic does on weights, by the bits of a weight: int64 (samples,) each."""
    done: dict[str, dict[int, Whole]] = {"synaptic_operation": {}, "weight_update": {}}
    for layer in counts.layers:
        width = bits(layer.demand, mapping.hardware)
        reached = layer.done(mapping.hardware.structure.is_dense)
        for name, count in (("synaptic_operation", reached), ("weight_update", layer.writes)):
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


def _traffic(mapping: Mapping, counts: Counts) -> Iterator[tuple[int, Hops, Any]]:
    """Yield, for each pair of cores or port that exchange events: the direction, the links between, events a sample."""
    built = mapping.hardware.structure
    for layer in counts.layers:
        parts = mapping.of(layer.demand.layer)
        first = parts[0]
        for part in parts:
            if layer.demand.layer == 0:
                yield IN, hops(built, 0, part.core), layer.events
            else:
                before = counts.layers[layer.demand.layer - 1]
                for sender in mapping.of(layer.demand.layer - 1):
                    yield INSIDE, hops(built, sender.core, part.core), share(before.sent, sender)
            if part is not first:  # the sums of the competition, to the first core and back
                yield INSIDE, hops(built, part.core, first.core), layer.demand.positions
                yield INSIDE, hops(built, first.core, part.core), layer.demand.positions
    last = mapping.of(len(counts.layers) - 1)[0]
    yield OUT, hops(built, last.core, 0), np.ones(counts.samples, np.int64)
