"""Energy of each sample: operations times what a description says that each takes."""

from collections.abc import Mapping as Table
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError
from neurosim.hardware.chips.quantity import Quantity
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.operations import INFERENCE, LEARNING, PRICED_AS, ROUTING

Floats = NDArray[np.float64]
PARTS = {"inference": INFERENCE, "learning": LEARNING, "routing": ROUTING}
HOPS = ("hop_east_west", "hop_north_south")


class Energy(NamedTuple):
    """Energy of each sample.

    Attributes
    ----------
    parts : dict of str to float64 (3, samples)
        Of inference, learning and routing, in J: with all constants low, as they are, and all high.
    operations : dict of str to dict
        What was priced: how many a sample on average, and joules for one and for all of them.
    unpriced : dict of str to float
        Operations that the description has no energy for: how many a sample on average.
    """

    parts: dict[str, Floats]
    operations: dict[str, dict[str, float]]
    unpriced: dict[str, float]

    @property
    def total(self) -> Floats:
        """Joules of all parts: float64 (3, samples)."""
        summed: Floats = np.sum(list(self.parts.values()), axis=0)
        return summed


def energy(hardware: Hardware, operations: Table[str, Any]) -> Energy:
    """Return the energy of operations; memory without a price of its own is taken to be within the operations."""
    samples = len(next(iter(operations.values())))
    parts = {part: np.zeros((3, samples)) for part in PARTS}
    priced: dict[str, dict[str, float]] = {}
    unpriced: dict[str, float] = {}
    for part, names in PARTS.items():
        for name in names:
            mean = float(operations[name].mean())
            constant = constant_of(hardware, name)
            if constant is not None:
                band = np.array([constant.low, constant.value, constant.high])
                parts[part] += band[:, None] * operations[name]
                priced[name] = {"count": mean, "each_J": constant.value, "energy_J": mean * constant.value}
            elif mean > 0 and not name.endswith("_bit"):
                unpriced[name] = mean
    return Energy(parts, priced, unpriced)


def constant_of(hardware: Hardware, name: str) -> Quantity | None:
    """Return the energy of an operation, if there is one."""
    key = PRICED_AS.get(name, name)
    return hardware.energy.get(key, hardware.energy.get("hop") if key in HOPS else None)


def check_learns(hardware: Hardware, learning: bool, unverified: bool) -> None:
    """Refuse to price learning on a chip of which nobody says what that takes.

    Raises
    ------
    ConfigError
        If it has no energy of a weight update, or one that is unverified and was not allowed.
    """
    there = "weight_update" in hardware.energy
    if not learning or hardware.learns() or (unverified and there):
        return
    value = "one that is unverified" if there else None
    advice = "allow what is unverified (--unverified)" if there else "say what it takes in a description of your own"
    rule = "given by a source, for learning"
    raise ConfigError(
        f"energy.weight_update of {hardware.name}", rule, value, f"price responses (--respond), or {advice}"
    )
