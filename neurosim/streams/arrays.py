"""Streams of arrays in memory, and scikit-learn's digits."""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import finite
from neurosim.errors import StreamError
from neurosim.outside.arrays import numbers, plain_array
from neurosim.streams.base import Block, RandomAccess, scaled
from neurosim.streams.label_numbers import counted_on, numbered


class ArrayStream(RandomAccess):
    """An array of samples as a stream.

    Parameters
    ----------
    samples : number (samples, ...)
        The axes after the first are a sample's shape. Samples are converted to float32 as they are read, so that a
        mapped file stays on disk.
    labels : whole number or text (samples,), optional
        From 0; -1, NaN or an empty text where there is none. Words are numbered in order of first appearance, and their
        names are in `classes`.
    name : str
    divisor : float
        Samples are divided by it as they are read: 255 for pixels. By default an array keeps its own numbers.

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
        self._samples, self._divisor, self.numbers = array, np.float32(divisor), scaled(array.dtype, divisor)
        wanted = None if labels is None else plain_array(f"labels of {name}", labels)
        self._labels: NDArray[np.int64] | None = None
        if wanted is not None:
            self._labels, self.classes = numbered(wanted, self.length, name)
        self.labelled, self.classes_grow = labels is not None, bool(self.classes)

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them: see `Stream`."""
        if names and self.classes and self._labels is not None:
            self._labels, self.classes = counted_on(self._labels, self.classes, names)

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
    rows = {"": slice(None), "train": slice(None, -360), "test": slice(-360, None)}[split]
    images, labels = _digits()
    name = f"digits:{split}" if split else "digits"
    return ArrayStream(images[rows, None], labels[rows], name=name, divisor=16)


def _digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return images (1797, 8, 8) and labels, from scikit-learn's file.

    The file is read here, as importing scikit-learn takes longer than all else that a first run does.
    """
    package = find_spec("sklearn")
    file = Path(package.origin or "").parent / "datasets" / "data" / "digits.csv.gz" if package else Path()
    if not file.is_file():  # a version that has it elsewhere, or an error that names what is missing
        from sklearn.datasets import load_digits

        data = load_digits()
        return data.images, data.target
    rows = np.loadtxt(file, delimiter=",")
    return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)
