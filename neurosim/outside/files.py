"""Files from outside: only regular ones are opened, and what they declare is compared with what they hold."""

import os
import stat
from pathlib import Path

from neurosim.errors import StreamError

ALWAYS = 256 << 20  # bytes that may be unpacked from a file of any size
LARGEST_RATIO = 200  # of more than that to the stored bytes: deflate packs zeros 1000 to 1, and numbers hardly 100 to 1
PIECE = 1 << 20  # bytes read at a time of what may not end

KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


def other_than_regular(path: str | os.PathLike[str]) -> str | None:
    """Return what is at a path if it is not a regular file, in words; None if it is one.

    A pipe would be waited for, and a device may have no end.

    Raises
    ------
    OSError
        If there is nothing that can be looked at.
    """
    mode = os.stat(path).st_mode
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "something else")


def check_regular(path: str | os.PathLike[str], what: str = "") -> None:
    """Refuse anything but a regular file, before it is opened; links to one are followed. `what` is for the error.

    Raises
    ------
    StreamError
        If it is a folder, a pipe or a device, or there is nothing at the path.
    """
    try:
        other = other_than_regular(path)
    except (OSError, ValueError) as error:  # ValueError: the path has a null character
        raise StreamError(f"{what or os.fspath(path)!s} must be a file that can be read, but: {error}") from error
    if other is not None:
        advice = "only the source - reads from a pipe"
        raise StreamError(f"{what or os.fspath(path)!s} must be a regular file, got {other}; {advice}")


def read_regular(path: Path, largest: int | None = None) -> bytes | None:
    """Return the content of a regular file; None if it is larger than `largest` bytes."""
    check_regular(path)
    if largest is not None and path.stat().st_size > largest:
        return None
    return path.read_bytes()


def check_unpacked(what: str, size: int, stored: int, advice: str = "") -> None:
    """Refuse to unpack what declares far more bytes than are stored: a bomb.

    Parameters
    ----------
    what : str
        Name of the data, for the error.
    size : int
        Bytes that it declares.
    stored : int
        Bytes that it takes as it is stored.
    advice : str
        Another way to store it.

    Raises
    ------
    StreamError
        If `size` is above `ALWAYS`, and more than `LARGEST_RATIO` times `stored`.
    """
    if size > max(ALWAYS, LARGEST_RATIO * stored):
        rule = f"at most {LARGEST_RATIO} times the {stored} bytes that are stored, or {ALWAYS} bytes"
        raise StreamError(f"{what} must unpack to {rule}, got {size} bytes" + (f"; {advice}" if advice else ""))
