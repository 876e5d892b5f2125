"""Streams: what comes out is what went in, from any position, in any blocks; what cannot be read is said."""

import contextlib
import gzip
import io
import json
import sys

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idx_files import idx_bytes

import neurosim as ns
from neurosim.streams import ArrayStream
from neurosim.streams.lines import LineStream
from neurosim.streams.order import repeat


def npy_bytes():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def npz_bytes():
    file = io.BytesIO()
    np.savez_compressed(file, x=np.zeros((3, 2)))
    return file.getvalue()


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (30, 2, 3), np.uint8), rng.integers(0, 10, 30, np.uint8)


@pytest.fixture(params=["npy", "npz", "idx", "idx.gz", "h5", "h5:names", "csv", "csv+header", "ndjson", "json objects"])
def stored(request, tmp_path, pixels):
    """The same 30 samples in every form: (stream, samples, labels or None)."""
    images, labels = pixels
    samples = images.reshape(30, 6).astype(np.float32)
    path, kind, asked = tmp_path / "data", request.param, {}
    if kind == "npy":
        source, labels = "data.npy", None
        np.save(path.with_suffix(".npy"), images)
    elif kind == "npz":
        source = "data.npz"
        np.savez(path.with_suffix(".npz"), samples=images, labels=labels)
    elif kind.startswith("idx"):
        ending = "-ubyte" + kind.removeprefix("idx")
        opened = gzip.open if ending.endswith("gz") else open
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            with opened(tmp_path / f"{name}{ending}", "wb") as file:
                file.write(idx_bytes(array))
        source, samples = f"images-idx3{ending}", samples / np.float32(255)
    elif kind.startswith("h5"):
        names = ("samples", "labels") if kind == "h5" else ("group/a", "b")
        with h5py.File(path.with_suffix(".h5"), "w") as file:
            file[names[0]], file[names[1]] = images, labels
        source = "data.h5" if kind == "h5" else "data.h5:group/a,b"
    else:
        rows = [[*map(int, x), int(y)] for x, y in zip(samples, labels, strict=True)]
        asked["label"] = {"json objects": "label", "csv+header": "digit"}.get(kind, "-1")
        if kind.startswith("csv"):
            head = "a,b,c,d,e,f,digit\n" if "header" in kind else ""
            text = head + "\n".join(",".join(map(str, row)) for row in rows) + "\n\n"
        elif kind == "ndjson":
            text = "\n".join(map(json.dumps, rows))
        else:
            text = "\n".join(json.dumps({"label": row[-1], "x": row[:-1]}) for row in rows)
        source = "data.csv" if kind.startswith("csv") else "data.ndjson"
        (tmp_path / source).write_text(text)
    return ns.open_stream(source, root=tmp_path, **asked), samples, labels


@pytest.mark.parametrize("size", [1, 7, 30, 100])
@pytest.mark.parametrize("start", [0, 1, 13, 29, 30])
def test_every_form_gives_the_same_samples_from_any_position(stored, start, size):
    stream, samples, labels = stored
    assert stream.inputs == 6
    assert stream.labelled == (labels is not None)
    assert stream.length in (30, None)
    blocks = list(stream.blocks(start, size))
    assert all(len(block.samples) <= size and block.samples.dtype == np.float32 for block in blocks)
    assert np.array_equal(np.concatenate([np.empty((0, 6)), *(b.samples for b in blocks)]), samples[start:])
    if labels is not None:
        assert np.array_equal(np.concatenate([[], *(b.labels for b in blocks)]), labels[start:])


def test_a_stream_gives_pairs(stored):
    stream, samples, labels = stored
    pairs = list(stream)
    assert np.array_equal([x for x, _ in pairs], samples)
    assert [y for _, y in pairs] == ([None] * 30 if labels is None else labels.tolist())


def test_two_readings_and_two_openings_are_alike(stored):
    stream, samples, _ = stored
    for _ in range(2):
        assert np.array_equal(np.concatenate([b.samples for b in stream.blocks()]), samples)
    assert stream.identity() == stream.identity()


def test_digits_are_there_and_their_parts_make_the_whole():
    whole, train, test = (ns.open_stream(f"digits{part}") for part in ("", ":train", ":test"))
    assert (whole.length, train.length, test.length) == (1797, 1437, 360)
    assert whole.inputs == 64
    parts = np.concatenate([train.take(np.arange(1437)).samples, test.take(np.arange(360)).samples])
    assert np.array_equal(parts, whole.take(np.arange(1797)).samples)
    assert parts.min() == 0
    assert parts.max() == 1


