"""The chip of a command: a new one, or that of its state file if it is the one asked for."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any, NamedTuple

from neurosim.chip.changing import own_functions
from neurosim.chip.chip import Chip
from neurosim.cli.faults import echo_error, fail
from neurosim.cli.options import DEFAULT_NEURONS, DEFAULT_RECIPE, LAYER_CONSTANTS, ChipOptions
from neurosim.cli.own_code import layer_of, rules_in, split
from neurosim.errors import ConfigError, StateError
from neurosim.layers.changing import KEPT, SOFTNESS, with_constant
from neurosim.layers.conv import ConvWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_functions import OwnFunction
from neurosim.layers.plain import describe, rebuild
from neurosim.layers.rules import schedule
from neurosim.online.companion import go_on
from neurosim.presets import preset
from neurosim.state import store
from neurosim.state.arrays import Arrays
from neurosim.state.format import Contents
from neurosim.state.same_chip import Described, differences
from neurosim.streams import Stream

NOT_ALWAYS_KEPT = ("columns", "numbers")  # of a stream: older versions did not keep them
SET = " (--set NAME=VALUE changes a constant and keeps the weights)"
UNCHANGEABLE = (  # as differences begin
    "seed is", "layers are", "layer ", "there are", *(f"{name} {after}" for name in KEPT for after in ("is", "of")),
)  # fmt: skip
Admit = Callable[[Sequence[DenseWTA | ConvWTA], int], object]
CHANNELS = (1, 3, 4)  # of pictures: grey, colours, colours and transparency


class Opened(NamedTuple):
    """What a command goes on with.

    Attributes
    ----------
    chip : Chip or Fleet
    position : int
        How many samples of the stream were taken before.
    beside : mapping, optional
        What the state file keeps beside the chip; None if the chip is a new one.
    """

    chip: Any
    position: int = 0
    beside: Mapping[str, Arrays] | None = None


def new_chip(options: ChipOptions, stream: Stream, admit: Admit | None = None) -> Chip:
    """Return a chip as the options ask for, which has learned nothing.

    `admit` is called with the constants of its layers and the number of inputs before any weights are made.
    """
    constants = _layer_constants(options, stream)
    if admit is not None:
        admit(_layers(options, constants), stream.inputs)
    return _new(options, constants, stream)


def chip_for(
    options: ChipOptions,
    stream: Stream,
    *,
    state: str | None,
    restart: bool,
    replay: bool,
) -> Opened:
    """Return a new chip, or the chip of a state file, and how many samples of the stream it has learned from.

    The stream goes on with what the file keeps of it.

    Parameters
    ----------
    options : ChipOptions
        Those that are None follow the state.
    stream : Stream
    state : str, optional
        Path of the state file, which need not be there.
    restart : bool
        Whether to ignore a state file that is there.
    replay : bool
        Whether a pipe brings all samples again, also those that the chip has learned from.

    Raises
    ------
    StateError
        If the state is of another chip or stream, or past the end of the stream.
    """
    constants = _layer_constants(options, stream)
    changes = _changes(options)
    if state is None or restart or not os.path.exists(state):
        return Opened(_new(options, constants, stream).with_constants(**changes))
    contents = store.read(state)
    chip = Chip.of(contents, state, rules_for(options), options.device).with_constants(**changes)
    check_goes_on(state, options, stream, chip, contents.stream, stream.identity(), contents.position)
    name_labels(stream, contents.classes, contents.position)
    go_on(state, contents.beside, stream)
    described = [describe(layer.constants) for layer in chip.layers]
    if described != contents.constants:  # written now: the run may end before a sample comes
        store.save(state, contents._replace(constants=described, changes=chip.changes, readouts=None))
    if not stream.replayable and not replay:
        say_where(stream, contents.position)
    return Opened(chip, contents.position, contents.beside)


def tell_left(state: str, beside: Iterable[str], followed: Collection[str]) -> None:
    """Say what a state file keeps that the run does not go on with, and so will not be kept."""
    if left := sorted(set(beside) - set(followed)):
        lost = f"{', '.join(left)} of earlier runs, which this run does not go on with and will lose"
        echo_error(f"state {state} keeps {lost} when it writes the state")


def layers_for(options: ChipOptions, stream: Stream) -> Sequence[DenseWTA | ConvWTA]:
    """Return the constants of layers that the options ask for."""
    return _layers(options, _layer_constants(options, stream))


def rules_for(options: ChipOptions) -> list[OwnFunction]:
    """Return the user's own rules and competitions: those of the recipe's file."""
    return rules_in(split(_recipe(options))[0])


def name_labels(stream: Stream, classes: Sequence[str], position: int) -> None:
    """Let a stream number labels as those were that a state has learned from."""
    stream.name_classes(classes)
    if not stream.replayable and position and not classes:
        stream.number_labels()


def say_where(stream: Stream, position: int) -> None:
    """Say what a stream that cannot be read twice is taken to bring."""
    echo_error(f"Going on at sample {position} {stream.going_on}.")


def check_goes_on(
    state: str,
    options: ChipOptions,
    stream: Stream,
    chip: Chip,
    there: dict[str, Any] | None,
    here: dict[str, Any],
    position: int,
) -> None:
    """Refuse a state of another chip or stream than the options ask for, or past the end of the stream.

    Parameters
    ----------
    state : str
        Path, for the error.
    options, stream
        What is asked for.
    chip : Chip
        Of the state.
    there, here : dict
        Identity of the stream that was learned from, and of this one.
    position : int
        Of the state.
    """
    of_chip, of_stream = (
        _differing_chip(options, _layer_constants(options, stream), chip),
        _differing_stream(there, here),
    )
    changes = here.get("key") is None and any(not text.startswith(UNCHANGEABLE) for text in of_chip) and not of_stream
    _check_same(state, of_chip + of_stream, position, stream, SET if changes else "")


def edits_of(file: str | None, options: ChipOptions) -> tuple[list[dict[str, Any]] | None, Contents | None]:
    """Return the changes of constants that a state file tells of, as `neurosim.run` takes them, and what else it holds.

    What its layers have learned is left out. Both are None without a file.

    Raises
    ------
    StateError
        If there is no state to read, or it names a rule that is not in the recipe's file.
    """
    if file is None:
        return None, None
    rules, contents = rules_in(split(_recipe(options))[0]), store.read(file)._replace(layers=[])
    try:
        return [change | {"new": rebuild(change["new"], rules)} for change in contents.changes], contents
    except ConfigError as error:
        raise StateError(f"state {file} must hold changes that this version can make, but: {error}") from error


def tell_other_chip(file: str | None, contents: Contents, chip: Chip) -> None:
    """Say if a chip that is to be changed as another was is of other constants, apart from those that were changed."""
    there = Described(contents.shape, contents.seed, contents.constants, contents.changes)
    here = Described(chip.shape, chip.seed, [describe(layer.constants) for layer in chip.layers], chip.changes)
    differing = [difference.name for difference in differences(there, here)]
    if differing:
        echo_error(f"Edits of another chip: {file} differs in {', '.join(differing)}.")


def _check_same(state: str, differing: list[str], position: int, stream: Stream, advice: str) -> None:
    if differing:
        raise StateError(
            f"state {state} must be of the same chip and stream to go on: {'; '.join(differing)}; or give --restart"
            f"{advice}"
        )
    if stream.length is not None and position > stream.length:
        raise StateError(
            f"state {state} is at sample {position}, past the {stream.length} of the stream: "
            "ask for as many --epochs as before, or more"
        )


def _new(options: ChipOptions, constants: dict[str, Any], stream: Stream) -> Chip:
    inputs = stream.shape if options.preset else stream.inputs
    return Chip(_layers(options, constants), inputs=inputs, seed=options.seed or 0, device=options.device)


def _layer_constants(options: ChipOptions, stream: Stream) -> dict[str, Any]:
    """Return the constants of layers that were given; a preset takes none, but needs images, channels first."""
    constants = options.layer_constants()
    if options.preset is not None:
        refused = {"recipe": options.recipe, "neurons": options.neurons} | constants
        for name, value in refused.items():
            if value is not None:
                fail(f"{name} must be left out with --preset, which has its own, got {value}")
        _check_channels_first(stream)
    return constants


def _check_channels_first(stream: Stream) -> None:
    """Refuse (height, width, channels), the usual order elsewhere: a layer would take rows of pixels for channels."""
    if len(stream.shape) != 3:
        return
    height, width, channels = stream.shape
    if height == width > channels and channels in CHANNELS:
        expected, advice = (channels, height, width), "turn them: x.transpose(0, 3, 1, 2)"
        raise ConfigError(f"images of {stream.name}", f"channels first, {expected}", stream.shape, advice)


def _layers(options: ChipOptions, constants: dict[str, Any]) -> Sequence[DenseWTA | ConvWTA]:
    """Return the layers that the options ask for."""
    if options.preset is not None:
        return preset(options.preset).layers
    return [layer_of(_recipe(options), neurons, **constants) for neurons in options.neurons or [DEFAULT_NEURONS]]


def _recipe(options: ChipOptions) -> str:
    return DEFAULT_RECIPE if options.recipe is None else options.recipe


def _differing_chip(options: ChipOptions, constants: dict[str, Any], chip: Chip) -> list[str]:
    """Say what the chip of the state has that the options do not ask for."""
    seed = {} if options.seed is None else {"seed": options.seed}
    if options.preset is not None or split(_recipe(options))[0] is not None:
        now = [layer.constants for layer in chip.layers]
        return _differing_layers(options, constants, chip) + _differing_constants(seed, chip.seed, now)
    neurons = {} if options.neurons is None else {"neurons": options.neurons}
    changed = {name.rpartition(".")[2] for name in _changes(options)}  # --rate 0.1 --set rate=0.2: once it was 0.1
    asked = {name: value for name, value in (constants | neurons | seed).items() if name not in changed}
    now = [layer.constants for layer in chip.layers]
    undone = [(change["layer"], change["name"], change["old"]) for change in reversed(chip.changes)]
    found = [
        _differing_recipe(options, constants, layers) + _differing_constants(asked, chip.seed, layers)
        for layers in (now, _changed(now, undone, chip))
    ]
    if found[0] and not found[1]:  # asked for as it began, and edited since
        echo_error("Going on with the constants as they were changed since the beginning: neurosim inspect shows them.")
        return []
    return found[0]


def _differing_layers(options: ChipOptions, constants: dict[str, Any], chip: Chip) -> list[str]:
    """Compare all constants: a preset has its own, and a user's recipe may use its arguments in any way."""
    here = _changed_alike(_layers(options, constants), options, chip)
    there = [layer.constants for layer in chip.layers]
    if len(here) != len(there):
        return [f"there are {len(there)} layers there, {len(here)} here"]
    differing = []
    for number, (old, new) in enumerate(zip(there, here, strict=True), 1):
        if type(old) is not type(new):
            differing.append(f"layer {number} is a {type(old).__name__} there, a {type(new).__name__} here")
            continue
        names = [field.name for field in fields(old) if getattr(old, field.name) != getattr(new, field.name)]
        differing += [
            f"{name} of layer {number} is {getattr(old, name)} there, {getattr(new, name)} here" for name in names
        ]
    return differing


