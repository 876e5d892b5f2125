"""Damaged files of events end in one error that names the byte; what is odd in whole ones is counted by rule."""

import re
import struct
import sys
import tracemalloc
from itertools import pairwise

import event_files as made
import numpy as np
import pytest

from neurosim.errors import ConfigError, StreamError
from neurosim.streams.events import open_events, read_events

EVENTS = made.made_up(1, 50)


def read_until_damage(path):
    """Return what is given before the error, and the error's text."""
    given = []
    with pytest.raises(StreamError) as caught:
        given.extend(open_events(path).blocks())
    return [tuple(event) for block in given for event in block.tolist()], str(caught.value)


def put(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "record"),
    [
        ("a.bin", made.nmnist(EVENTS), 5),
        ("a.dat", made.dat(EVENTS), 8),
        ("a.aedat", made.aedat2(EVENTS), 8),
        ("a.aedat", made.aedat3(EVENTS), 8),
        ("a.es", made.es_dvs(EVENTS), 5),
        ("a.raw", made.evt2(EVENTS), 4),
        ("a.raw", made.evt21(EVENTS), 8),
        ("a.raw", made.evt3(EVENTS, vectors=False), 2),
    ],
)
def test_a_file_cut_within_an_event(tmp_path, name, data, record):
    """All events before are given, and the error names the byte where the one that is cut begins."""
    given, told = read_until_damage(put(tmp_path, name, data[:-1]))
    lost = 32 if b"evt 2.1" in data else 1  # a word of which has up to 32 events
    assert given == EVENTS[: len(given)]
    assert len(EVENTS) - lost <= len(given) < len(EVENTS)
    at = int(re.search(r"at byte (\d+)", told)[1])
    if b"3.1" in data[:12]:
        assert "must not end within a packet" in told
        assert at == len(data) - 8 * len(EVENTS)
    else:
        assert "must not end within" in told
        assert at == len(data) - record


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.dat", b"% Version 2\n", r"must not end within the two bytes that tell the kind of records: at byte 12"),
        ("a.dat", b"% Version 2\n\x05\x08", r"must be one of 0 \(2D\), 12 \(CD\), 14 .*, got 5"),
        ("a.dat", b"% Version 2\n\x0c\x10", r"must have 8 bytes, and at byte 13 it says 16"),
        ("a.dat", b"% Version 9\n\x0c\x08", r"version of .* must be 1 or 2, got '9'"),
        ("a.dat", b"% Version 2\n% Width -3\n\x0c\x08", r"size of the sensor .* from 1 to 65536, got '-3'"),
        ("a.dat", b"% Version 2", r"must not end within its header: the line at byte 0"),
        ("a.raw", b"% date 1\n\x00\x00", r"must say % evt 2.0, 2.1 or 3.0, and it says none"),
        ("a.raw", b"% evt 4.0\n% end\n", r"must say % evt 2.0, 2.1 or 3.0, got '4.0'"),
        ("a.raw", b"% evt 3.0\n% format EVT3;endianness=big\n", r"must be little-endian"),
        ("a.raw", b"", r"and it says none"),
        ("a.es", b"Event Str", r"must be a file of events in a known format|must not end within its header"),
        ("a.es", b"Event Stream\x02\x00", r"must not end within its header: at byte 0 it has 14 of 16 bytes"),
        ("a.es", b"Event Stream\x02\x00\x00\x01\x40", r"it has 17 of 20 bytes"),
        ("a.es", made.es_header(1, (64, 48), (1, 0, 0)), r"at byte 12, must be 2.x.y, got 1.0.0"),
        ("a.es", made.es_header(3, (64, 48)), r"at byte 15, must be one of 0 \(generic\), .*, got 3"),
        ("a.es", made.es_header(1, (0, 48)), r"at byte 16, must have pixels, got 0 x 48"),
        ("a.aedat", b"#!AER-DAT3.1\r\n#Format: RAW\r\n", r"must end with #!END-HEADER, and it ends at byte 28"),
        ("a.aedat", b"#!AER-DAT3.1\r\n#Format: LZ4\r\n#!END-HEADER\r\n", r"must be RAW, got 'LZ4'"),
        ("a.aedat", b"#!AER-DAT1.0\r\n", r"version 2.0, 3.1 or 4.0, got '1.0' in .*; jAER or DV"),
        ("a.aedat", b"#!AER-DAT2.0\r\n# AEChip: ch.x.Cochlea\r\n", r"camera of .* must be one of dvs128, .*Cochlea"),
    ],
)
def test_a_damaged_header(tmp_path, name, data, told):
    with pytest.raises(StreamError, match=told) as caught:
        read_events(put(tmp_path, name, data))
    assert "\n" not in str(caught.value)


