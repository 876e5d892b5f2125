"""Tasks at work on a Dask cluster, by joblib's Dask backend."""

import queue
import threading
from collections import deque
from collections.abc import Generator, Sequence
from textwrap import shorten
from typing import Any

from neurosim.errors import ConfigError
from neurosim.sweeps.executors import EXTRA, LONGEST, Done, buried, check_joblib
from neurosim.sweeps.tasks import Measure, Task, work

TIMEOUT = 10  # seconds that a scheduler has to answer


class Cluster:
    """A Dask cluster, by joblib's Dask backend.

    That backend gives results only when all tasks of a call are done. So each task is a call of its own, from one of as
    many threads as there are tasks on their way.

    Parameters
    ----------
    address : str
        Of the scheduler.

    Raises
    ------
    ConfigError
        If the extra `studies` is missing, or no scheduler answers.
    """

    def __init__(self, address: str) -> None:
        check_joblib()
        try:
            from distributed import Client
        except ImportError:
            raise ConfigError("dask", "left out without dask and distributed", address, EXTRA) from None
        self.address = address
        try:
            self.client = Client(address, timeout=TIMEOUT, set_as_default=False)
        except Exception as error:  # of many kinds: no such host, no scheduler, another version
            raise ConfigError("dask", "the address of a scheduler that answers", address, str(error)) from None

    def results(self, measure: Measure, root: str, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Give each task with its records, as soon as it is done.

        A worker that dies is Dask's to replace: its tasks are done again by others, some times over.

        Raises
        ------
        ConfigError
            If the cluster goes, or cannot work.
        """
        left, found = deque(tasks), queue.Queue[Done | Exception]()
        for _ in range(min(len(tasks), self._threads())):
            threading.Thread(target=self._feed, args=(measure, root, left, found), daemon=True).start()
        for _ in tasks:
            result = found.get()
            if isinstance(result, Exception):
                why = shorten(f"it went, or its workers lack neurosim: {type(result).__name__}: {result}", LONGEST)
                raise ConfigError("dask", "the address of a cluster that works", self.address, why)
            yield result

    def _threads(self) -> int:
        count: int = sum(self.client.ncores().values())
        return max(1, count)

    def _feed(self, measure: Measure, root: str, left: deque[Task], found: "queue.Queue[Done | Exception]") -> None:
        """Have one task after another done, until none is left."""
        from distributed import KilledWorker
        from joblib import Parallel, delayed

        while True:
            try:
                task = left.popleft()
            except IndexError:
                return
            try:
                backend = waiting(self.client)
                (records,) = Parallel(n_jobs=-1, backend=backend)([delayed(work)(measure, root, task, None)])
                found.put((task, records))
            except KilledWorker as error:
                found.put(buried(task, error))
            except Exception as error:  # of the whole cluster, then
                found.put(error)
                return

    def close(self) -> None:
        """Leave the cluster; what is on its way there is given up."""
        self.client.close()


def waiting(client: Any) -> Any:
    """Return joblib's Dask backend, but for two habits (joblib 1.6).

    A call would wait for ever where Dask gives a task up (its workers died, or the scheduler did): that is told to what
    is waited for, and not to what is called back. And it would do the work itself where a cluster has one thread left.
    """
    from joblib._dask import DaskDistributedBackend

    class Waiting(DaskDistributedBackend):  # type: ignore[misc]
        supports_retrieve_callback = False

        def effective_n_jobs(self, n_jobs: int) -> int:
            count: int = super().effective_n_jobs(n_jobs)
            return max(2, count)

        def retrieve_result(self, out: Any, timeout: float | None = None) -> Any:
            return self.retrieve_result_callback(super().retrieve_result(out, timeout))

    return Waiting(client=client)
