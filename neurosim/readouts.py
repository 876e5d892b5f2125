"""Readouts: what a frozen chip's responses say about labels that it never saw."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.chip import Chip, Response
from neurosim.errors import SampleError
from neurosim.metrics import accuracy, never_won
from neurosim.streams import Stream

FEATURE_BYTES = 2 << 30  # features that the linear readout may hold in memory


CLASSES = 10_000  # labels that a readout tells apart at most: it keeps a count for each neuron and label


class WinnerLabels:
    """Give every neuron the label it wins most often; a sample's label is its winner's.

    A neuron that wins no sample gets the label of its largest summed response (`docs/measured.md`).

    Attributes
    ----------
    labels_ : int64 (neurons,)
        Each neuron's label.
    wins_ : int64 (neurons,)
        Samples that each neuron won.
    """

    labels_: NDArray[np.int64]
    wins_: NDArray[np.int64]

    def __init__(self) -> None:
        self._wins = np.zeros((0, 0), np.int64)
        self._shares = np.zeros((0, 0), np.float64)

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Count a chunk of responses and their labels."""
        if labels.max() >= CLASSES:
            raise SampleError(f"labels must be below {CLASSES} to measure accuracy, got {labels.max()}")
        blank = ~response.potentials.any(axis=1)  # nobody wins a sample of zeros
        labels, winner, responses = labels[~blank], response.winner[~blank], response.responses[~blank]
        if len(labels) == 0:
            return
        classes = max(self._wins.shape[1], int(labels.max()) + 1)
        grow = ((0, responses.shape[1] - len(self._wins)), (0, classes - self._wins.shape[1]))
        if grow != ((0, 0), (0, 0)):
            self._wins, self._shares = np.pad(self._wins, grow), np.pad(self._shares, grow)
        np.add.at(self._wins, (winner, labels), 1)
        np.add.at(self._shares.T, labels, responses)

    def finish(self) -> "WinnerLabels":
        """Settle each neuron's label."""
        if self._wins.size == 0:
            raise SampleError("samples must be at least one that is not of zeros to label neurons, got none")
        self.wins_ = self._wins.sum(axis=1)
        self.labels_ = np.where(self.wins_ > 0, self._wins.argmax(axis=1), self._shares.argmax(axis=1))
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label of each sample's winner."""
        return np.asarray(self.labels_[response.winner])


class LinearReadout:
    """A linear classifier on what the last layer transmits: scikit-learn's `RidgeClassifier` on standardised features.

    Parameters
    ----------
    alpha : float
        Strength of the ridge, per sample.

    Attributes
    ----------
    samples_ : int
        Samples it was fitted on: the first ones, as many as two GiB of features hold.
    """

    def __init__(self, alpha: float = 3e-4) -> None:
        self.alpha, self.samples_ = alpha, 0
        self._features: list[NDArray[np.float32]] = []
        self._labels: list[NDArray[np.int64]] = []

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Keep a chunk of features and their labels, while there is room."""
        room = FEATURE_BYTES // (4 * response.output.shape[1]) - self.samples_
        if room > 0:
            self._features.append(response.output[:room])
            self._labels.append(labels[:room])
            self.samples_ += len(self._labels[-1])

    def finish(self) -> "LinearReadout":
        """Fit the classifier."""
        from scipy.linalg import LinAlgWarning
        from sklearn.linear_model import RidgeClassifier

        features, labels = np.concatenate(self._features), np.concatenate(self._labels)
        self._features = []
        if not np.isfinite(features).all():
            raise SampleError("what the last layer transmits must be finite in float32 to fit a readout, and is not")
        if len(np.unique(labels)) < 2:
            raise SampleError(f"labels must be of two classes at least to fit a readout, got only {labels[0]}")
        self.mean_, deviation = features.mean(axis=0), features.std(axis=0)
        self.scale_ = 1 / (deviation + 1e-6 * deviation.mean() + 1e-30)
        features -= self.mean_
        features *= self.scale_
        self.classifier_ = RidgeClassifier(alpha=self.alpha * len(features), solver="cholesky", copy_X=False)
        with warnings.catch_warnings():
            # Thousands of features in float32 are ill-conditioned; what comes of them is measured, not trusted.
            warnings.simplefilter("ignore", LinAlgWarning)
            self.classifier_.fit(features, labels)
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label that the linear readout gives each sample."""
        return np.asarray(self.classifier_.predict((response.output - self.mean_) * self.scale_))


class Judgement(NamedTuple):
    """What the readouts found: accuracies on the test stream, from 0 to 1, and who won none of the training samples."""

    winner_accuracy: float
    readout_accuracy: float
    never_won_frozen: float
    readout_samples: int
    test_samples: int


def judge(
    chip: Chip, train: Stream, test: Stream, *, pause: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Judgement:
    """Fit both readouts on the frozen responses to one stream, and measure them on another.

    Parameters
    ----------
    chip : Chip
    train, test : Stream
        With labels.
    pause : callable
        Returns a context, entered after every chunk, that may raise to end the work.

    Raises
    ------
    SampleError
        If a stream has no labels, is empty, or does not fit the chip.
    """
    for stream in (train, test):
        if not stream.labelled:
            raise SampleError(f"labels of {stream.name} must be there to measure accuracy, got none")
    winner, linear = WinnerLabels(), LinearReadout()
    for response, labels in answers(chip, train, pause):
        winner.add(response, labels)
        linear.add(response, labels)
    winner.finish()
    linear.finish()
    parts = [
        (winner.predict(response), linear.predict(response), labels) for response, labels in answers(chip, test, pause)
    ]
    by_winner, by_line, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Judgement(
        winner_accuracy=accuracy(by_winner, labels),
        readout_accuracy=accuracy(by_line, labels),
        never_won_frozen=never_won(winner.wins_),
        readout_samples=linear.samples_,
        test_samples=len(labels),
    )


def answers(
    chip: Chip, stream: Stream, pause: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Iterator[tuple[Response, NDArray[Any]]]:
    """Give a frozen chip's responses to a stream with their labels, a chunk at a time."""
    count = 0
    for response, labels in chip.respond_blocks(stream, chunk=1000):
        with pause():
            count += len(response.winner)
        assert labels is not None
        yield response, labels
    if count == 0:
        raise SampleError(f"{stream.name} must hold at least one sample, got none")
