"""What all learn from, and the chip they are compared with."""

from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.errors import StreamError

TRAINED = 10_000  # samples: the first ones write far more neurons than the later ones
FAINT = (0.02, 0.2)  # noise on every pixel


def images(root: Path, part: str, count: int, every_pixel: bool) -> np.ndarray:
    """Return MNIST images, float32 (count, 784), with noise on every pixel if all inputs are to be active."""
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
    if every_pixel:
        samples = samples + np.random.default_rng(0).uniform(*FAINT, samples.shape).astype(np.float32)
    return np.ascontiguousarray(samples)


def trained(neurons: int, samples: np.ndarray) -> ns.Chip:
    """Return a chip past its beginnings."""
    return ns.Chip([ns.recipes.softhebb(neurons)], inputs=samples.shape[1], seed=0).learn(samples)


def copy_of(chip: ns.Chip) -> ns.Chip:
    """Return another chip that has learned the same."""
    other = ns.Chip([layer.constants for layer in chip.layers], inputs=chip.shape, seed=chip.seed)
    for layer, learned in zip(other.layers, chip.layers, strict=True):
        layer.restore(learned.arrays())
    return other