@given(count=st.integers(1, 30), epochs=st.integers(1, 4), size=st.integers(1, 50), seed=st.none() | st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_epochs_visit_every_sample_once_each_from_any_position(count, epochs, size, seed):
    stream = repeat(ArrayStream(np.arange(count, dtype=float)[:, None]), epochs, seed)
    whole = np.concatenate([block.samples for block in stream.blocks(0, size)])[:, 0]
    assert len(whole) == count * epochs == stream.length
    for epoch in whole.reshape(epochs, count):
        assert sorted(epoch) == list(range(count))
    start = len(whole) // 3
    assert np.array_equal(np.concatenate([b.samples for b in stream.blocks(start, 7)])[:, 0], whole[start:])
    if seed is None:
        assert np.array_equal(whole, np.tile(np.arange(count), epochs))


def test_another_epoch_and_another_seed_have_another_order():
    stream = ArrayStream(np.arange(50.0)[:, None])
    orders = [np.concatenate([b.samples for b in repeat(stream, 2, seed).blocks()])[:, 0] for seed in (0, 1)]
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0][:50], orders[0][50:])


@pytest.mark.parametrize("start", [0, 2, 3, 4, 6])
def test_lines_can_be_read_several_times_over(tmp_path, start):
    (tmp_path / "a.csv").write_text("1\n2\n3\n")
    stream = ns.open_stream("a.csv", root=tmp_path, epochs=2)
    assert [float(x[0]) for b in stream.blocks(start, 2) for x in b.samples] == [1, 2, 3, 1, 2, 3][start:]


def test_hdf5_is_not_loaded_whole(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (10**9, 4), "f4", chunks=(1024, 4))[5] = 7
    stream = ns.open_stream("a.h5", root=tmp_path)
    assert stream.length == 10**9
    assert next(stream.blocks(5, 1)).samples.tolist() == [[7, 7, 7, 7]]


def pipe(monkeypatch, text, **options):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text))))
    return ns.open_stream("-", **options)


def test_a_pipe_is_read_no_further_than_asked(monkeypatch):
    stream = pipe(monkeypatch, b"1,2\n3,4\n5,6\n", inputs=2)
    blocks = stream.blocks(size=1)
    assert next(blocks).samples.tolist() == [[1, 2]]
    assert sys.stdin.buffer.read() == b"3,4\n5,6\n"


MALFORMED = [
    (b"1,2\n1,2,3\n", {}, "line 2: a sample must have 2 inputs, got 3"),
    (b"1,2\n\n1,x\n", {}, "line 3: column 1 must be a decimal number, got 'x'; --skip-bad skips such lines"),
    (b"1,nan\n", {}, "line 1: column 1 must be a decimal number, got 'nan'; --header yes if the line names"),
    (b"1,2\ninf,1\n", {}, "line 2: column 0 must be a decimal number, got 'inf'"),
    (b"1,2\n[1,\n", {}, "line 2: Expecting value"),
    (b"[1,[2]]\n", {}, "line 1: a sample must be a flat list of numbers"),
    (b'["1","2"]\n', {}, "line 1: a sample must be a flat list of numbers"),
    (b"[1,2]\n[1,1e999]\n", {}, "line 2: input 1 must be finite in float32, got inf"),
    (b'{"y":[1,2]}\n', {}, "line 1: the object must have the key x, got 'y'"),
    (b'{"x":3}\n', {}, "line 1: a sample must be a flat list of numbers"),
    (b"1,2,-2\n", {"label": "2"}, "line 1: a label must be a whole number from 0 to 2147483647, or -1 for none, got"),
    (b"1,2,0.5\n", {"label": "-1"}, "line 1: a label must be a whole number from 0 to 2147483647, or -1 for none"),
    (b"1,2,3\n", {"label": "9"}, "line 1: the label's column must be below 3, the columns of the line, got 9"),
    (b"1,2\n3,4\n5", {}, "line 3: a sample must have 2 inputs, got 1"),
    (b"1,2\n\xff\xfe,2\n", {}, "line 2: "),
    (b"1,2\n1e39,2\n", {}, "line 2: column 0 must be finite in float32, got '1e39'"),
    (b"#!garbage!\n1,2\n", {}, "line 1: a sample must have 2 inputs, got 1"),
    (b"1;2\n", {}, "line 1: a sample must have 2 inputs, got 1; --delimiter ';' if that is between the cells"),
    (b"1,2\n[" + b"9" * 400 + b",2]\n", {}, "line 2: "),
    (b"1,2\n" + b"[" * 100_000 + b"\n", {}, "line 2: nested too deeply"),
    (b'{"x":[1,2],"y":1e999}\n', {"label": "y"}, "line 1: a label must be a whole number from 0, or a word, got 'inf'"),
    (b'{"x":[1,2],"y":[0]}\n', {"label": "y"}, "line 1: a label must be a number, a word or null, got [0]"),
    (b"1,2,2147483648\n", {"label": "-1"}, "line 1: a label must be a whole number from 0 to 2147483647"),
]


