"""What a description says of a part of a chip: a table of `[components]`, checked."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from neurosim.checks import LARGEST, finite, one_of, whole
from neurosim.errors import ConfigError
from neurosim.hardware.components import scaling
from neurosim.hardware.components.scaling import FITS, Process

MOST_BANKS = 2**16
NARROWEST_SUM, WIDEST_SUM = 8, 32  # bits of an adder in the source
SHARED = ("node_nm", "voltage_V", "transistors")  # may stand in [components] itself, for all of its parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a core, in some technology.

    Parameters
    ----------
    component : str
        What it is made of, which each part has its own words for.
    node_nm : float
        Technology in nm, from 7 to 130: a smaller one takes less area, energy and time. Needed for each part.
    voltage_V : float, optional
        Supply in V, by default the usual one of node and transistors: energy rises with it, and the fastest clock too.
    transistors : {"low_standby_power", "low_operating_power", "high_performance"}
        Which transistors ITRS lists for the node; by default `low_standby_power`. The others have faster memories, and
        leak a thousand to ten thousand times more.
    """

    KINDS: ClassVar[tuple[str, ...]] = ()

    component: str
    node_nm: float
    voltage_V: float | None = None
    transistors: str = "low_standby_power"

    def check(self, key: str) -> None:
        """Refuse values that break their rules; `key` is the dotted name of the table."""
        one_of(f"{key}.component", self.component, self.KINDS)
        finite(f"{key}.node_nm", self.node_nm, "positive", 0, above=True)
        if self.voltage_V is not None:
            finite(f"{key}.voltage_V", self.voltage_V, "positive", 0, above=True)
        one_of(f"{key}.transistors", self.transistors, tuple(FITS))
        scaling.check(key, self.process)

    @property
    def process(self) -> Process:
        """Node, supply and transistors."""
        usual = scaling.nominal(self.node_nm, self.transistors)
        return Process(self.node_nm, usual if self.voltage_V is None else self.voltage_V, self.transistors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights(Part):
    """The synaptic memory of a core: SRAM, from which come `energy.memory_read_bit` and `energy.memory_write_bit`.

    Parameters
    ----------
    component : {"sram"}
        What it is made of: SRAM, by CACTI 7.
    kB : float, optional
        Size of one bank in kB, 1 to 1,024; by default what `structure.synapse_bits_per_core` needs: a larger bank takes
        more energy and time an access.
    word_bits : int, optional
        Bits that one access reads or writes, 8 to 256. With a table `memory` it must equal `memory.word_bits`, which is
        its default; without one the default is 64.
    banks : int
        Arrays that a core's memory is built of, each of `kB`, from 1 to 65,536, by default 1. Of these, `memory.banks`
        work at once, so there must be at least as many. More and smaller ones take less energy and time an access.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("sram",)

    kB: float | None = None
    word_bits: int | None = None
    banks: int = 1

    def check(self, key: str) -> None:
        """Refuse values that break their rules."""
        Part.check(self, key)
        if self.kB is not None:
            finite(f"{key}.kB", self.kB, "positive", 0, above=True)
        if self.word_bits is not None:
            whole(f"{key}.word_bits", self.word_bits, 1, LARGEST)
        whole(f"{key}.banks", self.banks, 1, MOST_BANKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplyAccumulate(Part):
    """The arithmetic of one lane: `energy.synaptic_operation` and `energy.weight_update`, as many as `structure.lanes`.

    Parameters
    ----------
    component : {"integer"}
        What it computes with: integers, by Horowitz and Aladdin.
    input_bits : int
        Bits of what a weight is multiplied by, 2 to 32, by default 8. The weight has `structure.weight_bits`, and fewer
        where the layer has fewer: then the product takes less energy, not less area.
    accumulator_bits : int
        Bits of the sum, 8 to 32, by default 32; at least those of the product.
    register_bits : int
        Bits of registers that each synaptic operation writes, such as the neuron's sum; from 0 to 1,024, by default 0.
        Adds their energy to each synaptic operation, and their area to each lane.
    stages : {1, 2}
        Clock cycles of a product and its sum, by default 2: with 1, both must fit into one cycle.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("integer",)

    input_bits: int = 8
    accumulator_bits: int = 32
    register_bits: int = 0
    stages: int = 2

    def check(self, key: str) -> None:
        """Refuse values that break their rules."""
        Part.check(self, key)
        whole(f"{key}.input_bits", self.input_bits, 2, 32)
        whole(f"{key}.accumulator_bits", self.accumulator_bits, NARROWEST_SUM, WIDEST_SUM)
        whole(f"{key}.register_bits", self.register_bits, 0, 1024)
        whole(f"{key}.stages", self.stages, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neurons(Part):
    """The states of a core's neurons, read, added to and written: `energy.neuron_update`.

    Parameters
    ----------
    component : {"registers", "sram"}
        Registers are faster; SRAM takes less area from some kB on.
    bits : int, optional
        Bits of a state, 8 to 32, by default `structure.neuron_bits`.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("registers", "sram")

    bits: int | None = None

    def check(self, key: str) -> None:
        """Refuse values that break their rules."""
        Part.check(self, key)
        if self.bits is not None:
            whole(f"{key}.bits", self.bits, NARROWEST_SUM, WIDEST_SUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(Part):
    """A core's exponential: a table in SRAM, and a multiply and add to interpolate: `energy.exponential`.

    Parameters
    ----------
    component : {"table"}
        How it is computed: from a table.
    entries : int
        Entries of the table, by default 1,024.
    bits : int
        Bits of an entry, 8 to 32, by default 32.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("table",)

    entries: int = 1024
    bits: int = 32

    def check(self, key: str) -> None:
        """Refuse values that break their rules."""
        Part.check(self, key)
        whole(f"{key}.entries", self.entries, 1, LARGEST)
        whole(f"{key}.bits", self.bits, NARROWEST_SUM, WIDEST_SUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Router(Part):
    """A core's router and its links: `energy.hop`.

    Parameters
    ----------
    component : {"router"}
        What it is: a router of a mesh, by ISAAC.
    event_bits : int
        Bits of an event, by default 32: energy and area are in proportion.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("router",)

    event_bits: int = 32

    def check(self, key: str) -> None:
        """Refuse values that break their rules."""
        Part.check(self, key)
        whole(f"{key}.event_bits", self.event_bits, 1, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Part):
    """The places of events that wait, `structure.queue` at each core and on each link: `energy.event_in`.

    Parameters
    ----------
    component : {"registers"}
        What it is made of: registers, by Aladdin.
    event_bits : int
        Bits of an event, by default 32.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("registers",)

    event_bits: int = 32

    def check(self, key: str) -> None:
        """Refuse values that break their rules."""
        Part.check(self, key)
        whole(f"{key}.event_bits", self.event_bits, 1, 256)


PARTS: dict[str, type[Part]] = {
    "weights": Weights, "multiply_accumulate": MultiplyAccumulate, "neurons": Neurons, "exponential": Exponential,
    "router": Router, "queue": Queue,
}  # fmt: skip


def read(table: object, checked: Callable[..., dict[str, Any]]) -> dict[str, Part]:
    """Return the parts that `[components]` gives, by name.

    Parameters
    ----------
    table : dict
        Tables by part; `node_nm`, `voltage_V` and `transistors` beside them hold for each part without its own.
    checked : callable
        How a description checks the keys of a table: (key, table, rule, known, required).

    Raises
    ------
    ConfigError
        If a key is missing or unknown, or a value breaks its rule: the message names it.
    """
    table = checked("components", table, "a table", (*SHARED, *PARTS))
    shared = {name: table[name] for name in SHARED if name in table}
    parts = {}
    for name, kind in PARTS.items():
        if name not in table:
            continue
        key, own = f"components.{name}", table[name]
        known = [entry.name for entry in fields(kind)]
        required = [entry.name for entry in fields(kind) if entry.default is MISSING]
        both = shared | own if isinstance(own, dict) else own
        if isinstance(own, dict) and "node_nm" not in both:
            raise ConfigError(f"{key}.node_nm", "given, in nm, or components.node_nm for all", None)
        part = kind(**checked(key, both, "a table", known, required))
        part.check(key)
        parts[name] = part
    return parts
