"""HDF5 recordings: four datasets or one of records, in the places that others write them; what cannot be is refused."""

import event_files as made
import h5py
import numpy as np
import pytest

from neurosim.errors import StreamError
from neurosim.streams.events import hdf5, open_events, read_events

EVENTS = made.made_up(1, 200)
COLUMNS = dict(zip("txyp", np.array(EVENTS).T, strict=True))
KINDS = {"t": "i8", "x": "u2", "y": "u2", "p": "u1"}


def put(path, columns=COLUMNS, *, group="events", names="txyp", kinds=KINDS, **options):
    with h5py.File(path, "w") as file:
        for (field, values), name in zip(columns.items(), names, strict=True):
            file.create_dataset(f"{group}/{name}", data=np.asarray(values).astype(kinds[field]), **options)
    return path


@pytest.mark.parametrize("group", ["events", "CD", ""])
@pytest.mark.parametrize("names", ["txyp", ("ts", "xs", "ys", "ps"), ("timestamp", "x", "y", "polarity")])
def test_four_datasets(tmp_path, group, names):
    recording = read_events(put(tmp_path / "a.h5", group=group, names=names, compression="gzip"))
    assert recording.events.tolist() == EVENTS
    assert (recording.width, recording.height, recording.format) == (None, None, "hdf5")


@pytest.mark.parametrize("place", ["events", "CD/events"])
def test_a_dataset_of_records_in_any_order_of_fields(tmp_path, place):
    records = np.zeros(len(EVENTS), [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
    for name, values in COLUMNS.items():
        records[name] = values
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset(place, data=records, chunks=(64,))
        file.attrs["geometry"] = "64x48"
    recording = read_events(tmp_path / "a.hdf5")
    assert recording.events.tolist() == EVENTS
    assert (recording.width, recording.height) == (64, 48)


def test_dsec_adds_an_offset(tmp_path):
    path = put(tmp_path / "a.h5", kinds=KINDS | {"t": "u4"})
    with h5py.File(path, "r+") as file:
        file["t_offset"] = np.int64(49_000_000_000)
        file["ms_to_idx"] = np.zeros(3, np.uint64)
        file["events"].attrs.update(width=64, height=48)
    recording = read_events(path)
    assert recording.events["t"].tolist() == [t + 49_000_000_000 for t, *_ in EVENTS]
    assert recording.width == 64


def test_minus_one_is_darker(tmp_path):
    signed = COLUMNS | {"p": COLUMNS["p"] * 2 - 1}
    assert read_events(put(tmp_path / "a.h5", signed, kinds=KINDS | {"p": "i1"})).events.tolist() == EVENTS
    assert read_events(put(tmp_path / "a.h5", kinds=KINDS | {"p": "?"})).events.tolist() == EVENTS


@pytest.mark.parametrize(("chunk", "together"), [(None, 7), (3, 9), (20, 20), (100, 50)])
def test_it_is_read_in_blocks_of_whole_chunks(tmp_path, monkeypatch, chunk, together):
    monkeypatch.setattr(hdf5, "TOGETHER", 7)
    monkeypatch.setattr(hdf5, "MOST_TOGETHER", 50)
    file = open_events(put(tmp_path / "a.h5", chunks=chunk and (chunk,)))
    blocks = list(file.blocks())
    assert [len(block) for block in blocks[:-1]] == [together] * (-(-200 // together) - 1)
    assert np.concatenate(blocks).tolist() == EVENTS


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kinds": KINDS | {"t": "f8"}}, "t of .* must be whole numbers, of microseconds, got float64"),
        ({"kinds": KINDS | {"x": "f4"}}, "x of .* must be whole numbers, got float32"),
        ({"columns": COLUMNS | {"y": [1, 2]}}, r"as long as each other, got the shapes \(2,\) and \(200,\)"),
        (
            {"columns": COLUMNS | {"x": COLUMNS["x"] - 70}, "kinds": KINDS | {"x": "i4"}},
            "x of .* from 0 to 65535, got -",
        ),
        ({"columns": COLUMNS | {"p": COLUMNS["p"] + 2}}, "p of .* must be from -1 to 1, got [23] at event 0"),
        (
            {"columns": COLUMNS | {"t": [2**63] * 200}, "kinds": KINDS | {"t": "u8"}},
            "got 9223372036854775808 at event 0",
        ),
        ({"group": "elsewhere"}, "must have datasets t, x, y and p, by themselves or in a group events"),
    ],
)
def test_what_cannot_be_events(tmp_path, change, told):
    with pytest.raises(StreamError, match=told):
        read_events(put(tmp_path / "a.h5", **change))


def test_other_compressions_are_refused_with_what_to_do(tmp_path):
    """Filters that this HDF5 lacks are set as optional, so that the file can be written without them."""
    for number, told in (
        (0x8ECF, "got ECF; metavision_file_to_dat of Prophesee's Metavision SDK or OpenEB converts it to DAT"),
        (32099, r"got 32099 .*; pip install hdf5plugin"),
    ):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for name, values in COLUMNS.items():
                properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                properties.set_chunk((50,))
                properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
                space, kind = h5py.h5s.create_simple((200,)), h5py.h5t.py_create(np.dtype(KINDS[name]))
                group = file.require_group("events")
                h5py.h5d.create(group.id, name.encode(), kind, space, properties).write(
                    h5py.h5s.ALL, h5py.h5s.ALL, values.astype(KINDS[name])
                )
        with pytest.raises(StreamError, match=told):
            read_events(tmp_path / "a.h5")


def test_compressions_of_hdf5plugin_are_read_where_it_is_installed(tmp_path):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    assert read_events(put(tmp_path / "a.h5", **hdf5plugin.Zstd())).events.tolist() == EVENTS
    assert read_events(put(tmp_path / "b.h5", **hdf5plugin.Blosc())).events.tolist() == EVENTS


def test_a_file_that_declares_more_than_it_stores(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, kind in KINDS.items():
            file.create_dataset(f"events/{name}", (1 << 40,), kind, chunks=(1 << 20,))
    with pytest.raises(StreamError, match="must unpack to at most 200 times"):
        read_events(tmp_path / "a.h5")


def test_a_chunk_that_is_far_larger_than_what_it_stores(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, kind in KINDS.items():
            file.create_dataset(f"events/{name}", (200,), kind, chunks=(1 << 28,), maxshape=(None,), compression="gzip")
    with pytest.raises(StreamError, match=r"a chunk of /events/t of .* must unpack to at most 200 times"):
        read_events(tmp_path / "a.h5")


def test_a_damaged_file(tmp_path):
    path = put(tmp_path / "a.h5")
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(StreamError, match="must be an HDF5 file that can be read"):
        read_events(path)
