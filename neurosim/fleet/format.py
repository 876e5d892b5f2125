"""The format of a fleet's state file: plain data to bytes of HDF5, and back. `docs/fleet-store.md` describes it."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StateError
from neurosim.state import attributes, kept_beside
from neurosim.state.arrays import FIRST_WEIGHTS, Arrays, check_finite, hash_of
from neurosim.state.checksum import CHIP, FLEET
from neurosim.state.format import classes_of, position_of, stream_of
from neurosim.state.hdf5_image import image_of, opened, storage
from neurosim.state.layouts import LARGEST, Array, arrays_of, highest_of, sizes_of
from neurosim.state.structure import Stored, check_arrays, layer_groups

GROUP = "keys"
SEEDS = Array(np.dtype(np.uint64), ("chips",))
BYTES, WHOLE = np.dtype(np.uint8), np.dtype(np.int64)
TABLES = {
    "text": {"texts": Array(BYTES, ("bytes",)), "ends": Array(WHOLE, ("chips",)), "seeds": SEEDS},
    "whole": {"numbers": Array(WHOLE, ("chips",)), "seeds": SEEDS},
}


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
    keys : sequence of str, or of int
        In order of appearance.
    seeds : uint64 (chips,)
        Of each key's chip.
    layers : list of dict of arrays
        What the chips have learned, by name, with a row for each chip in every array.
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
    keys: Sequence[str] | Sequence[int]
    seeds: NDArray[np.uint64]
    layers: list[Arrays]
    position: int = 0
    stream: dict[str, Any] | None = None
    classes: tuple[str, ...] = ()
    beside: Mapping[str, Arrays] = {}  # noqa: RUF012 - nobody adds to it

    @property
    def state_sha256(self) -> str:
        """Hash of the keys and of what their chips have learned, in this order."""
        return hash_of([_table(self.keys, self.seeds), *self.layers])


def image(contents: FleetContents) -> tuple[bytes, bytes]:
    """Return the bytes of a file: the user block, and the HDF5 data that follow it."""
    return image_of(FLEET, lambda file: _fill(file, contents))


def contents(file: BinaryIO) -> FleetContents:
    """Return what a verified file holds.

    Raises
    ------
    StateError
        If it holds anything but plain datasets, of the names, types and shapes that its constants speak of, or if its
        contents contradict one another: it was edited.
    """
    with opened(file, FLEET) as (content, _, stored):
        return _read(content, stored)


def _fill(file: h5py.File, contents: FleetContents) -> None:
    file.attrs["inputs"] = np.array(contents.shape, np.int64)
    file.attrs["seed"] = np.uint64(contents.seed)
    file.attrs["capacity"] = contents.capacity or 0
    file.attrs["stream"] = json.dumps(contents.stream)
    file.attrs["stream_position"] = contents.position
    if contents.classes:
        file.attrs["classes"] = json.dumps(contents.classes)
    file.attrs["state_sha256"] = contents.state_sha256
    groups = {GROUP: _table(contents.keys, contents.seeds)}
    groups |= {f"layer_{index}": arrays for index, arrays in enumerate(contents.layers)}
    for name, arrays in groups.items():
        group = file.create_group(name)
        for key, array in arrays.items():
            group.create_dataset(key, data=array, **storage(array.shape))
    for index, constants in enumerate(contents.constants):
        file[f"layer_{index}"].attrs["constants"] = json.dumps(constants)
    if contents.beside:
        kept_beside.write(file, contents.beside, storage)


def _table(keys: Sequence[str] | Sequence[int], seeds: NDArray[np.uint64]) -> Arrays:
    """Return the keys as arrays: whole numbers, or texts one after another and where each ends, in bytes."""
    if len(keys) and not isinstance(keys[0], str):
        return {"numbers": np.array(keys, np.int64), "seeds": seeds}
    texts = [str(key).encode() for key in keys]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return {"texts": np.frombuffer(b"".join(texts), np.uint8), "ends": ends, "seeds": seeds}


def _read(file: h5py.File, stored: Stored) -> FleetContents:
    shape = attributes.sizes(file, "inputs", LARGEST)
    groups = layer_groups(file, [GROUP])
    constants = [attributes.json_value(group, "constants", infinite=True) for group in groups]
    seeds, keys = _keys(file[GROUP], stored)
    for index, (group, described) in enumerate(zip(groups, constants, strict=True)):
        _check_layer(group, described, shape if index == 0 else None, len(keys), stored)
    layers = [{name: item[...] for name, item in group.items()} for group in groups]
    found = FleetContents(
        shape=shape,
        seed=attributes.whole_number(file, "seed", 0, 2**64 - 1),
        capacity=attributes.whole_number(file, "capacity", 0, LARGEST) or None,
        constants=constants,
        keys=keys,
        seeds=seeds,
        layers=layers,
        position=position_of(file),
        stream=stream_of(file),
        classes=classes_of(file),
        beside=kept_beside.read(file, stored),
    )
    if found.state_sha256 != attributes.text(file, "state_sha256", 64):
        raise StateError("must hold the arrays that its state_sha256 names, and does not: it was edited")
    for arrays in layers:
        check_finite(arrays)
    return found


def _check_layer(
    group: h5py.Group, constants: Any, sample: tuple[int, ...] | None, chips: int, stored: Stored
) -> None:
    """Refuse a layer's group if its datasets are not a chip's arrays, with a row for each chip.

    Which of them must be there says the fleet that takes them over.
    """
    known = arrays_of(constants, CHIP.version)
    arrays = {
        name: Array(array.dtype, ("chips", *array.shape))
        for name, array in known.items()
        if name not in ("weights", "records", FIRST_WEIGHTS)
    }
    arrays |= {"records": known["records"], "record_ends": Array(WHOLE, ("chips",))}  # those of one chip after another's
    sizes, highest = sizes_of(constants, sample) | {"chips": chips}, highest_of(constants)
    highest = {"waiting": highest["waiting"] + 1, "records": LARGEST}  # there is room for the whole window
    check_arrays(group, arrays, sizes, highest, stored, optional=arrays)


def _keys(group: h5py.Group, stored: Stored) -> tuple[NDArray[np.uint64], list[str] | list[int]]:
    """Return the seeds and the keys; refuse keys that are equal, or no text."""
    kind = "whole" if "numbers" in group else "text"
    check_arrays(group, TABLES[kind], {}, {"chips": LARGEST, "bytes": LARGEST}, stored)
    arrays = {name: item[...] for name, item in group.items()}
    keys = arrays["numbers"].tolist() if kind == "whole" else _texts(arrays["texts"].tobytes(), arrays["ends"].tolist())
    if len(set(keys)) < len(keys):
        raise StateError("must hold keys that differ, and holds one twice")
    return arrays["seeds"], keys


def _texts(texts: bytes, ends: list[int]) -> list[str]:
    edges = [0, *ends]
    if edges[-1] != len(texts) or any(end <= start for start, end in pairwise(edges)):
        raise StateError("must hold texts of keys one after another, and holds others")
    try:
        return [texts[start:end].decode() for start, end in pairwise(edges)]
    except UnicodeDecodeError:
        raise StateError("must hold keys as text in UTF-8, and holds others") from None
