"""Mutants of folders of images."""

import io
import os
import struct
import zlib
from pathlib import Path
from random import Random

import numpy as np
from mutations import LEARN, bent
from PIL import Image

FORMATS = ["png", "jpeg", "bmp", "gif", "ppm", "tiff", "webp"]
MODES = ["RGB", "L", "1", "RGBA", "P", "CMYK", "I", "F", "I;16", "LA"]


def _png(width: int, height: int, depth: int, colour: int, data: bytes) -> bytes:
    def block(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", zlib.compress(data)) + block(b"IEND", b"")


def _image(rng: Random) -> tuple[str, bytes]:
    """Return an ending and an image's bytes; some declare far more pixels than they hold."""
    match rng.randrange(6):
        case 0:
            sizes = [0, 1, 9000, 20_000, 2**31 - 1, 2**32 - 1]
            size = (rng.choice(sizes), rng.choice(sizes))
            return "png", _png(*size, rng.choice([1, 8, 16]), rng.choice([0, 2, 3, 6]), bytes(rng.choice([0, 100])))
        case 1:
            size = f"{rng.choice(['1', '9000', '0', '-1', '9' * 30])} {rng.choice(['1', '9000', '89478485'])}"
            return (
                "ppm",
                f"P{rng.choice('123456')}\n{size}\n{rng.choice(['255', '65535', '0', 'x'])}\n".encode() + bytes(9),
            )
    kind, mode = rng.choice(FORMATS), rng.choice(MODES)
    pixels = np.random.default_rng(rng.randrange(99)).integers(0, 256, (rng.choice([1, 7]), 9, 3), np.uint8)
    file = io.BytesIO()
    try:
        Image.fromarray(pixels).convert(mode).save(file, kind)
    except (OSError, ValueError, KeyError):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
    content = file.getvalue()
    return rng.choice([kind, kind, kind, "png", "jpg"]), bent(rng, content) if rng.random() < 0.7 else content


def images(rng: Random, folder: Path) -> list[object]:
    for name in ("a", "b"):
        (folder / "images" / name).mkdir(parents=True)
        for index in range(2):
            ending, content = _image(rng)
            path = folder / "images" / name / f"{index}.{ending}"
            match rng.randrange(20):
                case 0:
                    os.mkfifo(path)
                case 1:
                    path.symlink_to("/dev/zero")
                case _:
                    path.write_bytes(content)
    return ["stream", "images:images", "--root", folder, "--image-size", "4", *LEARN]


KINDS = {"images": images}
