"""Area, leakage, energy and time of single parts: rows of tables carried to a node and voltage, each with its band."""

from functools import cache
from math import sqrt
from typing import NamedTuple

from neurosim.hardware.components import scaling
from neurosim.hardware.components.scaling import Process
from neurosim.hardware.components.tables import SRAM_SOURCE, Array, between, check_within, sram, technology

SMALLEST_ARRAY_NM = 22.0
LIKE_THE_SOURCE = "low_operating_power"  # the transistors of Aladdin's process: see `_leakier`
SQUARE_MM = 1e-6  # mm2 in a square micrometre
PICO, NANO, MILLI = 1e-12, 1e-9, 1e-3


class Band(NamedTuple):
    """A number with what other sources make of it: low <= value <= high."""

    low: float
    value: float
    high: float

    def __mul__(self, factor: float) -> "Band":  # type: ignore[override]
        return Band(self.low * factor, self.value * factor, self.high * factor)

    def __add__(self, other: "Band") -> "Band":  # type: ignore[override]
        return Band(self.low + other.low, self.value + other.value, self.high + other.high)


NONE = Band(0.0, 0.0, 0.0)


class Unit(NamedTuple):
    """What one part takes.

    Attributes
    ----------
    area_mm2, leakage_W : Band
    path_s : float
        The least time of a clock cycle that it can work at; 0 where no source tells.
    """

    area_mm2: Band
    leakage_W: Band
    path_s: float

    def __mul__(self, count: float) -> "Unit":  # type: ignore[override]
        return Unit(self.area_mm2 * count, self.leakage_W * count, self.path_s)

    def __add__(self, other: "Unit") -> "Unit":  # type: ignore[override]
        area, leakage = self.area_mm2 + other.area_mm2, self.leakage_W + other.leakage_W
        return Unit(area, leakage, max(self.path_s, other.path_s))


def spread(value: float, ratios: tuple[float, ...]) -> Band:
    """Return a number with the band that ratios of other sources to ours give; our own is within it."""
    return Band(value * min(1.0, *ratios), value, value * max(1.0, *ratios))


def memory(key: str, kB: float, word_bits: float, process: Process) -> tuple[Unit, Band, Band]:
    """Return one SRAM array, and the energies of reading and writing a word in J.

    Raises
    ------
    ConfigError
        If size, width or node lie outside the table.
    """
    array = _array(key, kB, word_bits, process)
    ratios = _memory_ratios(process.transistors)
    unit = Unit(
        area_mm2=spread(array.area_mm2, (1.0,)),
        leakage_W=_leaks(array.leakage_mW * MILLI),
        path_s=max(array.access_ns, array.cycle_ns) * NANO,
    )
    return unit, spread(array.read_pJ * PICO, ratios), spread(array.write_pJ * PICO, ratios)


def _array(key: str, kB: float, word_bits: float, process: Process) -> Array:
    """Return CACTI's array at a node and voltage; below its nodes as hwcomponents takes it on."""
    reach = technology()["scaling"]["node_nm"][-1], technology()["voltages"]["node_nm"][-1]
    check_within(f"{key}.node_nm", process.node_nm, reach, "nm", SRAM_SOURCE)
    node = max(process.node_nm, SMALLEST_ARRAY_NM)
    found = sram(key, process.transistors, kB, word_bits, node)
    usual = process.at(node, scaling.nominal(node, process.transistors))
    there = process.at(node, process.voltage_V)
    energy, delay = scaling.energy(usual, there), scaling.delay(usual, there)
    leakage, area = process.voltage_V / usual.voltage_V, 1.0
    if process.node_nm < SMALLEST_ARRAY_NM:
        below, share = technology()["below_22_nm"], process.node_nm / SMALLEST_ARRAY_NM
        energy *= share ** below["energy"]
        area *= share ** below["area"]
        leakage *= share ** below["leakage"] * below["finfet_leakage"]
    return Array(
        found.access_ns * delay, found.cycle_ns * delay, found.read_pJ * energy, found.write_pJ * energy,
        found.leakage_mW * leakage, found.area_mm2 * area,
    )  # fmt: skip


@cache
def _memory_ratios(transistors: str) -> tuple[float, ...]:
    """Return Horowitz's energies of memory over CACTI's, at his node and voltage."""
    rows = technology()["memory"]
    process = Process(rows["node_nm"], rows["voltage_V"], transistors)
    return tuple(
        pJ / _array("memory", kB, rows["word_bits"], process).read_pJ
        for kB, pJ in zip(rows["kB"], rows["access_pJ"], strict=True)
    )


def _leaks(watts: float) -> Band:
    """Return a leakage at 300 K, with what it grows to on a hot chip."""
    return Band(watts, watts, watts * technology()["leakage"]["hot"])


@cache
def _leakier(transistors: str) -> float:
    """Return by what logic of some transistors leaks more than the source's: as CACTI's memories do among themselves.

    The source's 40 nm process leaks 10.5 mW/mm2 in its multiplier, CACTI's memory of 45 nm 7.3 mW/mm2 with low
    operating power, 0.01 with low standby power, and 181 with high performance: so it is taken as the first of these.
    """
    kB, bits, node = 32, 64, 45
    this, source = (sram("memory", kind, kB, bits, node).leakage_mW for kind in (transistors, LIKE_THE_SOURCE))
    return this / source


