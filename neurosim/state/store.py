"""The store: state files are replaced whole or not at all, and verified before they are read.

A file is written under another name, flushed to the disk, closed, read back and compared, and only then renamed to
its own; the file that had that name becomes `NAME.previous`. `neurosim.state.checksum` verifies what is read,
`neurosim.state.format` says what is in it.
"""

import glob
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from neurosim.errors import ConfigError, StateError
from neurosim.state import checksum
from neurosim.state import format as state_format
from neurosim.state.arrays import check_finite
from neurosim.state.checksum import CHIP, KINDS, PIECE, Kind
from neurosim.state.file_system import flush, flush_folder, keep_mode, second_name
from neurosim.state.format import Contents
from neurosim.state.locks import Taken, alive, locked

Read = TypeVar("Read")
LONGEST_NAME = 200  # bytes, so that the draft's name beside it fits too
# What parsing may raise where a file has the right checksum and yet was not written by us.
PARSING_ERRORS = (OSError, LookupError, ValueError, ArithmeticError, RuntimeError, TypeError, AttributeError)


def previous(path: Path) -> Path:
    """Return the name under which the state file before the current one is kept."""
    return path.with_name(path.name + ".previous")


@contextmanager
def claim(path: str | Path, kind: Kind = CHIP) -> Iterator[None]:
    """Reserve a state file for one run; one that cannot be written is found out here, not at the first snapshot.

    Raises
    ------
    StateError
        If another process has reserved it, or its folder cannot be written to.
    """
    path = _real_path(path)
    if fault := _folder_fault(path):
        raise StateError(f"state {path} must be in a folder that can be written, but {fault}")
    _check_names(path, kind)
    with ExitStack() as contexts:
        try:
            contexts.enter_context(locked(_lock_of(path), _owner_of(path)))
        except Taken as answer:
            who = f": {answer}" if str(answer) else ""
            raise StateError(f"state {path} must be used by one run at a time, and another one has it{who}") from None
        except OSError as error:
            raise StateError(f"state {path} must be in a folder that can be written, but: {error}") from error
        with suppress(OSError):  # a draft that cannot be removed does no harm
            _remove_old_drafts(path)
        try:
            yield
        finally:
            with suppress(OSError):
                _remove_old_drafts(path)  # again: the writer of a killed run may still have been at work the first time


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _owner_of(path: Path) -> Path:
    return path.with_name(path.name + ".owner")


def save(path: str | Path, contents: Contents) -> None:
    """Write a state file as `write` does, and refuse the state of a chip that has diverged.

    Raises
    ------
    StateError
        As `write`, or if an array is not finite; the file that is there stays whole.
    """
    check_learned(path, contents)
    write(path, contents)


def check_learned(path: str | Path, contents: Contents) -> None:
    """Refuse the state of a chip that has diverged, by StateError."""
    try:
        for layer in contents.layers:
            check_finite(layer)
    except ValueError as error:
        raise StateError(f"state {path} is not written: {error}; the chip has diverged") from None


def write(path: str | Path, contents: Contents) -> None:
    """Write a chip's state file, as `replace` does."""
    replace(path, lambda: state_format.image(contents), CHIP)


def replace(path: str | Path, image: Callable[[], tuple[bytes, bytes]], kind: Kind) -> None:
    """Write a file; at every instant, `path` is either the old file, whole, or the new one, whole.

    Parameters
    ----------
    path : path
    image : callable
        Returns the file's bytes: its user block, and what follows.
    kind : Kind
        A file of another kind is left alone.

    Raises
    ------
    StateError
        If the file cannot be written; the file that is there stays whole.
    """
    path = _real_path(path)
    draft = path.with_name(f"{path.name}.draft-{os.getpid()}-{threading.get_native_id()}")
    link = path.with_name(draft.name + "-previous")
    if fault := _folder_fault(path):
        raise StateError(f"state {path} must be writable, but writing failed: {fault}")
    _check_names(path, kind)
    try:
        _remove_old_drafts(path)
        head, body = image()
        with draft.open("wb") as file:
            if path.exists():
                keep_mode(draft, path.stat().st_mode & 0o777, file.fileno())
            file.write(head)
            file.write(body)
            flush(draft, file)
        _compare(draft, head, body)
        _put_in_place(draft, link, path, kind)
    except OSError as error:
        for leftover in (draft, link):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
        raise StateError(f"state {path} must be writable, but writing failed: {error}{standing(path)}") from error


def standing(path: Path) -> str:
    """Return the end of an error message: that the file which was written before is whole, if there is one."""
    return "; what stands there is whole" if os.path.exists(path) else "; nothing stands there yet"


def read(path: str | Path) -> Contents:
    """Read a chip's state file, as `read_as` does."""
    return read_as(path, CHIP, state_format.contents)


