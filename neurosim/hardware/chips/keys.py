"""The check of the keys of a table in a description."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar
from unicodedata import category

from neurosim.errors import ConfigError

Section = TypeVar("Section")


def checked(key: str, table: object, rule: str, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return a table of a description.

    Parameters
    ----------
    key : str
        Its dotted name, for errors.
    table : object
    rule : str
        What it must be, for the error if it is no table.
    known, required : sequence of str
        Keys that it may have, and those that it must have.

    Raises
    ------
    ConfigError
        If it is no table, or a key is unknown or missing.
    """
    if not isinstance(table, dict):
        raise ConfigError(key, rule, table)
    for name in table:
        if name not in known:
            raise ConfigError(f"{key}.{name}", f"one of {', '.join(known)}", name)
    for name in required:
        if name not in table:
            raise ConfigError(f"{key}.{name}", "given", None)
    return table


def text(key: str, value: object, *, empty: bool = False) -> str:
    """Return a text of a description in one line; it is printed, so what steers a terminal is refused.

    Raises
    ------
    ConfigError
        If it is no text, has control characters, or is empty and may not be.
    """
    if not isinstance(value, str):
        raise ConfigError(key, "text", value)
    line = " ".join(value.split())
    if any(category(character) in {"Cc", "Cs"} for character in line):
        raise ConfigError(key, "text without control characters", value)
    if not line and not empty:
        raise ConfigError(key, "text, and not empty", value)
    return line


def section(name: str, kind: type[Section], table: object) -> Section:
    """Return the dataclass that a table of a description gives; its fields are the keys, those without default needed.

    Raises
    ------
    ConfigError
        If a key is missing or unknown, or a value breaks its rule.
    """
    entries = fields(kind)  # type: ignore[arg-type]
    known = [entry.name for entry in entries]
    required = [entry.name for entry in entries if entry.default is MISSING]
    return kind(**checked(name, table, "a table", known, required))
