"""Cells at work in processes of their own, one thread each; what fails or dies takes no other cell with it."""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Worker:
    """A process that measures one cell after another.

    Parameters
    ----------
    study : str
        The module whose STUDY it is: what a new process can import.
    root, out : path
        Folders of the data and of the results.

    Attributes
    ----------
    cell : Cell or None
        What it is at.
    """

    def __init__(self, study: str, root: Path, out: Path) -> None:
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, study, root, out), daemon=True)
        with deaf():
            self.process.start()
        other.close()
        self.cell: Any = None

    def give(self, cell: Any) -> None:
        """Let it measure a cell; if it is dead, its connection tells so."""
        self.cell = cell
        with suppress(OSError):
            self.connection.send(cell)

    def stop(self) -> None:
        """End the process, whatever it is at."""
        self.process.kill()
        self.process.join()
        self.connection.close()


class Workers:
    """Some processes that share a list of cells; a context, whose end is theirs.

    Parameters
    ----------
    study, root, out
        As for `Worker`.
    count : int
        How many.
    """

    def __init__(self, study: str, root: Path, out: Path, count: int) -> None:
        self._start = partial(Worker, study, root, out)
        self._count = count
        self._workers: list[Worker] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.stop()

    def measure(self, cells: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Give each cell with its record, in the order in which they are finished."""
        left = deque(cells)
        while len(self._workers) < min(self._count, len(cells)):
            self._workers.append(self._start())
        for worker in self._workers:
            worker.give(left.popleft())
        while busy := {worker.connection: worker for worker in self._workers if worker.cell is not None}:
            for connection in wait(busy):
                worker = busy[connection]  # type: ignore[index]
                cell, record = worker.cell, _received(worker)
                worker.cell = None
                if record is None:
                    record = self._buried(worker)
                    worker = self._workers[-1]
                if left:
                    worker.give(left.popleft())
                yield cell, record

    def _buried(self, worker: Worker) -> dict[str, Any]:
        """Put a new process in a dead one's place; return what is said of the cell it was at."""
        worker.stop()
        code = worker.process.exitcode or 0
        how = f"signal {-code} (9 when memory runs out)" if code < 0 else f"exit code {code}"
        self._workers.remove(worker)
        self._workers.append(self._start())
        return {"status": "failed", "error": f"the process ended by {how}"}


def _received(worker: Worker) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = worker.connection.recv()
    except (EOFError, OSError):
        return None
    return record


@contextmanager
def deaf() -> Iterator[None]:
    """Let a process that starts inherit that Ctrl-C is not for it: its parent ends it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep libraries to one thread each: those imported already, and those that are imported from here on."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def serve(connection: "Connection[Any, Any]", study: str, root: Path, out: Path) -> None:
    """Measure the cells that come, until the other side is gone: what a worker's process does."""
    threading.Thread(target=_follow, daemon=True).start()
    with one_thread(), suppress(EOFError):
        from neurosim.experiments.cells import Folder
        from neurosim.experiments.data import Data

        data, folder, known = Data(root), Folder(out), import_module(study).STUDY
        while True:
            connection.send(measured(known, connection.recv(), data, folder))


def _follow() -> None:
    """End with the parent, even if that is killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def measured(study: Any, cell: Any, data: Any, folder: Any) -> dict[str, Any]:
    """Measure a cell and put it on record; return the record. What goes wrong is a record too, not yet written."""
    begun = time.perf_counter()
    try:
        measures, arrays = study.measure(cell.settings, data)
        record = {"status": "done", "measures": measures, "seconds": round(time.perf_counter() - begun, 3)}
        folder.write(cell, record, arrays)
    except Exception as error:  # whatever it is, the other cells go on
        record = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    return record
