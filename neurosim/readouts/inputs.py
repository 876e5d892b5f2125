"""Features and labels that readouts are fitted to: checked, and brought into one type."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError
from neurosim.readouts.labels import check_classes

Array = NDArray[np.float32]
COPY_BYTES = 2 << 30  # features of another type or layout that may be copied


def as_features(features: Any) -> Array:
    """Return features as the kernel takes them, without a copy if they are so.

    Raises
    ------
    SampleError
        If they are no array (samples, inputs) of real numbers, or a copy would be too large.
    """
    given = _array("features", features)
    if given.ndim != 2 or given.size == 0 or given.dtype.kind not in "biuf":
        raise SampleError(f"features must be numbers (samples, inputs), got {given.dtype} of shape {given.shape}")
    if (given.dtype != np.float32 or not given.flags.c_contiguous) and 4 * given.size > COPY_BYTES:
        raise SampleError(
            f"features must be float32 in C order where a copy takes {4 * given.size} bytes, got {given.dtype}; "
            f"at most {COPY_BYTES} bytes are copied: write them so, as FeatureCache does"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused when it is met
        return np.ascontiguousarray(given, np.float32)


def _array(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:  # rows of several lengths
        raise SampleError(f"{name} must be an array of numbers, got {type(values).__name__}: {error}") from None


def whole_labels(labels: Any, count: int) -> NDArray[Any]:
    """Return labels as an array of whole numbers, one for each sample, or raise SampleError."""
    given = _array("labels", labels)
    if given.dtype.kind not in "iu" or given.shape != (count,):
        got = f"{given.dtype} of shape {given.shape}"
        raise SampleError(f"labels must be whole numbers, one for each of {count} samples, got {got}")
    return given


def class_labels(labels: Any, count: int) -> NDArray[np.int64]:
    """Return labels as int64 (samples,), of two classes at least, or raise SampleError."""
    given = whole_labels(labels, count)
    if given.min() < 0:
        raise SampleError(f"labels must be at least 0 to train a readout, got {given.min()}")
    check_classes(given)
    if given.min() == given.max():
        raise SampleError(f"labels must be of two classes at least to fit a readout, got only {given[0]}")
    return np.ascontiguousarray(given, np.int64)
