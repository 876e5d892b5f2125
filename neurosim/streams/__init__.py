"""Streams: where samples come from. Anything is opened by `open_stream`."""

import os
from pathlib import Path

from neurosim.checks import LARGEST, whole
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.arrays import ArrayStream as ArrayStream
from neurosim.streams.base import Block as Block
from neurosim.streams.base import Stream as Stream
from neurosim.streams.base import check_stream as check_stream
from neurosim.streams.order import repeat
from neurosim.streams.resized_crop import RandomResizedCrop as RandomResizedCrop
from neurosim.streams.transformed import transform as transform
from neurosim.streams.transforms import PadCrop as PadCrop
from neurosim.streams.transforms import RandomFlip as RandomFlip
from neurosim.streams.transforms import Standardise as Standardise

KNOWN = (
    "digits[:train|:test], mnist:train|test, cifar10:train|test, cifar100:train|test, stl10:unlabelled|train|test, "
    "images:FOLDER, FILE.npy, FILE.npz, IDX as FILE-ubyte[.gz] or FILE.idx[.gz], FILE.h5[:DATASET[,LABELS]], "
    "FILE.csv[.gz], FILE.ndjson[.gz], or - for a pipe"
)


def open_stream(
    source: str | os.PathLike[str],
    *,
    root: str | Path = ".",
    inputs: int | None = None,
    label: str | None = None,
    skip_bad: bool = False,
    epochs: int = 1,
    shuffle: int | None = None,
    image_size: int | None = None,
) -> Stream:
    """Open a stream by its name.

    Parameters
    ----------
    source : str
        `digits`, `digits:train`, `digits:test`; `mnist:train`, `mnist:test`; `cifar10:train`, `cifar10:test`;
        `cifar100:train`, `cifar100:test`; `stl10:unlabelled`, `stl10:train`, `stl10:test`; `images:folder`, with a
        folder of images for each class; a file by its ending: `.npy`, `.npz`, `.h5`, `.hdf5`, `.csv`, `.ndjson`,
        `.jsonl`, IDX as `-ubyte` or `.idx`, with or without `.gz`; `file.h5:dataset,labels`; `-`, a pipe of lines.
    root : path
        Folder that relative names start from.
    inputs : int, optional
        Width of a sample: needed for a pipe, checked for all others.
    label : str, optional
        For lines: the label's column, by name or number (-1 the last), or its key in JSON objects.
    skip_bad : bool
        For lines: pass over malformed ones, and count them.
    epochs : int
        How many times over.
    shuffle : int, optional
        Seed of a random order, another one each epoch; by default the stored order.
    image_size : int, optional
        For `images:folder`, which needs it: height and width that images are brought to.

    Raises
    ------
    StreamError
        If the source is unknown, missing, empty, truncated or of another form.
        If `inputs` differs from the width found.
    SampleError
        If samples or labels are not numbers, or a label is no whole number from 0.
    ConfigError
        If `inputs`, `epochs`, `shuffle` or `image_size` is out of range or not possible for the source.
    """
    if inputs is not None:
        whole("inputs", inputs, 1, LARGEST)
    source = os.fspath(source)
    try:
        if source.startswith("images:"):
            stream = _images(Path(root) / source.removeprefix("images:"), image_size)
        elif image_size is not None:
            raise ConfigError("image_size", "left out for all sources but images:FOLDER", image_size)
        else:
            stream = _open(source, Path(root), inputs, label, skip_bad)
    except OSError as error:
        if isinstance(error, StreamError):
            raise
        raise StreamError(f"source {source} must be readable, but: {error}") from error
    if inputs is not None and stream.inputs != inputs:
        raise StreamError(f"samples of {source} must have the {inputs} inputs asked for, got {stream.inputs}")
    return repeat(stream, epochs, shuffle)


def _images(folder: Path, image_size: int | None) -> Stream:
    from neurosim.streams.images import ImageFolder

    if image_size is None:
        raise ConfigError("image_size", "given for images:FOLDER (--image-size)", None, "224 is usual for ImageNet")
    return ImageFolder(folder, image_size)


def _open(source: str, root: Path, inputs: int | None, label: str | None, skip_bad: bool) -> Stream:
    from neurosim.streams import arrays, cifar, idx, lines, stl10

    if source.partition(":")[0] == "digits":
        return arrays.digits(source.partition(":")[2])
    if source == "-":
        return lines.pipe(inputs=inputs, label=label, skip_bad=skip_bad)
    if source.startswith("mnist:"):
        return idx.mnist(source.removeprefix("mnist:"), root)
    if source.startswith("cifar10:"):
        return cifar.cifar10(source.removeprefix("cifar10:"), root)
    if source.startswith("cifar100:"):
        return cifar.cifar100(source.removeprefix("cifar100:"), root)
    if source.startswith("stl10:"):
        return stl10.stl10(source.removeprefix("stl10:"), root)
    file, datasets = _split(source)
    path = root / file
    name = path.name.lower()
    is_idx = name.removesuffix(".gz").endswith((".idx", "ubyte"))
    is_lines = name.removesuffix(".gz").endswith((".csv", ".ndjson", ".jsonl"))
    if not (is_idx or is_lines or name.endswith((".npy", ".npz", ".h5", ".hdf5"))):
        raise StreamError(f"source must be one of {KNOWN}, got {source!r}")
    if not path.is_file():
        raise StreamError(f"source {source} must be a file: there is none at {path}")
    if is_idx:
        return idx.idx_file(path)
    if is_lines:
        return lines.text_file(path, inputs=inputs, label=label, skip_bad=skip_bad)
    if name.endswith((".npy", ".npz")):
        return arrays.numpy_file(path)
    from neurosim.streams.hdf5 import HDF5Stream

    return HDF5Stream(path, *datasets)


def _split(source: str) -> tuple[str, list[str]]:
    """Split `file.h5:dataset,labels`; a drive's colon is no such colon."""
    for ending in (".h5:", ".hdf5:"):
        file, colon, datasets = source.partition(ending)
        if colon:
            return file + ending[:-1], datasets.split(",")[:2]
    return source, []
