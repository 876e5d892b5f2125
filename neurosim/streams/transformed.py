"""A stream whose images are transformed: how, depends on the seed and the image's position alone."""

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
    """The images of a stream, each transformed as it is read; made by `transform`.

    Positions go on over epochs, so an image is transformed in another way in each epoch.
    """

    def __init__(self, source: RandomAccess, transforms: Sequence[Transform], seed: int) -> None:
        self.source, self.transforms, self.seed = source, tuple(transforms), seed
        self.name, self.length, self.labelled = source.name, source.length, source.labelled
        self.read_ahead, self.classes = source.read_ahead, source.classes
        self.labels_advice, self.passed_over = source.labels_advice, source.passed_over
        self.numbers, self.notes = source.numbers, source.notes
        self.classes_grow = source.classes_grow
        shape = source.shape
        for transform in self.transforms:
            shape = transform.shape(shape)
        self._shape, self.inputs = shape, math.prod(shape)
        self._resizes = any(transform.resizes for transform in self.transforms)
        kinds = [transform.purpose for transform in self.transforms]
        # How many transforms of the same kind come before each: two of a kind draw different numbers.
        self._repeats = [kinds[:index].count(kind) for index, kind in enumerate(kinds)]

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them: see `Stream`."""
        self.source.name_classes(names)
        self.classes = self.source.classes

    def take(self, positions: NDArray[np.int64]) -> Block:
        """Return the samples at the given positions."""
        samples = np.empty((len(positions), self.inputs), np.float32)
        labels = np.empty(len(positions), np.int64) if self.labelled else None
        done = 0
        for run in np.split(positions, np.flatnonzero(np.diff(positions) != 1) + 1):
            images, image_labels = self._originals(self.source.order(int(run[0]), int(run[-1]) + 1))
            drawn = [self._draws(index, int(run[0]), len(run)) for index in range(len(self.transforms))]
            if labels is not None and image_labels is not None:
                labels[done : done + len(run)] = image_labels
            for i, image in enumerate(images):
                for transform, draws in zip(self.transforms, drawn, strict=True):
                    image = transform.apply(image, draws[i])
                samples[done] = image.ravel()
                done += 1
        return Block(samples, labels)

    def _originals(self, indices: NDArray[np.int64]) -> tuple[Iterator[NDArray[np.float32]], NDArray[np.int64] | None]:
        return self.source.originals(indices) if self._resizes else RandomAccess.originals(self.source, indices)

    def _draws(self, index: int, first: int, count: int) -> Draws:
        """Return the random numbers of a transform for the `count` positions from `first` on."""
        transform = self.transforms[index]
        return randomness.at_places(self.seed, transform.purpose, self._repeats[index], first, count, transform.draws)

    def fingerprint(self) -> str:
        """Return the fingerprint of the source."""
        return self.source.fingerprint()

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on: the transforms and their seed are part of it."""
        names = ", ".join(map(repr, self.transforms))
        seed = f" by seed {self.seed}" if any(transform.draws for transform in self.transforms) else ""
        source = self.source.identity()
        return source | {"inputs": self.inputs, "transforms": f"{source.get('transforms', '')} {names}{seed}".lstrip()}


def transform(stream: Stream, transforms: Sequence[Transform], seed: int = 0) -> Stream:
    """Return a stream with its images transformed by each of `transforms` in turn.

    How an image is transformed depends on `seed` and its position alone, not on the size of blocks, nor on where
    reading starts. If one transform is a `RandomResizedCrop` and the source is a folder of images, each image is
    transformed as it was decoded, before it is resampled to `image_size`.

    Parameters
    ----------
    stream : Stream
        Of images: its `shape` is (height, width) or (channels, height, width). `GaussianNoise`, `SaltAndPepper` and
        `Whiten` alone take samples of any shape.
    transforms : sequence of Transform
        `RandomResizedCrop`, `RandomFlip`, `PadCrop`, `Standardise`, `Whiten`, `GaussianNoise`, `SaltAndPepper`,
        `Occlusion`, `Blur`, `Contrast`; an empty sequence returns the stream itself.
    seed : int
        Seed of the random numbers.

    Raises
    ------
    ConfigError
        If `stream` is not a stream of images, cannot be read in any order, a transform cannot take its shape, or
        `transforms` is not a sequence of transforms.
    """
    whole("seed of the transforms", seed, 0, 2**64 - 1)
    check_stream("stream to transform", stream)
    chosen = tuple(transforms) if isinstance(transforms, Iterable) else None
    if chosen is None or not all(map(_is_transform, chosen)):
        raise ConfigError("transforms", "a sequence of RandomResizedCrop(...), RandomFlip(...) and such", transforms)
    if not chosen:
        return stream
    images_only = any(transform.needs_image for transform in chosen)
    return Transformed(as_images(stream) if images_only else in_any_order(stream), chosen, seed)


def _is_transform(value: object) -> bool:
    return hasattr(value, "apply") and not isinstance(value, type)  # RandomFlip() is a transform, RandomFlip is not


def as_images(stream: Stream) -> RandomAccess:
    """Return a stream if it holds images that can be read in any order; raise ConfigError if not."""
    if not isinstance(stream, RandomAccess) or len(stream.shape) not in {2, 3}:
        rule = "of images, (height, width) or (channels, height, width), that can be read in any order"
        raise ConfigError("stream to transform", rule, f"{stream.name} of the shape {stream.shape}")
    return stream


def in_any_order(stream: Stream) -> RandomAccess:
    """Return a stream if its samples can be read in any order; raise ConfigError if not."""
    if not isinstance(stream, RandomAccess):
        advice = "give samples as an array or a file of arrays"
        raise ConfigError("stream to transform", "one that can be read in any order", stream.name, advice)
    return stream
