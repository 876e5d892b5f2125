"""Judgement of a frozen chip that sends images: the papers' softmax readout, trained on its outputs."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from neurosim.chip.chip import Chip
from neurosim.readouts.fitted import Readouts
from neurosim.readouts.image_readout import PUBLISHED_EPOCHS, fit_images
from neurosim.readouts.judge import Judgement, measure
from neurosim.readouts.labels import check_labelled
from neurosim.streams import Stream
from neurosim.streams.transforms import Transform


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
    readout = fit_images(
        chip, train, epochs=epochs, batch=batch, dropout=dropout, seed=seed, augment=augment, views=views, pause=pause
    )
    words = train.classes_grow and bool(train.classes)
    readouts = Readouts({"softmax": readout}, chip.state_sha256, train.classes, words=words)
    return measure(readouts, chip, test, pause=pause)
