"""HDF5 in memory: the bytes of a file of any kind, and a verified file opened to be read."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import h5py
import numpy as np

from neurosim.errors import StateError
from neurosim.state import attributes
from neurosim.state.checksum import PIECE, USER_BLOCK, Kind, named_version, user_block
from neurosim.state.structure import Stored
from neurosim.version import __version__


def image_of(kind: Kind, fill: Callable[[h5py.File], None]) -> tuple[bytes, bytes]:
    """Return the bytes of a file: the user block, and the HDF5 data that follow it, which a function writes.

    HDF5 writes to memory, and the caller writes plain bytes to the disk: HDF5 itself reports a full disk late, and
    leaves objects behind that fail again when they are freed.
    """
    memory = {"driver": "core", "backing_store": False, "block_size": 1 << 24}
    # HDF5 knows files in memory by their names, over all threads: no other may be open under this one.
    with h5py.File(f"neurosim-{uuid.uuid4().hex}", "w", libver=("earliest", "v110"), **memory) as file:
        file.attrs["format"] = kind.magic.decode().strip()
        file.attrs["format_version"] = kind.version
        file.attrs["generator"] = f"neurosim-chip {__version__}"
        fill(file)
        file.flush()
        body: bytes = file.id.get_file_image()
    digest = hashlib.sha256(body).hexdigest()
    return user_block(digest, kind.version, kind), body  # HDF5 readers look for its signature at 0, 512, ...


@contextmanager
def opened(file: BinaryIO, kind: Kind) -> Iterator[tuple[h5py.File, int, Stored]]:
    """Open a verified file; give it, the version of its format, and what counts its bytes.

    Raises
    ------
    StateError
        If it is not of the format that its first lines name.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    named = named_version(file.read(USER_BLOCK))
    with h5py.File(file, "r") as content:
        version = attributes.whole_number(content, "format_version", 1, kind.version)
        if named != str(version).encode():  # no checksum covers the user block
            raise StateError("must be of the format that its first lines name, and is not: it is damaged")
        yield content, version, Stored(size)


def storage(shape: tuple[int, ...]) -> dict[str, Any]:
    """Return options for a data set stored in chunks of rows with a checksum each; none for an empty array."""
    if 0 in shape:
        return {}
    rows = max(1, min(shape[0], PIECE // max(1, 8 * int(np.prod(shape[1:])))))
    return {"chunks": (rows, *shape[1:]), "fletcher32": True}
