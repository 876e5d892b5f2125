"""A sweep, from its points to its rows: finished points are skipped, and each new record is written at once."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurosim.errors import StateError
from neurosim.experiments.cells import Finished, Folder, Record
from neurosim.sweeps.executors import Executor
from neurosim.sweeps.pareto import front
from neurosim.sweeps.search import Point, objectives, rounds
from neurosim.sweeps.study import Sweep
from neurosim.sweeps.tasks import Measure, tasks

Watch = Callable[[Point, Record], object]


class Row(NamedTuple):
    """A point and its record.

    Attributes
    ----------
    point : Point
    record : dict
        Its `status`, "done", "failed" or "open", with its measures or its error.
    best : bool
        Whether it is on the Pareto front of the points that are done.
    chance : float or None
        Probability that it is on the front (see `neurosim.sweeps.chances`); None if it was not computed.
    """

    point: Point
    record: Record
    best: bool
    chance: float | None = None


class Engine:
    """The points of a sweep, and the folder of their records.

    Every record is a small JSON file, written under another name, flushed and renamed: whenever the sweep is killed, a
    point is either finished or not. Only this process writes there.

    Parameters
    ----------
    sweep : Sweep
    measure : Measure
    root : path
        Folder of the data.
    folder : Folder
        Folder of the records.
    only : str
        Only points with this text in their name or key are measured.
    """

    def __init__(self, sweep: Sweep, measure: Measure, root: str | Path, folder: Folder, only: str = "") -> None:
        self.sweep, self.measure, self.root, self.folder, self.only = sweep, measure, Path(root), folder, only
        self._records: Finished = {}

    def points(self) -> Iterator[list[Point]]:
        """Yield the points, round by round, as far as the present records allow Optuna to suggest more."""
        search = rounds(self.sweep, self.measure.complete, self.measure.version)
        try:
            points = next(search)
            while True:
                for point in points:
                    if point.key not in self._records:
                        self._records[point.key] = self.folder.read(point.cell) or {"status": "open"}
                yield points
                points = search.send(self._records)
        except StopIteration:
            return

    def chosen(self, point: Point) -> bool:
        """Tell whether a point is one of those to measure."""
        return self.only in point.name or self.only in point.key

    def run(self, executor: Executor, watch: Watch | None = None) -> None:
        """Measure the points that are not finished, and again those that failed; write each record at once.

        Raises
        ------
        ConfigError
            If the study's settings break a rule, or the connection to a cluster is lost.
        StreamError
            If the data are missing.
        StateError
            If a record cannot be read or written.
        """
        self.folder.check_writable()
        checked: set[str] = set()
        for points in self.points():
            left = [one for one in points if self.chosen(one) and self._records[one.key]["status"] != "done"]
            self._check(left, checked)
            with closing(executor.results(self.measure, str(self.root), tasks(left, self.measure))) as results:
                for task, records in results:
                    for point, record in zip(task.points, records, strict=True):
                        self.folder.write(point.cell, record)
                        self._records[point.key] = record
                        if watch is not None:
                            watch(point, record)

    def _check(self, points: Sequence[Point], checked: set[str]) -> None:
        """Refuse what is missing for any of the points, each combination of data and the like once."""
        for point in points:
            settings = {name: value for name, value in point.cell.settings.items() if name in self.measure.checked}
            text = json.dumps(settings, sort_keys=True)
            if text not in checked:
                self.measure.check(point.cell.settings, self.root)
                checked.add(text)

    def rows(self) -> list[Row]:
        """Return all points with their records, those on the Pareto front marked.

        With Optuna, these are the points up to the first round that has an open one.

        Raises
        ------
        StateError
            If a record is damaged, or points were measured on different data.
        """
        self._records.clear()  # read again: an interrupt may have come after a file was written, before it was noted
        by_key: dict[str, Point] = {}
        for points in self.points():
            by_key |= {point.key: point for point in points}
            if any(self._records[point.key]["status"] == "open" for point in points):
                break
        self._check_data(by_key.values())
        records = [self._records[key] for key in by_key]
        best = _best(self.sweep, records)
        return [Row(point, record, bool(on)) for point, record, on in zip(by_key.values(), records, best, strict=True)]

    def forget(self) -> None:
        """Remove all records of the folder."""
        for path in (self.folder.path / "cells").glob("point-*.json"):
            path.unlink(missing_ok=True)

    def _check_data(self, points: Iterable[Point]) -> None:
        """Refuse points that were measured on different data under the same name."""
        known: dict[str, tuple[object, str]] = {}
        for point in points:
            measures = self._records[point.key].get("measures") or {}
            name = str(point.cell.settings.get("data"))
            if "data" in measures:
                first, key = known.setdefault(name, (measures["data"], point.key))
                if first != measures["data"]:
                    raise StateError(
                        f"points in {self.folder.path} must be of the same data, and {key} and {point.key} are not: "
                        "begin anew with --restart, or choose another --out"
                    )


def _best(sweep: Sweep, records: Sequence[Record]) -> Sequence[bool]:
    """Tell which points are on the front."""
    none = [float("nan")] * len(sweep.objectives)
    values = np.array([objectives(record, sweep) or none for record in records]).reshape(len(records), len(none))
    largest = np.array([wish == "max" for wish in sweep.objectives.values()])
    return list(front(values, largest))
