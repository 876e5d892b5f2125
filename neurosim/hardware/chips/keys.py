"""The check of the keys of a table in a description."""

from collections.abc import Sequence
from typing import Any

from neurosim.errors import ConfigError


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
