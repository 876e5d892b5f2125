"""Binary frames: float32 and bytes, from files and pipes, with labels or without; what is cut is refused."""

import io
import json
import os
import sys

import numpy as np
import pytest
from commands import invoke

import neurosim as ns
from neurosim.streams.frames import FrameStream

SAMPLES = np.array([[0, 1, 255], [4, 5, 6]])
NUMBERS = {"f32": ("<f4", SAMPLES), "u8": ("u1", SAMPLES / np.float32(255))}


def opened(data, **options):
    return FrameStream("x", io.BytesIO(data), **({"inputs": 3} | options))


def both(tmp_path, data, form, **options):
    """Return the same frames as a pipe and as a file."""
    (tmp_path / f"a.{form}").write_bytes(data)
    return opened(data, format=form, **options), ns.open_stream(f"a.{form}", root=tmp_path, **({"inputs": 3} | options))


@pytest.mark.parametrize("form", NUMBERS)
@pytest.mark.parametrize("label", [None, "0", "-1", "3"])
def test_frames_are_samples(tmp_path, form, label):
    dtype, wanted = NUMBERS[form]
    frames = SAMPLES if label is None else np.insert(SAMPLES, int(label) % 4, [7, 9], axis=1)
    for stream in both(tmp_path, frames.astype(dtype).tobytes(), form, label=label):
        for size in (1, 2, 5):
            blocks = list(stream.blocks(size=size)) if stream.replayable else list(stream.blocks())
            samples = np.concatenate([block.samples for block in blocks])
            assert samples.dtype == np.float32
            assert all(block.samples.flags.c_contiguous and block.samples.flags.writeable for block in blocks)
            assert samples.tobytes() == wanted.astype(np.float32).tobytes()
            if label is None:
                assert blocks[0].labels is None
            else:
                assert [number for block in blocks for number in block.labels.tolist()] == [7, 9]
            if not stream.replayable:
                break
        assert stream.labelled == (label is not None)


def test_bytes_are_those_of_an_idx_file(tmp_path):
    data = bytes(range(256))
    header = bytes([0, 0, 8, 2, 0, 0, 0, 64, 0, 0, 0, 4])
    (tmp_path / "a.idx").write_bytes(header + data)
    (idx,) = ns.open_stream("a.idx", root=tmp_path).blocks()
    for stream in both(tmp_path, data, "u8", inputs=4):
        assert np.concatenate([block.samples for block in stream.blocks()]).tobytes() == idx.samples.tobytes()


def test_labels_of_float32_may_be_missing(tmp_path):
    frames = np.array([[1, 2, 3, 5], [1, 2, 3, -1], [1, 2, 3, np.nan]], "<f4").tobytes()
    for stream in both(tmp_path, frames, "f32", label="-1"):
        assert [number for block in stream.blocks() for number in block.labels.tolist()] == [5, -1, -1]


@pytest.mark.parametrize("label", [2.5, -2, 2.0**31, np.inf])
def test_a_label_that_is_none_is_refused_after_the_samples_before(tmp_path, label):
    frames = np.array([[1, 2, 3, 5], [1, 2, 3, 6], [1, 2, 3, label], [1, 2, 3, 7]], "<f4").tobytes()
    blocks = opened(frames, format="f32", label="-1").blocks()
    assert [next(blocks).labels.tolist() for _ in range(2)] == [[5], [6]]
    with pytest.raises(ns.SampleError, match="label 0 of frame 2 of x must be a whole number from 0"):
        next(blocks)
    (tmp_path / "a.f32").write_bytes(frames)
    with pytest.raises(ns.SampleError, match=r"label 2 of a\.f32 must be a whole number"):
        ns.open_stream("a.f32", root=tmp_path, inputs=3, label="-1")


@pytest.mark.parametrize("rest", range(1, 12))
def test_a_frame_that_is_cut_is_refused_after_those_before(tmp_path, rest):
    data = SAMPLES.astype("<f4").tobytes() + b"\1" * rest
    for way in ("blocks", "arriving"):
        blocks = getattr(opened(data, format="f32"), way)()
        assert next(blocks).samples.tolist() == SAMPLES.tolist()
        missing = f"x must end with a whole frame of 12 bytes, but frame 2, counted from 0, lacks {12 - rest} of them"
        with pytest.raises(ns.StreamError, match=missing):
            next(blocks)
    (tmp_path / "a.bin").write_bytes(data)
    rule = f"must be whole frames of 12 bytes, got 2 and {rest} bytes: {12 - rest} bytes are missing at its end"
    with pytest.raises(ns.StreamError, match=rule):
        ns.open_stream("a.bin", root=tmp_path, inputs=3, format="f32")


def test_a_file_of_frames_is_read_in_any_order(tmp_path):
    (tmp_path / "a.u8").write_bytes(bytes(range(200)))
    stream = ns.open_stream("a.u8", root=tmp_path, inputs=2, shuffle=1, epochs=2)
    assert stream.length == 200
    (block,) = stream.blocks(100, 100)
    assert sorted((block.samples[:, 0] * 255).round().tolist()) == list(range(0, 200, 2))


