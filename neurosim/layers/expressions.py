"""Constants as the Python expression that makes them, for people who want the same layer in a script of their own."""

import math
from dataclasses import MISSING, fields
from typing import Any

from neurosim.layers.own_rules import AVERAGING, OwnRule
from neurosim.layers.plain import KINDS, OWN, describe

INDENT, WIDTH = "    ", 100  # characters


def expression(constants: Any, module: str = "ns.") -> str:
    """Return the Python expression that makes constants; those that have their default are left out.

    Parameters
    ----------
    constants : dataclass, dict or plain value
        A layer, or what it is composed of, as it is or as `neurosim.layers.plain.describe` returns it.
    module : str
        Put before the names of classes. A rule or competition of the user's own has its bare name.

    Raises
    ------
    KeyError
        If a dict names a kind that is unknown here.
    """
    described = describe(constants)
    if isinstance(described, list | tuple):
        return f"[{', '.join(expression(item, module) for item in described)}]"
    if not isinstance(described, dict):
        return _plain(described)
    name, arguments = _call(described, module)
    return f"{name}({', '.join(arguments)})"


def chip_expression(chip: Any) -> str:
    """Return the Python expression that makes a chip as it was before it learned, on several lines; `chip` is a Chip.

    First weights that were given by the user are not in it.
    """
    layers = "".join(f"{_lines(describe(layer.constants), 2 * INDENT)},\n" for layer in chip.layers)
    inputs = chip.shape[0] if len(chip.shape) == 1 else tuple(chip.shape)
    return f"ns.Chip(\n{INDENT}[\n{layers}{INDENT}],\n{INDENT}inputs={inputs},\n{INDENT}seed={chip.seed},\n)"


def _lines(described: dict[str, Any], indent: str) -> str:
    """Return an expression on one line, or, if it is too long, with a line for each argument."""
    whole = indent + expression(described)
    if len(whole) <= WIDTH:
        return whole
    name, arguments = _call(described, "ns.")
    return f"{indent}{name}(\n" + "".join(f"{indent}{INDENT}{argument},\n" for argument in arguments) + f"{indent})"


def _call(described: dict[str, Any], module: str) -> tuple[str, list[str]]:
    """Return the name that is called, and the text of each argument."""
    kind = described["kind"]
    if kind in OWN:
        values = dict(described["constants"])
        if kind == OwnRule.__name__:
            values = {"rate": described["rate"], **values}
            values |= {} if described["averaging"] == AVERAGING else {"averaging": described["averaging"]}
        return described["name"], [f"{name}={expression(value, module)}" for name, value in values.items()]
    arguments = []
    for index, entry in enumerate(fields(KINDS[kind])):
        if entry.name in described and not _is_default(described[entry.name], entry):
            text = expression(described[entry.name], module)
            arguments.append(text if index == 0 and not entry.kw_only else f"{entry.name}={text}")
    return module + kind, arguments


def _is_default(value: Any, entry: Any) -> bool:
    default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
    return default is not MISSING and value == describe(default)


def _plain(value: Any) -> str:
    return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)
