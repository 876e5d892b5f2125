"""The clock that latencies are read from, and how a moment is waited for."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np

READINGS = 10_001  # odd, so that the median is one of them


class Clock(NamedTuple):
    """A clock that never runs backwards, and a way to let it run.

    Attributes
    ----------
    now : callable
        Returns nanoseconds, an int.
    sleep : callable
        Takes seconds; may sleep longer, as systems do.
    spin : int
        Nanoseconds before a moment from which on the clock is read over and over, and no longer slept.
    """

    now: Callable[[], int]
    sleep: Callable[[float], None]
    spin: int


REAL = Clock(time.perf_counter_ns, time.sleep, 1_000_000)


def wait(moment: int, clock: Clock, pause: Callable[[], AbstractContextManager[object]]) -> None:
    """Return at a moment of the clock, or at once if it is past; sleep within `pause`, then spin."""
    left = moment - clock.now() - clock.spin
    if left > 0:
        with pause():
            clock.sleep(left * 1e-9)
    while clock.now() < moment:
        pass


def reading_cost(clock: Clock) -> float:
    """Return what one reading of the clock takes, in nanoseconds: the median of those right after one another."""
    now = clock.now
    moments = [now() for _ in range(READINGS + 1)]
    return float(np.median(np.diff(moments)))
