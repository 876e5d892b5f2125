"""The noises of part `noise`: their strengths, and samples under them."""

import numpy as np
from numpy.typing import NDArray

from neurosim.streams import ArrayStream, Blur, Contrast, GaussianNoise, Occlusion, SaltAndPepper, transform
from neurosim.streams.transforms import Transform
from neurosim.studies.bayes.images import Array, Images

STRENGTHS = {  # of each noise, besides none: from 0 to 1
    "Gaussian": (0.1, 0.25, 0.5, 0.75),
    "salt and pepper": (0.1, 0.2, 0.35, 0.5),
    "occlusion": (0.25, 0.4, 0.55, 0.7),
    "blur": (0.04, 0.08, 0.12, 0.16),
    "contrast": (0.4, 0.6, 0.85, 0.95),
}
UNITS = {  # what a strength is
    "Gaussian": "deviation / range of pixels",
    "salt and pepper": "share of pixels replaced",
    "occlusion": "side of square / of image",
    "blur": "deviation / side of image",
    "contrast": "contrast lost",
}


def noises(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the noises that samples of a shape can have: two do not need an image."""
    return tuple(STRENGTHS) if len(shape) in {2, 3} else ("Gaussian", "salt and pepper")


def under(noise: str, strength: float, samples: Array, images: Images, seed: int) -> Array:
    """Return samples under a noise, within the range of inputs: a function of the seed and each sample's index."""
    stream = ArrayStream(samples.reshape(-1, *images.shape))
    block = transform(stream, [_transform(noise, strength, images)], seed).take(np.arange(len(samples)))  # type: ignore[attr-defined]
    return np.asarray(np.clip(block.samples, images.low, images.high))


def examples(sample: Array, images: Images) -> NDArray[np.float32]:
    """Return a sample (1, inputs) without and under each noise by seed 0, from 0 to 1: (noises, strengths, *shape)."""
    rows = [
        np.concatenate([sample, *(under(noise, strength, sample, images, 0) for strength in STRENGTHS[noise])])
        for noise in noises(images.shape)
    ]
    return np.stack([images.pictures(row) for row in rows])


def _transform(noise: str, strength: float, images: Images) -> Transform:
    """Return a noise whose strength is relative to the range of inputs, or to the image's shorter side.

    None has bounds of its own: the range is that of training samples, and test samples may lie beyond it.
    """
    low, high, side = images.low, images.high, min(images.shape[-2:])
    if noise == "Gaussian":
        return GaussianNoise(strength * (high - low), None, None)
    if noise == "salt and pepper":
        return SaltAndPepper(strength, low, high)
    if noise == "occlusion":
        return Occlusion(max(1, round(strength * side)), low)
    return Blur(strength * side) if noise == "blur" else Contrast(1 - strength, None, None)
