"""The checks that several constants share."""

import math
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from neurosim.errors import ConfigError

LARGEST = 2**31 - 1  # of what sizes an array


def plain(constants: Any) -> None:
    """Turn the numbers of a frozen dataclass, NumPy's among them, into Python's: what a state file gives back."""
    for entry in fields(constants):
        value = getattr(constants, entry.name)
        if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # NumPy's, booleans among them
            object.__setattr__(constants, entry.name, value.item())
        elif isinstance(value, Real) and not isinstance(value, bool | int | float):
            object.__setattr__(constants, entry.name, int(value) if isinstance(value, Integral) else float(value))


def number(name: str, value: object, rule: str = "a number", low: float = -math.inf, *, above: bool = False) -> None:
    """Refuse anything but a number, not NaN, at least `low` (greater, if `above`)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ConfigError(name, rule, value)
    if value < low or (above and value == low):
        raise ConfigError(name, rule, value)


def finite(name: str, value: object, rule: str, low: float = -math.inf, *, above: bool = False) -> None:
    """Refuse what `number` refuses, and infinities, also those that only float32 turns into one."""
    number(name, value, rule, low, above=above)
    if not abs(value) <= 3e38:  # type: ignore[arg-type]
        raise ConfigError(name, rule + " and finite", value)


def fraction(name: str, value: object, advice: str = "") -> None:
    """Refuse anything but a number above 0 and at most 1."""
    number(name, value, "above 0 and at most 1", 0, above=True)
    if value > 1:  # type: ignore[operator]
        raise ConfigError(name, "above 0 and at most 1", value, advice)


def temperature(value: object) -> None:
    """Refuse a temperature whose inverse float32 cannot hold."""
    finite("temperature", value, "positive", 0, above=True)
    number("temperature", value, "at least 1e-30", 1e-30)


def whole(name: str, value: object, low: int, high: int | None = None) -> None:
    """Refuse anything but a whole number of at least `low`, and at most `high`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < low:
        raise ConfigError(name, f"a whole number of at least {low}", value)
    if high is not None and int(value) > high:
        raise ConfigError(name, f"a whole number of at most {high}", value)


def truth(name: str, value: object) -> None:
    """Refuse anything but true and false."""
    if not isinstance(value, bool):
        raise ConfigError(name, "True or False", value)


def one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse what is not in the list, and show the list."""
    if value not in choices:
        raise ConfigError(name, "one of " + ", ".join(choices), value)
