"""Mutants of CIFAR-10's pickles, and of the tar archives and folders that hold them."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import pickletools
import tarfile
from pathlib import Path
from random import Random

from cifar_files import FOLDER, batch
from mutations import LEARN, bent, edited

OPCODES = [code.code.encode("latin1") for code in pickletools.opcodes]
ENDINGS = {
    ".tar": bytes,
    ".tar.gz": lambda data: gzip.compress(data, 1),
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}
KINDS_OF_MEMBERS = [
    tarfile.REGTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.DIRTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.XHDTYPE,
    tarfile.GNUTYPE_SPARSE,
    b"?",
]


def _pickle(rng: Random) -> bytes:
    entries = batch(rng.randrange(9))
    for _ in range(rng.choice([0, 1, 1, 2])):
        entries = edited(rng, entries) if rng.random() < 0.7 else entries
    try:
        content = pickle.dumps(entries, rng.choice([0, 1, 2, 3, 4, 5]))
    except RecursionError:
        content = b"]" * 900
    match rng.randrange(4):
        case 0:
            return bent(rng, content)
        case 1:  # an operation more
            at = rng.randrange(len(content))
            return content[:at] + rng.choice(OPCODES) + rng.randbytes(rng.choice([0, 1, 4])) + content[at:]
        case 2:  # memory and recursion
            body = rng.choice(
                [
                    b"(" * 5000 + b"t" * 5000,
                    b"]" * 5000 + b"a" * 4999,
                    b"\x8e" + b"\xff" * 8,
                    b"\x85" * 90_000,
                    b"}" + b"q\x00h\x00" * 2000,
                    b"cos\nsystem\n(S'x'\ntR",
                    b"c__builtin__\nrange\nI999999999\n\x85R",
                    b"X\xff\xff\xff\x7f",
                    b"I" + b"9" * 5000 + b"\n",
                ]
            )
            return b"\x80\x04" + body + b"."
    return content


def pickled(rng: Random, folder: Path) -> list[object]:
    (folder / FOLDER).mkdir()
    path = folder / FOLDER / "test_batch"
    match rng.randrange(12):
        case 0:
            os.mkfifo(path)
        case 1:
            path.symlink_to("/dev/zero")
        case 2:
            path.mkdir()
        case _:
            path.write_bytes(_pickle(rng))
    return ["stream", "cifar10:test", "--root", folder, *LEARN]


def archive(rng: Random, folder: Path) -> list[object]:
    file = io.BytesIO()
    with tarfile.open(
        fileobj=file, mode="w", format=rng.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    ) as tar:
        for _ in range(rng.choice([1, 2])):
            content = pickle.dumps(batch(5)) if rng.random() < 0.5 else _pickle(rng)
            entry = tarfile.TarInfo(
                rng.choice([f"{FOLDER}/test_batch"] * 4 + ["test_batch", "../test_batch", "x" * 99, ""])
            )
            entry.size = len(content)
            if rng.random() < 0.4:
                entry.type = rng.choice(KINDS_OF_MEMBERS)
                entry.linkname = rng.choice(["", "/dev/zero", "test_batch", f"{FOLDER}/test_batch"])
            if tar.format == tarfile.PAX_FORMAT and rng.random() < 0.3:
                entry.pax_headers = {
                    rng.choice(["size", "path", "comment"]): rng.choice(["-1", "9" * 30, "x" * 100_000, "test_batch"])
                }
            tar.addfile(entry, io.BytesIO(content))
    content = file.getvalue()
    if rng.random() < 0.3:
        at = rng.randrange(min(512, len(content)))  # of the first header
        content = content[:at] + rng.randbytes(rng.choice([1, 8])) + content[at + 1 :]
    ending = rng.choice(list(ENDINGS))
    content = ENDINGS[ending](content)
    (folder / f"cifar-10-python{ending}").write_bytes(bent(rng, content) if rng.random() < 0.3 else content)
    return ["stream", "cifar10:test", "--root", folder, *LEARN]


KINDS = {"pickle": pickled, "archive": archive}
