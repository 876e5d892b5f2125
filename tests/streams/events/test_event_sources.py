"""Sources of events by their names: with `encode`, in Python and on the command line."""

import json
import os

import h5py
import numpy as np
import pytest
from commands import invoke

import neurosim as ns
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.events import EventStream, open_events
from neurosim.streams.events.encoder_text import encoder_of
from neurosim.streams.events.formats import ENDINGS
from neurosim.streams.sources import EVENT_FILE


def write_records(path, events=80, seed=0):
    """Write N-MNIST's records."""
    rng, t, data = np.random.default_rng(seed), 0, b""
    for _ in range(events):
        t += int(rng.integers(1, 3000))
        x, y, p = (int(rng.integers(0, high)) for high in (34, 34, 2))
        data += bytes([x, y, (p << 7) | (t >> 16), (t >> 8) & 255, t & 255])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("text", "encoder"),
    [
        ("local", ns.LocalSurface()),
        ("local:radius=4,tau=160ms,norm=no,least=8", ns.LocalSurface(radius=4, tau_us=160_000, norm=False, least=8)),
        ("local: tau = 0.5ms", ns.LocalSurface(tau_us=500)),
        ("surface:tau=50ms,every=10ms", ns.TimeSurface(tau_us=50_000, every_us=10_000)),
        ("surface:tau=1e3us,every=500", ns.TimeSurface(tau_us=1000, every_events=500)),
        ("counts:every=1s,cell=4", ns.EventCounts(every_us=1_000_000, cell=4)),
        ("frames:every=2000,full=3", ns.EventFrames(every_events=2000, full=3)),
    ],
)
def test_an_encoder_is_what_its_words_say(text, encoder):
    assert encoder_of(text) == encoder
    assert encoder_of(encoder) is encoder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("voxels", "encode must be local"),
        ("local:radius", "with radius, tau, norm, least once each"),
        ("local:radius=2,radius=3", "once each"),
        ("local:every=3", "once each"),
        ("local:tau=20", "encode must be local"),
        ("local:tau=1.2.3ms", "encode must be local"),
        ("local:norm=1", "encode must be local"),
        ("local:radius=2.5", "encode must be local"),
        ("surface:every=10ms", "with tau"),
        ("counts", "encode must be counts: with every, as local"),
        ("frames:full=2", "encode must be frames: with every"),
        ("local:tau=0ms", "tau in encode must be positive, in microseconds, got 0"),
        ("counts:every=0", "every in encode must be"),
        ("local:radius=99999", "radius in encode must be"),
        ("counts:every=0.5us", "every in encode must be whole microseconds"),
        (None, "encode must be given for a source of events"),
        (3, "encode must be local"),
    ],
)
def test_words_that_say_no_encoder_are_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        encoder_of(text)


def test_the_row_of_event_files_has_the_endings_of_all_formats():
    assert EVENT_FILE.endings == ENDINGS


def test_a_file_is_opened_by_its_name(tmp_path):
    path = write_records(tmp_path / "one.bin")
    stream = ns.open_stream("one.bin", root=tmp_path, encode="local:tau=9ms", sensor=(34, 34))
    own = EventStream(open_events(path, sensor=(34, 34)), ns.LocalSurface(tau_us=9000))
    assert stream.identity() == own.identity()
    assert stream.shape == (2, 5, 5)
    np.testing.assert_array_equal(next(stream.blocks()).samples, next(own.blocks()).samples)


def test_hdf5_is_read_as_events_where_an_encoder_is_given(tmp_path):
    with h5py.File(tmp_path / "events.h5", "w") as file:
        for name, values in (("t", [1, 2, 3]), ("x", [0, 1, 1]), ("y", [0, 0, 1]), ("p", [0, 1, 1])):
            file[f"events/{name}"] = values
    stream = ns.open_stream("events.h5", root=tmp_path, encode="counts:every=3", sensor=(2, 2))
    assert next(stream.blocks()).samples.tolist() == [[1, 0, 0, 0, 0, 1, 0, 1]]


def test_a_folder_of_classes_takes_turns(tmp_path):
    for number, name in enumerate(("b/1.bin", "a/2.bin", "a/1.bin", "a/9.txt")):
        write_records(tmp_path / "set" / name, 3 + number, number)
    stream = ns.open_stream("events:set", root=tmp_path, encode="local", sensor=(34, 34))
    labels = np.concatenate([block.labels for block in stream.blocks()])
    assert labels.tolist() == [0] * 5 + [1] * 3 + [0] * 4  # a/1, b/1, a/2
    assert stream.classes == ("a", "b")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StreamError, match="must have a folder for each class"):
        ns.open_stream("events:empty", root=tmp_path, encode="local")
    with pytest.raises(StreamError, match="there is none"):
        ns.open_stream("events:nowhere", root=tmp_path, encode="local")


