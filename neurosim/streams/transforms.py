"""Transforms of images before a chip sees them: functions of an image and of random numbers.

Images are float32 (height, width) or (channels, height, width). `transformed` draws the numbers for each position.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.checks import LARGEST, finite, number, plain, whole
from neurosim.errors import ConfigError
from neurosim.outside.arrays import numbers

Image = NDArray[np.float32]
Draws = NDArray[np.float64]


class Transform(Protocol):
    """What `transform` requires of a transform.

    Attributes
    ----------
    purpose : int
        Purpose of its random numbers (`neurosim.randomness`).
    draws : int
        Random numbers for one image; 0 if it is not random.
    resizes : bool
        Whether it turns images of any size into images of one size: the first such transform, and those before it,
        get each image as it was before the stream resampled it.
    needs_image : bool
        Whether it takes images alone; if not, it takes samples of any shape.
    """

    purpose: ClassVar[int]
    draws: ClassVar[int]
    resizes: ClassVar[bool]
    needs_image: ClassVar[bool]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a transformed image; raise ConfigError if it cannot transform images of `shape`."""

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the transformed image; `draws` are numbers uniform in [0, 1)."""


@dataclass(frozen=True, slots=True)
class RandomFlip:
    """The image or its mirror image, left and right swapped.

    Parameters
    ----------
    probability : float
        Probability of the mirror image, 0 to 1.
    """

    purpose: ClassVar[int] = randomness.FLIP
    draws: ClassVar[int] = 1
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True

    probability: float = 0.5

    def __post_init__(self) -> None:
        plain(self)
        number("probability", self.probability, "from 0 to 1", 0)
        if self.probability > 1:
            raise ConfigError("probability", "from 0 to 1", self.probability)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged."""
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image, or its mirror image."""
        return image[..., ::-1] if draws[0] < self.probability else image


@dataclass(frozen=True, slots=True)
class PadCrop:
    """A random crop, of the image's own size, from the image padded by reflection.

    Parameters
    ----------
    padding : int
        Pixels added at each edge; the edge's own pixels are not repeated.
    """

    purpose: ClassVar[int] = randomness.PAD_CROP
    draws: ClassVar[int] = 2
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True

    padding: int

    def __post_init__(self) -> None:
        plain(self)
        whole("padding", self.padding, 0, LARGEST)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged."""
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the crop."""
        down, right = (int(draw * (2 * self.padding + 1)) - self.padding for draw in draws)
        rows, columns = _reflected(down, image.shape[-2]), _reflected(right, image.shape[-1])
        return image.take(rows, axis=-2).take(columns, axis=-1)


@dataclass(frozen=True, slots=True)
class Standardise:
    """(x - mean) / std, with one mean and one std for each channel.

    Parameters
    ----------
    mean, std : sequence of float
        One number for each channel, in units of the samples (pixels are from 0 to 1); std positive.
    """

    purpose: ClassVar[int] = 0
    draws: ClassVar[int] = 0
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, _numbers(name, getattr(self, name)))
        for value in self.mean:
            finite("mean", value, "a number for each channel")
        for value in self.std:
            finite("std", value, "positive", 0, above=True)
            number("std", value, "at least 1e-30", 1e-30)
        if not self.mean or len(self.mean) != len(self.std):
            raise ConfigError("std", f"one number for each channel, as many as the mean's {len(self.mean)}", self.std)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged; raise ConfigError if it has another number of channels."""
        channels = 1 if len(shape) == 2 else shape[0]
        if channels != len(self.mean):
            raise ConfigError("mean", f"one number for each of the {channels} channels", self.mean)
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image shifted and scaled."""
        mean, std = (np.array(values, np.float32)[:, None, None] for values in (self.mean, self.std))
        return ((image - mean) / std).reshape(image.shape)


def _numbers(name: str, values: object) -> tuple[float, ...]:
    array = numbers(name, values, rule="a number for each channel", refuse=ConfigError)
    return tuple(array.astype(np.float64).ravel().tolist())


# Of ImageNet's training images: red, green, blue, from 0 to 1.
IMAGENET = Standardise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _reflected(first: int, count: int) -> NDArray[np.int64]:
    """Return the `count` indices from `first` on; those beyond an edge are reflected at it, as often as necessary."""
    period = max(1, 2 * (count - 1))
    indices = np.arange(first, first + count) % period
    return np.minimum(indices, period - indices) if count > 1 else indices * 0
