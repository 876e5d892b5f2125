"""IDX files, as of MNIST, plain or gzipped: a magic number, the shape in big-endian words, then the bytes."""

import gzip
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.outside.files import ALWAYS, PIECE, check_regular, check_unpacked
from neurosim.streams.arrays import ArrayStream

UNSIGNED_BYTES = 8
MOST_AXES = 64  # of an array of NumPy
MNIST_STEMS = {"train": "train", "test": "t10k"}  # how the names of a split's files begin
ZIPPED = (".gz", ".GZ")
# CRC-32 of the bytes of MNIST's images and labels, headers left out: files of other data often have its names.
MNIST_BYTES = {"train": (0xF3639B56, 0xBA07E8EF), "test": (0xE4CA5F57, 0xEE8604D9)}
RENAMED = (("images", "labels"), ("Images", "Labels"), ("IMAGES", "LABELS"), ("idx3", "idx1"), ("IDX3", "IDX1"))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of an IDX file of bytes; refuse a file whose length differs from its header.

    A gzipped file is unpacked piece by piece, no further than its header says; a large plain one is mapped.
    """
    check_regular(path)
    zipped = path.name.lower().endswith(".gz")
    opener: Callable[..., BinaryIO] = gzip.open if zipped else open  # type: ignore[assignment]
    try:
        with opener(path, "rb") as file:
            shape, header = _shape(file, path)
            size, stored = math.prod(shape), path.stat().st_size
            if zipped:
                check_unpacked(str(path), size, stored, "unpack it, by gunzip")
            else:
                _check_size(path, header + size, stored)
                if size > ALWAYS:
                    return np.asarray(np.memmap(path, np.uint8, "r", header, shape))
            data = _read(file, size + 1)
    except (EOFError, zlib.error, OSError, MemoryError) as error:
        if isinstance(error, StreamError):
            raise
        raise StreamError(f"{path} must be a whole IDX file that can be read: {error}") from error
    _check_size(path, header + size, header + len(data))
    return np.frombuffer(data, np.uint8).reshape(shape)


def _shape(file: BinaryIO, path: Path) -> tuple[tuple[int, ...], int]:
    """Read the header; return the shape, and how many bytes the header takes."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != UNSIGNED_BYTES:
        raise StreamError(
            f"{path} must begin as an IDX file of unsigned bytes, 00 00 08, got {magic[:3].hex(' ') or 'nothing'}"
        )
    axes = magic[3]
    if not 0 < axes <= MOST_AXES:
        raise StreamError(f"{path} must have from 1 to {MOST_AXES} axes by its header, got {axes}")
    words = file.read(4 * axes)
    _check_size(path, 4 + 4 * axes, 4 + len(words))
    shape = tuple(np.frombuffer(words, ">u4").tolist())
    if 0 in shape:
        raise StreamError(f"{path} must hold at least one sample of at least one input, got the shape {shape}")
    return shape, 4 + 4 * axes


def _read(file: BinaryIO, most: int) -> bytearray:
    """Return the bytes of a file to its end, at most `most`; memory is taken as they come."""
    data = bytearray()
    while len(data) < most and (piece := file.read(min(PIECE, most - len(data)))):
        data += piece
    return data


def _check_size(path: Path, wanted: int, size: int) -> None:
    if size != wanted:
        more = "or more" if size > wanted and path.name.lower().endswith(".gz") else ""
        raise StreamError(
            f"{path} must be {wanted} bytes by its header, got {size} {more}".rstrip() + ": it is damaged"
        )


def idx_file(path: Path, name: str | None = None) -> ArrayStream:
    """Open a file of samples, bytes read as numbers from 0 to 1.

    If its name has `images`, labels are read from the file beside it that has `labels` instead, and `idx1` for `idx3`,
    if there is one: plain or gzipped, whichever the images are, and with `-` or `.` before `idx1`.
    """
    named = labels_beside(path)
    labels = next((file for file in named if file.exists()), None)
    return _stream(read_idx(path), None if labels is None else read_idx(labels), name or path.name, named)


def _stream(array: NDArray[np.uint8], labels: NDArray[np.uint8] | None, name: str, named: list[Path]) -> ArrayStream:
    """Return a stream of bytes; `named` is what the file of labels may be called."""
    samples = array[:, None] if array.ndim == 3 else array  # images get an axis for their one channel
    stream = ArrayStream(samples, labels, name=name, divisor=255)
    beside = f" as {named[0].name} or {named[0].name}.gz" if named else ", where the name of the samples has images"
    stream.labels_advice = f"labels of an IDX file lie beside it{beside}"
    return stream


def labels_beside(path: Path) -> list[Path]:
    """Return what the file of labels beside a file of images may be called, the likeliest first; empty if unknown."""
    ending = path.name[-3:] if path.name.lower().endswith(".gz") else ""
    stem = renamed = path.name.removesuffix(ending)
    for of_images, of_labels in RENAMED:
        renamed = renamed.replace(of_images, of_labels)
    if not any(of_images in stem for of_images, _ in RENAMED[:3]):
        return []
    stems = dict.fromkeys([renamed, renamed.replace(".idx1", "-idx1"), renamed.replace("-idx1", ".idx1")])
    return [path.with_name(stem + tail) for stem in stems for tail in dict.fromkeys([ending, "", *ZIPPED])]


def mnist(split: str, *, root: Path) -> ArrayStream:
    """Open MNIST's `train` or `test` split from its four canonical files below `root`, plain or gzipped.

    Files of other data often have these names: a stream of any others says so in its `notes`.
    """
    stem = f"{MNIST_STEMS[split]}-images-idx3-ubyte"
    names = [name + ending for name in (stem, stem.replace("-idx3", ".idx3")) for ending in ("", *ZIPPED)]
    for folder in (root, root / "mnist", root / "MNIST" / "raw"):
        for path in (folder / name for name in names):
            if path.exists():
                return _mnist(split, path)
    raise StreamError(
        f"mnist:{split} must be at {root} or its folder mnist, as {stem} or {stem}.gz: no such file; see --root, "
        "or fetch it by neurosim data get mnist"
    )


def _mnist(split: str, path: Path) -> ArrayStream:
    """Open a split of MNIST by the path of its images."""
    images, named = read_idx(path), labels_beside(path)
    labels = next((file for file in named if file.exists()), None)
    if labels is None:
        wanted = f"{MNIST_STEMS[split]}-labels-idx1-ubyte"
        raise StreamError(f"labels of mnist:{split} must be in {path.parent}, as {wanted} or {wanted}.gz: no such file")
    arrays = images, read_idx(labels)
    stream = _stream(*arrays, f"mnist:{split}", named)
    if tuple(zlib.crc32(array.data) for array in arrays) != MNIST_BYTES[split]:
        stream.notes = (f"mnist:{split} is not MNIST's own data, though its files at {path.parent} have MNIST's names",)
    return stream
