"""A study, from its cells to its report: finished cells are skipped, failures are recorded."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurosim.errors import StateError
from neurosim.experiments import tables
from neurosim.experiments.cells import Cell, Finished, Folder, Study, check_data, check_installed
from neurosim.experiments.workers import Workers


def unfinished(cells: Sequence[Cell], folder: Folder) -> list[Cell]:
    """Return the cells that are still to be measured, including those that failed before."""
    return [cell for cell in cells if (folder.read(cell) or {}).get("status") != "done"]


def run(
    study: Study,
    cells: Sequence[Cell],
    root: str | Path,
    folder: Folder,
    jobs: int,
    watch: Callable[[Cell, dict[str, Any]], None] | None = None,
) -> None:
    """Measure cells in processes of their own, each with one thread.

    Parameters
    ----------
    study : Study
    cells : sequence of Cell
        From `unfinished`.
    root : path
        Folder of the data.
    folder : Folder
        Gets the record of each cell as soon as it is finished.
    jobs : int
        Processes, at least 1.
    watch : callable, optional
        Called with each cell and its record.

    Raises
    ------
    ConfigError
        If cells need PyTorch, and it is not installed.
    StreamError
        If the data are missing.
    StateError
        If the folder, or a record, cannot be written.
    """
    check_installed(cells)
    check_data(cells, Path(root))
    folder.check_writable()
    with Workers(study.module, Path(root), folder.path, jobs) as workers:
        for cell, record in workers.measure(cells):
            if record["status"] == "failed":  # its process may have died before it could write it
                folder.write(cell, record)
            if watch is not None:
                watch(cell, record)


def collect(cells: Sequence[Cell], folder: Folder) -> tuple[Finished, dict[str, str]]:
    """Return the records of the finished cells and the errors of those that failed, by name.

    Raises
    ------
    StateError
        If a record is damaged, or cells were measured on different data.
    """
    finished: Finished = {}
    failed: dict[str, str] = {}
    known: dict[str, tuple[str, str]] = {}  # for each data set, its fingerprints and the first cell that has them
    for cell in cells:
        record = folder.read(cell) or {}
        if record.get("status") == "failed":
            failed[cell.name] = str(record.get("error"))
        if record.get("status") != "done":
            continue
        finished[cell.name] = record
        fingerprints, dataset = record["measures"]["data"], cell.settings["dataset"]
        first, name = known.setdefault(dataset, (fingerprints, cell.name))
        if first != fingerprints:
            raise StateError(
                f"cells in {folder.path} must be of the same {dataset} data, and {name} and {cell.name} are not: "
                "move one away, or choose another --out"
            )
    return finished, failed


def report(study: Study, cells: Sequence[Cell], folder: Folder) -> tuple[str, dict[str, str]]:
    """Write tables, report and, with matplotlib, figures; return the report and the errors of failed cells."""
    finished, failed = collect(cells, folder)
    text = tables.write(study, cells, finished, failed, folder)
    if find_spec("matplotlib") is not None:
        study.figures(list(cells), finished, folder)
    return text, failed
