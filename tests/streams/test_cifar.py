"""CIFAR's batches, pickled and binary, out of every form of the archives; what is damaged or malicious is one line."""

import bz2
import gzip
import lzma
import os
import pickle

import numpy as np
import pytest
from cifar_files import FOLDER, NAMES, batch, packed
from hypothesis import example, given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.streams import cifar


@pytest.fixture(scope="module")
def members():
    """Six small batches, the last first, as real archives have them in any order."""
    return {name: pickle.dumps(batch(number), 2) for number, name in reversed(list(enumerate(NAMES)))}


def test_every_form_of_the_archive_gives_the_same_samples(tmp_path, members):
    contents = {ending: packed(members, by) for ending, by in
                {".gz": gzip.compress, ".xz": lzma.compress, "": bytes, ".bz2": bz2.compress}.items()}  # fmt: skip
    roots = []
    for ending, content in contents.items():
        folder = tmp_path / f"as{ending}" / "cifar10"
        folder.mkdir(parents=True)
        (folder / f"cifar-10-python.tar{ending}").write_bytes(content)
        roots += [folder, folder.parent]
    (tmp_path / FOLDER).mkdir()
    for name, content in members.items():
        (tmp_path / FOLDER / name).write_bytes(content)
    for root in [*roots, tmp_path]:
        train, test = (ns.open_stream(f"cifar10:{part}", root=root, inputs=3072) for part in ("train", "test"))
        assert (train.name, train.length, test.length, train.labelled) == ("cifar10:train", 15, 3, True)
        assert train.shape == test.shape == (3, 32, 32)
        samples, labels = train.take(np.arange(15))
        assert samples.dtype == np.float32
        assert labels.tolist() == [number for number in range(5) for _ in range(3)]
        wanted = np.concatenate([batch(number)["data"] for number in range(5)]).astype(np.float32) / np.float32(255)
        assert np.array_equal(samples, wanted)
        assert np.array_equal(test.take(np.arange(3)).samples, batch(5)["data"].astype(np.float32) / np.float32(255))


COMPRESSED = {".tar": bytes, ".tar.gz": gzip.compress, ".tgz": gzip.compress, ".tar.xz": lzma.compress,
              ".tar.bz2": bz2.compress}  # fmt: skip


def record(images, *labels):
    return np.concatenate([np.array(labels, np.uint8).T, images], axis=1).tobytes()


def test_binary_batches_are_the_pickled_ones(tmp_path, members):
    binary = {f"{name}.bin": record(batch(number)["data"], [number] * 3) for number, name in enumerate(NAMES)}
    for ending, compress in COMPRESSED.items():
        root = tmp_path / ending[1:]
        root.mkdir()
        (root / f"cifar-10-binary{ending}").write_bytes(packed(binary, compress, "cifar-10-batches-bin"))
    folder = tmp_path / "folder" / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, content in binary.items():
        (folder / name).write_bytes(content)
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "cifar-10-python.tar").write_bytes(packed(members))
    wanted = ns.open_stream("cifar10:train", root=tmp_path / "pickled")
    for root in [*(tmp_path / ending[1:] for ending in COMPRESSED), tmp_path / "folder"]:
        found = ns.open_stream("cifar10:train", root=root)
        assert found.identity() == wanted.identity()
        assert found.shape == (3, 32, 32)
        for one, other in zip(found.take(np.arange(15)), wanted.take(np.arange(15)), strict=True):
            assert np.array_equal(one, other)


