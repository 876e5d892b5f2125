"""Part `confusing`: targeted attacks on a classifier, and what independent judges see in the images that they make."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.bayes import attack, random_noise
from neurosim.experiments.cells import Outcome
from neurosim.studies.bayes.attackers import Along, Attacked, Flags, attacked
from neurosim.studies.bayes.confusing_report import claims, figures, tables
from neurosim.studies.bayes.figures import is_image
from neurosim.studies.bayes.images import Images, Labels
from neurosim.studies.bayes.judges import JUDGES, Judges, share
from neurosim.studies.bayes.part import Grid, Part, Settings

Array = NDArray[np.float64]
METHODS = ("soft", "twin", "k-means", "hard-ridge", "twin-converged")
SMALLER, ONCE = METHODS[2:], METHODS[3:]  # at the smaller width only, and with one seed only
COUNT, SHOWN = 150, 10  # test samples that are attacked, and those that are shown: the first ones, whatever became
RELATIVE = 0.86  # epsilon over the mean norm of an image: 8 of 9.2 on MNIST
HALVED = 3  # times that epsilon is halved, to find the smallest of four with success
SAMPLES, TARGETS = 122, 123  # purposes of random numbers: which test samples, and towards which classes


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the grid of methods, widths and seeds."""
    widths = (100,) if grid.fast else (200, 1000) if grid.first else (200,)
    methods = METHODS if grid.first and not grid.fast else ("soft", "twin")
    for method in methods:
        for neurons in widths[:1] if method in SMALLER else widths:
            for seed in grid.seeds if grid.first and method not in ONCE else grid.seeds[:1]:
                named = {"method": method, "neurons": neurons, "seed": seed}
                size = {"attacked": 60 if grid.fast else COUNT, "relative": RELATIVE}
                yield grid.samples | named | size | ({"torch": True} if method.startswith("twin") else {})


def measure(settings: Settings, images: Images) -> Outcome:
    """Attack a classifier, ask it and the judges what they see before, after, and after noise of the same size."""
    target = attacked(settings, images)
    classifier = target.classifier
    judges = Judges(images, settings["label_samples"], settings["seed"])
    order = randomness.permutation(settings["seed"], SAMPLES, 0, len(images.test))[: settings["attacked"]]
    samples, labels = images.within(images.test[order]), images.test_labels[order]
    targets = aims(labels, np.unique(images.train_labels), settings["seed"])
    norm, box = images.mean_norm(), {"low": images.low, "high": images.high, "seed": settings["seed"]}
    epsilon = settings["relative"] * norm
    large, success, plain, small = large_and_small(target, samples, targets, epsilon, box)
    noisy = random_noise(samples, norm="l2", epsilon=epsilon, **box)
    directions = class_directions(images)
    asked = classifier.predict(samples) != targets  # the others are in the target unchanged: no attack, no success
    moved = np.linalg.norm(small - samples, axis=1)[success & asked]
    measures = {
        "epsilon": epsilon, "mean_norm": norm, "chance": len(directions) / images.train.shape[1],
        "accuracy": share(classifier.predict(samples) == labels), "success": share(success[asked]),
        "plain_success": share(plain[asked]),
        "noise_success": share((classifier.predict(noisy) == targets)[asked]),
        "smallest": float(moved.mean()) if moved.size else None,
        "energy": energy(large - samples, directions), "noise_energy": energy(noisy - samples, directions),
    }  # fmt: skip
    pictures = {"clean": samples, "noise": noisy, "large": large, "small": small}
    judged = {name: judges(values) for name, values in pictures.items()}
    measures |= of_judges(judged, labels, targets, success & asked, plain & asked)
    if settings["seed"] or not is_image(images.shape):
        return Outcome(measures, {})
    arrays = {name: images.pictures(values[:SHOWN]) for name, values in pictures.items()}
    texts = {"labels": labels, "targets": targets, "success": success}
    texts |= {f"{name}_said": classifier.predict(values) for name, values in pictures.items()}
    texts |= {f"{name}_judged": answers["neighbours"] for name, answers in judged.items()}
    return Outcome(measures, arrays | {name: values[:SHOWN] for name, values in texts.items()})


