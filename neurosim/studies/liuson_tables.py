"""The tables of Liuson's study: accuracy of the probes, inequality of steps, and who learned."""

from collections.abc import Iterator, Sequence

from neurosim.experiments.cells import Cell, Finished, Table
from neurosim.experiments.tables import NOTHING, difference, number, spread
from neurosim.studies import published

WHAT = ("published", "ours", "difference")
Group = tuple[str, str, int]  # method, data set, neurons


def groups(cells: Sequence[Cell], finished: Finished) -> Iterator[tuple[Group, list[dict[str, object]]]]:
    """Give each method, data set and width, in the order of the published tables, with its seeds' measures."""
    found: dict[Group, list[dict[str, object]]] = {}
    for cell in cells:
        settings = cell.settings
        measures = found.setdefault((settings["method"], settings["dataset"], settings["neurons"]), [])
        if cell.name in finished:
            measures.append(finished[cell.name]["measures"])
    methods = list(published.ACCURACY)
    order = sorted(found, key=lambda g: (published.DATASETS.index(g[1]), methods.index(g[0]), g[2]))
    return ((group, found[group]) for group in order)


def values(measures: Sequence[dict[str, object]], name: str, times: float = 1.0) -> list[float]:
    """Return one measure of every seed that has it."""
    return [float(m[name]) * times for m in measures if m.get(name) is not None]  # type: ignore[arg-type]


def tables(cells: list[Cell], finished: Finished) -> list[Table]:
    """Return all three."""
    rows: tuple[list[list[str]], list[list[str]], list[list[str]]] = ([], [], [])
    for group, measures in groups(cells, finished):
        words = [group[0], group[1], str(group[2])]
        rows[0].append([*words, *_accuracy(group, measures)])
        if group[0] != "random":
            rows[1].append([*words, *_gini(group, measures)])
            rows[2].append([*words, *_activity(measures)])
    first = ["method", "data", "neurons"]
    return [
        Table("accuracy", "Table 1: accuracy of the probe, %",
              [*first, *WHAT, "linear readout"], rows[0]),
        Table("gini", "Table 2: Gini coefficient of mean steps, first update and last",
              [*first, *(f"{when} {what}" for when in ("start", "end") for what in WHAT)], rows[1]),
        Table("activity", "Who learned, %",
              [*first, "live", "dead", "between", "never won", "usage entropy", "effective winners"], rows[2]),
    ]  # fmt: skip


def _accuracy(group: Group, measures: Sequence[dict[str, object]]) -> list[str]:
    said = published.of(published.ACCURACY, *group)
    ours = values(measures, "head_accuracy", 100)
    readout = values(measures, "readout_accuracy", 100)
    return [number(said, 1), spread(ours, 1), difference(said, ours, 1), spread(readout, 1)]


def _gini(group: Group, measures: Sequence[dict[str, object]]) -> list[str]:
    curves = [m["curve"] for m in measures if m.get("curve")]
    row = []
    for table, place in ((published.GINI_START, 0), (published.GINI_END, -1)):
        said = published.of(table, *group)
        ours = [float(curve[place][1]) for curve in curves]  # type: ignore[index]
        row += [number(said, 2), spread(ours, 2), difference(said, ours, 2)]
    return row


def _activity(measures: Sequence[dict[str, object]]) -> list[str]:
    row = [spread(values(measures, name, 100), 1) for name in ("live", "dead", "between", "never_won")]
    row += [spread(values(measures, "usage_entropy"), 2), spread(values(measures, "effective_winners"), 0)]
    return row if measures else [NOTHING] * len(row)
