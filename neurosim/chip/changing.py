"""Constants of a chip's layers changed while their weights are kept, and the record of it."""

from collections.abc import Sequence
from typing import Any

from neurosim.checks import whole
from neurosim.engine.base import WorkingLayer
from neurosim.errors import ConfigError
from neurosim.layers.changing import full_name, value_of, with_constant
from neurosim.layers.plain import describe

Change = dict[str, Any]


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
                where = full_name(before, name)
                old, new = (describe(value_of(either, where)) for either in (before, now))
                changes.append({"sample": layers[0].samples, "layer": index, "name": where, "old": old, "new": new})
        _check_window(layer, now)
        found.append(now)
    return found, changes if layers[0].samples else []


def _check_window(layer: WorkingLayer, constants: Any) -> None:
    waiting = len(layer.arrays()["pending_modulators"])
    if waiting and constants.window != layer.constants.window:
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
