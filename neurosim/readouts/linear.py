"""The linear readout: a classifier fitted to a frozen chip's responses and labels that the chip never saw."""

import warnings

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import one_of
from neurosim.chip.response import Response
from neurosim.errors import SampleError
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.readouts.features import KINDS, check_finite, features
from neurosim.readouts.labels import labelled

FEATURE_BYTES = 2 << 30  # most memory for the features that the linear readout is fitted to


class LinearReadout:
    """A linear classifier on what the last layer transmits: scikit-learn's `RidgeClassifier` on standardised features.

    Parameters
    ----------
    alpha : float
        Strength of the ridge, per sample.
    features : {"output", "triangle", "relu", "softmax"}
        Which features it is fitted to: `output`, or a function of the potentials, see `neurosim.readouts.features`.

    Attributes
    ----------
    samples_ : int
        Number of samples it was fitted on: the first ones, as many as fit into two GiB of features.

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
        """Keep a chunk of features and their labels, as far as the memory limit allows; -1 is no label."""
        response, labels = labelled(response, numbers("labels", labels, WHOLE))
        remaining = FEATURE_BYTES // (4 * response.output.shape[1]) - self.samples_
        if remaining > 0:
            self._features.append(features(response, self.features)[:remaining])
            self._labels.append(labels[:remaining])
            self.samples_ += len(self._labels[-1])

    def finish(self) -> "LinearReadout":
        """Fit the classifier."""
        from scipy.linalg import LinAlgWarning
        from sklearn.linear_model import RidgeClassifier

        values, labels = np.concatenate(self._features), np.concatenate(self._labels)
        self._features = []
        if len(np.unique(labels)) < 2:
            got = f"only {labels[0]}" if len(labels) else "none"
            raise SampleError(f"labels must be of two classes at least to fit a readout, got {got}")
        with np.errstate(over="ignore", invalid="ignore"):  # check_finite refuses what overflows
            self.mean_, deviation = values.mean(axis=0), values.std(axis=0)
            self.scale_ = 1 / (deviation + 1e-6 * deviation.mean() + 1e-30)
            values -= self.mean_
            values *= self.scale_
        check_finite(values, self.features)
        self.classifier_ = RidgeClassifier(alpha=self.alpha * len(values), solver="cholesky", copy_X=False)
        with warnings.catch_warnings():
            # Thousands of float32 features are ill-conditioned; the accuracy is measured anyway, so no warning.
            warnings.simplefilter("ignore", LinAlgWarning)
            self.classifier_.fit(values, labels)
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label that the linear readout gives each sample: int64 (samples,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = (features(response, self.features) - self.mean_) * self.scale_
        check_finite(values, self.features)
        return np.asarray(self.classifier_.predict(values))
