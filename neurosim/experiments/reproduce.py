"""A study, from its cells to its report: finished cells are skipped, failures are recorded."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurosim.errors import NeurosimError, StateError
from neurosim.experiments import tables
from neurosim.experiments.cells import Cell, Finished, Folder, Study, check_data, check_installed
from neurosim.experiments.data import Data
from neurosim.experiments.sources import PAIR, open_pair
from neurosim.experiments.workers import Workers


def unfinished(cells: Sequence[Cell], folder: Folder) -> list[Cell]:
    """Return the cells that are still to be measured, including those that failed before."""
    return [cell for cell in cells if (folder.read(cell) or {}).get("status") != "done"]


def _measured_on(cell: Cell, record: dict[str, Any], folder: Folder) -> str:
    """Return the fingerprints of the data that a finished cell was measured on, from its record."""
    measures = record.get("measures")
    data = measures.get("data") if isinstance(measures, dict) else None
    if not isinstance(data, str):
        raise StateError(
            f"the record of {cell.name} in {folder.path / 'cells'} must have its measures, with the fingerprints of "
            "its data, and has none; move it away"
        )
    return data


def check_unchanged(cells: Sequence[Cell], folder: Folder, root: str | Path) -> None:
    """Refuse sources of the user's own that no longer hold the samples which finished cells were measured on.

    Raises
    ------
    StateError
        If so, or a record is damaged.
    StreamError
        If a source is missing.
    """
    data, known = Data(root), dict[tuple[object, ...], str]()  # fingerprints by the settings that choose samples
    for cell in cells:
        settings = cell.settings
        record = folder.read(cell) if settings["dataset"] == "own" else None
        if record is None or record["status"] != "done":
            continue
        pair = tuple(settings.get(name) for name in PAIR)
        if pair not in known:
            known[pair] = open_pair(settings, data).fingerprints
        then, now = _measured_on(cell, record, folder).split(), known[pair].split()
        changed = [settings[name] for name, old, new in zip(PAIR, then, now, strict=False) if old != new]
        if changed:
            raise StateError(
                f"{cell.name} in {folder.path} is of other samples than {changed[0]} holds now: move {folder.path} "
                "away, or choose another --out"
            )


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
        fingerprints, dataset = _measured_on(cell, record, folder), cell.settings["dataset"]
        first, name = known.setdefault(dataset, (fingerprints, cell.name))
        if first != fingerprints:
            raise StateError(
                f"cells in {folder.path} must be of the same {dataset} data, and {name} and {cell.name} are not: "
                "move one away, or choose another --out"
            )
    return finished, failed


def report(study: Study, cells: Sequence[Cell], folder: Folder) -> tuple[str, dict[str, str]]:
    """Write tables, report and, with matplotlib, figures; return the report and the errors of failed cells.

    Raises
    ------
    StateError
        If no cell is finished or has failed, as `collect` does, or if records have measures of another form.
    """
    finished, failed = collect(cells, folder)
    if not finished and not failed:
        sources = "--train, --test, --label, " if study.any_stream else ""
        raise StateError(
            f"no finished cell of these in {folder.path}: give the same {sources}--fast, --seeds and --only as the run"
        )
    with _measures_fit(study, folder):
        text = tables.write(study, cells, finished, failed, folder)
        if find_spec("matplotlib") is not None:
            study.figures(list(cells), finished, folder)
    return text, failed


@contextmanager
def _measures_fit(study: Study, folder: Folder) -> Iterator[None]:
    """Turn what goes wrong with measures of another form than the study's, as of an edited file, into a StateError."""
    try:
        yield
    except NeurosimError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        cells = folder.path / "cells"
        raise StateError(
            f"records in {cells} must have the measures of {study.name}, and one has others: {type(error).__name__}: "
            f"{error}; move {cells} away, or choose another --out"
        ) from error