def _changed_alike(layers: Sequence[DenseWTA | ConvWTA], options: ChipOptions, chip: Chip) -> list[DenseWTA | ConvWTA]:
    """Return layers as the options make them, with the changes that the chip has gone through since."""
    changes = [(change["layer"], change["name"], change["new"]) for change in chip.changes]
    changes += [(index, name, value) for index in range(len(layers)) for name, value in _changes(options).items()]
    return _changed(layers, changes, chip)


def _changed(
    layers: Sequence[DenseWTA | ConvWTA], changes: Sequence[tuple[int, str, Any]], chip: Chip
) -> list[DenseWTA | ConvWTA]:
    """Return layers after changes by index, name and described value; the user's rules are those of the chip."""
    own, changed = own_functions(chip.layers), list(layers)
    for index, name, value in changes:
        with suppress(ConfigError, IndexError):  # of another chip, which differs anyway
            changed[index] = with_constant(changed[index], name, rebuild(value, own))
    return changed


def _changes(options: ChipOptions) -> dict[str, Any]:
    """Return the new values of constants by their names, as --set has them."""
    changes: dict[str, Any] = {}
    for change in options.constant_changes:
        name, equals, value = (text.strip() for text in change.partition("="))
        if not equals or not name or name in changes or name == "layer":
            fail(f"set must be NAME=VALUE, such as rate=0.01, once for each constant, got {change!r}")
        changes[name] = _plain(value)
    return changes


