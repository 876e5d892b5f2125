"""Tasks at work in processes of this machine, by joblib."""

import os
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import shorten
from typing import Any, Protocol

from neurosim.errors import ConfigError
from neurosim.experiments.cells import Record
from neurosim.experiments.workers import deaf
from neurosim.sweeps.tasks import Measure, Task, failed, work

EXTRA = "pip install 'neurosim-chip[studies]' brings it"
LONGEST = 200  # characters of what another library says of it
Done = tuple[Task, list[Record]]


class Executor(Protocol):
    """Where tasks are done."""

    def results(self, measure: Measure, root: str, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Give each task with its records, as soon as it is done."""

    def close(self) -> None:
        """End what was started for it."""


class Local:
    """Processes of this machine, by joblib's loky.

    Parameters
    ----------
    jobs : int
        Tasks at a time, at least 1.

    Raises
    ------
    ConfigError
        If there is no joblib.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        check_joblib()

    def results(self, measure: Measure, root: str, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Give each task with its records, as soon as it is done.

        A process that dies takes all the others with it. The tasks that they were at are done again one by one, so
        that the one that kills its process is found, and that one has failed.
        """
        left = dict(enumerate(tasks))
        while left:
            begun: list[int] = []
            try:
                yield from _until_closed(self._together(measure, root, dict(left), begun, left, self.jobs))
            except Exception:
                for place in [place for place in begun if place in left]:
                    try:
                        yield from _until_closed(self._together(measure, root, {place: tasks[place]}, [], left, 1))
                    except Exception as error:
                        yield buried(left.pop(place), error)

    def _together(
        self, measure: Measure, root: str, given: dict[int, Task], begun: list[int], left: dict[int, Task], jobs: int
    ) -> Generator[Done, None, None]:
        """Do tasks in processes; strike out what is done."""
        from joblib import Parallel, delayed

        def calls() -> Iterator[Any]:
            for place, task in given.items():
                begun.append(place)
                yield delayed(_placed)(place, measure, root, task, os.getpid())

        # With n_jobs=1 joblib would work in this process, which must live: one task at a time, then, in one of two.
        parallel = Parallel(
            n_jobs=max(2, jobs), backend="loky", batch_size=1, pre_dispatch=jobs, return_as="generator_unordered"
        )
        with deaf():  # these processes are ended by this one
            found = parallel(calls())
        with _closing(found):
            for place, records in found:
                yield left.pop(place), records

    def close(self) -> None:
        """End the processes."""
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _placed(place: int, measure: Measure, root: str, task: Task, parent: int) -> tuple[int, list[Record]]:
    return place, work(measure, root, task, parent)


def buried(task: Task, error: Exception) -> Done:
    """Return the records of a task whose process ended."""
    record = failed(shorten(f"its process ended: {type(error).__name__}: {error}", LONGEST))
    return task, [record] * len(task.points)


def check_joblib() -> None:
    """Refuse to begin without joblib."""
    try:
        import joblib  # noqa: F401
    except ImportError:
        raise ConfigError("jobs", "left out without joblib", "a sweep", EXTRA) from None


@contextmanager
def _closing(found: Any) -> Iterator[None]:
    """End what joblib has begun; of what it cancels it would warn, and the sweep says itself what is open."""
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.close()


def _until_closed(tasks: Generator[Done, None, None]) -> Generator[Done, None, None]:
    """Give what comes of tasks; if nobody wants more of it, what their end then raises is nobody's failure."""
    try:
        for done in tasks:  # noqa: UP028 - handed over whole, closing would raise it here, as if a task had failed
            yield done
    except GeneratorExit:
        with suppress(Exception):
            tasks.close()
        raise