def test_the_command_line_takes_events_and_goes_on(tmp_path):
    path, state = str(write_records(tmp_path / "one.bin")), str(tmp_path / "chip.h5")
    words = ("stream", path, "--encode", "local:tau=9ms", "--sensor", "34,34", "--neurons", "4", "--json")
    whole = json.loads(invoke(*words, "--epochs", "2").stdout)
    first = json.loads(invoke(*words, "--state", state).stdout)
    assert first["samples"] == 80
    again = json.loads(invoke(*words, "--epochs", "2", "--state", state).stdout)
    assert again["state_sha256"] == whole["state_sha256"]
    other = ("stream", path, "--encode", "local:tau=8ms", "--sensor", "34,34", "--neurons", "4", "--state", state)
    assert "LocalSurface" in invoke(*other, "--epochs", "3", code=2).stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stream", "digits", "--encode", "local"), "encode must be left out for all sources but events as"),
        (("stream", "digits", "--sensor", "3,4"), "sensor must be left out for all sources but"),
        (("stream", "{path}"), "encode must be given for a source of events"),
        (("stream", "{path}", "--encode", "local"), "sensor must be given where the source does not say it"),
        (("stream", "{path}", "--encode", "local", "--sensor", "34"), "must be W,H"),
        (("stream", "{path}", "--encode", "local", "--sensor", "a,b"), "must be whole numbers"),
        (("stream", "{path}", "--encode", "local", "--sensor", "0,4"), "width of sensor"),
        (
            ("stream", "{path}", "--encode", "local", "--sensor", "34,34", "--shuffle", "1"),
            "lines and events come in order",
        ),
        (
            ("stream", "{path}", "--encode", "frames:every=5000", "--sensor", "34,34"),
            "must hold at least one sample, got none; 80 events too few for a sample of EventFrames(every_events=5000",
        ),
    ],
)
def test_what_the_command_line_refuses(tmp_path, words, message):
    path = str(write_records(tmp_path / "one.bin"))
    assert message in invoke(*(word.format(path=path) for word in words), code=2).stderr


def test_damage_ends_the_stream_after_the_events_before_it(tmp_path):
    path = write_records(tmp_path / "one.bin")
    path.write_bytes(path.read_bytes()[:-2])
    stream, samples = ns.open_stream(str(path), encode="local", sensor=(34, 34)), []
    with pytest.raises(StreamError, match="byte 395"):
        samples.extend(len(block.samples) for block in stream.blocks(size=7))
    assert sum(samples) == 79


def test_what_was_left_out_of_files_is_told(tmp_path):
    """The summary says of a folder's files together how many events were outside, and an empty stream says why."""
    for name, events in (("one", 50), ("two", 70)):
        write_records(tmp_path / "all" / name / "a.bin", events)
    outside = sum(
        int(((events["x"] >= 20) | (events["y"] >= 20)).sum())
        for events in (ns.read_events(path).events for path in sorted(tmp_path.rglob("a.bin")))
    )
    assert 0 < outside < 120
    words = ("stream", f"events:{tmp_path / 'all'}", "--encode", "local", "--sensor", "20,20", "--neurons", 4, "--json")
    summary = json.loads(invoke(*words).stdout)
    assert summary["notes"] == [f"{outside} events outside the sensor, and left out"]
    assert summary["samples"] == 120 - outside
    assert json.loads(invoke(*words, "--epochs", 2).stdout)["notes"] == summary["notes"]

    stream = ns.open_stream(f"events:{tmp_path / 'all'}", encode="local", sensor=(20, 20))
    for _ in range(2):  # counts are of one reading
        assert sum(len(block.samples) for block in stream.blocks()) == 120 - outside
        assert (stream.outside, stream.bad) == (outside, 0)

    path = tmp_path / "beyond.bin"
    path.write_bytes(bytes([30, 30, 0, 0, 1]) * 3)
    stream = ns.open_stream(str(path), encode="local", sensor=(20, 20))
    with pytest.raises(ns.SampleError, match="got none; 3 events outside the sensor, and left out"):
        ns.run(ns.Chip([ns.recipes.softhebb(4)], inputs=stream.shape), stream)


def test_events_that_are_taken_at_another_time_are_told():
    events = np.zeros(3, ns.streams.events.EVENT)
    events["t"] = 5_000_000, 4_999_000, 10
    stream = EventStream(events, ns.LocalSurface(), sensor=(4, 4))
    assert sum(len(block.samples) for block in stream.blocks()) == 3
    assert stream.notes == (
        "1 events earlier than one before, and taken at its time", "1 events that began the clock anew",
    )  # fmt: skip


def test_the_format_of_a_file_without_a_known_ending_is_said_by_an_option(tmp_path):
    path = write_records(tmp_path / "one.bin")
    words = ("--encode", "local", "--sensor", "34,34", "--neurons", 4, "--json")
    wanted = json.loads(invoke("stream", path, *words).stdout)
    for name in ("noext", "wrong.raw", "wrong.csv", "wrong.h5"):
        other = path.rename(path.with_name(name))
        got = json.loads(invoke("stream", other, *words, "--format", "nmnist").stdout)
        assert got["state_sha256"] == wanted["state_sha256"]
        message = invoke("stream", other, *words, "--format", "nmnst", code=2).stderr
        assert "format must be one of nmnist, dat" in message
        path = other
    unknown = path.rename(tmp_path / "noext")
    message = invoke("stream", unknown, *words, code=2).stderr
    assert "noext must end as a file of events does (.aedat, " in message
    assert "--format, one of nmnist, dat, evt2" in message
    assert "encode must be given for a source" in invoke("stream", unknown, "--format", "nmnist", code=2).stderr
    frames = unknown.rename(tmp_path / "frames.bin")
    assert ns.open_stream(frames, format="u8", inputs=100).length == 4  # as every file


def test_events_through_a_pipe_are_refused_with_what_can_be_done(tmp_path):
    os.mkfifo(tmp_path / "pipe.raw")
    for source in (tmp_path / "pipe.raw", "-"):
        message = invoke("stream", source, "--encode", "local", code=2).stderr
        assert "events are not read from a pipe: write them to a file, or send them to udp-events:" in message
        assert "neurosim stream -" not in message