@pytest.mark.parametrize(("text", "options", "words"), MALFORMED)
def test_a_malformed_line_is_named_or_counted(monkeypatch, text, options, words):
    with pytest.raises(ns.StreamError) as caught:
        list(pipe(monkeypatch, text, inputs=2, **options).blocks())
    assert words in str(caught.value)
    stream = pipe(monkeypatch, text, inputs=2, skip_bad=True, **options)
    good = sum(len(block.samples) for block in stream.blocks())
    assert stream.bad == 1
    assert good == len([line for line in text.split(b"\n") if line.strip()]) - 1


@pytest.mark.parametrize("text", [
    b"\xef\xbb\xbf1,2\n3,4\n", b"\xef\xbb\xbf[1,2]\n[3,4]\n", b'"1","2"\r\n3,4\r\n',
    b"\xef\xbb\xbfa, b\n1,2\n3,4\n", b" 1 , 2 \n\n3,4", b"label,1x1\n1,2\n3,4\n",
])  # fmt: skip
def test_marks_quotes_and_spaces_do_no_harm(monkeypatch, text):
    blocks = pipe(monkeypatch, text, inputs=2).blocks()
    assert np.concatenate([block.samples for block in blocks]).tolist() == [[1, 2], [3, 4]]


def test_a_header_must_name_every_column(monkeypatch):
    with pytest.raises(ns.StreamError, match="line 2: a line must have the 2 columns that the first line names, got 3"):
        list(pipe(monkeypatch, b"a,b\n1,2,3\n", inputs=2).blocks())


def test_a_line_without_end_is_one_malformed_line(monkeypatch):
    monkeypatch.setattr("neurosim.streams.lines.LONGEST_LINE", 16)
    stream = pipe(monkeypatch, b"1,2\n" + b"7," * 30 + b"\n3,4\n", inputs=2, skip_bad=True)
    assert [x.tolist() for x, _ in stream] == [[1, 2], [3, 4]]
    assert stream.bad == 1


def test_what_was_read_before_a_bad_line_is_given_before_the_error(monkeypatch):
    blocks = pipe(monkeypatch, b"1,2\n3,4\nx,y\n", inputs=2).blocks(size=100)
    assert next(blocks).samples.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ns.StreamError, match="line 3"):
        next(blocks)


def test_lines_that_were_there_before_must_still_be_there(tmp_path):
    (tmp_path / "a.csv").write_text("1\n2\n3\n")
    with pytest.raises(ns.StreamError, match="must hold the 5 samples that were read from it before, got 3"):
        list(ns.open_stream("a.csv", root=tmp_path).blocks(5))


def test_fewer_epochs_of_lines_than_were_taken_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("1\n2\n3\n")
    with pytest.raises(ns.StreamError, match="must hold the 7 samples that were read from it before, got 2 times 3"):
        list(ns.open_stream("a.csv", root=tmp_path, epochs=2).blocks(7))


@pytest.mark.parametrize("lines", [1, 3, 5000])
def test_a_file_of_lines_may_grow(tmp_path, lines):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * lines)
    before = ns.open_stream(path).identity()
    with path.open("a") as file:
        file.write("3,4\n")
    assert ns.open_stream(path).identity() == before
    path.write_text("a,b\n" + "2,2\n" * lines)
    assert ns.open_stream(path).identity() != before


def test_what_is_no_gzip_is_said(tmp_path):
    (tmp_path / "b.csv.gz").write_text("1,2,3\n")
    stream = ns.open_stream("b.csv.gz", root=tmp_path, inputs=3)
    for look in (stream.identity, lambda: list(stream.blocks())):
        with pytest.raises(ns.StreamError, match="must be readable to its end"):
            look()


def test_lines_may_be_gzipped_and_names_in_capitals(tmp_path):
    with gzip.open(tmp_path / "A.CSV.gz", "wt") as file:
        file.write("1,2\n3,4\n")
    assert len(list(ns.open_stream("A.CSV.gz", root=tmp_path))) == 2
    (tmp_path / "A.CSV.gz").write_bytes((tmp_path / "A.CSV.gz").read_bytes()[:-4])
    with pytest.raises(ns.StreamError, match="must be readable to its end"):
        list(ns.open_stream("A.CSV.gz", root=tmp_path))


