"""Datasets in HDF5 files, read a block at a time and never whole."""

import math
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError, StreamError
from neurosim.streams.base import Block, RandomAccess, as_labels


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
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise StreamError(f"{path} must be an HDF5 file that can be read: {error}") from error
        samples = self._find(path, (dataset,) if dataset else ("samples", "x", "X"))
        if samples is None:
            raise StreamError(f"{path} must hold the dataset {dataset or 'samples or x'}, got {', '.join(self._file)}")
        if samples.ndim < 2 or samples.size == 0:
            raise StreamError(f"{path}:{samples.name} must hold at least one sample, got the shape {samples.shape}")
        if samples.dtype.kind not in "iufb":
            raise SampleError(f"samples of {path} must be real numbers, got {samples.dtype}")
        self.name, self.length, self.inputs = path.name, len(samples), math.prod(samples.shape[1:])
        self._samples = samples
        found = self._find(path, (labels,) if labels else ("labels", "y"))
        if labels and found is None:
            raise StreamError(f"{path} must hold the dataset {labels}, got {', '.join(self._file)}")
        self._labels = None if found is None else as_labels(found[...], self.length, path.name)
        self.labelled = self._labels is not None

    def _find(self, path: Path, names: tuple[str, ...]) -> h5py.Dataset | None:
        for name in names:
            if name in self._file:
                if not isinstance(self._file[name], h5py.Dataset):
                    raise StreamError(f"{path}:{name} must be a dataset, got a group")
                return self._file[name]
        return None

    def take(self, places: NDArray[np.int64]) -> Block:
        """Read the samples at the given places; HDF5 reads them in rising order."""
        rising, back = np.unique(places, return_inverse=True)
        contiguous = rising[-1] - rising[0] + 1 == len(rising)
        try:
            rows = self._samples[rising[0] : rising[-1] + 1] if contiguous else self._samples[rising]
        except OSError as error:
            raise StreamError(
                f"{self.name} must be a whole file, but reading samples {rising[0]} on failed: {error}"
            ) from error
        with np.errstate(over="ignore"):
            samples = rows.reshape(len(rising), self.inputs).astype(np.float32, order="C")[back]
        return Block(samples, None if self._labels is None else self._labels[places])
