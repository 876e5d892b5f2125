"""What attacks and paths take: a classifier with a gradient, and samples within a box."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import finite
from neurosim.errors import ConfigError, SampleError
from neurosim.outside.arrays import numbers, shown

Array = NDArray[np.float64]


@runtime_checkable
class DifferentiableClassifier(Protocol):
    """A classifier of vectors with probabilities of classes, and their gradients with respect to the sample."""

    @property
    def classes(self) -> int:
        """Number of classes."""
        ...

    def log_proba(self, samples: NDArray[Any]) -> Array:
        """Return log P(c | x): float64 (samples, classes)."""
        ...

    def gradient(self, samples: NDArray[Any], labels: NDArray[np.int64]) -> Array:
        """Return d log P(label | x) / dx, one row a sample: float64 (samples, inputs)."""
        ...


def box(low: float, high: float) -> None:
    """Refuse bounds of samples that are not two finite numbers, the lower one first."""
    finite("low", low, "a number")
    finite("high", high, f"above low, {low:g}", low, above=True)


def samples_within(samples: ArrayLike, low: float, high: float) -> Array:
    """Return a float64 copy of samples, whose values must be numbers from `low` to `high`, or raise SampleError."""
    array = np.array(numbers("samples", samples), np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise SampleError(f"samples must be numbers (samples, inputs), got shape {array.shape}")
    outside = ~((array >= low) & (array <= high))  # NaN is
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise SampleError(
            f"samples must be within low, {low:g}, and high, {high:g}, got {array[row, column]:g} in sample {row}; "
            "give the bounds of these samples as low and high"
        )
    return array


def check_classifier(classifier: DifferentiableClassifier) -> None:
    """Refuse what is no classifier with gradients, and one of a single class, of which P(c | x) is 1 everywhere."""
    _check_type("classifier", classifier)
    if classifier.classes < 2:
        raise ConfigError("classes", "at least 2 for an attack or a path", classifier.classes)


def check_through(through: Sequence[DifferentiableClassifier], classes: int) -> None:
    """Refuse what is no sequence of classifiers with gradients, of as many classes as the attacked one."""
    if not isinstance(through, Sequence):
        raise ConfigError("through", "a list of classifiers", through)
    for other in through:
        _check_type("each of through", other)
        if other.classes != classes:
            raise ConfigError("through", f"classifiers of {classes} classes, as the attacked", other.classes)


def _check_type(name: str, classifier: object) -> None:
    if not isinstance(classifier, DifferentiableClassifier):
        advice = "make one of a chip: neurosim.bayes.Classifier(chip, readout)"
        raise ConfigError(name, "an object with classes, log_proba and gradient", shown(classifier), advice)


def check_gradient(gradient: Array) -> Array:
    """Return a gradient, or raise SampleError if it has a row that is not finite: no step could follow it."""
    wrong = np.count_nonzero(~np.isfinite(gradient).all(axis=1))
    if wrong:
        raise SampleError(f"gradients must be finite, got one that is not, of {wrong} of {len(gradient)} samples")
    return gradient


def unit(rows: Array) -> Array:
    """Return rows divided by their lengths; rows of zeros stay so.

    They are divided by their largest entry first: gradients of a classifier that is sure are small, and the squares of
    numbers below 1e-162 would vanish.
    """
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1)
    length = np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    return np.asarray(scaled / np.where(length > 0, length, 1))
