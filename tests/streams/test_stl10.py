"""STL-10's binary files: columns become rows, labels begin at 0, the folder stays on disk; what is damaged is said."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.streams import stl10

COUNTS = {"unlabeled": 5, "train": 4, "test": 3}


def pixels(part):
    return np.random.default_rng(COUNTS[part]).integers(0, 256, (COUNTS[part], 3, 96, 96), np.uint8)


@pytest.fixture(scope="module")
def files():
    """Every file, its planes written column by column as the published ones are."""
    contents = {}
    for part in COUNTS:
        columns = [plane.tobytes(order="F") for image in pixels(part) for plane in image]
        contents[f"{part}_X.bin"] = b"".join(columns)
        if part != "unlabeled":
            contents[f"{part}_y.bin"] = bytes(range(10, 10 - COUNTS[part], -1))
    return contents


@pytest.fixture
def folder(tmp_path, files):
    place = tmp_path / "stl10_binary"
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place


def pack(path, files, compress=bytes):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"stl10_binary/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    path.write_bytes(compress(file.getvalue()))


def check(root):
    for part, count in COUNTS.items():
        stream = ns.open_stream(f"stl10:{'unlabelled' if part == 'unlabeled' else part}", root=root)
        assert (stream.length, stream.shape, stream.inputs) == (count, (3, 96, 96), 27648)
        samples, labels = stream.take(np.arange(count)[::-1])
        assert samples.dtype == np.float32
        assert np.array_equal(samples.reshape(-1, 3, 96, 96), pixels(part)[::-1].astype(np.float32) / np.float32(255))
        assert stream.labelled == (part != "unlabeled")
        assert labels is None or labels.tolist() == list(range(10 - count, 10))


def test_the_folder_is_read_wherever_it_lies(tmp_path, folder):
    check(tmp_path)
    (tmp_path / "stl10").mkdir()
    folder.rename(tmp_path / "stl10" / "stl10_binary")
    check(tmp_path)


@pytest.mark.parametrize(
    ("ending", "compress"),
    [(".tar.gz", gzip.compress), (".tar", bytes), (".tar.xz", lzma.compress), (".tar.bz2", bz2.compress)],
)
def test_the_archive_is_read_however_compressed(tmp_path, files, ending, compress):
    pack(tmp_path / f"stl10_binary{ending}", files, compress)
    check(tmp_path)


@given(places=st.lists(st.integers(0, 4), min_size=1, max_size=9), size=st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_any_places_are_read(tmp_path_factory, files, places, size):
    root = tmp_path_factory.getbasetemp() / "any"
    if not root.exists():
        (root / "stl10_binary").mkdir(parents=True)
        (root / "stl10_binary" / "unlabeled_X.bin").write_bytes(files["unlabeled_X.bin"])
    stream = ns.open_stream("stl10:unlabelled", root=root)
    wanted = pixels("unlabeled").reshape(5, -1).astype(np.float32) / np.float32(255)
    assert np.array_equal(stream.take(np.array(places)).samples, wanted[places])
    assert np.array_equal(np.concatenate([block.samples for block in stream.blocks(1, size)]), wanted[1:])


def test_the_folder_is_not_loaded_whole(tmp_path):
    (tmp_path / "stl10_binary").mkdir()
    with (tmp_path / "stl10_binary" / "unlabeled_X.bin").open("wb") as file:
        file.truncate(20_000 * 27648)  # half a GiB of zeros that takes no disk
    tracemalloc.start()
    stream = ns.open_stream("stl10:unlabelled", root=tmp_path)
    block = stream.take(np.array([0, 19_999]))
    assert (stream.length, block.samples.shape) == (20_000, (2, 27648))
    next(stream.blocks(size=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_an_archive_too_large_for_memory_says_how_to_unpack_it(tmp_path, files, monkeypatch):
    monkeypatch.setattr(stl10, "LARGEST", 4 * 27648)
    pack(tmp_path / "stl10_binary.tar.gz", files, gzip.compress)
    assert ns.open_stream("stl10:train", root=tmp_path).length == 4
    wanted = rf"unlabeled_X.bin of .* got more: unpack it, by tar -xf {tmp_path}/stl10_binary.tar.gz -C {tmp_path}, and"
    with pytest.raises(ns.StreamError, match=wanted):
        ns.open_stream("stl10:unlabelled", root=tmp_path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("train_X.bin", lambda b: b[:-1], "train_X.bin of .* a whole number of images of 27648 bytes, got 110591"),
        ("train_X.bin", lambda b: b"", "train_X.bin of .* must be a whole number of images of 27648 bytes, got 0"),
        ("train_X.bin", lambda b: b[:-27648], "train_y.bin of .* must hold a label for each of the 3 images, got 4"),
        ("train_y.bin", lambda b: b[:2], "train_y.bin of .* must hold a label for each of the 4 images, got 2"),
        ("train_y.bin", lambda b: bytes(4), "labels of train_y.bin of .* must be from 1 to 10, got 0"),
        ("train_y.bin", lambda b: b"\1\2\3\13", "labels of train_y.bin of .* must be from 1 to 10, got 11"),
        ("train_y.bin", None, "missing: train_y.bin"),
        ("train_X.bin", None, "missing: train_X.bin"),
    ],
)  # fmt: skip
def test_files_of_another_size_or_content_are_said(tmp_path, files, packed, name, change, words):
    changed = files | {name: change(files[name])} if change else {key: files[key] for key in files if key != name}
    if packed:
        pack(tmp_path / "stl10_binary.tar", changed)
    else:
        (tmp_path / "stl10_binary").mkdir()
        for key, content in changed.items():
            (tmp_path / "stl10_binary" / key).write_bytes(content)
    with pytest.raises(ns.StreamError, match=words):
        ns.open_stream("stl10:train", root=tmp_path)


def test_a_truncated_archive_and_none_and_a_wrong_part_are_said(tmp_path, files):
    with pytest.raises(ns.StreamError, match=r"stl10:test must be at .* no such file; see --root"):
        ns.open_stream("stl10:test", root=tmp_path)
    with pytest.raises(
        ns.StreamError, match="must be asked for as stl10:unlabelled, stl10:train or stl10:test, got stl10:all"
    ):
        ns.open_stream("stl10:all", root=tmp_path)
    path = tmp_path / "stl10_binary.tar.gz"
    pack(path, files, gzip.compress)
    path.write_bytes(path.read_bytes()[:-50_000])
    with pytest.raises(ns.StreamError, match="must be a whole tar archive that can be read"):
        ns.open_stream("stl10:test", root=tmp_path)
