"""How stored numbers become inputs is one rule a format, said by every stream, by the report and by `inspect`."""

import io
import json

import h5py
import numpy as np
import pytest
from commands import invoke
from idx_files import idx_bytes

import neurosim as ns
from neurosim.streams import ArrayStream

BYTES = np.random.default_rng(0).integers(0, 256, (6, 4), np.uint8)
FILES = {
    "a.npy": ("uint8 as stored", 1), "a.npz": ("uint8 as stored", 1), "a.h5": ("uint8 as stored", 1),
    "a-ubyte": ("uint8 / 255", 255), "a.u8": ("uint8 / 255", 255), "a.f32": ("float32 as stored", 1),
    "a.csv": ("as written", 1),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "a.npy", BYTES)
    np.savez(tmp_path / "a.npz", samples=BYTES)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["samples"] = BYTES
    (tmp_path / "a-ubyte").write_bytes(idx_bytes(BYTES))
    (tmp_path / "a.u8").write_bytes(BYTES.tobytes())
    (tmp_path / "a.f32").write_bytes(BYTES.astype("<f4").tobytes())
    np.savetxt(tmp_path / "a.csv", BYTES, "%d", ",")
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_a_stream_says_how_its_numbers_come(folder, name):
    words, divisor = FILES[name]
    stream = ns.open_stream(name, root=folder, inputs=4)
    assert stream.numbers == words == stream.identity()["numbers"]
    samples = np.concatenate([block.samples for block in stream.blocks()])
    np.testing.assert_array_equal(samples, BYTES.astype(np.float32) / np.float32(divisor))


def test_it_is_kept_by_what_reads_another_stream():
    stream = ns.transform(ns.open_stream("digits", epochs=2, shuffle=0), [ns.RandomFlip()])
    assert stream.numbers == stream.identity()["numbers"] == "float64 / 16"
    assert ArrayStream(BYTES, divisor=255).numbers == "uint8 / 255"


def test_a_pipe_of_frames_says_it_too(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BYTES.tobytes())))
    assert ns.open_stream("-", inputs=4, format="u8").numbers == "uint8 / 255"


def test_the_report_and_inspect_show_it(folder):
    learned = invoke("stream", "a.npy", "--root", folder, "--neurons", 3, "--state", folder / "chip.h5")
    assert "   numbers  uint8 as stored" in learned.stdout
    assert learned.stderr == ""
    assert "   numbers  uint8 as stored" in invoke("inspect", folder / "chip.h5").stdout
    shown = json.loads(invoke("stream", "a-ubyte", "--root", folder, "--neurons", 3, "--json").stdout)
    assert shown["numbers"] == "uint8 / 255"
    assert shown["notes"] == []


def test_a_state_that_does_not_say_it_goes_on(folder):
    stream = ns.open_stream("a.npy", root=folder)
    identity = {name: value for name, value in stream.identity().items() if name != "numbers"}
    chip = ns.Chip([ns.recipes.softhebb(3)], inputs=4).learn(stream)
    chip.save(folder / "chip.h5", position=6, stream=identity)
    again = invoke("stream", "a.npy", "--root", folder, "--neurons", 3, "--state", folder / "chip.h5", "--epochs", 2)
    assert again.exit_code == 0, again.stderr
