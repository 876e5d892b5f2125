"""Energy of each sample: operations times the energy that a description gives for one of them."""

from collections.abc import Mapping as Table
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError
from neurosim.hardware.chips.quantity import Quantity
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.operations import INFERENCE, LEARNING, MERGING, PRICED_AS, ROUTING
from neurosim.hardware.counting.reloading import OUTSIDE, RELOADING

Floats = NDArray[np.float64]
PARTS = {"inference": INFERENCE, "learning": (*LEARNING, MERGING), "routing": ROUTING, "reloading": RELOADING}


class Energy(NamedTuple):
    """Energy of each sample.

    Attributes
    ----------
    parts : dict of str to float64 (3, samples)
        Energy of inference, learning, routing, and reloading where cores take turns, in J: with all constants at
        their low, nominal and high values.
    operations : dict of str to dict
        For each operation that was priced: its mean count per sample, and the energy of one and of all, in J.
    unpriced : dict of str to float
        For each operation without an energy in the description: its mean count per sample.
    """

    parts: dict[str, Floats]
    operations: dict[str, dict[str, float]]
    unpriced: dict[str, float]

    @property
    def total(self) -> Floats:
        """Joules of all parts: float64 (3, samples)."""
        summed: Floats = np.sum(list(self.parts.values()), axis=0)
        return summed


def energy(
    hardware: Hardware,
    operations: Table[str, NDArray[np.int64]],
    widths: Table[str, Table[int, NDArray[np.int64]]] | None = None,
) -> Energy:
    """Return the energy of operations; bits of memory without an energy of their own are assumed to be part of them.

    Parameters
    ----------
    hardware : Hardware
    operations : dict of str to int64 (samples,)
    widths : dict of str to dict of int to int64 (samples,), optional
        Operations on weights by the bits of a weight, of which the energies of a described part depend; without, all
        weights are the widest.
    """
    samples = len(next(iter(operations.values())))
    found = {part: [name for name in names if name in operations] for part, names in PARTS.items()}
    joules = {part: np.zeros((3, samples)) for part, names in found.items() if names}
    priced: dict[str, dict[str, float]] = {}
    unpriced: dict[str, float] = {}
    for part, names in found.items():
        for name in names:
            mean = float(operations[name].mean())
            constant = constant_of(hardware, name)
            if constant is not None:
                counts = (widths or {}).get(name) if hardware.components is not None else None
                spent, each = _spent(hardware, constant, name, operations[name], counts)
                joules[part] += spent
                priced[name] = {"count": mean, "each_J": each, "energy_J": mean * each}
            elif mean > 0 and (name in OUTSIDE or not name.endswith("_bit")):
                unpriced[name] = mean
    return Energy(joules, priced, unpriced)


def _spent(
    hardware: Hardware,
    constant: Quantity,
    name: str,
    operations: NDArray[np.int64],
    widths: Table[int, NDArray[np.int64]] | None,
) -> tuple[Floats, float]:
    """Return the energy of one kind of operation, float64 (3, samples) low, as it is, and high; and of one on average.

    `widths` has the operations by the bits of a weight, where the energy depends on these.
    """
    if widths is None:
        return np.array([constant.low, constant.value, constant.high])[:, None] * operations, constant.value
    spent = np.zeros((3, len(operations)))
    for bits, counts in widths.items():
        each = hardware.at_width(name, bits) or constant
        spent += np.array([each.low, each.value, each.high])[:, None] * counts
    done = int(operations.sum())
    return spent, float(spent[1].sum() / done) if done else constant.value


def key_of(hardware: Hardware, name: str) -> str | None:
    """Return the key of the energy that an operation is priced with, or None if the description has none."""
    return hardware.key_of(PRICED_AS.get(name, name))


def constant_of(hardware: Hardware, name: str) -> Quantity | None:
    """Return the energy constant of an operation, or None if the description has none."""
    return hardware.energy_of(PRICED_AS.get(name, name))


def check_learns(hardware: Hardware, learning: bool, unverified: bool) -> None:
    """Refuse to price learning on a chip for which no source gives the energy of learning.

    Raises
    ------
    ConfigError
        If it has no energy of a weight update, or one that is unverified and was not allowed.
    """
    unverified_only = "weight_update" in hardware.energy
    if not learning or hardware.learns() or (unverified and unverified_only):
        return
    value = "one that is unverified" if unverified_only else None
    advice = "allow unverified constants (--unverified)" if unverified_only else "give it in a description of your own"
    rule = "given by a source, for learning"
    raise ConfigError(
        f"energy.weight_update of {hardware.name}", rule, value, f"price responses (--respond), or {advice}"
    )
