"""Folders of images, one folder for each class, as ImageNet's: each image is decoded and resampled as it is read."""

import hashlib
import logging
import mimetypes
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import whole
from neurosim.errors import ConfigError, StreamError
from neurosim.outside.files import check_regular
from neurosim.outside.standard_error import silent_standard_error
from neurosim.streams.base import Block, RandomAccess
from neurosim.streams.resample import resample

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Of images that are passed over, beside those that `mimetypes` knows: which ones depends on the version and the system.
OTHER_ENDINGS = (
    ".apng", ".arw", ".avif", ".cr2", ".dds", ".dib", ".dng", ".exr", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jxl",
    ".nef", ".pbm", ".pnm", ".psd", ".tga",
)  # fmt: skip
# Decoders that may be run; they go by the content, whatever the ending says.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
LARGEST_IMAGE = 89_478_485  # pixels, a quarter of a GiB as RGB: a small file may decode to far more
LONGEST_SIDE = 1_000_000  # pixels; Pillow keeps a pointer for each row
LARGEST_SIDE = 16_384  # of samples
STRIP = 1 << 22  # pixels converted at a time
# What a decoder may raise. Nothing broader: a signal that ends the wait for a sample is raised as an exception too.
BROKEN = (
    OSError, SyntaxError, ValueError, ArithmeticError, LookupError, EOFError, TypeError, AttributeError, RuntimeError,
    AssertionError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


class ImageFolder(RandomAccess):
    """The images of `folder/class/file`, pixels from 0 to 1, (3, size, size), in the order of their sorted paths.

    Each is cropped to the largest square in its middle and resampled. Labels number the classes' sorted names from 0.
    Files and folders with a leading dot, files with other endings, and what lies elsewhere, are skipped; `passed_over`
    counts those of them that look like images.

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
    numbers = "uint8 / 255"

    def __init__(self, folder: Path, size: int) -> None:
        whole("image_size", size, 1, LARGEST_SIDE)
        _check_pillow()
        self._folder, self._size = folder, size
        self.name = f"images:{folder.resolve().name}"
        self._shape, self.inputs = (3, size, size), 3 * size * size
        self.classes = tuple(_classes(folder))
        files = [_files(folder / name) for name in self.classes]
        self.passed_over = _passed_over(folder, list(zip(self.classes, files, strict=True)))
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
            pixels = decode(self.path(index), middle=True)
            sample[:] = resample(pixels, self._size, self._size).ravel() / np.float32(255)
        return Block(samples, self._labels[indices])

    def originals(self, indices: NDArray[np.int64]) -> tuple[Iterator[NDArray[np.float32]], NDArray[np.int64]]:
        """Return the images of the given indices as decoded, one by one, (3, height, width), and their labels."""
        return (self._original(index) for index in indices.tolist()), self._labels[indices]

    def _original(self, index: int) -> NDArray[np.float32]:
        pixels = decode(self.path(index)).astype(np.float32)
        pixels /= np.float32(255)
        return pixels

    def fingerprint(self) -> str:
        """Hash all names, and the bytes of up to 256 files: the first, the last, and others evenly between."""
        digest = hashlib.sha256()
        for label, name in zip(self._labels.tolist(), self._files, strict=True):
            digest.update(os.fsencode(f"{self.classes[label]}/{name}\0"))
        for index in np.unique(np.linspace(0, self.length - 1, 256).astype(np.int64)).tolist():
            try:
                check_regular(self.path(index), f"image {self.path(index)}")
                digest.update(self.path(index).read_bytes())
            except StreamError:
                raise
            except OSError as error:
                raise StreamError(f"image {self.path(index)} must be readable, but: {error}") from error
        return digest.hexdigest()[:16]


def image_folder(folder: Path, *, image_size: int | None) -> ImageFolder:
    """Open a folder of images; raise ConfigError if `image_size` is None."""
    if image_size is None:
        raise ConfigError("image_size", "given for images:FOLDER (--image-size)", None, "224 is usual for ImageNet")
    return ImageFolder(folder, image_size)


def decode(path: Path, *, middle: bool = False) -> NDArray[np.uint8]:
    """Return an image as RGB, uint8 (3, height, width): of an animation the first frame, without transparency.

    Parameters
    ----------
    path : Path
    middle : bool
        Return only the largest square in its middle.

    Raises
    ------
    StreamError
        If it cannot be decoded, is too large, or is not a regular file.
    """
    from PIL import Image

    _quieten()
    check_regular(path, f"image {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those about odd metadata and about size, which is checked below
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > LARGEST_IMAGE or max(width, height) > LONGEST_SIDE:
                    rule = f"at most {LARGEST_IMAGE} pixels, and {LONGEST_SIDE} along a side"
                    raise StreamError(f"image {path} must be {rule}, got {width} x {height}")
                side = min(width, height)
                left, top = ((width - side) // 2, (height - side) // 2) if middle else (0, 0)
                return _planes(image, left, top, *((side, side) if middle else (width, height)))
    except StreamError:
        raise
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise StreamError(f"image {path} must be one that decodes, but: {error or type(error).__name__}") from error


@cache
def _quieten() -> None:
    """Keep Pillow's log, of odd files that it reads all the same, off standard error where nobody asked for it."""
    logging.getLogger("PIL").addHandler(logging.NullHandler())


def _planes(image: "Image", left: int, top: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return a box of an image as uint8 (3, height, width), converted strip by strip: a large image fills memory once.

    Of 16 bits a pixel the upper 8 are kept.
    """
    with silent_standard_error() if image.format == "TIFF" else nullcontext():  # its library writes past Python
        image.load()
    mode = image.mode
    deep = mode.startswith("I;16") or (mode == "I" and image.format in {"PNG", "PPM"})
    if mode in {"I", "F"} and not deep:
        raise ValueError(f"its pixels are of 32 bits (mode {mode}), whose range is not known")
    planes = np.empty((3, height, width), np.uint8)
    rows = max(1, STRIP // width)
    for first in range(0, height, rows):
        last = min(first + rows, height)
        box = (left, top + first, left + width, top + last)
        strip = image if box == (0, 0, *image.size) else image.crop(box)
        if deep:
            planes[:, first:last] = np.asarray(strip).astype(np.int64) >> 8
        else:
            planes[:, first:last] = np.asarray(strip.convert("RGB")).transpose(2, 0, 1)
    return planes


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


def _passed_over(folder: Path, classes: list[tuple[str, list[str]]]) -> int:
    """Count what looks like an image in a folder, by its name, and is not among the files of its classes."""
    count = sum(_looks_like_an_image(entry.name) for entry in os.scandir(folder) if not entry.is_dir())
    for name, files in classes:
        for _, _, names in os.walk(folder / name):
            count += sum(map(_looks_like_an_image, names))
        count -= len(files)
    return count


def _looks_like_an_image(name: str) -> bool:
    lower = name.lower()
    if lower.endswith(ENDINGS):
        return True
    return lower.endswith(OTHER_ENDINGS) or (mimetypes.guess_type(lower)[0] or "").startswith("image/")


def _check_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise ConfigError(
            "a source images:FOLDER", "decoded by Pillow", "no Pillow", "pip install 'neurosim-chip[images]'"
        ) from None
