"""A random crop of an image, resampled to one size: the usual augmentation of ImageNet's images."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurosim import randomness
from neurosim.checks import LARGEST, finite, whole
from neurosim.errors import ConfigError
from neurosim.streams.resample import resample
from neurosim.streams.transforms import Draws, Image

ATTEMPTS = 10  # at a crop that fits the image, before a crop of its middle is taken


@dataclass(frozen=True, slots=True)
class RandomResizedCrop:
    """A crop of random area, aspect ratio and position, resampled to one size by bilinear interpolation.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the result, pixels; one number for both.
    scale : (float, float)
        Smallest and largest fraction of the image's area, above 0 and at most 1; uniform between them.
    ratio : (float, float)
        Smallest and largest width over height, positive; its logarithm is uniform between them.

    Notes
    -----
    Of ten random shapes the first that fits the image is taken; if none fits, the largest crop of the middle whose
    aspect ratio is within bounds. Interpolation is widened if the crop is larger than the result (see
    `neurosim.streams.resample`).

    References
    ----------
    Szegedy et al., "Going deeper with convolutions", CVPR 2015.
    """

    purpose: ClassVar[int] = randomness.RESIZED_CROP
    draws: ClassVar[int] = 2 * ATTEMPTS + 2
    resizes: ClassVar[bool] = True
    needs_image: ClassVar[bool] = True

    size: int | tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        sizes = tuple(self.size) if isinstance(self.size, tuple | list) else (self.size, self.size)
        if len(sizes) != 2:
            raise ConfigError("size", "one number, or two: height and width", self.size)
        for size in sizes:
            whole("size", size, 1, LARGEST)
        object.__setattr__(self, "size", (int(sizes[0]), int(sizes[1])))
        object.__setattr__(self, "scale", _range("scale", self.scale))
        object.__setattr__(self, "ratio", _range("ratio", self.ratio))
        if self.scale[1] > 1:
            raise ConfigError("scale", "at most 1, the whole image", self.scale)

    @property
    def sizes(self) -> tuple[int, int]:
        """Height and width."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the result."""
        return (*shape[:-2], *self.sizes)

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the crop, resampled."""
        top, left, height, width = self.box(image.shape[-2], image.shape[-1], draws)
        return resample(image[..., top : top + height, left : left + width], *self.sizes)

    def box(self, rows: int, columns: int, draws: Draws) -> tuple[int, int, int, int]:
        """Return a crop of an image of `rows` and `columns`: top, left, height and width."""
        for area, aspect in draws[: 2 * ATTEMPTS].reshape(ATTEMPTS, 2).tolist():
            pixels = rows * columns * (self.scale[0] + area * (self.scale[1] - self.scale[0]))
            low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
            ratio = math.exp(low + aspect * (high - low))
            height, width = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
            if 0 < height <= rows and 0 < width <= columns:
                down, right = draws[2 * ATTEMPTS :].tolist()
                return int(down * (rows - height + 1)), int(right * (columns - width + 1)), height, width
        height = min(rows, max(1, round(columns / self.ratio[0])))
        width = min(columns, max(1, round(rows * self.ratio[1])))
        return (rows - height) // 2, (columns - width) // 2, height, width


def _range(name: str, values: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise ConfigError(name, "two numbers, the least and the greatest", values)
    low, high = (value.item() if isinstance(value, np.generic) else value for value in values)
    for value in (low, high):
        finite(name, value, "positive", 0, above=True)
    if low > high:
        raise ConfigError(name, "the least, then the greatest", values)
    return float(low), float(high)
