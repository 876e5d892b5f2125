"""The chip of a study file: a recipe or a preset, and any constant of its layers by name."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from neurosim import presets, recipes
from neurosim.checks import LARGEST, whole
from neurosim.errors import ConfigError
from neurosim.layers.activations import Transmit
from neurosim.layers.biases import Bias
from neurosim.layers.competition import Competition
from neurosim.layers.conv import ConvWTA
from neurosim.layers.devices import Crossbar, Devices
from neurosim.layers.families import Family
from neurosim.layers.plain import KINDS, OWN, describe
from neurosim.layers.rules import Rule, schedule
from neurosim.layers.schedules import Schedule
from neurosim.sweeps.numbers import as_float, as_whole, declared
from neurosim.sweeps.study import known_key

FLOAT32 = 32  # weight_bits of a layer that has none
FAMILIES: dict[str, type[Family]] = {  # of a layer's parts
    "competition": Competition, "rule": Rule, "rule.rate": Schedule, "bias": Bias, "activation": Transmit,
    "transmit": Transmit, "devices": Devices,
}  # fmt: skip
SEEDS = 2**64 - 1
WHOLE, FLOATS = declared(*(kind for name, kind in KINDS.items() if name not in OWN))


def chip_settings(constants: dict[str, Any], *, refuse: bool = False) -> dict[str, Any]:
    """Return a chip as plain values: its seed, and every constant of its layers.

    Parameters
    ----------
    constants : dict
        `recipe` or `preset`, `neurons` (a number, or a list with one a layer), `seed`, and constants: a recipe's or
        a layer's by name, those of a layer's parts by dotted name (`competition.signed`). They hold for all layers.
    refuse : bool
        Whether to raise the error of a layer that refuses its constants; else `layers` is None then.

    Raises
    ------
    ConfigError
        If a key is unknown or missing.
    """
    asked = {"seed": 0} | {key: _in_one_form(key, value) for key, value in constants.items()}
    whole("chip.seed", asked["seed"], 0, SEEDS)
    _check_names(asked)
    for count in asked["neurons"] if isinstance(asked.get("neurons"), list) else [asked.get("neurons", 1)]:
        whole("chip.neurons", count, 1, LARGEST)
    try:
        layers: list[Any] | None = [_with_floats(describe(layer)) for layer in _layers(asked)]
    except (ConfigError, TypeError, OverflowError) as error:  # the last: a whole number that no float can hold
        if refuse:
            raise _of_the_file(error) from None
        layers = None
    return {"seed": asked["seed"], "layers": layers} | ({"asked": asked} if layers is None else {})


def _of_the_file(error: Exception) -> Exception:
    """Return the error of a layer with the name that the constant has in a study file."""
    if isinstance(error, ConfigError) and not error.args[0].startswith("chip."):
        return type(error)(f"chip.{error.args[0]}", *error.args[1:])
    return error


def _in_one_form(key: str, value: Any) -> Any:
    """Return a constant in the type that it is declared in; a recipe's constants have the names of a layer's."""
    name = key.rpartition(".")[2]
    if name in WHOLE or key in ("neurons", "seed"):
        return as_whole(value)
    return as_float(value) if name in FLOATS else value


def _with_floats(description: Any) -> Any:
    """Return what `describe` returns, with floats where they are declared."""
    if isinstance(description, list):
        return [_with_floats(one) for one in description]
    if not isinstance(description, dict):
        return description
    _, floats = declared(KINDS[description["kind"]]) if "kind" in description else (set(), set())
    return {key: as_float(value) if key in floats else _with_floats(value) for key, value in description.items()}


def _check_names(asked: dict[str, Any]) -> None:
    """Refuse keys that no chip of the kind has, and chips without the keys that they need."""
    if ("recipe" in asked) == ("preset" in asked):
        raise ConfigError("chip.recipe or chip.preset", "given, exactly one of the two", asked.get("recipe"))
    kind = "recipe" if "recipe" in asked else "preset"
    names: Sequence[str] = recipes.NAMES if kind == "recipe" else presets.names()
    known_key(str(asked[kind]), names, f"chip.{kind}")
    if kind == "recipe" and "neurons" not in asked:
        raise ConfigError("chip.neurons", "given", None)
    flat = recipes.taken(asked[kind]) if kind == "recipe" else {entry.name for entry in fields(ConvWTA)}
    whole_parts = {name for name in FAMILIES if "." not in name}
    known = sorted((flat | {"recipe", "preset", "neurons", "seed"} | set(constant_names())) - whole_parts)
    if kind == "preset":
        known.remove("neurons")
    for key in asked:
        known_key(key, known, f"chip.{key}")


@cache
def constant_names() -> list[str]:
    """Return the dotted names of all constants that a layer's parts may have."""
    return [
        f"{part}.{entry.name}"
        for part, family in FAMILIES.items()
        for kind in family.members.values()
        for entry in fields(kind)
    ]


def _layers(asked: dict[str, Any]) -> list[Any]:
    """Return the layers."""
    constants = {key: value for key, value in asked.items() if key not in ("recipe", "preset", "neurons", "seed")}
    if constants.get("weight_bits") == FLOAT32:
        del constants["weight_bits"]
    flat = {key: value for key, value in constants.items() if "." not in key}
    dotted = {key: value for key, value in constants.items() if "." in key}
    layers: list[Any]
    if "preset" in asked:
        layers = [replace(layer, **flat) for layer in presets.preset(asked["preset"]).layers]
    else:
        neurons = asked["neurons"] if isinstance(asked["neurons"], list) else [asked["neurons"]]
        if not neurons:
            raise ConfigError("chip.neurons", "one number at least", neurons)
        layers = [recipes.named(asked["recipe"], count, **flat) for count in neurons]
    of_devices = {key: value for key, value in dotted.items() if key.startswith("devices.")}
    for key, value in dotted.items():
        if key not in of_devices:
            layers = [_changed(layer, key.split("."), value, key) for layer in layers]
    return [_with_devices(layer, of_devices) for layer in layers] if of_devices else layers


def _with_devices(layer: Any, dotted: dict[str, Any]) -> Any:
    """Return a layer with constants of its devices changed, all at once: some go together. Others are the defaults."""
    if not hasattr(layer, "devices"):
        key, value = next(iter(dotted.items()))
        raise ConfigError(f"chip.{key}", f"a constant of {type(layer).__name__}", value)
    constants = {key.partition(".")[2]: value for key, value in dotted.items()}
    return replace(layer, devices=replace(layer.devices or Crossbar(), **constants))


def _changed(constants: Any, path: list[str], value: Any, key: str) -> Any:
    """Return a frozen dataclass with one of its constants, or of its parts', changed."""
    name = path[0]
    if not is_dataclass(constants) or name not in {entry.name for entry in fields(constants) if entry.init}:
        raise ConfigError(f"chip.{key}", f"a constant of {type(constants).__name__}", value)
    if len(path) > 1:
        # A plain number as the rate stands for a schedule, which has constants.
        part = schedule(constants) if name == "rate" and isinstance(constants, Rule) else getattr(constants, name)
        value = _changed(part, path[1:], value, key)
    return replace(constants, **{name: value})  # type: ignore[type-var]
