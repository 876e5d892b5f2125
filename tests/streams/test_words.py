"""Labels that are words: numbered alike whichever file they are in, and compared by name."""

import h5py
import numpy as np
import pytest
from commands import invoke, stream

import neurosim as ns
from neurosim.streams import ArrayStream

X = np.random.default_rng(0).random((30, 4)).round(3).astype(np.float32)
WORDS = np.array(list("xyz"))[np.random.default_rng(1).integers(0, 3, 30)]


@pytest.fixture
def files(tmp_path):
    np.savez(tmp_path / "w.npz", samples=X, labels=WORDS)
    for name, kind in (("bytes", "S1"), ("text", h5py.string_dtype())):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["samples"] = X
            file.create_dataset("labels", data=WORDS.astype("S1" if kind == "S1" else object), dtype=kind)
    rows = (",".join(map(repr, row)) for row in X.astype(float).tolist())
    (tmp_path / "w.csv").write_text("\n".join(f"{row},{word}" for row, word in zip(rows, WORDS, strict=True)))
    np.savez(tmp_path / "turned.npz", samples=X[::-1], labels=WORDS[::-1])
    return tmp_path


def test_a_chip_that_is_taught_learns_the_same_from_every_file(files):
    taught = ["--root", files, "--recipe", "supervised_softhebb", "--neurons", "3"]
    shown = [stream(name, *taught) for name in ("w.npz", "bytes.h5", "text.h5")]
    shown.append(stream("w.csv", *taught, "--label", "-1"))
    assert len({summary["state_sha256"] for summary in shown}) == 1
    first_seen = list(dict.fromkeys(WORDS.tolist()))
    assert all(summary["classes"] == first_seen for summary in shown)


@pytest.mark.parametrize("order", [[], ["--shuffle", "3", "--epochs", "2"]])
def test_streams_that_number_words_differently_are_compared_by_name(files, order):
    options = ["--root", files, "--neurons", "5", *order]
    same, turned = (stream("w.npz", *options, "--test", name) for name in ("w.npz", "turned.npz"))
    assert same["readout_accuracy"] == turned["readout_accuracy"]
    assert same["winner_accuracy"] == turned["winner_accuracy"]


def test_a_state_keeps_the_words_and_predictions_have_them(files):
    state, out = files / "chip.h5", files / "out.csv"
    stream("w.npz", "--root", files, "--neurons", "5", "--state", state, "--keep-readout")
    invoke("predict", state, "turned.npz", "--root", files, "--out", out)
    rows = [line.split(",") for line in out.read_text().splitlines()[1:]]
    assert [row[2] for row in rows] == WORDS[::-1].tolist()
    assert {row[1] for row in rows} <= set("xyz")
    invoke("judge", state, "--root", files, "--train", "w.npz", "--test", "turned.npz")


def test_words_go_on_after_those_that_are_known_and_some_are_missing():
    words = ArrayStream(X[:5], ["b", "", "a", "b", "c"])
    assert words.classes == ("b", "a", "c")
    assert words.take(np.arange(5)).labels.tolist() == [0, -1, 1, 0, 2]
    words.name_classes(["a", "q"])
    assert words.classes == ("a", "q", "b", "c")
    assert words.take(np.arange(5)).labels.tolist() == [2, -1, 0, 2, 3]
    with pytest.raises(ns.SampleError, match="label 1 of array must be a number or a word"):
        ArrayStream(X[:2], [b"a", b"\xff"])