def large_and_small(
    target: Attacked, samples: Array, targets: Labels, epsilon: float, box: dict[str, Any]
) -> tuple[Array, Flags, Flags, Array]:
    """Return samples after an attack by epsilon, where it had success, where its own gradient did, and the smallest.

    The smallest is, of each sample, that which had success of four attacks, by epsilon, its half, quarter and eighth.
    A classifier that a small change deceives says nothing by a large one: that goes on until the image looks like the
    target to anybody. Chips that are sure have gradients that lead nowhere, so others are followed where theirs fail.
    """
    through = [guide.classifier for guide in target.others if guide.classifier is not target.classifier]
    constants: dict[str, Any] = {"targeted": True, "norm": "l2"} | box
    found = attack(target.classifier, samples, targets, epsilon=epsilon, **constants)
    large, own, success = found.samples, found.success, found.success.copy()
    for guide in through:
        rows = np.flatnonzero(~success)
        again = attack(Along(target.classifier, guide), samples[rows], targets[rows], epsilon=epsilon, **constants)
        large[rows], success[rows] = again.samples, again.success
    small, rows = large.copy(), np.flatnonzero(success)
    for halved in range(1, HALVED + 1):
        less = constants | {"epsilon": epsilon / 2**halved, "through": through}
        again = attack(target.classifier, samples[rows], targets[rows], **less)
        rows = rows[again.success]
        small[rows] = again.samples[again.success]
    return large, success, own, small


def aims(labels: Labels, classes: Labels, seed: int) -> Labels:
    """Return for each sample one of the other classes at random: int64 (samples,)."""
    chances = randomness.uniform(seed, TARGETS, 0, len(labels))
    others = [classes[classes != label] for label in labels]
    return np.array([own[int(chance * len(own))] for own, chance in zip(others, chances, strict=True)], np.int64)


def class_directions(images: Images) -> Array:
    """Return orthonormal rows (classes - 1, inputs) that span the differences between the means of classes."""
    labels = np.unique(images.train_labels)
    means = np.stack([images.train[images.train_labels == label].mean(axis=0, dtype=np.float64) for label in labels])
    _, lengths, rows = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    return np.asarray(rows[lengths > 1e-9 * lengths[0]])


def energy(changes: Array, directions: Array) -> float | None:
    """Return the mean share of the squared length of changes that lies along directions; None if nothing changed."""
    lengths = (changes**2).sum(axis=1)
    changed = lengths > 0
    if not changed.any():
        return None
    return float((((changes[changed] @ directions.T) ** 2).sum(axis=1) / lengths[changed]).mean())


def of_judges(
    judged: Mapping[str, Mapping[str, Labels]], labels: Labels, targets: Labels, success: Flags, plain: Flags
) -> dict[str, float | None]:
    """Return how often each judge is right, sees the target, agrees with the attacked, or still sees the own class."""
    measures = dict[str, float | None]()
    for name in JUDGES:
        clean, noise, large, small = (judged[pictures][name] for pictures in ("clean", "noise", "large", "small"))
        measures |= {
            f"{name}_accuracy": share(clean == labels),
            f"{name}_target": share(large == targets),
            f"{name}_agrees": share((large == targets)[success]),
            f"{name}_agrees_plain": share((large == targets)[plain]),
            f"{name}_own": share((large == labels)[success]),
            f"{name}_agrees_small": share((small == targets)[success]),
            f"{name}_own_small": share((small == labels)[success]),
            f"{name}_noise_target": share(noise == targets),
            f"{name}_noise_own": share(noise == labels),
        }
    return measures


PART = Part("confusing", cells, measure, tables, claims, figures)
