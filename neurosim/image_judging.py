"""What a frozen chip that sends images is good for: the readout that the papers train, on all that it sends."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from neurosim.chip import Chip
from neurosim.errors import SampleError
from neurosim.feature_cache import FeatureCache
from neurosim.readouts import Judgement, check_labelled
from neurosim.streams import Stream
from neurosim.trained_readout import SoftmaxReadout

PUBLISHED_EPOCHS = 50
CHUNK = 250  # images that one layer takes before the next gets them


def judge_images(
    chip: Chip,
    train: Stream,
    test: Stream,
    *,
    epochs: int = PUBLISHED_EPOCHS,
    batch: int = 64,
    dropout: float = 0.5,
    seed: int = 0,
    pause: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Judgement:
    """Train a softmax readout on what the chip sends of one stream, and measure it on another.

    Takes memory for what the chip sends of all training samples: 4.9 GB for CIFAR-10 and 24,576 values each.

    Parameters
    ----------
    chip : Chip
    train, test : Stream
        With labels.
    epochs, batch, dropout, seed
        Of `SoftmaxReadout`.
    pause : callable
        Returns a context, entered after every chunk and epoch, that may raise to end the work.

    Raises
    ------
    ConfigError
        If what the chip sends does not fit into memory.
    SampleError
        If a stream has no labels, is empty, or does not fit the chip.
    """
    check_labelled(train, test)
    cache = FeatureCache(chunk=CHUNK).fill(chip, train, pause=pause)

    def watch(_epoch: object) -> None:
        with pause():
            pass

    readout = SoftmaxReadout(epochs=epochs, batch=batch, dropout=dropout, seed=seed)
    assert cache.labels_ is not None
    readout.fit(cache.features_, cache.labels_, watch=watch)
    right, count = 0, 0
    for outputs, labels in chip.output_blocks(test, chunk=CHUNK):
        with pause():
            right += int((readout.predict(outputs) == labels).sum())
        count += len(outputs)
    if count == 0:
        raise SampleError(f"{test.name} must hold at least one sample, got none")
    return Judgement(None, right / count, None, len(cache.labels_), count)
