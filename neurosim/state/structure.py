"""What an HDF5 file must be made of to be a state file, checked before any array is read.

A checksum says that a file is as it was written, not who wrote it. So that reading harms nobody, a file must be made of
plain datasets alone: no virtual ones, no storage in other files, no links to elsewhere, no filters but HDF5's checksum.
All bytes of all arrays must lie in the file, so none takes more memory than the file's own size.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import h5py

from neurosim.errors import StateError
from neurosim.state.layouts import LARGEST, OPTIONAL, READOUTS, Array, arrays_of, highest_of, sizes_of

CHECKSUM_BYTES = 4  # of `fletcher32`, after each chunk


class Stored:
    """The bytes that arrays say they have in a file, of which there can be no more than the file has.

    Parameters
    ----------
    size : int
        Of the file, in bytes.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, name: str, count: int) -> None:
        """Count the bytes of one array."""
        self._left -= count
        if self._left < 0:
            raise StateError(f"must hold arrays all of whose bytes are in the file, and {name} has more")


def layer_groups(file: h5py.File) -> list[h5py.Group]:
    """Return the groups of the layers in their order; refuse a file with anything but these and what is optional."""
    names = _hard_links(file)
    layers = [f"layer_{index}" for index in range(max(1, sum(name.startswith("layer_") for name in names)))]
    _check_names(names, layers, optional=("readouts", "beside"), group="")
    return [_group(file, name) for name in layers]


def readout_groups(file: h5py.File) -> dict[str, h5py.Group]:
    """Return the groups of the readouts that the file holds, by kind."""
    if "readouts" not in _hard_links(file):
        return {}
    group = _group(file, "readouts")
    _check_names(_hard_links(group), (), optional=READOUTS, group="readouts/")
    return {kind: _group(group, kind) for kind in _hard_links(group)}


def free_groups(file: h5py.File, name: str) -> dict[str, h5py.Group]:
    """Return the groups in a group, by names that are free; none where the group is missing."""
    if name not in _hard_links(file):
        return {}
    parent = _group(file, name)
    return {key: _group(parent, key) for key in _hard_links(parent)}


def check_free_array(group: h5py.Group, name: str, stored: Stored) -> None:
    """Refuse what is no plain dataset of numbers, of any shape with one axis at least."""
    where = f"{group.name[1:]}/{name}"
    _hard_links(group)
    item = group[name]
    if not isinstance(item, h5py.Dataset):
        raise StateError(f"must hold {where} as a plain dataset, and holds another object")
    _check_plain(item, where)
    if not isinstance(item.id.get_type(), h5py.h5t.TypeIntegerID | h5py.h5t.TypeFloatID) or item.ndim == 0:
        raise StateError(f"must hold {where} as an array of numbers, and holds another")
    _check_stored(item, where, stored)


def check_layer(
    group: h5py.Group, constants: Any, version: int, sample: tuple[int, ...] | None, stored: Stored
) -> None:
    """Refuse a layer's group if its datasets are not the arrays that the layer's constants speak of.

    Parameters
    ----------
    group : h5py.Group
    constants : dict
        Of the layer, as they are in the file.
    version : int
        Of the file's format.
    sample : tuple of int, optional
        Shape of the layer's samples, if it is known.
    stored : Stored
        Counts bytes.
    """
    arrays = arrays_of(constants, version)
    _check_arrays(group, arrays, sizes_of(constants, sample), highest_of(constants), stored)


def check_readout(group: h5py.Group, kind: str, neurons: int, stored: Stored) -> None:
    """Refuse a readout's group if its datasets are not those of its kind."""
    _check_arrays(group, READOUTS[kind], {"neurons": neurons}, {}, stored)


def _check_arrays(
    group: h5py.Group,
    arrays: Mapping[str, Array],
    sizes: dict[str, int],
    highest: Mapping[str, int],
    stored: Stored,
) -> None:
    """Refuse a group that lacks datasets, has other ones than these, or ones of another type or shape.

    A size that is in neither mapping is what the first array that names it has.
    """
    where = group.name[1:] + "/"
    names = _hard_links(group)
    _check_names(names, [name for name in arrays if name not in OPTIONAL], group=where, optional=arrays)
    for name, (dtype, shape) in arrays.items():
        if name not in names:
            continue
        item = group[name]
        if not isinstance(item, h5py.Dataset):
            raise StateError(f"must hold {where}{name} as a plain dataset, and holds another object")
        _check_plain(item, where + name)
        if not item.id.get_type().equal(h5py.h5t.py_create(dtype, logical=True)):
            raise StateError(f"must hold {where}{name} as {_told(dtype)}, and holds another type")
        _check_shape(item.shape, shape, where + name, sizes, highest)
        _check_stored(item, where + name, stored)


