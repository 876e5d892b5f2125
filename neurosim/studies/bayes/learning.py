"""Part `learning`: the cross-entropy of labels that the chip never sees falls along the stream; soft against hard."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.experiments.cells import Cell, Finished, Folder, Outcome, Table
from neurosim.experiments.tables import NOTHING, spread
from neurosim.readouts.cross_entropy import cross_entropy
from neurosim.readouts.soft import SoftLabels
from neurosim.studies.bayes.chips import METHODS, named, new_chip
from neurosim.studies.bayes.figures import lines_by_width
from neurosim.studies.bayes.images import Images
from neurosim.studies.bayes.part import Claim, Grid, Part, Settings, by_group, measured

CHECKPOINTS = (100, 300, 1000, 3000, 10_000, 30_000)  # samples of the first pass, besides none and all
PASSES = 3  # after which the chip counts as converged


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the grid of methods, widths and seeds."""
    methods = ("soft", "hard", "random") if grid.fast else METHODS
    for method in methods:
        for neurons in grid.widths:
            for seed in grid.seeds:
                yield grid.samples | {"method": method, "neurons": neurons, "seed": seed, "passes": PASSES}


def measure(settings: Settings, images: Images) -> Outcome:
    """Let a chip learn, and measure copies of it along the first pass, at its end and after further passes."""
    chip, count, copies = new_chip(settings, images), len(images.train), []
    copies.append(deepcopy(chip))
    if settings["method"] != "random":
        at = [samples for samples in CHECKPOINTS if samples < count] + [count]
        chip.learn(images.train, every=at, watch=lambda now: copies.append(deepcopy(now)))
    final = named(copies[-1], images, settings["label_samples"])
    curve = [[copy.samples, *_quality(copy, images, settings, final)] for copy in copies]
    converged: list[float] = []
    if settings["method"] != "random":
        for _ in range(1, settings["passes"]):
            chip.learn(images.train)
        converged = _quality(chip, images, settings, final)
    return Outcome({"curve": curve, "converged": converged}, {})


def _quality(chip: Chip, images: Images, settings: Settings, final: SoftLabels) -> list[float]:
    """Return cross-entropy and accuracy by soft labels of its own, then cross-entropy by those of the first pass."""
    own, by_own, by_final = named(chip, images, settings["label_samples"]), [], []
    for first in range(0, len(images.test), 1000):
        response = chip.respond(images.test[first : first + 1000])
        by_own.append(own.predict_proba(response))
        by_final.append(final.predict_proba(response))
    shares, labels = np.concatenate(by_own), images.test_labels
    accuracy = float((shares.argmax(axis=1) == labels).mean())
    return [cross_entropy(shares, labels), accuracy, cross_entropy(np.concatenate(by_final), labels)]


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return cross-entropies along the stream, and the accuracies at its end."""
    rows = []
    for (dataset, method, neurons), records in by_group(asked, finished):
        names = [dataset, method, str(neurons)]
        if not records:
            rows.append([*names, *[NOTHING] * 8])
            continue
        curves = [record["curve"] for record in records]
        texts = [_at(curves, samples) for samples in (0, 1000, 10_000)]
        converged = [record["converged"] for record in records if record["converged"]]
        rows.append([
            *names, *texts, spread([curve[-1][1] for curve in curves], 3), spread([end[0] for end in converged], 3),
            spread([curve[0][3] for curve in curves], 2), spread([100 * curve[-1][2] for curve in curves], 1),
            spread([100 * end[1] for end in converged], 1),
        ])  # fmt: skip
    header = [
        "data", "method", "neurons", "0 samples", "1000", "10000", "one pass", f"{PASSES} passes",
        "0, final labels", "one pass, %", f"{PASSES} passes, %",
    ]  # fmt: skip
    return [
        Table("cross_entropy", "Cross-entropy of labels that the chip never sees, nats, and accuracy", header, rows)
    ]


def _at(curves: Sequence[Any], samples: int) -> str:
    """Return the cross-entropy after so many samples, as text."""
    return spread([point[1] for curve in curves for point in curve if point[0] == samples], 3)


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return what the curves say: does it fall, is soft better than hard."""
    found = []
    groups = {group: records for group, records in by_group(asked, finished) if records}
    for (dataset, method, neurons), records in groups.items():
        if method in ("soft", "deep"):
            starts, ends = ([record["curve"][index][1] for record in records] for index in (0, -1))
            fell = all(end < start for start, end in zip(starts, ends, strict=True))
            text = f"{spread(starts, 2)} -> {spread(ends, 3)} nats"
            layers = "two layers" if method == "deep" else "one layer"
            found.append(measured(f"cross-entropy falls without labels: {dataset}, {layers} of {neurons}", text, fell))
        hard = groups.get((dataset, "hard", neurons))
        if method == "soft" and hard:
            soft, other = ([record["curve"][-1] for record in group] for group in (records, hard))
            better = max(end[1] for end in soft) < min(end[1] for end in other)
            text = (
                f"{spread([end[1] for end in soft], 3)} against {spread([end[1] for end in other], 3)} nats, "
                f"{spread([100 * end[2] for end in soft], 1)} against {spread([100 * end[2] for end in other], 1)} %"
            )
            found.append(measured(f"soft beats hard: {dataset}, {neurons} neurons", text, better))
    return found


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw cross-entropy over samples, a panel for each stream and method."""
    curves: dict[tuple[str, int], list[Any]] = {}
    for (dataset, method, neurons), records in by_group(asked, finished):
        if method != "random" and records:
            curves[f"{dataset}, {method}", neurons] = [[point[:2] for point in record["curve"]] for record in records]
    return lines_by_width(curves, "cross-entropy.png", folder, xlabel="samples seen", ylabel="cross-entropy, nats")


PART = Part("learning", cells, measure, tables, claims, figures)
