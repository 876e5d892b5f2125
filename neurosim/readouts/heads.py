"""Heads: what gradients take of a readout, log P(c | x) and its slope with respect to the last layer's potentials."""

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.activation_slopes import Real, activate, log_softmax, log_sum, slope_before
from neurosim.chip.last_layer import Float, LastLayer
from neurosim.errors import SampleError
from neurosim.layers.activations import ReLU, Softmax, Transmit, Triangle
from neurosim.readouts.features import SHARPNESS
from neurosim.state.kept_readouts import KeptReadout

FUNCTIONS: dict[str, Transmit] = {  # of `neurosim.readouts.features.OF_POTENTIALS`, with slopes
    "triangle": Triangle(), "relu": ReLU(), "softmax": Softmax(temperature=float(1 / SHARPNESS)),
}  # fmt: skip


class SoftHead:
    r"""The head of `SoftLabels`.

    .. math::

        \log P(c \mid x) = \log \sum_k y_k P(c \mid k), \qquad
        \frac{\partial \log P(c \mid x)}{\partial v_j} = \frac{y_j P(c \mid j)}{\sum_k y_k P(c \mid k)} - y_j

    where :math:`y = \mathrm{softmax}(v)`. Logarithms are summed where shares of the softmax underflow.

    Parameters
    ----------
    shares : float64 (neurons, classes)
        :math:`P(c \mid k)`.
    dtype : float64 or float32
    """

    of_shares = True

    def __init__(self, shares: NDArray[np.float64], dtype: Float) -> None:
        self.classes = shares.shape[1]
        self.shares: Real = np.ascontiguousarray(shares.T, dtype)
        with np.errstate(divide="ignore"):
            self.log_shares: Real = np.log(shares.T).astype(dtype)
        kind = np.finfo(dtype)
        self._faint = kind.tiny / kind.eps  # a smaller sum may have lost terms

    def log_proba(self, last: LastLayer) -> Real:
        """Return log P(c | x), minus infinity for a class of which no neuron has a share."""
        sums = np.exp(last.log_shares) @ self.shares.T
        with np.errstate(divide="ignore"):
            values: Real = np.log(sums)
        for label in range(self.classes):
            faint = np.flatnonzero(sums[:, label] < self._faint)
            if len(faint):
                values[faint, label] = log_sum(last.log_shares[faint] + self.log_shares[label])
        return values

    def slope(self, last: LastLayer, labels: NDArray[np.int64]) -> Real:
        """Return the slope of log P(label | x) with respect to the potentials: (samples, neurons).

        Raises
        ------
        SampleError
            If no neuron has a share for a label: its P is 0 whatever the sample, and has no logarithm.
        """
        for label in np.unique(labels):
            if np.isneginf(self.log_shares[label]).all():  # faint shares are 0 in float32, their logarithms are not
                raise SampleError(
                    f"labels must be of classes that a neuron has a share for, got {label}; "
                    "SoftLabels(smoothing=1e-3) gives every neuron one"
                )
        terms = last.log_shares + self.log_shares[labels]
        causes = np.exp(log_softmax(terms))
        return last.slope_of_potentials(causes - np.exp(last.log_shares))


class LinearHead:
    r"""The head of a `LinearReadout`: :math:`P(c \mid x)` is the softmax of its scores.

    Parameters
    ----------
    kept : KeptReadout
        The readout's arrays and kind of features.
    transmit : any of `neurosim.layers.activations`
        The last layer's: features of the kind `output`.
    dtype : float64 or float32

    Attributes
    ----------
    function : any of `neurosim.layers.activations`
        The function of the potentials that the features are.
    weights : float64 or float32 (features, classes)
        For features as they are: the readout's scales are multiplied into its weights.
    intercepts : float64 or float32 (classes,)
    labels : int64 (classes,)
        The label of each column.
    """

    of_shares = False

    def __init__(self, kept: KeptReadout, transmit: Transmit, dtype: Float) -> None:
        self.function = transmit if kept.features == "output" else FUNCTIONS[kept.features]
        arrays = {name: array.astype(np.float64) for name, array in kept.arrays.items()}
        weights = arrays["weights"] * arrays["scales"]
        self.weights: Real = np.ascontiguousarray(weights.T, dtype)
        self.intercepts: Real = (arrays["intercepts"] - weights @ arrays["means"]).astype(dtype)
        self.labels = kept.arrays["labels"]
        self.classes = int(self.labels[-1]) + 1

    def log_proba(self, last: LastLayer) -> Real:
        """Return log P(c | x), minus infinity for a label that was not in training."""
        values = np.full((len(last.potentials), self.classes), -np.inf, last.potentials.dtype)
        values[:, self.labels] = self._log_shares(last)
        return values

    def slope(self, last: LastLayer, labels: NDArray[np.int64]) -> Real:
        """Return the slope of log P(label | x) with respect to the potentials: (samples, neurons).

        Raises
        ------
        SampleError
            If a label was not in training: its P is 0 whatever the sample, and has no logarithm.
        """
        columns = np.minimum(np.searchsorted(self.labels, labels), len(self.labels) - 1)
        unknown = self.labels[columns] != labels
        if unknown.any():
            raise SampleError(f"labels must be of classes that the readout was fitted to, got {labels[unknown][0]}")
        errors = -np.exp(self._log_shares(last))
        errors[np.arange(len(labels)), columns] += 1
        return slope_before(self.function, last.potentials, errors @ self.weights.T)

    def _log_shares(self, last: LastLayer) -> Real:
        return log_softmax(activate(self.function, last.potentials) @ self.weights + self.intercepts)
