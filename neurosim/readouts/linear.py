"""The linear readout: a classifier fitted to a frozen chip's responses and labels that the chip never saw."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import finite, one_of
from neurosim.chip.activation_slopes import softmax
from neurosim.chip.last_layer import Float
from neurosim.chip.response import Response
from neurosim.errors import ConfigError, SampleError
from neurosim.layers.dense import DenseWTA
from neurosim.readouts.features import KINDS, check_finite, features
from neurosim.readouts.heads import LinearHead
from neurosim.readouts.inputs import check_fitted, check_response, labelled_chunk
from neurosim.readouts.labels import check_classes
from neurosim.state.arrays import Arrays
from neurosim.state.kept_readouts import KeptReadout

CLASSIFIERS = ("ridge", "logistic")
STEPS = 100  # of L-BFGS, at most
FEATURE_BYTES = 2 << 30  # most memory for the features that the linear readout is fitted to


class LinearReadout:
    r"""A linear classifier on what the last layer transmits, fitted to standardised features by scikit-learn.

    With scores :math:`s = W x + b`, targets t of 1 for the label and -1 for other classes, and N samples, it minimises

    .. math::

        \text{ridge: } \sum (s - t)^2 + \alpha N \|W\|^2, \qquad
        \text{logistic: } -\frac{1}{N} \sum \ln \mathrm{softmax}(s)_\mathrm{label} + \frac{\alpha}{2} \|W\|^2

    Parameters
    ----------
    alpha : float
        :math:`\alpha`, positive.
    features : {"output", "triangle", "relu", "softmax"}
        Which features it is fitted to: `output`, or a function of the potentials, see `neurosim.readouts.features`.
    classifier : {"ridge", "logistic"}
        `ridge` is `RidgeClassifier`, in closed form. `logistic` is `LogisticRegression`, multinomial, by at most 100
        steps of L-BFGS: slower, and often better, above all on a few hundred inputs.

    Attributes
    ----------
    samples_ : int
        Number of samples it was fitted on: the first ones, as many as fit into two GiB of features.
    labels_ : int64 (classes,)
        The labels it tells apart.
    weights_ : float32 (classes, features)
    intercepts_ : float32 (classes,)
    mean_, scale_ : float32 (features,)
        The readout is the largest of `weights_ @ ((features - mean_) * scale_) + intercepts_`.

    Raises
    ------
    ConfigError
        If `features` or `classifier` is none of these, or `alpha` not positive.
    """

    labels_: NDArray[np.int64]
    weights_: NDArray[np.float32]
    intercepts_: NDArray[np.float32]
    mean_: NDArray[np.float32]
    scale_: NDArray[np.float32]

    def __init__(self, alpha: float = 3e-4, *, features: str = "output", classifier: str = "ridge") -> None:
        one_of("features", features, KINDS)
        one_of("classifier", classifier, CLASSIFIERS)
        finite("alpha", alpha, "positive", 0, above=True)
        self.alpha, self.features, self.classifier, self.samples_ = alpha, features, classifier, 0
        self._features: list[NDArray[np.float32]] = []
        self._labels: list[NDArray[np.int64]] = []

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Keep a chunk of features and their labels, as far as the memory limit allows; -1 is no label.

        Raises
        ------
        SampleError
            If responses are not those of a chip to many samples, or of another width than before; if labels are not
            whole numbers, one for each sample.
        """
        response, labels = labelled_chunk(response, labels, field="output")
        remaining = FEATURE_BYTES // (4 * response.output.shape[1]) - self.samples_
        if remaining > 0:
            values = features(response, self.features)
            if self._features:
                _check_width(values, self._features[0].shape[1])
            self._features.append(values[:remaining])
            self._labels.append(labels[:remaining])
            self.samples_ += len(self._labels[-1])

    def finish(self) -> "LinearReadout":
        """Fit the classifier."""
        values, labels = np.concatenate(self._features), np.concatenate(self._labels)
        self._features = []
        if len(np.unique(labels)) < 2:
            got = f"only {labels[0]}" if len(labels) else "none"
            raise SampleError(f"labels must be of two classes at least to fit a readout, got {got}")
        with np.errstate(over="ignore", invalid="ignore"):  # check_finite refuses what overflows
            self.mean_, deviation = values.mean(axis=0), values.std(axis=0)
            self.scale_ = np.asarray(1 / (deviation + 1e-6 * deviation.mean() + 1e-30), np.float32)
            values -= self.mean_
            values *= self.scale_
        check_finite(values, self.features)
        weights, intercepts, classes = _classifier(self.classifier, self.alpha, values, labels)
        if len(weights) == 1:  # of two classes there is one plane: they are on its two sides
            half = np.float32(
                0.5 if self.classifier == "logistic" else 1
            )  # softmax(-s / 2, s / 2) is the logistic of s
            weights = half * np.concatenate([-weights, weights])
            intercepts = half * np.concatenate([-intercepts, intercepts])
        self.weights_ = np.ascontiguousarray(weights, np.float32)
        self.intercepts_ = intercepts.astype(np.float32)
        self.labels_ = classes.astype(np.int64)
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label that the linear readout gives each sample: int64 (samples,).

        Each sample's sums are taken for themselves, so a prediction does not depend on the samples beside it.

        Raises
        ------
        ConfigError
            If the readout is not fitted.
        SampleError
            If responses are not those of a chip to many samples, or features not finite, or of another width.
        """
        check_fitted(self, "weights_")
        return np.asarray(self.labels_[self._scores(response).argmax(axis=1)])

    def predict_proba(self, response: Response) -> NDArray[np.float64]:
        r"""Return the softmax of the scores: float64 (samples, classes), column c for label c; each row sums to 1.

        .. math:: P(c \mid x) = e^{s_c} / \sum_d e^{s_d}

        Logistic regression is fitted to these. A ridge is fitted to targets of -1 and 1, not to probabilities: its are
        not calibrated, and far from 0 and 1, as scores hardly leave that range; only their order is what was fitted. A
        label below the largest that was not among those in training has the probability 0.

        Raises
        ------
        ConfigError
            If the readout is not fitted.
        SampleError
            If features are not finite, or not of the width it was fitted on; if it was fitted to labels from 10,000 on.
        """
        self._check_columns()
        shares = softmax(self._scores(response).astype(np.float64))
        values = np.zeros((len(shares), int(self.labels_[-1]) + 1))
        values[:, self.labels_] = shares
        return values

    def head(self, layer: DenseWTA, dtype: Float) -> LinearHead:
        """Return what gradients take of it, for a last layer.

        Raises
        ------
        ConfigError
            If it is not fitted, or to another number of neurons.
        SampleError
            If it was fitted to labels from 10,000 on.
        """
        self._check_columns()
        if len(self.mean_) != layer.neurons:
            raise ConfigError("readout", f"fitted to the {layer.neurons} neurons of the last layer", len(self.mean_))
        return LinearHead(self.kept(), layer.transmit, dtype)

    def _scores(self, response: Response) -> NDArray[np.float32]:
        """Return each class's score: float32 (samples, classes), in the order of `labels_`."""
        check_response(response, field="output")
        values = features(response, self.features)
        _check_width(values, len(self.mean_))
        with np.errstate(over="ignore", invalid="ignore"):
            values = (values - self.mean_) * self.scale_
            sums = np.einsum("nd,cd->nc", values, self.weights_) + self.intercepts_
        check_finite(values, self.features)
        return np.asarray(sums)

    def _check_columns(self) -> None:
        """Refuse a readout that is not fitted, or whose labels would take too many columns."""
        check_fitted(self, "weights_")
        check_classes(self.labels_, "for each to have a column of probabilities")

    def kept(self) -> KeptReadout:
        """Return what a state file keeps of it: what predicts, not how it was fitted."""
        arrays: Arrays = {
            "labels": self.labels_, "weights": self.weights_, "intercepts": self.intercepts_, "means": self.mean_,
            "scales": self.scale_,
        }  # fmt: skip
        return KeptReadout(self.samples_, self.features, arrays)

    @classmethod
    def of(cls, kept: KeptReadout) -> "LinearReadout":
        """Return the readout of which this was kept."""
        readout = cls(features=kept.features)
        readout.samples_ = kept.samples
        readout.labels_, readout.weights_ = kept.arrays["labels"], kept.arrays["weights"]
        readout.intercepts_ = kept.arrays["intercepts"]
        readout.mean_, readout.scale_ = kept.arrays["means"], kept.arrays["scales"]
        return readout


def _classifier(
    name: str, alpha: float, values: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return weights, intercepts and labels of the classifier, fitted to standardised features, which may be lost."""
    from scipy.linalg import LinAlgWarning
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, RidgeClassifier

    classifier: Any = (
        RidgeClassifier(alpha=alpha * len(values), solver="cholesky", copy_X=False)
        if name == "ridge"
        else LogisticRegression(C=1 / (alpha * len(values)), solver="lbfgs", max_iter=STEPS)
    )
    with warnings.catch_warnings():
        # Thousands of float32 features are ill-conditioned, and steps may end before the minimum; the accuracy is
        # measured anyway, so no warning.
        warnings.simplefilter("ignore", LinAlgWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(values, labels)
    return np.atleast_2d(classifier.coef_), np.atleast_1d(classifier.intercept_), classifier.classes_


def _check_width(values: NDArray[np.float32], width: int) -> None:
    if values.shape[1] != width:
        raise SampleError(f"features must be the {width} it was fitted on, got {values.shape[1]}")
