"""What all learn from, and the chip they are compared with."""

from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.errors import StreamError

TRAINED = 10_000  # samples: the first ones write far more neurons than the later ones
FAINT = (0.02, 0.2)  # noise on every pixel
GREY = 0.1  # of white: darker means of pixels are zero


SIDES = {784: 28, 64: 8, 16: 4}  # of an image, by its pixels


def images(root: Path, part: str, count: int, every_pixel: bool, inputs: int = 784) -> np.ndarray:
    """Return MNIST images, float32 (count, inputs), with noise on every pixel if all inputs are to be active.

    Of fewer pixels than 784, each is the mean of a square of the image without its margin.
    """
    blocks, found = [], 0
    for block in ns.open_stream(f"mnist:{part}", root=root).blocks(size=1000):
        blocks.append(block.samples)
        found += len(block.samples)
        if found >= count:
            break
    if found < count:
        raise StreamError(
            f"samples must be at most {found:,} in all rounds, as mnist:{part} has no more, got {count:,}"
        )
    samples = np.concatenate(blocks)[:count]
    if inputs < 784:
        side = SIDES[inputs]
        squares = samples.reshape(-1, 28, 28)[:, 2:26, 2:26].reshape(-1, side, 24 // side, side, 24 // side)
        samples = np.where(squares.mean(axis=(2, 4)) > GREY, squares.mean(axis=(2, 4)), 0).reshape(-1, inputs)
    if every_pixel:
        samples = samples + np.random.default_rng(0).uniform(*FAINT, samples.shape).astype(np.float32)
    return np.ascontiguousarray(samples)


def trained(neurons: int, samples: np.ndarray) -> ns.Chip:
    """Return a chip past its beginnings."""
    return ns.Chip([ns.recipes.softhebb(neurons, temperature=0.01)], inputs=samples.shape[1], seed=0).learn(samples)


def copy_of(chip: ns.Chip) -> ns.Chip:
    """Return another chip that has learned the same."""
    other = ns.Chip([layer.constants for layer in chip.layers], inputs=chip.shape, seed=chip.seed)
    for layer, learned in zip(other.layers, chip.layers, strict=True):
        layer.restore(learned.arrays())
    return other
