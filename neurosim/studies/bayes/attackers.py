"""The strongest attacks that are known for each classifier of the study: whose gradients they follow, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.bayes import Classifier, attack, sharpened
from neurosim.chip.chip import Chip
from neurosim.readouts.soft import SoftLabels
from neurosim.recipes import TEMPERATURE
from neurosim.studies.bayes.chips import named
from neurosim.studies.bayes.controls import PASSES, Compared, chip_of, classifier_of, ridge
from neurosim.studies.bayes.images import Images, Labels
from neurosim.studies.bayes.part import Settings

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
        A chip of one layer, and the label that each of its neurons stands for.
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
    chip = chip_of(settings, images)
    labels = named(chip, images, settings["label_samples"])
    names = labels.shares_.argmax(axis=1) if len(chip.layers) == 1 else None
    temperatures = (TEMPERATURE, 3 * TEMPERATURE) if method == "hard" else (TEMPERATURE,)
    others = [smooth(chip, sharpened(labels), temperature) for temperature in temperatures]
    if method == "hard":
        classifier = Classifier(chip, labels, dtype=np.float32)
        return Attacked(classifier, [smooth(chip, labels, TEMPERATURE)], others, chip, names)
    if method.endswith("-ridge"):
        readout = ridge(chip, images, settings["label_samples"])
        classifier = Classifier(chip, readout, dtype=np.float32)
        return Attacked(classifier, [Guide(classifier)], [Guide(classifier, "margin"), *others])
    classifier = Classifier(chip, labels, dtype=np.float32)
    return Attacked(classifier, [Guide(classifier)], others, chip, names)


def smooth(chip: Chip, labels: SoftLabels, temperature: float) -> Guide:
    """Return the guide along the gradients of a chip's soft labels with another temperature."""
    return Guide(Classifier(chip, labels, temperature=temperature, dtype=np.float32))


@dataclass(frozen=True)
class Along:
    """A classifier that is judged by its own probabilities, with the gradients of another one."""

    judged: Compared
    guide: Compared

    @property
    def classes(self) -> int:
        """Number of classes of the one that is judged."""
        return self.judged.classes

    def log_proba(self, samples: Any) -> NDArray[np.float64]:
        """Return log P(c | x) of the one that is judged."""
        return self.judged.log_proba(samples)

    def gradient(self, samples: Any, labels: Labels) -> NDArray[np.float64]:
        """Return d log P(label | x) / dx of the guide."""
        return self.guide.gradient(samples, labels)


def still_right(
    classifier: Compared, guides: Sequence[Guide], samples: Any, labels: Labels, right: Flags, **constants: Any
) -> Flags:
    """Return which of the samples that are right remain so after attacks along each of the guides.

    The attack is judged at every step of it, not at its end alone. `constants` are those of `neurosim.bayes.attack`.
    """
    right = right.copy()
    for guide, loss in guides:
        rows = np.flatnonzero(right & (labels < guide.classes))
        if len(rows):
            along = Along(classifier, guide)
            right[rows] = ~attack(along, samples[rows], labels[rows], loss=loss, **constants).success
    return right
