"""Features and labels that readouts are fitted to: checked, and converted to one type."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import SampleError
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.readouts.labels import check_classes
from neurosim.streams.base import UNLABELLED

Array = NDArray[np.float32]
COPY_BYTES = 2 << 30  # most bytes of a copy, for features of another type or layout


def as_features(features: ArrayLike) -> Array:
    """Return features as the kernel takes them, float32 in C order; they are copied only if they are not.

    Raises
    ------
    SampleError
        If they are no array (samples, inputs) of real numbers, or a copy would be too large.
    """
    array = numbers("features", features, rule="numbers (samples, inputs)")
    if array.ndim != 2 or array.size == 0:
        raise SampleError(f"features must be numbers (samples, inputs), got {array.dtype} of shape {array.shape}")
    if (array.dtype != np.float32 or not array.flags.c_contiguous) and 4 * array.size > COPY_BYTES:
        raise SampleError(
            f"features must be float32 in C order where a copy takes {4 * array.size} bytes, got {array.dtype}; "
            f"at most {COPY_BYTES} bytes are copied: write them so, as FeatureCache does"
        )
    with np.errstate(over="ignore"):  # values beyond float32 become infinite; training refuses them
        return np.ascontiguousarray(array, np.float32)


def whole_labels(labels: ArrayLike, count: int) -> NDArray[Any]:
    """Return labels as an array of whole numbers, one for each sample, or raise SampleError."""
    array = numbers("labels", labels, WHOLE, rule=f"whole numbers, one for each of {count} samples")
    if array.shape != (count,):
        got = f"{array.dtype} of shape {array.shape}"
        raise SampleError(f"labels must be whole numbers, one for each of {count} samples, got {got}")
    return array


def class_labels(labels: ArrayLike, count: int) -> NDArray[np.int64]:
    """Return labels as int64 (samples,), of two classes at least beside -1 for none, or raise SampleError."""
    array = whole_labels(labels, count)
    if array.min() < UNLABELLED:
        raise SampleError(f"labels must be at least 0 to train a readout, or -1 for none, got {array.min()}")
    check_classes(array)
    classes = np.unique(array[array != UNLABELLED])
    if len(classes) < 2:
        got = f"only {classes[0]}" if len(classes) else "none"
        raise SampleError(f"labels must be of two classes at least to fit a readout, got {got}")
    return np.ascontiguousarray(array, np.int64)
