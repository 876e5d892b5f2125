"""What the options `--augment` and `--standardise` say, done to a stream."""

import re
from typing import TYPE_CHECKING

from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from neurosim.streams import Stream
    from neurosim.streams.transforms import Standardise, Transform

PADDING = 4  # pixels, as is usual for images of 32
SHORT_NUMBER = re.compile("[0-9]{1,9}")
KNOWN = "crop, flip, pad or pad:N, between commas"


def augmented(stream: "Stream", augment: str | None, seed: int | None, standardise: str | None) -> "Stream":
    """Return the stream with its images transformed at random, and then standardised.

    Raises
    ------
    ConfigError
        If an option names something unknown, or the stream holds no such images.
    """
    from neurosim.streams.transformed import as_images, transform

    if augment is None and seed is not None:
        raise ConfigError("augment_seed", "left out without --augment", seed)
    if augment is None and standardise is None:
        return stream
    shape = as_images(stream).shape
    transforms = [] if augment is None else [_named(part, shape) for part in augment.split(",")]
    if standardise is not None:
        transforms.append(_standardise(standardise))
    return transform(stream, transforms, seed or 0)


def _named(part: str, shape: tuple[int, ...]) -> "Transform":
    """Return a transform that keeps the shape, so that samples for a test can be read without it."""
    from neurosim.streams import PadCrop, RandomFlip, RandomResizedCrop

    name, colon, number = part.strip().partition(":")
    if name == "pad" and not colon:
        return PadCrop(PADDING)
    if name == "pad" and SHORT_NUMBER.fullmatch(number):
        return PadCrop(int(number))
    if name == "crop" and not colon:
        return RandomResizedCrop((shape[-2], shape[-1]))
    if name == "flip" and not colon:
        return RandomFlip()
    raise ConfigError("augment", KNOWN, part)


def _standardise(text: str) -> "Standardise":
    from neurosim.streams import Standardise
    from neurosim.streams.transforms import IMAGENET

    if text == "imagenet":
        return IMAGENET
    try:
        mean, std = (tuple(float(number) for number in part.split(",")) for part in text.split(":"))
    except ValueError:
        rule = "imagenet, or MEAN[,MEAN...]:STD[,STD...] with one number a channel"
        raise ConfigError("standardise", rule, text) from None
    return Standardise(mean, std)
