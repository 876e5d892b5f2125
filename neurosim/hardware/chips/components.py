"""Parts of a described chip made constants: `[components]` expanded into energies, static power and area."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from neurosim.hardware.chips import keys
from neurosim.hardware.chips.memory import Memory
from neurosim.hardware.chips.quantity import Quantity
from neurosim.hardware.chips.structure import Structure
from neurosim.hardware.components import estimates, parts
from neurosim.hardware.components.estimates import Band
from neurosim.hardware.components.expansion import LANE_OPERATIONS, Built, Component, Price, expand, lane_energy

LANES = "multiply_accumulate"
READ = "2026-11"


class Components(NamedTuple):
    """The parts of a chip.

    Attributes
    ----------
    listed : tuple of Component
        What each comes to, all over the chip.
    energy, power : dict of str to Quantity
        The constants that follow from them.
    lanes : MultiplyAccumulate or None
        The arithmetic, of which the energy depends on the bits of a layer's weights.
    weight_bits : int
        Of the widest weight.
    """

    listed: tuple[Component, ...]
    energy: Mapping[str, Quantity]
    power: Mapping[str, Quantity]
    lanes: parts.MultiplyAccumulate | None
    weight_bits: int

    @property
    def area_mm2(self) -> Band:
        """Area of all parts."""
        return sum((component.total.area_mm2 for component in self.listed), estimates.NONE)

    @property
    def fastest_Hz(self) -> float | None:
        """The fastest clock that all parts can work at."""
        slowest = max((component.total.path_s for component in self.listed), default=0.0)
        return 1 / slowest if slowest else None

    def at_width(self, operation: str, weight_bits: int) -> Quantity | None:
        """Return the energy of an operation of the lanes with narrower weights; None for any other operation.

        Its band is in proportion.
        """
        constant = self.energy.get(operation)
        if self.lanes is None or constant is None or operation not in LANE_OPERATIONS:
            return None
        narrow = lane_energy(self.lanes, min(weight_bits, self.weight_bits), operation)
        return constant.times(narrow.value / lane_energy(self.lanes, self.weight_bits, operation).value)

    def describe(self) -> list[dict[str, Any]]:
        """Return plain values, a row for each part."""
        return [
            {
                "name": component.name,
                "text": component.text,
                "number": component.number,
                "area_mm2": component.total.area_mm2.value,
                "area_low_mm2": component.total.area_mm2.low,
                "area_high_mm2": component.total.area_mm2.high,
                "leakage_W": component.total.leakage_W.value,
                "fastest_Hz": 1 / component.total.path_s if component.total.path_s else None,
                "source": component.source,
            }
            for component in self.listed
        ]


def read(table: object, structure: Structure, memory: Memory | None) -> Components:
    """Return the parts that a description gives, for a chip of some structure, and of some words of memory.

    Raises
    ------
    ConfigError
        If a key is missing or unknown, or a value breaks its rule.
    InfeasibleError
        If a part does not fit the structure or the words, or the clock is faster than a part.
    """
    given = parts.read(table, keys.checked)
    assert structure.mesh is not None
    columns, rows = structure.mesh
    built = Built(
        cores=structure.cores,
        lanes=structure.lanes,
        neurons_per_core=structure.neurons_per_core,
        synapse_bits_per_core=structure.synapse_bits_per_core,
        weight_bits=structure.weight_bits,
        neuron_bits=structure.neuron_bits,
        queue=structure.queue,
        links=2 * ((columns - 1) * rows + columns * (rows - 1)),
        clock_Hz=structure.clock_Hz,
        word_bits=None if memory is None else memory.word_bits,
        banks_at_once=1 if memory is None else memory.banks,
    )
    listed = expand(given, built)
    energy = {name: _energy(component, price) for component in listed for name, price in component.prices.items()}
    lanes = given.get(LANES)
    return Components(
        listed=listed,
        energy=energy,
        power={"static": _static(listed)} if listed else {},
        lanes=lanes if isinstance(lanes, parts.MultiplyAccumulate) else None,
        weight_bits=structure.weight_bits,
    )


def _energy(component: Component, price: Price) -> Quantity:
    return Quantity(
        *_nominal_first(price.energy),
        unit="J",
        definition=price.definition,
        operating_point=component.text,
        source=f"component {component.name}: {component.source}, scaled by {estimates.SOURCES['scaling']}",
        retrieved=READ,
        confidence="derived",
    )


def _static(listed: tuple[Component, ...]) -> Quantity:
    total = sum((component.total.leakage_W for component in listed), estimates.NONE)
    return Quantity(
        *_nominal_first(total),
        unit="W",
        definition=f"leakage of {', '.join(component.name for component in listed)} at 300 K; high: on a hot chip",
        operating_point=listed[0].text,
        source=f"components: CACTI 7 and Aladdin 2014, scaled by {estimates.SOURCES['scaling']}",
        retrieved=READ,
        confidence="derived",
    )


def _nominal_first(band: Band) -> tuple[float, float, float]:
    return band.value, band.low, band.high
