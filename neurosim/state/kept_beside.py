"""What a state file keeps beside the chip: arrays of whatever goes with a run, such as the place in a live stream."""

import re
from collections.abc import Mapping
from typing import Any

import h5py

from neurosim.errors import StateError
from neurosim.state.arrays import Arrays
from neurosim.state.structure import Stored, check_free_array, free_groups

GROUP = "beside"
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MOST = 256  # groups, and arrays of a group


def write(file: h5py.File, beside: Mapping[str, Arrays], storage: Any) -> None:
    """Write the arrays of each group; `storage` returns the options of a dataset for its shape.

    Raises
    ------
    StateError
        If a name or an array is none that `read` would admit.
    """
    parent = file.create_group(GROUP)
    _check_count(len(beside), GROUP)
    for name, arrays in beside.items():
        _check_name(name)
        _check_count(len(arrays), f"{GROUP}/{name}")
        group = parent.create_group(name)
        for key, array in arrays.items():
            _check_name(key)
            if array.dtype.kind not in "iuf" or array.ndim == 0:
                rule = "an array of numbers with one axis at least"
                raise StateError(f"must keep {GROUP}/{name}/{key} as {rule}, got {array.dtype} of shape {array.shape}")
            group.create_dataset(key, data=array, **storage(array.shape))


def read(file: h5py.File, stored: Stored) -> dict[str, Arrays]:
    """Return the arrays by group and name, empty where a file has none; whose they are checks what they say.

    Raises
    ------
    StateError
        If anything but plain datasets of numbers is there.
    """
    beside = {}
    groups = free_groups(file, GROUP)
    _check_count(len(groups), GROUP)
    for name, group in groups.items():
        _check_name(name)
        _check_count(len(group), f"{GROUP}/{name}")
        for key in group:
            _check_name(key)
            check_free_array(group, key, stored)
        beside[name] = {key: item[...] for key, item in group.items()}
    return beside


def _check_name(name: str) -> None:
    if NAME.fullmatch(name) is None:
        raise StateError(f"must keep arrays under names of a-z, 0-9 and _, and keeps one as {name[:60]!r}")


def _check_count(count: int, where: str) -> None:
    if count > MOST:
        raise StateError(f"must keep at most {MOST} names in {where}, and keeps {count}")
