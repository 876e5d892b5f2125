"""Part `generation`: images that a chip makes, along gradients, between prototypes, and from its mixture."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.bayes import Classifier, Mixture, ascend, interpolate, sharpened
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.experiments.cells import Outcome
from neurosim.readouts.soft import SoftLabels
from neurosim.studies.bayes.chips import learned_chip, named
from neurosim.studies.bayes.controls import Compared, classifier_of, unit
from neurosim.studies.bayes.figures import is_image
from neurosim.studies.bayes.generation_report import claims, figures, tables
from neurosim.studies.bayes.images import Images, Labels
from neurosim.studies.bayes.judges import Judges, share
from neurosim.studies.bayes.part import Grid, Part, Settings

Array = NDArray[np.float64]
Found = tuple[dict[str, Any], dict[str, NDArray[Any]]]  # measures, and arrays to be shown
METHODS = {"soft": (200, 1000), "deep": (200,), "twin": (200,)}  # and their widths on the first stream
PATHS, STEPS, FRAMES = 90, 200, 11
LENGTH = 2.2  # of all steps of a path, over the mean norm of an image
WISHED = ((4, 9), (1, 7), (3, 8), (5, 6))  # paths to be shown, where there are such classes
DRAWN, SHOWN, EM_STEPS = 200, 10, 3
CHOSEN = 124  # purpose of random numbers: which samples and classes paths are between


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the grid of methods, widths and seeds."""
    small = grid.fast or not grid.first
    for method, widths in {"soft": (100 if grid.fast else 200,)}.items() if small else METHODS.items():
        for neurons in widths:
            for seed in grid.seeds if grid.first else grid.seeds[:1]:
                own = {"method": method, "neurons": neurons, "seed": seed, "paths": PATHS}
                more = {"length": LENGTH, "mixture": grid.first and method == "soft"}
                yield grid.samples | own | more | ({"torch": True} if method == "twin" else {})


def measure(settings: Settings, images: Images) -> Outcome:
    """Make images, and ask the classifier and the judges what they see."""
    judges = Judges(images, settings["label_samples"], settings["seed"])
    if settings["mixture"]:
        chip = learned_chip(settings, images)
        readout = named(chip, images, settings["label_samples"])
        classifier: Compared = Classifier(chip, readout, dtype=np.float32)
        sharp = Classifier(chip, sharpened(readout), dtype=np.float32)
        found = [
            paths(classifier, classifier, judges, images, settings),
            paths(sharp, classifier, judges, images, settings, "sharp"),
            between(classifier, judges, images, chip, readout),
            drawn(classifier, judges, images, chip, readout, settings),
        ]
    else:
        classifier = classifier_of(settings, images, np.float32)
        found = [paths(classifier, classifier, judges, images, settings)]
    measures = {name: value for own, _ in found for name, value in own.items()}
    shown = settings["seed"] == 0 and is_image(images.shape)
    return Outcome(measures, {name: value for _, own in found for name, value in own.items()} if shown else {})


def paths(
    guide: Compared, classifier: Compared, judges: Judges, images: Images, settings: Settings, name: str = "paths"
) -> Found:
    """Lead test samples along a guide's gradient to other classes, each pair of classes once; the classifier is asked.

    The guide is the classifier itself, or the chip with sharpened labels, whose gradient leads somewhere more often.
    """
    rows, targets = pairs(images, settings["paths"], settings["seed"])
    starts, own = images.within(images.test[rows]), images.test_labels[rows]
    norm = images.mean_norm()
    path = ascend(
        guide, starts, targets, steps=STEPS, step=settings["length"] * norm / STEPS, frames=FRAMES,
        low=images.low, high=images.high,
    )  # fmt: skip
    proba, said, judged = _seen(classifier, judges, path)
    end, each = said[:, -1], np.arange(len(targets))
    measures = {
        f"{name}_said": share(end == targets),
        f"{name}_stayed": share(end == own),
        f"{name}_stalled": share((end != targets) & (end != own)),
        f"{name}_sure": float(proba[each, -1, targets].mean()),
        f"{name}_moved": float(np.linalg.norm(path[:, -1] - path[:, 0], axis=1).mean() / norm),
    }
    for judge, answers in judged.items():
        measures[f"{name}_{judge}"] = share(answers[:, -1] == targets)
        measures[f"{name}_{judge}_agrees"] = share((answers[:, -1] == targets)[end == targets])
        measures[f"{name}_{judge}_frames"] = share(answers == said)
    return measures, _frames(name, images, path, proba, judged["neighbours"], _shown(own, targets))


def pairs(images: Images, most: int, seed: int) -> tuple[NDArray[np.int64], Labels]:
    """Return test samples, as rows, and targets: every pair of classes, or as many at random, each by one sample."""
    order = randomness.permutation(seed, CHOSEN, 0, len(images.test))
    of = {int(label): order[images.test_labels[order] == label] for label in np.unique(images.test_labels)}
    classes = np.unique(images.train_labels).tolist()
    found = [
        (rows[number % len(rows)], target)
        for label, rows in of.items()
        for number, target in enumerate(other for other in classes if other != label)
    ]
    kept = np.sort(randomness.permutation(seed, CHOSEN, 1, len(found))[:most])
    rows, targets = np.array(found, np.int64)[kept].T
    return rows, targets


