"""Cells measured in worker processes of one thread each; a cell that fails or whose process dies harms no other."""

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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a new process must limit threads before it imports NumPy
    from neurosim.experiments.cells import Cell, Folder, Record, Study
    from neurosim.experiments.data import Data

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Worker:
    """A process that measures one cell after another.

    Parameters
    ----------
    study : str
        Name of the module that has the study as STUDY, for a new process to import.
    root, out : path
        Folders of the data and of the results.

    Attributes
    ----------
    cell : Cell or None
        The cell that it is measuring.
    """

    def __init__(self, study: str, root: Path, out: Path) -> None:
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, study, root, out), daemon=True)
        with ignoring_interrupts(), away_from_working_folder():
            self.process.start()
        other.close()
        self.cell: Cell | None = None

    def give(self, cell: "Cell") -> None:
        """Let it measure a cell; if the process is dead, the next read from its connection shows that."""
        self.cell = cell
        with suppress(OSError):
            self.connection.send(cell)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.connection.close()


class Workers:
    """Processes that share a list of cells; a context manager, at whose end they are ended.

    Parameters
    ----------
    study, root, out
        As for `Worker`.
    count : int
        How many processes.
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

    def measure(self, cells: "Sequence[Cell]") -> "Iterator[tuple[Cell, Record]]":
        """Yield each cell with its record, in the order in which they are finished."""
        left = deque(cells)
        while len(self._workers) < min(self._count, len(cells)):
            self._workers.append(self._start())
        for worker in self._workers:
            worker.give(left.popleft())
        while busy := {worker.connection: worker for worker in self._workers if worker.cell is not None}:
            for connection in wait(busy):
                worker = busy[connection]  # type: ignore[index]
                cell, record = worker.cell, _received(worker)
                assert cell is not None
                worker.cell = None
                if record is None:
                    record = self._replaced(worker)
                    worker = self._workers[-1]
                if left:
                    worker.give(left.popleft())
                yield cell, record

    def _replaced(self, worker: Worker) -> "Record":
        """Replace a dead process by a new one, the last of the list; return the record of the cell that it had."""
        worker.stop()
        code = worker.process.exitcode or 0
        how = f"signal {-code} (9 when memory runs out)" if code < 0 else f"exit code {code}"
        self._workers.remove(worker)
        self._workers.append(self._start())
        return {"status": "failed", "error": f"the process ended by {how}"}


def _received(worker: Worker) -> "Record | None":
    """Return the record that a worker has sent, or None if its process is dead."""
    try:
        record: Record = worker.connection.recv()
    except (EOFError, OSError):
        return None
    return record


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Let processes that are started in this block ignore Ctrl-C: their parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def away_from_working_folder() -> Iterator[None]:
    """Let Python not look for modules in the working folder when it starts in this block: the user's own may lie there.

    A new process imports `signal` or `random` before it has the import path of this one.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit libraries to one thread each, both those that are imported already and those imported from here on."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def serve(connection: "Connection[Any, Any]", study: str, root: Path, out: Path) -> None:
    """Measure the cells that are sent, until the parent closes the connection: the main function of a worker."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with one_thread(), suppress(EOFError):
        # Imported here, so that NumPy and others see the limits to one thread.
        from neurosim.experiments.cells import Folder
        from neurosim.experiments.data import Data

        data, folder, known = Data(root), Folder(out), import_module(study).STUDY
        while True:
            connection.send(measured(known, connection.recv(), data, folder))


def _end_with_parent() -> None:
    """End this process when its parent ends, even if the parent is killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def measured(study: "Study", cell: "Cell", data: "Data", folder: "Folder") -> "Record":
    """Measure a cell, write its record and return it; an error becomes a record too, which is not written here."""
    begun = time.perf_counter()
    try:
        measures, arrays = study.measure(cell.settings, data)
        record: Record = {"status": "done", "measures": measures, "seconds": round(time.perf_counter() - begun, 3)}
        folder.write(cell, record, arrays)
    except Exception as error:  # of any kind: the other cells must go on
        record = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    return record
