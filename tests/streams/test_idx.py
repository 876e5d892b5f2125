"""IDX files: headers that lie, bombs, pipes; labels found by whatever name they have, or named as missing."""

import gzip
import json
import os
import struct

import numpy as np
import pytest
from commands import invoke
from idx_files import idx_bytes
from limited import opened

import neurosim as ns
from neurosim.streams import idx

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 3, 2), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)
HUGE = 2**32 - 1


def head(*sizes):
    return bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


FORGED = {
    "65 axes": (head(*[1] * 65) + b"\1", "must have from 1 to 64 axes by its header, got 65"),
    "255 axes": (head(*[1] * 255) + b"\1", "must have from 1 to 64 axes by its header, got 255"),
    "no axis": (head() + b"\1", "must have from 1 to 64 axes by its header, got 0"),
    "a zero beside huge sizes": (head(*[HUGE] * 20, 0), "at least one sample of at least one input, got the shape"),
    "huge sizes": (head(*[HUGE] * 8) + b"abc", "bytes by its header, got 39: it is damaged"),
    "a terabyte": (head(1 << 20, 1 << 20) + b"abc", "must be 1099511627788 bytes by its header, got 15"),
    "more than it says": (idx_bytes(IMAGES) + b"x", "must be 52 bytes by its header, got 53"),
    "half a header": (head(1, 2, 3)[:-3], "must be 16 bytes by its header, got 13"),
    "one axis": (head(6) + LABELS.tobytes(), "must hold at least one sample of at least one input, got the shape (6,)"),
}


def test_forged_headers_are_one_line_each(tmp_path):
    for name, (content, _) in FORGED.items():
        (tmp_path / f"{name}-ubyte").write_bytes(content)
        (tmp_path / f"{name}-ubyte.gz").write_bytes(gzip.compress(content))
    results = opened(tmp_path, [f"{name}-ubyte{ending}" for name in FORGED for ending in ("", ".gz")])
    for name, (_, words) in FORGED.items():
        for ending in ("", ".gz"):
            kind, message = results[f"{name}-ubyte{ending}"]
            assert kind == "StreamError", name
            assert words in message or (ending and ("by its header, got" in message or "must unpack" in message)), name


def zeros(path, megabytes, *sizes):
    """Write a gzipped file of zeros: a member for each megabyte, as gzip admits."""
    path.write_bytes(gzip.compress(head(*sizes)) + megabytes * gzip.compress(bytes(1 << 20)))


@pytest.mark.slow
def test_bombs_are_refused_by_what_they_declare_or_read_no_further(tmp_path):
    zeros(tmp_path / "a-ubyte.gz", 300, 300, 1 << 10, 1 << 10)
    zeros(tmp_path / "b-ubyte.gz", 20, 10, 10)
    with (tmp_path / "sparse-ubyte").open("wb") as file:  # three gigabytes that are not there
        file.write(head(3 << 20, 32, 32))
        file.truncate(16 + (3 << 30))
    results = opened(tmp_path, ["a-ubyte.gz", "b-ubyte.gz"])
    assert "must unpack to at most 200 times the" in results["a-ubyte.gz"][1]
    assert "must be 112 bytes by its header, got 113 or more" in results["b-ubyte.gz"][1]
    assert opened(tmp_path, ["sparse-ubyte"], memory=5 << 30)["sparse-ubyte"][:2] == ["read", 3 << 20]


def test_large_plain_files_are_mapped(tmp_path, monkeypatch):
    (tmp_path / "a.idx").write_bytes(idx_bytes(IMAGES))
    read = idx.read_idx(tmp_path / "a.idx")
    monkeypatch.setattr(idx, "ALWAYS", 10)
    mapped = idx.read_idx(tmp_path / "a.idx")
    assert isinstance(mapped.base, np.memmap)
    assert np.array_equal(mapped, read)
    assert np.array_equal(read, IMAGES)


def written(path, array):
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if path.name.lower().endswith(".gz") else content)


NAMES = [
    ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
    ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    ("train-images.idx3-ubyte", "train-labels-idx1-ubyte"),
    ("train-images-idx3-ubyte", "train-labels.idx1-ubyte.gz"),
    ("train-images-idx3-ubyte.GZ", "train-labels-idx1-ubyte.GZ"),
    ("train-images-idx3-ubyte.GZ", "train-labels-idx1-ubyte"),
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.GZ"),
    ("TRAIN-IMAGES-IDX3-UBYTE", "TRAIN-LABELS-IDX1-UBYTE"),
    ("images.idx", "labels.idx"),
    ("images.idx.gz", "labels.idx"),
    ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz"),
]


