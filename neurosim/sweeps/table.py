"""The rows of a sweep as files: an HDF5 table, and the same as CSV."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StateError
from neurosim.experiments.cells import Folder, Table
from neurosim.experiments.tables import comma_separated
from neurosim.reporting.files import check_file
from neurosim.sweeps.comparable import unlike
from neurosim.sweeps.run import Row
from neurosim.sweeps.study import Sweep
from neurosim.version import __version__

FORMAT = 1
NAME = "points"  # of the table in the file


def entries(row: Row) -> dict[str, Any]:
    """Return a row as plain values: key, status, front, what varies, measures, seconds, error, configuration."""
    point, record = row.point, row.record
    return {
        "key": point.key,
        "status": record["status"],
        "front": row.best,
        "front_probability": row.chance,
        **point.varied,
        **(record.get("measures") or {}),
        "seconds": record.get("seconds"),
        "error": record.get("error", ""),
        "configuration": json.dumps(point.cell.settings, sort_keys=True),
    }


def write(path: Path, folder: Folder, sweep: Sweep, rows: Sequence[Row], version: int) -> None:
    """Write the table as HDF5, and next to it as CSV; each is whole at every instant.

    Raises
    ------
    StateError
        If they cannot be written, or the path belongs to another file.
    """
    check(path, sweep.name)
    columns = _columns(rows)
    names = list(columns)
    array = np.empty(len(rows), np.dtype([(name, _type(column)) for name, column in columns.items()]))
    for name, column in columns.items():
        array[name] = [_cell(value, array.dtype[name]) for value in column]
    about = {"format": FORMAT, "sweep": sweep.name, "version": version, "neurosim": __version__,
             "objectives": json.dumps(sweep.objectives), "front": json.dumps(asdict(sweep.chances)),
             "warnings": "\n".join(unlike(sweep, rows))}  # fmt: skip
    folder.put(path, lambda draft: _put(draft, array, about))
    texts = [[_text(column[row]) for column in columns.values()] for row in range(len(rows))]
    csv = comma_separated(Table(path.stem, sweep.name, names, texts))
    folder.put(path.with_suffix(".csv"), lambda draft: draft.write_text(csv, encoding="utf-8"))


def read(path: str | Path) -> list[dict[str, Any]]:
    """Return the rows of a table written by `write`: plain values by name; None where there is no number.

    Raises
    ------
    StateError
        If the file is no such table.
    """
    rows, _ = _opened(Path(path))
    return [{name: _plain(row[name]) for name in rows.dtype.names or ()} for row in rows]


def check(path: Path, name: str) -> None:
    """Refuse a path to another kind of file, or to another sweep's table: before a sweep, not after it."""
    if path.suffix not in (".h5", ".hdf5"):
        raise StateError(f"out must end in .h5 or .hdf5, got {str(path)!r}")
    check_file("out", path)
    if path.exists():
        _, other = _opened(path)
        if other != name:
            raise StateError(
                f"{path} must be the table of the sweep {name!r}, and is that of {other!r}: choose another --out"
            )


def _opened(path: Path) -> tuple[NDArray[Any], str]:
    """Return the rows of a table, and the name of its sweep."""
    import h5py

    try:
        if not path.is_file():  # a pipe would be waited for
            raise ValueError("there is no regular file of this name")
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise ValueError("it is of another format")
            return file[NAME][:], str(file.attrs["sweep"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StateError(f"{path} must be the table of a sweep that can be read, but: {error}") from None


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the columns in the order in which they first occur; seconds, error and configuration come last."""
    last = ("seconds", "error", "configuration")
    plain = [entries(row) for row in rows]
    names = dict.fromkeys(name for row in plain for name in row if name not in last)
    return {name: [row.get(name) for row in plain] for name in (*names, *last)}


def _type(column: Sequence[Any]) -> Any:
    """Return the type of a column: booleans, whole numbers, numbers, or else text."""
    import h5py

    if column and all(isinstance(value, bool) for value in column):
        return np.bool_
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in column if value is not None
    )
    if column and numbers and all(isinstance(value, int) and abs(value) < 2**63 for value in column):
        return np.int64
    return np.float64 if numbers else h5py.string_dtype()


def _cell(value: Any, kind: np.dtype[Any]) -> Any:
    """Return a value converted to its column's type: NaN or no text for None."""
    if kind.kind != "O":
        return np.nan if value is None else value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()  # a path may hold surrogates, which no file can
    return "" if value is None else json.dumps(value)


def _plain(value: Any) -> Any:
    """Return a value of the file as a plain one: text for bytes, None for NaN."""
    if isinstance(value, bytes):
        return value.decode()
    plain = value.item()
    return None if plain != plain else plain


def _put(path: Path, array: NDArray[Any], about: dict[str, Any]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset(NAME, data=array)
        file.attrs.update(about)
