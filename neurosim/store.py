"""The store: a chip's state in one HDF5 file, written whole or not at all, checked before it is trusted.

A file is written beside its name, closed, flushed to the disk, read back and compared, and only then put in place; the
file that stood there becomes `NAME.previous`. The first 512 bytes hold a SHA-256 of all that follow, so damage is found
before HDF5 parses anything. The format: `docs/state-format.md`.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from neurosim import __version__
from neurosim.chip import Chip, hash_of
from neurosim.constants import describe, rebuild
from neurosim.dense import DenseLayer
from neurosim.errors import ConfigError, StateError
from neurosim.kernels.dense import State

MAGIC = b"neurosim state\n"
FORMAT = 1
USER_BLOCK = 512
PIECE = 1 << 20  # bytes hashed or weights transposed at a time


class Loaded(NamedTuple):
    """What a state file holds: the chip, the position in its stream, and what tells that stream from others."""

    chip: Chip
    position: int
    stream: dict[str, Any] | None


def previous(path: Path) -> Path:
    """Return the name of the generation before."""
    return path.with_name(path.name + ".previous")


def save(chip: Chip, path: str | Path, *, position: int = 0, stream: dict[str, Any] | None = None) -> None:
    """Write a state file; at every instant, `path` is either the old file, whole, or the new one, whole.

    Parameters
    ----------
    chip : Chip
    path : path
    position : int
        Samples taken from the stream.
    stream : dict, optional
        What tells the stream from others.

    Raises
    ------
    StateError
        If the file cannot be written; what was there before is untouched.
    """
    path = Path(path)
    if path.exists() and not _is_ours(path):
        raise StateError(f"state {path} must be a new name or a neurosim state file, and is another file: it is left alone")
    draft = path.with_name(f"{path.name}.draft-{os.getpid()}")
    try:
        _sweep(path)
        _reserve(draft, sum(2 * layer.state.synapses.nbytes for layer in chip.layers) + (1 << 16))
        with h5py.File(draft, "w", userblock_size=USER_BLOCK, libver=("earliest", "v110")) as file:
            _write(file, chip, position, stream)
        with h5py.File(draft, "r") as file:
            _compare(file)
        _seal(draft)
        _put_in_place(draft, path)
    except (OSError, RuntimeError, ValueError) as error:  # HDF5 reports a full disk as any of them
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StateError(
            f"state {path} must be writable, but writing failed: {error}; what was there before is untouched"
        ) from error


def load(path: str | Path) -> Loaded:
    """Read a state file back, bit for bit.

    Raises
    ------
    StateError
        If the file is missing, damaged, foreign or of a newer version.
    """
    path = Path(path)
    try:
        _verify(path)
        with h5py.File(path, "r") as file:
            return _read(file)
    except StateError as error:
        raise StateError(f"state {path} {error}{_offer(path)}") from error.__cause__
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, ConfigError) as error:
        raise StateError(f"state {path} must be a whole state file, but: {error}{_offer(path)}") from error


def _write(file: h5py.File, chip: Chip, position: int, stream: dict[str, Any] | None) -> None:
    file.attrs["format"] = "neurosim state"
    file.attrs["format_version"] = FORMAT
    file.attrs["generator"] = f"neurosim-chip {__version__}"
    file.attrs["inputs"] = chip.inputs
    file.attrs["seed"] = np.uint64(chip.seed)
    file.attrs["stream"] = json.dumps(stream)
    file.attrs["stream_position"] = position
    file.attrs["state_sha256"] = chip.state_sha256
    for place, layer in enumerate(chip.layers):
        group = file.create_group(f"layer_{place}")
        group.attrs["constants"] = json.dumps(describe(layer.constants))
        for name, array in layer.arrays().items():
            group.create_dataset(name, data=array, **_chunked(array.shape))
        shape = (layer.constants.neurons, layer.inputs)
        weights = group.create_dataset("weights", shape, np.float32, **_chunked(shape))
        for part in _parts(layer):
            weights[part] = (layer.state.synapses[:, part] * layer.state.scales[part]).T


def _compare(file: h5py.File) -> None:
    """Read back what was written and compare its hash with that of the chip's own arrays."""
    layers = [[(name, file[f"layer_{place}/{name}"][...]) for name in State._fields] for place in range(_layers(file))]
    if hash_of(map(dict, layers)) != file.attrs["state_sha256"]:
        raise OSError("what was read back differs from what was written")


