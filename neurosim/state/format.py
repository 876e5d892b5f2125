"""The format of a state file: plain data of a chip to bytes of HDF5, and back. `docs/state-format.md` describes it.

`neurosim.state.checksum` puts a checksum before these bytes, and checks it.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np

from neurosim.errors import StateError
from neurosim.state.arrays import Arrays, hash_of, plain_weights
from neurosim.state.checksum import FORMAT, PIECE, USER_BLOCK, named_version, user_block
from neurosim.state.old_formats import from_format_1
from neurosim.version import __version__

CHANGE = {"sample": int, "layer": int, "name": str, "old": object, "new": object}  # of a constant, and its types


class Contents(NamedTuple):
    """What a state file holds, as plain data.

    Attributes
    ----------
    shape : tuple of int
        Shape of a sample.
    seed : int
        Seed of the chip.
    constants : list of dict
        Constants of each layer, as `neurosim.layers.plain.describe` returns them.
    layers : list of dict of arrays
        What each layer has learned, by name.
    position : int
        Samples taken from the stream.
    stream : dict or None
        Identity of the stream (`Stream.identity`); None if the chip has not learned from one.
    changes : sequence of dict
        Changes of constants since learning began (`neurosim.Chip.changes`).
    """

    shape: tuple[int, ...]
    seed: int
    constants: list[dict[str, Any]]
    layers: list[Arrays]
    position: int
    stream: dict[str, Any] | None
    changes: Sequence[dict[str, Any]] = ()


def image(contents: Contents) -> tuple[bytes, bytes]:
    """Return the bytes of a file: the user block, and the HDF5 data that follow it.

    HDF5 writes to memory, and the caller writes plain bytes to the disk: HDF5 itself reports a full disk late, and
    leaves objects behind that fail again when they are freed.
    """
    memory = {"driver": "core", "backing_store": False, "block_size": 1 << 24}
    # HDF5 knows files in memory by their names, over all threads: no other may be open under this one.
    with h5py.File(f"neurosim-{uuid.uuid4().hex}", "w", libver=("earliest", "v110"), **memory) as file:
        _fill(file, contents)
        file.flush()
        body: bytes = file.id.get_file_image()
    return user_block(hashlib.sha256(body).hexdigest()), body  # HDF5 readers look for its signature at 0, 512, ...


def position(file: BinaryIO) -> int:
    """Return how many samples the chip had taken from its stream."""
    with h5py.File(file, "r") as opened:
        return int(opened.attrs["stream_position"])


def contents(file: BinaryIO) -> Contents:
    """Return what a verified file holds.

    Raises
    ------
    StateError
        If its contents contradict one another: it was edited.
    """
    file.seek(0)
    named = named_version(file.read(USER_BLOCK))
    with h5py.File(file, "r") as opened:
        if named != str(int(opened.attrs["format_version"])).encode():  # no checksum covers the user block
            raise StateError("must be of the format that its first lines name, and is not: it is damaged")
        return _read(opened)


def _fill(file: h5py.File, contents: Contents) -> None:
    """Write the contents as attributes and data sets."""
    file.attrs["format"] = "neurosim state"
    file.attrs["format_version"] = FORMAT
    file.attrs["generator"] = f"neurosim-chip {__version__}"
    file.attrs["inputs"] = np.array(contents.shape, np.int64)
    file.attrs["seed"] = np.uint64(contents.seed)
    file.attrs["stream"] = json.dumps(contents.stream)
    file.attrs["stream_position"] = contents.position
    if contents.changes:  # older versions do not know it, and pass over it
        file.attrs["changes"] = json.dumps(list(contents.changes))
    file.attrs["state_sha256"] = hash_of(contents.layers)
    for layer_index, (constants, arrays) in enumerate(zip(contents.constants, contents.layers, strict=True)):
        group = file.create_group(f"layer_{layer_index}")
        group.attrs["constants"] = json.dumps(constants)
        for name, array in arrays.items():
            group.create_dataset(name, data=array, **_storage(array.shape))
        kind, kernel, shape = _weight_layout(constants, arrays)
        weights = group.create_dataset("weights", shape, np.float32, **_storage(shape))
        for neurons in _neuron_slices(shape):
            weights[neurons] = plain_weights(arrays, kind, kernel, neurons)


def _weight_layout(constants: dict[str, Any], arrays: Arrays) -> tuple[str, int, tuple[int, ...]]:
    """Return a layer's kind, its kernel's size, and the shape of its plain weights."""
    first, second = arrays["synapses"].shape
    if constants.get("kind") != "ConvWTA":
        return "DenseWTA", 1, (second, first)
    kernel = int(constants["kernel"])
    return "ConvWTA", kernel, (first, second // kernel**2, kernel, kernel)


def _storage(shape: tuple[int, ...]) -> dict[str, Any]:
    """Return options for a data set stored in chunks of rows with a checksum each; none for an empty array."""
    if 0 in shape:
        return {}
    rows = max(1, min(shape[0], PIECE // max(1, 8 * int(np.prod(shape[1:])))))
    return {"chunks": (rows, *shape[1:]), "fletcher32": True}


def _neuron_slices(shape: tuple[int, ...]) -> list[slice]:
    """Cut the neurons into slices whose weights take about `PIECE` bytes."""
    step = max(1, PIECE // (4 * int(np.prod(shape[1:]))))
    return [slice(first, first + step) for first in range(0, shape[0], step)]


def _read(file: h5py.File) -> Contents:
    """Read the contents, converted from an older format where need be; refuse those that were edited."""
    groups = [file[f"layer_{index}"] for index in range(sum(name.startswith("layer_") for name in file))]
    layers = [{name: item[...] for name, item in group.items() if name != "weights"} for group in groups]
    if hash_of(layers) != file.attrs["state_sha256"]:
        raise StateError("must hold the arrays that its state_sha256 names, and does not: it was edited")
    constants = [json.loads(group.attrs["constants"]) for group in groups]
    for group, described, arrays in zip(groups, constants, layers, strict=True):
        _check_weights(group["weights"], described, arrays)
    if int(file.attrs["format_version"]) == 1:
        converted = [from_format_1(*layer) for layer in zip(constants, layers, strict=True)]
        constants, layers = [pair[0] for pair in converted], [pair[1] for pair in converted]
    shape = tuple(int(size) for size in np.atleast_1d(file.attrs["inputs"]))
    stream = json.loads(file.attrs["stream"])
    if stream is not None and not isinstance(stream, dict):
        raise StateError(f"must hold a stream that is an object or null, and holds {stream!r}")
    return Contents(
        shape=shape,
        seed=int(file.attrs["seed"]),
        constants=constants,
        layers=layers,
        position=int(file.attrs["stream_position"]),
        stream=stream,
        changes=_changes(file, len(groups)),
    )


def _changes(file: h5py.File, layers: int) -> list[dict[str, Any]]:
    """Read the changes of constants."""
    changes = json.loads(file.attrs.get("changes", "[]"))
    for change in changes if isinstance(changes, list) else [changes]:
        typed = isinstance(change, dict) and change.keys() == CHANGE.keys()
        if not typed or not all(isinstance(change[name], kind) for name, kind in CHANGE.items()):
            raise StateError(f"must hold changes of constants by {', '.join(CHANGE)}, and holds {change!r:.200}")
        if not 0 <= change["layer"] < layers:
            raise StateError(f"must hold changes of its {layers} layers, and holds one of layer {change['layer']}")
    return list(changes)


def _check_weights(weights: h5py.Dataset, constants: dict[str, Any], arrays: Arrays) -> None:
    """Refuse plain weights that are not those that follow from the layer's arrays."""
    kind, kernel, shape = _weight_layout(constants, arrays)
    if weights.shape != shape or not all(
        np.array_equal(weights[neurons], plain_weights(arrays, kind, kernel, neurons))
        for neurons in _neuron_slices(shape)
    ):
        raise StateError("must hold weights that equal synapses times scales, and does not: it was edited")
