"""Archives of data sets: members that are no files, headers without end, bombs, pipes; each is one line, in bounds."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import tarfile

import numpy as np
import pytest
from cifar_files import NAMES, batch, packed
from limited import opened

import neurosim as ns
from neurosim.streams import archives

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
MEMBERS = {f"{FOLDER}/{name}": pickle.dumps(batch(number), 2) for number, name in enumerate(NAMES)}


def member(name, kind=tarfile.REGTYPE, content=b"", **changes):
    """Return a member's header and content, as they lie in an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def whole(*before, **replaced):
    """Return an archive: members before, then the six batches, some replaced by name."""
    parts = [replaced.get(name.rpartition("/")[2]) or member(name, content=content)
             for name, content in MEMBERS.items()]  # fmt: skip
    return b"".join([*before, *parts, bytes(1024)])


def test_the_archive_that_is_forged_below_is_whole(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(whole()))
    assert ns.open_stream("cifar10:train", root=tmp_path).length == 15


def zeros(megabytes):
    """Return a gzipped run of zeros: a member for each megabyte, as gzip admits."""
    return megabytes * gzip.compress(bytes(1 << 20))


def header(kind, size, name="././@LongLink"):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def sparse_1(name, megabytes):
    """A sparse member of the newest form, whose map of a thousand million entries follows it."""
    records = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n" + b"29 GNU.sparse.realsize=100000\n"
    pax = member("PaxHeaders/x", tarfile.XHDTYPE, records)
    head = member(name, size=megabytes << 20)
    return gzip.compress(pax + head + b"1000000000\n") + megabytes * gzip.compress(b"1\n" * (1 << 19))


MANY = 300  # megabytes, more than may be unpacked of a small file
FORGED = {
    "a long name": gzip.compress(header(tarfile.GNUTYPE_LONGNAME, MANY << 20)) + zeros(MANY),
    "a long link": gzip.compress(header(tarfile.GNUTYPE_LONGLINK, MANY << 20)) + zeros(MANY),
    "attributes": gzip.compress(header(tarfile.XHDTYPE, MANY << 20)) + zeros(MANY),
    "global attributes": gzip.compress(header(tarfile.XGLTYPE, MANY << 20)) + zeros(MANY),
    "attributes of terabytes": gzip.compress(header(tarfile.XHDTYPE, 1 << 42)) + zeros(3),
    "a sparse map": sparse_1(f"{FOLDER}/data_batch_1", 40),
    "a member to pass over": gzip.compress(header(tarfile.REGTYPE, MANY << 20, "other")) + zeros(MANY),
    "a member of terabytes": gzip.compress(header(tarfile.REGTYPE, 1 << 42, "other")) + zeros(3),
    "a batch of zeros": gzip.compress(header(tarfile.REGTYPE, MANY << 20, "data_batch_1")) + zeros(MANY),
    "a pipe as a member": gzip.compress(whole(data_batch_2=member("data_batch_2", tarfile.FIFOTYPE))),
    "a device as a member": gzip.compress(whole(data_batch_2=member("data_batch_2", tarfile.CHRTYPE))),
    "a folder as a member": gzip.compress(whole(data_batch_2=member("data_batch_2", tarfile.DIRTYPE))),
    "a link as a member": gzip.compress(
        whole(data_batch_2=member("data_batch_2", tarfile.SYMTYPE, linkname="/etc/passwd"))
    ),
    "a hard link as a member": gzip.compress(
        whole(data_batch_2=member("data_batch_2", tarfile.LNKTYPE, linkname=f"{FOLDER}/data_batch_1"))
    ),
    "a negative size": gzip.compress(whole(member("x", size=-512))),
    "a sparse member": gzip.compress(whole(data_batch_2=header(tarfile.GNUTYPE_SPARSE, 0, "data_batch_2"))),
}  # fmt: skip


def test_forged_archives_are_one_line_each_in_bounds(tmp_path):
    for name, content in FORGED.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / ARCHIVE).write_bytes(content)
    for (name, _), (kind, message, *_) in opened(tmp_path, [(name, "cifar10:train") for name in FORGED]).items():
        assert kind == "StreamError", name
        assert "must be" in message or "must hold" in message or "must unpack" in message, name
        assert len(message) < 600


def test_a_long_name_of_a_real_length_is_read(tmp_path):
    deep = "/".join(["a" * 90] * 5)
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as archive:
            for name, content in MEMBERS.items():
                info = tarfile.TarInfo(f"{deep}/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        (tmp_path / ARCHIVE).write_bytes(gzip.compress(file.getvalue()))
        assert ns.open_stream("cifar10:train", root=tmp_path).length == 15


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress, bz2.compress], ids=lambda f: f.__module__)
def test_the_compression_is_known_by_the_content(tmp_path, compress):
    (tmp_path / ARCHIVE).write_bytes(compress(whole()))
    assert ns.open_stream("cifar10:test", root=tmp_path).length == 3


def test_members_are_read_to_the_limit_of_their_size(tmp_path):
    (tmp_path / "a.tar").write_bytes(packed({"a": b"x" * 100, "b": b"y" * 101}))
    assert archives.read_files(tmp_path / "a.tar", ["a"], 100)["a"] == b"x" * 100
    with pytest.raises(ns.StreamError, match=r"b of .* must be at most 100 bytes, got more"):
        archives.read_files(tmp_path / "a.tar", ["a", "b"], 100)


KINDS = [
    (os.mkfifo, "got a pipe"), (lambda path: os.symlink("/dev/zero", path), "got a device"),
    (os.mkdir, "got a folder"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "words"), KINDS)
@pytest.mark.parametrize("source", ["cifar10:train", "cifar100:train", "stl10:train"])
def test_archives_and_files_of_folders_are_regular(tmp_path, source, make, words):
    folder, archive, first = {
        "cifar10:train": (FOLDER, ARCHIVE, "data_batch_1"),
        "cifar100:train": ("cifar-100-binary", "cifar-100-binary.tar", "train.bin"),
        "stl10:train": ("stl10_binary", "stl10_binary.tar.gz", "train_X.bin"),
    }[source]
    if make is not os.mkdir:
        make(tmp_path / archive)
        with pytest.raises(ns.StreamError, match=f"must be a regular file, {words}"):
            ns.open_stream(source, root=tmp_path)
    (tmp_path / folder).mkdir()
    make(tmp_path / folder / first)
    with pytest.raises(ns.StreamError, match=f"must be a regular file, {words}"):
        ns.open_stream(source, root=tmp_path)


def test_labels_beside_mapped_images_are_regular(tmp_path):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    (folder / "train_X.bin").write_bytes(np.zeros(27648, np.uint8).tobytes())
    os.mkfifo(folder / "train_y.bin")
    with pytest.raises(ns.StreamError, match="must be a regular file, got a pipe"):
        ns.open_stream("stl10:train", root=tmp_path)
