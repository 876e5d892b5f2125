"""A stream whose classes are not equally frequent: what a prior learns of their shares, and what it is good for."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.bayes import Mixture
from neurosim.chip.chip import Chip
from neurosim.layers.biases import LogPrior
from neurosim.readouts.cross_entropy import cross_entropy
from neurosim.studies.bayes.chips import layers, soft_labels
from neurosim.studies.bayes.images import Images
from neurosim.studies.bayes.known_mixtures import PRIOR_RATE

CLASSES = 126  # purpose of random numbers, distinct from those of a chip and of the twin
MEMORIES = 10  # a prior must forget its start, so a stream is at least so many times 1 / rate
RATIO = 10  # of the most to the least frequent class


class Subset(NamedTuple):
    """Labelled samples: float32 (samples, inputs) and int64 (samples,)."""

    samples: NDArray[np.float32]
    labels: NDArray[np.int64]


def unequal(whole: Subset, classes: NDArray[np.int64]) -> Subset:
    """Return samples of each class, so many that shares fall geometrically along the classes by `RATIO`."""
    counts = np.bincount(whole.labels, minlength=int(classes.max()) + 1)[classes]
    wanted = RATIO ** -(np.arange(len(classes)) / (len(classes) - 1))
    there = counts > 0
    scale = (counts[there] / wanted[there]).min()
    most = np.where(there, np.maximum(1, np.floor(scale * wanted)), 0).astype(np.int64)
    return _some(whole, classes, most)


def _some(whole: Subset, classes: NDArray[np.int64], most: NDArray[np.int64]) -> Subset:
    """Return so many samples of each class, in their order.

    They are spread over the whole: of the first ones, those of rare classes would all come early in the stream.
    """
    rows = []
    for label, count in zip(classes, most, strict=True):
        own = np.flatnonzero(whole.labels == label)
        rows.append(own[np.arange(count) * len(own) // max(1, count)])
    kept = np.sort(np.concatenate(rows))
    return Subset(whole.samples[kept], whole.labels[kept])


def classes_by_prior(settings: dict[str, Any], images: Images) -> dict[str, Any]:
    """Return shares of classes by neurons that equally many samples of each class name; and what a prior is good for.

    Samples with unequal shares would name neurons so that mean responses give the shares of the classes by algebra.
    """
    present, numbers = np.unique(images.train_labels, return_counts=True)
    classes = present[randomness.permutation(settings["seed"], CLASSES, 0, len(present))]
    whole = Subset(images.train, images.train_labels)
    train, test = unequal(whole, classes), unequal(Subset(images.test, images.test_labels), classes)
    each = max(1, min(int(numbers.min()), settings["label_samples"] // len(present)))
    naming = _some(whole, classes, np.full(len(classes), each))
    rate = min(1.0, max(PRIOR_RATE, MEMORIES / len(train.labels)))
    true = np.bincount(train.labels) / len(train.labels)
    found: dict[str, Any] = {"samples": len(train.labels), "rate": rate, "true": true.tolist()}
    recipe = layers("soft", settings["neurons"], images)[0]
    for name, bias in (("prior", LogPrior(rate=rate)), ("none", None)):
        chip = Chip([replace(recipe, bias=bias)], inputs=images.train.shape[1], seed=settings["seed"])
        chip.learn(train.samples)
        mixture, responses = Mixture.of(chip), chip.respond(train.samples)
        by_class = soft_labels(chip.respond(naming.samples), naming.labels).shares_
        proba = soft_labels(responses, train.labels).predict_proba(chip.respond(test.samples))
        found[name] = {
            "shares": (mixture.shares @ by_class).tolist(),  # without a prior of 1 / K
            "responses": (responses.responses.mean(axis=0, dtype=np.float64) @ by_class).tolist(),
            "accuracy": float((proba.argmax(axis=1) == test.labels).mean()),
            "entropy": cross_entropy(proba, test.labels),
            "likelihood": mixture.log_likelihood(test.samples),
            "unused": int((mixture.shares < 0.01 / settings["neurons"]).sum()),
        }
    return found
