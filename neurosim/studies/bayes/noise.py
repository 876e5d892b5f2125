"""Part `noise`: what is still recognised under noise, by SoftHebb and by what it is compared with."""

from collections.abc import Iterator, Sequence

import numpy as np

from neurosim.experiments.cells import Cell, Finished, Outcome, Table
from neurosim.experiments.tables import NOTHING, spread
from neurosim.studies.bayes.controls import NAMES, PASSES, Compared, classifier_of
from neurosim.studies.bayes.corruptions import STRENGTHS, UNITS, examples, noises, under
from neurosim.studies.bayes.figures import is_image
from neurosim.studies.bayes.images import Array, Images, Labels
from neurosim.studies.bayes.noise_claims import claims, table_of_causes
from neurosim.studies.bayes.noise_figures import figures
from neurosim.studies.bayes.part import Grid, Part, Settings, by_group

TESTED = 1000  # samples, evenly from all of the test stream
LEAST = 1e-12  # a cross-entropy counts no probability of the right label for less
COSTLY = ("deep", "random", "twin-converged")  # methods that are measured at one width
COSTLY_WIDTH = 1000
FAST = ("soft", "soft-ridge", "hard", "k-means", "delta")  # methods that do without PyTorch
SECOND = ("soft", "soft-ridge", "hard", "k-means", "delta", "twin")  # methods on further streams
SECOND_WIDTH = 200  # CIFAR-10 has four times as many inputs, few of them 0: a cell of 1,000 neurons takes a minute
QUALITIES = {1: ("Accuracy, %", 100), 2: ("Cross-entropy, nats", 1)}  # columns of a curve after the strength


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the grid of methods, widths and seeds; raw pixels have no hidden neurons, so 0."""
    for method in FAST if grid.fast else NAMES if grid.first else SECOND:
        for neurons in _widths(method, grid):
            for seed in grid.seeds:
                own = {"method": method, "neurons": neurons, "seed": seed, "noise_samples": TESTED}
                yield grid.samples | own | ({"torch": True} if method in PASSES else {})


def _widths(method: str, grid: Grid) -> tuple[int, ...]:
    if method == "delta":
        return (0,)
    if not grid.first:
        return (SECOND_WIDTH,)
    return (COSTLY_WIDTH,) if method in COSTLY else grid.widths


def measure(settings: Settings, images: Images) -> Outcome:
    """Train a classifier, and ask it for test samples under each noise by the seed of the cell."""
    classifier = classifier_of(settings, images, np.float32)
    samples, labels = images.some_tests(settings["noise_samples"])
    clean = [0.0, *_quality(classifier, samples, labels)]
    curves = {
        noise: [clean] + [
            [strength, *_quality(classifier, under(noise, strength, samples, images, settings["seed"]), labels)]
            for strength in STRENGTHS[noise]
        ]
        for noise in noises(images.shape)
    }  # fmt: skip
    shown = settings["method"] == "soft" and settings["seed"] == 0 and is_image(images.shape)
    return Outcome({"curves": curves}, {"examples": examples(samples[:1], images)} if shown else {})


def _quality(classifier: Compared, samples: Array, labels: Labels) -> list[float]:
    """Return the accuracy and the cross-entropy."""
    log_proba = classifier.log_proba(samples)
    own = log_proba[np.arange(len(labels)), labels]
    return [float((log_proba.argmax(axis=1) == labels).mean()), float(-np.maximum(own, np.log(LEAST)).mean())]


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return accuracies under each noise, cross-entropies under Gaussian noise, and causes."""
    accuracies = [_table(noise, 1, asked, finished) for noise in STRENGTHS]
    return [*accuracies, _table("Gaussian", 2, asked, finished), table_of_causes(asked, finished)]


def _table(noise: str, column: int, asked: Sequence[Cell], finished: Finished) -> Table:
    """Return the table of one noise and one column of its curves."""
    (what, scale), strengths, rows = QUALITIES[column], (0.0, *STRENGTHS[noise]), []
    for (dataset, method, neurons), records in by_group(asked, finished):
        curves = [record["curves"][noise] for record in records if noise in record["curves"]]
        texts = [spread([scale * curve[index][column] for curve in curves], column) for index in range(len(strengths))]
        rows.append([dataset, NAMES[method], str(neurons) if neurons else NOTHING, *texts])
    name = f"noise-{what.split(',')[0]}-{noise}".lower().replace(" ", "-")
    header = ["data", "classifier", "neurons", *map(str, strengths)]
    return Table(name, f"{what}, under noise: {noise}, {UNITS[noise]}", header, rows)


PART = Part("noise", cells, measure, tables, claims, figures)
