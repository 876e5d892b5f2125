"""The parts of one chip: how many of each there are, and what they come to."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from neurosim.checks import whole
from neurosim.errors import ConfigError, InfeasibleError
from neurosim.hardware.components.estimates import (
    SOURCES,
    Band,
    Unit,
    adder,
    memory,
    multiplier,
    product_energy,
    registers,
    router,
    sum_energy,
)  # fmt: skip
from neurosim.hardware.components.parts import (
    NARROWEST_SUM,
    WIDEST_SUM,
    Exponential,
    MultiplyAccumulate,
    Neurons,
    Part,
    Queue,
    Router,
    Weights,
)
from neurosim.hardware.components.scaling import Process

BITS_OF_KB = 8192
USUAL_WORD = 64  # bits
SYNAPTIC, UPDATE = LANE_OPERATIONS = ("synaptic_operation", "weight_update")


class Built(NamedTuple):
    """What parts must know of the chip that they are built into.

    Attributes
    ----------
    cores, lanes, neurons_per_core, synapse_bits_per_core, weight_bits : int
        As in `[structure]`.
    neuron_bits, queue : int or None
    links : int
        Directed links between the places of the mesh.
    clock_Hz : float or None
    word_bits : int or None
        Of `[memory]`.
    banks_at_once : int
        Banks of a core that work at once, by `[memory]`.
    """

    cores: int
    lanes: int
    neurons_per_core: int
    synapse_bits_per_core: int
    weight_bits: int
    neuron_bits: int | None
    queue: int | None
    links: int
    clock_Hz: float | None
    word_bits: int | None = None
    banks_at_once: int = 1

    @property
    def period_s(self) -> float | None:
        """The time of a clock cycle."""
        return None if self.clock_Hz is None else 1 / self.clock_Hz


class Price(NamedTuple):
    """The energy of an operation in J, and what one such operation includes."""

    energy: Band
    definition: str


class Component(NamedTuple):
    """All parts of one name on a chip.

    Attributes
    ----------
    name, text : str
        The part, and its size and technology in words.
    number : int
        How many there are on the chip.
    total : Unit
        Area and leakage of all of them, and the least clock period of one.
    prices : dict of str to Price
        By operation.
    source : str
    """

    name: str
    text: str
    number: int
    total: Unit
    prices: Mapping[str, Price]
    source: str


def expand(parts: Mapping[str, Part], built: Built) -> tuple[Component, ...]:
    """Return what the parts of a chip come to.

    Raises
    ------
    InfeasibleError
        If a part does not fit the structure, or is slower than the clock.
    ConfigError
        If a part lies outside the tables.
    """
    made = tuple(_MAKERS[type(part)](f"components.{name}", name, part, built) for name, part in parts.items())
    slowest = max(made, key=lambda component: component.total.path_s, default=None)
    if slowest is not None and built.clock_Hz is not None and built.clock_Hz * slowest.total.path_s > 1:
        fastest = 1 / slowest.total.path_s
        rule = f"at most {fastest:.4g}, by the critical path of components.{slowest.name}"
        told = f"{slowest.text}: {slowest.total.path_s * 1e9:.3g} ns, and a cycle is {1e9 / built.clock_Hz:.3g} ns"
        raise InfeasibleError("structure.clock_Hz", rule, built.clock_Hz, told)
    return made


def lane_energy(part: MultiplyAccumulate, weight_bits: int, operation: str) -> Band:
    """Return the energy of a product with a weight of some bits, and of its sum, in J.

    A synaptic operation writes the lane's registers, too.
    """
    once = product_energy(part.input_bits, weight_bits, part.process) + sum_energy(part.accumulator_bits, part.process)
    if operation == SYNAPTIC:
        return once + registers(0, part.process)[1] * part.register_bits
    return once


def _technology(process: Process) -> str:
    return f"{process.node_nm:g} nm, {process.voltage_V:.3g} V, {process.transistors.replace('_', ' ')}"


def _weights(key: str, name: str, part: Weights, built: Built) -> Component:
    needed = built.synapse_bits_per_core / part.banks / BITS_OF_KB
    size = max(1.0, needed) if part.kB is None else part.kB
    if size * part.banks * BITS_OF_KB < built.synapse_bits_per_core:
        rule = f"at least {needed:g}, what structure.synapse_bits_per_core takes in {part.banks} banks"
        raise InfeasibleError(f"{key}.kB", rule, part.kB)
    wide = part.word_bits or built.word_bits or USUAL_WORD
    if built.word_bits not in (None, wide):
        raise InfeasibleError(f"{key}.word_bits", f"{built.word_bits}, as memory.word_bits", wide)
    if part.banks < built.banks_at_once:
        raise InfeasibleError(f"{key}.banks", f"at least {built.banks_at_once}, as memory.banks", part.banks)
    unit, read, write = memory(key, size, wide, part.process)
    bits = 1 / wide
    what = f"one of {wide} bits of a word in a bank of {size:g} kB of SRAM"
    prices = {"memory_read_bit": Price(read * bits, f"{what}, read"), "memory_write_bit": Price(write * bits, what)}
    text = f"{size:g} kB of SRAM, words of {wide} bits, {_technology(part.process)}"
    count = built.cores * part.banks
    return Component(name, text, count, unit * count, prices, SOURCES["memory"])


def _lanes(key: str, name: str, part: MultiplyAccumulate, built: Built) -> Component:
    product = built.weight_bits + part.input_bits
    if part.accumulator_bits < product:
        rule = f"at least {product}: a product of {built.weight_bits} and {part.input_bits} bits is as wide"
        raise InfeasibleError(f"{key}.accumulator_bits", rule, part.accumulator_bits)
    stage = None if built.period_s is None else built.period_s * part.stages / 2
    product_unit = multiplier(part.input_bits, built.weight_bits, stage, part.process)
    sum_unit = adder(part.accumulator_bits, stage, part.process)
    unit = product_unit + sum_unit + registers(part.register_bits, part.process)[0]
    unit = unit._replace(path_s=unit.path_s * (1 if part.stages > 1 else 2))
    reached, update = (lane_energy(part, built.weight_bits, operation) for operation in LANE_OPERATIONS)
    what = f"a multiply of {part.input_bits} and {built.weight_bits} bits, and an add of {part.accumulator_bits}"
    prices = {
        SYNAPTIC: Price(reached, f"{what}; {part.register_bits} bits of registers written; memory apart"),
        UPDATE: Price(update._replace(high=2 * update.high), f"{what}; high: two, for decay; memory apart"),
    }
    text = f"{what}, {_technology(part.process)}"
    count = built.cores * built.lanes
    return Component(name, text, count, unit * count, prices, SOURCES["arithmetic"])


def _neurons(key: str, name: str, part: Neurons, built: Built) -> Component:
    bits = part.bits or built.neuron_bits
    if bits is None:
        raise ConfigError(f"{key}.bits", "given, or structure.neuron_bits", None)
    whole(f"{key}.bits" if part.bits else "structure.neuron_bits", bits, NARROWEST_SUM, WIDEST_SUM)
    held = built.neurons_per_core * bits
    if part.component == "sram":
        size = max(1.0, held / BITS_OF_KB)
        unit, read, write = memory(key, size, bits, part.process)
        kept = f"{size:g} kB of SRAM"
    else:
        unit, bit = registers(held, part.process)
        read = write = bit * bits
        kept = f"{held} bits of registers"
    prices = {
        "neuron_update": Price(read + sum_energy(bits, part.process) + write, f"{bits} bits read, added to and written")
    }
    text = f"{kept}, {_technology(part.process)}"
    source = SOURCES["memory" if part.component == "sram" else "registers"]
    return Component(name, text, built.cores, unit * built.cores, prices, source)


def _exponential(key: str, name: str, part: Exponential, built: Built) -> Component:
    size = max(1.0, part.entries * part.bits / BITS_OF_KB)
    table, read, _ = memory(key, size, part.bits, part.process)
    unit = table + multiplier(part.bits, part.bits, built.period_s, part.process)
    unit = unit + adder(part.bits, built.period_s, part.process)
    once = read + product_energy(part.bits, part.bits, part.process) + sum_energy(part.bits, part.process)
    what = f"an entry of {part.bits} bits read, and a multiply and an add of as many"
    text = f"{part.entries} entries in {size:g} kB of SRAM, {_technology(part.process)}"
    prices = {"exponential": Price(once._replace(high=2 * once.high), f"{what}; high: twice, as softmax also divides")}
    return Component(name, text, built.cores, unit * built.cores, prices, SOURCES["memory"])


def _router(key: str, name: str, part: Router, built: Built) -> Component:
    unit, event = router(part.event_bits, part.process)
    prices = {"hop": Price(event, f"an event of {part.event_bits} bits through a router and a link")}
    text = f"a router of {part.event_bits} bits, {_technology(part.process)}"
    return Component(name, text, built.cores, unit * built.cores, prices, SOURCES["router"])


def _queue(key: str, name: str, part: Queue, built: Built) -> Component:
    if built.queue is None:
        raise ConfigError("structure.queue", f"given, as {key} has as many places", None)
    unit, bit = registers(part.event_bits, part.process)
    prices = {"event_in": Price(bit * 2 * part.event_bits, f"{part.event_bits} bits written to registers, and read")}
    count = built.queue * (built.cores + built.links)
    text = f"places of {part.event_bits} bits in registers, {_technology(part.process)}"
    return Component(name, text, count, unit * count, prices, SOURCES["registers"])


_MAKERS: dict[type[Part], Callable[..., Component]] = {
    Weights: _weights, MultiplyAccumulate: _lanes, Neurons: _neurons, Exponential: _exponential, Router: _router,
    Queue: _queue,
}  # fmt: skip
