"""Soft labels: every neuron votes for all classes, for each in proportion to how much it responded to it."""

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import finite, plain_number
from neurosim.chip.last_layer import Float, check_shares
from neurosim.chip.response import Response
from neurosim.errors import ConfigError, SampleError
from neurosim.layers.dense import DenseWTA
from neurosim.readouts.heads import SoftHead
from neurosim.readouts.inputs import check_fitted, check_response, labelled_chunk
from neurosim.readouts.labels import check_classes


class SoftLabels:
    r"""Every neuron has a share for each class; a sample's label is the class with the largest sum over all neurons.

    .. math::

        P(c \mid k) = \frac{\sum_{t: c_t = c} y_k(t)^+}{\sum_t y_k(t)^+}, \qquad
        \hat c = \arg\max_c \sum_k y_k^+ P(c \mid k)

    over the training samples t. Only the positive part of signed responses counts, :math:`y^+ = \max(y, 0)`: a neuron
    that unlearns votes for no class. A neuron that never responded has equal shares for all labels in training.
    Samples of zeros, which have no winner, are left out in training, as in `WinnerLabels`. Ties go to the lowest label.

    Parameters
    ----------
    smoothing : float
        s, at least 0, which every class gets of every neuron, so that of C classes none has the probability 0:
        :math:`(P(c \mid k) + s) / (1 + C s)` takes the place of :math:`P(c \mid k)`.

    Attributes
    ----------
    shares_ : float64 (neurons, classes)
        :math:`P(c \mid k)`; each row sums to 1. Classes go from 0 to the largest label in training.
    samples_ : int
        Number of samples with a label that were added, those of zeros included.

    Raises
    ------
    ConfigError
        If the smoothing is not a number of at least 0.

    References
    ----------
    Moraitis et al., SoftHebb, Neuromorph. Comput. Eng. 2 (2022) 044017: a response as the probability of a cause.
    """

    shares_: NDArray[np.float64]

    def __init__(self, smoothing: float = 0.0) -> None:
        smoothing = plain_number(smoothing)
        finite("smoothing", smoothing, "at least 0", 0)
        self.smoothing, self.samples_ = smoothing, 0
        self._sums = np.zeros((0, 0), np.float64)
        self._seen = np.zeros(0, np.bool_)

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Sum a chunk of responses by class; samples with the label -1, which is none, are left out.

        Raises
        ------
        SampleError
            If a label is too large for a table with a sum for each neuron and label; if responses are not those of a
            dense layer to many samples, of as many neurons as before; if labels are not one for each sample.
        """
        response, labels = labelled_chunk(response, labels, len(self._sums) or None)
        check_classes(labels)
        self.samples_ += len(labels)
        nonzero = response.potentials.any(axis=1)
        classes, class_index = np.unique(labels[nonzero], return_inverse=True)
        if len(classes) == 0:
            return
        responses = _positive(response.responses[nonzero])
        grow = max(0, int(classes[-1]) + 1 - len(self._seen))
        self._sums = np.pad(self._sums, ((0, responses.shape[1] - len(self._sums)), (0, grow)))
        self._seen = np.pad(self._seen, (0, grow))
        members = (np.arange(len(classes))[:, None] == class_index).astype(np.float64)
        self._sums[:, classes] += (members @ responses).T
        self._seen[classes] = True

    def finish(self) -> "SoftLabels":
        """Compute each neuron's shares.

        Raises
        ------
        SampleError
            If all samples were zeros.
        """
        if self._sums.size == 0:
            raise SampleError(
                "samples must include one that is not all zeros and has a label to label neurons, got none"
            )
        total = self._sums.sum(axis=1, keepdims=True)
        uniform = np.broadcast_to(self._seen / self._seen.sum(), self._sums.shape)
        shares = np.divide(self._sums, total, out=uniform.copy(), where=total > 0)
        self.shares_ = (shares + self.smoothing) / (1 + shares.shape[1] * self.smoothing) if self.smoothing else shares
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label that all neurons together give each sample: int64 (samples,).

        Raises
        ------
        ConfigError
            If the readout is not fitted.
        SampleError
            If responses are not those of as many neurons to many samples.
        """
        self._check(response)
        return np.asarray((_positive(response.responses) @ self.shares_).argmax(axis=1))

    def predict_proba(self, response: Response) -> NDArray[np.float64]:
        r"""Return each class's probability: float64 (samples, classes), column c for label c; each row sums to 1.

        .. math:: P(c \mid x) = \sum_k P(k \mid x) P(c \mid k), \qquad P(k \mid x) = y_k^+ / \sum_l y_l^+

        Where the competition is a softmax, P(k | x) is its posterior, `Chip.posterior`. Where no response is positive,
        all neurons count alike.

        Raises
        ------
        ConfigError
            If the readout is not fitted.
        SampleError
            If responses are not those of as many neurons to many samples.
        """
        self._check(response)
        responses = _positive(response.responses)
        responses[~responses.any(axis=1)] = 1
        return np.asarray(responses / responses.sum(axis=1, keepdims=True) @ self.shares_)

    def head(self, layer: DenseWTA, dtype: Float) -> SoftHead:
        """Return what gradients take of it, for a last layer.

        Raises
        ------
        ConfigError
            If it is not fitted, or to another number of neurons, or if responses of such a layer are not P(k | x).
        """
        check_fitted(self, "shares_")
        check_shares(layer)
        if len(self.shares_) != layer.neurons:
            raise ConfigError("readout", f"fitted to the {layer.neurons} neurons of the last layer", len(self.shares_))
        return SoftHead(self.shares_, dtype)

    def _check(self, response: object) -> None:
        check_fitted(self, "shares_")
        check_response(response, len(self.shares_))


def _positive(responses: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.maximum(responses, 0).astype(np.float64)