def _check_shape(
    found: tuple[int, ...],
    shape: tuple[int | str, ...],
    name: str,
    sizes: dict[str, int],
    highest: Mapping[str, int],
) -> None:
    """Refuse a shape that contradicts the sizes known so far, and add those it is the first to tell."""
    expected = tuple(_size(size, sizes) for size in shape)
    if len(found) != len(expected) or any(want not in (None, have) for want, have in zip(expected, found, strict=True)):
        told = ", ".join("any" if size is None else str(size) for size in expected)
        raise StateError(f"must hold arrays that fit, but: {name} must be of the shape ({told}), got {found}")
    for size, have in zip(shape, found, strict=True):
        if isinstance(size, str):
            lowest, most = int(size not in highest), highest.get(size, LARGEST)
            if not lowest <= have <= most:
                raise StateError(f"must hold {lowest} to {most} {size} in {name}, and holds {have}")
            sizes[size] = have


def _size(size: int | str, sizes: Mapping[str, int]) -> int | None:
    return size if isinstance(size, int) else sizes.get(size)


def _told(dtype: Any) -> str:
    return "instruments' records" if dtype.names else str(dtype)


def _hard_links(group: h5py.Group) -> list[str]:
    """Return the names in a group; refuse links that lead elsewhere, to another file or to another name."""
    names = list(group)
    for name in names:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            where = f"{group.name}/{name}".lstrip("/")[:60]
            raise StateError(f"must hold {where!r} under a hard link, and holds a link to elsewhere")
    return names


def _check_names(names: Iterable[str], needed: Iterable[str], *, group: str, optional: Iterable[str] = ()) -> None:
    """Refuse names that are missing, and those that are too many."""
    needed = list(needed)
    for name in needed:
        if name not in names:
            raise StateError(f"must hold {group}{name}, and does not")
    for name in names:
        if name not in needed and name not in optional:
            raise StateError(f"must hold nothing but what it needs, and holds {(group + name)[:60]!r}")


def _group(parent: h5py.Group, name: str) -> h5py.Group:
    item = parent[name]
    if not isinstance(item, h5py.Group):
        raise StateError(f"must hold {name} as a group, and holds another object")
    return item


def _check_plain(item: h5py.Dataset, name: str) -> None:
    """Refuse a dataset whose data are elsewhere, or are made from others; asks for neither its shape nor its type."""
    creation = item.id.get_create_plist()
    plain = creation.get_layout() in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED)
    if not plain or creation.get_external_count() > 0:
        raise StateError(f"must hold {name} as a plain dataset, and holds one whose data are elsewhere")
    filters = {creation.get_filter(number)[0] for number in range(creation.get_nfilters())}
    if filters - {h5py.h5z.FILTER_FLETCHER32}:
        raise StateError(f"must hold {name} as a plain dataset, and holds one that is compressed")
    if h5py.h5o.get_info(item.id).rc != 1:
        raise StateError(f"must hold {name} under one name, and holds it under several")
    if item.id.get_space().get_simple_extent_type() != h5py.h5s.SIMPLE:
        raise StateError(f"must hold {name} as an array, and holds none")


def _check_stored(item: h5py.Dataset, name: str, stored: Stored) -> None:
    """Refuse a dataset that can grow, and one not all of whose bytes are in the file: the rest would be made up."""
    need = item.dtype.itemsize * prod(item.shape)
    if item.maxshape != item.shape:
        raise StateError(f"must hold {name} as a dataset that cannot grow, and holds one that can")
    if item.chunks is not None:
        count = prod(-(-size // chunk) for size, chunk in zip(item.shape, item.chunks, strict=True))
        need = count * (item.dtype.itemsize * prod(item.chunks) + CHECKSUM_BYTES * item.fletcher32)
    if item.id.get_storage_size() != need:
        raise StateError(f"must hold {name} as a dataset of which all is stored, and holds one with gaps")
    stored.take(name, need)
