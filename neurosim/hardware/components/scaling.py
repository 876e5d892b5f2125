"""How a published number is carried to another node and voltage: the equations of Stillmaker and Baas 2017.

A number at one node and voltage times the factor of another, over the factor of its own. Between nodes, factors are
taken on the straight line through their logarithms.

References
----------
Stillmaker and Baas 2017, Integration 58, 74-81, doi:10.1016/j.vlsi.2017.02.002
"""

from math import inf
from typing import Any, NamedTuple

from neurosim.errors import ConfigError
from neurosim.hardware.components.tables import between, check_within, technology

LOWEST_V, STEP_V = 0.5, 0.01
# Above these, the cubic fits of delay turn; the bounds that the paper itself gives were not read.
HIGHEST_V = {130: 1.3, 90: 1.3, 65: 1.3, 45: 1.1}
HIGHEST_V_BELOW = 1.0
FITS = {"low_standby_power": "low_power", "low_operating_power": "low_power", "high_performance": "high_performance"}


class Process(NamedTuple):
    """A node, its supply, and the kind of its transistors.

    Attributes
    ----------
    node_nm, voltage_V : float
    transistors : {"low_standby_power", "low_operating_power", "high_performance"}
    """

    node_nm: float
    voltage_V: float
    transistors: str

    def at(self, node_nm: float, voltage_V: float) -> "Process":
        """Return the process of a source's number, with the same kind of transistors."""
        return Process(node_nm, voltage_V, self.transistors)


def nominal(node_nm: float, transistors: str) -> float:
    """Return the supply voltage of CACTI's table at a node; of its nearest node beyond the table."""
    table = technology()["voltages"]
    nodes = table["node_nm"]
    return between(min(max(node_nm, nodes[0]), nodes[-1]), nodes, table[transistors])


def check(key: str, process: Process) -> None:
    """Refuse a node or voltage outside the equations.

    Raises
    ------
    ConfigError
        If the node is not within 7 to 130 nm, or the voltage not within what the fits of the node hold for.
    """
    table = technology()["scaling"]
    check_within(f"{key}.node_nm", process.node_nm, table["node_nm"], "nm", table["source"])
    at = max(node for node in table["node_nm"] if node <= process.node_nm)
    highest = HIGHEST_V.get(at, HIGHEST_V_BELOW)
    if not LOWEST_V <= process.voltage_V <= highest:
        rule = f"from {LOWEST_V:g} to {highest:g} V at {process.node_nm:g} nm, where the scaling equations hold"
        raise ConfigError(f"{key}.voltage_V", rule, process.voltage_V)


def energy(source: Process, target: Process) -> float:
    """Return by what an energy is multiplied on the way from one process to another."""
    return _factor("energy", target) / _factor("energy", source)


def delay(source: Process, target: Process) -> float:
    """Return by what a time is multiplied on the way from one process to another."""
    return _factor("delay", target) / _factor("delay", source)


def area(source: Process, target: Process) -> float:
    """Return by what an area of logic is multiplied on the way from one process to another."""
    nodes, areas = _rising("area")
    return between(target.node_nm, nodes, areas) / between(source.node_nm, nodes, areas)


def _rising(name: str, fit: str = "") -> tuple[list[float], list[Any]]:
    """Return the nodes, from the smallest, and what the table has for each."""
    table = technology()["scaling"]
    column = table[fit][name] if fit else table[name]
    return table["node_nm"][::-1], column[::-1]


def _factor(name: str, process: Process) -> float:
    """Return the factor of a process on its curve.

    The fits are taken as the curves that they stand for: energy never falls with voltage, and delay never rises.
    """
    nodes, fits = _rising(name, FITS[process.transistors])
    best = max if name == "energy" else min
    steps = [LOWEST_V + STEP_V * n for n in range(int((process.voltage_V - LOWEST_V) / STEP_V) + 1)]
    factors = []
    for fit in fits:
        reached = -inf if name == "energy" else inf
        for voltage in (*steps, process.voltage_V):
            reached = best(reached, sum(c * voltage**power for power, c in enumerate(reversed(fit))))
        factors.append(reached)
    return between(process.node_nm, nodes, factors)
