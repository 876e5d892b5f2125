"""HDF5 recordings of events: a dataset for each of t, x, y and p, or one of records with these fields."""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.outside.arrays import shortened
from neurosim.outside.files import check_unpacked
from neurosim.streams.events.event import Counts, Events
from neurosim.streams.events.headers import LARGEST_SENSOR
from neurosim.streams.events.opened import Opened, new_events
from neurosim.streams.hdf5 import ADVICE, BROKEN
from neurosim.streams.hdf5_links import Files, filters_missing, find, stored_bytes

PLACES = ("events", "CD/events", "CD", "dvs/events", "")  # groups of four datasets, or datasets of records
NAMES = {
    "t": ("t", "ts", "timestamp", "timestamps"), "x": ("x", "xs"), "y": ("y", "ys"),
    "p": ("p", "ps", "pol", "polarity", "on"),
}  # fmt: skip
OFFSET = "t_offset"  # DSEC's: microseconds that its times begin at
TOGETHER, MOST_TOGETHER = 1 << 16, 1 << 22  # events read at once: whole chunks, which are unpacked whole
ECF = 0x8ECF  # the number of Prophesee's own compression
RANGES = {"t": (-(2**63), 2**63 - 1), "x": (0, 2**16 - 1), "y": (0, 2**16 - 1), "p": (-1, 1)}


