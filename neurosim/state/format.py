"""The format of a state file: plain data of a chip to bytes of HDF5, and back. `docs/state-format.md` describes it.

`neurosim.state.checksum` puts a checksum before these bytes, and checks it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np

from neurosim.errors import StateError
from neurosim.state import attributes, kept_beside, kept_readouts
from neurosim.state.arrays import Arrays, check_finite, hash_of, plain_weights
from neurosim.state.checksum import CHIP, PIECE
from neurosim.state.hdf5_image import image_of, opened, storage
from neurosim.state.kept_readouts import KeptReadout
from neurosim.state.layouts import LARGEST
from neurosim.state.old_formats import from_format_1
from neurosim.state.structure import Stored, check_layer, layer_groups

LONGEST_NAMES = 16 << 20  # characters, of all classes
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
    classes : tuple of str
        Names of the labels 0, 1, ...; empty if they have none.
    readouts : dict of str to KeptReadout, or None
        Readouts that were fitted to these very weights, by kind; no part of what the chip has learned.
    beside : dict of str to dict of arrays
        What else goes with the run at this sample, by whose it is and by name; no part of what the chip has learned.
    """

    shape: tuple[int, ...]
    seed: int
    constants: list[dict[str, Any]]
    layers: list[Arrays]
    position: int
    stream: dict[str, Any] | None
    changes: Sequence[dict[str, Any]] = ()
    classes: tuple[str, ...] = ()
    readouts: dict[str, KeptReadout] | None = None
    beside: Mapping[str, Arrays] = {}

    @property
    def state_sha256(self) -> str:
        """Hash of what the chip has learned."""
        return hash_of(self.layers)


def image(contents: Contents) -> tuple[bytes, bytes]:
    """Return the bytes of a file: the user block, and the HDF5 data that follow it."""
    return image_of(CHIP, lambda file: _fill(file, contents))


def position(file: BinaryIO) -> int:
    """Return how many samples a chip, or a fleet, had taken from its stream."""
    with h5py.File(file, "r") as content:
        return position_of(content)


def contents(file: BinaryIO) -> Contents:
    """Return what a verified file holds.

    Raises
    ------
    StateError
        If it holds anything but plain datasets, of the names, types and shapes that its constants speak of, or if its
        contents contradict one another: it was edited.
    """
    with opened(file, CHIP) as (content, version, stored):
        return _read(content, version, stored)


def _fill(file: h5py.File, contents: Contents) -> None:
    """Write the contents as attributes and data sets."""
    file.attrs["inputs"] = np.array(contents.shape, np.int64)
    file.attrs["seed"] = np.uint64(contents.seed)
    file.attrs["stream"] = json.dumps(contents.stream)
    file.attrs["stream_position"] = contents.position
    if contents.changes:  # older versions do not know it, and pass over it
        file.attrs["changes"] = json.dumps(list(contents.changes))
    if contents.classes:  # likewise
        file.attrs["classes"] = json.dumps(contents.classes)
    file.attrs["state_sha256"] = contents.state_sha256
    for layer_index, (constants, arrays) in enumerate(zip(contents.constants, contents.layers, strict=True)):
        group = file.create_group(f"layer_{layer_index}")
        group.attrs["constants"] = json.dumps(constants)
        for name, array in arrays.items():
            group.create_dataset(name, data=array, **storage(array.shape))
        kind, kernel, shape = _weight_layout(constants, arrays)
        weights = group.create_dataset("weights", shape, np.float32, **storage(shape))
        for neurons in _neuron_slices(shape):
            weights[neurons] = plain_weights(arrays, kind, kernel, neurons)
    if contents.readouts:
        kept_readouts.write(file, contents.readouts, storage)
    if contents.beside:
        kept_beside.write(file, contents.beside, storage)


