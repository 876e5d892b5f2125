"""The format of a fleet's state file: plain data to bytes of HDF5, and back. `docs/fleet-store.md` describes it."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np

from neurosim.errors import StateError
from neurosim.state import attributes, kept_beside
from neurosim.state.arrays import Arrays, hash_of
from neurosim.state.checksum import FLEET
from neurosim.state.format import classes_of, position_of, stream_of
from neurosim.state.hdf5_image import image_of, opened, storage
from neurosim.state.layouts import LARGEST
from neurosim.state.structure import Stored

CHIPS = "fleet"  # the group of the fleet's own arrays
INSTRUMENTS = ("_steps", "_records", "_record_counts")  # how names of arrays end that are no part of the hash


class FleetContents(NamedTuple):
    """What a fleet's state file holds, as plain data.

    Attributes
    ----------
    shape : tuple of int
        Shape of a sample.
    seed : int
        Of the fleet.
    capacity : int or None
        The largest number of keys.
    constants : list of dict
        Constants of each layer, as `neurosim.layers.plain.describe` returns them.
    arrays : dict of arrays
        Keys, seeds and what the chips have learned: `Fleet.arrays`.
    position : int
        Samples taken from the stream, those of other workers and those passed over included.
    stream : dict or None
        Identity of the stream (`Stream.identity`), and of the worker.
    classes : tuple of str
        Names of the labels 0, 1, ...; empty if they have none.
    beside : dict of str to dict of arrays
        What else goes with a run, such as the place in a live stream.
    """

    shape: tuple[int, ...]
    seed: int
    capacity: int | None
    constants: list[dict[str, Any]]
    arrays: Arrays
    position: int = 0
    stream: dict[str, Any] | None = None
    classes: tuple[str, ...] = ()
    beside: Mapping[str, Arrays] = {}

    @property
    def state_sha256(self) -> str:
        """Hash of the keys in their order, and of what their chips have learned: all arrays but instruments'."""
        kept = {name: array for name, array in self.arrays.items() if not name.endswith(INSTRUMENTS)}
        return hash_of([kept])


def image(contents: FleetContents) -> tuple[bytes, bytes]:
    """Return the bytes of a file: the user block, and the HDF5 data that follow it."""
    return image_of(FLEET, lambda file: _fill(file, contents))


def contents(file: BinaryIO) -> FleetContents:
    """Return what a verified file holds; whether its arrays are those of such a fleet says `Fleet.restore`.

    Raises
    ------
    StateError
        If it holds anything but plain datasets of numbers, or its contents contradict one another: it was edited.
    """
    with opened(file, FLEET) as (content, _, stored):
        return _read(content, stored)


def _fill(file: h5py.File, contents: FleetContents) -> None:
    file.attrs["inputs"] = np.array(contents.shape, np.int64)
    file.attrs["seed"] = np.uint64(contents.seed)
    file.attrs["capacity"] = contents.capacity or 0
    file.attrs["constants"] = json.dumps(contents.constants)
    file.attrs["stream"] = json.dumps(contents.stream)
    file.attrs["stream_position"] = contents.position
    if contents.classes:
        file.attrs["classes"] = json.dumps(contents.classes)
    file.attrs["state_sha256"] = contents.state_sha256
    kept_beside.write(file, {**contents.beside, CHIPS: contents.arrays}, storage)


def _read(file: h5py.File, stored: Stored) -> FleetContents:
    if list(file) != [kept_beside.GROUP]:
        raise StateError(f"must hold one group {kept_beside.GROUP}, and holds {', '.join(file)[:60] or 'none'}")
    beside = kept_beside.read(file, stored)
    constants = attributes.json_value(file, "constants", infinite=True)
    if CHIPS not in beside or not isinstance(constants, list) or not constants:
        raise StateError(f"must hold constants of layers, and arrays in {kept_beside.GROUP}/{CHIPS}, and does not")
    found = FleetContents(
        shape=attributes.sizes(file, "inputs", LARGEST),
        seed=attributes.whole_number(file, "seed", 0, 2**64 - 1),
        capacity=attributes.whole_number(file, "capacity", 0, LARGEST) or None,
        constants=constants,
        arrays=beside.pop(CHIPS),
        position=position_of(file),
        stream=stream_of(file),
        classes=classes_of(file),
        beside=beside,
    )
    if found.state_sha256 != attributes.text(file, "state_sha256", 64):
        raise StateError("must hold the arrays that its state_sha256 names, and does not: it was edited")
    return found
