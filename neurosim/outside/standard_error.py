"""Standard error, kept clean of what libraries write past Python to its file descriptor."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_LOCK = Lock()
_users = 0  # blocks at work, in all threads
_kept: int | None = None  # where standard error led before the first of them; None if it is closed


@contextmanager
def silent_standard_error() -> Iterator[None]:
    """Let nothing through that is written to the descriptor of standard error in this block, by any thread.

    Blocks of several threads may overlap: the first one turns the descriptor away, and the last one turns it back. A
    block should be as short as the call that it is for, since other threads are not heard either.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _users, _kept
    with _LOCK:
        if _users == 0:
            _kept = _turned_away()
        _users += 1


def _leave() -> None:
    global _users, _kept
    with _LOCK:
        _users -= 1
        if _users == 0 and _kept is not None:
            os.dup2(_kept, 2)
            os.close(_kept)
            _kept = None


def _turned_away() -> int | None:
    """Let the descriptor lead nowhere; return where it led, or None if it is closed or no descriptor is left."""
    try:
        kept = os.dup(2)
    except OSError:
        return None
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        os.close(kept)
        return None
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept
