"""Whose a state file is: what a run would write over must be a state of the same chip, or of the same fleet."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from neurosim.errors import StateError
from neurosim.state import attributes, store
from neurosim.state.checksum import CHIP, FLEET, Kind
from neurosim.state.format import changes_of
from neurosim.state.hdf5_image import opened
from neurosim.state.layouts import LARGEST
from neurosim.state.structure import layer_groups

SHOWN = 3  # differences that an error tells
LONGEST = 60  # characters of a value there


class Described(NamedTuple):
    """What makes a chip, or a fleet, the one that it is, whatever it has learned.

    Attributes
    ----------
    shape : tuple of int
        Of a sample.
    seed : int
    constants : sequence of dict
        Of each layer, as `neurosim.layers.plain.describe` returns them.
    changes : sequence of dict
        Of constants since learning began.
    """

    shape: tuple[int, ...]
    seed: int
    constants: Sequence[Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]] = ()


class Difference(NamedTuple):
    """What two chips differ in."""

    name: str
    there: Any
    here: Any


def differences(there: Described, here: Described) -> list[Difference]:
    """Return what makes these two chips, not two states of one.

    Constants that either has changed since learning began count for nothing, and neither do those that one of them
    does not have: another version may have added them.
    """
    pairs = [Difference("inputs", there.shape, here.shape), Difference("seed", there.seed, here.seed)]
    pairs.append(Difference("number of layers", len(there.constants), len(here.constants)))
    changed = {(change["layer"], change["name"].partition(".")[0]) for change in (*there.changes, *here.changes)}
    for index, (old, new) in enumerate(zip(there.constants, here.constants, strict=False)):
        first, second = dict(_flat(old)), dict(_flat(new))
        for name in first:
            if name in second and (index, name.partition(".")[0]) not in changed:
                pairs.append(Difference(f"{name} of layer {index + 1}", first[name], second[name]))
    return [pair for pair in pairs if pair.there != pair.here]


def check_same(path: str | Path, here: Described, kind: Kind = CHIP) -> None:
    """Refuse to write over the state of another chip, or of another fleet, before anything is learned.

    A file that is not there, or is of another kind, is not looked at: `store.claim` has a say in that.

    Raises
    ------
    StateError
        If the file is that of another one; or if it is damaged.
    """
    if not isinstance(path, str | bytes | os.PathLike) or store.kind_of(path) is not kind:
        return
    found = differences(store.read_as(path, kind, _chip_in if kind is CHIP else _fleet_in), here)
    if found:
        what, load = ("chip", "Chip") if kind is CHIP else ("fleet", "Fleet")
        told = "; ".join(f"{name} is {_short(there)} there, {_short(now)} here" for name, there, now in found[:SHOWN])
        raise StateError(
            f"state {path} must be a new file, or one with a state of this {what}, and keeps another {what}: "
            f"{told}; it is left alone: give another name, remove the file, or go on by neurosim.{load}.load"
        )


def _chip_in(file: BinaryIO) -> Described:
    """Return whose a verified file is; no array is read."""
    with opened(file, CHIP) as (content, version, _):
        groups = layer_groups(content)
        constants = [attributes.json_value(group, "constants", infinite=True) for group in groups]
        if version == 1:  # which called some constants otherwise
            constants = [{name: layer[name] for name in ("kind", "neurons") if name in layer} for layer in constants]
        return Described(*_made_for(content), constants, changes_of(content, len(groups)))


def _fleet_in(file: BinaryIO) -> Described:
    with opened(file, FLEET) as (content, _, _):
        return Described(*_made_for(content), attributes.json_value(content, "constants", infinite=True))


def _made_for(content: Any) -> tuple[tuple[int, ...], int]:
    """Return the shape of a sample, and the seed."""
    return attributes.sizes(content, "inputs", LARGEST), attributes.whole_number(content, "seed", 0, 2**64 - 1)


def _flat(constants: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield constants by full names, such as competition.temperature."""
    for name, value in constants.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