@pytest.mark.parametrize(("images", "labels"), NAMES)
def test_labels_are_found_by_whatever_name_archives_give_them(tmp_path, images, labels):
    written(tmp_path / images, IMAGES)
    assert not ns.open_stream(images, root=tmp_path).labelled
    written(tmp_path / labels, LABELS)
    stream = ns.open_stream(images, root=tmp_path)
    assert stream.take(np.arange(6)).labels.tolist() == LABELS.tolist()
    again = ns.open_stream(images, root=tmp_path, epochs=2, shuffle=0)
    assert again.labelled


@pytest.mark.parametrize(("images", "labels"), [pair for pair in NAMES if pair[0].startswith("train-")])
def test_mnist_is_found_too_and_is_not_read_without_its_labels(tmp_path, images, labels):
    (tmp_path / "mnist").mkdir()
    written(tmp_path / "mnist" / images, IMAGES)
    with pytest.raises(
        ns.StreamError, match=r"labels of mnist:train must be in .*mnist, as train-labels-idx1-ubyte or"
    ):
        ns.open_stream("mnist:train", root=tmp_path)
    written(tmp_path / "mnist" / labels, LABELS)
    assert ns.open_stream("mnist:train", root=tmp_path).take(np.arange(6)).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(("name", "words"), [
    ("train-images-idx3-ubyte", "lie beside it as train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz"),
    ("digits.idx", "lie beside it, where the name of the samples has images"),
])  # fmt: skip
def test_labels_that_are_needed_and_missing_are_named(tmp_path, name, words):
    written(tmp_path / name, IMAGES)
    told = ("stream", name, "--root", str(tmp_path), "--test", name, "--neurons", "2", "--shuffle", "0")
    error = invoke(*told, code=2).stderr
    assert "got none; labels of an IDX file" in error
    assert words in error
    assert "for lines" not in error


def test_labels_of_another_count_are_refused(tmp_path):
    written(tmp_path / "images-idx3-ubyte", IMAGES)
    written(tmp_path / "labels-idx1-ubyte", LABELS[:5])
    with pytest.raises(ns.StreamError, match="must be one for each of the 6 samples"):
        ns.open_stream("images-idx3-ubyte", root=tmp_path)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(("make", "words"), [
    (os.mkfifo, "must be a regular file, got a pipe"), (os.mkdir, "must be a regular file, got a folder"),
    (lambda path: os.symlink("/dev/zero", path), "must be a regular file, got a device"),
])  # fmt: skip
def test_pipes_devices_and_folders_are_not_waited_for(tmp_path, make, words, ending):
    written(tmp_path / "train-images-idx3-ubyte", IMAGES)
    make(tmp_path / f"train-labels-idx1-ubyte{ending}")
    make(tmp_path / f"t10k-images-idx3-ubyte{ending}")
    for source in ("mnist:train", "train-images-idx3-ubyte", "mnist:test"):
        with pytest.raises(ns.StreamError, match=words):
            ns.open_stream(source, root=tmp_path)


@pytest.mark.parametrize("gzipped", [False, True])
def test_other_data_by_the_names_of_mnist_say_so(tmp_path, gzipped):
    for name, array in (("images-idx3", IMAGES), ("labels-idx1", np.arange(len(IMAGES), dtype=np.uint8))):
        written(tmp_path / f"train-{name}-ubyte{'.gz' if gzipped else ''}", array)
    stream = ns.open_stream("mnist:train", root=tmp_path, epochs=2, shuffle=0)
    assert stream.name == "mnist:train"
    assert "not MNIST's own data" in stream.notes[0]
    assert stream.identity()["notes"] == stream.notes[0]
    shown = invoke("stream", "mnist:train", "--root", tmp_path, "--neurons", 3, "--state", tmp_path / "chip.h5",
                   "--test", "mnist:train")  # fmt: skip
    assert shown.stderr.count("not MNIST's own data") == 1
    assert "      note  mnist:train is not" in shown.stdout
    assert "     notes  mnist:train is not" in invoke("inspect", tmp_path / "chip.h5").stdout
    json_too = invoke("stream", "mnist:train", "--root", tmp_path, "--neurons", 3, "--json")
    assert json.loads(json_too.stdout)["notes"] == list(stream.notes)


def test_a_run_on_other_data_goes_on_where_it_lies_elsewhere(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    for name, array in (("images-idx3", IMAGES), ("labels-idx1", np.arange(len(IMAGES), dtype=np.uint8))):
        written(here / f"train-{name}-ubyte", array)
    first = ["stream", "mnist:train", "--neurons", 3, "--state", tmp_path / "chip.h5"]
    invoke(*first, "--root", here)
    here.rename(there)
    invoke(*first, "--root", there, "--epochs", 2)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_canonical_files_of_mnist_have_no_note(data, split):
    assert ns.open_stream(f"mnist:{split}", root=data).notes == ()
