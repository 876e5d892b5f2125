"""What varies: a list of values, or a range, for a setting named by its dotted key."""

import math
from dataclasses import dataclass
from typing import Any

from neurosim.checks import truth
from neurosim.errors import ConfigError

Plain = bool | int | float | str | list[Any]
RANGE = {"low", "high", "log", "whole"}
MOST = 10_000  # most values of one setting


@dataclass(frozen=True, slots=True)
class Choice:
    """A list of values to choose from.

    Attributes
    ----------
    values : tuple
        Plain values, in the order of the file.
    """

    values: tuple[Plain, ...]

    def at(self, share: float) -> Plain:
        """Return the value at a fraction of the list, from 0, below 1."""
        return self.values[int(share * len(self.values))]

    def asked(self, trial: Any, key: str) -> Plain:
        """Return the value that a trial of Optuna picks; Optuna picks its index, as a value may be a list."""
        index: int = trial.suggest_categorical(key, range(len(self.values)))
        return self.values[index]


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from `low` to `high`, both included.

    Attributes
    ----------
    low, high : float
    log : bool
        Whether the logarithm is spread evenly, instead of the number.
    whole : bool
        Whether only whole numbers are in the range.
    """

    low: float
    high: float
    log: bool
    whole: bool

    def at(self, share: float) -> Plain:
        """Return the number at a fraction of the range, from 0, below 1."""
        half = 0.5 if self.whole else 0.0  # so that the first and last whole number are as likely as the others
        low, high = self.low - half, self.high + half
        exact = math.exp(math.log(low) + share * math.log(high / low)) if self.log else low + share * (high - low)
        bounded = min(max(exact, self.low), self.high)
        return round(bounded) if self.whole else float(bounded)

    def asked(self, trial: Any, key: str) -> Plain:
        """Return the number that a trial of Optuna picks."""
        suggest = trial.suggest_int if self.whole else trial.suggest_float
        picked: int | float = suggest(key, self.low, self.high, log=self.log)
        return picked


Vary = Choice | Range


def vary(key: str, value: object) -> Vary:
    """Return the choice or range that a study file gives for a key.

    Raises
    ------
    ConfigError
        If it is neither a list of plain values nor a range.
    """
    name = f"vary.{key}"
    if isinstance(value, list):
        if not 0 < len(value) <= MOST or not all(_is_plain(entry) for entry in value):
            raise ConfigError(name, f"a list of 1 to {MOST} numbers, texts, truths or lists of them", value)
        return Choice(tuple(value))
    if not isinstance(value, dict):
        raise ConfigError(name, "a list of values, or a range such as {low = 1, high = 9}", value)
    for entry in value:
        if entry not in RANGE:
            raise ConfigError(f"{name}.{entry}", "one of " + ", ".join(sorted(RANGE)), entry)
    return _range(name, value)


def _range(name: str, table: dict[str, Any]) -> Range:
    """Return the range that a table describes."""
    log, whole = table.get("log", False), table.get("whole", False)
    truth(f"{name}.log", log)
    truth(f"{name}.whole", whole)
    for end in ("low", "high"):
        _check_end(f"{name}.{end}", table.get(end), whole)
    low, high = table["low"], table["high"]
    if not low < high:
        raise ConfigError(f"{name}.high", f"above low, {low}", high)
    if log and low <= 0:
        raise ConfigError(f"{name}.low", "positive with log = true", low)
    return Range(low, high, log, whole)


def _check_end(name: str, value: object, whole: bool) -> None:
    """Refuse an end of a range that is no finite number, or not whole where it must be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e300:
        raise ConfigError(name, "a finite number", value)
    if whole and not isinstance(value, int):
        raise ConfigError(name, "a whole number with whole = true", value)


def _is_plain(value: object) -> bool:
    """Tell whether a value is allowed in a configuration, and so can be written as JSON."""
    if isinstance(value, list):
        return len(value) <= MOST and all(_is_plain(entry) for entry in value)
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
