"""One run at a time: a lock of the system on a file, or, where the file system has no locks, a file with its owner."""

import fcntl
import json
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from neurosim.errors import StorageWarning


class Taken(Exception):  # noqa: N818 - an answer, which the caller words
    """Another run has it; the text, which may be empty, says who, and what to do."""


@contextmanager
def locked(lock: Path, owner: Path) -> Iterator[None]:
    """Hold the file `lock` by a lock of the system, or, where there are none, the file `owner`.

    Raises
    ------
    Taken
        If another run has it.
    OSError
        If the file cannot be made.
    """
    new = not lock.exists()
    file, why = _locked_file(lock)
    if file is None:
        if new:
            lock.unlink(missing_ok=True)
        with _owned(owner, why):
            yield
        return
    try:
        _refuse_owned(owner)
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(file)


@contextmanager
def _owned(owner: Path, why: str) -> Iterator[None]:
    """Hold the file that names this process."""
    _own(owner)
    text = f"{owner.parent} has no locks ({why}), so {owner.name} names the run that has the state until it ends"
    try:
        warnings.warn(text, StorageWarning, stacklevel=4)
        yield
    finally:
        with suppress(OSError):
            owner.unlink(missing_ok=True)


def _refuse_owned(owner: Path) -> None:
    """Refuse what a run has that found no locks here, such as one on another machine; remove what a dead one left."""
    if not owner.exists():
        return
    text, taken = _read(owner)
    if text and taken:
        raise Taken(taken)
    if text:
        owner.unlink(missing_ok=True)


def _locked_file(lock: Path) -> tuple[int | None, str]:
    """Create and lock a file; begin again if its last holder removed it in between.

    Returns None, and why, if the file system has no locks.
    """
    while True:
        file = os.open(lock, os.O_CREAT | os.O_WRONLY, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.fstat(file).st_ino == os.stat(lock).st_ino:
                    return file, ""
        except BlockingIOError:
            os.close(file)
            raise Taken from None
        except OSError as error:
            os.close(file)
            return None, str(error.strerror)
        os.close(file)


def _own(owner: Path) -> None:
    """Create the file that names this process, in place of one whose process is dead."""
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "process_start": started(os.getpid()),
                       "since": datetime.now(UTC).isoformat(timespec="seconds")})  # fmt: skip
    try:
        _create(owner, text)
    except FileExistsError:
        _take_over(owner, text)


def _create(path: Path, text: str) -> None:
    """Create a file, which must not be there, with a text."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    with open(file, "w") as opened:
        opened.write(text)


def _take_over(owner: Path, text: str) -> None:
    """Replace the file of a dead process; of several that try, one succeeds."""
    before, taken = _read(owner)
    if taken:
        raise Taken(taken)
    turn = owner.with_name(owner.name + "-turn")
    try:
        _create(turn, text)
    except FileExistsError:
        raise Taken(f"it is just being taken over; if not, remove {turn}") from None
    try:
        with suppress(FileNotFoundError):
            if owner.read_text() == before:
                owner.unlink()
        try:
            _create(owner, text)
        except FileExistsError:
            raise Taken from None
    finally:
        turn.unlink(missing_ok=True)


def _read(owner: Path) -> tuple[str, str]:
    """Return the text of an owner's file, and who has it; nobody if the process was on this host and is dead.

    The text is empty if it does not name a process.
    """
    remove = f"remove {owner} if no run uses it"
    try:
        text = owner.read_text()
        names = json.loads(text)
        pid, host, began, since = int(names["pid"]), names["host"], names["process_start"], names["since"]
    except (OSError, ValueError, LookupError, TypeError):
        return "", f"{owner.name} does not say which; {remove}"
    if host == socket.gethostname() and not (alive(pid) and began in (None, started(pid))):
        return text, ""
    return text, f"process {pid} on {host} since {since}; {remove}"


def alive(process: int) -> bool:
    """Tell whether a process may still write; a zombie, ended and not yet waited for, may not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    fields = _status(process)
    return not fields or fields[0] not in ("Z", "X")


def started(process: int) -> str | None:
    """Return when a process began, in the system's own unit, so that another one of its number is told apart.

    None where the system does not say.
    """
    fields = _status(process)
    return fields[19] if len(fields) > 19 else None


def _status(process: int) -> list[str]:
    """Return what Linux says of a process, from its state on; empty elsewhere."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b") ")[2].decode().split()
    return []