def product_energy(a_bits: float, b_bits: float, process: Process) -> Band:
    """Return the energy of one integer multiply in J.

    An array of a x b cells: taken as one of the same number of cells with equal sides. Between 8 and 32 bits on the
    line through the logarithms; below 8 bits in proportion to a x b, which goes beyond the source.
    """
    rows = technology()["arithmetic"]
    side, smallest = sqrt(a_bits * b_bits), rows["bits"][0]
    inside = max(side, smallest)
    check_within("bits", inside, rows["bits"], "bits", rows["source"])
    pJ = between(inside, rows["bits"], rows["multiply_pJ"]) * min(1.0, side / smallest) ** 2
    return _arithmetic("multiply", pJ, process)


def sum_energy(bits: float, process: Process) -> Band:
    """Return the energy of one integer add in J, of 8 to 32 bits."""
    rows = technology()["arithmetic"]
    check_within("bits", bits, rows["bits"], "bits", rows["source"])
    return _arithmetic("add", between(bits, rows["bits"], rows["add_pJ"]), process)


def _arithmetic(name: str, pJ: float, process: Process) -> Band:
    """Return an energy of Horowitz's at a process, with Aladdin's fastest and slowest unit as its band."""
    ours, theirs = technology()["arithmetic"], technology()["units"]
    source = process.at(ours["node_nm"], ours["voltage_V"])
    across = scaling.energy(process.at(theirs["node_nm"], theirs["voltage_V"]), source)
    ratios = tuple(row * across / ours[f"{name}_pJ"][-1] for row in theirs[f"{name}_pJ"])
    return spread(pJ * PICO * scaling.energy(source, process), ratios)


def multiplier(a_bits: float, b_bits: float, period_s: float | None, process: Process) -> Unit:
    """Return an integer multiplier that works at a clock: area and leakage in proportion to a x b."""
    return _logic("multiply", a_bits * b_bits / technology()["units"]["bits"] ** 2, period_s, process)


def adder(bits: float, period_s: float | None, process: Process) -> Unit:
    """Return an integer adder that works at a clock: area and leakage in proportion to its bits."""
    return _logic("add", bits / technology()["units"]["bits"], period_s, process)


def registers(bits: float, process: Process) -> tuple[Unit, Band]:
    """Return registers, and the energy of reading or writing one bit in J."""
    rows, other = technology()["units"], technology()["registers"]
    source = process.at(rows["node_nm"], rows["voltage_V"])
    area = bits * rows["register_um2"][0] * SQUARE_MM * scaling.area(source, process)
    unit = Unit(
        area_mm2=spread(area, (other["um2"] / rows["register_um2"][0],)),
        leakage_W=_leaks(bits * _leakage("register", 1.0, process)),
        path_s=0.0,
    )
    return unit, spread(rows["register_pJ"][0] * PICO * scaling.energy(source, process), (1.0,))


def router(bits: float, process: Process) -> tuple[Unit, Band]:
    """Return a router of events of some bits, and the energy of one event in J: both in proportion to the bits."""
    rows, least = technology()["router"], technology()["crossbar"]
    source = process.at(rows["node_nm"], rows["voltage_V"])
    area = bits / rows["bits"] * rows["um2"] * SQUARE_MM * scaling.area(source, process)
    across = scaling.energy(process.at(least["node_nm"], least["voltage_V"]), source)
    ratio = (least["word_pJ"] / least["bits"]) * across / (rows["flit_pJ"] / rows["bits"])
    pJ = bits / rows["bits"] * rows["flit_pJ"] * scaling.energy(source, process)
    return Unit(spread(area, (1.0,)), NONE, 0.0), spread(pJ * PICO, (ratio,))


def _leakage(name: str, time_ns: float, process: Process) -> float:
    """Return the leakage of one of Aladdin's units in W: carried to the node as energy is, and to the transistors."""
    rows = technology()["units"]
    scaled = scaling.energy(process.at(rows["node_nm"], rows["voltage_V"]), process) * _leakier(process.transistors)
    return between(time_ns, rows["time_ns"], rows[f"{name}_leakage_mW"]) * MILLI * scaled


def _logic(name: str, size: float, period_s: float | None, process: Process) -> Unit:
    """Return Aladdin's unit, `size` times as large as its 32 bits; the faster the clock, the larger.

    The area's band reaches to that of EvoApprox's circuit of 8 bits.
    """
    rows, circuit = technology()["units"], technology()["circuits"]
    times = rows["time_ns"]
    source = process.at(rows["node_nm"], rows["voltage_V"])
    slower = scaling.delay(source, process)
    asked = times[-1] if period_s is None else period_s / NANO / slower
    at = min(max(asked, times[0]), times[-1])
    area = size * between(at, times, rows[f"{name}_um2"]) * SQUARE_MM * scaling.area(source, process)
    share = (circuit["bits"] / rows["bits"]) ** (2 if name == "multiply" else 1)
    other = process.at(circuit["node_nm"], source.voltage_V)
    ratio = circuit[f"{name}_um2"] * scaling.area(other, source) / (share * rows[f"{name}_um2"][-1])
    return Unit(spread(area, (ratio,)), _leaks(size * _leakage(name, at, process)), times[0] * NANO * slower)


SOURCES = {
    "memory": SRAM_SOURCE + "; band: Horowitz 2014",
    "arithmetic": "Horowitz 2014, doi:10.1109/ISSCC.2014.6757323; area, leakage, band: Aladdin 2014, EvoApprox8b 2017",
    "registers": "Aladdin 2014, doi:10.1109/ISCA.2014.6853196",
    "router": "ISAAC's router as in accelergy-library-plug-in; low: Aladdin's crossbar",
    "scaling": "Stillmaker and Baas 2017, doi:10.1016/j.vlsi.2017.02.002",
}
