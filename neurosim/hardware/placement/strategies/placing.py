"""The placement of layers on cores: rows, spread, shared cores, turns, or by hand."""

from collections.abc import Sequence
from heapq import heapify, heapreplace

from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware, as_hardware
from neurosim.hardware.placement.demand import Demand, demand
from neurosim.hardware.placement.fitting import Cut, at, cut
from neurosim.hardware.placement.mapping import Mapping, Part
from neurosim.hardware.placement.stored import fitting
from neurosim.hardware.placement.strategies import by_hand, turns
from neurosim.hardware.placement.strategies.optimise import expected, optimised
from neurosim.hardware.placement.strategies.options import OPTIMISED, SPREAD, Wanted, as_placement
from neurosim.hardware.placement.tiles import doubts, tile, tiles

__all__ = ["as_demands", "place"]


def as_demands(chip: object) -> tuple[Demand, ...]:
    """Return demands as a tuple; refuse anything else."""
    demands = tuple(chip) if isinstance(chip, list | tuple) else ()
    if not demands or not all(isinstance(layer, Demand) for layer in demands):
        raise ConfigError("chip", "a Chip, or the demands of its layers", type(chip).__name__)
    return demands


def place(chip: Chip | Sequence[Demand], hardware: Hardware | str, placement: Wanted = None) -> Mapping:
    """Place the layers of a chip on the cores of described hardware, neurons in order, as evenly as possible.

    Each layer begins on a new core, unless there are too few cores; with `structure.time_multiplexed`, cores take
    turns if even that is too little. All positions of a convolutional neuron are on one core, as they learn one kernel,
    unless a core cannot hold them: then each block of positions has a copy of the kernel. A synapse takes the bits that
    its layer learns with (`weight_bits`); where the layer runs in float32, it takes the widest weight of the hardware.

    Parameters
    ----------
    chip : Chip or sequence of Demand
    hardware : Hardware
    placement : Placement, str or dict, optional
        A strategy, "rows" by default, a TOML file, or cores by hand.

    Returns
    -------
    Mapping

    Raises
    ------
    ConfigError
        If the chip does not fit: the message names the layer and core, what is too small, and by how much.
    """
    hardware, wanted = as_hardware(hardware), as_placement(placement)
    demands = tuple(demand(layer) for layer in chip.layers) if isinstance(chip, Chip) else as_demands(chip)
    cuts = [cut(layer, hardware, wanted.positions_per_core) for layer in demands]
    notes = tuple(doubts(demands, hardware))
    if wanted.cores is not None:
        return Mapping(hardware, demands, by_hand.parts(demands, cuts, hardware, wanted.cores), notes)
    parts = _apart(demands, cuts, hardware, wanted.strategy == SPREAD)
    if parts is None:
        parts = _shared(demands, cuts, hardware)
    if parts[-1].core >= hardware.structure.cores and hardware.structure.time_multiplexed:
        mapping = turns.in_turns(demands, cuts, hardware, notes)
    else:
        _check_cores(parts, hardware)
        mapping = Mapping(hardware, demands, tuple(parts), notes)
    return optimised(mapping, expected, wanted) if wanted.strategy == OPTIMISED else mapping


def _check_cores(parts: Sequence[Part], hardware: Hardware) -> None:
    """Refuse parts on more cores than there are."""
    needed, cores = parts[-1].core + 1, hardware.structure.cores
    if needed > cores:
        layer_index = next(part.layer for part in parts if part.core >= cores)
        rule = f"small enough for the {cores} cores of {hardware.name}"
        advice = f"layer {layer_index + 1} needs core {cores}, and there is none: {needed - cores} more are needed"
        raise ConfigError("network", rule, needed, advice)


def _apart(demands: Sequence[Demand], cuts: Sequence[Cut], hardware: Hardware, spread: bool) -> list[Part] | None:
    """Return the parts with each layer on cores of its own, as few as it needs or all that there are; None: too few."""
    groups = [-(-layer.neurons // found.capacity) for layer, found in zip(demands, cuts, strict=True)]
    left = hardware.structure.cores - sum(n * found.blocks for n, found in zip(groups, cuts, strict=True))
    if left < 0:
        return None
    if spread:
        groups = _spread(demands, cuts, groups, left)
    parts: list[Part] = []
    for layer, found, count in zip(demands, cuts, groups, strict=True):
        core = parts[-1].core + 1 if parts else 0
        parts += [one._replace(core=core + index) for index, one in enumerate(tiles(layer, found, count, hardware))]
    return parts


def _spread(demands: Sequence[Demand], cuts: Sequence[Cut], groups: Sequence[int], left: int) -> list[int]:
    """Return into how many groups each layer's neurons go if the layer with most synapses a core gets the next core."""
    counts = list(groups)
    work = [layer.neurons * layer.positions * layer.fan_in for layer in demands]
    queue = [(-work[i] / (n * cuts[i].blocks), i) for i, n in enumerate(counts) if n < demands[i].neurons]
    heapify(queue)
    while queue and left >= (blocks := cuts[queue[0][1]].blocks):
        i = queue[0][1]
        counts[i] += 1
        left -= blocks
        share = -work[i] / (counts[i] * blocks) if counts[i] < demands[i].neurons else 0.0
        heapreplace(queue, (share, i))
        if share == 0.0 and queue[0][0] == 0.0:
            break
    return counts


class _CurrentCore:
    """The core that is being filled."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware, self.core = hardware, -1
        self.next()

    def next(self) -> None:
        """Go on with the next core, which is empty."""
        self.core += 1
        self._sites, self._bits, self._inputs = 0, 0, 0

    def remaining(self, layer: Demand, positions: int) -> int:
        """Return how many more neurons of a layer fit, each at so many positions."""
        structure = self._hardware.structure
        if structure.fan_in_per_core is not None and self._inputs + layer.inputs > structure.fan_in_per_core:
            return 0
        sites, memory = structure.neurons_per_core - self._sites, structure.synapse_bits_per_core - self._bits
        return min(sites // positions, fitting(at(layer, positions), memory, self._hardware))

    def add(self, part: Part) -> Part:
        """Put a part on this core; return it with its core."""
        self._sites += part.sites
        self._bits += part.synapse_bits
        self._inputs += part.fan_in
        return part._replace(core=self.core)


def _shared(demands: Sequence[Demand], cuts: Sequence[Cut], hardware: Hardware) -> list[Part]:
    """Return the parts with several layers on a core, in order, on as many cores as are needed, even if too many."""
    parts: list[Part] = []
    current = _CurrentCore(hardware)
    for layer, found in zip(demands, cuts, strict=True):
        if found.blocks > 1:
            for one in tiles(layer, found, -(-layer.neurons // found.capacity), hardware):
                room = current.remaining(layer, one.positions)
                if room < one.neurons or (parts and parts[-1][:2] == (layer.layer, current.core)):
                    current.next()
                parts.append(current.add(one))
            continue
        left = layer.neurons
        while left > 0:
            count = min(left, current.remaining(layer, layer.positions))
            if count == 0 or (parts and parts[-1][:2] == (layer.layer, current.core)):
                current.next()
                continue
            parts.append(current.add(tile(layer, hardware, layer.neurons - left, count)))
            left -= count
    return parts
