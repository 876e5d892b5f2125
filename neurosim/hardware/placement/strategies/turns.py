"""Layers that are larger than a chip: its cores run their tiles one after the other.

What a core needs for one turn is in its neurons and its synaptic memory; the rest waits. Two things are short for two
reasons. *Neurons*: the states of all tiles but the last are put aside after their turn, and fetched again when the
competition is decided, in the core's own synaptic memory where that has room. *Synapses*: tiles whose synapses do not
stay on the core come from external memory in each sample; what learning changed goes back.
"""

from collections.abc import Sequence

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.fitting import Cut, even
from neurosim.hardware.placement.mapping import Mapping, Part
from neurosim.hardware.placement.tiles import tiles


def in_turns(demands: Sequence[Demand], cuts: Sequence[Cut], hardware: Hardware, notes: Sequence[str]) -> Mapping:
    """Return a mapping in which each layer takes all cores, or one for each of its tiles, and cores take turns.

    Raises
    ------
    ConfigError
        If synapses and waiting states fit neither on the cores nor in external memory.
    """
    parts: list[Part] = []
    for layer, found in zip(demands, cuts, strict=True):
        own = list(tiles(layer, found, -(-layer.neurons // found.capacity), hardware))
        for core, (first, count) in enumerate(even(len(own), min(len(own), hardware.structure.cores))):
            parts += [own[first + turn]._replace(core=core, turn=turn) for turn in range(count)]
    mapping = Mapping(hardware, tuple(demands), tuple(parts), tuple(notes), in_turns=True)
    kept: dict[Part, bool] = {}
    outside = []
    for core in mapping.cores:
        residents, states_stay = _kept(
            core, [part for part in parts if part.core == core], _waiting(mapping, core), hardware
        )
        kept |= residents
        outside += [] if states_stay else [core]
    parts = [part._replace(resident=kept[part]) for part in parts]
    mapping = mapping._replace(parts=tuple(parts), states_outside=tuple(outside))
    _check_external(mapping)
    return mapping._replace(notes=(*notes, *_told(mapping)))


def _waiting(mapping: Mapping, core: int) -> int:
    """Return the most bits of states that a core puts aside for a layer."""
    neuron_bits = mapping.hardware.structure.neuron_bits or 0
    shares = [share for layer in range(len(mapping.demands)) for share in mapping.shares(layer) if share.core == core]
    return max(share.waiting_sites for share in shares) * neuron_bits


def _kept(core: int, here: Sequence[Part], states: int, hardware: Hardware) -> tuple[dict[Part, bool], bool]:
    """Return which tiles' synapses stay on a core, the first ones first, and whether the waiting states do."""
    memory, wanted = hardware.structure.synapse_bits_per_core, sum(part.synapse_bits for part in here)
    if wanted + states <= memory:
        return dict.fromkeys(here, True), True
    if hardware.structure.external_bits is None:
        layers = " and ".join(str(layer + 1) for layer in sorted({part.layer for part in here}))
        what = f"bits of synapses and of waiting states of layer {layers} on core {core}"
        rule = f"at most {memory}, what a core of {hardware.name} holds, as it has no structure.external_bits"
        raise ConfigError(what, rule, wanted + states, f"{wanted + states - memory} too many")
    largest = max(part.synapse_bits for part in here)
    states_stay = largest + states <= memory
    room = memory - states if states_stay else memory
    if wanted <= room:
        return dict.fromkeys(here, True), states_stay
    kept, room = {}, room - largest  # where those that come and go are held
    for part in here:
        kept[part] = part.synapse_bits <= room
        room -= part.synapse_bits if kept[part] else 0
    return kept, states_stay


def _external_bits(mapping: Mapping) -> int:
    """Return the bits that a mapping keeps in external memory: synapses that do not stay, and waiting states."""
    synapses = sum(part.synapse_bits for part in mapping.parts if not part.resident)
    return synapses + sum(_waiting(mapping, core) for core in mapping.states_outside)


def _check_external(mapping: Mapping) -> None:
    """Refuse a mapping that keeps more outside than there is room for."""
    available, needed = mapping.hardware.structure.external_bits or 0, _external_bits(mapping)
    if needed > available:
        rule = f"at most {available}, the structure.external_bits of {mapping.hardware.name}"
        raise ConfigError("bits that do not stay on the cores", rule, needed, f"{needed - available} too many")


def _told(mapping: Mapping) -> list[str]:
    """Return notes: how many turns each layer takes, and how much comes from outside."""
    told = [
        f"layer {layer + 1} takes {count} turns on {len(mapping.shares(layer))} cores"
        for layer, count in enumerate(mapping.turns())
        if count > 1
    ]
    told.append("the chip works on one layer of one sample at a time, as its layers share cores in turns")
    moved = sum(part.synapse_bits for part in mapping.parts if not part.resident)
    if moved:
        share = moved / sum(part.synapse_bits for part in mapping.parts)
        told.append(f"{share:.0%} of the synapses ({moved // 8:,} bytes) come from external memory in each sample")
    if mapping.states_outside:
        told.append(f"the waiting states of {len(mapping.states_outside)} cores go to external memory")
    return told
