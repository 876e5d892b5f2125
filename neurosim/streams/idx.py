"""IDX files, as of MNIST, plain or gzipped: a magic number, the shape in big-endian words, then the bytes."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.streams.arrays import ArrayStream

UNSIGNED_BYTES = 8
MNIST_STEMS = {"train": "train", "test": "t10k"}  # how the names of a split's files begin


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of an IDX file of bytes; refuse a file whose length differs from its header."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise StreamError(f"{path} must be a whole IDX file that can be read: {error}") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != UNSIGNED_BYTES:
        raise StreamError(
            f"{path} must begin as an IDX file of unsigned bytes, 00 00 08, got {data[:3].hex(' ') or 'nothing'}"
        )
    header = 4 + 4 * data[3]
    shape = tuple(int(n) for n in np.frombuffer(data[4:header], ">u4")) if len(data) >= header else ()
    if len(data) != header + math.prod(shape):
        raise StreamError(
            f"{path} must be {header + math.prod(shape)} bytes by its header, got {len(data)}: it is damaged"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def idx_file(path: Path, name: str | None = None) -> ArrayStream:
    """Open a file of samples, bytes read as numbers from 0 to 1.

    If its name has `images-idx3`, labels are read from the file beside it that has `labels-idx1` instead, if there is
    one.
    """
    labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    labelled = labels != path and labels.exists()
    array = read_idx(path)
    samples = array[:, None] if array.ndim == 3 else array  # images get an axis for their one channel
    return ArrayStream(samples, read_idx(labels) if labelled else None, name=name or path.name, divisor=255)


def mnist(split: str, *, root: Path) -> ArrayStream:
    """Open MNIST's `train` or `test` split from its four canonical files below `root`, plain or gzipped."""
    stem = f"{MNIST_STEMS[split]}-images-idx3-ubyte"
    for folder in (root, root / "mnist", root / "MNIST" / "raw"):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.exists():
                return idx_file(path, f"mnist:{split}")
    raise StreamError(
        f"mnist:{split} must be at {root} or its folder mnist, as {stem} or {stem}.gz: no such file; see --root, "
        "or fetch it by neurosim data get mnist"
    )
