"""The chip of a command: a new one, or that of its state file if it is the one asked for."""

import os
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import click

from neurosim.chip.chip import Chip
from neurosim.cli.faults import fail
from neurosim.cli.own_code import layer_of, rules_in, split
from neurosim.errors import ConfigError, StateError
from neurosim.layers.conv import ConvWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.rules import schedule
from neurosim.presets import preset
from neurosim.state import store
from neurosim.streams import Stream

DEFAULT_NEURONS, DEFAULT_RECIPE = [100], "softhebb"
CHANNELS = (1, 3, 4)  # of pictures: grey, colours, colours and transparency
LAYER_OPTIONS = ("temperature", "gain", "rate", "window", "normalise", "initial", "weight_bits")


def chip_for(options: dict[str, Any], stream: Stream) -> tuple[Chip, int]:
    """Return the chip, and the samples it has taken from the stream; options that were not given follow the state."""
    asked = _asked(options, stream)
    path = options["state"]
    if path is None or options["restart"] or not os.path.exists(path):
        return _new(options, asked, stream), 0
    contents = store.read(path)
    file = split(_recipe(options))[0]
    chip = Chip.of(contents, path, rules_in(file), options.get("device", "cpu"))
    if file is not None or options["preset"] is not None:
        differing = _differing_layers(options, asked, chip)
        asked = {}
    else:
        differing = _differing_recipe(options, asked, chip)
        asked |= {} if options["neurons"] is None else {"neurons": options["neurons"]}
    asked |= {} if options["seed"] is None else {"seed": options["seed"]}
    differing += _differing_constants(asked, chip) + _differing_stream(contents.stream, stream)
    if differing:
        raise StateError(
            f"state {path} must be of the same chip and stream to go on: {'; '.join(differing)}; or give --restart"
        )
    if stream.length is not None and contents.position > stream.length:
        raise StateError(
            f"state {path} is at sample {contents.position}, past the {stream.length} of the stream: "
            "ask for as many --epochs as before, or more"
        )
    if not stream.replayable and not options["replay"]:
        where = f"Going on at sample {contents.position} with what the pipe brings (--replay if it begins anew)."
        click.echo(where, err=True)
    return chip, contents.position


def new_chip(options: dict[str, Any], stream: Stream) -> Chip:
    """Return a chip as the options ask for, which has learned nothing."""
    return _new(options, _asked(options, stream), stream)


def _new(options: dict[str, Any], asked: dict[str, Any], stream: Stream) -> Chip:
    inputs = stream.shape if options["preset"] else stream.inputs
    return Chip(_layers(options, asked), inputs=inputs, seed=options["seed"] or 0, device=options.get("device", "cpu"))


def _asked(options: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Return the constants of layers that were given; a preset has its own, and takes images."""
    asked = {name: options[name] for name in LAYER_OPTIONS if options[name] is not None}
    if options["preset"] is not None:
        for name in ("recipe", "neurons", *asked):
            if name in asked or options[name] is not None:
                fail(f"{name} must be left out with --preset, which has its own, got {options[name]}")
        _check_channels_first(stream)
    return asked


def _check_channels_first(stream: Stream) -> None:
    """Refuse (height, width, channels), the usual order elsewhere: a layer would take rows of pixels for channels."""
    if len(stream.shape) != 3:
        return
    height, width, channels = stream.shape
    if height == width > channels and channels in CHANNELS:
        turned, advice = (channels, height, width), "turn them: x.transpose(0, 3, 1, 2)"
        raise ConfigError(f"images of {stream.name}", f"channels first, {turned}", stream.shape, advice)


def _layers(options: dict[str, Any], asked: dict[str, Any]) -> "Sequence[DenseWTA | ConvWTA]":
    """Return the layers that the options ask for."""
    if options["preset"] is not None:
        return preset(options["preset"]).layers
    return [layer_of(_recipe(options), neurons, **asked) for neurons in options["neurons"] or DEFAULT_NEURONS]


def _recipe(options: dict[str, Any]) -> str:
    return DEFAULT_RECIPE if options["recipe"] is None else str(options["recipe"])


def _differing_layers(options: dict[str, Any], asked: dict[str, Any], chip: Chip) -> list[str]:
    """Compare layers with what a preset has, or a recipe of the user's own makes of the options as it likes."""
    here = _layers(options, asked)
    there = [layer.constants for layer in chip.layers]
    if len(here) != len(there):
        return [f"there are {len(there)} layers there, {len(here)} here"]
    found = []
    for place, (one, other) in enumerate(zip(there, here, strict=True), 1):
        if type(one) is not type(other):
            found.append(f"layer {place} is a {type(one).__name__} there, a {type(other).__name__} here")
            continue
        names = [entry.name for entry in fields(one) if getattr(one, entry.name) != getattr(other, entry.name)]
        found += [
            f"{name} of layer {place} is {getattr(one, name)} there, {getattr(other, name)} here" for name in names
        ]
    return found


def _differing_recipe(options: dict[str, Any], asked: dict[str, Any], chip: Chip) -> list[str]:
    """Compare competitions, rules and biases by kind: their constants may have been given when the chip was made."""
    there = [layer.constants for layer in chip.layers]
    # What is wrong in itself is said before what differs.
    here = [layer_of(_recipe(options), layer.neurons, **asked) for layer in there]
    kinds = [[_kinds(layer) for layer in layers] for layers in (there, here)]
    if options["recipe"] is None or kinds[0] == kinds[1]:
        return []
    return [f"layers are {kinds[0]} there, {kinds[1]} by the recipe {options['recipe']} here"]


def _kinds(layer: DenseWTA | ConvWTA) -> str:
    rule = getattr(layer.rule, "name", type(layer.rule).__name__)
    bias = f" and {type(layer.bias).__name__}" if isinstance(layer, DenseWTA) and layer.bias else ""
    where = " on images" if isinstance(layer, ConvWTA) else ""
    return f"{type(layer.competition).__name__} with {rule}{bias}{where}"


def _differing_constants(asked: dict[str, Any], chip: Chip) -> list[str]:
    layers = [layer.constants for layer in chip.layers]
    found: dict[str, Any] = {
        "seed": chip.seed,
        "neurons": [layer.neurons for layer in layers],
        "temperature": [getattr(layer.competition, "temperature", None) for layer in layers],
        "gain": [getattr(layer.competition, "gain", None) for layer in layers],
        "rate": [schedule(layer.rule).rate for layer in layers],
        "window": [layer.window for layer in layers],
        "normalise": [layer.normalise for layer in layers],
        "initial": [layer.initial for layer in layers],
        "weight_bits": [getattr(layer, "weight_bits", None) for layer in layers],
    }
    for name in LAYER_OPTIONS:
        if len(set(found[name])) == 1:
            found[name] = found[name][0]
    return [f"{name} is {found[name]} there, {value} here" for name, value in asked.items() if value != found[name]]


def _differing_stream(there: dict[str, Any] | None, stream: Stream) -> list[str]:
    """Compare streams; a chip saved from Python may not have been on any yet."""
    if there is None:
        return []
    here: dict[str, Any] = {"transforms": None} | stream.identity()
    return [
        f"stream {name} is {there.get(name)} there, {here[name]} here" for name in here if here[name] != there.get(name)
    ]
