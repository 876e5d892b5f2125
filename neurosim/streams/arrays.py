"""Streams of arrays in memory, and scikit-learn's digits."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import finite
from neurosim.errors import StreamError
from neurosim.outside.arrays import numbers, plain_array
from neurosim.streams.base import Block, RandomAccess, as_labels


class ArrayStream(RandomAccess):
    """An array of samples as a stream.

    Parameters
    ----------
    samples : number (samples, ...)
        The axes after the first are a sample's shape. Samples are converted to float32 as they are read, so that a
        mapped file stays on disk.
    labels : whole number (samples,), optional
        From 0; -1 or NaN where there is none.
    name : str
    divisor : float
        Samples are divided by it as they are read: 255 for pixels.

    Raises
    ------
    StreamError
        If there is no sample, or the number of labels differs.
    SampleError
        If samples are not numbers, or a label is out of range.
    ConfigError
        If the divisor is not positive.
    """

    def __init__(
        self, samples: ArrayLike, labels: ArrayLike | None = None, *, name: str = "array", divisor: float = 1
    ) -> None:
        finite("divisor", divisor, "positive", 0, above=True)
        array = numbers(f"samples of {name}", samples)
        if array.ndim < 2 or array.size == 0:
            raise StreamError(
                f"{name} must hold at least one sample of at least one input, got the shape {array.shape}"
            )
        self.name, self.length, self.inputs = name, len(array), math.prod(array.shape[1:])
        self._shape = array.shape[1:]
        self._samples, self._divisor = array, np.float32(divisor)
        wanted = None if labels is None else plain_array(f"labels of {name}", labels)
        self._labels = None if wanted is None else as_labels(wanted, self.length, name)
        self.labelled = labels is not None

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the samples of the given indices."""
        with np.errstate(over="ignore"):  # values beyond float32 become infinite, which the layer refuses
            samples = self._samples[indices].reshape(len(indices), self.inputs).astype(np.float32, order="C")
        if self._divisor != 1:
            samples /= self._divisor
        return Block(samples, None if self._labels is None else self._labels[indices])


def digits(split: str = "") -> ArrayStream:
    """Return scikit-learn's 1,797 handwritten digits, 8 x 8 pixels from 0 to 1, or their `train` or `test` split.

    The test split is the last 360: other people wrote them.
    """
    from sklearn.datasets import load_digits

    rows = {"": slice(None), "train": slice(None, -360), "test": slice(-360, None)}[split]
    data = load_digits()
    name = f"digits:{split}" if split else "digits"
    return ArrayStream(data.images[rows, None], data.target[rows], name=name, divisor=16)
