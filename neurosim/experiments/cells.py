"""What a study is: cells to measure, and tables that are made of them. And where finished cells are kept."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StateError
from neurosim.experiments.data import Data

Record = dict[str, Any]  # of a cell: its status, "done" or "failed", with measures or an error
Finished = dict[str, Record]  # by the names of the cells


@dataclass(frozen=True)
class Cell:
    """One measurement of a study.

    Attributes
    ----------
    study, version : str, int
        The study, and the version of what it measures.
    name : str
        Its settings in short: unique in a grid, what `--only` looks into.
    settings : dict
        All that the result depends on but the code and the data; plain values.
    """

    study: str
    version: int
    name: str
    settings: dict[str, Any]

    @property
    def key(self) -> str:
        """A hash of settings and version: another one is another cell."""
        text = json.dumps([self.study, self.version, self.settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Table(NamedTuple):
    """A table to print, and to write as CSV: `name` names its file, cells are text."""

    name: str
    title: str
    header: list[str]
    rows: list[list[str]]


class Outcome(NamedTuple):
    """What a cell measured: plain values for its JSON file, and arrays to draw, kept beside it."""

    measures: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Study:
    """A published experiment.

    Attributes
    ----------
    name, version : str, int
    cells : callable
        Makes the cells of (seeds, fast).
    measure : callable
        Makes the outcome of a cell's settings and the data.
    check : callable
        Refuses a data folder without what the cells need, quickly.
    tables : callable
        Makes the tables of the cells asked for and those finished.
    figures : callable
        Draws into a folder what can be drawn of the finished cells; returns the files' names.
    source : str
        Where the published numbers are from.
    """

    name: str
    version: int
    cells: Callable[[int, bool], list[Cell]]
    measure: Callable[[dict[str, Any], Data], Outcome]
    check: Callable[[list[Cell], Path], None]
    tables: Callable[[list[Cell], Finished], list[Table]]
    figures: Callable[[list[Cell], Finished, "Folder"], list[str]]
    source: str

    @property
    def module(self) -> str:
        """The module that holds it."""
        return self.measure.__module__


class Folder:
    """The folder of a study's results: a JSON file a cell, whole or not there, with its arrays beside it.

    Parameters
    ----------
    path : path
        Made when something is written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def read(self, cell: Cell) -> Record | None:
        """Return what is on record of a cell, or None.

        Raises
        ------
        StateError
            If the file cannot be read or is of something else.
        """
        path = self._path(cell, ".json")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(f"{path} must be a cell's record that can be read: {error}; move it away") from error
        if not isinstance(record, dict) or record.get("key") != cell.key or "status" not in record:
            raise StateError(f"{path} must be the record of {cell.name}, and is of something else; move it away")
        return record

    def arrays(self, cell: Cell) -> dict[str, NDArray[Any]]:
        """Return a cell's arrays; none if they are not there."""
        try:
            with np.load(self._path(cell, ".npz"), allow_pickle=False) as archive:
                return dict(archive)
        except (OSError, ValueError):
            return {}

    def write(self, cell: Cell, record: Record, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        """Write a cell's record, its arrays first: once the record is there, the cell is finished."""
        record = {"key": cell.key, "study": cell.study, "version": cell.version, "name": cell.name} | record
        text = json.dumps(record | {"settings": cell.settings}, indent=1, allow_nan=False) + "\n"
        if arrays:
            self.put(self._path(cell, ".npz"), lambda path: np.savez_compressed(path, **arrays))  # type: ignore[arg-type]
        self.put(self._path(cell, ".json"), lambda path: path.write_text(text, encoding="utf-8"))

    def put(self, path: Path, write: Callable[[Path], object]) -> None:
        """Let `write` write a file under another name, then give it its own: it is never half there."""
        partial = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                write(partial)
                with partial.open("rb") as file:
                    os.fsync(file.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"{path} must be writable, and is not: {error}") from error

    def _path(self, cell: Cell, ending: str) -> Path:
        return self.path / "cells" / f"{cell.name}-{cell.key}{ending}"