def test_identity_tells_streams_apart(tmp_path):
    rng = np.random.default_rng(0)
    array = rng.random((2000, 2))
    changed = array.copy()
    changed[8:-8] = rng.random((1984, 2))
    assert ArrayStream(array).identity() != ArrayStream(changed).identity()
    assert ArrayStream(array).identity() != ArrayStream(array[:-1]).identity()
    (tmp_path / "a.csv").write_text("1,2,3\n")
    first, last = (ns.open_stream("a.csv", root=tmp_path, label=label) for label in ("0", "-1"))
    assert first.identity() != last.identity()


UNREADABLE = {
    "nothing.csv": (None, "must be a file: there is none"),
    "empty.csv": (b"", "must hold at least one sample"),
    "empty.npy": (b"", "must be a whole NumPy file"),
    "short.npy": (b"\x93NUMPY\x01\x00v\x00", "must be a whole NumPy file"),
    "text.npz": (b"hello", "must be a whole NumPy file"),
    "text.h5": (b"hello", "must be an HDF5 file that can be read"),
    "a-ubyte": (b"", "must begin as an IDX file of unsigned bytes, 00 00 08, got nothing"),
    "b-ubyte": (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "must begin as an IDX file of unsigned bytes"),
    "c-ubyte": (b"\0\0\x08\x03\0\0", "by its header, got 6: it is damaged"),
    "d-ubyte": (idx_bytes(np.zeros((4, 2, 2), np.uint8))[:-3], "must be 32 bytes by its header, got 29: it is damaged"),
    "e-ubyte.gz": (gzip.compress(idx_bytes(np.zeros((4, 2, 2), np.uint8)))[:-9], "must be a whole IDX file"),
    "f-ubyte.gz": (b"no gzip", "must be a whole IDX file"),
    "array.npz": (npy_bytes(), "at least one sample"),
    "torn.npz": (npz_bytes()[:-30], "must be a whole NumPy file"),
    "flipped.npz": (npz_bytes()[:80] + b"????" + npz_bytes()[84:], "must be a whole NumPy file"),
    "header.npy": (npy_bytes().replace(b"'shape'", b"'sha\x00e'"), "must be a whole NumPy file"),
    "x" * 300 + ".csv": (None, "must be readable"),
    "a.npy.gz": (b"", "source must be one of"),
    "a.txt": (b"1,2", "source must be one of digits"),
    "mnist:train": (None, "mnist:train must be at"),
    "mnist:valid": (None, "must be asked for as mnist:train or mnist:test"),
    "digits:all": (None, "must be asked for as digits, digits:train or digits:test"),
}


@pytest.mark.parametrize("source", UNREADABLE)
def test_what_cannot_be_read_is_said(tmp_path, source):
    content, words = UNREADABLE[source]
    if content is not None:
        (tmp_path / source).write_bytes(content)
    with pytest.raises(ns.StreamError) as caught:
        ns.open_stream(source, root=tmp_path)
    assert words in str(caught.value)


def test_odd_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = h5py.SoftLink("/nowhere")
        file["text"] = np.array([[b"a"]])
        file["flat"] = np.ones(3)
        file["empty"] = h5py.Empty("f4")
        file.create_group("group")
    for name, words in (
        ("", "must be an HDF5 file|must hold"), ("text", "must be real numbers"), ("flat", "at least one sample"),
        ("empty", "must hold the dataset empty"), ("group", "must hold the dataset group"),
        ("none", "must hold the dataset none"),
    ):  # fmt: skip
        with pytest.raises(ns.NeurosimError, match=words):
            ns.open_stream(f"a.h5:{name}" if name else "a.h5", root=tmp_path)


def test_pickled_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[object()]], dtype=object), allow_pickle=True)
    with pytest.raises(ns.StreamError, match="without pickled objects"):
        ns.open_stream("a.npy", root=tmp_path)


@pytest.mark.parametrize(("samples", "labels", "words"), [
    (np.empty((0, 4)), None, "at least one sample"),
    (np.ones(4), None, "at least one sample"),
    (np.ones((2, 3), complex), None, "must be real numbers, got ndarray of complex128"),
    (np.full((2, 3), "a"), None, "must be real numbers"),
    (np.ones((2, 3)), [1], "must be one for each of the 2 samples, got the shape (1,)"),
    (np.ones((2, 3)), [0, -2], "label 1 of array must be a whole number from 0 to 2147483647, or -1 or NaN for none"),
    (np.ones((2, 3)), [0.5, 1], "label 0 of array must be a whole number from 0 to 2147483647, or -1 or NaN for none"),
    (np.ones((2, 3)), [1, 1j], "must be whole numbers"),
    (np.ones((2, 3)), ["a", "b\x07"], "label 1 of array must be a number or a word"),
    (np.ones((2, 3)), [0, np.inf], "label 1 of array must be a whole number from 0 to 2147483647"),
])  # fmt: skip
def test_arrays_are_checked(samples, labels, words):
    with pytest.raises(ns.NeurosimError) as caught:
        ArrayStream(samples, labels)
    assert words in str(caught.value)


