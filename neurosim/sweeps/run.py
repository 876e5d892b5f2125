"""A sweep from its points to its rows: what is finished is passed over, what comes back is kept at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurosim.errors import StateError
from neurosim.experiments.cells import Finished, Folder, Record
from neurosim.sweeps.executors import Executor
from neurosim.sweeps.pareto import front
from neurosim.sweeps.search import Point, rounds, told
from neurosim.sweeps.study import Sweep
from neurosim.sweeps.tasks import Measure, tasks

Watch = Callable[[Point, Record], object]


class Row(NamedTuple):
    """A point and what is known of it.

    Attributes
    ----------
    point : Point
    record : dict
        Its `status`, "done", "failed" or "open", with its measures or its error.
    best : bool
        Whether it is on the Pareto front of the points that are done.
    """

    point: Point
    record: Record
    best: bool


class Engine:
    """The points of a sweep, and the folder of their records.

    Every record is a small JSON file, written beside its name, flushed and put in place: at whatever instant the sweep
    is killed, a point is finished or it is not. Only this process writes there.

    Parameters
    ----------
    sweep : Sweep
    measure : Measure
    root : path
        Folder of the data.
    folder : Folder
        Of the records.
    only : str
        Only points with this in their name or key are measured.
    """

    def __init__(self, sweep: Sweep, measure: Measure, root: str | Path, folder: Folder, only: str = "") -> None:
        self.sweep, self.measure, self.root, self.folder, self.only = sweep, measure, Path(root), folder, only
        self._records: Finished = {}

    def points(self) -> Iterator[list[Point]]:
        """Give the points, round by round, as far as the records at that time let Optuna ask."""
        asked = rounds(self.sweep, self.measure.complete, self.measure.version)
        try:
            points = next(asked)
            while True:
                for point in points:
                    if point.key not in self._records:
                        self._records[point.key] = self.folder.read(point.cell) or {"status": "open"}
                yield points
                points = asked.send(self._records)
        except StopIteration:
            return

    def chosen(self, point: Point) -> bool:
        """Tell whether a point is one of those to measure."""
        return self.only in point.name or self.only in point.key

    def run(self, executor: Executor, watch: Watch | None = None) -> None:
        """Measure what is not finished, failed points among it; records are kept as they come.

        Raises
        ------
        ConfigError
            If the study's settings break a rule, or a cluster is gone.
        StreamError
            If the data are not there.
        StateError
            If a record cannot be read or written.
        """
        self.folder.put(self.folder.path / ".writable", lambda path: path.touch())  # before hours of work
        (self.folder.path / ".writable").unlink(missing_ok=True)
        checked = False
        for points in self.points():
            left = [one for one in points if self.chosen(one) and self._records[one.key]["status"] != "done"]
            if left and not checked:
                self.measure.check(left[0].cell.settings, self.root)
                checked = True
            with closing(executor.results(self.measure, str(self.root), tasks(left, self.measure))) as found:
                for task, records in found:
                    for point, record in zip(task.points, records, strict=True):
                        self.folder.write(point.cell, record)
                        self._records[point.key] = record
                        if watch is not None:
                            watch(point, record)

    def rows(self) -> list[Row]:
        """Return all points with what is known of them, those on the Pareto front marked.

        A search of Optuna's has the points that it asked for until it met one that is open.

        Raises
        ------
        StateError
            If a record is damaged, or points are of different data.
        """
        self._records.clear()  # an interrupt may have come between a record's file and its note here
        found: dict[str, Point] = {}
        for points in self.points():
            found |= {point.key: point for point in points}
            if any(self._records[point.key]["status"] == "open" for point in points):
                break
        self._check_data(found.values())
        records = [self._records[key] for key in found]
        best = _best(self.sweep, records)
        return [Row(point, record, bool(on)) for point, record, on in zip(found.values(), records, best, strict=True)]

    def forget(self) -> None:
        """Remove all records of the folder."""
        for path in (self.folder.path / "cells").glob("point-*.json"):
            path.unlink(missing_ok=True)

    def _check_data(self, points: Iterable[Point]) -> None:
        """Refuse points that were measured on different data of one name."""
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
    values = np.array([told(record, sweep) or none for record in records]).reshape(len(records), len(none))
    largest = np.array([wish == "max" for wish in sweep.objectives.values()])
    return list(front(values, largest))
