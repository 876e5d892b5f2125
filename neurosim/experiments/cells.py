"""Studies: cells to measure, tables made from their results, and the folder in which finished cells are kept."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError, StateError
from neurosim.experiments.data import Data, check_datasets
from neurosim.experiments.sources import check_sources
from neurosim.state.file_system import flush

Record = dict[str, Any]  # of a cell: its status, "done" or "failed", with measures or an error
Finished = dict[str, Record]  # records by the names of the cells


@dataclass(frozen=True)
class Cell:
    """One measurement of a study.

    Attributes
    ----------
    study, version : str, int
        Name of the study, and version of what it measures.
    name : str
        A short form of its settings: unique in a study, and searched by `--only`.
    settings : dict
        All that the result depends on besides the code and the data; plain values.
    """

    study: str
    version: int
    name: str
    settings: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """A hash of study, version and settings: cells that differ in one of them have different keys."""
        text = json.dumps([self.study, self.version, self.settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Table(NamedTuple):
    """A table to print, and to write as NAME.csv; its cells are text."""

    name: str
    title: str
    header: list[str]
    rows: list[list[str]]


class Outcome(NamedTuple):
    """The results of a cell: plain values for its JSON file, and arrays for figures, kept in a file next to it."""

    measures: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Study:
    """A published experiment.

    Attributes
    ----------
    name, version : str, int
    cells : callable
        Called with (seeds, fast); returns the cells. If `any_stream`, also with the sources
        `train` and `test`, and perhaps `label`, by name.
    measure : callable
        Called with (settings of a cell, data); returns its outcome.
    tables : callable
        Called with (cells, records of the finished ones); returns the tables.
    figures : callable
        Called with (cells, records of the finished ones, folder); draws figures into the folder, returns their names.
    source : str
        Where the published numbers are from.
    any_stream : bool
        Whether it can be measured on any stream with labels.
    """

    name: str
    version: int
    cells: Callable[..., list[Cell]]
    measure: Callable[[dict[str, Any], Data], Outcome]
    tables: Callable[[list[Cell], Finished], list[Table]]
    figures: Callable[[list[Cell], Finished, "Folder"], list[str]]
    source: str
    any_stream: bool = False

    @property
    def module(self) -> str:
        """The module that holds it."""
        return self.measure.__module__


def check_data(cells: Sequence[Cell], root: Path) -> None:
    """Refuse a folder without the data sets that cells need; damage is found only when they are read."""
    settings = [cell.settings for cell in cells]
    check_datasets({values["dataset"] for values in settings if "train" not in values}, root)
    check_sources([values for values in settings if values.get("train")], root)


def check_installed(cells: Sequence[Cell]) -> None:
    """Refuse cells whose settings have `torch` where PyTorch is not installed.

    Raises
    ------
    ConfigError
        If so; it says how to measure cells that do without.
    """
    needing = [cell.name for cell in cells if cell.settings.get("torch")]
    if not needing or find_spec("torch") is not None:
        return
    others = [cell.name for cell in cells if not cell.settings.get("torch")]
    instead = f", or measure cells without it, as with --only {others[0].rsplit('-', 2)[0]}" if others else ""
    rule = f"installed for {len(needing)} cells, as {needing[0]}"
    raise ConfigError("PyTorch", rule, "none", f"pip install 'neurosim-chip[torch]'{instead}")


class Folder:
    """The folder of a study's results: for each finished cell a JSON file, and a file with its arrays if it has some.

    A file is whole, or it does not exist.

    Parameters
    ----------
    path : path
        Created when something is written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def read(self, cell: Cell) -> Record | None:
        """Return the record of a cell, or None if there is none.

        Raises
        ------
        StateError
            If the file cannot be read, or belongs to something else.
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
        """Return a cell's arrays by name; an empty dict if there are none."""
        try:
            with np.load(self._path(cell, ".npz"), allow_pickle=False) as archive:
                return dict(archive)
        except (OSError, ValueError):
            return {}

    def write(self, cell: Cell, record: Record, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        """Write a cell's arrays and then its record, whose existence means that the cell is finished."""
        record = {"key": cell.key, "study": cell.study, "version": cell.version, "name": cell.name} | record
        text = json.dumps(record | {"settings": cell.settings}, indent=1, allow_nan=False) + "\n"
        if arrays:
            self.put(self._path(cell, ".npz"), lambda path: np.savez_compressed(path, **arrays))  # type: ignore[arg-type]
        self.put(self._path(cell, ".json"), lambda path: path.write_text(text, encoding="utf-8"))

    def put(self, path: Path, write: Callable[[Path], object]) -> None:
        """Let `write` write a file under another name, then rename it: the file is whole, or does not exist."""
        partial = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                write(partial)
                with partial.open("rb") as file:
                    flush(path, file)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"{path} must be writable, and is not: {error}") from error

    def check_writable(self) -> None:
        """Refuse a folder that cannot be written to: before hours of work, not after them."""
        probe = self.path / ".writable"
        self.put(probe, lambda path: path.touch())
        probe.unlink(missing_ok=True)

    def _path(self, cell: Cell, ending: str) -> Path:
        return self.path / "cells" / f"{cell.name}-{cell.key}{ending}"
