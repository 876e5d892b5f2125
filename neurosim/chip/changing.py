"""Constants of a chip's layers changed while their weights are kept, and the record of it."""

import json
from collections.abc import Sequence
from typing import Any

from neurosim.checks import whole
from neurosim.chip.assembly import check_signs
from neurosim.engine.base import WorkingLayer
from neurosim.errors import ConfigError
from neurosim.layers.changing import check_softness, full_name, value_of, with_constant
from neurosim.layers.own_functions import OwnFunction
from neurosim.layers.plain import describe
from neurosim.state.attributes import LONGEST_TEXT

Change = dict[str, Any]
MOST_CHANGES = 1000  # kept in the record, the latest
CACHES = ("_one_by_one", "_taught")  # of a chip: they follow from the constants


def changed(
    layers: Sequence[WorkingLayer], only: int | None, constants: dict[str, Any]
) -> tuple[list[Any], list[Change]]:
    """Return the constants of layers with some of them changed, and what changed: see `neurosim.Chip.changes`.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    only : int, optional
        Index of the only layer to change.
    constants : dict
        New values by the names of the constants.

    Raises
    ------
    ConfigError
        If a layer has no such constant, or it must stay as it is.
    """
    if only is not None:
        whole("layer", only, 0, len(layers) - 1)
    check_softness(constants)
    found, changes = [], []
    for index, layer in enumerate(layers):
        now = layer.constants
        for name, value in constants.items() if only in (None, index) else ():
            before = now
            try:
                now = with_constant(now, name, value)
            except ConfigError as error:
                raise _of_layer(error, index, len(layers)) from None
            if now != before:
                where = _name_of(before, now, full_name(before, name))
                old, new = (describe(value_of(either, where)) for either in (before, now))
                changes.append({"sample": layers[0].samples, "layer": index, "name": where, "old": old, "new": new})
        _check_window(layer, now)
        found.append(now)
    return found, changes


def change_in_place(chip: Any, constants: Sequence[Any], changes: Sequence[Change]) -> None:
    """Let a chip go on with other constants, from the arrays that it has: `with_constants` without a second chip.

    Who runs samples through its layers must make new runners.

    Parameters
    ----------
    chip : Chip
    constants : sequence of DenseWTA and ConvWTA
        One for each layer, from `with_constant`.
    changes : sequence of dict
        All that the chip's record says from now on.

    Raises
    ------
    ConfigError, DeviceError
        If a layer cannot work with them, or the record is full; the chip stays as it is.
    ConcurrentUseError
        If another thread is learning.
    """
    if latest(changes) != tuple(changes):
        rule = f"at most {MOST_CHANGES}, and {LONGEST_TEXT} characters of JSON, so that none is lost"
        advice = "with_constants, or --set on resuming, makes it and drops the oldest"
        raise ConfigError("changes of a chip", rule, len(changes), advice)
    with chip.use.alone():
        check_signs(chip.layers, constants)
        prepared = []
        for layer, now in zip(chip.layers, constants, strict=True):
            _check_window(layer, now)
            prepared.append({} if now == layer.constants else layer.prepared(now))
        for layer, attributes in zip(chip.layers, prepared, strict=True):
            layer.adopt(attributes)
        for name in CACHES:
            vars(chip).pop(name, None)
        vars(chip)["changes"] = tuple(changes)


def own_functions(layers: Sequence[WorkingLayer]) -> list[OwnFunction]:
    """Return the makers of the user's own rules and competitions that layers have, which `rebuild` needs."""
    parts = (part for layer in layers for part in (layer.constants.rule, layer.constants.competition))
    return [part.maker for part in parts if part.compiled is not None]


def latest(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes that a record has room for: as many as a state file's attribute holds."""
    kept = tuple(changes[-MOST_CHANGES:])
    while len(json.dumps(kept)) > LONGEST_TEXT:
        kept = kept[len(kept) // 8 + 1 :]
    return kept


def _name_of(before: Any, now: Any, name: str) -> str:
    """Return the name of a change that can be undone by its old value.

    A gain takes the place of a temperature, which is then gone: what changed is the competition.
    """
    try:
        with_constant(now, name, value_of(before, name))
    except ConfigError:
        return name.rpartition(".")[0] or name
    return name


def _check_window(layer: WorkingLayer, constants: Any) -> None:
    if constants.window == layer.constants.window:
        return
    waiting = len(layer.arrays()["pending_modulators"])
    if waiting:
        advice = f"{waiting} samples wait for the end of a window: change it after the last one"
        raise ConfigError(f"window of layer {layer.index + 1}", "kept within a window", constants.window, advice)


def _of_layer(error: ConfigError, index: int, layers: int) -> ConfigError:
    """Return the error with the layer's number, where there are several."""
    parameter, rule, value, advice = error.args
    if layers == 1:
        return error
    if parameter.startswith("constants of"):
        advice = "with layer= one of the layers alone is changed"
    return ConfigError(f"layer {index + 1}: {parameter}", rule, value, advice)