def between(classifier: Compared, judges: Judges, images: Images, chip: Chip, readout: SoftLabels) -> Found:
    """Interpolate on the sphere between the nearest prototypes of each pair of classes."""
    weights, classes = unit(chip.layers[-1].weights), readout.shares_.argmax(axis=1)
    norm, ends, path = images.mean_norm(), list[tuple[int, int]](), list[Array]()
    cosines = weights @ weights.T
    owners = np.unique(classes).tolist()
    for first, second in ((a, b) for a in owners for b in owners if a < b):
        a, b = np.flatnonzero(classes == first), np.flatnonzero(classes == second)
        i, j = np.unravel_index(cosines[np.ix_(a, b)].argmax(), (len(a), len(b)))
        ends.append((first, second))
        path.append(images.within(interpolate(norm * weights[a[i]], norm * weights[b[j]], FRAMES)))
    if not path:
        return {}, {}
    frames, labels = np.stack(path), np.array(ends)
    proba, said, judged = _seen(classifier, judges, frames)
    angles = [_angle(frame[0], frame[-1]) for frame in path]
    measures: dict[str, Any] = {"between_angle": float(np.mean(angles)), "between_said": _either(said, labels)}
    for judge, answers in judged.items():
        measures[f"between_{judge}"] = _either(answers, labels)
        measures[f"between_{judge}_ends"] = share(answers[:, [0, -1]] == labels)
    return measures, _frames("between", images, frames, proba, judged["neighbours"], _shown(*labels.T))


def drawn(
    classifier: Compared, judges: Judges, images: Images, chip: Chip, readout: SoftLabels, settings: Settings
) -> Found:
    """Draw samples of the chip's mixture, at its own concentration and at the one that EM fits to the images."""
    mixture, classes = Mixture.of(chip), readout.shares_.argmax(axis=1)
    measures, arrays = dict[str, Any](), dict[str, NDArray[Any]]()
    for name, concentration in concentrations(mixture, images.naming(settings["label_samples"])[0]).items():
        made, components = Mixture(mixture.directions, concentration, mixture.shares).sample(DRAWN, settings["seed"])
        seen = images.within(images.mean_norm() * made)
        labels, judged = classes[components], judges(seen)
        cosine = float((made * mixture.directions[components]).sum(axis=1).mean())
        measures |= {f"drawn_{name}_concentration": concentration, f"drawn_{name}_cosine": cosine}
        measures[f"drawn_{name}_said"] = share(classifier.predict(made) == labels)
        measures |= {f"drawn_{name}_{judge}": share(answers == labels) for judge, answers in judged.items()}
        arrays |= {f"drawn_{name}": images.pictures(seen[:SHOWN]), f"drawn_{name}_judged": judged["neighbours"][:SHOWN]}
        prototypes = images.within(images.mean_norm() * mixture.directions[components[:SHOWN]])
        arrays |= {"drawn_from": images.pictures(prototypes), "drawn_classes": labels[:SHOWN]}
    return measures, arrays


def concentrations(mixture: Mixture, samples: NDArray[np.float32]) -> dict[str, float]:
    """Return the concentration of a mixture, and the one that EM fits to samples, if there is one."""
    try:
        fitted = mixture.em(samples, EM_STEPS, shares=False, concentration=True)
    except ConfigError:  # the samples hardly differ from the directions, so there is no spread to estimate
        return {"own": mixture.concentration}
    return {"own": mixture.concentration, "fitted": fitted.concentration}


def _seen(classifier: Compared, judges: Judges, path: Array) -> tuple[Array, Labels, dict[str, Labels]]:
    """Return of each frame P(c | x), the classifier's label and those of the judges: (paths, frames, ...)."""
    flat = path.reshape(-1, path.shape[-1])
    proba = np.exp(classifier.log_proba(flat)).reshape(*path.shape[:2], -1)
    return proba, proba.argmax(axis=2), {name: own.reshape(path.shape[:2]) for name, own in judges(flat).items()}


def _shown(first: Labels, second: Labels) -> list[int]:
    """Return which paths are shown: those that are wished, in either direction, or the first ones."""
    ends = list(zip(first.tolist(), second.tolist(), strict=True))
    wished = [ends.index(pair) for pair in WISHED if pair in ends]
    return wished or list(range(min(len(WISHED), len(ends))))


def _frames(
    name: str, images: Images, path: Array, proba: Array, judged: Labels, rows: list[int]
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Return the frames of some paths as arrays to be shown, with their classes by the classifier and by the judge."""
    return {
        f"{name}_images": np.stack([images.pictures(path[row]) for row in rows]),
        f"{name}_said": proba[rows].argmax(axis=2),
        f"{name}_sure": proba[rows].max(axis=2),
        f"{name}_judged": judged[rows],
    }


def _either(answers: Labels, labels: Labels) -> float | None:
    """Return the share of frames that are of the class of one of the two ends."""
    return share((answers == labels[:, :1]) | (answers == labels[:, 1:]))


def _angle(first: Array, second: Array) -> float:
    """Return the angle between two vectors, in degrees."""
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


PART = Part("generation", cells, measure, tables, claims, figures)
