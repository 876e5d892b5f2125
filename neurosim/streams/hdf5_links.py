"""Where a dataset of an HDF5 file really lies: links are followed by hand, and every other file is looked at first.

HDF5 follows links into whatever they name: a pipe is waited for, and a device is read. It gives zeros where the file
behind a virtual or an external dataset is missing, and ends the process where virtual datasets refer to themselves.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.errors import StreamError
from neurosim.outside.files import check_regular

PATTERN = re.compile(r"(?<!%)(?:%%)*%\d*b")  # of file names that count up
MOST_LINKS = 32  # followed from one to the next
MOST_SOURCES = 10_000  # of virtual datasets, in all


class Files:
    """Open HDF5 files by path: a context that closes them."""

    def __init__(self) -> None:
        self._files: dict[str, h5py.File] = {}

    def open(self, path: Path, what: str = "") -> h5py.File:
        """Open a file for reading, once, if it is a regular one; `what` is for the error."""
        real = os.path.realpath(path)
        if real not in self._files:
            check_regular(path, what)
            self._files[real] = h5py.File(path, "r")
        return self._files[real]

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


def find(files: Files, path: Path, name: str) -> h5py.Dataset | None:
    """Return a dataset that has a shape, whatever links lead to it; None if there is none of the name.

    Raises
    ------
    StreamError
        If a link leads to a file that is missing or not regular, links go round in a circle, or a virtual or external
        dataset refers to anything that is not there.
    """
    item = _follow(files, path, files.open(path), name)
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return None
    _check_sources(files, item, [], [MOST_SOURCES])
    return item


def stored_bytes(dataset: h5py.Dataset) -> int:
    """Return how many bytes the values of a dataset take on disk, in whichever files."""
    own = int(dataset.id.get_storage_size())
    if dataset.is_virtual:
        folder = Path(dataset.file.filename).parent
        names = {entry.file_name for entry in dataset.virtual_sources()}
        own += sum(_source(folder, dataset, name).stat().st_size for name in names)
    return own


def _follow(files: Files, path: Path, group: Any, name: str) -> Any:
    """Return what is at a name in a group of the file at `path`; None if there is nothing."""
    waiting = [part for part in reversed(name.split("/")) if part not in {"", "."}]
    item, followed = group.file["/"] if name.startswith("/") else group, 0
    while waiting:
        part = waiting.pop()
        if not isinstance(item, h5py.Group) or (link := item.get(part, getlink=True)) is None:
            return None
        if isinstance(link, h5py.HardLink):
            item = item[part]
            continue
        followed += 1
        if followed > MOST_LINKS:
            raise StreamError(f"{path}:{name} must be a dataset, got links that lead round in a circle")
        if isinstance(link, h5py.ExternalLink):
            target = _beside(path.parent, link.filename)
            item = files.open(target, f"{target}, which {path}:{name} links to,")["/"]
            path = target
        elif link.path.startswith("/"):
            item = item.file["/"]
        waiting += [part for part in reversed(link.path.split("/")) if part not in {"", "."}]
    return item


def _beside(folder: Path, name: str) -> Path:
    """Return the path of a file that another one names: beside it, or, as HDF5 does, in the working folder."""
    path = folder / name
    return path if path.exists() or not Path(name).exists() else Path(name)


def _source(folder: Path, dataset: h5py.Dataset, name: str) -> Path:
    """Return the path of a file that a virtual dataset names."""
    if PATTERN.search(name):
        advice = "make one that names each of its files"
        raise StreamError(f"virtual sources of {folder}:{dataset.name} must be files, got the pattern {name}; {advice}")
    return Path(dataset.file.filename) if name == "." else _beside(folder, name.replace("%%", "%"))


def _check_sources(files: Files, dataset: h5py.Dataset, above: list[tuple[str, str]], left: list[int]) -> None:
    """Refuse a dataset whose values lie elsewhere, in what is missing, too short or not a file, or in itself."""
    path = Path(dataset.file.filename)
    if dataset.external:
        for name, offset, size in dataset.external:
            _check_external(path, dataset, name, offset, size)
    if not dataset.is_virtual:
        return
    above = [*above, (os.path.realpath(path), dataset.name)]
    for entry in dataset.virtual_sources():
        left[0] -= 1
        if left[0] < 0:
            raise StreamError(f"{path}:{dataset.name} must have at most {MOST_SOURCES} virtual sources, got more")
        where = f"virtual source {entry.file_name}:{entry.dset_name} of {path}:{dataset.name}"
        file = _source(path.parent, dataset, entry.file_name)
        source = _follow(files, file, files.open(file, where), entry.dset_name)
        if not isinstance(source, h5py.Dataset) or source.shape is None:
            raise StreamError(f"{where} must be a dataset, got none: HDF5 would read zeros")
        if (os.path.realpath(source.file.filename), source.name) in above:
            raise StreamError(f"{where} must not lead back to itself")
        mapped = entry.src_space.get_simple_extent_dims() if _is_simple(entry.src_space) else source.shape
        if len(mapped) != source.ndim or (np.array(mapped) > source.shape).any():
            raise StreamError(f"{where} must have the shape {mapped} at least, got {source.shape}")
        _check_sources(files, source, above, left)


def _is_simple(space: Any) -> bool:
    return bool(space.get_simple_extent_type() == h5py.h5s.SIMPLE)


def _check_external(path: Path, dataset: h5py.Dataset, name: str | bytes, offset: int, size: int) -> None:
    """Refuse external storage that is not a regular file of the size that the dataset declares."""
    file = Path(os.fsdecode(name))  # HDF5 starts from the working folder
    check_regular(file, f"external storage {file} of {path}:{dataset.name}")
    wanted = offset + (size if size < h5py.h5f.UNLIMITED else 0)
    if file.stat().st_size < wanted:
        raise StreamError(
            f"external storage {file} of {path}:{dataset.name} must be at least {wanted} bytes, got "
            f"{file.stat().st_size}: HDF5 would read zeros"
        )


def filters_missing(dataset: h5py.Dataset) -> Iterator[str]:
    """Give the filters that a dataset was written with and that this HDF5 does not have."""
    properties = dataset.id.get_create_plist()
    for index in range(properties.get_nfilters()):
        code, _, _, name = properties.get_filter(index)
        if not h5py.h5z.filter_avail(code):
            yield f"{code} ({name.decode(errors='replace')})"
