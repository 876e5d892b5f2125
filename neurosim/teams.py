"""Threads that carry a sample through a layer together: who they are, how many, and BLAS quiet meanwhile.

A kernel shares out its stages itself, matrix products too, and the threads meet between stages (`kernels/conv.py`). So
BLAS must not take threads of its own for the shares: they would get into the way of the team.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import LibController, ThreadpoolController

Loop = Callable[..., tuple[int, int]]


class _Blas:
    """The process's libraries of linear algebra: their number of threads is one while a team is at work."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        self._threads: list[int] = []

    @contextmanager
    def quiet(self) -> Iterator[int]:
        """Set BLAS to one thread; give the number it had, which is how many the caller may use."""
        with self._lock:
            if self._users == 0:
                self._threads = [library.num_threads or 1 for library in _libraries()]
                self._set([1] * len(self._threads))
            self._users += 1
        try:
            yield max(self._threads, default=1)
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._set(self._threads)

    @staticmethod
    def _set(threads: list[int]) -> None:
        for library, number in zip(_libraries(), threads, strict=True):
            library.set_num_threads(number)


@cache
def _libraries() -> list[LibController]:
    import scipy.linalg  # noqa: F401  loads the one that the kernel calls

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


BLAS = _Blas()


class Crew:
    """The helpers of one layer: threads that wait for work, made when there first is any."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._size, self._process = 0, 0

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Crew, ()  # a copy gets threads of its own

    def run(self, loop: Loop, calls: list[tuple[Any, ...]], absent: Callable[[], None]) -> tuple[int, int]:
        """Call the loop once for each tuple of arguments, all at the same time; return what the first call returned.

        `absent` tells those that wait for the first call that it will not come: an interrupt may arrive before it.
        """
        helpers = self._helpers(len(calls) - 1)
        at_work = []
        try:
            at_work = [helpers.submit(loop, *call) for call in calls[1:]]
            return loop(*calls[0])
        except BaseException:
            absent()
            raise
        finally:
            for helper in at_work:
                helper.result()

    def _helpers(self, size: int) -> ThreadPoolExecutor:
        if self._pool is None or self._size < size or self._process != os.getpid():  # threads do not survive a fork
            self._pool = ThreadPoolExecutor(size, thread_name_prefix="neurosim")
            self._size, self._process = size, os.getpid()
        return self._pool
