"""Judgement of a frozen chip that sends images: the papers' softmax readout, trained on its outputs."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.checks import LARGEST, whole
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError, SampleError
from neurosim.readouts.feature_cache import FeatureCache
from neurosim.readouts.judge import Judgement
from neurosim.readouts.labels import accuracy, check_labelled, numbered_alike
from neurosim.readouts.softmax import SoftmaxReadout
from neurosim.streams import Stream
from neurosim.streams.base import UNKNOWN, UNLABELLED
from neurosim.streams.transformed import transform
from neurosim.streams.transforms import Transform

Array = NDArray[np.float32]
PUBLISHED_EPOCHS = 50
VIEWS = 204  # purpose of random numbers, distinct from those of a chip and of the readout
CHUNK = 250  # images that pass through one layer before the next one gets them


def judge_images(
    chip: Chip,
    train: Stream,
    test: Stream,
    *,
    epochs: int = PUBLISHED_EPOCHS,
    batch: int = 64,
    dropout: float = 0.5,
    seed: int = 0,
    augment: Sequence[Transform] = (),
    views: int = 1,
    pause: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Judgement:
    """Train a softmax readout on the chip's outputs for one stream, and measure it on another.

    Needs memory for the outputs of all training samples: 4.9 GB for CIFAR-10 with 24,576 values each; twice that with
    more than one view.

    Parameters
    ----------
    chip : Chip
    train, test : Stream
        With labels.
    epochs, batch, dropout, seed
        As for `SoftmaxReadout`.
    augment : sequence of Transform
        Applied at random to the training images, not to the test images.
    views : int
        How many times the training images are transformed anew, and the chip responds to them, at equal intervals
        through the epochs. From 1 to `epochs`; 1 without `augment`.
    pause : callable
        Returns a context, entered after every chunk and epoch; it may raise to end the work.

    Raises
    ------
    ConfigError
        If `views` is out of range; if the outputs do not fit into memory.
    SampleError
        If a stream has no labels, is empty, or does not fit the chip.
    """
    check_labelled(train, test)
    readout = SoftmaxReadout(epochs=epochs, batch=batch, dropout=dropout, seed=seed)
    whole("views", views, 1, LARGEST)
    if views > (epochs if augment else 1):
        rule = f"at most the {epochs} epochs" if augment else "1 without augment, as all views would be equal"
        raise ConfigError("views", rule, views)
    training_views = _Views(chip, train, augment, views, readout, pause)
    features, labels = training_views.first()
    readout.fit(features, labels, watch=training_views.watch, renew=training_views.renew)
    chunks = []
    for outputs, test_labels in chip.output_blocks(test, chunk=CHUNK):
        with pause():
            assert test_labels is not None
            chunks.append((readout.predict(outputs), numbered_alike(test_labels, test, train)))
    if not chunks:
        raise SampleError(f"{test.name} must hold at least one sample, got none")
    predicted, test_labels = (np.concatenate(column) for column in zip(*chunks, strict=True))
    return Judgement(
        winner_accuracy=None,
        readout_accuracy=accuracy(predicted, test_labels),
        never_won_frozen=None,
        readout_samples=readout.samples_,
        test_samples=int((test_labels != UNLABELLED).sum()),
        test_unlabelled=int((test_labels == UNLABELLED).sum()),
        test_unknown=int((test_labels == UNKNOWN).sum()),
    )


class _Views:
    """The chip's outputs for the training images, which are transformed anew at the beginning of some epochs."""

    def __init__(
        self,
        chip: Chip,
        train: Stream,
        augment: Sequence[Transform],
        views: int,
        readout: SoftmaxReadout,
        pause: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._chip, self._train, self._augment, self._readout, self._pause = chip, train, augment, readout, pause
        self._begins = {1 + readout.epochs * view // views: view for view in range(views)}

    def first(self) -> tuple[Array, NDArray[np.int64]]:
        """Return the features of the first view, and the labels."""
        cache = self._fill(0)
        assert cache.labels_ is not None
        return cache.features_, cache.labels_

    def renew(self, epoch: int) -> Array | None:
        """Return the features of the view that begins with this epoch, or None if none does."""
        return self._fill(self._begins[epoch]).features_ if epoch in self._begins else None

    def watch(self, _epoch: object) -> None:
        """Enter `pause`, which may raise to end the work."""
        with self._pause():
            pass

    def _fill(self, view: int) -> FeatureCache:
        seed = int(randomness.words(self._readout.seed, VIEWS, view, 1)[0])
        images = transform(self._train, self._augment, seed) if self._augment else self._train
        return FeatureCache(chunk=CHUNK).fill(self._chip, images, pause=self._pause)
