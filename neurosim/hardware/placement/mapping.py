"""Layers onto cores: who sits where, how full each core is, and what does not fit."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware, as_hardware
from neurosim.hardware.placement.demand import Demand, demand

FLOAT, MOST_BITS = 32, 16  # of a float32, and of the widest synapse that the simulator runs in few bits


class Part(NamedTuple):
    """Neurons of one layer on one core.

    Attributes
    ----------
    layer, core : int
        Places, from 0.
    first, neurons : int
        The first neuron of the layer that sits here, and how many.
    sites : int
        Neurons of the core that they take: one for each position of each.
    synapses : int
        Synapses stored.
    synapse_bits : int
        Bits of synaptic memory that these take.
    fan_in : int
        Inputs that the core tells apart.
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
    """A chip of layers on a chip of cores.

    Attributes
    ----------
    hardware : Hardware
    demands : tuple of Demand
        Of each layer.
    parts : tuple of Part
        In order of layers, and of neurons within a layer.
    notes : tuple of str
        Where what runs and what is priced are not the same.
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

    def summary(self) -> dict[str, Any]:
        """Return plain values: what is in use, of what there is."""
        built = self.hardware.structure
        used, sites = len(self.cores), sum(part.sites for part in self.parts)
        bits = sum(part.synapse_bits for part in self.parts)
        neuron_bits = None if built.neuron_bits is None else sites * built.neuron_bits
        area = None if built.area_mm2 is None else built.area_mm2 * used / built.cores
        return {
            "cores_used": used,
            "cores": built.cores,
            "neurons_used": sites,
            "neurons_share": sites / (used * built.neurons_per_core),
            "synapse_memory_share": bits / (used * built.synapse_bits_per_core),
            "synapse_memory_bytes": bits / 8,
            "neuron_memory_bytes": None if neuron_bits is None else neuron_bits / 8,
            "area_mm2": area,
            "parts": [part._asdict() for part in self.parts],
        }


def as_demands(chip: object) -> tuple[Demand, ...]:
    """Return demands; refuse what is neither these nor a chip."""
    demands = tuple(chip) if isinstance(chip, list | tuple) else ()
    if not demands or not all(isinstance(wanted, Demand) for wanted in demands):
        raise ConfigError("chip", "a Chip, or the demands of its layers", type(chip).__name__)
    return demands


def place(chip: Chip | Sequence[Demand], hardware: Hardware | str) -> Mapping:
    """Put the layers of a chip onto the cores of another, neurons in order, as evenly as their number allows.

    A layer begins on a core of its own, unless there are too few. All positions of a convolutional neuron sit on one
    core, as they learn one kernel. A synapse takes the bits that its layer learns with (`weight_bits`), and the
    widest word there is, up to float32, where the layer runs in that.

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
        If the chip does not fit: the message tells the layer and core, what is short, and by how much.
    """
    hardware = as_hardware(hardware)
    demands = tuple(demand(layer) for layer in chip.layers) if isinstance(chip, Chip) else as_demands(chip)
    fitting = [_fitting(wanted, hardware) for wanted in demands]
    parts: list[Part] = []
    for shared in (False, True):
        parts = _placed(demands, fitting, hardware, shared)
        if parts[-1].core < hardware.structure.cores:
            return Mapping(hardware, demands, tuple(parts), tuple(_notes(demands, hardware)))
    needed, there = parts[-1].core + 1, hardware.structure.cores
    layer = next(part.layer for part in parts if part.core >= there)
    rule = f"of at most the {there} cores of {hardware.name}"
    raise ConfigError("network", rule, needed, f"layer {layer + 1} finds core {there} missing, {needed - there} short")


def bits(wanted: Demand, hardware: Hardware) -> int:
    """Return the bits of a layer's synapse on a chip."""
    return wanted.weight_bits or hardware.structure.weight_bits


