"""Constants of a layer changed after it has learned: which may be, with the weights kept, and which may not."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from neurosim.errors import ConfigError
from neurosim.layers.own_competitions import CompetitionMaker, OwnCompetition
from neurosim.layers.own_rules import OwnRule, RuleMaker
from neurosim.layers.rules import schedule
from neurosim.layers.schedules import Schedule

Path = tuple[str, ...]
COMPOSED = ("competition", "rule", "activation", "bias", "transmit", "pool", "devices")  # constants that have constants
FIRST = "the first weights were made with it"
SHAPES = "arrays that were learned have shapes by it"
SOFTNESS = ("temperature", "gain", "relative_temperature")  # one of them is given
KEPT = {  # constants that must stay as they are, and why
    "neurons": SHAPES, "kernel": SHAPES, "stride": SHAPES, "padding": SHAPES, "pool": SHAPES,
    "weight_bits": "synapses are stored in so many bits", "rounding": FIRST, "initial": FIRST, "radius": FIRST,
    "renormalise": FIRST, "weight_sum": FIRST, "lebesgue": "the norms that are followed are to that power",
    "normalise": "the weights are in the unit that it gives the input",
    "instruments": "mean step sizes are over all updates",
    "pre_triangle": "potentials of an unfinished window were made with it",
}  # fmt: skip


def with_constant(layer: Any, name: str, value: Any) -> Any:
    """Return a layer's constants with one of them changed.

    Parameters
    ----------
    layer : DenseWTA or ConvWTA
    name : str
        Of the layer, or of what it is composed of: cap, temperature, competition.temperature, rule.rate. The schedule
        of a rate stays when the rate becomes another number.
    value : object

    Raises
    ------
    ConfigError
        If there is no constant of that name, several, or the value breaks its rule; or if what was learned would not
        fit or would mean something else.
    """
    path = _path(layer, name)
    changed = _replaced(layer, path, value)
    for entry in fields(layer):
        before, after = getattr(layer, entry.name), getattr(changed, entry.name)
        if before != after and (why := KEPT.get(entry.name) or _why_kept(entry.name, before, after)):
            raise ConfigError(name, "left as it is with the weights", value, f"{why}: make a new chip")
    return changed


def check_softness(constants: dict[str, Any]) -> None:
    """Refuse, by ConfigError, changes that give a competition its softness twice: each would undo the one before."""
    given = [next(filter(None, (constants.get(name), constants.get(f"competition.{name}"))), None) for name in SOFTNESS]
    if len(given) - given.count(None) > 1:
        raise ConfigError("temperature, gain or relative_temperature", "given, one of the three", tuple(given))


def full_name(layer: Any, name: str) -> str:
    """Return a constant's full name, such as competition.temperature."""
    return ".".join(_path(layer, name))


def value_of(layer: Any, name: str) -> Any:
    """Return a constant by its name; the parameters are those of `with_constant`."""
    *parts, last = _path(layer, name)
    owner = layer
    for part in parts:
        owner = schedule(owner) if part == "rate" else getattr(owner, part)
    if isinstance(owner, OwnCompetition) or (isinstance(owner, OwnRule) and last not in ("rate", "averaging")):
        return dict(owner.constants)[last]
    return getattr(owner, last)


def _why_kept(name: str, before: Any, after: Any) -> str:
    """Return why a constant may not become this other one; empty if it may."""
    if name == "rule" and before.moment != after.moment:
        return "running means of responses were kept for the other rule, or none were"
    if name == "bias" and type(before) is not type(after):
        return "the running mean of responses is of what the bias needs"
    if name == "devices" and (before is None or after is None):
        return "its synapses are exact numbers, or cells"
    if name == "devices" and before.ages != after.ages:
        return "what ages has the moments at which each cell was programmed, what does not has none"
    if name == "devices" and before.states != after.states:
        return "cells were programmed to these states"
    if name == "eligibility" and (before > 0) != (after > 0):
        return "above 0 there is a trace as large as the weights, at 0 there is none"
    return ""


def _path(layer: Any, name: str) -> Path:
    """Return where a constant is."""
    wanted = tuple(name.split("."))
    paths = list(_paths(layer))
    found = [path for path in paths if path == wanted] or [
        path for path in paths if path[-1] == wanted[-1] and set(wanted[:-1]) <= set(path[:-1])
    ]
    if wanted == ("rate",):  # the learning rate everywhere else, too
        found = [path for path in found if path == ("rule", "rate")]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(".".join(path) for path in found)
        raise ConfigError("name of a constant", f"in full, {names}", name)
    known = ", ".join(dict.fromkeys(path[-1] for path in paths))
    raise ConfigError(f"constants of {type(layer).__name__}", f"among {known}", name)


def _paths(layer: Any) -> Iterator[Path]:
    """Give where each constant is: in the layer, in what it is composed of, or in the schedule of its rate."""
    for entry in fields(layer):
        yield (entry.name,)
    for part in COMPOSED:
        value = getattr(layer, part, None)
        if isinstance(value, OwnRule):
            for name in ("rate", "averaging", *dict(value.constants)):
                yield part, name
        elif isinstance(value, OwnCompetition):
            for name in dict(value.constants):
                yield part, name
        elif is_dataclass(value):
            for entry in fields(value):
                yield part, entry.name
        if part == "rule":
            for entry in fields(schedule(layer.rule)):  # type: ignore[arg-type]
                if entry.name != "rate":
                    yield part, "rate", entry.name


def _replaced(owner: Any, path: Path, value: Any) -> Any:
    """Return a dataclass with the constant at a path replaced."""
    name, *rest = path
    if isinstance(value, RuleMaker | CompetitionMaker):
        value = value()
    if rest:
        inner = schedule(owner) if name == "rate" else getattr(owner, name)
        value = _replaced(inner, tuple(rest), value)
    elif name == "rate" and isinstance(getattr(owner, "rate", None), Schedule) and not isinstance(value, Schedule):
        value = replace(owner.rate, rate=value)
    if isinstance(owner, OwnRule):
        return _own_replaced(owner, name, value)
    if isinstance(owner, OwnCompetition):
        return owner.maker(**dict(owner.constants) | {name: value})
    there = {entry.name for entry in fields(owner)}
    others = {other: None for other in SOFTNESS if name in SOFTNESS and other != name and other in there}
    return replace(owner, **{name: value}, **others)


def _own_replaced(rule: OwnRule, name: str, value: Any) -> OwnRule:
    if name == "rate" and "rate" not in rule.maker.parameters:
        raise ConfigError(f"constants of rule {rule.name}", "those of its function", "rate")
    constants: dict[str, Any] = {"averaging": rule.averaging, **dict(rule.constants)}
    if "rate" in rule.maker.parameters:
        constants["rate"] = rule.rate
    return rule.maker(**constants | {name: value})