def test_words_of_a_reserved_kind(tmp_path):
    for head, words, code, bad in (
        (made.evt_header("2.0"), made.evt2_words(EVENTS), "I", 9 << 28),
        (made.evt_header("2.1"), made.evt21_words(EVENTS), "Q", 2 << 60),
        (made.evt_header("3.0"), made.evt3_words(EVENTS), "H", 13 << 12),
    ):
        changed = [*words[:6], bad, *words[6:]]
        data = head + b"".join(struct.pack(f"<{code}", word) for word in changed)
        given, told = read_until_damage(put(tmp_path, "a.raw", data))
        assert given == EVENTS[: len(given)]
        at = len(head) + 6 * struct.calcsize(code)
        assert re.search(rf"must have a kind that is in use, got (9|2|13) at byte {at};", told)
        assert given


def test_addresses_that_a_dvs128_does_not_have(tmp_path):
    data = made.aedat2(EVENTS, "DAVIS240C", size=(240, 180)).replace(b"DAVIS240C", b"DVS128")
    _, told = read_until_damage(put(tmp_path, "a.aedat", data))
    assert re.search(r"must have an address of a DVS128, .* at byte \d+", told)


def test_packets_that_cannot_be(tmp_path):
    head = made.aedat3([])
    one = made.polarity((1, 2, 3, 1))
    for packet, told in (
        (made.packet(20, [one], size=8), "must have a kind from 0 to 13, got 20"),
        (made.packet(1, [one], size=16), "must have records with bytes, got 1 of 16"),
        (made.packet(2, [], size=-5, number=3), "must have records with bytes, got 3 of -5"),
        (made.packet(2, [], size=8, number=-1), "must have records with bytes, got -1 of 8"),
        (made.packet(1, [one], size=8, capacity=7), "must have as many records as they have space for, got 1 of 7"),
        (made.packet(1, [one], size=8)[:20], "must not end within the header of a packet: at byte .* it has 20 of 28"),
        (made.packet(1, [one], size=8, number=2**31 - 1), "must not end within a packet"),
    ):
        good = made.packet(1, [one], size=8)
        given, error = read_until_damage(put(tmp_path, "a.aedat", head + good + packet))
        assert given[0] == (1, 2, 3, 1)
        assert re.search(told, error)
        assert str(len(head) + len(good)) in error or "within a packet" in error


def test_a_generic_record_that_never_ends(tmp_path):
    data = made.es_generic([(0, b"x"), (5, bytes(200))])
    for damaged, at in ((data[:-1], 19), (data + b"\x01" + b"\xff" * 40, len(data)), (data + b"\x07", len(data))):
        _, told = read_until_damage(put(tmp_path, "a.es", damaged))
        assert f"must not end within an event: at byte {at} " in told


