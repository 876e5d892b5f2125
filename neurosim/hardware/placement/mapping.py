"""Layers mapped to cores: which neurons and positions each core holds, and how full it is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.stored import bits


class Part(NamedTuple):
    """A tile of a layer on one core: some neurons, at some of their positions.

    Attributes
    ----------
    layer, core : int
        Index of the layer and of the core, from 0.
    first, neurons : int
        The layer's first neuron on this core, and how many neurons there are.
    sites : int
        Neurons of the core that they occupy: one for each position of each neuron.
    synapses : int
        Synapses stored.
    synapse_bits : int
        Bits of synaptic memory that these take.
    fan_in : int
        Inputs of the layer, all of which the core receives.
    first_position, positions : int
        The first of the positions, and how many there are: all, unless the layer's are cut into blocks.
    block : int
        Which block of positions, from 0.
    turn : int
        Which of the layer's tiles on this core it is, from 0: a core runs them one after the other.
    resident : bool
        Whether its synapses stay on the core; if not, they come from external memory in each sample.
    copies : int
        How often each of its synapses is stored: once, or for each position, where a convolution is unrolled.
    """

    layer: int
    core: int
    first: int
    neurons: int
    sites: int
    synapses: int
    synapse_bits: int
    fan_in: int
    first_position: int = 0
    positions: int = 1
    block: int = 0
    turn: int = 0
    resident: bool = True
    copies: int = 1


class CoreShare(NamedTuple):
    """All tiles of a layer on one core, in the order of their turns."""

    layer: int
    core: int
    parts: tuple[Part, ...]

    @property
    def waiting_sites(self) -> int:
        """Neurons whose state is put aside during other turns: those of all tiles but the last."""
        return sum(part.sites for part in self.parts[:-1])


class Mapping(NamedTuple):
    """The layers of a simulated chip on the cores of a described one.

    Attributes
    ----------
    hardware : Hardware
    demands : tuple of Demand
        Demand of each layer.
    parts : tuple of Part
        In order of layers, and of neurons within a layer.
    notes : tuple of str
        Differences between what is simulated and what is priced.
    in_turns : bool
        Whether cores run several tiles in turn; then the chip works on one layer of one sample at a time.
    states_outside : tuple of int
        Cores whose waiting states go to external memory, as their own has no room.
    """

    hardware: Hardware
    demands: tuple[Demand, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    in_turns: bool = False
    states_outside: tuple[int, ...] = ()

    def of(self, layer: int) -> list[Part]:
        """Return the parts of a layer."""
        return [part for part in self.parts if part.layer == layer]

    def shares(self, layer: int) -> list[CoreShare]:
        """Return the parts of a layer by core, in the order of the first one on each."""
        by_core: dict[int, list[Part]] = {}
        for part in self.of(layer):
            by_core.setdefault(part.core, []).append(part)
        return [CoreShare(layer, core, tuple(parts)) for core, parts in by_core.items()]

    def blocks(self, layer: int) -> list[list[Part]]:
        """Return the parts of a layer by block of positions: the neurons that compete at these positions."""
        return _grouped(self.of(layer), [part.block for part in self.of(layer)])

    def copies(self, layer: int) -> list[list[Part]]:
        """Return the parts of a layer by group of neurons: each part has a copy of the same kernels."""
        return _grouped(self.of(layer), [part.first for part in self.of(layer)])

    def stored(self, layer: int) -> int:
        """Return how often each synapse of a layer is stored, and so written: by each part that has its kernel."""
        return sum(part.copies for part in self.copies(layer)[0])

    @property
    def cores(self) -> list[int]:
        """Cores in use."""
        return sorted({part.core for part in self.parts})

    @property
    def goes_outside(self) -> bool:
        """Whether synapses or states come from external memory."""
        return bool(self.states_outside) or not all(part.resident for part in self.parts)

    def turns(self) -> list[int]:
        """Return the most turns that a core takes, for each layer."""
        return [1 + max(part.turn for part in self.of(layer)) for layer in range(len(self.demands))]

    def summary(self) -> dict[str, Any]:
        """Return plain values: how much of the hardware is in use."""
        structure = self.hardware.structure
        used, sites = len(self.cores), sum(part.sites for part in self.parts)
        stored = sum(part.synapse_bits for part in self.parts)
        held = sum(part.synapse_bits for part in self.parts if part.resident)
        neuron_bits = None if structure.neuron_bits is None else sites * structure.neuron_bits
        whole = self.hardware.area_mm2
        area = None if whole is None else whole * used / structure.cores
        return {
            "cores_used": used,
            "cores": structure.cores,
            "turns": self.turns(),
            "neurons_used": sites,
            "neurons_share": sum(self.filled(core)[0] for core in self.cores) / used,
            "synapse_memory_share": held / (used * structure.synapse_bits_per_core),
            "synapse_memory_bytes": stored / 8,
            "external_memory_bytes": (stored - held) / 8,
            "padding_share": 1 - sum(map(self._used_bits, self.parts)) / stored,
            "neuron_memory_bytes": None if neuron_bits is None else neuron_bits / 8,
            "area_used_mm2": area,
            "parts": [part._asdict() for part in self.parts],
        }

    def _used_bits(self, part: Part) -> int:
        """Return the bits of a part's synapses, tags included and padding left out."""
        memory, width = self.hardware.memory, bits(self.demands[part.layer], self.hardware)
        return part.synapses * (width + (0 if memory is None else memory.tag_bits))

    def filled(self, core: int) -> tuple[float, float]:
        """Return the shares of a core's neurons, at the fullest moment, and of its synaptic memory that are taken."""
        structure, here = self.hardware.structure, [part for part in self.parts if part.core == core]
        sites = [part.sites for part in here]
        taken = max(sites) if self.in_turns else sum(sites)
        held = sum(part.synapse_bits for part in here if part.resident)
        return taken / structure.neurons_per_core, held / structure.synapse_bits_per_core


def _grouped(parts: Sequence[Part], keys: Sequence[int]) -> list[list[Part]]:
    """Return parts with equal keys together, in the order of the first one of each."""
    groups: dict[int, list[Part]] = {}
    for part, key in zip(parts, keys, strict=True):
        groups.setdefault(key, []).append(part)
    return list(groups.values())
