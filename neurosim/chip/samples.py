"""Samples, labels and modulators from outside: checked, and converted to the types that layers take."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, whole
from neurosim.engine.base import WorkingLayer
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError, SampleError
from neurosim.streams import Stream


def as_shape(inputs: Any) -> tuple[int, ...]:
    """Return the shape of a sample, given as a width or a shape."""
    shape = tuple(inputs) if isinstance(inputs, Sequence) and not isinstance(inputs, str) else (inputs,)
    for size in shape:
        whole("inputs", size, 1, LARGEST)
    if not shape or math.prod(shape) > LARGEST:
        raise ConfigError("inputs", f"a width, or a shape of at most {LARGEST} in all", inputs)
    return tuple(int(size) for size in shape)


def check_fits(stream: Stream, shape: tuple[int, ...]) -> None:
    """Refuse a stream whose samples do not have the shape of a chip's samples, nor are flat in that order."""
    inputs = math.prod(shape)
    if stream.inputs != inputs:
        raise SampleError(f"samples of {stream.name} must have {inputs} inputs, got {stream.inputs}")
    one, other = ([size for size in sizes if size > 1] for sizes in (shape, stream.shape))
    if len(one) > 1 and len(other) > 1 and one != other:
        raise SampleError(
            f"samples of {stream.name} must have the shape {shape}, or be flat in that order, got {stream.shape}"
        )


def as_samples(x: Any, shape: tuple[int, ...], count: int | None) -> Array:
    """Return x as float32 (samples, inputs), C order; with `count` 1, x is a single sample, flat or of the shape."""
    try:
        numbers = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise SampleError(f"a sample must be numbers, got {type(x).__name__}: {error}") from None
    if numbers.dtype.kind not in "biuf" or (isinstance(x, np.ma.MaskedArray) and x.mask.any()):
        raise SampleError(f"a sample must be real numbers, got {type(x).__name__} of {numbers.dtype}")
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the layer refuses
        samples = np.asarray(numbers, dtype=np.float32, order="C")
    inputs, one = math.prod(shape), samples.shape if count == 1 else samples.shape[1:]
    if one not in (shape, (inputs,)):
        wanted = shape if count == 1 else ("samples", *shape)
        raise SampleError(f"samples must have the shape ({', '.join(map(str, wanted))}), got {samples.shape}")
    return samples.reshape(-1, inputs)


def as_labels(labels: Any, count: int | None) -> NDArray[np.int64]:
    """Return labels as int64 (samples,)."""
    numbers = _numbers("labels", labels)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1 or (count is not None and len(numbers) != count):
        raise SampleError(f"labels must be whole numbers, one a sample, got {numbers.dtype} of shape {numbers.shape}")
    if len(numbers) and (numbers.min() < -1 or numbers.max() > LARGEST):
        raise SampleError(f"labels must be from 0, or -1 for none, got {numbers.min()} to {numbers.max()}")
    return numbers.astype(np.int64)


def as_modulators(modulators: Any, count: int | None) -> Array:
    """Return modulators as float32 (samples,)."""
    numbers = _numbers("modulators", modulators)
    if numbers.dtype.kind not in "biuf" or numbers.ndim != 1 or (count is not None and len(numbers) != count):
        raise SampleError(f"modulators must be numbers, one a sample, got {numbers.dtype} of shape {numbers.shape}")
    with np.errstate(over="ignore"):
        factors = numbers.astype(np.float32)
    if not np.isfinite(factors).all():
        raise SampleError(f"modulators must be finite in float32, got {numbers[~np.isfinite(factors)][0]}")
    return factors


def _numbers(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise SampleError(f"{name} must be numbers, one a sample: {error}") from None


def fitting(name: str, values: NDArray[Any], block: slice) -> NDArray[Any]:
    """Return the labels or modulators of a block of samples."""
    if block.stop > len(values):
        raise SampleError(f"{name} must be as many as samples, got {len(values)} for {block.stop} or more")
    return values[block]


def teachable(
    layers: Sequence[WorkingLayer], samples: int, labels: NDArray[np.int64], first: int
) -> tuple[int, SampleError | None]:
    """Return how many samples have labels that all layers can learn from, and what is wrong with the next label.

    Raises
    ------
    SampleError
        If a layer is taught, and there are no labels at all.
    """
    end, error = samples, None
    for layer in layers:
        if not layer.constants.competition.by_label:
            continue
        where, neurons = f"of layer {layer.index + 1}, which is taught", layer.constants.neurons
        if len(labels) != samples:
            raise SampleError(f"sample {first} {where}, must have a label, got none; give a stream with labels")
        bad = np.asarray(labels[:end]) >= neurons
        if bad.any():
            end = int(np.argmax(bad))
            rule = f"must be below its {neurons} neurons, got {labels[end]}"
            error = SampleError(f"label of sample {first + end} {where}, {rule}")
    return end, error
