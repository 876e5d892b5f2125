"""Every format gives back the events that were written into it, bit by bit, from its published description."""

import re
from pathlib import Path

import event_files as made
import numpy as np
import pytest

from neurosim.errors import ConfigError, StreamError
from neurosim.streams.events import EVENT, aedat3, open_events, opened, read_events
from neurosim.streams.events.formats import FORMATS

WRITERS = {  # the file's name, what writes it, and the format that it is recognised as
    "nmnist": ("a.bin", made.nmnist, "nmnist"),
    "dat": ("a.dat", made.dat, "dat"),
    "dat, 2D, without a version": ("a.dat", lambda e: made.dat(e, version=None, kind=0), "dat"),
    "dat, version 1": ("a.dat", lambda e: made.dat(e, version=1), "dat"),
    "evt2": ("a.raw", lambda e: made.evt2(e, "geometry 64x48"), "evt2"),
    "evt2.1": ("a.raw", lambda e: made.evt21(e, "format EVT21;height=48;width=64"), "evt2.1"),
    "evt2.1, upper half first": ("a.raw", lambda e: made.evt21(e, upper_first=True), "evt2.1"),
    "evt3": ("a.raw", lambda e: made.evt3(e, "geometry 64x48", "end"), "evt3"),
    "evt3, singly": ("a.raw", lambda e: made.evt3(e, vectors=False), "evt3"),
    "aedat2, DVS128": ("a.aedat", made.aedat2, "aedat2"),
    "aedat2, no camera": ("a.aedat", lambda e: made.aedat2(e, None, last=False), "aedat2"),
    "aedat2, DAVIS": ("a.aedat", lambda e: made.aedat2(e, "Davis346blue", size=(346, 260)), "aedat2"),
    "aedat3": ("a.aedat", made.aedat3, "aedat3"),
    "es, DVS": ("a.es", made.es_dvs, "es"),
    "es, ATIS": ("a.es", made.es_atis, "es"),
}
every = pytest.mark.parametrize("which", WRITERS)


def written(tmp_path, which, events):
    name, write, _ = WRITERS[which]
    path = tmp_path / name
    path.write_bytes(write(events))
    return path


def as_tuples(events):
    return list(zip(*(events[name].tolist() for name in ("t", "x", "y", "p")), strict=True))


@every
@pytest.mark.parametrize("seed", range(3))
def test_what_was_written_is_read(tmp_path, which, seed):
    events = made.made_up(seed, 600)
    path = written(tmp_path, which, events)
    recording = read_events(path)
    assert recording.format == WRITERS[which][2]
    assert recording.events.dtype == EVENT
    assert as_tuples(recording.events) == events
    assert recording.counts.events == len(recording) == 600
    assert recording.counts.out_of_order == recording.counts.outside == 0


@every
def test_blocks_are_the_whole_in_parts(tmp_path, which):
    events = made.made_up(9, 40_000)
    file = open_events(written(tmp_path, which, events))
    for most in (1000, 40_000):
        blocks = list(file.blocks(most))
        assert all(0 < len(block) <= most for block in blocks)
        assert as_tuples(np.concatenate(blocks)) == events
        assert file.counts.events == len(events)


