"""Tasks done on a Dask cluster, by joblib's Dask backend."""

import queue
import threading
from collections import deque
from collections.abc import Generator, Sequence
from textwrap import shorten
from typing import Any

from neurosim.errors import ConfigError
from neurosim.sweeps.executors import LONGEST, Done, check_joblib, process_ended
from neurosim.sweeps.study import EXTRA
from neurosim.sweeps.tasks import Measure, Task, work

TIMEOUT = 10  # seconds to wait for a scheduler's answer


class Cluster:
    """A Dask cluster, by joblib's Dask backend.

    That backend returns results only when all tasks of a call are done. So each task is a call of its own, and there
    is one thread for each task that runs at the same time.

    Parameters
    ----------
    address : str
        Address of the scheduler.

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
        except Exception as error:  # there are many kinds: no such host, no scheduler, another version
            raise ConfigError("dask", "the address of a scheduler that answers", address, str(error)) from None

    def results(self, measure: Measure, root: str, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task with its records, as soon as it is done.

        If a worker dies, Dask has its tasks done again by others, up to a number of times.

        Raises
        ------
        ConfigError
            If the connection to the cluster is lost, or its workers cannot run the tasks.
        """
        left, results = deque(tasks), queue.Queue[Done | Exception]()
        for _ in range(min(len(tasks), self._threads())):
            threading.Thread(target=self._feed, args=(measure, root, left, results), daemon=True).start()
        for _ in tasks:
            result = results.get()
            if isinstance(result, Exception):
                why = shorten(f"it is lost, or its workers lack neurosim: {type(result).__name__}: {result}", LONGEST)
                raise ConfigError("dask", "the address of a cluster that works", self.address, why)
            yield result

    def _threads(self) -> int:
        count: int = sum(self.client.ncores().values())
        return max(1, count)

    def _feed(self, measure: Measure, root: str, left: deque[Task], results: "queue.Queue[Done | Exception]") -> None:
        """Have one task after another done, until none is left: what each thread does."""
        from distributed import KilledWorker
        from joblib import Parallel, delayed

        while True:
            try:
                task = left.popleft()
            except IndexError:
                return
            try:
                backend = mended_backend(self.client)
                (records,) = Parallel(n_jobs=-1, backend=backend)([delayed(work)(measure, root, task)])
                results.put((task, records))
            except KilledWorker as error:
                results.put(process_ended(task, error))
            except Exception as error:  # not of this task: the cluster itself does not work
                results.put(error)
                return

    def close(self) -> None:
        """Disconnect from the cluster; tasks that are still running there are abandoned."""
        self.client.close()


def mended_backend(client: Any) -> Any:
    """Return joblib's Dask backend (joblib 1.6) with two faults mended.

    If Dask gives a task up, because its workers or the scheduler died, a call waits for ever: the error reaches the
    future, but not the callback that joblib waits for. And if the cluster has one thread left, joblib does the work in
    this process.
    """
    from joblib._dask import DaskDistributedBackend

    class Mended(DaskDistributedBackend):  # type: ignore[misc]
        supports_retrieve_callback = False

        def effective_n_jobs(self, n_jobs: int) -> int:
            count: int = super().effective_n_jobs(n_jobs)
            return max(2, count)

        def retrieve_result(self, out: Any, timeout: float | None = None) -> Any:
            return self.retrieve_result_callback(super().retrieve_result(out, timeout))

    return Mended(client=client)
