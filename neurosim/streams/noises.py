"""Corruptions of images, the ones that robustness is measured by: noise, occlusion, blur, loss of contrast.

What each does follows Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations", ICLR 2019, arXiv 1903.12261, where they have it; strengths are free.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.checks import LARGEST, finite, number, plain, whole
from neurosim.errors import ConfigError, SampleError
from neurosim.streams.transforms import Draws, Image

LARGEST_FLOAT = float(np.finfo(np.float32).max)
ROUNDING = 1e-6  # by how much of the larger bound samples may lie beyond the bounds: by the rounding of float32


@dataclass(frozen=True, slots=True)
class GaussianNoise:
    r"""The image with normal noise, independent for each number of it, clipped to the range of pixels.

    .. math:: y_i = \min(\max(x_i + \sigma n_i, \mathrm{low}), \mathrm{high}), \qquad n_i \sim N(0, 1)

    Parameters
    ----------
    deviation : float
        The noise's deviation, in units of the samples (pixels are from 0 to 1); at least 0.
    low, high : float or None
        Range of the samples, which the sum is clipped to; None is no bound.

    Raises
    ------
    ConfigError
        If `deviation` is negative or not finite, or `high` is not above `low`.
    SampleError
        If a sample lies outside `low` and `high` when it is read.
    """

    purpose: ClassVar[int] = randomness.GAUSSIAN_NOISE
    draws: ClassVar[int] = 1
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = False

    deviation: float
    low: float | None = 0.0
    high: float | None = 1.0

    def __post_init__(self) -> None:
        plain(self)
        finite("deviation", self.deviation, "at least 0", 0)
        _check_range(self.low, self.high)
        _as_floats(self, "deviation", "low", "high")

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged."""
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the noisy image."""
        _check_within(self, image, self.low, self.high)
        noise = randomness.normal(_key(draws), randomness.PIXELS, 0, image.size, self.deviation)
        return _clipped(image + noise.reshape(image.shape), self.low, self.high)


@dataclass(frozen=True, slots=True)
class SaltAndPepper:
    """The image with a share of its numbers replaced by the highest or the lowest value, with equal probability.

    Parameters
    ----------
    share : float
        Probability that a number is replaced, 0 to 1. Each channel of a pixel is replaced by itself, as in the
        benchmark's impulse noise.
    low, high : float
        What is put in their place.

    Raises
    ------
    ConfigError
        If `share` is not from 0 to 1, or `high` is not above `low`.
    """

    purpose: ClassVar[int] = randomness.SALT_AND_PEPPER
    draws: ClassVar[int] = 1
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = False

    share: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        plain(self)
        number("share", self.share, "from 0 to 1", 0)
        if self.share > 1:
            raise ConfigError("share", "from 0 to 1", self.share)
        for name in ("low", "high"):
            finite(name, getattr(self, name), "a number")
        _check_range(self.low, self.high)
        _as_floats(self, "share", "low", "high")

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged."""
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image with salt and pepper."""
        chances = randomness.uniform(_key(draws), randomness.PIXELS, 0, image.size).reshape(image.shape)
        peppered = np.where(chances < self.share / 2, np.float32(self.low), np.float32(self.high))
        return np.where(chances < self.share, peppered, image)


@dataclass(frozen=True, slots=True)
class Occlusion:
    """The image with a square at a random position, wholly within it, set to one value.

    Parameters
    ----------
    size : int
        Side of the square, pixels; at least 0, at most the shorter side of the image.
    value : float
        What its pixels are set to, in all channels.

    Raises
    ------
    ConfigError
        If `size` is not such a number, or `value` is not finite.
    """

    purpose: ClassVar[int] = randomness.OCCLUSION
    draws: ClassVar[int] = 2
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True

    size: int
    value: float = 0.0

    def __post_init__(self) -> None:
        plain(self)
        whole("size", self.size, 0, LARGEST)
        finite("value", self.value, "a number")
        _as_floats(self, "value")

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged; raise ConfigError if the square is larger than the image."""
        if self.size > min(shape[-2:]):
            raise ConfigError("size", f"at most the image's shorter side, {min(shape[-2:])} pixels", self.size)
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image with the square."""
        # An image of a folder, not resampled yet, may be smaller than the stream's images: it is covered.
        sides = zip(draws, image.shape[-2:], strict=True)
        top, left = (int(draw * max(1, side - self.size + 1)) for draw, side in sides)
        occluded = image.copy()
        occluded[..., top : top + self.size, left : left + self.size] = self.value
        return occluded


@dataclass(frozen=True, slots=True)
class Blur:
    r"""The image convolved with a Gaussian along rows and columns, reflected at its edges (edge pixels repeated).

    .. math:: y_i = \sum_j g_j x_{i + j}, \qquad g_j \propto \exp(-j^2 / 2 \sigma^2), \quad |j| \le 4 \sigma

    Parameters
    ----------
    deviation : float
        The Gaussian's deviation, pixels; at least 0, at most the longer side of the image.

    Raises
    ------
    ConfigError
        If `deviation` is not such a number.
    """

    purpose: ClassVar[int] = 0
    draws: ClassVar[int] = 0
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True

    deviation: float

    def __post_init__(self) -> None:
        plain(self)
        finite("deviation", self.deviation, "at least 0", 0)
        _as_floats(self, "deviation")

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged; raise ConfigError if the Gaussian is wider than the image."""
        if self.deviation > max(shape[-2:]):
            raise ConfigError("deviation", f"at most the image's longer side, {max(shape[-2:])} pixels", self.deviation)
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the blurred image."""
        from scipy.ndimage import gaussian_filter

        blurred: Image = gaussian_filter(image, self.deviation, mode="reflect", truncate=4.0, axes=(-2, -1))
        return blurred


@dataclass(frozen=True, slots=True)
class Contrast:
    r"""The image with every pixel moved towards, or away from, the mean of its channel in this image, and clipped.

    .. math:: y_i = \min(\max(\bar x + c\,(x_i - \bar x), \mathrm{low}), \mathrm{high})

    Parameters
    ----------
    factor : float
        c: 1 leaves the contrast as it is, 0 leaves the mean alone; at least 0.
    low, high : float or None
        Range of the samples, which the result is clipped to; None is no bound.

    Raises
    ------
    ConfigError
        If `factor` is negative or not finite, or `high` is not above `low`.
    SampleError
        If a sample lies outside `low` and `high` when it is read.
    """

    purpose: ClassVar[int] = 0
    draws: ClassVar[int] = 0
    resizes: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True

    factor: float
    low: float | None = 0.0
    high: float | None = 1.0

    def __post_init__(self) -> None:
        plain(self)
        finite("factor", self.factor, "at least 0", 0)
        _check_range(self.low, self.high)
        _as_floats(self, "factor", "low", "high")

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape, unchanged."""
        return shape

    def apply(self, image: Image, draws: Draws) -> Image:
        """Return the image of another contrast."""
        _check_within(self, image, self.low, self.high)
        numbers = image.astype(np.float64)
        mean = numbers.mean(axis=(-2, -1), keepdims=True)
        return _clipped(numbers + (self.factor - 1) * (numbers - mean), self.low, self.high)


