"""Data sets as they are published: a tar archive, compressed or not, or the folder that it unpacks to."""

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NamedTuple

from neurosim.errors import StreamError
from neurosim.outside.arrays import shortened
from neurosim.outside.files import check_regular, check_unpacked, read_regular

ENDINGS = (".tar.gz", ".tar.xz", ".tar", ".tar.bz2", ".tar.zst", ".tgz", ".txz", ".tbz2")

# How a compressed file begins, and the module that opens it; zstd comes with Python 3.14.
COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "lzma", b"\x28\xb5\x2f\xfd": "compression.zstd"}
HEADERS = 1 << 20  # most bytes of what comes before a member: its header, and long names and attributes


class Form(NamedTuple):
    """How a data set is packed: the name of its unpacked folder, and that of its archive without the ending."""

    folder: str
    archive: str


def find(source: str, root: Path, forms: Iterable[Form]) -> tuple[Path, Form]:
    """Return the path of the first of the folders and archives that exists below `root`, and its form; read nothing."""
    name = source.partition(":")[0]
    for folder in (root, root / name):
        for form in forms:
            if (folder / form.folder).is_dir():
                return folder / form.folder, form
            for ending in ENDINGS:
                if (path := folder / f"{form.archive}{ending}").exists():
                    return path, form
    folders = " or ".join(form.folder for form in forms)
    archives = " or ".join(f"{form.archive}.tar.gz" for form in forms)
    raise StreamError(
        f"{source} must be at {root} or its folder {name}, as the folder {folders} or as the archive {archives} (also "
        f".tar.xz, .tar.bz2 or .tar): no such file; see --root, or fetch it by neurosim data get {name}"
    )


def read_files(path: Path, wanted: Sequence[str], largest: int, advice: str = "") -> dict[str, bytes]:
    """Return the content of the wanted files of a folder or an archive, by file name.

    Raises
    ------
    StreamError
        If the archive is damaged or no regular file, a file is missing, or one is larger than `largest` bytes;
        `advice` is added to that last message.
    """
    files = dict(_folder(path, wanted, largest) if path.is_dir() else _archive(path, wanted, largest))
    missing = [name for name in wanted if name not in files]
    if missing:
        raise StreamError(f"{path} must hold {', '.join(wanted)}; missing: {', '.join(missing)}")
    for name, content in files.items():
        if content is None:
            raise StreamError(f"{name} of {path} must be at most {largest} bytes, got more{advice}")
    return files  # type: ignore[return-value]


def _folder(path: Path, wanted: Sequence[str], largest: int) -> Iterator[tuple[str, bytes | None]]:
    for name in wanted:
        if (path / name).exists():
            yield name, read_regular(path / name, largest)


def _archive(path: Path, wanted: Sequence[str], largest: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield the wanted files in the archive's own order: seeking backwards in a compressed file is slow."""
    check_regular(path)
    missing, stored = set(wanted), path.stat().st_size
    try:
        with _unpacking(path) as file, tarfile.open(fileobj=(limited := _Limited(file)), mode="r|") as archive:  # type: ignore[call-overload]
            while missing and (member := limited.next_of(archive)) is not None:
                check_unpacked(f"{path}, up to its member {shortened(member.name)},", archive.offset, stored)
                name = member.name.rpartition("/")[2]
                plain = member.isfile() and not member.issparse()
                content = archive.extractfile(member) if name in missing and plain else None
                if content is not None:
                    missing.remove(name)
                    yield name, content.read() if member.size <= largest else None
    except StreamError:
        raise
    except Exception as error:  # damage may raise anything, from tarfile, gzip, lzma or zlib
        why = shortened(str(error) or type(error).__name__, 200)
        raise StreamError(f"{path} must be a whole tar archive that can be read: {why}") from error


def _unpacking(path: Path) -> BinaryIO:
    """Open an archive for reading, decompressed, whatever its ending says."""
    with path.open("rb") as file:
        magic = file.read(6)
    for begins, module in COMPRESSIONS.items():
        if magic.startswith(begins):
            try:
                opener = import_module(module).open
            except ImportError:
                raise StreamError(f"{path} must be compressed by gzip, xz or bzip2, got zstd; repack it") from None
            return opener(path, "rb")  # type: ignore[no-any-return]
    return path.open("rb")


class _Limited:
    """A file that tarfile reads from: headers before a member may take `HEADERS` bytes, and no more.

    An extended header is as long as it says, and is kept in memory; the map of a sparse file ends where it says.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._count, self._most = file, 0, HEADERS

    def next_of(self, archive: tarfile.TarFile) -> tarfile.TarInfo | None:
        """Return the next member of an archive, None after the last."""
        self._most = max(self._count, archive.offset) + HEADERS
        member = archive.next()
        self._most = max(self._count, archive.offset) + HEADERS
        return member

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer at the end."""
        if self._count > self._most:
            raise ValueError(f"the headers before a member take more than {HEADERS} bytes")
        data = self._file.read(size)
        self._count += len(data)
        return data
