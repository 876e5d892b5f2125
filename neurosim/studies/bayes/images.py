"""The samples of a cell as arrays: those to learn from in the seed's order, those that name neurons, those to test."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.experiments.data import Data
from neurosim.experiments.sources import check_samples, open_pair, read

Array = NDArray[np.float32]
Labels = NDArray[np.int64]


class Images(NamedTuple):
    """Labelled samples of a training and of a test stream.

    Attributes
    ----------
    train, test : float32 (samples, inputs)
        The training samples lie in the order of the cell's seed: the first n of them are what has been seen after n.
    train_labels, test_labels : int64 (samples,)
    classes : int
        Labels are from 0, below this.
    shape : tuple of int
        Of a sample.
    low, high : float
        Least and largest value of an input, in training: bounds of what is an image.
    data : str
        Fingerprints of both streams.
    """

    train: Array
    train_labels: Labels
    test: Array
    test_labels: Labels
    classes: int
    shape: tuple[int, ...]
    low: float
    high: float
    data: str

    def naming(self, count: int) -> tuple[Array, Labels]:
        """Return the first training samples and their labels, which name neurons, with one of each class at least."""
        first = np.unique(self.train_labels, return_index=True)[1]
        missing = np.sort(first[first >= count])
        if len(missing) == 0:
            return self.train[:count], self.train_labels[:count]
        rows = np.concatenate([np.arange(count), missing])
        return self.train[rows], self.train_labels[rows]

    def some_tests(self, most: int) -> tuple[Array, Labels]:
        """Return at most so many test samples, evenly from all of the test stream, and their labels."""
        count = len(self.test)
        taken = min(most, count)
        rows = np.arange(taken) * count // taken
        return self.test[rows], self.test_labels[rows]

    def mean_norm(self) -> float:
        """Return the mean Euclidean norm of the training samples: how long an image is."""
        return float(np.linalg.norm(self.train, axis=1).mean())

    def within(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Return samples as float64, with their values cut off at `low` and `high`."""
        return np.clip(samples.astype(np.float64), self.low, self.high)

    def pictures(self, samples: NDArray[Any]) -> Array:
        """Return samples as images to be drawn, float32 (samples, *shape): `low` is 0, `high` is 1."""
        scaled = (samples - self.low) / (self.high - self.low)
        return np.asarray(scaled, np.float32).reshape(len(samples), *self.shape)


def images_of(settings: dict[str, Any], sets: Data) -> Images:
    """Read the samples of a cell.

    Raises
    ------
    StreamError, SampleError
        As `open_pair` and `check_samples` do.
    """
    pair = open_pair(settings, sets)
    train, test = read(pair.train), read(pair.test)
    labels, test_labels = check_samples(settings, pair, train, test)
    samples = train.samples
    order = randomness.permutation(settings["seed"], randomness.ORDER, 0, len(samples))
    return Images(
        samples[order], labels[order], test.samples, test_labels, int(max(labels.max(), test_labels.max())) + 1,
        pair.train.shape, float(samples.min()), float(samples.max()), pair.fingerprints,
    )  # fmt: skip
