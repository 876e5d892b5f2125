"""What part `speed` says: does the chip need fewer samples than its twin by backpropagation, and where."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any, NamedTuple

from neurosim.experiments.cells import Cell, Finished
from neurosim.studies.bayes.part import Claim, Groups, by_stream, records_of, verdict, widths_of

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
SIGNS = {1: "above in all seeds", -1: "below in all seeds"}


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
    counts = {cell.settings["dataset"]: cell.settings["label_samples"] for cell in asked}
    made = []
    for dataset, groups in by_stream(asked, finished).items():
        for claim, curve, methods in CLAIMS:
            by_width = _points(groups, curve, methods)
            if by_width:
                text = f"fewer samples {claim.format(count=counts[dataset])}: {dataset}"
                made.append(_claim(text, by_width))
    return made


def _points(groups: Groups, curve: str, rivals: Sequence[str]) -> dict[int, list[Point]]:
    """Compare the chip with the best of its rivals, by width and number of samples, wherever both are measured."""
    by_width: dict[int, list[Point]] = {}
    for neurons in widths_of(groups, "soft"):
        others = [accuracies(records_of(groups, rival, neurons), CURVES.get(rival, "own")) for rival in rivals]
        for samples, ours in accuracies(groups["soft", neurons], curve).items():
            theirs = [other[samples] for other in others if samples in other]
            if theirs:
                by_width.setdefault(neurons, []).append(_point(samples, ours, max(theirs, key=fmean)))
    return by_width


def _point(samples: int, ours: Sequence[float], theirs: Sequence[float]) -> Point:
    sign = int(min(ours) > max(theirs)) - int(max(ours) < min(theirs))
    return Point(samples, fmean(ours) - fmean(theirs), sign)


def _claim(text: str, by_width: Mapping[int, Sequence[Point]]) -> Claim:
    """Return the claim: it holds where all seeds of the chip are above all of the twin, "yes" if that is everywhere."""
    differences = []
    for neurons, points in by_width.items():
        least, most = (by(points, key=lambda point: point.difference) for by in (min, max))
        span = " to ".join(f"{100 * point.difference:+.1f} ({point.samples})" for point in (least, most))
        differences.append(f"{neurons} neurons {span}")
    holds = verdict([point.sign > 0 for points in by_width.values() for point in points])
    found = f"least and most points of accuracy (after samples): {'; '.join(differences)}"
    return Claim(text, found, holds, "; ".join(f"{words}: {_where(by_width, sign)}" for sign, words in SIGNS.items()))


def _where(by_width: Mapping[int, Sequence[Point]], sign: int) -> str:
    """Return at which widths and numbers of samples the chip is above, or below, as text."""
    texts = []
    for neurons, points in by_width.items():
        spans = []
        for own, run in groupby(points, key=lambda point: point.sign):
            samples = [point.samples for point in run]
            if own == sign:
                spans.append(f"{samples[0]}-{samples[-1]}" if len(samples) > 1 else str(samples[0]))
        if spans:
            texts.append(f"{neurons} neurons {', '.join(spans)}")
    return "; ".join(texts) or "nowhere"
