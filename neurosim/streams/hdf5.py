"""Streams of datasets in HDF5 files, which are read one block at a time."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST
from neurosim.errors import SampleError, StreamError
from neurosim.outside.arrays import REAL, shortened
from neurosim.outside.files import check_unpacked
from neurosim.streams.base import Block, RandomAccess, scaled
from neurosim.streams.hdf5_links import Files, filters_missing, find, stored_bytes
from neurosim.streams.label_numbers import counted_on, numbered
from neurosim.streams.numpy_files import LABELS, SAMPLES, chosen_names, missing

# What h5py raises for a damaged file, or for one that asks for more memory than there is.
BROKEN = (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError, AttributeError)
ADVICE = "write it in smaller chunks, or without compression"


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
        If the file or the dataset is missing, damaged or empty, declares far more than it stores, or refers to a file
        that is missing or not a regular one.
    SampleError
        If samples are not numbers, or a label is not a whole number from 0.
    """

    labels_advice = "labels of an HDF5 file are a dataset named labels or y; --labels takes another name"

    def __init__(self, path: Path, dataset: str = "", labels: str = "") -> None:
        self.name, self._files = path.name, Files()
        try:
            self._samples = _dataset(self._files, path, (dataset,) if dataset else SAMPLES)
            label_set = _dataset(self._files, path, (labels,) if labels else LABELS)
            for wanted, result in ((dataset or "samples or x", self._samples), (labels, label_set)):
                if wanted and result is None:
                    raise missing(path, f"the dataset {wanted}", self._files.open(path))
            shape, kind = self._samples.shape, self._samples.dtype
        except StreamError:
            raise
        except BROKEN as error:
            why = shortened(str(error) or type(error).__name__, 200)
            raise StreamError(f"{path} must be an HDF5 file that can be read: {why}") from error
        if len(shape) < 2 or 0 in shape:
            raise StreamError(f"{path}:{self._samples.name} must hold at least one sample, got the shape {shape}")
        if kind.kind not in REAL:
            raise SampleError(f"samples of {path} must be real numbers, got {shortened(str(kind))}")
        self._shape, self.length, self.inputs = shape[1:], shape[0], math.prod(shape[1:])
        self.numbers = scaled(kind, 1)
        if self.inputs > LARGEST:
            raise StreamError(f"samples of {path} must have at most {LARGEST} inputs, got {self.inputs}")
        check_unpacked(f"a sample of {path}", self.inputs * kind.itemsize, stored_bytes(self._samples))
        self._labels: NDArray[np.int64] | None = None
        if label_set is not None:
            self._labels, self.classes = self._read_labels(label_set)
        self.labelled, self.classes_grow = self._labels is not None, bool(self.classes)

    def _read_labels(self, dataset: Any) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return the labels, and the names of words.

        Their number is compared with the samples' before, and their bytes with what is stored.
        """
        if dataset.shape != (self.length,):
            got = f"one for each of the {self.length} samples, got the shape {dataset.shape}"
            raise StreamError(f"labels of {self.name} must be {got}")
        text = h5py.check_string_dtype(dataset.dtype) is not None
        if dataset.dtype.kind not in REAL and not text:
            rule = "whole numbers or text"
            raise SampleError(f"labels of {self.name} must be {rule}, got {shortened(str(dataset.dtype))}")
        try:
            check_unpacked(f"labels of {self.name}", self.length * dataset.dtype.itemsize, stored_bytes(dataset))
            values = np.asarray(dataset[...])
        except StreamError:
            raise
        except BROKEN as error:
            why = shortened(str(error) or type(error).__name__, 200)
            raise StreamError(f"labels of {self.name} must be readable, but: {why}") from error
        return numbered(values, self.length, self.name)

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them: see `Stream`."""
        if names and self.classes and self._labels is not None:
            self._labels, self.classes = counted_on(self._labels, self.classes, names)

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the samples of the given indices; HDF5 reads them in rising order."""
        rising, back = np.unique(indices, return_inverse=True)
        contiguous = rising[-1] - rising[0] + 1 == len(rising)
        try:
            rows = self._samples[rising[0] : rising[-1] + 1] if contiguous else self._samples[rising]
            with np.errstate(over="ignore"):
                samples = rows.reshape(len(rising), self.inputs).astype(np.float32, order="C")[back]
        except BROKEN as error:
            why = shortened(str(error) or type(error).__name__, 200)
            raise StreamError(
                f"{self.name} must be a whole file, but reading samples {rising[0]} on failed: {why}"
            ) from error
        return Block(samples, None if self._labels is None else self._labels[indices])


def hdf5_file(
    path: Path, dataset: str = "", label_set: str = "", *, samples: str | None = None, labels: str | None = None
) -> HDF5Stream:
    """Open a dataset of an HDF5 file; the names of samples and labels follow the path, or are options."""
    of_samples, of_labels = chosen_names((dataset, label_set), (samples, labels))
    return HDF5Stream(path, of_samples or "", of_labels or "")


def _dataset(files: Files, path: Path, names: tuple[str, ...]) -> Any:
    """Return the first dataset of one of the names, which can be read; None if there is none."""
    for name in names:
        found = find(files, path, name)
        if found is None:
            continue
        for filtered in filters_missing(found):
            raise StreamError(f"{path}:{name} must be written with filters of this HDF5, got {filtered}")
        if found.chunks and found.id.get_create_plist().get_nfilters():  # a chunk is unpacked whole
            size = math.prod(found.chunks) * found.dtype.itemsize
            check_unpacked(f"a chunk of {path}:{name}", size, stored_bytes(found), ADVICE)
        return found
    return None
