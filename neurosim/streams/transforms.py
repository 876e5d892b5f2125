"""What may be done to an image on its way into a chip: functions of the image and of numbers drawn for its position.

Images are float32 (height, width) or (channels, height, width). How numbers are drawn is in `transformed`.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.checks import LARGEST, finite, number, plain, whole
from neurosim.errors import ConfigError

Image = NDArray[np.float32]
Draws = NDArray[np.float64]


class Transform(Protocol):
    """What `transform` asks of each.

    Attributes
    ----------
    purpose : int
        Of its random numbers (`neurosim.randomness`).
    draws : int
        How many of them it takes for one image; 0 for what is not random.
    resizes : bool
        Whether images of any size come out in one: then the first such transform, and those before it, are given the
        image as it was before the stream brought it to its shape.
    """

    purpose: ClassVar[int]
    draws: ClassVar[int]
    resizes: ClassVar[bool]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that an image of the given one gets; ConfigError if it cannot have that one."""

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image transformed, by numbers uniform in [0, 1)."""


@dataclass(frozen=True, slots=True)
class RandomFlip:
    """The image or its mirror image, left for right.

    Parameters
    ----------
    probability : float
        Of the mirror image, 0 to 1.
    """

    purpose: ClassVar[int] = randomness.FLIP
    draws: ClassVar[int] = 1
    resizes: ClassVar[bool] = False

    probability: float = 0.5

    def __post_init__(self) -> None:
        plain(self)
        number("probability", self.probability, "from 0 to 1", 0)
        if self.probability > 1:
            raise ConfigError("probability", "from 0 to 1", self.probability)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape as it is."""
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image, or its mirror image."""
        return image[..., ::-1] if draws[0] < self.probability else image


@dataclass(frozen=True, slots=True)
class PadCrop:
    """The image continued beyond its edges by reflection, and a random part of its own size out of that.

    Parameters
    ----------
    padding : int
        Pixels at each edge; the edge's own pixels are not repeated.
    """

    purpose: ClassVar[int] = randomness.PAD_CROP
    draws: ClassVar[int] = 2
    resizes: ClassVar[bool] = False

    padding: int

    def __post_init__(self) -> None:
        plain(self)
        whole("padding", self.padding, 0, LARGEST)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape as it is."""
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the part that the numbers say."""
        down, right = (int(draw * (2 * self.padding + 1)) - self.padding for draw in draws)
        rows, columns = _reflected(down, image.shape[-2]), _reflected(right, image.shape[-1])
        return image.take(rows, axis=-2).take(columns, axis=-1)


@dataclass(frozen=True, slots=True)
class Standardise:
    """(x - mean) / std, each channel by its own numbers.

    Parameters
    ----------
    mean, std : sequence of float
        One a channel, in units of the samples (pixels are from 0 to 1); std positive.
    """

    purpose: ClassVar[int] = 0
    draws: ClassVar[int] = 0
    resizes: ClassVar[bool] = False

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
            raise ConfigError("std", f"one number a channel, as many as the mean's {len(self.mean)}", self.std)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape as it is, if it has as many channels."""
        channels = 1 if len(shape) == 2 else shape[0]
        if channels != len(self.mean):
            raise ConfigError("mean", f"one number for each of the {channels} channels", self.mean)
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image shifted and scaled."""
        mean, std = (np.array(values, np.float32)[:, None, None] for values in (self.mean, self.std))
        return ((image - mean) / std).reshape(image.shape)


def _numbers(name: str, values: object) -> tuple[float, ...]:
    try:
        return tuple(np.asarray(values, np.float64).ravel().tolist())
    except (TypeError, ValueError):
        raise ConfigError(name, "a number for each channel", values) from None


IMAGENET = Standardise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # of its training images, R G B from 0 to 1


def _reflected(first: int, count: int) -> NDArray[np.int64]:
    """Return places from `first` on, as many as there are, those beyond an edge reflected at it, however often."""
    period = max(1, 2 * (count - 1))
    places = np.arange(first, first + count) % period
    return np.minimum(places, period - places) if count > 1 else places * 0
