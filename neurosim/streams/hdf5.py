"""Streams of datasets in HDF5 files, which are read one block at a time."""

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError, StreamError
from neurosim.streams.base import Block, RandomAccess, as_labels

BROKEN = (OSError, KeyError, RuntimeError, ValueError, TypeError)  # what h5py raises for a damaged file


class HDF5Stream(RandomAccess):
    """A dataset (samples, ...) of an HDF5 file as a stream, with labels if the file has a dataset of them.

    Parameters
    ----------
    path : Path
    dataset : str
        Name of the samples; if empty, `samples` or `x`.
    labels : str
        Name of the labels; if empty, `labels` or `y`, if there is one.

    Raises
    ------
    StreamError
        If the file or the dataset is missing, damaged or empty.
    SampleError
        If samples are not numbers, or a label is not a whole number from 0.
    """

    def __init__(self, path: Path, dataset: str = "", labels: str = "") -> None:
        self.name = path.name
        try:
            self._file = h5py.File(path, "r")
            samples = self._find((dataset,) if dataset else ("samples", "x", "X"))
            label_set = self._find((labels,) if labels else ("labels", "y"))
            label_values = None if label_set is None else label_set[...]
            names = ", ".join(self._file) or "none"
        except BROKEN as error:
            raise StreamError(f"{path} must be an HDF5 file that can be read: {error}") from error
        for wanted, result in ((dataset or "samples or x", samples), (labels, label_set)):
            if wanted and result is None:
                raise StreamError(f"{path} must hold the dataset {wanted}, got {names}")
        if samples.ndim < 2 or samples.size == 0:
            raise StreamError(f"{path}:{samples.name} must hold at least one sample, got the shape {samples.shape}")
        if samples.dtype.kind not in "iufb":
            raise SampleError(f"samples of {path} must be real numbers, got {samples.dtype}")
        self.length, self.inputs, self._samples = len(samples), math.prod(samples.shape[1:]), samples
        self._shape = samples.shape[1:]
        self._labels = None if label_values is None else as_labels(label_values, self.length, path.name)
        self.labelled = self._labels is not None

    def _find(self, names: tuple[str, ...]) -> Any:
        """Return the first dataset of one of the names that has a shape; None if there is none."""
        items = [self._file[name] for name in names if name in self._file]
        return next((item for item in items if isinstance(item, h5py.Dataset) and item.shape is not None), None)

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the samples of the given indices; HDF5 reads them in rising order."""
        rising, back = np.unique(indices, return_inverse=True)
        contiguous = rising[-1] - rising[0] + 1 == len(rising)
        try:
            rows = self._samples[rising[0] : rising[-1] + 1] if contiguous else self._samples[rising]
        except BROKEN as error:
            raise StreamError(
                f"{self.name} must be a whole file, but reading samples {rising[0]} on failed: {error}"
            ) from error
        with np.errstate(over="ignore"):
            samples = rows.reshape(len(rising), self.inputs).astype(np.float32, order="C")[back]
        return Block(samples, None if self._labels is None else self._labels[indices])
