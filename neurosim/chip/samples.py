"""Samples, labels and modulators from outside: checked, and converted to the types that layers take."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, whole
from neurosim.engine.base import WorkingLayer
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError, SampleError
from neurosim.outside.arrays import KINDS, REAL, WHOLE, numbers, shown
from neurosim.streams import Block, Stream, check_stream
from neurosim.streams.iterated import IteratedStream, is_iterated

BY_LAYER = "[...] with one number a layer, or [[...], ...] with a list for each layer, of one number a neuron"
LARGEST_FLOAT = float(np.finfo(np.float32).max)


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
    values = numbers("a sample", x)
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the layer refuses
        samples = np.asarray(values, dtype=np.float32, order="C")
    inputs, one = math.prod(shape), samples.shape if count == 1 else samples.shape[1:]
    if one not in (shape, (inputs,)):
        wanted = shape if count == 1 else ("samples", *shape)
        raise SampleError(f"samples must have the shape ({', '.join(map(str, wanted))}), got {samples.shape}")
    return samples.reshape(-1, inputs)


def is_one(x: Any, shape: tuple[int, ...]) -> bool:
    """Return whether x is one sample, flat or of the shape; not a stream, a generator, or an array of many."""
    if isinstance(x, Stream) or is_iterated(x):
        return False
    return numbers("a sample", x).shape in (shape, (math.prod(shape),))


def as_source(stream: Any, shape: tuple[int, ...]) -> Stream | Array:
    """Return what a chip of samples of a shape takes: a stream, also of a generator, or an array of samples."""
    if isinstance(stream, Stream):
        return stream
    if is_iterated(stream):
        return IteratedStream(stream, shape=shape)
    return as_samples(stream, shape, None)


def as_stream(name: str, stream: Any, shape: tuple[int, ...]) -> Stream:
    """Return a stream, also of a generator, whose samples fit a chip's; `name` is what errors call it."""
    if is_iterated(stream):
        return IteratedStream(stream, shape=shape)
    check_stream(name, stream)
    check_fits(stream, shape)
    return stream  # type: ignore[no-any-return]


def as_labels(labels: Any, count: int | None) -> NDArray[np.int64]:
    """Return labels as int64 (samples,)."""
    values = _one_a_sample("labels", labels, WHOLE, count)
    if len(values) and (values.min() < -1 or values.max() > LARGEST):
        raise SampleError(f"labels must be from 0 to {LARGEST}, or -1 for none, got {values.min()} to {values.max()}")
    return values.astype(np.int64)


def as_classes(labels: Any, count: int, classes: int) -> NDArray[np.int64]:
    """Return labels as int64 (samples,), each a class of a classifier that has so many."""
    values = _one_a_sample("labels", labels, WHOLE, count)
    wrong = values[(values < 0) | (values >= classes)]
    if len(wrong):
        raise SampleError(f"labels must be from 0 to {classes - 1}, the classes of the classifier, got {wrong[0]}")
    return values.astype(np.int64)


def as_label(label: Any) -> int:
    """Return the label of one sample, as `as_labels` returns it."""
    if type(label) is int and 0 <= label <= LARGEST:  # the usual case
        return label
    return int(as_labels([label], 1)[0])


def as_modulator(modulator: Any) -> float:
    """Return the modulator of one sample, as `as_modulators` returns it."""
    if type(modulator) is float and -LARGEST_FLOAT <= modulator <= LARGEST_FLOAT:  # the usual case
        return modulator
    try:
        return float(as_modulators([modulator], 1)[0])
    except SampleError:
        # A number that is not finite in float32, or a masked one.
        if isinstance(modulator, int | float | np.number | np.ma.MaskedArray):
            raise
    raise SampleError(f"modulator must be a real number, or {BY_LAYER}, got {shown(modulator)}")


def as_modulators(modulators: Any, count: int | None) -> Array:
    """Return modulators as float32 (samples,)."""
    values = _one_a_sample("modulators", modulators, REAL, count)
    with np.errstate(over="ignore"):
        factors = values.astype(np.float32)
    if not np.isfinite(factors).all():
        raise SampleError(f"modulators must be finite in float32, got {values[~np.isfinite(factors)][0]}")
    return factors


def _one_a_sample(name: str, values: Any, kinds: str, count: int | None) -> NDArray[Any]:
    """Return values as an array with one for each sample."""
    rule = f"{KINDS[kinds]}, one a sample"
    if isinstance(values, list | tuple) and not values:  # which NumPy takes for real numbers
        values = np.zeros(0, np.int64)
    array = numbers(name, values, kinds, rule=rule)
    if array.ndim != 1 or (count is not None and len(array) != count):
        many = "" if count is None else f", {count} in all"
        raise SampleError(f"{name} must be {rule}{many}, got {array.dtype} of shape {array.shape}")
    return array


def fitting(name: str, values: NDArray[Any], block: slice) -> NDArray[Any]:
    """Return the labels or modulators of a block of samples."""
    if block.stop > len(values):
        raise SampleError(f"{name} must be as many as samples, got {len(values)} for {block.stop} or more")
    return values[block]


def in_multiples(blocks: Iterator[Block], multiple: int) -> Iterator[Block]:
    """Give the samples of blocks in blocks whose lengths are multiples of a number; what is left at the end comes last.

    What is left of a block is kept as a copy, as a stream may write the next block where this one lies.
    """
    left: Block | None = None
    for samples, labels in blocks:
        if left is not None:
            samples = np.concatenate([left.samples, samples])
            labels = None if left.labels is None or labels is None else np.concatenate([left.labels, labels])
        end = len(samples) - len(samples) % multiple
        if end > 0:
            yield Block(samples[:end], None if labels is None else labels[:end])
        rest = Block(samples[end:].copy(), None if labels is None else labels[end:].copy())
        left = rest if len(rest.samples) else None
    if left is not None:
        yield left


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
