"""What robustness comes from: points of accuracy between classifiers that differ in one thing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Table
from neurosim.studies.bayes.part import MATTERS, Groups, by_stream, records_of, widths_of

Causes = Mapping[str, tuple[str, str]]  # what is changed, and the two methods that differ in it
Accuracies = Callable[[Sequence[Any]], list[float]]  # of a method's records, in %, in each test: means over seeds


def effects(groups: Groups, causes: Causes, accuracies: Accuracies) -> dict[str, list[float]]:
    """Return how many points each cause gives, at each width and in each test; none of what is not measured."""
    found = {}
    for cause, (method, control) in causes.items():
        points = [
            own - other
            for neurons in widths_of(groups, method, control)
            for own, other in zip(
                *(accuracies(records_of(groups, name, neurons)) for name in (method, control)), strict=True
            )
        ]
        if points:
            found[cause] = points
    return found


def counts(points: Sequence[float]) -> bool:
    """Return whether a cause gives `MATTERS` points or more in every comparison."""
    return min(points) >= MATTERS


def span(points: Sequence[float]) -> str:
    """Return the least and the most points as text."""
    return f"{min(points):+.1f} to {max(points):+.1f}"


def causes_table(
    name: str, title: str, causes: Causes, accuracies: Accuracies, asked: Sequence[Cell], finished: Finished
) -> Table:
    """Return a row for each stream and cause."""
    rows = [
        [
            dataset,
            cause,
            str(len(points)),
            f"{min(points):+.1f}",
            f"{max(points):+.1f}",
            "yes" if counts(points) else "no",
        ]
        for dataset, groups in by_stream(asked, finished).items()
        for cause, points in effects(groups, causes, accuracies).items()
    ]
    header = ["data", "what is changed", "comparisons", "least", "most", "counts"]
    return Table(name, f"{title}; counts from {MATTERS:g} points on, in all comparisons", header, rows)
