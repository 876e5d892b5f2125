"""Tasks: what one process does at a time. A learning run is shared by all points that differ only after it."""

import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from neurosim.errors import StabilityWarning
from neurosim.experiments.cells import Record
from neurosim.experiments.data import Data
from neurosim.experiments.workers import one_thread
from neurosim.sweeps.search import Point
from neurosim.sweeps.study import Sections

PERIOD_s = 0.5  # of asking whether the parent lives


class Measure(NamedTuple):
    """How a point is measured; functions that other processes can import.

    Attributes
    ----------
    version : int
        Of what is measured: another one makes other keys.
    sections : tuple of str
        Of a study file, those before learning first.
    learning : int
        How many of them learning depends on.
    measures : tuple of str
        Names of all numbers that there may be.
    complete : callable
        Makes a whole configuration, section by section, of what a study file says; refuses unknown keys.
    check : callable
        Refuses a data folder without what a configuration needs, quickly.
    admit : callable
        Refuses, of (configuration, data), a point that `price` would refuse whatever is learned.
    learn : callable
        Learns, of (configuration without the last sections, data); what it returns is handed to `price`.
    price : callable
        Measures a point, of (what `learn` returned, configuration): plain values by name.
    """

    version: int
    sections: tuple[str, ...]
    learning: int
    measures: tuple[str, ...]
    complete: Callable[[Sections], dict[str, Any]]
    check: Callable[[dict[str, Any], Path], None]
    admit: Callable[[dict[str, Any], Data], object]
    learn: Callable[[dict[str, Any], Data], Any]
    price: Callable[[Any, dict[str, Any]], dict[str, Any]]


class Task(NamedTuple):
    """Points that share what is learned.

    Attributes
    ----------
    learning : dict
        Their configuration, as far as learning depends on it.
    points : tuple of Point
    """

    learning: dict[str, Any]
    points: tuple[Point, ...]


def tasks(points: Sequence[Point], measure: Measure) -> list[Task]:
    """Return points as tasks, in the order of their first points."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(json.dumps(_learning(point, measure), sort_keys=True), []).append(point)
    return [Task(_learning(group[0], measure), tuple(group)) for group in groups.values()]


def _learning(point: Point, measure: Measure) -> dict[str, Any]:
    return {section: point.cell.settings[section] for section in measure.sections[: measure.learning]}


def done(measure: Measure, task: Task, data: Data) -> list[Record]:
    """Return the record of each point of a task; what goes wrong is a record too."""
    begun = time.perf_counter()
    records = [_refused(measure, point, data) for point in task.points]
    left = records.count(None)
    if left:
        try:
            learned = measure.learn(task.learning, data)
        except Exception as error:  # whatever it is, the other tasks go on
            return [record or failed(error) for record in records]
    shared = (time.perf_counter() - begun) / max(1, left)
    return [
        record or _priced(measure, learned, point, shared) for point, record in zip(task.points, records, strict=True)
    ]


def _refused(measure: Measure, point: Point, data: Data) -> Record | None:
    """Return the record of a point that need not learn to fail."""
    try:
        measure.admit(point.cell.settings, data)
    except Exception as error:
        return failed(error)
    return None


def failed(error: BaseException | str) -> Record:
    """Return the record of a point that failed: the error in one line."""
    said = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return {"status": "failed", "error": " ".join(said.split())}


def _priced(measure: Measure, learned: Any, point: Point, shared: float) -> Record:
    begun = time.perf_counter()
    try:
        measures = {name: _plain(value) for name, value in measure.price(learned, point.cell.settings).items()}
    except Exception as error:
        return failed(error)
    seconds = round(shared + time.perf_counter() - begun, 3)
    return {"status": "done", "measures": measures, "seconds": seconds}


def _plain(value: Any) -> Any:
    """Return what JSON can hold: nothing in place of NaN and infinities."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and plain - plain != 0 else plain


def work(measure: Measure, root: str, task: Task, parent: int | None) -> list[Record]:
    """Do a task in a process that is there for this, with one thread; end with the parent, if it is on this machine."""
    if parent is not None:
        _follow(parent)
    warnings.simplefilter("ignore", StabilityWarning)  # on record is what comes of it
    with one_thread():
        return done(measure, task, _data(root))


@cache
def _data(root: str) -> Data:
    """Return the data below a folder, kept from one task to the next."""
    return Data(root)


@cache
def _follow(parent: int) -> None:
    """End this process with its parent, even if that is killed."""

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD_s)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
