"""Attacks on classifiers: small changes of samples that change the class, found along gradients; and random ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.bayes.balls import Ball
from neurosim.bayes.inputs import (
    Array,
    DifferentiableClassifier,
    check_classifier,
    check_gradient,
    check_through,
    samples_within,
)
from neurosim.checks import LARGEST, finite, one_of, plain, truth, whole
from neurosim.chip.samples import as_classes

LOSSES = ("cross_entropy", "margin")
START, NOISE = 611, 612  # purposes of random numbers: first points of restarts, and random changes
TOGETHER = 256  # samples attacked at a time


class Adversarial(NamedTuple):
    """Samples after an attack.

    Attributes
    ----------
    samples : float64 (samples, inputs)
        Of each, the best point that was found; the sample itself if it was in another class than its label (targeted:
        in the wished one) from the beginning.
    success : bool (samples,)
        Whether it is in another class than its label; targeted: whether it is in the wished class.
    log_proba : float64 (samples, classes)
        log P(c | x) of the changed samples.
    distance : float64 (samples,)
        From the sample as it was, in the norm of the attack.
    """

    samples: NDArray[np.float64]
    success: NDArray[np.bool_]
    log_proba: NDArray[np.float64]
    distance: NDArray[np.float64]


def attack(
    classifier: DifferentiableClassifier, samples: ArrayLike, labels: ArrayLike, *, norm: str, epsilon: float,
    steps: int = 40, step: float | None = None, restarts: int = 1, targeted: bool = False,
    loss: str = "cross_entropy", through: Sequence[DifferentiableClassifier] = (),
    low: float = 0.0, high: float = 1.0, seed: int = 0,
) -> Adversarial:  # fmt: skip
    r"""Change samples by at most epsilon so that they leave their class, by projected gradient descent.

    .. math::

        x \leftarrow \Pi \left( x + \eta \, d(\nabla_x J) \right), \qquad
        d(g) = \mathrm{sign}(g) \; (L_\infty), \quad g / \lVert g \rVert \; (L_2)

    with J = -log P(label | x), or log P(label | x) if targeted, and :math:`\Pi` the projection to the ball and the box.
    Each sample keeps the best of its points: that of the largest J among those of success, or among all if none is.
    Restarts go on with the samples that had no success. Results are a function of the seed and the sample's position.

    Parameters
    ----------
    classifier : DifferentiableClassifier
        As `Classifier`, or anything with its `classes`, `log_proba` and `gradient`.
    samples : array-like (samples, inputs)
        From `low` to `high`; computed in float64.
    labels : array-like of int (samples,)
        Their classes; targeted, the classes that are wished.
    norm : {"linf", "l2"}
    epsilon : float
        Largest distance from the sample, at least 0; with 0 samples stay as they are, bit for bit.
    steps : int
        From 1.
    step : float, optional
        Size of a step, positive; 2.5 epsilon / steps by default.
    restarts : int
        From 1. The first begins at the sample itself, others at random points of the ball.
    targeted : bool
        Whether labels are the classes to reach, not those to leave.
    loss : {"cross_entropy", "margin"}
        Of "margin", J has log P(label | x) minus the largest log P of another class in place of log P(label | x).
    through : sequence of DifferentiableClassifier
        Other classifiers, along whose gradients go the samples that had no success along the classifier's own. The own
        gradients of a chip that is sure lead nowhere (`docs/bayes.md`): give a classifier of `sharpened` labels here.
    low, high : float
        Bounds of the changed samples.
    seed : int
        From 0, below 2**64.

    Raises
    ------
    ConfigError
        If a constant breaks its rule, or the classifier has one class only, or no gradient.
    SampleError
        If samples are not numbers between `low` and `high`, labels are not classes, or a gradient is not finite.

    References
    ----------
    Madry et al., Towards deep learning models resistant to adversarial attacks, ICLR 2018, section 2.1; Carlini and
    Wagner, IEEE Symposium on Security and Privacy 2017, for the margin; Athalye et al., ICML 2018, for `through`.
    """
    ball = Ball(norm, epsilon, low, high)
    plan = _Plan(steps, step, restarts, targeted, loss, seed)
    check_classifier(classifier)
    check_through(through, classifier.classes)
    guides = (classifier, *through)
    centres = samples_within(samples, ball.low, ball.high)
    best = _Best(classifier, plan, centres, as_classes(labels, len(centres), classifier.classes))
    for first in range(0, len(centres) if ball.epsilon else 0, TOGETHER):
        block = slice(first, first + TOGETHER)
        for restart, guide in product(range(plan.restarts), guides):
            rows = first + np.flatnonzero(~best.success[block])
            if len(rows) == 0:
                break
            starts = centres[rows]
            if restart:
                starts = ball.random(plan.seed, START, restart, first, centres[block])[rows - first]
            _climb(guide, plan, ball, best, rows, starts, centres[rows])
    return Adversarial(best.samples, best.success, best.log_proba, ball.distance(best.samples, centres))


def random_noise(
    samples: ArrayLike, *, norm: str, epsilon: float, low: float = 0.0, high: float = 1.0, seed: int = 0
) -> NDArray[np.float64]:
    """Change samples at random by epsilon: what an attack of the same size is compared with.

    For the L-infinity norm every input changes by plus or minus epsilon, and is then clipped to `low` and `high`. For
    the L2 norm the direction is uniform on the sphere; inputs end at `low` and `high`, and the rest moves on until the
    distance is epsilon, or all inputs have ended. So the distance is that of the attack, after clipping, too.

    Parameters
    ----------
    samples, norm, epsilon, low, high, seed
        As in `attack`.

    Returns
    -------
    float64 (samples, inputs)

    Raises
    ------
    ConfigError, SampleError
        As in `attack`.
    """
    ball = Ball(norm, epsilon, low, high)
    whole("seed", seed, 0, 2**64 - 1)
    centres = samples_within(samples, ball.low, ball.high)
    for first in range(0, len(centres) if ball.epsilon else 0, TOGETHER):
        centres[first : first + TOGETHER] = ball.noise(seed, NOISE, first, centres[first : first + TOGETHER])
    return centres


@dataclass(frozen=True)
class _Plan:
    """The constants of an attack beside its ball, checked."""

    steps: int
    step: float | None
    restarts: int
    targeted: bool
    loss: str
    seed: int

    def __post_init__(self) -> None:
        plain(self)
        whole("steps", self.steps, 1, LARGEST)
        whole("restarts", self.restarts, 1, LARGEST)
        whole("seed", self.seed, 0, 2**64 - 1)
        truth("targeted", self.targeted)
        one_of("loss", self.loss, LOSSES)
        if self.step is not None:
            finite("step", self.step, "positive", 0, above=True)

    def gradient(self, guide: DifferentiableClassifier, points: Array, labels: NDArray[np.int64]) -> Array:
        """Return the gradient of J, which the attack raises."""
        gradient = guide.gradient(points, labels)
        if self.loss == "margin":
            gradient = gradient - guide.gradient(points, _rivals(guide.log_proba(points), labels))
        return check_gradient(gradient if self.targeted else -gradient)

    def judge(self, log_proba: Array, labels: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Array]:
        """Return for each sample whether the attack has succeeded, and J."""
        success = (log_proba.argmax(axis=1) == labels) == self.targeted
        each = np.arange(len(labels))
        aim = log_proba[each, labels]
        if self.loss == "margin":
            aim = aim - log_proba[each, _rivals(log_proba, labels)]
        return success, aim if self.targeted else -aim


class _Best:
    """The best point of every sample so far."""

    def __init__(
        self, classifier: DifferentiableClassifier, plan: _Plan, samples: Array, labels: NDArray[np.int64]
    ) -> None:
        self.classifier, self.plan, self.labels = classifier, plan, labels
        self.samples = samples.copy()
        self.log_proba = np.zeros((len(samples), classifier.classes))
        for first in range(0, len(samples), TOGETHER):
            rows = slice(first, first + TOGETHER)
            self.log_proba[rows] = classifier.log_proba(samples[rows])
        self.success, self.aims = plan.judge(self.log_proba, labels)

    def offer(self, rows: NDArray[np.int64], points: Array) -> None:
        """Take new points of some samples where they are better."""
        log_proba = self.classifier.log_proba(points)
        success, aims = self.plan.judge(log_proba, self.labels[rows])
        better = np.where(success == self.success[rows], aims > self.aims[rows], success)
        chosen = rows[better]
        self.samples[chosen], self.log_proba[chosen] = points[better], log_proba[better]
        self.success[chosen], self.aims[chosen] = success[better], aims[better]


def _climb(
    guide: DifferentiableClassifier,
    plan: _Plan,
    ball: Ball,
    best: _Best,
    rows: NDArray[np.int64],
    points: Array,
    centres: Array,
) -> None:
    """Follow the gradient from the points, and offer every point on the way."""
    best.offer(rows, points)
    step = 2.5 * ball.reach(centres.shape[1]) / plan.steps if plan.step is None else plan.step
    for _ in range(plan.steps):
        gradient = plan.gradient(guide, points, best.labels[rows])
        points = ball.project(points + step * ball.direction(gradient), centres)
        best.offer(rows, points)


def _rivals(log_proba: Array, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the most probable class of each sample beside its label."""
    others = log_proba.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return np.asarray(others.argmax(axis=1))