@every
def test_a_long_pause_and_the_wraps_of_counters(tmp_path, which):
    """Times go on where a format's counter begins again; EVT 3.0 repeats its upper half in every period, as sensors."""
    period = {"evt3": 1 << 24, "aedat3": 1 << 31}.get(WRITERS[which][2], 1 << 24)
    events = [(i * period // 3, i % 30, i % 20, i % 2) for i in range(9)]
    assert as_tuples(read_events(written(tmp_path, which, events)).events) == events


@pytest.mark.parametrize(("which", "period"), [("dat", 32), ("aedat2, DVS128", 32), ("evt2", 34), ("evt2.1", 34)])
def test_counters_of_many_bits_wrap(tmp_path, which, period):
    events = [(i * (1 << period) // 4, i, 2 * i, i % 2) for i in range(12)]
    assert as_tuples(read_events(written(tmp_path, which, events)).events) == events


def test_a_time_before_a_wrap_is_out_of_order_and_no_second_wrap(tmp_path):
    wrap = 1 << 32
    events = [(wrap - 5, 1, 1, 0), (wrap + 2, 2, 1, 0), (wrap - 3, 3, 1, 0), (wrap + 4, 4, 1, 0)]
    recording = read_events(written(tmp_path, "dat", events))
    assert as_tuples(recording.events) == events
    assert recording.counts.out_of_order == 1


def test_sizes_of_sensors_are_read(tmp_path):
    sizes = {which: read_events(written(tmp_path, which, [(1, 2, 3, 1)])) for which in WRITERS}
    found = {which: (recording.width, recording.height) for which, recording in sizes.items()}
    unknown = {"nmnist", "evt2.1, upper half first", "evt3, singly"}
    others = {"aedat2, DAVIS": (346, 260)} | dict.fromkeys(
        ("aedat2, DVS128", "aedat2, no camera", "aedat3"), (128, 128)
    )
    assert found == {w: (None, None) if w in unknown else others.get(w, (64, 48)) for w in WRITERS}


@every
@pytest.mark.parametrize("piece", [8, 41, 1000])
def test_pieces_end_anywhere(tmp_path, monkeypatch, which, piece):
    """A file is read in pieces, between which words and bytes keep their state: their length changes nothing."""
    events = made.made_up(4, 200)
    path = written(tmp_path, which, events)
    for module in (opened, aedat3):
        monkeypatch.setattr(module, "PIECE", piece)
    assert as_tuples(read_events(path).events) == events


def test_colour_events_have_pixels_and_no_polarity(tmp_path):
    events = made.made_up(5, 300)
    path = tmp_path / "a.es"
    path.write_bytes(made.es_colour(events))
    recording = read_events(path)
    assert as_tuples(recording.events) == [(t, x, y, 1) for t, x, y, _ in events]
    assert "no polarity" in recording.notes[0]


def test_what_is_no_event_of_a_pixel_is_passed_over_and_counted(tmp_path):
    events = made.made_up(6, 100)
    crossings = set(range(0, 100, 3))
    atis, generic, packets = tmp_path / "a.es", tmp_path / "b.es", tmp_path / "c.aedat"
    atis.write_bytes(made.es_atis(events, crossings=crossings))
    recording = read_events(atis)
    assert as_tuples(recording.events) == [event for i, event in enumerate(events) if i not in crossings]
    assert recording.counts.passed_over == {"threshold crossings": 34}
    generic.write_bytes(made.es_generic([(i * 1000, bytes(i * 7)) for i in range(50)]))
    assert read_events(generic).counts.passed_over == {"generic records": 50}
    frame, special = made.packet(2, [bytes(100)], size=100), made.packet(0, [bytes(8)] * 3, size=8)
    other = made.packet(1, [made.polarity((1, 2, 3, 1))], size=8, source=2)
    invalid = made.packet(1, [made.polarity((1, 2, 3, 1), valid=0)], size=8)
    packets.write_bytes(made.aedat3(events, of=50, others=(frame, special, other, invalid)))
    recording = read_events(packets)
    assert as_tuples(recording.events) == events
    passed = {"frames": 2, "special events": 6, "events of other cameras": 2, "invalid events": 2}
    assert recording.counts.passed_over == passed
    assert "2 frames passed over" in recording.notes


def test_triggers_of_raw_words_and_addresses_are_passed_over(tmp_path):
    events, path = made.made_up(7, 20), tmp_path / "a.raw"
    words = made.evt2_words(events)
    words[3:3] = [10 << 28 | 1, 14 << 28, 15 << 28]
    path.write_bytes(made.evt_header("2.0") + b"".join(word.to_bytes(4, "little") for word in words))
    recording = read_events(path)
    assert as_tuples(recording.events) == events
    assert recording.counts.passed_over == {"external triggers": 1, "words of other kinds": 2}
    words = made.evt3_words(events)
    words[5:5] = [10 << 12, 14 << 12, 7 << 12, 15 << 12]
    path.write_bytes(made.evt_header("3.0") + b"".join(word.to_bytes(2, "little") for word in words))
    recording = read_events(path)
    assert as_tuples(recording.events) == events
    assert recording.counts.passed_over == {"external triggers": 1, "words of other kinds": 1}
    path = tmp_path / "a.aedat"
    davis = made.aedat2(events, "DAVIS240C", size=(240, 180))
    path.write_bytes(davis + bytes.fromhex("80000000 00000001 00000400 00000002"))
    recording = read_events(path)
    assert as_tuples(recording.events) == events
    assert recording.counts.passed_over == {"samples of frames and of inertia": 1, "external triggers": 1}


def test_events_before_the_first_time_are_passed_over(tmp_path):
    events, path = made.made_up(8, 30), tmp_path / "a.raw"
    words = [1 << 28 | 5 << 11, *made.evt2_words(events)]
    path.write_bytes(made.evt_header("2.0") + b"".join(word.to_bytes(4, "little") for word in words))
    recording = read_events(path)
    assert as_tuples(recording.events) == events
    assert recording.counts.passed_over == {"events before the first time and row": 1}
    early = [2 << 12 | 5, 4 << 12 | 0b101, 8 << 12, 6 << 12, 2 << 12 | 7]
    words = [*early, *made.evt3_words(events)]
    path.write_bytes(made.evt_header("3.0") + b"".join(word.to_bytes(2, "little") for word in words))
    recording = read_events(path)
    assert as_tuples(recording.events) == events
    assert recording.counts.passed_over == {"events before the first time and row": 4}


def test_a_header_may_end_before_bytes_that_look_like_its_lines(tmp_path):
    """The row of a DAVIS may begin an address with the byte of #; no line of a header has a zero byte."""
    events, path = [(7, 40, 259 - 0x8D, 1), *made.made_up(3, 30)], tmp_path / "a.aedat"
    data = made.aedat2(events, "Davis346blue", size=(346, 260), last=False)
    assert data[data.rindex(b"\r\n", 0, 80) + 2] == ord("#")
    path.write_bytes(data)
    assert as_tuples(read_events(path).events) == events


def test_a_format_can_be_given(tmp_path):
    events, path = made.made_up(2, 40), tmp_path / "events.dump"
    path.write_bytes(made.nmnist(events))
    with pytest.raises(StreamError, match=r"events\.dump must be a file of events in a known format: nmnist"):
        read_events(path)
    assert as_tuples(read_events(path, format="nmnist").events) == events
    with pytest.raises(ConfigError, match="format must be one of nmnist, dat"):
        read_events(path, format="n-mnist")


def test_every_format_has_a_writer_here_but_those_of_packages():
    assert {row[2] for row in WRITERS.values()} == set(FORMATS) - {"aedat4", "hdf5"}


def test_the_page_of_events_has_every_format_and_ending():
    page = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|", page, re.MULTILINE))
    found = {name: set(re.findall(r"`(\.\w+)`", rows[name])) for name in FORMATS}
    assert found == {name: set(row.endings) for name, row in FORMATS.items()}
