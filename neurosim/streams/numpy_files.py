"""NumPy's files: `.npy`, which stays on disk, and `.npz`, whose arrays are read into memory."""

import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from neurosim.errors import ConfigError, StreamError
from neurosim.outside.arrays import shortened
from neurosim.outside.files import check_regular, check_unpacked
from neurosim.streams.arrays import ArrayStream

SAMPLES, LABELS = ("samples", "x", "X"), ("labels", "y")
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
ZIP, MAGIC = b"PK\x03\x04", npy.magic(1, 0)[:6]
LISTED = 10  # names of arrays that an error lists


def npy_file(path: Path) -> ArrayStream:
    """Open a `.npy` file of samples."""
    check_regular(path)
    with path.open("rb") as file:
        if file.read(4) == ZIP:
            return npz_file(path)
    stream = ArrayStream(map_array(path), name=path.name)
    stream.labels_advice = "a .npy file holds samples alone: write both to a .npz file"
    return stream


def npz_file(
    path: Path, dataset: str = "", label_set: str = "", *, samples: str | None = None, labels: str | None = None
) -> ArrayStream:
    """Open a `.npz` file of samples and, optionally, labels.

    Parameters
    ----------
    path : Path
    dataset, label_set : str
        Names of the two arrays, as the source's name has them; if empty, `samples` (or `x`) and `labels` (or `y`).
    samples, labels : str, optional
        The same, as options.
    """
    wanted = chosen_names((dataset, label_set), (samples, labels))
    check_regular(path)
    size = path.stat().st_size
    with _one_line(path), path.open("rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            return npy_file(path)
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            found = list[Any]()
            for asked, usual in zip(wanted, (SAMPLES, LABELS), strict=True):
                name = asked or next((name for name in usual if name in members), "")
                if name not in members and (asked or usual is SAMPLES):
                    raise missing(path, f"an array named {asked or 'samples or x'}", members)
                found.append(_member(archive, members[name], f"{name} of {path}", size) if name else None)
    stream = ArrayStream(found[0], found[1], name=path.name)
    stream.labels_advice = "labels of a .npz file are an array named labels or y; --labels takes another name"
    return stream


def chosen_names(named: tuple[str, str], options: tuple[str | None, str | None]) -> tuple[str | None, str | None]:
    """Return the names of samples and labels, which follow a file's name or are options; None where not given."""
    chosen = []
    for option, after_path, value in zip(("samples", "labels"), named, options, strict=True):
        if after_path and value is not None:
            raise ConfigError(option, f"left out for a source that names its array, {after_path}", value)
        chosen.append(after_path or value)
    return chosen[0], chosen[1]


def missing(path: Path, wanted: str, names: Any) -> StreamError:
    """Return the error for an array or a dataset that a file does not have; `wanted` is what it is called."""
    listed = [shortened(name) for name, _ in zip(names, range(LISTED), strict=False)]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    got = ", ".join(listed) + more or "none"
    return StreamError(f"{path} must hold {wanted}, got {got}; --samples and --labels take other names")


def map_array(path: Path) -> NDArray[Any]:
    """Map the array of a `.npy` file, read-only.

    Raises
    ------
    StreamError
        If the file is no whole `.npy` file of an array without objects.
    """
    check_regular(path)
    with _one_line(path):
        with path.open("rb") as file:
            begins = file.read(len(MAGIC))
        if begins != MAGIC and not begins.startswith(ZIP):
            raise ValueError("it does not begin as files of numpy.save do (text is read from .csv, .tsv and .ndjson)")
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray):
            array.close()
            raise ValueError("it is an archive of arrays, whose name must end in .npz")
        return np.asarray(array)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, most: int) -> NDArray[Any]:
    """Return an array of an archive of `most` bytes, after comparing what it declares with what is stored."""
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:  # others unpack as much as they like
        raise ValueError(f"{name} must be stored plain or deflated, as NumPy writes it")
    with archive.open(info) as file:
        version = npy.read_magic(file)
        if version not in HEADERS:
            raise ValueError(f"{name} must be of the .npy format 1.0 or 2.0, got {version}")
        shape, _, dtype = HEADERS[version](file)
        if dtype.hasobject:
            raise ValueError(f"{name} is of objects")
        declared, header = math.prod(shape) * dtype.itemsize, file.tell()
    if min(shape, default=0) < 0 or header + declared != info.file_size:
        size = info.file_size - header
        raise ValueError(f"{name} must hold the {declared} bytes that its header declares, got {size}")
    check_unpacked(name, declared, min(info.compress_size, most), "store it without compression, or as a .npy file")
    with archive.open(info) as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turn what reading a damaged file raises into one StreamError; leave out NumPy's warnings of odd headers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (StreamError, ConfigError):
        raise
    except Exception as error:  # damage may raise anything, from zipfile, zlib or the parser of the header
        why = shortened(str(error) or type(error).__name__, 200)
        if "allow_pickle" in why:  # NumPy's advice, which nobody here can follow
            why = "it holds objects of Python"
        raise StreamError(f"{path} must be a whole NumPy file without pickled objects: {why}") from error
