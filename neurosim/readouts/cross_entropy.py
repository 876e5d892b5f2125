"""Cross-entropy: how much probability a readout gives to the labels."""

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import SampleError
from neurosim.outside.arrays import numbers
from neurosim.readouts.inputs import whole_labels
from neurosim.streams.base import UNLABELLED


def cross_entropy(proba: ArrayLike, labels: ArrayLike) -> float:
    r"""Return the mean cross-entropy of predicted probabilities and labels, in nats.

    .. math:: H = -\frac{1}{N} \sum_n \ln P(c_n \mid x_n)

    It is infinite if a label has the probability 0, for one sample alone: smooth the readout,
    `SoftLabels(smoothing=1e-3)`.

    Parameters
    ----------
    proba : float64 (samples, classes)
        :math:`P(c \mid x)`, column c for label c, from 0 to 1: what `predict_proba` of a readout returns.
    labels : int64 (samples,)
        From 0, below the number of classes. Samples with the label -1, which is none, are left out.

    Raises
    ------
    SampleError
        If probabilities are not from 0 to 1, or labels not whole numbers of classes, one for each sample; if no sample
        has a label.
    """
    values = numbers("probabilities", proba, rule="numbers (samples, classes)")
    if values.ndim != 2:
        raise SampleError(f"probabilities must be numbers (samples, classes), got the shape {values.shape}")
    if not ((values >= 0) & (values <= 1 + 1e-6)).all():
        raise SampleError(f"probabilities must be from 0 to 1, got {values.min()} to {values.max()}")
    numbered = whole_labels(labels, len(values))
    rows = np.flatnonzero(numbered != UNLABELLED)
    if len(rows) == 0:
        raise SampleError("labels must be there to measure a cross-entropy, got none")
    known = numbered[rows]
    if known.min() < 0 or known.max() >= values.shape[1]:
        got = f"{known.min()} to {known.max()}"
        raise SampleError(f"labels must be from 0 to {values.shape[1] - 1}, or -1 for none, got {got}")
    with np.errstate(divide="ignore"):
        return float(-np.log(values[rows, known].astype(np.float64)).mean())
