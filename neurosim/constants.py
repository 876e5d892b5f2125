"""Constants as plain data, and back: what a state file holds of a chip, read without running anything from it."""

from dataclasses import fields, is_dataclass
from typing import Any

from neurosim.competition import KWTA, HardWTA, SoftWTA
from neurosim.errors import ConfigError
from neurosim.layers import DenseWTA
from neurosim.rules import SoftHebb
from neurosim.transmit import Identity, ReLU, Softmax, Triangle

KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (DenseWTA, SoftWTA, HardWTA, KWTA, SoftHebb, Identity, ReLU, Softmax, Triangle)
}


def describe(constants: Any) -> Any:
    """Return a frozen dataclass as a dict of plain values, its class under `kind`."""
    if not is_dataclass(constants):
        return constants
    values = {entry.name: describe(getattr(constants, entry.name)) for entry in fields(constants)}
    return {"kind": type(constants).__name__, **values}


def rebuild(description: Any) -> Any:
    """Return the dataclass that `describe` described.

    Raises
    ------
    ConfigError
        If a kind or a constant is unknown here, or a value breaks its rule.
    """
    if not isinstance(description, dict):
        return description
    values = {name: rebuild(value) for name, value in description.items() if name != "kind"}
    kind = description.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError("kind", f"one of {', '.join(KINDS)}", kind)
    try:
        return KINDS[kind](**values)
    except TypeError as error:
        raise ConfigError(f"constants of {kind}", "those of this version", sorted(values), str(error)) from error
