"""Tasks done in processes of this machine, by joblib."""

import os
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import shorten
from typing import Any, Protocol

from neurosim.errors import ConfigError
from neurosim.experiments.cells import Record
from neurosim.experiments.workers import away_from_working_folder, ignoring_interrupts
from neurosim.sweeps.study import EXTRA
from neurosim.sweeps.tasks import Measure, Task, end_with, failed, work

LONGEST = 200  # characters of another library's message
Done = tuple[Task, list[Record]]


class Executor(Protocol):
    """What tasks are done by: processes of this machine, or a cluster."""

    def results(self, measure: Measure, root: str, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task with its records, as soon as it is done."""

    def close(self) -> None:
        """End the processes or connections that were started."""


class Local:
    """Processes of this machine, by joblib's loky.

    Parameters
    ----------
    jobs : int
        Tasks at the same time, at least 1.

    Raises
    ------
    ConfigError
        If there is no joblib.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        check_joblib()

    def results(self, measure: Measure, root: str, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task with its records, as soon as it is done.

        If a process dies, joblib ends all the others. The tasks that were running are then done again one by one, so
        that the one whose process dies is found; that one has failed.
        """
        left = dict(enumerate(tasks))  # by index, the tasks that are not done
        while left:
            begun: list[int] = []
            try:
                yield from _until_closed(self._run(measure, root, dict(left), begun, left, self.jobs))
            except Exception:
                for index in [index for index in begun if index in left]:
                    try:
                        yield from _until_closed(self._run(measure, root, {index: tasks[index]}, [], left, 1))
                    except Exception as error:
                        yield process_ended(left.pop(index), error)

    def _run(
        self, measure: Measure, root: str, chosen: dict[int, Task], begun: list[int], left: dict[int, Task], jobs: int
    ) -> Generator[Done, None, None]:
        """Do the chosen tasks in processes; note in `begun` which were started, and remove from `left` those done."""
        from joblib import Parallel, delayed

        def calls() -> Iterator[Any]:
            for index, task in chosen.items():
                begun.append(index)
                yield delayed(_indexed)(index, measure, root, task)

        # With n_jobs=1 joblib would work in this process, which must survive. So there are two processes at least, and
        # pre_dispatch lets only `jobs` tasks run at the same time.
        parallel = Parallel(
            n_jobs=max(2, jobs), backend="loky", batch_size=1, pre_dispatch=jobs, return_as="generator_unordered",
            initializer=end_with, initargs=(os.getpid(),),
        )  # fmt: skip
        with away_from_working_folder():  # also for processes that replace others
            with ignoring_interrupts():  # this process ends the others
                results = parallel(calls())
            with _closing(results):
                for index, records in results:
                    yield left.pop(index), records

    def close(self) -> None:
        """End the processes."""
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _indexed(index: int, measure: Measure, root: str, task: Task) -> tuple[int, list[Record]]:
    return index, work(measure, root, task)


def process_ended(task: Task, error: Exception) -> Done:
    """Return a task whose process ended, with records of failure."""
    record = failed(shorten(f"its process ended: {type(error).__name__}: {error}", LONGEST))
    return task, [record] * len(task.points)


def check_joblib() -> None:
    """Refuse a sweep if joblib is not installed."""
    try:
        import joblib  # noqa: F401
    except ImportError:
        raise ConfigError("joblib", "installed for a sweep", "none", EXTRA) from None


@contextmanager
def _closing(results: Generator[Any, None, None]) -> Iterator[None]:
    """Cancel joblib's remaining tasks at the end, without its warnings: the sweep itself reports what is open."""
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


def _until_closed(tasks: Generator[Done, None, None]) -> Generator[Done, None, None]:
    """Yield the results of tasks; errors raised while closing early are ignored."""
    try:
        for done in tasks:  # noqa: UP028 - with `yield from`, errors of closing would be raised as if a task had failed
            yield done
    except GeneratorExit:
        with suppress(Exception):
            tasks.close()
        raise
