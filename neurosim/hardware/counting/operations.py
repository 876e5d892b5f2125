"""Operations of each sample, by what they are priced with."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.counts import Counts, share
from neurosim.hardware.placement.mapping import Mapping, bits
from neurosim.hardware.placement.mesh import Hops, hops

Whole = NDArray[np.int64]
# The operations that each share of a sample's energy is the price of.
INFERENCE = ("synaptic_operation", "neuron_update", "exponential", "memory_read_bit")
ROUTING = ("event_in", "event_out", "hop_east_west", "hop_north_south")
LEARNING = ("weight_update", "learning_read_bit", "learning_write_bit")
IN, INSIDE, OUT = 0, 1, 2  # events from the port, between cores, to the port
PRICED_AS = {"learning_read_bit": "memory_read_bit", "learning_write_bit": "memory_write_bit"}


def operations(mapping: Mapping, counts: Counts) -> dict[str, Whole]:
    """Return how many operations of each kind a sample takes: int64 (samples,) each.

    Each synaptic operation reads a word of memory, each weight update reads and writes one.
    """
    total = {name: np.zeros(counts.samples, np.int64) for name in (*INFERENCE, *ROUTING, *LEARNING)}
    for layer in counts.layers:
        demand = layer.demand
        responses, width = demand.neurons * demand.positions, bits(demand, mapping.hardware)
        done = layer.done(mapping.hardware.structure.is_dense)
        total["synaptic_operation"] += done
        total["neuron_update"] += responses
        total["exponential"] += responses * demand.soft
        total["memory_read_bit"] += done * width
        total["weight_update"] += layer.writes
        total["learning_read_bit"] += layer.writes * width
        total["learning_write_bit"] += layer.writes * width
    for direction, route, events in _traffic(mapping, counts):
        total["event_out"] += events * (direction != IN)
        total["event_in"] += events * (direction != OUT)
        total["hop_east_west"] += events * route.east_west
        total["hop_north_south"] += events * route.north_south
    return total


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
