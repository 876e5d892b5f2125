"""Part `learning`: the cross-entropy of labels that the chip never sees falls along the stream; soft against hard."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from neurosim.chip.chip import Chip
from neurosim.experiments.cells import Cell, Finished, Folder, Outcome, Table
from neurosim.experiments.tables import NOTHING, spread
from neurosim.readouts.cross_entropy import cross_entropy
from neurosim.readouts.soft import SoftLabels
from neurosim.studies.bayes.chips import named, new_chip, soft_labels
from neurosim.studies.bayes.figures import lines_by_width
from neurosim.studies.bayes.images import Images
from neurosim.studies.bayes.part import (
    CHECKPOINTS,
    FEWER,
    Claim,
    Grid,
    Groups,
    Part,
    Settings,
    by_group,
    by_stream,
    checkpoints,
    ends,
    measured,
    widths_of,
)

PASSES = 3  # after which the chip counts as converged
SMOOTHINGS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)  # a hard winner's cross-entropy depends on them more than a soft one's


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the grid of methods, widths and seeds; two layers at two widths only."""
    common = grid.samples | {"passes": PASSES, "checkpoints": list(CHECKPOINTS if grid.first else FEWER)}
    for method in ("soft", "hard", "random", "deep"):
        widths = grid.widths if method != "deep" else [neurons for neurons in grid.widths if neurons in (200, 1000)]
        for neurons in widths:
            for seed in grid.seeds:
                yield common | {"method": method, "neurons": neurons, "seed": seed}


def measure(settings: Settings, images: Images) -> Outcome:
    """Let a chip learn, and measure copies of it along the first pass, at its end and after further passes."""
    chip = new_chip(settings, images)
    copies = [deepcopy(chip)]
    if settings["method"] != "random":
        at = checkpoints(settings, len(images.train))
        chip.learn(images.train, every=at, watch=lambda now: copies.append(deepcopy(now)))
    samples, labels = images.naming(settings["label_samples"])
    at_end, asked = chip.respond(samples), chip.respond(images.test)
    final = soft_labels(at_end, labels)
    by_smoothing = [
        [smoothing, cross_entropy(soft_labels(at_end, labels, smoothing).predict_proba(asked), images.test_labels)]
        for smoothing in SMOOTHINGS
    ]
    del at_end, asked  # hundreds of megabytes
    curve = [[copy.samples, *_quality(copy, images, settings, final)] for copy in copies]
    converged: list[float] = []
    if settings["method"] != "random":
        for _ in range(1, settings["passes"]):
            chip.learn(images.train)
        converged = _quality(chip, images, settings, final)
    return Outcome({"curve": curve, "converged": converged, "by_smoothing": by_smoothing}, {})


def _quality(chip: Chip, images: Images, settings: Settings, final: SoftLabels) -> list[float]:
    """Return cross-entropy and accuracy by soft labels of its own, then cross-entropy by those of the first pass."""
    own, asked = named(chip, images, settings["label_samples"]), chip.respond(images.test)
    shares, labels = own.predict_proba(asked), images.test_labels
    accuracy = float((shares.argmax(axis=1) == labels).mean())
    return [cross_entropy(shares, labels), accuracy, cross_entropy(final.predict_proba(asked), labels)]


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
    smoothings = [
        [dataset, method, str(neurons), *(_smoothed(records, smoothing) for smoothing in SMOOTHINGS)]
        for (dataset, method, neurons), records in by_group(asked, finished)
    ]
    of_smoothing = ["data", "method", "neurons", *map(str, SMOOTHINGS)]
    return [
        Table("cross_entropy", "Cross-entropy of labels that the chip never sees, nats, and accuracy", header, rows),
        Table("smoothing", "Cross-entropy after one pass by the smoothing of P(c | k), nats", of_smoothing, smoothings),
    ]


def _at(curves: Sequence[Any], samples: int) -> str:
    """Return the cross-entropy after so many samples, as text."""
    return spread([point[1] for curve in curves for point in curve if point[0] == samples], 3)


def _smoothed(records: Sequence[Any], smoothing: float) -> str:
    """Return the cross-entropy with one smoothing, as text."""
    return spread([value for record in records for own, value in record["by_smoothing"] if own == smoothing], 3)


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return what the curves say of each stream: does it fall, is soft better than hard."""
    found = []
    for dataset, groups in by_stream(asked, finished).items():
        for method, layers in (("soft", "one layer"), ("deep", "two layers")):
            if widths_of(groups, method):
                found.append(_falls(f"cross-entropy falls without labels: {dataset}, {layers}", groups, method))
        if widths_of(groups, "soft", "hard"):
            found.append(_soft_against_hard(f"soft beats hard: {dataset}", groups))
    return found


def _falls(claim: str, groups: Groups, method: str) -> Claim:
    """Return the claim by each width's first and last cross-entropy, both with labels fitted there."""
    widths = widths_of(groups, method)
    pairs = {neurons: [_ends(groups[method, neurons], column) for column in (1, 3)] for neurons in widths}
    fell = all(end < start for own, _ in pairs.values() for start, end in zip(*own, strict=True))
    shown = ends(widths)
    text = "; ".join(f"{neurons} neurons {_from_to(pairs[neurons][0])} nats" for neurons in shown)
    final = " and ".join(_from_to(pairs[neurons][1]) for neurons in shown)
    reason = f"neurons are named anew at each point; by the names that they have at the end, {final}"
    return measured(claim, text, fell, reason)


def _ends(records: Sequence[Any], column: int) -> tuple[list[float], list[float]]:
    """Return a column of each seed's curve before the first sample and after one pass."""
    return [record["curve"][0][column] for record in records], [record["curve"][-1][column] for record in records]


def _from_to(pair: tuple[list[float], list[float]]) -> str:
    return f"{spread(pair[0], 2)} -> {spread(pair[1], 3)}"


def _soft_against_hard(claim: str, groups: Groups) -> Claim:
    """Return the claim by each one's best smoothing, as the same one favours the soft."""
    widths, texts = widths_of(groups, "soft", "hard"), []
    best = {
        (method, neurons): [min(value for _, value in record["by_smoothing"]) for record in groups[method, neurons]]
        for neurons in widths for method in ("soft", "hard")
    }  # fmt: skip
    for neurons in ends(widths):
        both = ("soft", neurons), ("hard", neurons)
        nats = " against ".join(spread(best[key], 3) for key in both)
        right = " against ".join(spread([100 * record["curve"][-1][2] for record in groups[key]], 1) for key in both)
        texts.append(f"{neurons} neurons {nats} nats, {right} %")
    better = all(max(best["soft", neurons]) < min(best["hard", neurons]) for neurons in widths)
    reason = "in nats: every seed below every one of hard; each with the smoothing that is best for it on test samples"
    return measured(claim, "; ".join(texts), better, reason)


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw cross-entropy over samples, a panel for each stream and method."""
    curves: dict[tuple[str, int], list[Any]] = {}
    for (dataset, method, neurons), records in by_group(asked, finished):
        if method != "random" and records:
            curves[f"{dataset}, {method}", neurons] = [[point[:2] for point in record["curve"]] for record in records]
    return lines_by_width(curves, "cross-entropy.png", folder, "cross-entropy, nats")


PART = Part("learning", cells, measure, tables, claims, figures)
