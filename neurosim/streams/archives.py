"""Data sets as they are published: a tar archive, compressed or not, or the folder that it unpacks to."""

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from neurosim.errors import StreamError

ENDINGS = (".tar.gz", ".tar.xz", ".tar", ".tar.bz2", ".tar.zst", ".tgz", ".txz", ".tbz2")


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
        If the archive is damaged, a file is missing, or one is larger than `largest` bytes; `advice` is added to that
        last message.
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
            yield name, (path / name).read_bytes() if (path / name).stat().st_size <= largest else None


def _archive(path: Path, wanted: Sequence[str], largest: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield the wanted files in the archive's own order: seeking backwards in a compressed file is slow."""
    missing = set(wanted)
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if name in missing and member.isfile() else None
                if file is not None:
                    missing.remove(name)
                    yield name, file.read() if member.size <= largest else None
                if not missing:
                    return
    except Exception as error:  # damage may raise anything, from tarfile, gzip, lzma or zlib
        raise StreamError(f"{path} must be a whole tar archive that can be read: {error}") from error