def _fitting(wanted: Demand, hardware: Hardware) -> int:
    """Return how many of a layer's neurons fit on an empty core."""
    built, where = hardware.structure, f"layer {wanted.layer + 1}"
    if wanted.weight_bits is not None and wanted.weight_bits > built.weight_bits:
        _short(f"synapse of {where}, in bits", wanted.weight_bits, built.weight_bits, "a weight", hardware)
    if built.fan_in_per_core is not None and wanted.inputs > built.fan_in_per_core:
        _short(f"inputs of {where}", wanted.inputs, built.fan_in_per_core, "a core", hardware)
    if wanted.positions > built.neurons_per_core:
        _short(f"positions of a neuron of {where}", wanted.positions, built.neurons_per_core, "a core", hardware)
    needed = _synapses(wanted, hardware) * bits(wanted, hardware)
    if needed > built.synapse_bits_per_core:
        _short(f"bits of the synapses of a neuron of {where}", needed, built.synapse_bits_per_core, "a core", hardware)
    return min(built.neurons_per_core // wanted.positions, built.synapse_bits_per_core // needed)


def _short(what: str, needed: int, there: int, holder: str, hardware: Hardware) -> None:
    """Refuse what does not fit."""
    rule = f"at most {there}, what {holder} of {hardware.name} holds"
    raise ConfigError(what, rule, needed, f"{needed - there} too many for core 0 or any other")


def _synapses(wanted: Demand, hardware: Hardware) -> int:
    """Return how many synapses of a neuron are stored."""
    unrolled = hardware.structure.convolution == "unrolled"
    return wanted.fan_in * (wanted.positions if unrolled else 1)


class _Filling:
    """The core that is being filled."""

    def __init__(self, hardware: Hardware) -> None:
        self._built, self.core = hardware.structure, -1
        self.begin()

    def begin(self) -> None:
        """Go on with the next core."""
        self.core += 1
        self._sites, self._bits, self._inputs = 0, 0, 0

    def room(self, wanted: Demand, size: int) -> int:
        """Return how many more neurons fit here, of so many bits each."""
        built = self._built
        if built.fan_in_per_core is not None and self._inputs + wanted.inputs > built.fan_in_per_core:
            return 0
        sites, memory = built.neurons_per_core - self._sites, built.synapse_bits_per_core - self._bits
        return min(sites // wanted.positions, memory // size)

    def add(self, part: Part) -> None:
        """Take in a part."""
        self._sites += part.sites
        self._bits += part.synapse_bits
        self._inputs += part.fan_in


def _placed(demands: Sequence[Demand], fitting: Sequence[int], hardware: Hardware, shared: bool) -> list[Part]:
    """Return parts on as many cores as it takes, be they there or not; `shared`, a core may hold several layers."""
    parts: list[Part] = []
    filling = _Filling(hardware)
    for wanted, most in zip(demands, fitting, strict=True):
        each, left = _synapses(wanted, hardware), wanted.neurons
        size = each * bits(wanted, hardware)
        fair = most if shared else -(-left // -(-left // most))
        if parts and not shared:
            filling.begin()
        while left > 0:
            count = min(left, fair, filling.room(wanted, size))
            if count == 0 or (parts and parts[-1][:2] == (wanted.layer, filling.core)):
                filling.begin()
                continue
            first, sites = wanted.neurons - left, count * wanted.positions
            part = Part(wanted.layer, filling.core, first, count, sites, count * each, count * size, wanted.inputs)
            filling.add(part)
            parts.append(part)
            left -= count
    return parts


def _runs(wanted: Demand, width: int) -> bool:
    """Return whether the simulator runs a layer with synapses of so many bits."""
    return wanted.positions == 1 and 2 <= width <= MOST_BITS


def _notes(demands: Sequence[Demand], hardware: Hardware) -> list[str]:
    """Tell where what runs and what is priced are not the same."""
    width = hardware.structure.weight_bits
    return [
        f"layer {wanted.layer + 1} runs in float32 and is priced with synapses of {width} bits: its accuracy is not "
        f"that of such synapses" + (f" (weight_bits={width} runs it so)" if _runs(wanted, width) else "")
        for wanted in demands
        if wanted.weight_bits is None and width < FLOAT
    ]
