"""How a layer is cut into tiles that each fit on a core: groups of neurons, and blocks of their positions."""

from collections.abc import Iterator
from typing import NamedTuple

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.stored import fitting, stored_bits


class Cut(NamedTuple):
    """The largest tile of a layer.

    Attributes
    ----------
    capacity : int
        Most neurons of a tile.
    blocks : int
        Into how many blocks the positions of each neuron are cut; 1: they stay together.
    """

    capacity: int
    blocks: int


def cut(layer: Demand, hardware: Hardware, positions_per_core: int | None = None) -> Cut:
    """Return how a layer is cut: positions of a neuron stay together where a core can hold them.

    Parameters
    ----------
    layer : Demand
    hardware : Hardware
    positions_per_core : int, optional
        Most positions of a neuron on one core, for a chip that could hold more.

    Raises
    ------
    ConfigError
        If not even one position of one neuron fits; the message says what is short, and by how much.
    """
    structure, name = hardware.structure, f"layer {layer.layer + 1}"
    memory = structure.synapse_bits_per_core
    if layer.weight_bits is not None:
        _check_fits(f"synapse of {name}, in bits", layer.weight_bits, structure.weight_bits, "a weight", hardware)
    if structure.fan_in_per_core is not None:
        _check_fits(f"inputs of {name}", layer.inputs, structure.fan_in_per_core, "a core", hardware)
    kernel = stored_bits(at(layer, 1), 1, hardware)
    _check_fits(f"bits of the synapses of a neuron of {name}", kernel, memory, "a core", hardware)
    most = min(structure.neurons_per_core, memory // kernel if structure.convolution == "unrolled" else layer.positions)
    if positions_per_core is not None:
        most = min(most, positions_per_core)
    blocks = -(-layer.positions // most)
    positions = -(-layer.positions // blocks)
    capacity = min(structure.neurons_per_core // positions, fitting(at(layer, positions), memory, hardware))
    return Cut(capacity, blocks)


def at(layer: Demand, positions: int) -> Demand:
    """Return the demand of a layer at some of its positions only."""
    return layer._replace(positions=positions)


def even(count: int, shares: int) -> Iterator[tuple[int, int]]:
    """Yield the first one and the number of each of so many shares of a count; they differ by at most one."""
    size, longer = divmod(count, shares)
    for index in range(shares):
        yield index * size + min(index, longer), size + (index < longer)


def _check_fits(what: str, needed: int, available: int, holder: str, hardware: Hardware) -> None:
    """Refuse a layer that needs more than is available."""
    if needed > available:
        rule = f"at most {available}, what {holder} of {hardware.name} holds"
        raise ConfigError(what, rule, needed, f"{needed - available} too many for core 0 or any other")
