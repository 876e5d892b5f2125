"""Readouts: what a frozen chip's responses say about labels that it never saw."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import one_of
from neurosim.chip import Chip, Response
from neurosim.competition import ByLabel
from neurosim.errors import SampleError
from neurosim.features import KINDS, check_finite, features
from neurosim.metrics import accuracy, never_won
from neurosim.streams import Stream, check_stream

FEATURE_BYTES = 2 << 30  # features that the linear readout may hold in memory


RESPONSES = 1 << 24  # of neurons, at all positions of images, that a chunk may have
CLASSES = 10_000  # labels that a readout tells apart at most: it keeps a count for each neuron and label


class WinnerLabels:
    """Give every neuron the label it wins most often; a sample's label is its winner's.

    A neuron that wins no sample gets the label of its largest summed response (`docs/measured.md`).

    Parameters
    ----------
    by_label : bool
        Whether the layer is taught by labels (`Taught`, `Corrected`): then neuron k has the label k, whatever it wins.

    Attributes
    ----------
    labels_ : int64 (neurons,)
        Each neuron's label.
    wins_ : int64 (neurons,)
        Samples that each neuron won.
    samples_ : int
        Samples it was given, those of zeros included.
    """

    labels_: NDArray[np.int64]
    wins_: NDArray[np.int64]

    def __init__(self, *, by_label: bool = False) -> None:
        self.by_label, self.samples_ = by_label, 0
        self._wins = np.zeros((0, 0), np.int64)
        self._shares = np.zeros((0, 0), np.float64)

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Count a chunk of responses and their labels."""
        check_classes(labels)
        self.samples_ += len(labels)
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
        if self.by_label:
            self.labels_ = np.arange(len(self.wins_))
            return self
        self.labels_ = np.where(self.wins_ > 0, self._wins.argmax(axis=1), self._shares.argmax(axis=1))
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label of each sample's winner."""
        return np.asarray(self.labels_[response.winner])


def taught_by_label(chip: Chip) -> bool:
    """Tell whether neurons of the last layer are classes."""
    return isinstance(chip.layers[-1].constants.competition, ByLabel)


def check_classes(labels: NDArray[np.int64]) -> None:
    """Refuse labels that a count for each neuron and label has no room for."""
    if labels.max() >= CLASSES:
        raise SampleError(f"labels must be below {CLASSES} to measure accuracy, got {labels.max()}")


class LinearReadout:
    """A linear classifier on what the last layer transmits: scikit-learn's `RidgeClassifier` on standardised features.

    Parameters
    ----------
    alpha : float
        Strength of the ridge, per sample.
    features : {"output", "triangle", "relu", "softmax"}
        What it is given instead, a function of the potentials: see `neurosim.features`.

    Attributes
    ----------
    samples_ : int
        Samples it was fitted on: the first ones, as many as two GiB of features hold.

    Raises
    ------
    ConfigError
        If `features` is none of these.
    """

    def __init__(self, alpha: float = 3e-4, *, features: str = "output") -> None:
        one_of("features", features, KINDS)
        self.alpha, self.features, self.samples_ = alpha, features, 0
        self._features: list[NDArray[np.float32]] = []
        self._labels: list[NDArray[np.int64]] = []

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Keep a chunk of features and their labels, while there is room."""
        room = FEATURE_BYTES // (4 * response.output.shape[1]) - self.samples_
        if room > 0:
            self._features.append(features(response, self.features)[:room])
            self._labels.append(labels[:room])
            self.samples_ += len(self._labels[-1])

    def finish(self) -> "LinearReadout":
        """Fit the classifier."""
        from scipy.linalg import LinAlgWarning
        from sklearn.linear_model import RidgeClassifier

        values, labels = np.concatenate(self._features), np.concatenate(self._labels)
        self._features = []
        if len(np.unique(labels)) < 2:
            raise SampleError(f"labels must be of two classes at least to fit a readout, got only {labels[0]}")
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            self.mean_, deviation = values.mean(axis=0), values.std(axis=0)
            self.scale_ = 1 / (deviation + 1e-6 * deviation.mean() + 1e-30)
            values -= self.mean_
            values *= self.scale_
        check_finite(values, self.features)
        self.classifier_ = RidgeClassifier(alpha=self.alpha * len(values), solver="cholesky", copy_X=False)
        with warnings.catch_warnings():
            # Thousands of features in float32 are ill-conditioned; what comes of them is measured, not trusted.
            warnings.simplefilter("ignore", LinAlgWarning)
            self.classifier_.fit(values, labels)
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label that the linear readout gives each sample."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = (features(response, self.features) - self.mean_) * self.scale_
        check_finite(values, self.features)
        return np.asarray(self.classifier_.predict(values))


class Judgement(NamedTuple):
    """What the readouts found: accuracies on the test stream, from 0 to 1, and who won none of the training samples.

    None of what makes no sense for neurons that see an image at many positions.
    """

    winner_accuracy: float | None
    readout_accuracy: float
    never_won_frozen: float | None
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
    check_labelled(train, test)
    winner, linear = WinnerLabels(by_label=taught_by_label(chip)), LinearReadout()
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


def check_labelled(*streams: Stream) -> None:
    """Refuse streams without labels, and labels that stand for other classes."""
    for stream in streams:
        check_stream("train and test", stream)
        if not stream.labelled:
            raise SampleError(f"labels of {stream.name} must be there to measure accuracy, got none")
    named = [stream for stream in streams if stream.classes]
    for stream in named[1:]:
        if stream.classes != named[0].classes:
            other = sorted(set(stream.classes) ^ set(named[0].classes))[0]
            raise SampleError(
                f"classes of {stream.name} must be those of {named[0].name}, as labels count them: "
                f"only one of them has the class {other}"
            )


def answers(
    chip: Chip, stream: Stream, pause: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Iterator[tuple[Response, NDArray[Any]]]:
    """Give a frozen chip's responses to a stream with their labels, a chunk at a time."""
    count = 0
    chunk = max(1, min(1000, RESPONSES // chip.layers[-1].responses))
    for response, labels in chip.respond_blocks(stream, chunk=chunk):
        with pause():
            count += len(response.winner)
        assert labels is not None
        yield response, labels
    if count == 0:
        raise SampleError(f"{stream.name} must hold at least one sample, got none")
