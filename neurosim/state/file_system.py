"""Steps of writing a file that some file systems lack: what can be done without them is done, with a warning.

Network, FUSE, FAT and container file systems refuse hard links, modes, locks or the flushing of folders, each by
another error. None of these steps decides whether a file is whole.
"""

import errno
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from neurosim.errors import StorageWarning

# What systems answer where a step is not offered. A full or broken disk (ENOSPC, EIO) is not among them.
LACKING = frozenset(
    {
        errno.EPERM, errno.EACCES, errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP,
        errno.EMLINK, errno.EXDEV, errno.ENOTTY, errno.ENOLCK,
    }
)  # fmt: skip

LINKS = 100  # attempts to link a file that other writers keep replacing


@contextmanager
def where_offered(consequence: str) -> Iterator[None]:
    """Do a step; if the file system lacks it, warn of the consequence and go on.

    Raises
    ------
    OSError
        If the step fails for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in LACKING:
            raise
        _warn(consequence, error)


def flush(path: Path, file: BinaryIO) -> None:
    """Flush an open file to the disk."""
    file.flush()
    with where_offered(f"{path.parent}: what is written there may be lost if the machine stops"):
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush the names of a folder to the disk; the files themselves are whole already, so no error ends anything."""
    try:
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        _warn(f"{folder}: the newest file there may be lost if the machine stops", error)


def keep_mode(path: Path, mode: int, file: int | None = None) -> None:
    """Give a file a mode, by its descriptor if it is open."""
    with where_offered(f"{path.parent}: files written there have the mode that the file system gives them"):
        if file is None:
            path.chmod(mode)
        else:
            os.fchmod(file, mode)


def second_name(path: Path, name: Path) -> bool:
    """Give a file a second name, or copy it where there are no hard links; return whether the name is there.

    Raises
    ------
    OSError
        If the disk is full or broken, and a hard link fails for this.
    """
    name.unlink(missing_ok=True)
    try:
        _link(path, name)
    except OSError as error:
        if error.errno not in LACKING:
            raise
    else:
        return True
    try:
        shutil.copyfile(path, name)
        with suppress(OSError):
            shutil.copymode(path, name)
    except OSError as error:
        with suppress(OSError):
            name.unlink(missing_ok=True)
        _warn(f"{path}: the file before this one is not kept", error)
        return False
    return True


def _link(path: Path, name: Path) -> None:
    """Link a file; again where another writer replaced it at that instant, of which systems say that it is missing."""
    for _ in range(LINKS - 1):
        with suppress(FileNotFoundError):
            return os.link(path, name)
    return os.link(path, name)


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect the texts of StorageWarnings, each once, instead of showing them; other warnings are shown afterwards."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", StorageWarning)
        try:
            yield notes
        finally:
            storage = [str(one.message) for one in caught if issubclass(one.category, StorageWarning)]
            notes += dict.fromkeys(storage)
    for one in caught:
        if not issubclass(one.category, StorageWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _warn(consequence: str, error: OSError) -> None:
    warnings.warn(f"{consequence} ({error.strerror or error})", StorageWarning, stacklevel=4)
