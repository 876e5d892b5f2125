"""Constants of hardware: a value with its range, unit, definition and source."""

import sys
from dataclasses import dataclass, fields, replace
from typing import Any

from neurosim.errors import ConfigError
from neurosim.hardware.chips import keys

ENERGIES = {"fJ": 1e-15, "pJ": 1e-12, "nJ": 1e-9, "uJ": 1e-6, "mJ": 1e-3, "J": 1.0}
TIMES = {"ps": 1e-12, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
POWERS = {"nW": 1e-9, "uW": 1e-6, "mW": 1e-3, "W": 1.0}
CYCLE = "cycle"
MOST = 1e6  # J and W; no real operation comes near
LONGEST = 1.0  # s
LARGEST = sys.float_info.max
CONFIDENCES = ("primary", "secondary", "derived", "assumed", "unverified")  # see Quantity
TEXTS = ("definition", "operating_point", "source", "retrieved")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A constant of a chip, in SI units.

    Attributes
    ----------
    value, low, high : float
        In J, s or W, not negative; low <= value <= high span what is published, or the operating points.
    unit : str
        The unit in the description, before conversion to SI.
    definition : str
        What one such operation includes.
    operating_point, source, retrieved : str
        Voltage, clock and technology; where the value comes from; when that was read.
    confidence : {"primary", "secondary", "derived", "assumed", "unverified"}
        Whether the value was read in the source itself, or in a text that cites it, or was computed from such values,
        or is a choice of the model, or has not been confirmed.
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

    def times(self, count: float) -> "Quantity":
        """Return the constant of so many of these together."""
        return replace(self, value=self.value * count, low=self.low * count, high=self.high * count)

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def quantity(key: str, table: object, units: dict[str, float], clock: float | None = None) -> Quantity:
    """Return the constant that a table of a description gives.

    Parameters
    ----------
    key : str
        Its dotted name, for errors.
    table : dict
        `value`, `unit`, `definition`, `source` and `confidence`; optionally `low` and `high` (by default the value),
        `operating_point` and `retrieved`.
    units : dict
        The units that are allowed, each with its value in SI.
    clock : float, optional
        Clock in Hz, for times in cycles.

    Raises
    ------
    ConfigError
        If a key is missing, unknown or of another type, a number is negative or out of order, or a unit does not fit.
    """
    known = ("value", "low", "high", "unit", "confidence", *TEXTS)
    required = ("value", "unit", "definition", "source", "confidence")
    table = keys.checked(key, table, "a table with value, unit, definition, source and confidence", known, required)
    scale = _scale(key, table["unit"], units, clock)
    value, low, high = (_number(f"{key}.{name}", table.get(name, table["value"])) for name in ("value", "low", "high"))
    if not low <= value <= high:
        raise ConfigError(key, "of low <= value <= high", (low, value, high))
    if table["confidence"] not in CONFIDENCES:
        raise ConfigError(f"{key}.confidence", f"one of {', '.join(CONFIDENCES)}", table["confidence"])
    _check_largest(key, {"value": value, "high": high}, table["unit"], scale, units, clock)
    return Quantity(
        value=value * scale,
        low=low * scale,
        high=high * scale,
        unit=table["unit"],
        confidence=table["confidence"],
        **{name: _text(f"{key}.{name}", table.get(name, "")) for name in TEXTS},
    )


def _check_largest(
    key: str, numbers: dict[str, float], unit: str, scale: float, units: dict[str, float], clock: float | None
) -> None:
    """Refuse a constant that no real operation comes near, naming the number that is too large, and its clock."""
    most, si = (LONGEST if units is TIMES else MOST), next(name for name, size in units.items() if size == 1)
    for name, given in numbers.items():
        if given * scale > most:
            advice = f"a cycle is 1 / structure.clock_Hz, {scale:g} s" if unit == CYCLE and clock is not None else ""
            raise ConfigError(f"{key}.{name}", f"at most {most:g} {si}", f"{given:g} {unit}", advice)


def _scale(key: str, unit: object, units: dict[str, float], clock: float | None) -> float:
    """Return the value of a unit in SI."""
    if unit == CYCLE and units is TIMES:
        if clock is None:
            raise ConfigError(f"{key}.unit", "a unit of time, or cycle with structure.clock_Hz", unit)
        return 1 / clock
    if not isinstance(unit, str) or unit not in units:
        names = (*units, CYCLE) if units is TIMES else tuple(units)
        raise ConfigError(f"{key}.unit", f"one of {', '.join(names)}", unit)
    return units[unit]


def _number(key: str, value: object) -> float:
    """Return a number that is neither negative nor infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
        raise ConfigError(key, "a number from 0", value)
    return float(value)


def _text(key: str, value: object) -> str:
    return keys.text(key, value, empty=not key.endswith(("definition", "source")))
