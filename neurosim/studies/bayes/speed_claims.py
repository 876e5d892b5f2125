"""What part `speed` says: does the chip need fewer samples than its twin by backpropagation, and where."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any, NamedTuple

from neurosim.experiments.cells import Cell, Finished
from neurosim.studies.bayes.part import Claim, by_group

Groups = Mapping[tuple[str, int], Sequence[Any]]  # measures of each method and width of one stream
CURVES = {"random": "linear-seen"}  # of what the chip is held against; of others, their own
TUNED = ("sgd-decay", "adam-decay")
CLAIMS = (  # what is claimed, the curve of the chip, what it is held against: the best of them counts
    ("than backpropagation at a constant rate (the end unknown), labels of the samples seen", "soft-seen",
     ("sgd-constant",)),
    ("than backpropagation at a rate tuned to end there, labels of the samples seen", "soft-seen", TUNED),
    ("than backpropagation at a constant rate, {count} labels to name neurons", "soft-fixed", ("sgd-constant",)),
    ("than backpropagation at a rate tuned to end there, {count} labels to name neurons", "soft-fixed", TUNED),
    ("with a linear readout than backpropagation at a rate tuned to end there, labels of the samples seen",
     "linear-seen", TUNED),
    ("with a linear readout than random weights with one, labels of the samples seen", "linear-seen", ("random",)),
)  # fmt: skip
SIGNS = {1: "above", 0: "within the seeds", -1: "below"}


class Point(NamedTuple):
    """After so many samples: the chip's mean accuracy less the other's, and its sign if the seeds do not overlap."""

    samples: int
    difference: float
    sign: int


def accuracies(records: Sequence[Any], curve: str) -> dict[int, list[float]]:
    """Return the accuracy of each seed by the number of samples; where one has none, the number is left out."""
    by_samples: dict[int, list[float]] = {}
    for record in records:
        for samples, accuracy in record["curves"].get(curve, ()):
            if accuracy is not None:
                by_samples.setdefault(samples, []).append(accuracy)
    return by_samples


def claims(asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return the claims of each stream, as far as both sides are measured."""
    streams: dict[str, dict[tuple[str, int], Sequence[Any]]] = {}
    for (dataset, method, neurons), records in by_group(asked, finished):
        if records:
            streams.setdefault(dataset, {})[method, neurons] = records
    counts = {cell.settings["dataset"]: cell.settings["label_samples"] for cell in asked}
    made = []
    for dataset, groups in streams.items():
        for claim, curve, methods in CLAIMS:
            by_width = _points(groups, curve, methods)
            if by_width:
                text = f"fewer samples {claim.format(count=counts[dataset])}: {dataset}"
                made.append(_claim(text, by_width))
    return made


def _points(groups: Groups, curve: str, rivals: Sequence[str]) -> dict[int, list[Point]]:
    """Compare the chip with the best of its rivals, by width and number of samples, wherever both are measured."""
    by_width: dict[int, list[Point]] = {}
    for (method, neurons), records in groups.items():
        others = [
            accuracies(groups[rival, neurons], CURVES.get(rival, "own"))
            for rival in rivals
            if (rival, neurons) in groups
        ]
        if method != "soft" or not others:
            continue
        for samples, ours in accuracies(records, curve).items():
            measured = [other[samples] for other in others if samples in other]
            if measured:
                by_width.setdefault(neurons, []).append(_point(samples, ours, max(measured, key=fmean)))
    return by_width


def _point(samples: int, ours: Sequence[float], theirs: Sequence[float]) -> Point:
    sign = int(min(ours) > max(theirs)) - int(max(ours) < min(theirs))
    return Point(samples, fmean(ours) - fmean(theirs), sign)


def _claim(text: str, by_width: Mapping[int, Sequence[Point]]) -> Claim:
    """Return the claim: it holds where all seeds of the chip are above all of the twin, "yes" if that is everywhere."""
    above = [point.sign > 0 for points in by_width.values() for point in points]
    holds = "yes" if all(above) else "partly" if any(above) else "no"
    differences = "; ".join(
        f"{neurons} neurons " + ", ".join(f"{100 * point.difference:+.1f} ({point.samples})" for point in points)
        for neurons, points in by_width.items()
    )
    ranges = "; ".join(f"{neurons} neurons {_ranges(points)}" for neurons, points in by_width.items())
    return Claim(text, f"points of accuracy (after samples): {differences}", holds, ranges)


def _ranges(points: Sequence[Point]) -> str:
    """Return from which to which number of samples the chip is above, and below, as text."""
    texts = []
    for sign, run in groupby(points, key=lambda point: point.sign):
        samples = [point.samples for point in run]
        span = f"from {samples[0]} to {samples[-1]}" if len(samples) > 1 else f"at {samples[0]}"
        texts.append(f"{SIGNS[sign]} {span}")
    return ", ".join(texts)
