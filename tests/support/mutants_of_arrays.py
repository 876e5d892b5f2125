"""Mutants of NumPy's files and of IDX."""

import io
import struct
import zipfile
from pathlib import Path
from random import Random

import numpy as np
from mutations import LEARN, WHOLE, bent, perhaps_packed

DTYPES = [
    "<f4",
    ">f4",
    "<f8",
    "<f2",
    "|u1",
    "|b1",
    "<i8",
    ">u4",
    "<u8",
    "<c8",
    "|O",
    "<U3",
    "|S3",
    "|V8",
    "<M8[s]",
    "<m8[s]",
    "<f16",
    "f",
    "x",
    "",
    "(2,)<f4",
    "|S0",
]
VERSIONS = [b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x00\x00", b"\xff\xff"]


def _npy(rng: Random, array: np.ndarray) -> bytes:
    """Return a `.npy` file whose header may not fit its data."""
    dtype, shape, order = np.lib.format.dtype_to_descr(array.dtype), array.shape, "False"
    for _ in range(rng.choice([0, 1, 1, 2])):  # of what the header says, or of the values
        match rng.randrange(5):
            case 0:
                dtype = rng.choice(DTYPES)
            case 1:
                shape = tuple(rng.choice(WHOLE) for _ in range(rng.choice([0, 1, 2, 3, 70])))
            case 2:
                sizes = list(shape) or [1]
                sizes[rng.randrange(len(sizes))] = rng.choice(WHOLE)
                shape = tuple(sizes)
            case 3:
                order = rng.choice(["True", "1", "None", "'x'", "1979"])
            case 4:
                with np.errstate(all="ignore"):
                    array = array * np.array(rng.choice([np.nan, np.inf, -1.0, 1e30])).astype(array.dtype)
    descr = rng.choice(
        [repr(dtype)] * 20 + ["[('a', '<f4'), ('b', '<i2')]", "None", "'<f4' * 9**9", "'" + "<" * 5000 + "'"]
    )
    shape_text = rng.choice([repr(shape)] * 20 + ["(3L, 2L)", "3", "(1.5, 2)", "[3, 2]", "(" * 500])
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape_text}, }}"
    header = rng.choice([header] * 24 + [header + " " * 12_000, "{}", "[" * 2000, "1/0", header[:-5]])
    version = rng.choice([VERSIONS[0]] * 24 + VERSIONS)
    size = struct.pack("<H" if version == VERSIONS[0] else "<I", min(len(header) + 1, 65535))
    return b"\x93NUMPY" + version + size + header.encode() + b"\n" + array.tobytes()


def _array(rng: Random) -> np.ndarray:
    values = np.random.default_rng(rng.randrange(99)).random((rng.choice([1, 5, 40]), rng.choice([1, 4])))
    return values.astype(rng.choice(["<f4", ">f4", "<f8", "<f2", "|u1", "<i8"]))


def npy(rng: Random, folder: Path) -> list[object]:
    content = _npy(rng, _array(rng))
    (folder / "x.npy").write_bytes(bent(rng, content) if rng.random() < 0.3 else content)
    return ["stream", folder / "x.npy", *LEARN]


def npz(rng: Random, folder: Path) -> list[object]:
    """An archive with odd members, among them some that are far larger than they are stored."""
    file = io.BytesIO()
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    array = _array(rng)
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in rng.choice(
            [["samples"], ["x", "y"], ["samples", "labels"], ["x", "labels"], [], ["samples", "samples"]]
        ):
            values = array if name in ("samples", "x") else np.arange(len(array))
            content = _npy(rng, values) if rng.random() < 0.5 else _plain(values)
            if method == zipfile.ZIP_DEFLATED and rng.random() < 0.03:
                header = _plain(np.zeros((1, 4), np.float32)).replace(b"(1, 4), }", b"(40000000, 4), }")[:128]
                content = header + bytes(1 << 29)
            ending = rng.choice([".npy"] * 6 + ["", ".NPY", "/"])
            with _silent():
                archive.writestr(name + ending, content)
    content = file.getvalue()
    (folder / "x.npz").write_bytes(bent(rng, content) if rng.random() < 0.3 else content)
    return ["stream", folder / "x.npz", *LEARN]


def _silent():
    import warnings

    context = warnings.catch_warnings()
    warnings.simplefilter("ignore")
    return context


def _plain(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def idx(rng: Random, folder: Path) -> list[object]:
    """Images and labels of which one has a header or data that do not fit."""
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4), np.uint8)
    names = rng.choice(
        [
            ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
            ("a.idx", "b.idx"),
            ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ]
    )
    victim = rng.randrange(2)
    for index, (name, array) in enumerate(zip(names, (images, np.arange(20, dtype=np.uint8) % 3), strict=True)):
        shape, kind, rank = list(array.shape), 8, array.ndim
        if index == victim:
            for _ in range(rng.choice([0, 1, 1, 2])):
                match rng.randrange(4):
                    case 0:
                        shape = [rng.choice(WHOLE) % 2**32 for _ in range(rng.choice([0, 1, 2, 3, 4, 33, 65, 255]))]
                        rank = len(shape)
                    case 1:
                        shape[rng.randrange(len(shape)) if shape else 0 :] = [rng.choice([0, 2**32 - 1, 2**31])]
                        rank = len(shape)
                    case 2:
                        kind = rng.choice([9, 11, 12, 13, 14, 0, 255])
                    case 3:
                        rank = rng.choice([0, 1, 2, 64, 65, 255])
        content = bytes([0, 0, kind, rank]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()
        if index == victim and rng.random() < 0.3:
            content = bent(rng, content)
        packed, content = perhaps_packed(rng, content, name)
        (folder / packed).write_bytes(content)
    return [
        "stream",
        next(path for path in sorted(folder.iterdir()) if "images" in path.name or path.name[0] == "a"),
        *LEARN,
    ]


KINDS = {"npy": npy, "npz": npz, "idx": idx}
