"""NumPy's files: declared sizes are compared with stored ones, forged headers are one line, arrays have any name."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from commands import invoke
from limited import opened

import neurosim as ns
from neurosim.streams.numpy_files import map_array

X = np.random.default_rng(0).random((6, 4)).astype(np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])


def npy(header, data=b"", version=(1, 0), magic=b"\x93NUMPY"):
    text = header.encode("latin1")
    return magic + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", len(text)) + text + data


def header(shape="(6, 4)", descr="'<f4'", more=""):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, {more}}}\n"


PYTHON2 = npy(header("(6L, 4L)"), X.tobytes())
FORGED = {
    "an escape": npy(header(more="'\\z': 1, "), X.tobytes()),
    "a huge shape": npy(header("(10**12, 4)"), X.tobytes()),
    "a long shape": npy(header("(1000000000000, 4)"), X.tobytes()),
    "a product beyond int64": npy(header(f"({2**63 - 1}, {2**63 - 1})"), X.tobytes()),
    "a number beyond int64": npy(header(f"({10**40}, 4)"), X.tobytes()),
    "a negative shape": npy(header("(-6, 4)"), X.tobytes()),
    "two negative sizes": npy(header("(-6, -4)"), X.tobytes()),
    "a shape of floats": npy(header("(6.0, 4)"), X.tobytes()),
    "many axes": npy(header(str((1,) * 70)), X.tobytes()),
    "a long header": npy(header() + " " * 30_000, X.tobytes()),
    "a deep header": npy(header(descr="[" * 3000 + "]" * 3000), X.tobytes()),
    "objects": npy(header(descr="'|O'"), X.tobytes()),
    "records of objects": npy(header(descr="[('a', '|O')]"), X.tobytes()),
    "an unknown type": npy(header(descr="'<q9'"), X.tobytes()),
    "a call": npy(header(descr="__import__('os').getcwd()"), X.tobytes()),
    "another version": npy(header(), X.tobytes(), (9, 9)),
    "a header longer than the file": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{}",
    "too little": npy(header(), X.tobytes()[:-1]),
    "a zero beside a huge size": npy(header(f"(0, {2**62})"), b""),
    "text": npy(header(descr="'<U4'", shape="(2, 3)"), bytes(96)),
    "records": npy(header(descr="[('a', '<f4')]"), X.tobytes()),
    "complex": npy(header(descr="'<c8'", shape="(3, 4)"), X.tobytes()),
    "dates": npy(header(descr="'<M8[s]'", shape="(3, 4)"), X.tobytes()),
}


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def bomb(path, compression, megabytes):
    """Zeros in a file that is a thousandth of that, or less."""
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as file, file.open("x.npy", "w") as member:
        member.write(npy(header(f"({megabytes}, 250000)")))
        for _ in range(megabytes):
            member.write(bytes(1_000_000))


def test_forged_files_are_one_line_each(tmp_path):
    for name, content in FORGED.items():
        (tmp_path / f"{name}.npy").write_bytes(content)
        archive(tmp_path / f"{name}.npz", {"x": content})
        archive(tmp_path / f"{name}, labels.npz", {"x": npy(header(), X.tobytes()), "y": content})
    results = opened(tmp_path, [f"{name}{ending}" for name in FORGED for ending in (".npy", ".npz", ", labels.npz")])
    for source, (kind, message, *_) in results.items():
        assert kind in {"StreamError", "SampleError"}, source
        assert source in message
        assert len(message) < 500


def test_what_is_no_numpy_file_is_said_without_numpy_s_options(tmp_path):
    (tmp_path / "text.npy").write_text("hello\n")
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object))
    np.savez(tmp_path / "objects.npz", x=np.array([{}, 1], dtype=object))
    words = {
        "text.npy": "it does not begin as files of numpy.save do",
        "objects.npy": "objects",
        "objects.npz": "objects",
    }
    for name, expected in words.items():
        with pytest.raises(ns.StreamError, match=expected) as caught:
            ns.open_stream(str(tmp_path / name))
        assert "allow_pickle" not in str(caught.value)


def test_what_python_2_wrote_is_read_without_a_warning(tmp_path):
    (tmp_path / "a.npy").write_bytes(PYTHON2)
    archive(tmp_path / "a.npz", {"x": PYTHON2, "y": npy(header("(6L,)", "'<i8'"), Y.tobytes())})
    for kind, length, samples in opened(tmp_path, ["a.npy", "a.npz"]).values():
        assert (kind, length) == ("read", 6)
        assert np.array_equal(np.float32(samples), X[:4])


def test_zeros_that_unpack_to_far_more_are_refused_before_they_are_read(tmp_path):
    bomb(tmp_path / "deflate.npz", zipfile.ZIP_DEFLATED, 300)
    bomb(tmp_path / "bzip2.npz", zipfile.ZIP_BZIP2, 30)
    results = opened(tmp_path, ["deflate.npz", "bzip2.npz"])
    kind, message = results["deflate.npz"]
    assert kind == "StreamError"
    assert "must unpack to at most 200 times the" in message
    assert "got 300000000 bytes; store it without compression, or as a .npy file" in message
    assert results["bzip2.npz"][0] == "StreamError"
    assert "must be stored plain or deflated, as NumPy writes it" in results["bzip2.npz"][1]


def test_an_archive_that_lies_about_its_sizes_is_refused(tmp_path):
    archive(tmp_path / "a.npz", {"x": npy(header("(100000000000, 4)"), X.tobytes())})
    content = (tmp_path / "a.npz").read_bytes()
    size = len(npy(header("(100000000000, 4)"), X.tobytes()))
    forged = content.replace(struct.pack("<II", size, size), struct.pack("<II", 2**32 - 2, 2**32 - 2))
    (tmp_path / "b.npz").write_bytes(forged)
    assert {kind for kind, _ in opened(tmp_path, ["a.npz", "b.npz"]).values()} == {"StreamError"}


def test_a_compressed_archive_of_numbers_is_read(tmp_path):
    sparse = np.zeros((2000, 4000), np.float32)  # 32 MB, as sparse as spikes
    sparse[np.arange(2000), np.arange(2000)] = 1
    np.savez_compressed(tmp_path / "a.npz", samples=sparse, labels=np.arange(2000) % 10)
    stream = ns.open_stream("a.npz", root=tmp_path)
    assert np.array_equal(stream.take(np.arange(3)).samples, sparse[:3])


@pytest.fixture
def named(tmp_path):
    np.savez(tmp_path / "a.npz", features=X, target=Y, samples=X + 1)
    return tmp_path


@pytest.mark.parametrize(("source", "options", "samples", "labelled"), [
    ("a.npz", {}, X + 1, False), ("a.npz", {"samples": "features"}, X, False),
    ("a.npz", {"samples": "features", "labels": "target"}, X, True), ("a.npz", {"labels": "target"}, X + 1, True),
    ("a.npz:features", {}, X, False), ("a.npz:features,target", {}, X, True), ("a.npz:,target", {}, X + 1, True),
    ("a.npz:features", {"labels": "target"}, X, True),
])  # fmt: skip
def test_arrays_have_the_names_that_the_user_says(named, source, options, samples, labelled):
    stream = ns.open_stream(source, root=named, **options)
    assert np.array_equal(stream.take(np.arange(6)).samples, samples)
    assert stream.labelled == labelled
    if labelled:
        assert stream.take(np.arange(6)).labels.tolist() == Y.tolist()


@pytest.mark.parametrize(("source", "options", "error", "words"), [
    ("a.npz", {"samples": "x"}, ns.StreamError, "must hold an array named x, got features, target, samples; --samples"),
    ("a.npz", {"labels": "y"}, ns.StreamError, "must hold an array named y, got features, target, samples"),
    ("a.npz:no", {}, ns.StreamError, "must hold an array named no, got features"),
    ("a.npz:features", {"samples": "samples"}, ns.ConfigError, "samples must be left out for a source that names its"),
    ("a.npz", {"samples": 3}, ns.ConfigError, "samples must be a text or a path, got 'int'"),
    ("digits", {"samples": "x"}, ns.ConfigError, "samples must be left out for all sources but FILE.npz"),
    ("digits", {"labels": "x"}, ns.ConfigError, "labels must be left out for all sources but FILE.npz"),
])  # fmt: skip
def test_names_that_are_not_there_are_said(named, source, options, error, words):
    with pytest.raises(error) as caught:
        ns.open_stream(source, root=named, **options)
    assert words in str(caught.value)


def test_a_file_of_thousands_of_arrays_lists_some(tmp_path):
    np.savez(tmp_path / "a.npz", **{f"a{number}": X for number in range(200)})
    with pytest.raises(ns.StreamError, match=r"got a0, a1, .* a9 and 190 more"):
        ns.open_stream("a.npz", root=tmp_path)


def test_the_command_line_takes_the_names(named):
    told = ("--root", str(named), "--samples", "features", "--labels", "target", "--neurons", "3")
    done = invoke("stream", "a.npz", *told, "--test", "a.npz", "--json")
    assert '"test_samples": 6' in done.stdout
    refused = invoke("stream", "a.npz", "--root", str(named), "--neurons", "3", "--test", "a.npz", code=2)
    assert "an array named labels or y; --labels takes another name" in refused.stderr
    for command in ("stream", "judge"):
        assert "--labels KEY" in " ".join(invoke(command, "--help").stdout.split())


def test_unlabelled_samples_are_minus_one(tmp_path):
    for number, labels in enumerate(([0, -1, 2, 1, -1, 0], [0, np.nan, 2, 1, np.nan, 0], [0, -1, 2, 1, np.nan, 0])):
        np.savez(tmp_path / f"{number}.npz", samples=X, labels=np.array(labels))
        labels = ns.open_stream(f"{number}.npz", root=tmp_path).take(np.arange(6)).labels
        assert labels.tolist() == [0, -1, 2, 1, -1, 0]


def test_timestamps_and_samples_are_regular_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    for name, words in (("pipe.npy", "got a pipe"), ("zero.npy", "got a device"), (".", "got a folder"),
                        ("none.npy", "must be a file that can be read")):  # fmt: skip
        with pytest.raises(ns.StreamError, match=words):
            map_array(tmp_path / name)
        told = ("bench", "digits", "--arrivals", "stream", "--timestamps", str(tmp_path / name))
        assert words in invoke(*told, code=2).stderr
    for name in ("pipe.npy", "zero.npy"):
        with pytest.raises(ns.StreamError, match=r"must be a (regular )?file"):
            ns.open_stream(name, root=tmp_path)


def test_an_archive_named_npy_is_read_and_an_array_named_npz_too(tmp_path):
    file = io.BytesIO()
    np.savez(file, x=X)
    (tmp_path / "a.npy").write_bytes(file.getvalue())
    (tmp_path / "b.npz").write_bytes(npy(header(), X.tobytes()))
    for name in ("a.npy", "b.npz"):
        assert np.array_equal(ns.open_stream(name, root=tmp_path).take(np.arange(6)).samples, X)
