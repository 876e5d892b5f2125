"""Folders of images, one folder for each class, as ImageNet's: each image is decoded and resampled as it is read."""

import hashlib
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import whole
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.base import Block, RandomAccess
from neurosim.streams.resample import resample

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Decoders that may be run; they go by the content, whatever the ending says.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
LARGEST_IMAGE = 89_478_485  # pixels, a quarter of a GiB as RGB: a small file may decode to far more
LARGEST_SIDE = 16_384
# What a decoder may raise. Nothing broader: a signal that ends the wait for a sample is raised as an exception too.
BROKEN = (
    OSError, SyntaxError, ValueError, ArithmeticError, LookupError, EOFError, TypeError, AttributeError, RuntimeError,
    AssertionError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


class ImageFolder(RandomAccess):
    """The images of `folder/class/file`, pixels from 0 to 1, (3, size, size), in the order of their sorted paths.

    Each is cropped to the largest square in its middle and resampled. Labels number the classes' sorted names from 0.
    Files and folders with a leading dot, and files with other endings, are skipped.

    Parameters
    ----------
    folder : Path
    size : int
        Height and width of the samples, pixels.

    Raises
    ------
    StreamError
        If there is no class, or one without images; when a sample is read, if its file does not decode.
    ConfigError
        If the size is out of range, or Pillow is missing.
    """

    read_ahead = 1
    labelled = True

    def __init__(self, folder: Path, size: int) -> None:
        whole("image_size", size, 1, LARGEST_SIDE)
        _check_pillow()
        self._folder, self._size = folder, size
        self.name = f"images:{folder.resolve().name}"
        self._shape, self.inputs = (3, size, size), 3 * size * size
        self.classes = tuple(_classes(folder))
        files = [_files(folder / name) for name in self.classes]
        self._files = [name for names in files for name in names]
        self._labels = np.repeat(np.arange(len(files)), [len(names) for names in files]).astype(np.int64)
        self.length = len(self._files)

    def path(self, index: int) -> Path:
        """Return the path of an image."""
        return self._folder / self.classes[int(self._labels[index])] / self._files[index]

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Decode the images of the given indices, and resample the middle square of each."""
        samples = np.empty((len(indices), self.inputs), np.float32)
        for sample, index in zip(samples, indices.tolist(), strict=True):
            pixels = _middle(decode(self.path(index))).astype(np.float32)
            sample[:] = resample(pixels, self._size, self._size).ravel() / np.float32(255)
        return Block(samples, self._labels[indices])

    def originals(self, indices: NDArray[np.int64]) -> tuple[Iterator[NDArray[np.float32]], NDArray[np.int64]]:
        """Return the images of the given indices as decoded, one by one, (3, height, width), and their labels."""
        images = (decode(self.path(index)).astype(np.float32) / np.float32(255) for index in indices.tolist())
        return images, self._labels[indices]

    def fingerprint(self) -> str:
        """Hash all names, and the bytes of up to 256 files: the first, the last, and others evenly between."""
        digest = hashlib.sha256()
        for label, name in zip(self._labels.tolist(), self._files, strict=True):
            digest.update(os.fsencode(f"{self.classes[label]}/{name}\0"))
        for index in np.unique(np.linspace(0, self.length - 1, 256).astype(np.int64)).tolist():
            try:
                digest.update(self.path(index).read_bytes())
            except OSError as error:
                raise StreamError(f"image {self.path(index)} must be readable, but: {error}") from error
        return digest.hexdigest()[:16]


def image_folder(folder: Path, *, image_size: int | None) -> ImageFolder:
    """Open a folder of images; raise ConfigError if `image_size` is None."""
    if image_size is None:
        raise ConfigError("image_size", "given for images:FOLDER (--image-size)", None, "224 is usual for ImageNet")
    return ImageFolder(folder, image_size)


def decode(path: Path) -> NDArray[np.uint8]:
    """Return an image as RGB, uint8 (3, height, width): of an animation the first frame, without transparency.

    Raises
    ------
    StreamError
        If it cannot be decoded, or is too large.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those about odd metadata and about size, which is checked below
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > LARGEST_IMAGE:
                    raise StreamError(f"image {path} must be at most {LARGEST_IMAGE} pixels, got {width} x {height}")
                return _rgb(image).transpose(2, 0, 1)
    except StreamError:
        raise
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise StreamError(f"image {path} must be one that decodes, but: {error or type(error).__name__}") from error


def _rgb(image: "Image") -> NDArray[np.uint8]:
    """Return the image as uint8 (height, width, 3); of 16 bits a pixel the upper 8 are kept."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in {"PNG", "PPM"}):
        grey = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in {"I", "F"}:
        raise ValueError(f"its pixels are of 32 bits (mode {image.mode}), whose range is not known")
    return np.asarray(image.convert("RGB"))


def _middle(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest square in the middle of an image (3, height, width)."""
    height, width = image.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[:, top : top + side, left : left + side]


def _classes(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise StreamError(f"images:FOLDER must name a folder: there is none at {folder}")
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise StreamError(f"{folder} must hold a folder for each class, with its images in it, got no folder")
    return names


def _files(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(ENDINGS) and not entry.name.startswith(".") and entry.is_file()
        )
    if not names:
        raise StreamError(f"class folder {folder} must hold at least one image ({', '.join(ENDINGS)}), got none")
    return names


def _check_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise ConfigError(
            "a source images:FOLDER", "decoded by Pillow", "no Pillow", "pip install 'neurosim-chip[images]'"
        ) from None
