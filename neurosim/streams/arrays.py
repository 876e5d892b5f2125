"""Streams of arrays: in memory, in `.npy` and `.npz` files, and scikit-learn's digits."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import finite
from neurosim.errors import SampleError, StreamError
from neurosim.streams.base import Block, RandomAccess, as_labels


class ArrayStream(RandomAccess):
    """An array of samples as a stream.

    Parameters
    ----------
    samples : number (samples, ...)
        The axes after the first are a sample's shape. Samples are converted to float32 as they are read, so that a
        mapped file stays on disk.
    labels : whole number (samples,), optional
        From 0.
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
        array = _array("samples", samples, name)
        if array.ndim < 2 or array.size == 0:
            raise StreamError(
                f"{name} must hold at least one sample of at least one input, got the shape {array.shape}"
            )
        if array.dtype.kind not in "iufb":
            raise SampleError(f"samples of {name} must be real numbers, got {array.dtype}")
        self.name, self.length, self.inputs = name, len(array), math.prod(array.shape[1:])
        self._shape = array.shape[1:]
        self._samples, self._divisor = array, np.float32(divisor)
        self._labels = None if labels is None else as_labels(_array("labels", labels, name), self.length, name)
        self.labelled = labels is not None

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the samples of the given indices."""
        with np.errstate(over="ignore"):  # values beyond float32 become infinite, which the layer refuses
            samples = self._samples[indices].reshape(len(indices), self.inputs).astype(np.float32, order="C")
        if self._divisor != 1:
            samples /= self._divisor
        return Block(samples, None if self._labels is None else self._labels[indices])


def _array(what: str, values: Any, name: str) -> NDArray[Any]:
    try:
        return np.asanyarray(values)
    except (TypeError, ValueError) as error:  # rows of different lengths
        raise SampleError(
            f"{what} of {name} must be an array of numbers, got {type(values).__name__}: {error}"
        ) from None


def digits(split: str = "") -> ArrayStream:
    """Return scikit-learn's 1,797 handwritten digits, 8 x 8 pixels from 0 to 1, or their `train` or `test` split.

    The test split is the last 360: other people wrote them.
    """
    from sklearn.datasets import load_digits

    rows = {"": slice(None), "train": slice(None, -360), "test": slice(-360, None)}[split]
    data = load_digits()
    name = f"digits:{split}" if split else "digits"
    return ArrayStream(data.images[rows, None], data.target[rows], name=name, divisor=16)


def numpy_file(path: Path) -> ArrayStream:
    """Open a `.npy` file of samples, or a `.npz` file of `samples` (or `x`) and, optionally, `labels` (or `y`)."""
    labels, names = None, ""
    try:
        with path.open("rb") as file:  # NumPy does not close a file of its own if the archive is damaged
            plain = file.read(6) == b"\x93NUMPY"
            file.seek(0)
            if plain:
                samples = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                archive = np.load(file, allow_pickle=False)
                samples, labels = _pick(archive, ("samples", "x", "X")), _pick(archive, ("labels", "y"))
                names = ", ".join(archive) or "none"
    except Exception as error:  # damage may raise anything, from zipfile, zlib or the parser of the header
        raise StreamError(f"{path} must be a whole NumPy file without pickled objects: {error}") from error
    if samples is None:
        raise StreamError(f"{path} must hold an array named samples or x, got {names}")
    return ArrayStream(samples, labels, name=path.name)


def _pick(archive: Any, names: tuple[str, ...]) -> Any:
    return next((archive[name] for name in names if name in archive), None)
