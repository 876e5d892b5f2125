"""Part `attacks`: what is still recognised under the strongest attacks that are known, and what resists."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.bayes import Classifier, attack, random_noise, sharpened
from neurosim.experiments.cells import Cell, Finished, Outcome, Table
from neurosim.studies.bayes.attackers import (
    NAMES,
    Along,
    Attacked,
    Guide,
    Target,
    attacked,
    smooth,
    still_right,
    target_of,
)
from neurosim.studies.bayes.attacks_claims import claims, table_of_causes
from neurosim.studies.bayes.attacks_figures import figures
from neurosim.studies.bayes.attacks_tables import EPSILONS, LARGEST, NORMS, REFERENCE, SMALLER, tables_of_accuracy
from neurosim.studies.bayes.certificate import certified_radii
from neurosim.studies.bayes.chips import TEMPERATURE, learned_chip, named
from neurosim.studies.bayes.controls import PASSES, Compared, ridge, trained_twin
from neurosim.studies.bayes.figures import is_image
from neurosim.studies.bayes.images import Images
from neurosim.studies.bayes.part import Grid, Part, Settings

ATTACKED = 300  # test samples
CHECKED = 100  # in checks, which cost a hundred times as much a sample
STEPS, MORE_STEPS, RESTARTS = 40, 200, 5
EVERYWHERE = ("soft", "twin")  # methods that are measured at every width
CHECKS = ("soft", "soft-ridge", "hard", "twin")
SHOWN, SHOWN_EPSILON = 10, {"linf": 0.2, "l2": 4.0}  # attacked samples of a figure
SMOOTHER = 3  # factor of the temperature


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the cells of every classifier; on the first stream also checks and transfers between classifiers.

    Wide controls and a second stream are measured with one seed: each costs half a minute.
    """
    for method, neurons in _methods(grid):
        every = grid.first and (neurons <= 200 or method in EVERYWHERE)
        for seed in grid.seeds if every else grid.seeds[:1]:
            yield _cell(grid, "accuracy", method, method, neurons, seed)
    if grid.fast or not grid.first:
        return
    for method in CHECKS:
        yield _cell(grid, "check", f"check-{method}", method, 200, grid.seeds[0])
    for neurons, seeds in ((200, grid.seeds), (1000, grid.seeds[:1])):
        for seed in seeds:
            yield _cell(grid, "transfers", "transfers", "twin", neurons, seed)


def _methods(grid: Grid) -> Iterator[tuple[str, int]]:
    if grid.fast:
        yield from (("soft", 100), ("soft-ridge", 100), ("hard", 100), ("k-means", 100))
    elif not grid.first:
        yield from (("soft", 200), ("soft-ridge", 200), ("twin", 200))
    else:
        for method in NAMES:
            widths = {"delta": (0,), "deep": (200,)}.get(method, grid.widths if method in EVERYWHERE else (200, 1000))
            yield from product((method,), widths)


def _cell(grid: Grid, kind: str, name: str, classifier: str, neurons: int, seed: int) -> Settings:
    count = 100 if grid.fast else CHECKED if kind == "check" else ATTACKED
    epsilons = {norm: list(values) for norm, values in (EPSILONS if grid.first else SMALLER).items()}
    own = {
        "epsilons": epsilons,
        "kind": kind,
        "classifier": classifier,
        "neurons": neurons,
        "seed": seed,
        "attacked_samples": count,
    }
    return grid.samples | own | {"method": name, "steps": STEPS} | ({"torch": True} if classifier in PASSES else {})


def measure(settings: Settings, images: Images) -> Outcome:
    """Train the classifiers of a cell and attack them."""
    target = target_of(settings, images)
    if settings["kind"] == "transfers":
        return Outcome(_transfers(settings, images, target), {})
    found = attacked(settings | {"method": settings["classifier"]}, images)
    if settings["kind"] == "check":
        return Outcome({"check": {norm: _check(found, target, norm, settings["steps"]) for norm in NORMS}}, {})
    curves = {norm: _curve(found, target, norm, settings) for norm in NORMS}
    measures = {"curves": curves, "certified": _certified(found, target, settings["epsilons"]), "scales": target.scales}
    wanted = settings["seed"] == 0 and settings["classifier"] in EVERYWHERE and is_image(images.shape)
    return Outcome(measures, _shown(found, target, images) if wanted else {})


