"""The rows of a sweep as files: one HDF5 table, and the same as CSV."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StateError
from neurosim.experiments.cells import Folder, Table
from neurosim.experiments.tables import comma_separated
from neurosim.sweeps.run import Row
from neurosim.sweeps.study import Sweep
from neurosim.version import __version__

FORMAT = 1
NAME = "points"  # of the table in the file


def entries(row: Row) -> dict[str, Any]:
    """Return a row as plain values: key, status, front, what varies, measures; error, seconds, configuration."""
    point, record = row.point, row.record
    return {
        "key": point.key,
        "status": record["status"],
        "front": row.best,
        **point.varied,
        **(record.get("measures") or {}),
        "seconds": record.get("seconds"),
        "error": record.get("error", ""),
        "configuration": json.dumps(point.cell.settings, sort_keys=True),
    }


def write(path: Path, folder: Folder, sweep: Sweep, rows: Sequence[Row], version: int) -> None:
    """Write the table as HDF5 and, beside it, as CSV; each is whole at every instant.

    Raises
    ------
    StateError
        If they cannot be written, or another file is in their place.
    """
    check(path, sweep.name)
    columns = _columns(rows)
    names = list(columns)
    array = np.empty(len(rows), np.dtype([(name, _type(held)) for name, held in columns.items()]))
    for name, held in columns.items():
        array[name] = [_cell(value, array.dtype[name]) for value in held]
    about = {"format": FORMAT, "sweep": sweep.name, "version": version, "neurosim": __version__,
             "objectives": json.dumps(sweep.objectives)}  # fmt: skip
    folder.put(path, lambda draft: _put(draft, array, about))
    texts = [[_text(held[place]) for held in columns.values()] for place in range(len(rows))]
    csv = comma_separated(Table(path.stem, sweep.name, names, texts))
    folder.put(path.with_suffix(".csv"), lambda draft: draft.write_text(csv, encoding="utf-8"))


def read(path: str | Path) -> list[dict[str, Any]]:
    """Return the rows of a table that `write` wrote: plain values by name; None where there is no number.

    Raises
    ------
    StateError
        If it is no such file.
    """
    rows, _ = _opened(Path(path))
    return [{name: _back(row[name]) for name in rows.dtype.names or ()} for row in rows]


def check(path: Path, name: str) -> None:
    """Refuse a path with another kind of file, or another sweep's table, before a sweep and not after."""
    if path.suffix not in (".h5", ".hdf5"):
        raise StateError(f"out must end in .h5 or .hdf5, got {str(path)!r}")
    if path.exists():
        _, found = _opened(path)
        if found != name:
            raise StateError(
                f"{path} must be the table of the sweep {name!r}, and is that of {found!r}: choose another --out"
            )


def _opened(path: Path) -> tuple[NDArray[Any], str]:
    """Return the rows of a table, and the name of its sweep."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise ValueError("it is of another format")
            return file[NAME][:], str(file.attrs["sweep"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StateError(f"{path} must be the table of a sweep that can be read, but: {error}") from None


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the columns in the order in which they come up first, what every row has at the end."""
    last = ("seconds", "error", "configuration")
    plain = [entries(row) for row in rows]
    names = dict.fromkeys(name for row in plain for name in row if name not in last)
    return {name: [row.get(name) for row in plain] for name in (*names, *last)}


def _type(held: Sequence[Any]) -> Any:
    """Return the type of a column: whole numbers, numbers, truths, or else text."""
    import h5py

    if held and all(isinstance(value, bool) for value in held):
        return np.bool_
    if held and all(isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 for value in held):
        return np.int64
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in held):
        return np.float64
    return h5py.string_dtype()


def _cell(value: Any, kind: Any) -> Any:
    """Return a value as its column has it."""
    if kind.kind != "O":
        return np.nan if value is None else value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def _back(value: Any) -> Any:
    """Return a plain value."""
    if isinstance(value, bytes):
        return value.decode()
    plain = value.item()
    return None if plain != plain else plain


def _put(path: Path, array: NDArray[Any], about: dict[str, Any]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset(NAME, data=array)
        file.attrs.update(about)