def _layers(file: h5py.File) -> int:
    return sum(name.startswith("layer_") for name in file)


def _chunked(shape: tuple[int, ...]) -> dict[str, Any]:
    """Return storage with a checksum for each chunk of rows; nothing for an empty array, which cannot have one."""
    if 0 in shape:
        return {}
    rows = max(1, min(shape[0], PIECE // max(1, 4 * int(np.prod(shape[1:])))))
    return {"chunks": (rows, *shape[1:]), "fletcher32": True}


def _parts(layer: DenseLayer) -> list[slice]:
    """Return slices of neurons, as many as weights that are transposed at a time."""
    step = max(1, PIECE // (4 * layer.inputs))
    return [slice(first, first + step) for first in range(0, layer.constants.neurons, step)]


def _read(file: h5py.File) -> Loaded:
    layers = [rebuild(json.loads(file[f"layer_{place}"].attrs["constants"])) for place in range(_layers(file))]
    chip = Chip(layers, inputs=int(file.attrs["inputs"]), seed=int(file.attrs["seed"]))
    for place, layer in enumerate(chip.layers):
        group = file[f"layer_{place}"]
        layer.restore({name: group[name][...] for name in layer.state._fields})
        for part in _parts(layer):
            plain = (layer.state.synapses[:, part] * layer.state.scales[part]).T
            if not np.array_equal(group["weights"][part], plain):
                raise StateError("must hold weights that equal synapses times scales, and does not: it was edited")
    if chip.state_sha256 != file.attrs["state_sha256"]:
        raise StateError("must hold the state that its state_sha256 names, and does not: it was edited")
    return Loaded(chip, int(file.attrs["stream_position"]), json.loads(file.attrs["stream"]))


def _sweep(path: Path) -> None:
    """Remove drafts of processes that were killed while they wrote."""
    for draft in path.parent.glob(f"{path.name}.draft-*"):
        owner = draft.name.removeprefix(f"{path.name}.draft-").partition("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            draft.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _reserve(draft: Path, size: int) -> None:
    """Fail now, and plainly, if the disk has no room: HDF5 fails late, and not plainly."""
    with draft.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)


def _seal(draft: Path) -> None:
    """Write the user block and flush the file to the disk."""
    block = _user_block(FORMAT, _digest(draft))
    with draft.open("r+b") as file:
        file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _user_block(version: int, digest: str) -> bytes:
    return (MAGIC + f"format {version}\nsha256 {digest}\n".encode()).ljust(USER_BLOCK, b"\n")


def _digest(path: Path) -> str:
    """Hash what follows the user block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(USER_BLOCK)
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _put_in_place(draft: Path, path: Path) -> None:
    """Make the draft the current generation, and the current one, if it is whole, the previous."""
    if path.exists() and _is_whole(path):
        link = path.with_name(draft.name + "-previous")
        link.unlink(missing_ok=True)
        os.link(path, link)
        os.replace(link, previous(path))
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _is_whole(path: Path) -> bool:
    try:
        _verify(path)
    except (StateError, OSError):
        return False
    return True


def _verify(path: Path) -> None:
    """Refuse a file that is not, byte for byte, what `save` wrote."""
    if not path.is_file():
        raise StateError("must be a file, and there is none")
    if not _is_ours(path):
        raise StateError("must be a neurosim state file, and is not one")
    with path.open("rb") as file:
        head = file.read(USER_BLOCK)
    version = head[len(MAGIC) :].split(b"\n")[0].removeprefix(b"format ")
    if version.isdigit() and int(version) > FORMAT:
        raise StateError(f"must be of format {FORMAT} or older, and is of {int(version)}: a newer neurosim wrote it")
    if head != _user_block(FORMAT, _digest(path)):
        raise StateError("must be as it was written, and is not: it is damaged, its checksum differs")


def _offer(path: Path) -> str:
    """Name the previous generation, if it is whole."""
    older = previous(path)
    try:
        _verify(older)
        with h5py.File(older, "r") as file:
            position = int(file.attrs["stream_position"])
    except (StateError, OSError, KeyError):
        return ""
    return f"; the generation before it, {older}, is whole, at sample {position}: move it here to go on from there"
