"""Pixels as a PNG file, without any library for pictures."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR = 0, 2  # PNG's numbers of how a pixel is stored
BITS = 8


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the bytes of a PNG file.

    Parameters
    ----------
    pixels : uint8 (height, width) or (height, width, 3)
        Grey, or red, green and blue; at least one pixel.

    Raises
    ------
    ValueError
        If they are of another type or shape.
    """
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (3,)) or pixels.ndim < 2 or pixels.size == 0:
        raise ValueError(f"pixels must be uint8 (height, width) or (height, width, 3), got {_told(pixels)}")
    height, width = pixels.shape[:2]
    kind = COLOUR if pixels.ndim == 3 else GREY
    head = struct.pack(">IIBBBBB", width, height, BITS, kind, 0, 0, 0)
    rows = pixels.reshape(height, -1)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # each line begins with its filter, none
    body = zlib.compress(lines.tobytes(), 9)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _told(pixels: NDArray[Any]) -> str:
    return f"{pixels.dtype} {pixels.shape}"
