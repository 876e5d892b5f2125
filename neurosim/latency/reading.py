"""Records of latencies read back from HDF5: what is in the file is checked before it is believed."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.errors import StateError, StreamError
from neurosim.latency.files import FORMAT, VERSION, checksum
from neurosim.latency.report import Report
from neurosim.latency.timing.record import Moments, Record
from neurosim.outside.files import check_unpacked, other_than_regular
from neurosim.state import attributes

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
# What parsing may raise where a file was damaged, or not written by us.
PARSING_ERRORS = (OSError, LookupError, ValueError, ArithmeticError, RuntimeError, TypeError, AttributeError)


def is_record(path: str | Path) -> bool:
    """Tell whether a file is HDF5 from its first byte on, as records are, and state files are not."""
    try:
        if other_than_regular(path) is not None:  # opening a pipe would wait for its other end
            return False
        with open(path, "rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except (OSError, ValueError):
        return False


def read_record(path: str | Path) -> Report:
    """Read what `neurosim bench --record FILE.h5`, or `Report.save`, wrote.

    Parameters
    ----------
    path : path
        An HDF5 file; records in other formats lack what was measured, or cannot be checked.

    Returns
    -------
    Report
        With the same summary, table and figure as the one that was saved.

    Raises
    ------
    StateError
        If the file is missing, damaged, foreign or of a newer version.
    """
    try:
        if not is_record(path):
            what = other_than_regular(path) or "another file"
            raise StateError(f"must be what bench --record FILE.h5 wrote, and is {what}")
        with h5py.File(path, "r") as file:
            return _read(file)
    except StateError as error:
        raise StateError(f"record {path} {error}") from error.__cause__
    except FileNotFoundError:
        raise StateError(f"record {path} must be a file, and there is none") from None
    except PARSING_ERRORS as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise StateError(f"record {path} must be whole, and is damaged or was edited: {why}") from error


def _read(file: h5py.File) -> Report:
    if "format" not in file.attrs or attributes.text(file, "format", 100) != FORMAT:
        raise StateError("must be what bench --record FILE.h5 wrote, and is another HDF5 file")
    version = attributes.whole_number(file, "version", 1, 2**31)
    if version > VERSION:
        raise StateError(f"must be of format {VERSION} or older, and is of {version}: a newer neurosim wrote it")
    summary = attributes.json_value(file, "summary")
    record = Record(*(_times(file, name, 1) for name in Record._fields))
    others = {name: _times(file, name, width) if f"{name}_ns" in file else None for name, width in _OTHERS.items()}
    _check_order(record, others)
    if version > 1:
        text = attributes.text(file, "summary")
        if attributes.text(file, "sha256", 64) != checksum(text, record, others):
            raise StateError("must be as it was written, and is not: it is damaged, its checksum differs")
    return _report(summary, record, others)


_OTHERS = {"layer": 2, "loop": 1}  # other times of the samples, and how many axes they have


def _times(file: h5py.File, name: str, axes: int) -> Moments:
    """Return a dataset of nanoseconds, all of which lie in the file."""
    name = f"{name}_ns"
    item = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(item, h5py.Dataset):
        raise StateError(f"must hold {name} as a dataset, and does not")
    creation = item.id.get_create_plist()
    filters = {creation.get_filter(number)[0] for number in range(creation.get_nfilters())}
    if item.is_virtual or creation.get_external_count() > 0 or filters - FILTERS:
        raise StateError(f"must hold {name} as a plain dataset, and holds one whose data are elsewhere or packed")
    if item.dtype != np.int64 or item.ndim != axes or 0 in item.shape[1:]:
        raise StateError(f"must hold {name} as int64 of {axes} axes, and holds {item.dtype} of the shape {item.shape}")
    try:
        stored = item.id.get_storage_size()
        check_unpacked(name, item.nbytes, stored)
        check_unpacked(f"a chunk of {name}", 8 * int(np.prod(item.chunks or (0,))), stored)
    except StreamError as error:
        raise StateError(f"must hold arrays that fit, but: {error}") from None
    return np.asarray(item[...], np.int64)


def _check_order(record: Record, others: dict[str, Moments | None]) -> None:
    """Refuse moments that no measurement can give."""
    count = len(record.due)
    if count == 0 or {len(record.start), len(record.done)} != {count}:
        raise StateError(f"must hold as many moments of each kind, at least one, and holds {[*map(len, record)]}")
    if (record.due > record.start).any() or (record.start > record.done).any():
        raise StateError("must hold samples that are due, then started, then done, and holds others")
    if any(times is not None and len(times) > count for times in others.values()):
        raise StateError(f"must hold times of its {count} samples, and holds more")


def _report(summary: Any, record: Record, others: dict[str, Moments | None]) -> Report:
    """Return the report, if its summary is one of which a table can be made."""
    if not isinstance(summary, dict) or not all(isinstance(summary.get(name), str) for name in ("chip", "stream")):
        raise StateError("must hold the summary of a measurement, and holds another")
    report = Report(summary, record, others["layer"], others["loop"])
    try:
        report.table()
    except (*PARSING_ERRORS, StopIteration) as error:  # the last one of a duration below zero
        raise StateError(f"must hold the summary of a measurement, but: {type(error).__name__}: {error}") from None
    return report
