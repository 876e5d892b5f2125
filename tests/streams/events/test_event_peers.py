"""The same events as other readers give: from real recordings, and from files that one writes and another reads."""

import os
import tarfile
from pathlib import Path

import event_files as made
import h5py
import numpy as np
import pytest

from neurosim.streams.events import read_events

DATA = Path(os.environ.get("NEUROSIM_DATA", "/nowhere"))
RECORDINGS = DATA / "events"
real = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="NEUROSIM_DATA has no folder events")
EVENTS = made.made_up(1, 2000)


def as_tuples(events, p="p"):
    columns = [np.asarray(events[name]).tolist() for name in ("t", "x", "y")]
    return list(zip(*columns, np.asarray(events[p]).astype(int).tolist(), strict=True))


def put(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@real
@pytest.mark.parametrize("name", ["sample.aedat4", "evt3_test_pedestrians.raw"])
def test_a_recording_beside_faery(name):
    faery = pytest.importorskip("faery")
    others = np.concatenate(list(faery.events_stream_from_file(RECORDINGS / name)))
    events = read_events(RECORDINGS / name).events
    assert len(events) == {"sample.aedat4": 111_954}.get(name, 5_000)
    assert all(np.array_equal(events[field], others[field]) for field in ("t", "x", "y", "p"))


@real
def test_a_recording_beside_evt3():
    evt3 = pytest.importorskip("evt3")
    path = RECORDINGS / "evt3_test_pedestrians.raw"
    events, others = read_events(path).events, evt3.decode_file(str(path))
    assert all(np.array_equal(events[field], getattr(others, field)) for field in ("t", "x", "y", "p"))


@real
def test_a_recording_beside_aedat():
    aedat = pytest.importorskip("aedat")
    packets = [packet["events"] for packet in aedat.Decoder(RECORDINGS / "sample.aedat4") if "events" in packet]
    assert as_tuples(read_events(RECORDINGS / "sample.aedat4").events) == as_tuples(np.concatenate(packets), "on")


@real
def test_recordings_beside_expelliarmus_and_event_stream():
    expelliarmus, event_stream = pytest.importorskip("expelliarmus"), pytest.importorskip("event_stream")
    path = RECORDINGS / "sample_ncars.dat"
    assert as_tuples(read_events(path).events) == as_tuples(expelliarmus.Wizard(encoding="dat").read(path))
    count = sum(len(packet) for packet in event_stream.Decoder(str(RECORDINGS / "generic.es")))
    assert read_events(RECORDINGS / "generic.es").counts.passed_over == {"generic records": count}


def plain_nmnist(data):
    """Read N-MNIST's records one by one, as the data set's authors describe them."""
    events, added = [], 0
    for i in range(0, len(data), 5):
        x, y, high, middle, low = data[i : i + 5]
        if y == 240:
            added += 1 << 13
        else:
            events.append((((high & 127) << 16) + (middle << 8) + low + added, x, y, high >> 7))
    return events


@real
@pytest.mark.parametrize(
    ("archive", "folder", "count", "events"),
    [
        ("events/dvs-gesture-samples.tar.xz", "dvs_gesture_samples", 10, None),
        ("nmnist/nmnist-small.tar.xz", "nmnist_small", 40, None),
    ],
)
def test_archives_of_recordings_beside_a_plain_reader(tmp_path, archive, folder, count, events):
    """The first recordings of each archive, event by event; benchmarks/event_files.py compares all."""
    read = 0
    with tarfile.open(DATA / archive) as file:
        for member in file:
            if member.name.endswith(".bs2"):
                content = file.extractfile(member).read()
                path = put(tmp_path, f"{read}.bs2", content)
                recording = read_events(path)
                assert as_tuples(recording.events) == plain_nmnist(content)
                assert recording.counts.out_of_order == 0
                read += 1
            if read == count:
                break
    assert read == count


@pytest.mark.parametrize(
    ("name", "version"),
    [("a.es", None), ("a.dat", "dat1"), ("a.dat", "dat2"), ("a.raw", "evt2"), ("a.raw", "evt3"), ("a.aedat4", None)],
)
@pytest.mark.parametrize("from_zero", [False, True])
def test_files_that_faery_writes(tmp_path, name, version, from_zero):
    faery = pytest.importorskip("faery")
    if name == "a.es" and from_zero:
        pytest.skip("Event Stream has no field for the first time, so faery drops it")
    later = [(t + 77_000, x, y, p) for t, x, y, p in EVENTS]
    array = np.array(later, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")]).astype(faery.EVENTS_DTYPE)
    stream = faery.events_stream_from_array(array, (64, 48))
    stream.to_file(tmp_path / name, version=version, zero_t0=from_zero)
    recording = read_events(tmp_path / name)
    assert as_tuples(recording.events) == later
    assert (recording.width, recording.height) == (64, 48)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.es", made.es_dvs(EVENTS)),
        ("a.es", made.es_atis(EVENTS)),
        ("a.dat", made.dat(EVENTS)),
        ("a.raw", made.evt2(EVENTS, "geometry 64x48")),
        ("a.raw", made.evt3(EVENTS, "geometry 64x48")),
    ],
)
def test_faery_reads_the_files_that_tests_are_made_of(tmp_path, name, data):
    faery = pytest.importorskip("faery")
    path = put(tmp_path, name, data)
    assert as_tuples(np.concatenate(list(faery.events_stream_from_file(path)))) == EVENTS
    assert as_tuples(read_events(path).events) == EVENTS