def _curve(found: Attacked, target: Target, norm: str, settings: Settings) -> list[list[float]]:
    """Return for each epsilon what is left: of random noise, of the own gradients, of the strongest attack.

    What a smaller epsilon changed is changed by a larger one, so each goes on with the samples that are still right.
    """
    classifier, samples, labels = found.classifier, target.samples, target.labels
    own = strongest = classifier.predict(samples) == labels
    clean = float(own.mean())
    points, steps = [[0.0, clean, clean, clean]], settings["steps"]
    for epsilon in settings["epsilons"][norm]:
        ball = target.ball(norm, epsilon)
        noisy = classifier.predict(random_noise(samples, **ball).astype(np.float32)) == labels
        own = still_right(classifier, found.own, samples, labels, own, steps=steps, **ball)
        strongest = still_right(classifier, found.others, samples, labels, strongest & own, steps=steps, **ball)
        points.append([epsilon, *(float(right.mean()) for right in (noisy, own, strongest))])
    return points


def _certified(found: Attacked, target: Target, epsilons: dict[str, list[float]]) -> dict[str, list[list[float]]]:
    """Return for each epsilon the share of samples whose winner surely keeps the right name; none without names."""
    if found.chip is None or found.names is None:
        return {}
    weights = np.array(found.chip.layers[0].weights, np.float64)
    shares = {}
    for norm in NORMS:
        radii = certified_radii(weights, found.names, target.samples.astype(np.float64), target.labels, norm)
        shares[norm] = [
            [epsilon, float((radii > epsilon * target.scales[norm]).mean())] for epsilon in (0.0, *epsilons[norm])
        ]
    return shares


def _check(found: Attacked, target: Target, norm: str, steps: int) -> list[list[float]]:
    """Return for each epsilon what is left of the study's attack, and of one with more steps, restarts and losses."""
    classifier, samples, labels = found.classifier, target.samples, target.labels
    clean = classifier.predict(samples) == labels
    guides = [*found.own, *found.others]
    further = list(dict.fromkeys([*guides, *(Guide(guide.classifier, "margin") for guide in guides)]))
    points = []
    for epsilon in (0.0, *REFERENCE[norm], LARGEST[norm]):
        ball = target.ball(norm, epsilon)
        usual = still_right(classifier, guides, samples, labels, clean, steps=steps, **ball)
        plan = {"steps": MORE_STEPS, "restarts": RESTARTS} | ball
        more = still_right(classifier, further, samples, labels, usual, **plan) if epsilon else usual
        points.append([epsilon, float(clean.mean()), float(usual.mean()), float(more.mean())])
    return points


def _transfers(settings: Settings, images: Images, target: Target) -> dict[str, Any]:
    """Return what is left of each classifier after attacks along the gradients of each, from one chip and one twin."""
    chip = learned_chip(settings | {"method": "soft"}, images)
    labels = named(chip, images, settings["label_samples"])
    soft = Classifier(chip, labels, dtype=np.float32)
    linear = Classifier(chip, ridge(chip, images, settings["label_samples"]), dtype=np.float32)
    twin = trained_twin(settings | {"method": "twin"}, images)
    judged: dict[str, Compared] = {"soft": soft, "soft-ridge": linear, "twin": twin}
    guides = {name: Guide(classifier) for name, classifier in judged.items()} | {
        "sharpened": smooth(chip, sharpened(labels), TEMPERATURE),
        "smoother": smooth(chip, labels, SMOOTHER * TEMPERATURE),
    }
    left = []
    for norm, (name, classifier) in product(NORMS, judged.items()):
        constants = {"steps": settings["steps"]} | target.ball(norm, REFERENCE[norm][0])
        clean = classifier.predict(target.samples) == target.labels
        for source, guide in guides.items():
            right = still_right(classifier, [guide], target.samples, target.labels, clean, **constants)
            left.append([norm, name, source, float(right.mean())])
    return {"transfers": left}


def _shown(found: Attacked, target: Target, images: Images) -> dict[str, NDArray[Any]]:
    """Return the first samples, and what the strongest attack of each norm makes of them."""
    samples, labels = target.samples[:SHOWN], target.labels[:SHOWN]
    arrays: dict[str, NDArray[Any]] = {"clean": images.pictures(samples)}
    for norm, epsilon in SHOWN_EPSILON.items():
        changed = samples
        for guide, loss in (*found.own, *found.others):
            along, wrong = Along(found.classifier, guide), found.classifier.predict(changed) != labels
            made = attack(along, samples, labels, loss=loss, **target.ball(norm, epsilon)).samples.astype(np.float32)
            changed = np.where(wrong[:, None], changed, made)
        arrays |= {norm: images.pictures(changed), f"{norm}-said": found.classifier.predict(changed)}
    return arrays


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return what is left of each classifier, causes, and what checks and transfers leave."""
    return [*tables_of_accuracy(asked, finished), table_of_causes(asked, finished)]


PART = Part("attacks", cells, measure, tables, claims, figures)