def _weight_layout(constants: dict[str, Any], arrays: Arrays) -> tuple[str, int, tuple[int, ...]]:
    """Return a layer's kind, its kernel's size, and the shape of its plain weights."""
    first, second = arrays["synapses"].shape
    if constants.get("kind") != "ConvWTA":
        return "DenseWTA", 1, (second, first)
    kernel = int(constants["kernel"])
    return "ConvWTA", kernel, (first, second // kernel**2, kernel, kernel)


def _neuron_slices(shape: tuple[int, ...]) -> list[slice]:
    """Cut the neurons into slices whose weights take about `PIECE` bytes."""
    step = max(1, PIECE // (4 * int(np.prod(shape[1:]))))
    return [slice(first, first + step) for first in range(0, shape[0], step)]


def _read(file: h5py.File, version: int, stored: Stored) -> Contents:
    """Read the contents, converted from an older format where need be; refuse those that were edited."""
    shape = attributes.sizes(file, "inputs", LARGEST)
    stream = stream_of(file)
    groups = layer_groups(file)
    constants = [attributes.json_value(group, "constants", infinite=True) for group in groups]
    for index, (group, described) in enumerate(zip(groups, constants, strict=True)):
        check_layer(group, described, version, shape if index == 0 else None, stored)
    layers = [{name: item[...] for name, item in group.items() if name != "weights"} for group in groups]
    if hash_of(layers) != attributes.text(file, "state_sha256", 64):
        raise StateError("must hold the arrays that its state_sha256 names, and does not: it was edited")
    for group, described, arrays in zip(groups, constants, layers, strict=True):
        _check_weights(group["weights"], described, arrays)
    readouts = kept_readouts.read(file, constants[-1]["neurons"], stored)
    if version == 1:
        converted = [from_format_1(*layer) for layer in zip(constants, layers, strict=True)]
        constants, layers = [pair[0] for pair in converted], [pair[1] for pair in converted]
    return Contents(
        shape=shape,
        seed=attributes.whole_number(file, "seed", 0, 2**64 - 1),
        constants=constants,
        layers=layers,
        position=position_of(file),
        stream=stream,
        changes=changes_of(file, len(groups)),
        classes=classes_of(file),
        readouts=readouts,
        beside=kept_beside.read(file, stored),
    )


def stream_of(file: h5py.File) -> dict[str, Any] | None:
    """Return the identity of the stream; None if there is none."""
    stream: dict[str, Any] | None = attributes.json_value(file, "stream")
    if not (stream is None or (isinstance(stream, dict) and isinstance(stream.get("name", ""), str))):
        raise StateError("must hold stream as null or an object whose name is a text, and holds another")
    return stream


def position_of(file: h5py.File) -> int:
    """Return how many samples were taken from the stream."""
    return attributes.whole_number(file, "stream_position", 0, 2**63 - 1)


def changes_of(file: h5py.File, layers: int) -> list[dict[str, Any]]:
    """Read the changes of constants."""
    changes = attributes.json_value(file, "changes", infinite=True) if "changes" in file.attrs else []
    for change in changes if isinstance(changes, list) else [changes]:
        if not is_change(change):
            raise StateError(f"must hold changes of constants by {', '.join(CHANGE)}, and holds {change!r:.200}")
        if not 0 <= change["layer"] < layers:
            raise StateError(f"must hold changes of its {layers} layers, and holds one of layer {change['layer']}")
    return list(changes)


def is_change(change: Any) -> bool:
    """Tell whether this is a change of a constant, as `neurosim.Chip.changes` has them."""
    typed = isinstance(change, dict) and change.keys() == CHANGE.keys()
    return typed and all(isinstance(change[name], kind) for name, kind in CHANGE.items())


def classes_of(file: h5py.File) -> tuple[str, ...]:
    """Return the names of the labels, all of them different."""
    if "classes" not in file.attrs:
        return ()
    names = attributes.json_value(file, "classes", longest=LONGEST_NAMES)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise StateError("must hold classes as a list of different texts, and holds another")
    return tuple(names)


def _check_weights(weights: h5py.Dataset, constants: dict[str, Any], arrays: Arrays) -> None:
    """Refuse plain weights that are not those that follow from the layer's arrays."""
    check_finite(arrays)
    kind, kernel, shape = _weight_layout(constants, arrays)
    if weights.shape != shape:
        raise StateError(f"must hold weights of the shape {shape}, and holds {weights.shape}: it was edited")
    for neurons in _neuron_slices(shape):
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
            product = plain_weights(arrays, kind, kernel, neurons)
        if not np.isfinite(product).all():
            raise StateError("must hold weights that are finite, and does not: it was edited")
        if not np.array_equal(weights[neurons], product):
            raise StateError("must hold weights that equal synapses times scales, and does not: it was edited")
