"""Constants of hardware: a number with its band, its unit, what it means and who says so."""

import math
from dataclasses import dataclass, fields
from typing import Any

from neurosim.errors import ConfigError

ENERGIES = {"fJ": 1e-15, "pJ": 1e-12, "nJ": 1e-9, "uJ": 1e-6, "mJ": 1e-3, "J": 1.0}
TIMES = {"ps": 1e-12, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
POWERS = {"nW": 1e-9, "uW": 1e-6, "mW": 1e-3, "W": 1.0}
CYCLE = "cycle"
MOST = 1e6  # J and W; no operation comes near
LONGEST = 1.0  # s
# Read in the source itself; in one that cites it; computed from such; a choice of the model; told by nobody.
CONFIDENCES = ("primary", "secondary", "derived", "assumed", "unverified")
TOLD = ("definition", "operating_point", "source", "retrieved")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A constant of a chip, in SI units.

    Attributes
    ----------
    value, low, high : float
        In J, s or W, not negative; low <= value <= high: the spread of what is published, or of operating points.
    unit : str
        As it was written.
    definition : str
        What one such operation includes.
    operating_point, source, retrieved : str
        Voltage, clock and technology; who says so; when that was read.
    confidence : {"primary", "secondary", "derived", "assumed", "unverified"}
        Read in the source itself; in one that cites it; computed from such; a choice of the model; not confirmed.
    """

    value: float
    low: float
    high: float
    unit: str
    definition: str
    operating_point: str
    source: str
    retrieved: str
    confidence: str

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def quantity(key: str, table: object, units: dict[str, float], clock: float | None = None) -> Quantity:
    """Return the constant of a table of a description.

    Parameters
    ----------
    key : str
        Its dotted name, for errors.
    table : dict
        `value`, `unit`, `definition`, `source`, `confidence`; and, where there are any, `low`, `high` (by default
        the value), `operating_point` and `retrieved`.
    units : dict
        Units that fit, in SI.
    clock : float, optional
        Hz, for times in cycles.

    Raises
    ------
    ConfigError
        If a key is missing, unknown or of another type, a number is negative or out of order, or a unit does not fit.
    """
    if not isinstance(table, dict):
        raise ConfigError(key, "a table with value, unit, definition, source and confidence", table)
    known = ("value", "low", "high", "unit", "confidence", *TOLD)
    for name in table:
        if name not in known:
            raise ConfigError(f"{key}.{name}", f"one of {', '.join(known)}", name)
    for name in ("value", "unit", "definition", "source", "confidence"):
        if name not in table:
            raise ConfigError(f"{key}.{name}", "given", None)
    scale = _scale(key, table["unit"], units, clock)
    value, low, high = (_number(f"{key}.{name}", table.get(name, table["value"])) for name in ("value", "low", "high"))
    if not low <= value <= high:
        raise ConfigError(key, "of low <= value <= high", (low, value, high))
    if table["confidence"] not in CONFIDENCES:
        raise ConfigError(f"{key}.confidence", f"one of {', '.join(CONFIDENCES)}", table["confidence"])
    most = LONGEST if units is TIMES else MOST
    if max(value, high) * scale > most:
        raise ConfigError(key, f"at most {most:g} {'s' if units is TIMES else 'J or W'}", f"{high:g} {table['unit']}")
    texts = {name: _text(f"{key}.{name}", table.get(name, "")) for name in TOLD}
    return Quantity(value * scale, low * scale, high * scale, table["unit"], confidence=table["confidence"], **texts)


def _scale(key: str, unit: object, units: dict[str, float], clock: float | None) -> float:
    """Return what a unit is in SI."""
    if unit == CYCLE and units is TIMES:
        if clock is None:
            raise ConfigError(f"{key}.unit", "a unit of time, or cycle with structure.clock_Hz", unit)
        return 1 / clock
    if not isinstance(unit, str) or unit not in units:
        names = (*units, CYCLE) if units is TIMES else tuple(units)
        raise ConfigError(f"{key}.unit", f"one of {', '.join(names)}", unit)
    return units[unit]


def _number(key: str, value: object) -> float:
    """Return a number that is neither negative nor endless."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(key, "a number from 0", value)
    return float(value)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or (not value.strip() and key.endswith(("definition", "source"))):
        raise ConfigError(key, "text", value)
    return value
