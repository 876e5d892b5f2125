"""What cores that take turns bring in and out: states that wait, and synapses that do not stay."""

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.counting.traffic import written_by
from neurosim.hardware.counting.wear import synapse_writes
from neurosim.hardware.placement.mapping import CoreShare, Mapping

Whole = NDArray[np.int64]
OUTSIDE = ("external_read_bit", "external_write_bit")
RELOADING = (
    "state_write_bit", "state_read_bit", "state_write_word", "state_read_word", *OUTSIDE, "reload_write_bit",
    "reload_read_bit", "reload_write_word", "reload_read_word",
)  # fmt: skip


def reloading(mapping: Mapping, counts: Counts) -> dict[str, Whole]:
    """Return what moves in each sample: int64 (samples,) each, in bits, or on a core in words where it has `memory`.

    A tile whose synapses do not stay comes in for its turn: all its bits leave external memory and are written on the
    core. To learn, those of the neurons that are written come in again (but for the last tile that came, which is still
    there), and go back. States are written and read once.
    """
    memory = mapping.hardware.memory
    unit, size = ("bit", 1) if memory is None else ("word", memory.word_bits)
    inside = [f"{what}_{kind}_{unit}" for what in ("state", "reload") for kind in ("write", "read")]
    moved = {name: np.zeros(counts.samples, np.int64) for name in (*inside, *OUTSIDE)}
    for layer in range(len(mapping.demands)):
        for share in mapping.shares(layer):
            before, again, back = synapse_bits(share, counts)
            moved["external_read_bit"] += before + again
            moved["external_write_bit"] += back
            moved[f"reload_write_{unit}"] += -(-(before + again) // size)
            moved[f"reload_read_{unit}"] += -(-back // size)
            states = waiting_bits(mapping, share)
            for kind in ("write", "read"):
                if share.core in mapping.states_outside:
                    moved[f"external_{kind}_bit"] += states
                else:
                    moved[f"state_{kind}_{unit}"] += -(-states // size)
    return moved


def waiting_bits(mapping: Mapping, share: CoreShare) -> int:
    """Return the bits of states that a core puts aside for a layer."""
    return share.waiting_sites * (mapping.hardware.structure.neuron_bits or 0)


def synapse_bits(share: CoreShare, counts: Counts) -> tuple[int, Whole, Whole]:
    """Return the bits of synapses that come in before integration, those that come in again to learn, and go back."""
    layer = counts.layers[share.layer]
    again, back = np.zeros(counts.samples, np.int64), np.zeros(counts.samples, np.int64)
    moving = [part for part in share.parts if not part.resident]
    for part in moving:
        written = written_by(layer, part) * part.synapse_bits // part.neurons  # a neuron's share of padded words
        back += written
        again += written * (part is not moving[-1])
    return sum(part.synapse_bits for part in moving), again, back


def most_rewritten(mapping: Mapping, counts: Counts) -> int:
    """Return how often a run writes the most written cell of a core's memory where tiles or states move; 0: none do.

    The place of tiles that come and go is written whole for each turn, once more for the neurons that learn (but for
    the last tile that came), and by learning itself. These are added up as if the most written neuron and synapse of
    each tile were always in the same cells: the truth is not more. The place of waiting states is written once a
    sample and layer.
    """
    places: dict[tuple[str, int], int] = {}
    for layer, counted in enumerate(counts.layers):
        if any(not part.resident for part in mapping.of(layer)):
            by_neuron, by_synapse = counted.written.sum(axis=0), synapse_writes(counted).max(axis=1)
        for share in mapping.shares(layer):
            moving = [part for part in share.parts if not part.resident]
            for part in moving:
                here = slice(part.first, part.first + part.neurons)
                again = int(by_neuron[here].max()) if part is not moving[-1] else 0
                loads = counts.samples + again + int(by_synapse[here].max())
                places["tiles", share.core] = places.get(("tiles", share.core), 0) + loads
            if waiting_bits(mapping, share) and share.core not in mapping.states_outside:
                places["states", share.core] = places.get(("states", share.core), 0) + counts.samples
    return max(places.values(), default=0)
