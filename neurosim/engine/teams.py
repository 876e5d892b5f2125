"""Threads that share the work of a sample in one layer, and BLAS limited to one thread meanwhile.

A kernel divides its stages among the threads itself, matrix products too, and the threads meet between stages
(`kernels/conv/team.py`). BLAS must not start threads of its own for such a part: they would compete for the cores, and
the order of its sums would depend on their number.

An interrupt may reach the caller between any two lines. The next call repairs what it left behind.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from queue import SimpleQueue
from threading import Lock, RLock, Thread, get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import LibController

Loop = Callable[..., tuple[int, int]]


class Blas:
    """The BLAS library that the kernels call; its number of threads is a setting of the whole process."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), set[int]()  # threads that need it limited to one thread
        self._wanted = 1

    def renew(self) -> None:
        """Start afresh after a fork: the threads that had it limited do not exist in the child."""
        if self._users:
            _set(self._wanted)
        self._lock, self._users = Lock(), set()

    @contextmanager
    def quiet(self) -> Iterator[int]:
        """Limit BLAS to one thread; give the number it had, which is how many the caller may use."""
        with self._lock:
            if not self._users:
                self._wanted = max([library.num_threads or 1 for library in _libraries()], default=1)
            self._users.add(get_ident())
            _set(1)
        try:
            yield self._wanted
        finally:
            with self._lock:
                if self._users <= {get_ident()}:
                    _set(self._wanted)
                self._users.discard(get_ident())  # last: after an interrupt, the number is still known


@cache
def _libraries() -> "list[LibController]":
    import scipy.linalg  # noqa: F401  loads the one that the kernels call
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library for library in found if "scipy" in str(library.filepath)] or list(found)


def _set(number: int) -> None:
    for library in _libraries():
        # Since 3.8 the public method works only in the thread that called it first.
        getattr(library, "_real_set_num_threads", library.set_num_threads)(number)


class Crew:
    """The helper threads of the process, started when they are first needed. One team has them at a time."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Start afresh: threads do not survive a fork."""
        self._busy = RLock()  # reentrant, so that a thread is not stopped by what it left locked when interrupted
        self._jobs: SimpleQueue[tuple[Loop, tuple[Any, ...], SimpleQueue[None]]] = SimpleQueue()
        self._size = 0

    @contextmanager
    def team(self, size: int) -> Iterator[int]:
        """Give how many of `size` threads a team may have: all, or one if another team is at work."""
        free = size > 1 and self._busy.acquire(blocking=False)
        try:
            yield size if free and self._grow(size - 1) else 1
        finally:
            if free:
                self._busy.release()

    def _grow(self, size: int) -> bool:
        try:
            while self._size < size:
                Thread(target=_work, args=(self._jobs,), name="neurosim", daemon=True).start()
                self._size += 1
        except RuntimeError:  # the system has no more threads, or the interpreter is shutting down
            return False
        return True

    def run(self, loop: Loop, calls: list[tuple[Any, ...]], absent: Callable[[], None]) -> tuple[int, int]:
        """Call the loop once for each tuple of arguments, all at the same time; return what the first call returned.

        `absent` tells the threads that wait for the first call that it will not happen: an interrupt may precede it.
        """
        done: SimpleQueue[None] = SimpleQueue()
        try:
            for call in calls[1:]:
                self._jobs.put((loop, call, done))
            result = loop(*calls[0])
        except BaseException:
            absent()
            raise
        for _ in calls[1:]:
            done.get()
        return result


def _work(jobs: "SimpleQueue[tuple[Loop, tuple[Any, ...], SimpleQueue[None]]]") -> None:
    while True:
        loop, call, done = jobs.get()
        loop(*call)
        del loop, call  # or a chip would live until the next job
        done.put(None)


BLAS, CREW = Blas(), Crew()


def _after_fork() -> None:
    BLAS.renew()
    CREW.renew()


os.register_at_fork(after_in_child=_after_fork)