def _plain(text: str) -> Any:
    """Return the number or the truth that a text says; any other text as it is."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def _differing_recipe(options: ChipOptions, constants: dict[str, Any], there: list[DenseWTA | ConvWTA]) -> list[str]:
    """Compare competitions, rules and biases by kind: their constants may have been given when the chip was made."""
    # Also without --recipe: this raises what is wrong with a constant by itself, before differences are reported.
    here = [layer_of(_recipe(options), layer.neurons, **constants) for layer in there]
    kinds = [[_kinds(layer) for layer in layers] for layers in (there, here)]
    if options.recipe is None or kinds[0] == kinds[1]:
        return []
    return [f"layers are {kinds[0]} there, {kinds[1]} by the recipe {options.recipe} here"]


def _kinds(layer: DenseWTA | ConvWTA) -> str:
    rule = getattr(layer.rule, "name", type(layer.rule).__name__)
    bias = f" and {type(layer.bias).__name__}" if layer.bias else ""
    where = " on images" if isinstance(layer, ConvWTA) else ""
    return f"{type(layer.competition).__name__} with {rule}{bias}{where}"


def _differing_constants(asked: dict[str, Any], seed: int, layers: list[DenseWTA | ConvWTA]) -> list[str]:
    """Compare what was asked for with what the chip has: one value if all layers agree, else a list."""
    there: dict[str, Any] = {
        "seed": seed,
        "neurons": [layer.neurons for layer in layers],
        "temperature": [getattr(layer.competition, "temperature", None) for layer in layers],
        "gain": [getattr(layer.competition, "gain", None) for layer in layers],
        "relative_temperature": [getattr(layer.competition, "relative_temperature", None) for layer in layers],
        "rate": [schedule(layer.rule).rate for layer in layers],
        "floor": [getattr(schedule(layer.rule), "floor", None) for layer in layers],
        "window": [layer.window for layer in layers],
        "normalise": [layer.normalise for layer in layers],
        "initial": [layer.initial for layer in layers],
        "weight_bits": [getattr(layer, "weight_bits", None) for layer in layers],
        "devices": [getattr(layer, "devices", None) for layer in layers],
    }
    for name in LAYER_CONSTANTS:
        if len(set(there[name])) == 1:
            there[name] = there[name][0]
    differing = {name: value for name, value in asked.items() if value != there[name]}
    softness = [name for name in SOFTNESS if there[name] not in (None, [None] * len(layers))]
    return [
        f"{', '.join(f'{other} is {there[other]}' for other in softness)} there, {name} {value} here"
        if name in SOFTNESS and softness and name not in softness
        else f"{name} is {there[name]} there, {value} here"
        for name, value in differing.items()
    ]


def _differing_stream(there: dict[str, Any] | None, here: dict[str, Any]) -> list[str]:
    """Compare streams; a chip saved from Python may have no stream."""
    if there is None:
        return []
    here = {"transforms": None, "key": None, "worker": None} | here
    return [
        f"stream {name} is {there.get(name)} there, {here[name]} here"
        for name in here
        if here[name] != there.get(name) and (name not in NOT_ALWAYS_KEPT or name in there)
        if name != "notes"  # which name the folder; what lies there is compared
    ]
