"""Responses, features and labels that readouts take: checked, and converted to one type."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.chip.response import Response
from neurosim.errors import ConfigError, SampleError
from neurosim.outside.arrays import WHOLE, numbers, shown
from neurosim.readouts.labels import check_classes, labelled
from neurosim.streams.base import UNLABELLED

Array = NDArray[np.float32]
COPY_BYTES = 2 << 30  # most bytes of a copy, for features of another type or layout


def check_response(response: object, width: int | None = None, field: str = "responses") -> None:
    """Refuse what is not the response of a chip to many samples.

    Parameters
    ----------
    response : object
    width : int, optional
        How many numbers a sample has in the field; by default any.
    field : {"responses", "output"}
        What the readout reads: (samples, width).

    Raises
    ------
    SampleError
        If it is no `Response`, or that of one sample, of another chip, or, for responses, of a convolutional layer.
    """
    got, advice = shown(response), ""
    if isinstance(response, Response):
        shape, potentials = np.shape(getattr(response, field)), np.shape(response.potentials)
        if len(potentials) > 1 and len(shape) == 2 and (width is None or shape[1] == width):
            return
        got = f"{field} of the shape {shape}"
        advice = "; give respond(sample[None]) for one sample" if len(potentials) == 1 else ""
    names = f"(samples, {'neurons' if width is None else width})"
    rule = f"what Chip.respond returns for samples of this chip, with {field} {names}"
    raise SampleError(f"response must be {rule}, got {got}{advice}")


def labelled_chunk(
    response: Response, labels: ArrayLike, width: int | None = None, field: str = "responses"
) -> tuple[Response, NDArray[Any]]:
    """Return a chunk's responses to samples that have a label, and their labels; both are checked.

    Raises
    ------
    SampleError
        As `check_response`; if labels are not whole numbers, one for each sample.
    """
    check_response(response, width, field)
    return labelled(response, whole_labels(labels, len(response.potentials)))


def check_fitted(readout: object, fitted: str) -> None:
    """Refuse a readout that has not the attribute `fitted` yet."""
    if not hasattr(readout, fitted):
        raise ConfigError("readout", "fitted: add samples, then finish", f"{type(readout).__name__} that is not")


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
