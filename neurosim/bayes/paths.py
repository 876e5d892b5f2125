"""Paths between classes: along the gradient of a class's probability, and between prototypes on the sphere."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.bayes.inputs import (
    Array,
    DifferentiableClassifier,
    box,
    check_classifier,
    check_gradient,
    samples_within,
    unit,
)
from neurosim.checks import LARGEST, finite, plain_number, truth, whole
from neurosim.chip.samples import as_classes
from neurosim.errors import SampleError
from neurosim.outside.arrays import numbers

PARALLEL = 1e-6  # sine of the angle below which opposite directions have no great circle of their own


def ascend(
    classifier: DifferentiableClassifier, samples: ArrayLike, labels: ArrayLike, *, steps: int = 200,
    step: float = 0.1, frames: int = 11, on_sphere: bool = True, low: float = 0.0, high: float = 1.0,
) -> NDArray[np.float64]:  # fmt: skip
    r"""Lead samples along the gradient of a class's probability, and keep frames of the way.

    .. math::

        x \leftarrow \mathrm{clip} \left( x + \eta \, \frac{\nabla_x \log P(c \mid x)}{\lVert \nabla_x \log P(c \mid x)
        \rVert} \right)

    If `on_sphere`, each sample keeps its length: after each step it is scaled to it, and clipped again. The posterior
    of the frames is `classifier.log_proba(path.reshape(-1, inputs))`.

    Parameters
    ----------
    classifier : DifferentiableClassifier
        As in `attack`; of a chip with soft labels, the one with `sharpened` labels: its own gradients may stall.
    samples : array-like (samples, inputs)
        Where the paths begin.
    labels : array-like of int (samples,)
        The class c that each path leads to.
    steps : int
        From 1.
    step : float
        Length of a step, positive.
    frames : int
        Points kept of each path, from 2 to steps + 1: the first is the sample, the last is the end, and the others are
        at equal numbers of steps, rounded.
    on_sphere : bool
    low, high : float
        Bounds of all inputs.

    Returns
    -------
    float64 (samples, frames, inputs)

    Raises
    ------
    ConfigError, SampleError
        As `attack`.
    """
    step, low, high = map(plain_number, (step, low, high))
    whole("steps", steps, 1, LARGEST)
    whole("frames", frames, 2, steps + 1)
    finite("step", step, "positive", 0, above=True)
    truth("on_sphere", on_sphere)
    box(low, high)
    check_classifier(classifier)
    points = samples_within(samples, low, high)
    classes = as_classes(labels, len(points), classifier.classes)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    kept = np.rint(np.linspace(0, steps, frames)).astype(int).tolist()
    path = [points]
    for number in range(1, steps + 1):
        gradient = check_gradient(classifier.gradient(points, classes))
        points = np.clip(points + step * unit(gradient), low, high)
        if on_sphere:
            points = np.clip(unit(points) * lengths, low, high)
        if number in kept:
            path.append(points)
    return np.stack(path, axis=1)


def interpolate(first: ArrayLike, second: ArrayLike, count: int) -> NDArray[np.float64]:
    r"""Return points at equal angles on the great circle from one direction to another.

    .. math::

        x_i = \left( (1 - t) \lVert a \rVert + t \lVert b \rVert \right) (\cos (t \theta) \, \hat a
        + \sin (t \theta) \, \hat a_\perp), \qquad t = i / (\mathrm{count} - 1)

    with the angle :math:`\theta` from a to b, and the direction :math:`\hat a_\perp` in their plane across a. The first
    and the last point are a and b.

    Parameters
    ----------
    first, second : array-like (inputs,)
        a and b: not zero, and not opposite.
    count : int
        From 2.

    Returns
    -------
    float64 (count, inputs)

    Raises
    ------
    SampleError
        If a or b is not finite or zero, their sizes differ, or they are opposite, where every great circle is as short.

    References
    ----------
    Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985: spherical linear interpolation.
    """
    whole("count", count, 2, LARGEST)
    start, end = _vector("first", first), _vector("second", second)
    if start.shape != end.shape:
        raise SampleError(f"second must be of {len(start)} numbers as first is, got {len(end)}")
    lengths = np.array([np.linalg.norm(start), np.linalg.norm(end)])
    a, b = start / lengths[0], end / lengths[1]
    across = b - (a @ b) * a
    sine = np.linalg.norm(across)
    if sine < PARALLEL and a @ b < 0:
        raise SampleError("second must be a direction that is not opposite to first, got the opposite one")
    t = np.linspace(0, 1, count)[:, None]
    angle = np.arctan2(sine, a @ b)
    circle = np.cos(t * angle) * a + np.sin(t * angle) * (across / sine if sine > 0 else across)
    points = ((1 - t) * lengths[0] + t * lengths[1]) * circle
    points[0], points[-1] = start, end
    return np.asarray(points)


def _vector(name: str, values: ArrayLike) -> Array:
    """Return one direction as float64, or raise SampleError."""
    vector = np.asarray(numbers(name, values), np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
        raise SampleError(f"{name} must be finite numbers (inputs,), not all 0, got {vector.dtype} of {vector.shape}")
    return vector
