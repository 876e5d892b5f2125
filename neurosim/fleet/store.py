"""A fleet on disk: one file for all its chips, whole at every instant, as a chip's state file is."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurosim.checks import whole
from neurosim.errors import ConfigError, StateError
from neurosim.fleet import format as fleet_format
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.format import FleetContents
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_functions import OwnFunction
from neurosim.layers.plain import describe, rebuild
from neurosim.state import store
from neurosim.state.arrays import Arrays, check_finite
from neurosim.state.checksum import FLEET

LARGEST_EMPTY = 1 << 26  # weights of a chip in a file without chips: nothing in it bears out that they are so many


def contents_of(
    fleet: Fleet,
    position: int = 0,
    stream: Mapping[str, Any] | None = None,
    beside: Mapping[str, Arrays] | None = None,
    classes: Sequence[str] = (),
) -> FleetContents:
    """Return what a fleet's state file is to hold: a copy, so that the fleet may go on."""
    whole("position", position, 0, 2**63 - 1)
    return FleetContents(
        shape=fleet.shape,
        seed=fleet.seed,
        capacity=fleet.capacity,
        constants=[describe(layer) for layer in fleet.layers],
        keys=fleet.keys,
        seeds=fleet.seeds,
        layers=fleet.arrays(),
        position=position,
        stream=None if stream is None else dict(stream),
        classes=tuple(classes),
        beside=dict(beside or {}),
    )


def write(path: str | Path, contents: FleetContents) -> None:
    """Write a file; at every instant, `path` is either the old file, whole, or the new one, whole.

    Raises
    ------
    StateError
        If a chip has diverged, or the file cannot be written; the file that is there stays whole.
    """
    check_learned(path, contents)
    store.replace(path, lambda: fleet_format.image(contents), FLEET)


def check_learned(path: str | Path, contents: FleetContents) -> None:
    """Refuse the state of a fleet of which a chip has diverged, by StateError."""
    try:
        for layer in contents.layers:
            check_finite(layer)
    except ValueError as error:
        raise StateError(f"state {path} is not written: {error}; a chip has diverged") from None


def read(path: str | Path) -> FleetContents:
    """Read a file.

    Raises
    ------
    StateError
        If the file is missing, damaged, foreign or of a newer version; the message names the file before it, if that
        is whole.
    """
    return store.read_as(path, FLEET, fleet_format.contents)


def fleet_of(
    contents: FleetContents, path: str | Path, rules: Sequence[OwnFunction] = (), threads: int = 1
) -> Fleet:
    """Make a fleet from the contents of a file; `path` is for the error."""
    try:
        layers = [rebuild(layer, rules) for layer in contents.constants]
        _check_sizes(layers, contents)  # before memory is taken for what the constants say
        fleet = Fleet(
            layers, inputs=contents.shape, seed=contents.seed, capacity=contents.capacity, threads=threads
        )
        fleet.restore(contents.keys, contents.seeds, contents.layers)
    except (ConfigError, LookupError, TypeError, ValueError) as error:
        raise StateError(f"state {path} must hold a fleet that this version knows, but: {error}") from error
    return fleet


def _check_sizes(layers: Sequence[DenseWTA], contents: FleetContents) -> None:
    """Refuse, by ValueError, synapses of another shape than these layers have on samples of a shape."""
    inputs = math.prod(contents.shape)
    for index, (layer, learned) in enumerate(zip(layers, contents.layers, strict=True)):
        if not isinstance(layer, DenseWTA):
            raise ValueError(f"layer {index + 1} must be a DenseWTA, got {type(layer).__name__}")
        expected, found = (inputs, layer.neurons), learned["synapses"].shape
        if found[1:] != expected or (found[0] == 0 and math.prod(expected) > LARGEST_EMPTY):
            raise ValueError(f"synapses of layer {index + 1} must be (chips, {expected}), got {found}")
        inputs = layer.neurons
