"""The tables of Liuson's study: accuracy of the probes, inequality of steps, and which neurons learned."""

from collections.abc import Iterator, Sequence

from neurosim.experiments.cells import Cell, Finished, Table
from neurosim.experiments.tables import NOTHING, difference, number, spread
from neurosim.studies import published

WHAT = ("published", "ours", "difference")
Group = tuple[str, str, int]  # method, data set, neurons


def groups(cells: Sequence[Cell], finished: Finished) -> Iterator[tuple[Group, list[dict[str, object]]]]:
    """Return each method, data set and width, in the order of the published tables, with its seeds' measures."""
    by_group: dict[Group, list[dict[str, object]]] = {}
    for cell in cells:
        settings = cell.settings
        measures = by_group.setdefault((settings["method"], settings["dataset"], settings["neurons"]), [])
        if cell.name in finished:
            measures.append(finished[cell.name]["measures"])
    methods = published.METHODS
    order = sorted(by_group, key=lambda g: (published.DATASETS.index(g[1]), methods.index(g[0]), g[2]))
    return ((group, by_group[group]) for group in order)


def values(measures: Sequence[dict[str, object]], name: str, times: float = 1.0) -> list[float]:
    """Return one measure of every seed that has it, in units of 1 / times."""
    return [float(m[name]) * times for m in measures if m.get(name) is not None]  # type: ignore[arg-type]


def tables(cells: list[Cell], finished: Finished) -> list[Table]:
    """Return the three tables: accuracy, Gini coefficients, activity."""
    accuracies: list[list[str]] = []
    ginis: list[list[str]] = []
    activities: list[list[str]] = []
    for group, measures in groups(cells, finished):
        names = [group[0], group[1], str(group[2])]
        if group[0] != published.HEAD:
            accuracies.append([*names, *_accuracy(group, measures)])
        if group[0] != "random":
            ginis.append([*names, *_gini(group, measures)])
        if group[0] not in ("random", published.HEAD):
            activities.append([*names, *_activity(measures)])
    first = ["method", "data", "neurons"]
    return [
        Table("accuracy", "Table 1: accuracy of the probe, %",
              [*first, *WHAT, "linear readout"], accuracies),
        Table("gini", f"Table 2: Gini coefficient of mean steps, after {published.START} updates and after the last",
              [*first, *(f"{when} {what}" for when in ("start", "end") for what in WHAT)], ginis),
        Table("activity", "Who learned, %",
              [*first, "live", "dead", "between", "never won", "usage entropy", "effective winners"], activities),
    ]  # fmt: skip


def _accuracy(group: Group, measures: Sequence[dict[str, object]]) -> list[str]:
    theirs = published.of(published.ACCURACY, *group)
    ours = values(measures, "head_accuracy", 100)
    readout = values(measures, "readout_accuracy", 100)
    return [number(theirs, 1), spread(ours, 1), difference(theirs, ours, 1), spread(readout, 1)]


def _gini(group: Group, measures: Sequence[dict[str, object]]) -> list[str]:
    curves = [m["curve"] for m in measures if m.get("curve")]
    row = []
    for table, stop in ((published.GINI_START, published.START), (published.GINI_END, None)):
        theirs = published.of(table, *group)
        ours = [_gini_at(curve, stop) for curve in curves]  # type: ignore[arg-type]
        row += [number(theirs, 2), spread(ours, 2), difference(theirs, ours, 2)]
    return row


def _gini_at(curve: Sequence[tuple[int, float]], stop: int | None) -> float:
    """Return the last point of a curve up to an update; of a short run, its end."""
    return [gini for update, gini in curve if stop is None or update <= stop][-1]


def _activity(measures: Sequence[dict[str, object]]) -> list[str]:
    row = [spread(values(measures, name, 100), 1) for name in ("live", "dead", "between", "never_won")]
    row += [spread(values(measures, "usage_entropy"), 2), spread(values(measures, "effective_winners"), 0)]
    return row if measures else [NOTHING] * len(row)