def _key(draws: Draws) -> int:
    """Return the seed of an image's own random numbers: all 53 bits of the one that was drawn for its position."""
    return int(draws[0] * 2**53)


def _clipped(numbers: NDArray[np.float64], low: float | None, high: float | None) -> Image:
    """Return numbers clipped, as float32; what float32 cannot hold becomes the largest that it can."""
    bounds = (-LARGEST_FLOAT if low is None else low, LARGEST_FLOAT if high is None else high)
    return np.clip(numbers, *bounds).astype(np.float32)


def _check_within(transform: object, image: Image, low: float | None, high: float | None) -> None:
    """Refuse an image with numbers beyond the bounds: clipping would change more than the corruption does."""
    slack = ROUNDING * max(abs(bound) for bound in (low, high, 0) if bound is not None)
    smallest, largest = float(image.min()), float(image.max())
    below = low is not None and smallest < low - slack
    if below or (high is not None and largest > high + slack):
        name = type(transform).__name__
        raise SampleError(
            f"samples must be within low, {_told(low)}, and high, {_told(high)}, of {name}, "
            f"got {smallest if below else largest:g}; give their range in Python, {name}(..., low=..., high=...), "
            "with None for no bound"
        )


def _told(bound: float | None) -> str:
    return "None" if bound is None else f"{bound:g}"


def _check_range(low: float | None, high: float | None) -> None:
    for name, bound in (("low", low), ("high", high)):
        if bound is not None:
            finite(name, bound, "a number")
    if low is not None and high is not None and low >= high:
        raise ConfigError("high", f"above low, which is {low}", high)


def _as_floats(transform: Any, *names: str) -> None:
    """Convert constants to float: equal constants must be told alike in the identity of a stream."""
    for name in names:
        value = getattr(transform, name)
        object.__setattr__(transform, name, None if value is None else float(value))
