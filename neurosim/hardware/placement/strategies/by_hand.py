"""Layers placed by hand: the cores that a user gives, checked."""

from collections.abc import Sequence

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.fitting import Cut, even
from neurosim.hardware.placement.mapping import Part
from neurosim.hardware.placement.strategies.options import Entry
from neurosim.hardware.placement.tiles import tile


def parts(
    demands: Sequence[Demand], cuts: Sequence[Cut], hardware: Hardware, cores: Sequence[Sequence[Entry]]
) -> tuple[Part, ...]:
    """Return the parts on cores given by hand.

    Raises
    ------
    ConfigError
        If a layer has none, a core is none of the chip's or comes twice, neurons are left out or come twice, or a core
        cannot hold what it is given.
    """
    if len(cores) != len(demands):
        raise ConfigError("placement.cores", f"given for each of the {len(demands)} layers", len(cores))
    placed: list[Part] = []
    for layer, found, entries in zip(demands, cuts, cores, strict=True):
        key = f"placement.cores, layer {layer.layer + 1}"
        placed += _layer(key, layer, found, entries, hardware)
        own = [part.core for part in placed if part.layer == layer.layer]
        for core in own:
            if core >= hardware.structure.cores:
                raise ConfigError(key, f"below {hardware.structure.cores}, the cores of {hardware.name}", core)
            if own.count(core) > 1:
                raise ConfigError(key, "cores that are each given once", core)
    for core in sorted({part.core for part in placed}):
        _check_room(core, [part for part in placed if part.core == core], hardware)
    return tuple(placed)


def _layer(key: str, layer: Demand, found: Cut, entries: Sequence[Entry], hardware: Hardware) -> list[Part]:
    """Return a layer's parts: its neurons shared out evenly, or as given."""
    blocks = list(even(layer.positions, found.blocks))
    given: list[tuple[int, int, int, int]]
    alone = [entry for entry in entries if isinstance(entry, int)]
    if len(alone) == len(entries):
        if len(entries) % found.blocks:
            raise ConfigError(key, f"a multiple of {found.blocks} cores, one a block of positions", len(entries))
        groups = len(entries) // found.blocks
        if groups > layer.neurons:
            raise ConfigError(key, f"at most {layer.neurons * found.blocks} cores, one a neuron", len(entries))
        given = [
            (alone[group * found.blocks + block], first, neurons, block)
            for group, (first, neurons) in enumerate(even(layer.neurons, groups))
            for block in range(found.blocks)
        ]
    elif found.blocks > 1 or alone:
        rule = "core numbers alone where positions are in blocks" if found.blocks > 1 else "all of one form"
        raise ConfigError(key, rule, entries)
    else:
        ranges = [entry for entry in entries if not isinstance(entry, int)]
        given = [(*entry, 0) for entry in sorted(ranges, key=lambda entry: entry[1])]
        _check_whole(key, layer, given)
    return [
        tile(layer, hardware, first, neurons, block, blocks[block])._replace(core=core)
        for core, first, neurons, block in given
    ]


def _check_whole(key: str, layer: Demand, given: Sequence[tuple[int, int, int, int]]) -> None:
    """Refuse ranges of neurons that leave some out, overlap, or end beyond the last one."""
    end = 0
    for core, first, neurons, _ in given:
        if first != end:
            wrong = f"{first} on core {core}"
            raise ConfigError(key, f"each neuron once: the next after those before is {end}", wrong)
        end = first + neurons
    if end != layer.neurons:
        raise ConfigError(key, f"each of {layer.neurons} neurons once", f"the first {end}")


def _check_room(core: int, here: Sequence[Part], hardware: Hardware) -> None:
    """Refuse a core that is given more than it holds."""
    structure = hardware.structure
    layers = " and ".join(str(part.layer + 1) for part in here)
    for what, needed, available in (
        ("neurons", sum(part.sites for part in here), structure.neurons_per_core),
        ("bits of synapses", sum(part.synapse_bits for part in here), structure.synapse_bits_per_core),
        ("inputs", sum(part.fan_in for part in here), structure.fan_in_per_core),
    ):
        if available is not None and needed > available:
            key = f"placement.cores: {what} of layer {layers} on core {core}"
            raise ConfigError(key, f"at most {available}, what a core of {hardware.name} holds", needed,
                              f"{needed - available} too many")  # fmt: skip
