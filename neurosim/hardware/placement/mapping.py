"""Layers mapped to cores: which neurons each core holds, how full it is, and what does not fit."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware, as_hardware
from neurosim.hardware.placement.demand import Demand, demand
from neurosim.hardware.placement.stored import bits, copies, fitting, stored_bits

FLOAT, MOST_BITS = 32, 16  # bits of a float32, and of the widest integer synapse that the simulator runs


class Part(NamedTuple):
    """Neurons of one layer on one core.

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
    """

    layer: int
    core: int
    first: int
    neurons: int
    sites: int
    synapses: int
    synapse_bits: int
    fan_in: int


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
    """

    hardware: Hardware
    demands: tuple[Demand, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    def of(self, layer: int) -> list[Part]:
        """Return the parts of a layer."""
        return [part for part in self.parts if part.layer == layer]

    @property
    def cores(self) -> list[int]:
        """Cores in use."""
        return sorted({part.core for part in self.parts})

    def _used_bits(self, part: Part) -> int:
        """Return the bits of a part's synapses, tags included and padding left out."""
        memory, width = self.hardware.memory, bits(self.demands[part.layer], self.hardware)
        return part.synapses * (width + (0 if memory is None else memory.tag_bits))

    def summary(self) -> dict[str, Any]:
        """Return plain values: how much of the hardware is in use."""
        structure = self.hardware.structure
        used, sites = len(self.cores), sum(part.sites for part in self.parts)
        stored = sum(part.synapse_bits for part in self.parts)
        neuron_bits = None if structure.neuron_bits is None else sites * structure.neuron_bits
        whole = self.hardware.area_mm2
        area = None if whole is None else whole * used / structure.cores
        return {
            "cores_used": used,
            "cores": structure.cores,
            "neurons_used": sites,
            "neurons_share": sites / (used * structure.neurons_per_core),
            "synapse_memory_share": stored / (used * structure.synapse_bits_per_core),
            "synapse_memory_bytes": stored / 8,
            "padding_share": 1 - sum(map(self._used_bits, self.parts)) / stored,
            "neuron_memory_bytes": None if neuron_bits is None else neuron_bits / 8,
            "area_used_mm2": area,
            "parts": [part._asdict() for part in self.parts],
        }


def as_demands(chip: object) -> tuple[Demand, ...]:
    """Return demands as a tuple; refuse anything else."""
    demands = tuple(chip) if isinstance(chip, list | tuple) else ()
    if not demands or not all(isinstance(layer, Demand) for layer in demands):
        raise ConfigError("chip", "a Chip, or the demands of its layers", type(chip).__name__)
    return demands


def place(chip: Chip | Sequence[Demand], hardware: Hardware | str) -> Mapping:
    """Place the layers of a chip on the cores of described hardware, neurons in order, as evenly as possible.

    Each layer begins on a new core, unless there are too few cores. All positions of a convolutional neuron are on one
    core, as they learn one kernel. A synapse takes the bits that its layer learns with (`weight_bits`); where the layer
    runs in float32, it takes the widest weight of the hardware.

    Parameters
    ----------
    chip : Chip or sequence of Demand
    hardware : Hardware

    Returns
    -------
    Mapping

    Raises
    ------
    ConfigError
        If the chip does not fit: the message names the layer and core, what is too small, and by how much.
    """
    hardware = as_hardware(hardware)
    demands = tuple(demand(layer) for layer in chip.layers) if isinstance(chip, Chip) else as_demands(chip)
    capacities = [_neurons_per_core(layer, hardware) for layer in demands]
    parts: list[Part] = []
    for shared in (False, True):
        parts = _placed(demands, capacities, hardware, shared)
        if parts[-1].core < hardware.structure.cores:
            return Mapping(hardware, demands, tuple(parts), tuple(_notes(demands, hardware)))
    needed, cores = parts[-1].core + 1, hardware.structure.cores
    layer_index = next(part.layer for part in parts if part.core >= cores)
    rule = f"small enough for the {cores} cores of {hardware.name}"
    advice = f"layer {layer_index + 1} needs core {cores}, and there is none: {needed - cores} more are needed"
    raise ConfigError("network", rule, needed, advice)


def _neurons_per_core(layer: Demand, hardware: Hardware) -> int:
    """Return how many of a layer's neurons fit on an empty core; refuse a layer of which not even one does."""
    structure, name = hardware.structure, f"layer {layer.layer + 1}"
    memory = structure.synapse_bits_per_core
    if layer.weight_bits is not None:
        _check_fits(f"synapse of {name}, in bits", layer.weight_bits, structure.weight_bits, "a weight", hardware)
    if structure.fan_in_per_core is not None:
        _check_fits(f"inputs of {name}", layer.inputs, structure.fan_in_per_core, "a core", hardware)
    positions = f"positions of a neuron of {name}"
    _check_fits(positions, layer.positions, structure.neurons_per_core, "a core", hardware)
    needed = stored_bits(layer, 1, hardware)
    _check_fits(f"bits of the synapses of a neuron of {name}", needed, memory, "a core", hardware)
    return min(structure.neurons_per_core // layer.positions, fitting(layer, memory, hardware))


def _check_fits(what: str, needed: int, available: int, holder: str, hardware: Hardware) -> None:
    """Refuse a layer that needs more than is available."""
    if needed > available:
        rule = f"at most {available}, what {holder} of {hardware.name} holds"
        raise ConfigError(what, rule, needed, f"{needed - available} too many for core 0 or any other")


class _CurrentCore:
    """The core that is being filled."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware, self.core = hardware, -1
        self.next()

    def next(self) -> None:
        """Go on with the next core, which is empty."""
        self.core += 1
        self._sites, self._bits, self._inputs = 0, 0, 0

    def remaining(self, layer: Demand) -> int:
        """Return how many more neurons of a layer fit."""
        structure = self._hardware.structure
        if structure.fan_in_per_core is not None and self._inputs + layer.inputs > structure.fan_in_per_core:
            return 0
        sites, memory = structure.neurons_per_core - self._sites, structure.synapse_bits_per_core - self._bits
        return min(sites // layer.positions, fitting(layer, memory, self._hardware))

    def add(self, part: Part) -> None:
        """Put a part on this core."""
        self._sites += part.sites
        self._bits += part.synapse_bits
        self._inputs += part.fan_in


def _placed(demands: Sequence[Demand], capacities: Sequence[int], hardware: Hardware, shared: bool) -> list[Part]:
    """Return the parts on as many cores as are needed, even more than there are.

    Parameters
    ----------
    demands : sequence of Demand
    capacities : sequence of int
        How many neurons of each layer fit on an empty core.
    hardware : Hardware
    shared : bool
        Whether a core may hold several layers.
    """
    parts: list[Part] = []
    current = _CurrentCore(hardware)
    for layer, capacity in zip(demands, capacities, strict=True):
        left = layer.neurons
        cores = -(-left // capacity)  # that the rest of the layer needs: sizes differ by one neuron at most
        if parts and not shared:
            current.next()
        while left > 0:
            most = capacity if shared else -(-left // cores)
            count = min(left, most, current.remaining(layer))
            if count == 0 or (parts and parts[-1][:2] == (layer.layer, current.core)):
                current.next()
                continue
            part = Part(
                layer=layer.layer,
                core=current.core,
                first=layer.neurons - left,
                neurons=count,
                sites=count * layer.positions,
                synapses=count * layer.fan_in * copies(layer, hardware),
                synapse_bits=stored_bits(layer, count, hardware),
                fan_in=layer.inputs,
            )
            current.add(part)
            parts.append(part)
            left, cores = left - count, cores - 1
    return parts


def _runs(layer: Demand, width: int) -> bool:
    """Return whether the simulator runs a layer with synapses of `width` bits."""
    return layer.positions == 1 and 2 <= width <= MOST_BITS


def _notes(demands: Sequence[Demand], hardware: Hardware) -> list[str]:
    """Return notes on layers that are simulated in float32 and priced with fewer bits, and on what nobody counts."""
    width = hardware.structure.weight_bits
    uncounted = [
        f"layer {layer.layer + 1}: {what} is not counted, so neither priced nor timed"
        for layer in demands
        for what in layer.uncounted
    ]
    if hardware.memory is None:
        uncounted.append(
            f"{hardware.name} does not say how synapses lie in memory: each is priced by itself, as if every word "
            "brought only synapses that are needed"
        )
    return uncounted + [
        f"layer {layer.layer + 1} runs in float32 and is priced with synapses of {width} bits: its accuracy is not "
        f"that of such synapses" + (f" (weight_bits={width} runs it so)" if _runs(layer, width) else "")
        for layer in demands
        if layer.weight_bits is None and width < FLOAT
    ]
