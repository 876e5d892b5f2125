"""Samples, labels and modulators from outside: checked, and brought into the types that layers take."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, whole
from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import Array
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
    """Refuse a stream whose samples a chip for samples of a shape cannot take, or would take in another order."""
    inputs = math.prod(shape)
    if stream.inputs != inputs:
        raise SampleError(f"samples of {stream.name} must have {inputs} inputs, got {stream.inputs}")
    one, other = ([size for size in sizes if size > 1] for sizes in (shape, stream.shape))
    if len(one) > 1 and len(other) > 1 and one != other:
        raise SampleError(
            f"samples of {stream.name} must have the shape {shape}, or be flat in that order, got {stream.shape}"
        )


def as_samples(x: Any, shape: tuple[int, ...], count: int | None) -> Array:
    """Return x as float32 (samples, inputs), C order; with `count` 1, of a single sample (inputs,) or of its shape."""
    try:
        given = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise SampleError(f"a sample must be numbers, got {type(x).__name__}: {error}") from None
    if given.dtype.kind not in "biuf" or (isinstance(x, np.ma.MaskedArray) and x.mask.any()):
        raise SampleError(f"a sample must be real numbers, got {type(x).__name__} of {given.dtype}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused by the layer
        samples = np.asarray(given, dtype=np.float32, order="C")
    inputs, one = math.prod(shape), samples.shape if count == 1 else samples.shape[1:]
    if one not in (shape, (inputs,)):
        wanted = shape if count == 1 else ("samples", *shape)
        raise SampleError(f"samples must have the shape ({', '.join(map(str, wanted))}), got {samples.shape}")
    return samples.reshape(-1, inputs)


def as_labels(labels: Any, count: int | None) -> NDArray[np.int64]:
    """Return labels as int64 (samples,)."""
    given = _numbers("labels", labels)
    if given.dtype.kind not in "iu" or given.ndim != 1 or (count is not None and len(given) != count):
        raise SampleError(f"labels must be whole numbers, one a sample, got {given.dtype} of shape {given.shape}")
    if len(given) and (given.min() < -1 or given.max() > LARGEST):
        raise SampleError(f"labels must be from 0, or -1 for none, got {given.min()} to {given.max()}")
    return given.astype(np.int64)


def as_modulators(modulators: Any, count: int | None) -> Array:
    """Return modulators as float32 (samples,)."""
    given = _numbers("modulators", modulators)
    if given.dtype.kind not in "biuf" or given.ndim != 1 or (count is not None and len(given) != count):
        raise SampleError(f"modulators must be numbers, one a sample, got {given.dtype} of shape {given.shape}")
    with np.errstate(over="ignore"):
        factors = given.astype(np.float32)
    if not np.isfinite(factors).all():
        raise SampleError(f"modulators must be finite in float32, got {given[~np.isfinite(factors)][0]}")
    return factors


def _numbers(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise SampleError(f"{name} must be numbers, one a sample: {error}") from None


def fitting(name: str, values: NDArray[Any], part: slice) -> NDArray[Any]:
    """Return the part of labels or modulators that belongs to a block."""
    if part.stop > len(values):
        raise SampleError(f"{name} must be as many as samples, got {len(values)} for {part.stop} or more")
    return values[part]


def teachable(
    layers: Sequence[WorkingLayer], samples: int, labels: NDArray[np.int64], first: int
) -> tuple[int, SampleError | None]:
    """Return how many samples all layers may learn from, as far as labels go, and what is wrong with the next one."""
    end, error = samples, None
    for layer in layers:
        if not layer.constants.competition.by_label:
            continue
        where, neurons = f"of layer {layer.place + 1}, which is taught", layer.constants.neurons
        if len(labels) != samples:
            return 0, SampleError(f"sample {first} {where}, must have a label, got none; give a stream with labels")
        bad = np.asarray(labels[:end]) >= neurons
        if bad.any():
            end = int(np.argmax(bad))
            rule = f"must be below its {neurons} neurons, got {labels[end]}"
            error = SampleError(f"label of sample {first + end} {where}, {rule}")
    return end, error