def batch100(number, count=4, **changes):
    images = np.random.default_rng(number).integers(0, 256, (count, 3072), np.uint8)
    fine = [(25 * number + 33 * place) % 100 for place in range(count)]
    coarse = [label // 5 for label in fine]
    return {"data": images, "fine_labels": fine, "coarse_labels": coarse, "filenames": ["a"] * count} | changes


def test_cifar100_has_its_fine_labels_from_both_forms(tmp_path):
    batches = {"train": batch100(1), "test": batch100(2)}
    pickled = {name: pickle.dumps(content, 2) for name, content in batches.items()}
    binary = {f"{name}.bin": record(content["data"], content["coarse_labels"], content["fine_labels"])
              for name, content in batches.items()}  # fmt: skip
    for form, contents in (("python", pickled | {"meta": b""}), ("binary", binary)):
        for ending, compress in COMPRESSED.items():
            root = tmp_path / f"{form}{ending}" / "cifar100"
            root.mkdir(parents=True)
            (root / f"cifar-100-{form}{ending}").write_bytes(packed(contents, compress, f"cifar-100-{form}"))
        folder = tmp_path / f"{form}-folder" / f"cifar-100-{form}"
        folder.mkdir(parents=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    roots = list(tmp_path.iterdir())
    assert len(roots) == 12
    for root in roots:
        for part, content in batches.items():
            stream = ns.open_stream(f"cifar100:{part}", root=root)
            samples, labels = stream.take(np.arange(4))
            assert (stream.name, stream.length, stream.shape) == (f"cifar100:{part}", 4, (3, 32, 32))
            assert np.array_equal(samples, content["data"].astype(np.float32) / np.float32(255))
            assert labels.tolist() == content["fine_labels"]


REFUSED100 = {
    "no fine labels": (pickle.dumps(batch100(1, fine_labels=None), 2), "fine_labels of train of "),
    "a large label": (pickle.dumps(batch100(1, fine_labels=[0, 1, 2, 100]), 2), "from 0 to 99, got 100"),
    "a command": (pickle.dumps(batch100(1) | {"more": print}, 2), "which is not admitted"),
}


@pytest.mark.parametrize("case", REFUSED100)
def test_another_pickle_of_cifar100_is_refused(tmp_path, case):
    content, words = REFUSED100[case]
    (tmp_path / "cifar-100-python.tar").write_bytes(packed({"train": content}))
    with pytest.raises(ns.StreamError) as caught:
        ns.open_stream("cifar100:train", root=tmp_path)
    assert words in str(caught.value)


def test_binary_batches_of_a_wrong_size_or_label_are_said(tmp_path):
    whole = record(batch100(1)["data"], [0] * 4, [99] * 4)
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    for content, words in (
        (whole[:-1], "must be a whole number of records of 3074 bytes, got 12295 bytes"),
        (b"", "must be a whole number of records of 3074 bytes, got 0 bytes"),
        (record(batch100(1)["data"], [0] * 4, [1, 2, 100, 3]), "must be whole numbers from 0 to 99, got 100"),
    ):
        (folder / "train.bin").write_bytes(content)
        with pytest.raises(ns.StreamError, match=f"train.bin of .*{words}"):
            ns.open_stream("cifar100:train", root=tmp_path)
    with pytest.raises(ns.StreamError, match=r"must hold test.bin; missing: test.bin"):
        ns.open_stream("cifar100:test", root=tmp_path)
    with pytest.raises(ns.StreamError, match="as cifar100:train or cifar100:test, got cifar100:all"):
        ns.open_stream("cifar100:all", root=tmp_path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_what_other_pythons_write_is_read(protocol):
    images, labels = cifar.read_pickle(pickle.dumps(batch(7), protocol), "it")
    assert np.array_equal(images, batch(7)["data"])
    assert labels.tolist() == [7, 7, 7]
    columns_first = np.asfortranarray(batch(7)["data"])
    assert np.array_equal(cifar.read_pickle(pickle.dumps(batch(7, data=columns_first), protocol), "it")[0], images)


def test_what_python_2_writes_is_read():
    # `{"data": zeros((1, 3072), uint8), "labels": [4]}` as cPickle of Python 2 wrote it, name by name.
    text = (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x01M\x00"
        b"\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x00"
        b"\x0c\x00\x00" + bytes(3071) + b"\xfftbU\x06labels]K\x04au."
    )
    images, labels = cifar.read_pickle(text, "it")
    assert (images.shape, images[0, -1], labels.tolist()) == ((1, 3072), 255, [4])


class Malicious:
    """Leaves a mark where it is unpickled."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


REFUSED = {
    "a command": (pickle.dumps(batch(0) | {"more": Malicious(os.mkdir, ("mark",))}), "it asks for posix.mkdir"),
    "a builtin": (b"cbuiltins\neval\n(S'1'\ntR.", "it asks for builtins.eval, which is not admitted"),
    "a numpy function": (b"cnumpy\nfromfile\n(S'x'\ntR.", "it asks for numpy.fromfile, which is not admitted"),
    "a dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.", "numpy.ndarray.__class__, which is not"),
    "another encoding": (b"c_codecs\nencode\n(S'1'\nS'os'\ntR.", "latin1, got os"),
    "objects": (pickle.dumps(batch(0, data=np.array([[None] * 3072])), 2), "must be of unsigned bytes, got O8"),
    "a plain text": (pickle.dumps("hello"), "must be an array of at least one sample of 3072 bytes, got none"),
    "no labels": (pickle.dumps(batch(0, labels=None), 2), "one a sample, 3, got none"),
    "few labels": (pickle.dumps(batch(0, labels=[1]), 2), "one a sample, 3, got 1"),
    "a label of text": (pickle.dumps(batch(0, labels=[1, 2, "3"]), 2), "from 0 to 9, got '3'"),
    "a large label": (pickle.dumps(batch(0, labels=[1, 2, 10]), 2), "from 0 to 9, got 10"),
    "a narrow array": (pickle.dumps(batch(0, data=np.zeros((3, 5), np.uint8)), 2), "3072 bytes, got the shape (3, 5)"),
    "no sample": (pickle.dumps(batch(0, count=0), 3), "at least one sample of 3072 bytes, got the shape (0, 3072)"),
    "nothing": (b"", "must be a whole pickle"),
    "half a pickle": (pickle.dumps(batch(0), 2)[:-4000], "must be a whole pickle"),
    "an empty array": (b"cnumpy\nndarray\n.", "must be an array of at least one sample of 3072 bytes, got none"),
    "an array of nothing": (b"\x80\x02}(U\x04datacnumpy\nndarray\n)\x81u.", "3072 bytes, got none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_pickle_is_refused_and_does_nothing(tmp_path, monkeypatch, members, case):
    monkeypatch.chdir(tmp_path)
    content, words = REFUSED[case]
    (tmp_path / "cifar-10-python.tar").write_bytes(packed(members | {"data_batch_2": content}))
    with pytest.raises(ns.StreamError) as caught:
        ns.open_stream("cifar10:train")
    assert words in str(caught.value)
    assert "data_batch_2 of " in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-python.tar"]


def test_a_pickle_cannot_change_how_the_next_is_read():
    # Sets `ndarray.__setstate__ = None` where ndarray is ours.
    with pytest.raises(ns.StreamError):
        cifar.read_pickle(b"\x80\x02cnumpy\nndarray\n(N}U\x0c__setstate__Nstb.", "it")
    assert len(cifar.read_pickle(pickle.dumps(batch(1), 2), "it")[0]) == 3


@given(st.binary(max_size=60))
@example(b"\x80\x02cnumpy\nndarray\n)\x81b.")
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_batch_or_a_stream_error(content):
    with pytest.raises(ns.StreamError):
        cifar.read_pickle(content, "it")


@pytest.mark.parametrize(("ending", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress), ("", bytes)])
def test_a_truncated_archive_is_said(tmp_path, members, ending, compress):
    whole = packed(members, compress)
    for size in (0, 10, len(whole) // 2, len(whole) - 1 - len(whole) // 8):
        (tmp_path / f"cifar-10-python.tar{ending}").write_bytes(whole[:size])
        with pytest.raises(ns.StreamError, match=r"must be a whole tar archive|must hold data_batch_1.*missing"):
            ns.open_stream("cifar10:train", root=tmp_path)


def test_missing_members_and_files_and_parts_are_said(tmp_path, members, monkeypatch):
    with pytest.raises(ns.StreamError, match=r"cifar10:test must be at .* no such file; see --root"):
        ns.open_stream("cifar10:test", root=tmp_path)
    with pytest.raises(ns.StreamError, match="must be asked for as cifar10:train or cifar10:test, got cifar10:all"):
        ns.open_stream("cifar10:all", root=tmp_path)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "data_batch_2").write_bytes(members["data_batch_2"])
    with pytest.raises(ns.StreamError, match=r"missing: data_batch_1, data_batch_3, data_batch_4, data_batch_5$"):
        ns.open_stream("cifar10:train", root=tmp_path)
    monkeypatch.setattr(cifar, "LARGEST_BATCH", 100)
    (tmp_path / FOLDER / "test_batch").write_bytes(members["test_batch"])
    with pytest.raises(ns.StreamError, match="must be at most 100 bytes, got more"):
        ns.open_stream("cifar10:test", root=tmp_path)


@pytest.mark.slow
def test_the_real_ones(data):
    if not any((data / "cifar10").glob("cifar-10-*")):
        pytest.skip("CIFAR-10 is not in the folder cifar10 of NEUROSIM_DATA")
    test = ns.open_stream("cifar10:test", root=data)
    samples, labels = test.take(np.arange(test.length))
    assert samples.shape == (10000, 3072)
    assert np.bincount(labels).tolist() == [1000] * 10
    assert labels[:5].tolist() == [3, 8, 8, 0, 6]
    planes = samples.reshape(-1, 3, 1024).mean(axis=(0, 2))
    assert planes == pytest.approx([0.4942, 0.4851, 0.4504], abs=1e-3)  # the test part's means of R, G, B
