"""A stream whose images are transformed: what happens to the image at position i depends on seed and i alone."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.checks import whole
from neurosim.errors import ConfigError
from neurosim.streams.base import Block, RandomAccess, Stream, check_stream
from neurosim.streams.transforms import Draws, Transform


class Transformed(RandomAccess):
    """The images of a stream, transformed one after another.

    Made by `transform`. Positions count on over epochs: an image comes transformed in another way each time.
    """

    def __init__(self, source: RandomAccess, transforms: Sequence[Transform], seed: int) -> None:
        self.source, self.transforms, self.seed = source, tuple(transforms), seed
        self.name, self.length, self.labelled = source.name, source.length, source.labelled
        self.read_ahead, self.classes = source.read_ahead, source.classes
        shape = source.shape
        for one in self.transforms:
            shape = one.shape(shape)
        self._shape, self.inputs = shape, math.prod(shape)
        self._resizes = any(one.resizes for one in self.transforms)
        kinds = [one.purpose for one in self.transforms]
        self._turns = [kinds[:place].count(kind) for place, kind in enumerate(kinds)]  # two alike draw anew

    def take(self, places: NDArray[np.int64]) -> Block:
        """Read the samples at the given positions."""
        samples = np.empty((len(places), self.inputs), np.float32)
        labels = np.empty(len(places), np.int64) if self.labelled else None
        done = 0
        for run in np.split(places, np.flatnonzero(np.diff(places) != 1) + 1):
            images, marks = self._originals(self.source.order(int(run[0]), int(run[-1]) + 1))
            drawn = [self._draws(place, int(run[0]), len(run)) for place in range(len(self.transforms))]
            if labels is not None and marks is not None:
                labels[done : done + len(run)] = marks
            for i, image in enumerate(images):
                for one, draws in zip(self.transforms, drawn, strict=True):
                    image = one.apply(image, draws[i])
                samples[done] = image.ravel()
                done += 1
        return Block(samples, labels)

    def _originals(self, places: NDArray[np.int64]) -> tuple[Iterator[NDArray[np.float32]], NDArray[np.int64] | None]:
        return self.source.originals(places) if self._resizes else RandomAccess.originals(self.source, places)

    def _draws(self, place: int, first: int, count: int) -> Draws:
        one, turn = self.transforms[place], self._turns[place]
        return randomness.at_places(self.seed, one.purpose, turn, first, count, one.draws)

    def fingerprint(self) -> str:
        """Hash what the source hashes."""
        return self.source.fingerprint()

    def identity(self) -> dict[str, object]:
        """Return what must be equal to go on: the transforms and their seed are part of it."""
        said = ", ".join(map(repr, self.transforms))
        by = f" by seed {self.seed}" if any(one.draws for one in self.transforms) else ""
        before = self.source.identity()
        return before | {"inputs": self.inputs, "transforms": f"{before.get('transforms', '')} {said}{by}".lstrip()}


def transform(stream: Stream, transforms: Sequence[Transform], seed: int = 0) -> Stream:
    """Return the stream with its images transformed, in the order given.

    What happens to the image at position i follows from `seed` and i: it depends neither on the size of blocks nor on
    where reading begins. Where one transform is a `RandomResizedCrop` and the source is a folder of images, the
    transforms work on each image as it is decoded, before it is brought to `image_size`.

    Parameters
    ----------
    stream : Stream
        Of images: its `shape` is (height, width) or (channels, height, width).
    transforms : sequence of Transform
        `RandomResizedCrop`, `RandomFlip`, `PadCrop`, `Standardise`; none leaves the stream as it is.
    seed : int
        Of what is random.

    Raises
    ------
    ConfigError
        If the stream is none, holds no images, or not such as a transform can take; if `transforms` are none.
    """
    whole("seed of the transforms", seed, 0, 2**64 - 1)
    check_stream("stream to transform", stream)
    chosen = tuple(transforms) if isinstance(transforms, Iterable) else None
    if chosen is None or not all(_is_transform(one) for one in chosen):
        raise ConfigError("transforms", "a sequence of RandomResizedCrop(...), RandomFlip(...) and such", transforms)
    if not chosen:
        return stream
    return Transformed(as_images(stream), chosen, seed)


def _is_transform(one: object) -> bool:
    return hasattr(one, "apply") and not isinstance(one, type)  # RandomFlip is none, RandomFlip() is


def as_images(stream: Stream) -> RandomAccess:
    """Return a stream if it holds images that can be read from any place; ConfigError if not."""
    if not isinstance(stream, RandomAccess) or len(stream.shape) not in {2, 3}:
        rule = "of images, (height, width) or (channels, height, width), in a file that can be read from any place"
        raise ConfigError("stream to transform", rule, f"{stream.name} of the shape {stream.shape}")
    return stream
