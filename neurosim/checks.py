"""Checks of constants, shared by all that have them: each raises ConfigError."""

import math
import sys
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from neurosim.errors import ConfigError

LARGEST = 2**31 - 1  # of numbers that determine the size of an array


def plain(constants: Any) -> None:
    """Convert the numbers of a frozen dataclass as `plain_number` does."""
    for entry in fields(constants):
        value = getattr(constants, entry.name)
        converted = plain_number(value)
        if converted is not value:
            object.__setattr__(constants, entry.name, converted)


def plain_number(value: Any) -> Any:
    """Return a number as Python's int, float or bool, as a state file gives it back; anything else as it is."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # a number or boolean of NumPy
        return value.item()
    if isinstance(value, Real) and not isinstance(value, bool | int | float):
        return int(value) if isinstance(value, Integral) else float(value)
    return value


def number(name: str, value: object, rule: str = "a number", low: float = -math.inf, *, above: bool = False) -> None:
    """Refuse what is not a number, NaN, and numbers below `low` (or equal to it, if `above`)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ConfigError(name, rule, value)
    if value < low or (above and value == low):
        raise ConfigError(name, rule, value)


def finite(name: str, value: object, rule: str, low: float = -math.inf, *, above: bool = False) -> None:
    """Refuse what `number` refuses, infinity, and numbers that would become infinite in float32."""
    number(name, value, rule, low, above=above)
    if not abs(value) <= 3e38:  # type: ignore[arg-type]
        limit = "at most 3e+38" if abs(value) <= sys.float_info.max else "finite"  # type: ignore[arg-type]
        raise ConfigError(name, f"{rule} and {limit}", value)


def fraction(name: str, value: object, advice: str = "") -> None:
    """Refuse anything but a number above 0 and at most 1."""
    number(name, value, "above 0 and at most 1", 0, above=True)
    if value > 1:  # type: ignore[operator]
        raise ConfigError(name, "above 0 and at most 1", value, advice)


def temperature(value: object) -> None:
    """Refuse a temperature that is not positive, or whose inverse float32 cannot hold."""
    finite("temperature", value, "positive", 0, above=True)
    number("temperature", value, "at least 1e-30", 1e-30)


def whole(name: str, value: object, low: int, high: int | None = None) -> None:
    """Refuse anything but a whole number from `low` to `high`; None is no upper bound."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < low:
        written = isinstance(value, float) and value.is_integer() and value >= low
        advice = "write it without a point or an exponent" if written else ""
        raise ConfigError(name, f"a whole number of at least {low}", value, advice)
    if high is not None and int(value) > high:
        raise ConfigError(name, f"a whole number of at most {high}", value)


def truth(name: str, value: object) -> None:
    """Refuse anything but True and False."""
    if not isinstance(value, bool):
        raise ConfigError(name, "True or False", value)


def instance(name: str, value: object, kind: type) -> None:
    """Refuse anything but an object of a class."""
    if not isinstance(value, kind):
        raise ConfigError(name, f"a {kind.__name__}", type(value).__name__)


def one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse what is not among the choices; the error lists them."""
    if value not in choices:
        raise ConfigError(name, "one of " + ", ".join(choices), value)