class Columns:
    """The datasets of t, x, y and p of an open file."""

    def __init__(self, files: Files, path: Path) -> None:
        self.path, self.records = path, None
        self.columns: dict[str, Any] = {}
        for place in PLACES:
            if self._take_records(files, place) or self._take_columns(files, place):
                break
        else:
            raise StreamError(f"{path} must have datasets t, x, y and p, by themselves or in a group events")
        self.length = self._checked()
        self.offset = _offset(files, path)

    def _take_records(self, files: Files, place: str) -> bool:
        dataset = find(files, self.path, place) if place else None
        if dataset is None or dataset.dtype.names is None:
            return False
        fields = {name: next((n for n in names if n in dataset.dtype.names), None) for name, names in NAMES.items()}
        if None in fields.values():
            return False
        self.records, self.columns = dataset, fields
        return True

    def _take_columns(self, files: Files, place: str) -> bool:
        found = {}
        for name, names in NAMES.items():
            datasets = (find(files, self.path, f"{place}/{other}") for other in names)
            found[name] = next((dataset for dataset in datasets if dataset is not None), None)
        self.columns = found
        return None not in found.values()

    def _checked(self) -> int:
        """Return how many events there are, of datasets that can be read."""
        datasets = [self.records] if self.records is not None else list(self.columns.values())
        shapes = {dataset.shape for dataset in datasets}
        if len(shapes) > 1 or len(datasets[0].shape) != 1:
            told = " and ".join(map(str, sorted(shapes)))
            raise StreamError(f"t, x, y and p of {self.path} must be as long as each other, got the shapes {told}")
        chunks = [dataset.chunks[0] for dataset in datasets if dataset.chunks]
        longest = max(chunks, default=TOGETHER)
        self.together = min(longest * -(-TOGETHER // longest), MOST_TOGETHER)
        for dataset in datasets:
            _check_filters(self.path, dataset)
            size = dataset.dtype.itemsize * dataset.shape[0]
            check_unpacked(f"{dataset.name} of {self.path}", size, stored_bytes(dataset))
        for name in NAMES:
            kind = datasets[0].dtype[self.columns[name]] if self.records is not None else self.columns[name].dtype
            if kind.kind not in "iub":
                rule = "whole numbers, of microseconds" if name == "t" else "whole numbers"
                raise StreamError(f"{name} of {self.path} must be {rule}, got {shortened(str(kind))}")
        return int(datasets[0].shape[0])

    def take(self, first: int, stop: int) -> Events:
        """Return the events from `first` to before `stop`."""
        records = None if self.records is None else self.records[first:stop]
        events = new_events(stop - first)
        for name, column in self.columns.items():
            values = column[first:stop] if records is None else records[column]
            events[name] = self._values(name, values, first)
        return events

    def _values(self, name: str, values: NDArray[Any], first: int) -> NDArray[Any]:
        """Return the values of a field, if each is within its range; -1, which some write for darker, as 0."""
        lowest, highest = RANGES[name]
        offset = self.offset if name == "t" else 0
        lowest, highest = max(lowest, lowest - offset), min(highest, highest - offset)  # the sum must fit as well
        wrong = (values < lowest) | (values > highest)
        if wrong.any():
            index = int(np.argmax(wrong))
            rule = f"from {lowest} to {highest}"
            raise StreamError(f"{name} of {self.path} must be {rule}, got {values[index]} at event {first + index}")
        if offset:
            return values.astype(np.int64) + offset
        return np.maximum(values, 0) if name == "p" and values.dtype.kind == "i" else values


def _offset(files: Files, path: Path) -> int:
    """Return the microseconds at which the times of a file begin: 0 if it does not say."""
    dataset = find(files, path, OFFSET)
    if dataset is None or dataset.shape != ():
        return 0
    if dataset.dtype.kind not in "iu" or not -(2**63) <= (offset := int(dataset[()])) < 2**63:
        told = shortened(str(dataset[()]))
        raise StreamError(f"{OFFSET} of {path} must be whole microseconds of 64 bits, got {told}")
    return offset


def open_hdf5(path: Path) -> Opened:
    """Open a recording with datasets t, x, y and p, or of records with these fields.

    Raises
    ------
    StreamError
        If the datasets are missing, no whole numbers, of different lengths, damaged, or compressed in a way that HDF5
        alone cannot undo; it names the tool that can.
    """
    with suppress(ImportError):
        import_module("hdf5plugin")  # registers its compressions
    files = Files()
    try:
        columns = Columns(files, path)
        width, height = _sensor(path, columns, files)
    except StreamError:
        raise
    except BROKEN as error:
        raise _broken(path, error) from error
    finally:
        files.close()
    return Opened(width, height, lambda counts: _batches(path, counts))


def _batches(path: Path, counts: Counts) -> Iterator[Events]:
    files = Files()
    try:
        columns = Columns(files, path)
        for first in range(0, columns.length, columns.together):
            yield columns.take(first, min(first + columns.together, columns.length))
    except StreamError:
        raise
    except BROKEN as error:
        raise _broken(path, error) from error
    finally:
        files.close()


def _sensor(path: Path, columns: Columns, files: Files) -> tuple[int | None, int | None]:
    """Return the size of the sensor, from the attributes of the file or of the group of the events."""
    dataset = columns.records if columns.records is not None else columns.columns["t"]
    for holder in (dataset, dataset.parent, files.open(path)):
        if "geometry" in holder.attrs:
            texts = str(holder.attrs["geometry"]).partition("x")[::2]
            sizes = [int(text) if text.isdecimal() and len(text) < 10 else 0 for text in texts]
        elif {"width", "height"} <= set(holder.attrs):
            sizes = [int(holder.attrs["width"]), int(holder.attrs["height"])]
        else:
            continue
        if not all(1 <= size <= LARGEST_SENSOR for size in sizes):
            raise StreamError(f"the sensor of {path} must have from 1 to {LARGEST_SENSOR} pixels a side, got {sizes}")
        return sizes[0], sizes[1]
    return None, None


def _check_filters(path: Path, dataset: h5py.Dataset) -> None:
    """Refuse compressions that this HDF5 does not have, each with what to do."""
    missing = list(filters_missing(dataset))
    if any(told.startswith(f"{ECF} ") for told in missing):
        advice = "metavision_file_to_dat of Prophesee's Metavision SDK or OpenEB converts it to DAT"
        raise StreamError(f"{path} must have no compression of its own kind, got ECF; {advice}")
    if missing:
        advice = "pip install hdf5plugin, which has many"
        raise StreamError(f"{path} must have compressions that HDF5 knows, got {missing[0]}; {advice}")
    if dataset.chunks and dataset.id.get_create_plist().get_nfilters():  # a chunk is unpacked whole
        size = dataset.chunks[0] * dataset.dtype.itemsize
        check_unpacked(f"a chunk of {dataset.name} of {path}", size, stored_bytes(dataset), ADVICE)


def _broken(path: Path, error: BaseException) -> StreamError:
    why = shortened(str(error) or type(error).__name__, 200)
    return StreamError(f"{path} must be an HDF5 file that can be read: {why}")
