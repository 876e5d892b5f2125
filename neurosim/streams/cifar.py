"""CIFAR-10 and CIFAR-100: pickled or binary batches, read from their archives or the unpacked folders."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.outside.arrays import shown
from neurosim.streams import archives
from neurosim.streams.archives import Form
from neurosim.streams.arrays import ArrayStream
from neurosim.streams.plain_pickle import load_plain

Samples = tuple[NDArray[np.uint8], NDArray[np.int64]]

SHAPE, INPUTS = (3, 32, 32), 3072  # planes R, G, B
LARGEST_BATCH = 256 << 20  # bytes; larger than every published batch


class Batches(NamedTuple):
    """The files of each split, and the function that reads images and labels from a file's content and name."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    read: Callable[[bytes, str], Samples]


def cifar10(split: str, *, root: Path) -> ArrayStream:
    """Open CIFAR-10's `train` or `test` split below `root`, pixels from 0 to 1 in the canonical order."""
    return _open("cifar10", split, root)


def cifar100(split: str, *, root: Path) -> ArrayStream:
    """Open CIFAR-100's `train` or `test` split below `root`, with its 100 fine labels."""
    return _open("cifar100", split, root)


def find(name: str, split: str, root: Path) -> tuple[Path, Form]:
    """Return the path of the folder or archive of `cifar10` or `cifar100` below `root`, and its form; read nothing."""
    return archives.find(f"{name}:{split}", root, FORMS[name])


def _open(name: str, split: str, root: Path) -> ArrayStream:
    path, form = find(name, split, root)
    batches = FORMS[name][form]
    wanted = batches.train if split == "train" else batches.test
    files = archives.read_files(path, wanted, LARGEST_BATCH)
    read = [batches.read(files.pop(file), f"{file} of {path}") for file in wanted]
    images, labels = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
    return ArrayStream(images.reshape(-1, *SHAPE), labels, name=f"{name}:{split}", divisor=255)


def read_pickle(content: bytes, name: str, key: str = "labels", classes: int = 10) -> Samples:
    """Return the images, uint8 (samples, 3072), and the labels of a pickled batch; `key` is the labels' entry."""
    entries = load_plain(content, name)
    images, labels = entries.get("data"), entries.get(key)
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != INPUTS or len(images) == 0:
        shape = f"the shape {images.shape}" if isinstance(images, np.ndarray) else "none"
        raise StreamError(f"data of {name} must be an array of at least one sample of {INPUTS} bytes, got {shape}")
    if not isinstance(labels, list) or len(labels) != len(images):
        count = len(labels) if isinstance(labels, list) else "none"
        raise StreamError(f"{key} of {name} must be a list, one a sample, {len(images)}, got {count}")
    for label in labels:
        if type(label) is not int or not 0 <= label < classes:
            raise StreamError(f"{key} of {name} must be whole numbers from 0 to {classes - 1}, got {shown(label)}")
    return images, np.array(labels, np.int64)


def read_records(content: bytes, name: str, labels: int = 1, classes: int = 10) -> Samples:
    """Return the images and the labels of a binary batch.

    A record is `labels` labels, of which the last is returned, and an image. CIFAR-100's records have two labels: the
    coarse one, then the fine one.
    """
    size = labels + INPUTS
    if not content or len(content) % size:
        raise StreamError(f"{name} must be a whole number of records of {size} bytes, got {len(content)} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    last = records[:, labels - 1]
    if (last >= classes).any():
        raise StreamError(f"labels of {name} must be whole numbers from 0 to {classes - 1}, got {last.max()}")
    return records[:, labels:], last.astype(np.int64)


_TRAIN10 = tuple(f"data_batch_{number}" for number in range(1, 6))
_FINE = partial(read_pickle, key="fine_labels", classes=100)
FORMS = {
    "cifar10": {
        Form("cifar-10-batches-py", "cifar-10-python"): Batches(_TRAIN10, ("test_batch",), read_pickle),
        Form("cifar-10-batches-bin", "cifar-10-binary"): Batches(
            tuple(f"{name}.bin" for name in _TRAIN10), ("test_batch.bin",), read_records
        ),
    },
    "cifar100": {
        Form("cifar-100-python", "cifar-100-python"): Batches(("train",), ("test",), _FINE),
        Form("cifar-100-binary", "cifar-100-binary"): Batches(
            ("train.bin",), ("test.bin",), partial(read_records, labels=2, classes=100)
        ),
    },
}
