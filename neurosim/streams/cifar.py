"""CIFAR-10's Python batches: pickles of bytes, out of their archive or the folder it unpacks to."""

import pickle
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.streams.arrays import ArrayStream

INPUTS, CLASSES = 3072, 10  # planes R, G, B of 32 x 32
FOLDER, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar"
ENDINGS = (".gz", ".xz", "", ".bz2", ".zst")
PARTS = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
LARGEST_BATCH = 64 << 20  # bytes; twice a canonical one


def cifar10(part: str, root: Path) -> ArrayStream:
    """Open CIFAR-10's `train` or `test` part below `root`, pixels from 0 to 1 in the canonical order."""
    if part not in PARTS:
        raise StreamError(f"cifar10 must be asked for as cifar10:train or cifar10:test, got cifar10:{part}")
    wanted = PARTS[part]
    path = find(root, part)
    files = dict(_folder(path, wanted) if path.is_dir() else _archive(path, wanted))
    missing = [name for name in wanted if name not in files]
    if missing:
        raise StreamError(f"{path} must hold {', '.join(wanted)}; missing: {', '.join(missing)}")
    batches = [_batch(files.pop(name), f"{name} of {path}") for name in wanted]
    images, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    return ArrayStream(images, labels, name=f"cifar10:{part}", divisor=255)


def find(root: Path, part: str) -> Path:
    """Return the folder or the archive below `root`, unread."""
    for folder in (root, root / "cifar10"):
        if (folder / FOLDER).is_dir():
            return folder / FOLDER
        for ending in ENDINGS:
            if (path := folder / f"{ARCHIVE}{ending}").exists():
                return path
    raise StreamError(
        f"cifar10:{part} must be at {root} or its folder cifar10, as the folder {FOLDER} or as {ARCHIVE}.gz, .xz or "
        f"plain: no such file; see --root"
    )


def _folder(path: Path, wanted: list[str]) -> Iterator[tuple[str, bytes]]:
    for name in wanted:
        if (path / name).exists():
            with (path / name).open("rb") as file:
                yield name, file.read(LARGEST_BATCH + 1)


def _archive(path: Path, wanted: list[str]) -> Iterator[tuple[str, bytes]]:
    """Give the wanted members in the archive's own order: going back in a compressed file is slow."""
    left = set(wanted)
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if name in left and member.isfile() else None
                if file is not None:
                    left.remove(name)
                    yield name, file.read(LARGEST_BATCH + 1)
                if not left:
                    return
    except Exception as error:  # damage may raise what tarfile, gzip, lzma or zlib like
        raise StreamError(f"{path} must be a whole tar archive that can be read: {error}") from error


def _batch(content: bytes, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return a batch's images, uint8 (samples, 3072), and labels."""
    if len(content) > LARGEST_BATCH:
        raise StreamError(f"{name} must be at most {LARGEST_BATCH} bytes, got more")
    try:
        found = _Plain(content).load()
    except Exception as error:  # a damaged or a malicious pickle may raise anything
        raise StreamError(f"{name} must be a whole pickle of arrays, bytes, text and whole numbers: {error}") from error
    entries = {_text(key): value for key, value in found.items()} if isinstance(found, dict) else {}
    images, labels = getattr(entries.get("data"), "array", None), entries.get("labels")
    if images is None or images.ndim != 2 or images.shape[1] != INPUTS or len(images) == 0:
        shape = "none" if images is None else f"the shape {images.shape}"
        raise StreamError(f"data of {name} must be an array of at least one sample of {INPUTS} bytes, got {shape}")
    if not isinstance(labels, list) or len(labels) != len(images):
        count = len(labels) if isinstance(labels, list) else "none"
        raise StreamError(f"labels of {name} must be a list, one a sample, {len(images)}, got {count}")
    for label in labels:
        if type(label) is not int or not 0 <= label < CLASSES:
            raise StreamError(f"labels of {name} must be whole numbers from 0 to {CLASSES - 1}, got {label!r}")
    return images, np.array(labels, np.int64)


class _Plain(pickle.Unpickler):
    """An unpickler that makes arrays of bytes, and what pickle makes by itself: no other name can be called.

    Not even NumPy's own functions are: a pickle's words reach no more than the checks below. They are defined anew for
    each pickle, as one may set attributes of what it names.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(BytesIO(content), encoding="bytes")  # written by Python 2
        self._names = _names()

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name."""
        try:
            return self._names[module.replace("numpy._core.", "numpy.core."), name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not admitted") from None


def _names() -> dict[tuple[str, str], Any]:
    class Kind:
        def __init__(self, name: str | bytes, *_: object) -> None:
            if _text(name) not in {"u1", "uint8"}:
                raise ValueError(f"an array must be of unsigned bytes, got {_text(name)}")

        def __setstate__(self, _state: object) -> None:
            pass

    class Pixels:
        def __setstate__(self, state: tuple[int, tuple[int, ...], Kind, bool, bytes]) -> None:
            _, shape, kind, columns_first, content = state
            if not isinstance(kind, Kind):
                raise ValueError("an array must tell its type")
            self.array = np.frombuffer(content, np.uint8).reshape(shape, order="F" if columns_first else "C")

    def reconstruct(*_: object) -> Pixels:
        return Pixels()

    def encode(text: str, encoding: str | bytes) -> bytes:
        if _text(encoding) != "latin1":
            raise ValueError(f"bytes must be written as latin1, got {_text(encoding)}")
        return text.encode("latin1")

    return {
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy", "ndarray"): Pixels,
        ("numpy", "dtype"): Kind,
        ("_codecs", "encode"): encode,
    }


def _text(name: str | bytes) -> str:
    return name.decode("latin1") if isinstance(name, bytes) else str(name)
