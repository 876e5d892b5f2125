"""HDF5 files: what they refer to must be there and be files; what they declare is compared with what they store."""

import os
import shutil
import zlib

import h5py
import numpy as np
import pytest
from limited import opened

import neurosim as ns

X = np.random.default_rng(0).random((10, 4)).astype(np.float32)
Y = np.arange(10) % 3


def virtual(file, name, *sources, shape=(10, 4), mapped=None):
    """Make a virtual dataset whose rows come from the sources, a part each."""
    layout = h5py.VirtualLayout(shape, "f4")
    rows = shape[0] // len(sources)
    for index, (path, source) in enumerate(sources):
        part = h5py.VirtualSource(path, source, mapped or (rows, *shape[1:]))
        layout[index * rows : (index + 1) * rows] = part[:rows]
    file.create_virtual_dataset(name, layout)


@pytest.fixture
def folder(tmp_path):
    with h5py.File(tmp_path / "source.h5", "w") as file:
        file["x"], file["half"], file["g/h"] = X, X[:5], X
        file["soft"] = h5py.SoftLink("/g/h")
    return tmp_path


def made(folder, name, fill):
    with h5py.File(folder / name, "w") as file:
        fill(file)
    return folder / name


def samples_of(folder, source):
    return ns.open_stream(source, root=folder).take(np.arange(10)).samples


def external(*files):
    return lambda file: file.create_dataset("x", (10, 4), "f4", external=list(files))


def two_files(folder):
    def fill(file):
        virtual(file, "x", ("source.h5", "x"), ("source.h5", "x"), shape=(20, 4))

    return fill