@pytest.mark.parametrize(("options", "words"), [
    ({"format": "f64"}, "format must be one of f32, u8, got 'f64'"),
    ({"format": ["f32"]}, "format must be one of f32, u8"),
    ({"format": "f32", "label": "1"}, "label must be 0 before the inputs of a frame, or -1 after them, got '1'"),
    ({"format": "f32", "label": "kind"}, "label must be 0 before the inputs of a frame"),
])  # fmt: skip
def test_what_is_no_frame_is_refused(options, words):
    with pytest.raises(ns.ConfigError) as caught:
        opened(b"", **options)
    assert words in str(caught.value)


def test_sources_that_have_no_frames_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    rule = "format must be left out for all sources but files, - and live ones, got 'f32'"
    with pytest.raises(ns.ConfigError, match=rule):
        ns.open_stream("digits", format="f32", inputs=64)
    with pytest.raises(ns.StreamError, match="- has frames: the width of its samples must be given with inputs"):
        ns.open_stream("-", format="f32")
    with pytest.raises(ns.StreamError, match="must be a file: there is none"):
        ns.open_stream("a.f32", root=tmp_path, inputs=2)
    (tmp_path / "empty.u8").touch()
    with pytest.raises(ns.StreamError, match="must be whole frames of 2 bytes, got 0 and 0 bytes: there is none"):
        ns.open_stream("empty.u8", root=tmp_path, inputs=2)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ns.StreamError, match="must be a regular file, got a pipe; only - is a pipe"):
        ns.open_stream("fifo", root=tmp_path, inputs=2, format="u8")


def test_frames_lines_and_files_are_learned_to_the_same_bits(tmp_path):
    rng = np.random.default_rng(0)
    samples, labels = rng.random((300, 4), np.float32), rng.integers(0, 3, (300, 1))
    table = np.hstack([samples, labels]).astype("<f4")
    np.savetxt(tmp_path / "a.csv", table, "%.9g", ",")
    (tmp_path / "a.f32").write_bytes(table.tobytes())
    command = ["--inputs", "4", "--label", "-1", "--neurons", "3", "--json", "--root", tmp_path]
    found = [
        invoke("stream", "a.csv", *command), invoke("stream", "a.f32", *command),
        invoke("stream", "-", "--format", "f32", *command, stdin=table.tobytes()),
        invoke("stream", "-", *command, stdin=(tmp_path / "a.csv").read_bytes()),
    ]  # fmt: skip
    assert len({json.loads(result.stdout)["state_sha256"] for result in found}) == 1


def test_a_pipe_of_frames_goes_on_from_a_state(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (60, 4), np.uint8).tobytes()
    command = ["stream", "-", "--format", "u8", "--inputs", "4", "--neurons", "3", "--state"]
    invoke(*command, tmp_path / "whole.h5", stdin=frames)
    invoke(*command, tmp_path / "live.h5", stdin=frames[:80])
    live = json.loads(invoke(*command, tmp_path / "live.h5", "--json", stdin=frames[80:]).stdout)
    invoke(*command, tmp_path / "again.h5", stdin=frames[:80])
    again = json.loads(invoke(*command, tmp_path / "again.h5", "--replay", "--json", stdin=frames).stdout)
    whole = json.loads(invoke("inspect", tmp_path / "whole.h5", "--json").stdout)
    assert live["state_sha256"] == again["state_sha256"] == whole["state_sha256"]
    assert again["stream_position"] == 60
    other = [word if word != "u8" else "f32" for word in command]
    assert "format" in invoke(*other, tmp_path / "live.h5", code=2, stdin=frames).stderr


def test_a_cut_frame_ends_a_run_with_what_was_learned_before(tmp_path):
    command = ["stream", "-", "--format", "u8", "--inputs", "4", "--neurons", "3", "--state", tmp_path / "a.h5"]
    refused = invoke(*command, code=2, stdin=bytes(range(42))).stderr
    assert "frame 10, counted from 0, lacks 2 of them" in refused
    assert json.loads(invoke("inspect", tmp_path / "a.h5", "--json").stdout)["stream_position"] == 10


def test_predict_takes_frames_of_the_width_of_the_chip(tmp_path):
    np.savetxt(tmp_path / "a.csv", [[1, 0, 0], [0, 1, 1]] * 9, "%d", ",")
    lines = [tmp_path / "a.csv", "--label", "-1"]
    invoke("stream", *lines, "--neurons", "2", "--state", tmp_path / "a.h5", "--keep-readout")
    outs = []
    for number, (source, stdin) in enumerate(
        [(["-", "--format", "u8"], bytes([255, 0, 0, 255])), (["-"], b"1,0\n0,1\n")]
    ):
        out = tmp_path / f"{number}.csv"
        invoke("predict", tmp_path / "a.h5", *source, "--out", out, stdin=stdin)
        outs.append(out.read_text())
    assert outs[0] == outs[1]