@pytest.mark.parametrize("name", ["a.raw", "a.h5"])
def test_evlib_reads_evt21_and_the_layout_of_dsec(tmp_path, name):
    evlib = pytest.importorskip("evlib")
    path = tmp_path / name
    if name == "a.raw":
        path.write_bytes(made.evt21(EVENTS, "geometry 64x48", "end"))
    else:
        with h5py.File(path, "w") as file:
            for field, kind, values in zip("txyp", ("u4", "u2", "u2", "u1"), np.array(EVENTS).T, strict=True):
                file[f"events/{field}"] = values.astype(kind)
            file["t_offset"], file["ms_to_idx"] = np.int64(0), np.zeros(2, np.uint64)
    assert as_tuples(read_events(path).events) == EVENTS
    frame = evlib.load_events(str(path)).collect()
    times = frame["t"].to_numpy().astype("timedelta64[us]").astype(np.int64).tolist()
    polarities = [int(p > 0) for p in frame["polarity"].to_list()]
    assert list(zip(times, frame["x"].to_list(), frame["y"].to_list(), polarities, strict=True)) == EVENTS


def test_tonic_reads_aedat(tmp_path, monkeypatch):
    """Tonic 1.7 expects two values of its header's three, and reads the DVS128's columns as rows."""
    io = pytest.importorskip("tonic.io")
    read_header = io.read_aedat_header_from_file
    monkeypatch.setattr(io, "read_aedat_header_from_file", lambda path: (*read_header(path)[:2], 0))
    path = put(tmp_path, "a.aedat", made.aedat2(EVENTS, "DAVIS346", size=(346, 260)))
    assert as_tuples(io.read_davis_346(path)[2]) == as_tuples(read_events(path).events) == EVENTS
    monkeypatch.setattr(io, "read_aedat_header_from_file", lambda path: read_header(path)[:2])
    path = put(tmp_path, "b.aedat", made.aedat3(EVENTS))
    assert as_tuples(io.read_dvs_ibm(path)[1]) == as_tuples(read_events(path).events) == EVENTS
    path = put(tmp_path, "c.aedat", made.aedat2(EVENTS))
    rotated = as_tuples(io.read_dvs_128(path)[1])
    assert [(t, 127 - y, 127 - x, 1 - p) for t, x, y, p in rotated] == EVENTS


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [("dvs", made.es_dvs(EVENTS), "p"), ("atis", made.es_atis(EVENTS), "p"), ("color", made.es_colour(EVENTS), None)],
)
def test_event_stream_reads_the_same_with_rows_from_below(tmp_path, name, data, field):
    event_stream = pytest.importorskip("event_stream")
    path = put(tmp_path, "a.es", data)
    decoder = event_stream.Decoder(str(path))
    assert decoder.type == name
    others = np.concatenate(list(decoder))
    others["y"] = 47 - others["y"]
    events = read_events(path).events
    assert all(np.array_equal(events[column], others[column]) for column in ("t", "x", "y", *filter(None, [field])))