def read_as(
    path: str | Path,
    kind: Kind,
    contents: Callable[[BinaryIO], Read],
    advice: Callable[[], str] | None = None,
) -> Read:
    """Read a file of a kind, by a function that is called once its checksum is right.

    `advice` returns the end of an error's message, in place of what is said of the file before it.

    Raises
    ------
    StateError
        If the file is missing, damaged, foreign or of a newer version; the message names the file before it, if that
        is whole.
    """
    path = _real_path(path)
    advise = advice or partial(_advice, path, kind)
    try:
        with path.open("rb") as file:  # opened once: a run may replace the file meanwhile
            checksum.verify(file, kind)
            return contents(file)
    except FileNotFoundError:
        raise StateError(f"state {path} must be a file, and there is none{advise()}") from None
    except StateError as error:
        raise StateError(f"state {path} {error}{advise()}") from error.__cause__
    except PARSING_ERRORS as error:
        raise StateError(f"state {path} must be a whole state file, but: {error}{advise()}") from error


def is_state(path: str | Path) -> bool:
    """Tell whether there is a file at a path that begins as state files of chips do."""
    return kind_of(path) is CHIP


def kind_of(path: str | Path) -> Kind | None:
    """Return of which kind the file at a path is by how it begins; None if it is of none, or there is no file."""
    if not os.path.isfile(path):  # opening a pipe would wait for its other end
        return None
    try:
        with open(path, "rb") as file:
            head = file.read(max(len(kind.magic) for kind in KINDS))
    except OSError:
        return None
    return next((kind for kind in KINDS if head.startswith(kind.magic)), None)


def _real_path(path: str | Path) -> Path:
    """Return the path with links followed: a link's target is the file to replace."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise ConfigError("state", "a path", type(path).__name__)
    real_path = Path(os.path.realpath(path)) if os.path.basename(path) not in {"", ".", ".."} else None
    if real_path is None or (os.path.exists(real_path) and not os.path.isfile(real_path)):
        raise StateError(f"state must name a file, got {os.fspath(path)!r}")
    return real_path


def _folder_fault(path: Path) -> str:
    """Return that a file's folder is not there; else an error would name a file beside it. Empty if it is there."""
    try:
        if stat.S_ISDIR(path.parent.stat().st_mode):
            return ""
    except FileNotFoundError:
        return f"the folder {path.parent} is missing: create it first"
    except OSError:
        return ""  # writing there will say what is wrong
    return f"{path.parent} is not a folder"


def _check_names(path: Path, kind: Kind) -> None:
    """Refuse a name if that file, or one that goes with it, exists and is not ours: it would be replaced or removed."""
    for name in (path, previous(path)):
        if os.path.lexists(name) and (other := kind_of(name)) is not kind:
            what = "another" if other is None else other.opened_by
            raise StateError(f"state {name} must be a new name or a {kind.name}, and is {what}: it is left alone")
    lock = _lock_of(path)
    if os.path.lexists(lock) and (not os.path.isfile(lock) or os.path.getsize(lock) > 0):
        raise StateError(f"state {path} must have {lock.name} to itself, and that is another file: it is left alone")
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise StateError(f"state must have a name of at most {LONGEST_NAME} bytes, got {len(os.fsencode(path.name))}")


def _advice(path: Path, kind: Kind) -> str:
    """Return the end of an error message: the name of the state file before this one, if that is whole."""
    older = previous(path)
    if kind_of(older) is not kind:
        return ""
    try:
        with older.open("rb") as file:
            checksum.verify(file, kind)
            position = state_format.position(file)
    except PARSING_ERRORS:  # StateError is an OSError
        return ""
    return f"; the generation before it, {older}, is whole, at sample {position}: move it here to go on from there"


def _compare(draft: Path, head: bytes, body: bytes) -> None:
    """Read back what was written; raise OSError if it differs."""
    with draft.open("rb") as file:
        whole = file.read(len(head)) == head
        for first in range(0, len(body), PIECE):
            whole = whole and file.read(PIECE) == body[first : first + PIECE]
    if not whole:
        raise OSError("what was read back differs from what was written")


def _put_in_place(draft: Path, link: Path, path: Path, kind: Kind) -> None:
    """Make the draft the current file, and the file that was current, if it is whole, the previous one."""
    keep = path.exists() and _is_whole(path, kind) and second_name(path, link)
    os.replace(draft, path)
    if keep:
        os.replace(link, previous(path))
        link.unlink(missing_ok=True)  # still there if another writer linked the same file: both names were one
    flush_folder(path.parent)


def _is_whole(path: Path, kind: Kind) -> bool:
    """Tell whether a file's checksum is right."""
    try:
        with path.open("rb") as file:
            checksum.verify(file, kind)
    except OSError:  # StateError is one
        return False
    return True


def _remove_old_drafts(path: Path) -> None:
    """Remove drafts of processes that were killed while they wrote."""
    for draft in path.parent.glob(f"{glob.escape(path.name)}.draft-*"):
        owner = draft.name.removeprefix(f"{path.name}.draft-").partition("-")[0]
        if owner.isdigit() and not alive(int(owner)):
            draft.unlink(missing_ok=True)
