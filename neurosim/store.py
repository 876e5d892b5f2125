"""The store: a chip's state in one HDF5 file, written whole or not at all, checked before it is trusted.

A file is written beside its name, flushed to the disk, closed, read back and compared, and only then put in place; the
file that stood there becomes `NAME.previous`. The first 512 bytes hold a SHA-256 of all that follow, so damage is found
before HDF5 parses anything. The format: `docs/state-format.md`.
"""

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim import __version__
from neurosim.errors import StateError

MAGIC = b"neurosim state\n"
FORMAT = 1
USER_BLOCK = 512
PIECE = 1 << 20  # bytes hashed or weights transposed at a time

Arrays = dict[str, NDArray[Any]]


class Contents(NamedTuple):
    """What a state file holds, as plain data.

    Attributes
    ----------
    inputs, seed : int
        Of the chip.
    constants : list of dict
        Of each layer, as `neurosim.constants.describe` gives them.
    layers : list of dict of arrays
        What each layer has learned, by name.
    position : int
        Samples taken from the stream.
    stream : dict or None
        What tells the stream from others; None if the chip was not on one.
    """

    inputs: int
    seed: int
    constants: list[dict[str, Any]]
    layers: list[Arrays]
    position: int
    stream: dict[str, Any] | None


def hash_of(layers: Iterable[Arrays]) -> str:
    """Return the SHA-256 of named arrays: names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for arrays in layers:
        for name in sorted(arrays):
            array = arrays[name]
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def previous(path: Path) -> Path:
    """Return the name of the generation before."""
    return path.with_name(path.name + ".previous")


@contextlib.contextmanager
def claim(path: str | Path) -> Iterator[None]:
    """Keep a state file for one run at a time, and find out now, not at the first snapshot, if it cannot be written.

    Raises
    ------
    StateError
        If another process has it, or its folder cannot be written.
    """
    path = _place(path)
    lock = path.with_name(path.name + ".lock")
    try:
        file = lock.open("w")
    except OSError as error:
        raise StateError(f"state {path} must be in a folder that can be written, but: {error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(f"state {path} must be used by one run at a time, and another one has it") from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _place(path: str | Path) -> Path:
    """Return where a state file really is: behind a link, its target is the one to replace."""
    place = Path(os.path.realpath(path)) if os.path.basename(path) not in {"", ".", ".."} else None
    if place is None or os.path.isdir(place):
        raise StateError(f"state must name a file, got {os.fspath(path)!r}")
    return place


def write(path: str | Path, contents: Contents) -> None:
    """Write a state file; at every instant, `path` is either the old file, whole, or the new one, whole.

    Raises
    ------
    StateError
        If the file cannot be written; what was there before is untouched.
    """
    path = _place(path)
    draft = path.with_name(f"{path.name}.draft-{os.getpid()}")
    try:
        if path.exists() and not _is_ours(path):
            raise OSError("it is another file, not a neurosim state")
        _sweep(path)
        head, body = _image(contents)
        with draft.open("wb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(head)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        _compare(draft, head, body)
        _put_in_place(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StateError(
            f"state {path} must be writable, but writing failed: {error}; what was there before is untouched"
        ) from error


def read(path: str | Path) -> Contents:
    """Read a state file.

    Raises
    ------
    StateError
        If the file is missing, damaged, foreign or of a newer version; the message names the generation before, if
        that is whole.
    """
    path = _place(path)
    try:
        _verify(path)
        with h5py.File(path, "r") as file:
            return _take(file)
    except StateError as error:
        raise StateError(f"state {path} {error}{offer(path)}") from error.__cause__
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise StateError(f"state {path} must be a whole state file, but: {error}{offer(path)}") from error


def offer(path: Path) -> str:
    """Name the generation before, if it is whole."""
    older = previous(path)
    try:
        _verify(older)
        with h5py.File(older, "r") as file:
            position = int(file.attrs["stream_position"])
    except (StateError, OSError, KeyError):
        return ""
    return f"; the generation before it, {older}, is whole, at sample {position}: move it here to go on from there"


def _image(contents: Contents) -> tuple[bytes, bytes]:
    """Return the bytes of the file: the user block, and what HDF5 makes.

    HDF5 makes them in memory and the disk sees one plain write: HDF5's own writing fails late on a full disk, and
    leaves objects behind that fail once more when they are freed.
    """
    memory = {"driver": "core", "backing_store": False, "block_size": 1 << 24}
    with h5py.File("image", "w", libver=("earliest", "v110"), **memory) as file:
        _fill(file, contents)
        file.flush()
        body: bytes = file.id.get_file_image()
    return _user_block(hashlib.sha256(body).hexdigest()), body  # readers look for HDF5's signature at 512 as at 0


def _compare(draft: Path, head: bytes, body: bytes) -> None:
    """Read back what was written."""
    with draft.open("rb") as file:
        whole = file.read(len(head)) == head
        for first in range(0, len(body), PIECE):
            whole = whole and file.read(PIECE) == body[first : first + PIECE]
    if not whole:
        raise OSError("what was read back differs from what was written")


def _fill(file: h5py.File, contents: Contents) -> None:
    file.attrs["format"] = "neurosim state"
    file.attrs["format_version"] = FORMAT
    file.attrs["generator"] = f"neurosim-chip {__version__}"
    file.attrs["inputs"] = contents.inputs
    file.attrs["seed"] = np.uint64(contents.seed)
    file.attrs["stream"] = json.dumps(contents.stream)
    file.attrs["stream_position"] = contents.position
    file.attrs["state_sha256"] = hash_of(contents.layers)
    for place, (constants, arrays) in enumerate(zip(contents.constants, contents.layers, strict=True)):
        group = file.create_group(f"layer_{place}")
        group.attrs["constants"] = json.dumps(constants)
        for name, array in arrays.items():
            group.create_dataset(name, data=array, **_storage(array.shape))
        shape = arrays["synapses"].shape[::-1]
        weights = group.create_dataset("weights", shape, np.float32, **_storage(shape))
        for part in _parts(shape):
            weights[part] = plain_weights(arrays, part)


def plain_weights(arrays: Arrays, part: slice = slice(None)) -> NDArray[np.float32]:
    """Return the weights of some neurons, float32 (neurons, inputs), C order: scale times synapse."""
    product: NDArray[np.float32] = arrays["synapses"][:, part] * arrays["scales"][part]
    return np.ascontiguousarray(product.T)


def _storage(shape: tuple[int, ...]) -> dict[str, Any]:
    """Return storage with a checksum for each piece of rows; nothing for an empty array, which cannot have one."""
    if 0 in shape:
        return {}
    rows = max(1, min(shape[0], PIECE // max(1, 8 * int(np.prod(shape[1:])))))
    return {"chunks": (rows, *shape[1:]), "fletcher32": True}


def _parts(shape: tuple[int, ...]) -> list[slice]:
    """Cut neurons into slices of about a piece of weights."""
    step = max(1, PIECE // (4 * shape[1]))
    return [slice(first, first + step) for first in range(0, shape[0], step)]


def _layers(file: h5py.File) -> int:
    return sum(name.startswith("layer_") for name in file)


def _arrays(group: h5py.Group) -> Arrays:
    return {name: dataset[...] for name, dataset in group.items() if name != "weights"}


def _check_hash(file: h5py.File, layers: list[Arrays]) -> None:
    if hash_of(layers) != file.attrs["state_sha256"]:
        raise StateError("must hold the arrays that its state_sha256 names, and does not")


def _take(file: h5py.File) -> Contents:
    groups = [file[f"layer_{place}"] for place in range(_layers(file))]
    contents = Contents(
        inputs=int(file.attrs["inputs"]),
        seed=int(file.attrs["seed"]),
        constants=[json.loads(group.attrs["constants"]) for group in groups],
        layers=[_arrays(group) for group in groups],
        position=int(file.attrs["stream_position"]),
        stream=json.loads(file.attrs["stream"]),
    )
    _check_hash(file, contents.layers)
    for group, arrays in zip(groups, contents.layers, strict=True):
        for part in _parts(group["weights"].shape):
            if not np.array_equal(group["weights"][part], plain_weights(arrays, part)):
                raise StateError("must hold weights that equal synapses times scales, and does not: it was edited")
    return contents


def _sweep(path: Path) -> None:
    """Remove drafts of processes that were killed while they wrote."""
    for draft in path.parent.glob(f"{glob.escape(path.name)}.draft-*"):
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


def _user_block(digest: str) -> bytes:
    return (MAGIC + f"format {FORMAT}\nsha256 {digest}\n".encode()).ljust(USER_BLOCK, b"\n")


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
        try:
            os.link(path, link)
        except OSError as error:  # no links on this file system, or none to another user's file
            if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK}:
                raise
            shutil.copy2(path, link)
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
    """Refuse a file that is not, byte for byte, what `write` wrote."""
    if not path.is_file():
        raise StateError("must be a file, and there is none")
    if not _is_ours(path):
        raise StateError("must be a neurosim state file, and is not one")
    with path.open("rb") as file:
        head = file.read(USER_BLOCK)
    version = head[len(MAGIC) :].split(b"\n")[0].removeprefix(b"format ")
    if version.isdigit() and int(version) > FORMAT:
        raise StateError(f"must be of format {FORMAT} or older, and is of {int(version)}: a newer neurosim wrote it")
    if head != _user_block(_digest(path)):
        raise StateError("must be as it was written, and is not: it is damaged, its checksum differs")
