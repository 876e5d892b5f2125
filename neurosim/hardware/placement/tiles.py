"""The tiles of a layer, before they have a core; and what a mapping must tell its reader."""

from collections.abc import Iterator, Sequence

from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.fitting import Cut, at, even
from neurosim.hardware.placement.mapping import Part
from neurosim.hardware.placement.stored import copies, stored_bits

FLOAT, MOST_BITS = 32, 16  # bits of a float32, and of the widest integer synapse that the simulator runs


def tile(
    layer: Demand,
    hardware: Hardware,
    first: int,
    neurons: int,
    block: int = 0,
    positions: tuple[int, int] | None = None,
) -> Part:
    """Return a tile on core 0: `neurons` from `first` on, at all positions or at those (first, how many) of a block."""
    first_position, count = positions or (0, layer.positions)
    there = at(layer, count)
    stored = copies(there, hardware)
    return Part(
        layer=layer.layer,
        core=0,
        first=first,
        neurons=neurons,
        sites=neurons * count,
        synapses=neurons * layer.fan_in * stored,
        synapse_bits=stored_bits(there, neurons, hardware),
        fan_in=layer.inputs,
        first_position=first_position,
        positions=count,
        block=block,
        copies=stored,
    )


def tiles(layer: Demand, found: Cut, groups: int, hardware: Hardware) -> Iterator[Part]:
    """Yield the tiles of a layer: groups of neurons in order, and of each the blocks of positions one by one."""
    blocks = list(even(layer.positions, found.blocks))
    for first, neurons in even(layer.neurons, groups):
        for index, positions in enumerate(blocks):
            yield tile(layer, hardware, first, neurons, index, positions)


def doubts(demands: Sequence[Demand], hardware: Hardware) -> Iterator[str]:
    """Yield notes on layers that are simulated in float32 and priced with fewer bits, and on what nobody counts."""
    width = hardware.structure.weight_bits
    for layer in demands:
        for what in layer.uncounted:
            yield f"layer {layer.layer + 1}: {what} is not counted, so neither priced nor timed"
    if hardware.memory is None:
        yield (
            f"{hardware.name} does not say how synapses lie in memory: each is priced by itself, as if every word "
            "brought only synapses that are needed"
        )
    for layer in demands:
        if layer.in_cells:
            yield (
                f"layer {layer.layer + 1} learns in cells (devices) and is priced with synapses of {width} bits, "
                "whatever its cells are"
            )
        elif layer.weight_bits is None and width < FLOAT:
            runs = layer.positions == 1 and 2 <= width <= MOST_BITS
            yield (
                f"layer {layer.layer + 1} runs in float32 and is priced with synapses of {width} bits: its accuracy is "
                "not that of such synapses" + (f" (weight_bits={width} runs it so)" if runs else "")
            )