READ = {
    "virtual": lambda f: virtual(f, "x", ("source.h5", "x")),
    "virtual, by a soft link": lambda f: virtual(f, "x", ("source.h5", "soft")),
    "virtual, of two": lambda f: virtual(f, "x", ("source.h5", "half"), ("source.h5", "half")),
    "within the file": lambda f: (f.__setitem__("y0", X), virtual(f, "x", (".", "y0"))),
    "virtual of virtual": lambda f: (virtual(f, "y0", ("source.h5", "x")), virtual(f, "x", (".", "y0"))),
    "an external link": lambda f: f.__setitem__("x", h5py.ExternalLink("source.h5", "x")),
    "an external link into a group": lambda f: f.__setitem__("x", h5py.ExternalLink("source.h5", "/g/h")),
    "an external link to a soft one": lambda f: f.__setitem__("x", h5py.ExternalLink("source.h5", "soft")),
    "a soft link": lambda f: (f.__setitem__("a/b", X), f.__setitem__("x", h5py.SoftLink("a/b"))),
    "a soft link to an external one": lambda f: (
        f.__setitem__("e", h5py.ExternalLink("source.h5", "g")), f.__setitem__("x", h5py.SoftLink("e/h"))
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_links_and_virtual_datasets_that_are_whole_are_read(folder, monkeypatch, case):
    monkeypatch.chdir("/")
    made(folder, "a.h5", READ[case])
    wanted = np.concatenate([X[:5], X[:5]]) if case == "virtual, of two" else X
    assert np.array_equal(samples_of(folder, "a.h5"), wanted)


def test_external_storage_that_is_whole_is_read(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "raw.bin").write_bytes(b"head" + X.tobytes())
    made(folder, "a.h5", external(("raw.bin", 4, 160)))
    assert np.array_equal(samples_of(folder, "a.h5"), X)
    assert np.array_equal(samples_of(folder, made(folder, "b.h5", external(("raw.bin", 4, h5py.h5f.UNLIMITED)))), X)


def in_a_circle(file):
    virtual(file, "x", (".", "z"))
    virtual(file, "z", (".", "x"))


def pattern(file):
    layout = h5py.VirtualLayout((10, 4), "f4", maxshape=(None, 4))
    layout[: h5py.h5s.UNLIMITED] = h5py.VirtualSource("source-%b.h5", "x", (1, 4))
    file.create_virtual_dataset("x", layout)


def twice(first, second):
    return lambda file: (first(file), second(file))


REFUSED = {
    "of itself": (lambda f: virtual(f, "x", (".", "x")), "must not lead back to itself"),
    "of itself by its name": (lambda f: virtual(f, "x", ("of itself by its name.h5", "x")), "must not lead back to"),
    "of itself by a link": (
        lambda f: (virtual(f, "x", (".", "s")), f.__setitem__("s", h5py.SoftLink("/x"))),
        "must not lead back to itself",
    ),
    "in a circle": (in_a_circle, "must not lead back to itself"),
    "a source that is gone": (lambda f: virtual(f, "x", ("gone.h5", "x")), "virtual source gone.h5:x of"),
    "a dataset that is gone": (
        lambda f: virtual(f, "x", ("source.h5", "no")),
        "must be a dataset, got none: HDF5 would",
    ),
    "a group as a source": (lambda f: virtual(f, "x", ("source.h5", "g")), "must be a dataset, got none: HDF5 would"),
    "a source that is too short": (
        lambda f: virtual(f, "x", ("source.h5", "half"), mapped=(10, 4)),
        "must have the shape (10, 4) at least",
    ),
    "a source of a pattern": (pattern, "got the pattern source-%b.h5; make one that names each of its files"),
    "a virtual pipe": (lambda f: virtual(f, "x", ("pipe", "x")), "must be a regular file, got a pipe"),
    "a virtual device": (lambda f: virtual(f, "x", ("/dev/zero", "x")), "must be a regular file, got a device"),
    "a virtual text": (lambda f: virtual(f, "x", ("text", "x")), "must be an HDF5 file that can be read"),
    "one of many": (lambda f: virtual(f, "x", ("source.h5", "half"), ("gone.h5", "x")), "virtual source gone.h5:x of"),
    "virtual labels": (twice(lambda f: f.__setitem__("x", X), lambda f: virtual(f, "y", (".", "y"))), "back to itself"),
    "a linked pipe": (
        lambda f: f.__setitem__("x", h5py.ExternalLink("pipe", "x")),
        "must be a regular file, got a pipe",
    ),
    "a linked device": (lambda f: f.__setitem__("x", h5py.ExternalLink("/dev/zero", "x")), "got a device"),
    "a linked file that is gone": (
        lambda f: f.__setitem__("x", h5py.ExternalLink("gone.h5", "x")),
        "must be a file that",
    ),
    "linked labels": (
        twice(lambda f: f.__setitem__("x", X), lambda f: f.__setitem__("y", h5py.ExternalLink("pipe", "y"))),
        "got a pipe",
    ),
    "a soft circle": (lambda f: f.__setitem__("x", h5py.SoftLink("/x")), "got links that lead round in a circle"),
    "an external circle": (
        lambda f: f.__setitem__("x", h5py.ExternalLink("an external circle.h5", "x")),
        "lead round in a circle",
    ),
    "storage on a device": (external(("/dev/zero", 0, 160)), "external storage /dev/zero of"),
    "storage in a pipe": (external(("pipe", 0, 160)), "must be"),
    "storage that is gone": (external(("gone.bin", 0, 160)), "external storage gone.bin of"),
    "storage that is short": (external(("FOLDER/text", 0, 160)), "must be at least 160 bytes, got 5: HDF5 would read"),
}


def test_what_refers_to_nothing_to_itself_or_to_no_file_is_refused(folder):
    os.mkfifo(folder / "pipe")
    (folder / "text").write_bytes(b"hello")
    for name, (fill, _) in REFUSED.items():
        if name == "storage that is short":
            fill = external((str(folder / "text"), 0, 160))
        made(folder, f"{name}.h5", fill)
    results = opened(folder, [f"{name}.h5" for name in REFUSED])
    for name, (_, words) in REFUSED.items():
        kind, *rest = results[f"{name}.h5"]
        assert kind == "StreamError", (name, rest)
        assert words in rest[0], name


def test_a_file_itself_is_regular(folder):
    from neurosim.streams.hdf5 import HDF5Stream

    os.mkfifo(folder / "a.h5")
    for path in (folder / "a.h5", folder, folder / "none.h5"):
        with pytest.raises(ns.StreamError, match=r"must be a (regular file|file that can be read)"):
            HDF5Stream(path)


def declared(name, shape, kind="f4", **options):
    return lambda file: file.create_dataset(name, shape, kind, **options)


BOMBS = {
    "many labels": (
        twice(declared("x", (10, 4)), declared("y", (2 * 10**9,), "i8", chunks=(1024,))),
        "one for each of",
    ),
    "as many labels": (
        twice(declared("x", (2 * 10**9, 4), chunks=(1024, 4)), declared("y", (2 * 10**9,), "i8", chunks=(1024,))),
        "labels of as many labels.h5 must unpack to at most",
    ),
    "wide": (declared("x", (4, 2 * 10**9), chunks=(1, 1024)), "a sample of"),
    "wider": (declared("x", (4, 2**40), chunks=(1, 1024)), "must have at most 2147483647 inputs"),
    "none": (declared("x", (0, 2**60), chunks=(1, 1), maxshape=(None, None)), "must hold at least one sample"),
    "of no width": (declared("x", (2**60, 0), chunks=(1, 1), maxshape=(None, None)), "must hold at least one sample"),
}


def test_what_declares_far_more_than_it_stores_is_refused(folder):
    for name, (fill, _) in BOMBS.items():
        made(folder, f"{name}.h5", fill)
    with h5py.File(folder / "chunk.h5", "w") as file:  # one chunk of 300 MB, some 300 KB as it is stored
        data = file.create_dataset(
            "x", (300, 250_000), "f4", chunks=(300, 250_000), compression="gzip", compression_opts=1
        )
        data.id.write_direct_chunk((0, 0), zlib.compress(bytes(1000)) + bytes(300_000))
    results = opened(folder, [*(f"{name}.h5" for name in BOMBS), "chunk.h5"])
    for name, (_, words) in (BOMBS | {"chunk": (None, "a chunk of")}).items():
        kind, *rest = results[f"{name}.h5"]
        assert kind == "StreamError", (name, rest)
        assert words in rest[0], name


KINDS = {
    "text": np.array([[b"a"]]), "records": np.zeros((2, 2), [("a", "f4")]), "voids": np.zeros((2, 2), "V4"),
    "complex": np.ones((2, 2), complex),
}  # fmt: skip
TYPES = {"strings": h5py.string_dtype(), "lists": h5py.vlen_dtype("i4"), "references": h5py.ref_dtype}


def test_what_are_no_numbers_is_refused(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file["x"] = X
        for name, values in KINDS.items():
            file[name], file[f"{name} labels"] = values, values.ravel()
        for name, kind in TYPES.items():
            file.create_dataset(name, (2, 2), kind)
            file.create_dataset(f"{name} labels", (10,), kind)
        file.create_group("group")
        file["named"] = np.dtype("f4")
    sources = [f"a.h5:{name}" for name in (*KINDS, *TYPES, "group", "named", "x/x", "group/no", "/")]
    sources += [f"a.h5:x,{name} labels" for name in (*KINDS, "lists", "references")] + ["a.h5:x,group", "a.h5:x,named"]
    for source, (kind, _) in opened(folder, sources).items():
        assert kind in {"SampleError", "StreamError"}, source


def test_a_filter_that_is_not_there_is_named(folder):
    made(folder, "a.h5", lambda file: file.create_dataset("x", data=X, chunks=(5, 4), compression="gzip"))
    content = (folder / "a.h5").read_bytes()
    assert content.count(b"\1\0\x08\0\1\0\1\0deflate\0") == 1  # deflate is filter 1; no filter has the number 500
    forged = content.replace(b"\1\0\x08\0\1\0\1\0deflate\0", b"\xf4\1\x08\0\1\0\1\0deflate\0")
    (folder / "a.h5").write_bytes(forged)
    with pytest.raises(ns.StreamError, match="must be written with filters of this HDF5, got 500"):
        ns.open_stream("a.h5", root=folder)


@pytest.mark.parametrize(("source", "options"), [
    ("a.h5", {"samples": "data", "labels": "target"}), ("a.h5:data", {"labels": "target"}), ("a.h5:data,target", {}),
    ("a.h5:,target", {"samples": "data"}),
])  # fmt: skip
def test_datasets_have_the_names_that_the_user_says(folder, source, options):
    made(folder, "a.h5", lambda file: file.update({"data": X, "target": Y}) if hasattr(file, "update") else None)
    stream = ns.open_stream(source, root=folder, **options)
    assert np.array_equal(stream.take(np.arange(10)).samples, X)
    assert stream.take(np.arange(10)).labels.tolist() == Y.tolist()


def test_unlabelled_samples_are_minus_one(folder):
    for name, labels in (("a", [0, -1] * 5), ("b", [0, np.nan] * 5)):
        made(folder, f"{name}.h5", lambda file, labels=labels: file.update({"x": X, "y": np.array(labels)}))
        assert ns.open_stream(f"{name}.h5", root=folder).take(np.arange(10)).labels.tolist() == [0, -1] * 5


def test_a_source_that_is_moved_away_is_missed(folder):
    made(folder, "a.h5", READ["virtual"])
    assert np.array_equal(samples_of(folder, "a.h5"), X)
    shutil.move(folder / "source.h5", folder / "moved.h5")
    with pytest.raises(
        ns.StreamError, match=r"virtual source source.h5:x of .*a.h5:/x must be a file that can be read"
    ):
        ns.open_stream("a.h5", root=folder)
