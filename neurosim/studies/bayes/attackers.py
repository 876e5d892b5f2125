"""The strongest attacks that are known for each classifier of the study: whose gradients they follow, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.bayes import Classifier, attack, sharpened
from neurosim.chip.chip import Chip
from neurosim.readouts.soft import SoftLabels
from neurosim.studies.bayes import controls
from neurosim.studies.bayes.chips import TEMPERATURE, named
from neurosim.studies.bayes.controls import PASSES, Compared, chip_of, classifier_of, ridge
from neurosim.studies.bayes.images import Array, Images, Labels
from neurosim.studies.bayes.part import Settings

SOURCES = {"hard-soft": "hard", "soft-winner": "soft"}  # what has learned, of methods that decide in another way
NAMES = controls.NAMES | {
    "hard-soft": "hard WTA, soft labels by a softmax",
    "soft-winner": "SoftHebb, winner's label",
}
WINNERS = ("hard", "soft-winner")  # methods in which the winner alone decides
MNIST_NORM = 9.2  # mean norm of MNIST's samples
COLD = 1e-6  # a temperature at which that is so

Flags = NDArray[np.bool_]


class Guide(NamedTuple):
    """A classifier whose gradients an attack follows, and the loss that it raises."""

    classifier: Compared
    loss: str = "cross_entropy"


class Attacked(NamedTuple):
    """A classifier, and the guides of attacks on it.

    Attributes
    ----------
    classifier : Compared
    own : sequence of Guide
        The plain attack: along its own gradients. A hard winner has none, so those of the softmax of which it is the
        limit.
    others : sequence of Guide
        What makes the attack stronger; each goes on with the samples that are still right.
    chip, names : Chip and int64 (neurons,), or None
        A chip of one layer, and the label that each of its neurons stands for; of other classifiers None.
    """

    classifier: Compared
    own: Sequence[Guide]
    others: Sequence[Guide]
    chip: Chip | None = None
    names: Labels | None = None


def attacked(settings: Settings, images: Images) -> Attacked:
    """Return a cell's classifier, trained, in float32, with the guides of the strongest attack on it."""
    method = settings["method"]
    if method in PASSES or method == "delta":
        classifier = classifier_of(settings, images, np.float32)
        return Attacked(classifier, [Guide(classifier)], [Guide(classifier, "margin")])
    chip = chip_of(settings | {"method": SOURCES.get(method, method)}, images)
    labels = named(chip, images, settings["label_samples"])
    names = labels.shares_.argmax(axis=1) if len(chip.layers) == 1 else None
    factors = (1, 3) if method in WINNERS else (1,)
    sharp = [smooth(chip, sharpened(labels), factor * TEMPERATURE) for factor in factors]
    if method.endswith("-ridge"):
        classifier = Classifier(chip, ridge(chip, images, settings["label_samples"]), dtype=np.float32)
        return Attacked(classifier, [Guide(classifier)], [Guide(classifier, "margin"), *sharp])
    softly = smooth(chip, labels, TEMPERATURE)
    classifier = softly.classifier
    if method in WINNERS:
        classifier = smooth(chip, sharpened(labels), COLD).classifier
    return Attacked(classifier, [softly], sharp, chip, names)


def smooth(chip: Chip, labels: SoftLabels, temperature: float) -> Guide:
    """Return the guide along the gradients of a chip's soft labels with another temperature."""
    return Guide(Classifier(chip, labels, temperature=temperature, dtype=np.float32))


class Target(NamedTuple):
    """Samples to attack, and what an epsilon of the study means for them.

    Attributes
    ----------
    samples : float32 (samples, inputs)
    labels : int64 (samples,)
    scales : dict
        By norm, what an epsilon is multiplied by: the range of the inputs, or the mean norm relative to MNIST's.
    box : dict
        `low` and `high` of attacks, and their seed.
    """

    samples: Array
    labels: Labels
    scales: dict[str, float]
    box: dict[str, Any]

    def ball(self, norm: str, epsilon: float) -> dict[str, Any]:
        """Return the constants of an attack or of noise with an epsilon of the study."""
        return {"norm": norm, "epsilon": epsilon * self.scales[norm]} | self.box


def target_of(settings: Settings, images: Images) -> Target:
    """Return test samples evenly from all of the test stream."""
    samples, labels = images.some_tests(settings["attacked_samples"])
    low, high = min(images.low, float(samples.min())), max(images.high, float(samples.max()))
    norm = images.mean_norm() / MNIST_NORM
    scales = {"linf": high - low, "l2": float(f"{norm:.2g}")}
    return Target(samples, labels, scales, {"low": low, "high": high, "seed": settings["seed"]})


@dataclass(frozen=True)
class Along:
    """A classifier that is judged by its own probabilities, with the gradients of another one; both in float32."""

    judged: Compared
    guide: Compared

    @property
    def classes(self) -> int:
        """Number of classes of the one that is judged."""
        return self.judged.classes

    def log_proba(self, samples: Any) -> NDArray[np.float64]:
        """Return log P(c | x) of the one that is judged."""
        return self.judged.log_proba(np.asarray(samples, np.float32))

    def gradient(self, samples: Any, labels: Labels) -> NDArray[np.float64]:
        """Return d log P(label | x) / dx of the guide."""
        return self.guide.gradient(np.asarray(samples, np.float32), labels)


def still_right(
    classifier: Compared, guides: Sequence[Guide], samples: Any, labels: Labels, right: Flags, **constants: Any
) -> Flags:
    """Return which of the samples that are right remain so after attacks along each of the guides.

    The attack is judged at every step of it, not at its end alone. `constants` are those of `neurosim.bayes.attack`.
    """
    right = right.copy()
    for guide, loss in guides:
        rows = np.flatnonzero(right)
        if len(rows):
            along = Along(classifier, guide)
            right[rows] = ~attack(along, samples[rows], labels[rows], loss=loss, **constants).success
    return right