def test_events_outside_the_sensor_are_left_out_and_counted(tmp_path):
    path = put(tmp_path, "a.dat", made.dat([(1, 63, 47, 1), (2, 64, 0, 0), (3, 0, 48, 1), (4, 0, 0, 0)]))
    recording = read_events(path)
    assert recording.events["t"].tolist() == [1, 4]
    assert recording.counts.outside == 2
    assert recording.notes == ("2 events outside the sensor, and left out",)
    assert read_events(path, sensor=(65, 49)).counts.outside == 0
    assert read_events(path, sensor=(1, 1)).events["t"].tolist() == [4]
    with pytest.raises(ConfigError, match="sensor must be two whole numbers"):
        read_events(path, sensor=(3,))
    with pytest.raises(ConfigError, match="width of sensor must be"):
        read_events(path, sensor=(0, 4))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.aedat", made.aedat2([(1, 3, 4, 1)], "DAVIS240C", size=(240, 180)) + struct.pack(">II", 240 << 12, 5)),
        ("a.aedat", made.aedat2([(1, 3, 4, 1)], "DAVIS240C", size=(240, 180)) + struct.pack(">II", 180 << 22, 5)),
        ("a.es", made.es_dvs([(1, 3, 4, 1)]) + struct.pack("<BHH", 2, 5, 48)),
        ("a.es", made.es_dvs([(1, 3, 4, 1)]) + struct.pack("<BHH", 2, 64, 5)),
    ],
)
def test_events_outside_a_sensor_whose_rows_count_from_below(tmp_path, name, data):
    recording = read_events(put(tmp_path, name, data))
    assert recording.counts.outside == 1
    assert recording.events.tolist() == [(1, 3, 4, 1)]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_order_and_repetition_are_counted_as_by_hand(tmp_path, most):
    rng = np.random.default_rng(0)
    events = [(int(t), int(x), 1, int(x) % 2) for t, x in rng.integers(0, 4, (80, 2))]
    file = open_events(put(tmp_path, "a.dat", made.dat(events)))
    kept = [tuple(event) for block in file.blocks(most) for event in block.tolist()]
    assert kept == events
    counts, pairs = file.counts, list(pairwise(events))
    assert counts.out_of_order == sum(event[0] < max(e[0] for e in events[:i]) for i, event in enumerate(events) if i)
    assert counts.same_time == sum(before[0] == after[0] for before, after in pairs)
    assert counts.repeated == sum(before == after for before, after in pairs)
    assert counts.out_of_order
    assert counts.repeated


def test_times_may_run_backwards_by_less_than_half_a_period(tmp_path):
    """What falls by half of the counter or more has wrapped; by less, it is out of order."""
    half = 1 << 23
    words = []
    for t in (half + 5000, 9000, half - 1):
        words += [8 << 12 | t >> 12, 6 << 12 | t & 4095, 1, 2 << 12 | 3]
    path = put(tmp_path, "a.raw", made.evt_header("3.0") + b"".join(struct.pack("<H", word) for word in words))
    recording = read_events(path)
    assert recording.events["t"].tolist() == [half + 5000, 9000, half - 1]
    assert recording.counts.out_of_order == 2


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.raw"):
        with pytest.raises(StreamError, match="must be a"):
            read_events(path)
    assert len(read_events(put(tmp_path, "a.bin", b""))) == 0


def test_aedat4_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "aedat", None)
    with pytest.raises(
        StreamError, match=r"package aedat, which is not installed: pip install 'neurosim-chip\[events\]'"
    ):
        read_events(put(tmp_path, "a.aedat4", b"#!AER-DAT4.0\r\n" + bytes(50)))


def test_aedat4_that_is_cut_gives_the_packets_before(tmp_path):
    faery = pytest.importorskip("faery")
    events = made.made_up(1, 20_000)
    array = np.array(events, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")]).astype(faery.EVENTS_DTYPE)
    faery.events_stream_from_array(array, (64, 48)).to_file(tmp_path / "whole.aedat4", compression=None)
    whole = (tmp_path / "whole.aedat4").read_bytes()
    given, told = read_until_damage(put(tmp_path, "a.aedat4", whole[: len(whole) * 2 // 3]))
    assert given == events[: len(given)]
    assert given
    assert "must be an AEDAT 4 file that can be read" in told
    _, told = read_until_damage(put(tmp_path, "b.aedat4", whole[:14] + bytes(500)))
    assert "\n" not in told


def test_memory_does_not_depend_on_the_length_of_a_file(tmp_path):
    """Reading 16 MB in blocks takes as much as reading 4 MB, and far less than either."""
    most = []
    for megabytes in (4, 16):
        record = struct.pack("<II", 5, 1 << 28 | 3)
        file = open_events(put(tmp_path, "a.dat", b"% Version 2\n\x0c\x08" + record * (megabytes << 17)))
        assert sum(map(len, file.blocks(1000))) == megabytes << 17
        tracemalloc.start()
        for _ in file.blocks(1000):
            pass
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(most) < 2 << 20
    assert most[1] < 1.2 * most[0]
