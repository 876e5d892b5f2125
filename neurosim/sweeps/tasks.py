"""Tasks: the unit of work of a process. Points that differ only in what comes after learning share a learning run."""

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

PERIOD_s = 0.5  # between checks that the parent process is alive


class Measure(NamedTuple):
    """How a point is measured; the functions must be ones that other processes can import.

    Attributes
    ----------
    version : int
        Version of what is measured; it is part of a point's key.
    sections : tuple of str
        Sections of a study file; those that learning depends on come first.
    learning : int
        How many of them learning depends on.
    checked : tuple of str
        Names of those that `check` looks at.
    measures : tuple of str
        Names of all measures that a point may have.
    complete : callable
        Turns the sections of a study file into a complete configuration; refuses unknown keys.
    check : callable
        Called with (configuration, folder); quickly refuses a data folder that lacks what the configuration needs,
        before any point is measured.
    admit : callable
        Called with (configuration, data); refuses a point that `price` would refuse, whatever is learned.
    learn : callable
        Called with (the sections that learning depends on, data); what it returns is handed to `price`.
    price : callable
        Called with (what `learn` returned, configuration); returns the measures, plain values by name.
    """

    version: int
    sections: tuple[str, ...]
    learning: int
    checked: tuple[str, ...]
    measures: tuple[str, ...]
    complete: Callable[[Sections], dict[str, Any]]
    check: Callable[[dict[str, Any], Path], None]
    admit: Callable[[dict[str, Any], Data], object]
    learn: Callable[[dict[str, Any], Data], Any]
    price: Callable[[Any, dict[str, Any]], dict[str, Any]]


class Task(NamedTuple):
    """Points that share a learning run.

    Attributes
    ----------
    learning : dict
        The part of their configuration that learning depends on.
    points : tuple of Point
    """

    learning: dict[str, Any]
    points: tuple[Point, ...]


def tasks(points: Sequence[Point], measure: Measure) -> list[Task]:
    """Group points into tasks, in the order of their first points."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(json.dumps(_learning(point, measure), sort_keys=True), []).append(point)
    return [Task(_learning(group[0], measure), tuple(group)) for group in groups.values()]


def _learning(point: Point, measure: Measure) -> dict[str, Any]:
    return {section: point.cell.settings[section] for section in measure.sections[: measure.learning]}


def done(measure: Measure, task: Task, data: Data) -> list[Record]:
    """Do a task: return the record of each point; an error becomes a record too."""
    begun = time.perf_counter()
    records = [_refused(measure, point, data) for point in task.points]
    left = records.count(None)
    if left:
        try:
            learned = measure.learn(task.learning, data)
        except Exception as error:  # of any kind: the other tasks must go on
            return [record or failed(error) for record in records]
    shared = (time.perf_counter() - begun) / max(1, left)
    return [
        record or _priced(measure, learned, point, shared) for point, record in zip(task.points, records, strict=True)
    ]


def _refused(measure: Measure, point: Point, data: Data) -> Record | None:
    """Return the record of failure of a point that is refused before learning; None if it is not."""
    try:
        measure.admit(point.cell.settings, data)
    except Exception as error:
        return failed(error)
    return None


def failed(error: BaseException | str) -> Record:
    """Return the record of a point that failed, with the error in one line."""
    message = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return {"status": "failed", "error": " ".join(message.split())}


def _priced(measure: Measure, learned: Any, point: Point, shared: float) -> Record:
    """Return the record of a point; `shared` is its share of the seconds that learning took."""
    begun = time.perf_counter()
    try:
        measures = {name: _plain(value) for name, value in measure.price(learned, point.cell.settings).items()}
    except Exception as error:
        return failed(error)
    seconds = round(shared + time.perf_counter() - begun, 3)
    return {"status": "done", "measures": measures, "seconds": seconds}


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: None in place of NaN and infinities."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and plain - plain != 0 else plain


def work(measure: Measure, root: str, task: Task) -> list[Record]:
    """Do a task, with one thread, in a worker process."""
    warnings.simplefilter("ignore", StabilityWarning)  # the record will show whether the chip diverged
    warnings.filterwarnings("ignore", "compiled code cannot be kept", RuntimeWarning)  # each process would say so
    with one_thread():
        return done(measure, task, _data(root))


@cache
def _data(root: str) -> Data:
    """Return the data below a folder; they are kept for the next tasks."""
    return Data(root)


def end_with(parent: int) -> None:
    """End this process when its parent ends, even if the parent is killed.

    A worker process does this before its first task: it may wait for one for as long as the parent lives.
    """

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD_s)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
