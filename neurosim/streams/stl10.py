"""STL-10's binary files: images of three planes of 96 x 96 pixels, each stored column by column; labels from 1.

A. Coates, H. Lee and A. Y. Ng, AISTATS 2011.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.outside.files import check_regular
from neurosim.streams import archives
from neurosim.streams.archives import Form
from neurosim.streams.arrays import ArrayStream

SHAPE, BYTES, CLASSES = (3, 96, 96), 27648, 10
FORM = Form("stl10_binary", "stl10_binary")
FILES = {
    "unlabelled": ("unlabeled_X.bin",),
    "train": ("train_X.bin", "train_y.bin"),
    "test": ("test_X.bin", "test_y.bin"),
}
LARGEST = 1 << 29  # bytes of an archived file that are read into memory; the test images are 221 MB


def stl10(split: str, *, root: Path) -> ArrayStream:
    """Open STL-10's `unlabelled`, `train` or `test` split below `root`, pixels from 0 to 1, labels from 0.

    Images of the unpacked folder stay on disk; those of the archive are read into memory.
    """
    path, _ = archives.find(f"stl10:{split}", root, [FORM])
    images, labels = _mapped(path, FILES[split]) if path.is_dir() else _unpacked(path, FILES[split])
    columns_first = images.reshape(-1, *SHAPE)
    # The swapped axes are a view: nothing is copied before a block is read.
    return ArrayStream(columns_first.swapaxes(2, 3), labels, name=f"stl10:{split}", divisor=255)


def _mapped(folder: Path, files: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    path = folder / files[0]
    if not path.exists():
        raise StreamError(f"{folder} must hold {', '.join(files)}; missing: {files[0]}")
    check_regular(path)
    _check_size(path.stat().st_size, f"{files[0]} of {folder}")
    images = np.asarray(np.memmap(path, np.uint8, "r"))
    if len(files) == 1:
        return images, None
    labels = archives.read_files(folder, files[1:], LARGEST)[files[1]]
    return images, _labels(labels, len(images) // BYTES, f"{files[1]} of {folder}")


def _unpacked(archive: Path, files: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    advice = f": unpack it, by tar -xf {archive} -C {archive.parent or os.curdir}, and it is read from disk"
    contents = archives.read_files(archive, files, LARGEST, advice)
    _check_size(len(contents[files[0]]), f"{files[0]} of {archive}")
    images = np.frombuffer(contents[files[0]], np.uint8)
    if len(files) == 1:
        return images, None
    return images, _labels(contents[files[1]], len(images) // BYTES, f"{files[1]} of {archive}")


def _check_size(size: int, name: str) -> None:
    if size == 0 or size % BYTES:
        raise StreamError(f"{name} must be a whole number of images of {BYTES} bytes, got {size} bytes")


def _labels(content: bytes, count: int, name: str) -> NDArray[np.int64]:
    labels = np.frombuffer(content, np.uint8)
    if len(labels) != count:
        raise StreamError(f"{name} must hold a label for each of the {count} images, got {len(labels)}")
    wrong = labels[(labels < 1) | (labels > CLASSES)]
    if len(wrong):
        raise StreamError(f"labels of {name} must be from 1 to {CLASSES}, got {wrong[0]}")
    return labels.astype(np.int64) - 1
