"""Datasets in HDF5 files, read a block at a time and never whole."""

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError, StreamError
from neurosim.streams.base import Block, RandomAccess, as_labels

BROKEN = (OSError, KeyError, RuntimeError, ValueError, TypeError)  # as HDF5 may call damage


class HDF5Stream(RandomAccess):
    """A dataset (samples, ...) of an HDF5 file as a stream, with a dataset of labels if there is one.

    Parameters
    ----------
    path : Path
    dataset : str
        Name of the samples; empty takes `samples` or `x`, with `labels` or `y` beside it.
    labels : str
        Name of the labels; empty for those.

    Raises
    ------
    StreamError
        If the file or the dataset is missing, or of another form.
    """

    def __init__(self, path: Path, dataset: str = "", labels: str = "") -> None:
        self.name = path.name
        try:
            self._file = h5py.File(path, "r")
            samples = self._find((dataset,) if dataset else ("samples", "x", "X"))
            found = self._find((labels,) if labels else ("labels", "y"))
            marks = None if found is None else found[...]
            names = ", ".join(self._file) or "none"
        except BROKEN as error:
            raise StreamError(f"{path} must be an HDF5 file that can be read: {error}") from error
        for wanted, thing in ((dataset or "samples or x", samples), (labels, found)):
            if wanted and thing is None:
                raise StreamError(f"{path} must hold the dataset {wanted}, got {names}")
        if samples.ndim < 2 or samples.size == 0:
            raise StreamError(f"{path}:{samples.name} must hold at least one sample, got the shape {samples.shape}")
        if samples.dtype.kind not in "iufb":
            raise SampleError(f"samples of {path} must be real numbers, got {samples.dtype}")
        self.length, self.inputs, self._samples = len(samples), math.prod(samples.shape[1:]), samples
        self._shape = samples.shape[1:]
        self._labels = None if marks is None else as_labels(marks, self.length, path.name)
        self.labelled = self._labels is not None

    def _find(self, names: tuple[str, ...]) -> Any:
        """Return the first of the names that is there; None if there is none, or it is no dataset."""
        found = [self._file[name] for name in names if name in self._file]
        return next((item for item in found if isinstance(item, h5py.Dataset) and item.shape is not None), None)

    def take(self, places: NDArray[np.int64]) -> Block:
        """Read the samples at the given places; HDF5 reads them in rising order."""
        rising, back = np.unique(places, return_inverse=True)
        contiguous = rising[-1] - rising[0] + 1 == len(rising)
        try:
            rows = self._samples[rising[0] : rising[-1] + 1] if contiguous else self._samples[rising]
        except BROKEN as error:
            raise StreamError(
                f"{self.name} must be a whole file, but reading samples {rising[0]} on failed: {error}"
            ) from error
        with np.errstate(over="ignore"):
            samples = rows.reshape(len(rising), self.inputs).astype(np.float32, order="C")[back]
        return Block(samples, None if self._labels is None else self._labels[places])
