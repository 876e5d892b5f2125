"""What is learned from: MNIST and CIFAR-10 where there are, and what is like them where there are not."""

import os
from pathlib import Path

import numpy as np

import neurosim as ns

ACTIVE = 0.19  # of MNIST's pixels are not zero
PROTOTYPES, SMOOTH, SHIFTS = 100, 9, 5


def real(name: str, count: int) -> np.ndarray | None:
    """Return the first samples of a stream, over and over if it has fewer; None where there is no such data."""
    root = os.environ.get("NEUROSIM_DATA")
    if not root or not (Path(root) / name.split(":")[0]).is_dir():
        return None
    found, some = [], 0
    for block in ns.open_stream(name, root=Path(root)).blocks(size=1000):
        found.append(block.samples)
        some += len(block.samples)
        if some >= count:
            break
    return np.resize(np.concatenate(found), (count, found[0].shape[1])).astype(np.float32)


def digits(inputs: int, count: int, seed: int = 0) -> tuple[np.ndarray, str]:
    """Return samples, float32 (count, inputs), of which about a fifth is active, and what they are.

    MNIST for 784 inputs; else a hundred prototypes, each with a few areas that are bright, shifted, paler or not, and
    with a tenth of their bright inputs missing.
    """
    found = real("mnist:train", count) if inputs == 784 else None
    if found is not None:
        return found, "MNIST"
    random = np.random.default_rng(seed)
    rough = random.normal(size=(PROTOTYPES, inputs + SMOOTH - 1))
    fields = np.lib.stride_tricks.sliding_window_view(rough, SMOOTH, axis=1).mean(axis=2)
    least = np.quantile(fields, 1 - ACTIVE / 0.9)
    shapes = np.where(fields >= least, 0.3 + fields - least, 0).astype(np.float32)
    shifted = np.stack([np.roll(shapes, shift, axis=1) for shift in range(SHIFTS)]).reshape(-1, inputs)
    made = shifted[random.integers(0, len(shifted), count)]
    made *= random.uniform(0.5, 1, (count, 1)).astype(np.float32)
    made *= random.random((count, inputs), np.float32) < 0.9
    return made, "made up"


def images(count: int) -> tuple[np.ndarray, str]:
    """Return images, float32 (count, 3, 32, 32), and what they are: CIFAR-10, or coloured noise."""
    found = real("cifar10:train", count)
    if found is not None:
        return found.reshape(count, 3, 32, 32), "CIFAR-10"
    return np.random.default_rng(0).random((count, 3, 32, 32), np.float32), "noise"
