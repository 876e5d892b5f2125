"""The clock that latencies are measured with, and how the loop waits for a moment."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np

READINGS = 10_001  # odd, so that the median is one of them


class Clock(NamedTuple):
    """A clock that never runs backwards, and a way to wait for it.

    Attributes
    ----------
    now : callable
        Returns nanoseconds, an int.
    sleep : callable
        Sleeps for a number of seconds, or longer, as systems do.
    spin : int
        How many nanoseconds before a moment waiting changes from sleeping to reading the clock over and over.
    """

    now: Callable[[], int]
    sleep: Callable[[float], None]
    spin: int


REAL = Clock(time.perf_counter_ns, time.sleep, 1_000_000)


def wait(moment: int, clock: Clock, pause: Callable[[], AbstractContextManager[object]]) -> None:
    """Return at a moment of the clock, or at once if it is past; sleep within `pause`, then spin."""
    to_sleep = moment - clock.now() - clock.spin
    if to_sleep > 0:
        with pause():
            clock.sleep(to_sleep * 1e-9)
    while clock.now() < moment:
        pass


def reading_cost(clock: Clock) -> float:
    """Return how long one reading of the clock takes, in nanoseconds: the median of many in succession."""
    now = clock.now
    moments = [now() for _ in range(READINGS + 1)]
    return float(np.median(np.diff(moments)))
