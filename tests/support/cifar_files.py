"""Small archives in the form of CIFAR-10's."""

import io
import tarfile

import numpy as np

FOLDER = "cifar-10-batches-py"
NAMES = [*[f"data_batch_{number}" for number in range(1, 6)], "test_batch"]


def batch(number, count=3, **changes):
    images = np.random.default_rng(number).integers(0, 256, (count, 3072), np.uint8)
    return {"batch_label": b"one", "data": images, "labels": [number] * count, "filenames": ["a"] * count} | changes


def packed(members, compress=bytes, folder=FOLDER):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return compress(file.getvalue())