def test_a_width_asked_for_is_checked(tmp_path):
    with pytest.raises(ns.StreamError, match="must have the 9 inputs asked for, got 64"):
        ns.open_stream("digits", inputs=9)
    with pytest.raises(ns.StreamError, match=r"the width of its samples must be given with inputs"):
        ns.open_stream("-")


def test_lines_keep_their_order_and_pipes_are_read_once(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("1\n2\n")
    with pytest.raises(ns.ConfigError, match="lines and events come in order"):
        ns.open_stream("a.csv", root=tmp_path, shuffle=1)
    with pytest.raises(ns.ConfigError, match="which cannot be read twice"):
        ns.open_stream("-", inputs=1, epochs=2)


@given(text=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_samples_or_a_stream_error(text):
    for options in ({"skip_bad": True}, {}, {"label": "0", "header": "no"}, {"delimiter": "tab", "header": "yes"}):
        with contextlib.suppress(ns.StreamError):  # also with skip_bad, if the first line may be names or a sample
            for block in LineStream("x", lambda: io.BytesIO(text), inputs=2, **options).blocks():
                assert block.samples.shape[1] == 2
                assert not np.isnan(block.samples).any()


def test_streams_know_the_shape_of_a_sample(tmp_path, small_mnist):
    images = np.zeros((3, 4, 5), np.uint8)
    np.save(tmp_path / "a.npy", images)
    np.save(tmp_path / "flat.npy", images.reshape(3, 20))
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2, 4, 5)))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["samples"], file["flat"] = images, images.reshape(3, 20)
    (tmp_path / "a.csv").write_text("1,2,3\n")
    for name, array in (("a.idx", images), ("flat.idx", images.reshape(3, 20)), ("deep.idx", images[:, None, :, :])):
        (tmp_path / name).write_bytes(idx_bytes(array))
    wanted = {
        "digits": (1, 8, 8), "digits:train": (1, 8, 8), "a.npy": (4, 5), "flat.npy": (20,), "a.npz": (2, 4, 5),
        "a.h5": (4, 5), "a.h5:flat": (20,), "a.csv": (3,), "a.idx": (1, 4, 5), "flat.idx": (20,), "deep.idx": (1, 4, 5),
    }  # fmt: skip
    for source, shape in wanted.items():
        for again in ({}, {"epochs": 2}):
            stream = ns.open_stream(source, root=tmp_path, **again)
            assert stream.shape == shape
            assert stream.inputs == np.prod(shape)
    assert ns.open_stream("mnist:test", root=small_mnist, shuffle=1).shape == (1, 28, 28)


def test_all_before_a_sample_that_cannot_be_read_are_given():
    class Damaged(ArrayStream):
        def take(self, places):
            if 5 in places:
                raise ns.StreamError("sample 5 is damaged")
            return super().take(places)

    for stream in (Damaged(np.arange(9.0)[:, None]), repeat(Damaged(np.arange(9.0)[:, None]), 2, None)):
        for size in (1, 2, 100):
            given, blocks = [], stream.blocks(1, size)
            while len(given) < 4:
                given.extend(next(blocks).samples[:, 0].tolist())
            assert given == [1, 2, 3, 4]
            with pytest.raises(ns.StreamError, match="sample 5"):
                next(blocks)


def test_an_array_stream_of_rows_of_several_lengths_is_refused():
    ragged = [[1.0], [1.0, 2.0]]
    with pytest.raises(ns.SampleError, match="samples of array must be an array of numbers, got list"):
        ArrayStream(ragged)
    with pytest.raises(ns.SampleError, match="labels of array must be an array of numbers, got list"):
        ArrayStream(np.zeros((2, 3)), ragged)


@pytest.mark.parametrize("divisor", [0, -1, float("nan"), "a"], ids=str)
def test_a_divisor_is_positive(divisor):
    with pytest.raises(ns.ConfigError, match="divisor must be positive, got"):
        ArrayStream(np.zeros((2, 3)), divisor=divisor)
