"""The loop that is measured: one sample a call, by the chip's pace or by the clock's."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from neurosim.errors import DivergedError, SampleError
from neurosim.latency.timing.clock import Clock, wait
from neurosim.latency.timing.machine import interruptions
from neurosim.latency.timing.record import Moments, Record
from neurosim.latency.timing.samples import Calls
from neurosim.online.stop import Stop


def never() -> bool:
    """Tell that nobody asked to stop."""
    return False


class Taken(NamedTuple):
    """A record, and what the system did to the process while it was made."""

    record: Record
    interruptions: dict[str, int]


def take(
    one: Callable[..., Any],
    calls: Calls,
    due: Moments | None,
    clock: Clock,
    *,
    warm_up: int = 0,
    stop: Callable[[], bool] = never,
    pause: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Taken:
    """Call `one` with each of `calls` in order, and write down when.

    Parameters
    ----------
    one : callable
        Takes a sample: only its call is timed.
    calls : Calls
        What it is called with.
    due : int64 (calls - warm_up,), optional
        Nanoseconds after the first that each is due; one that is late already is taken up at once. Without, each is due
        when the one before is done.
    clock : Clock
    warm_up : int
        Calls that come first, one right after the other, and are not written down.
    stop : callable
        Asked between samples; the loop ends early when it returns true.
    pause : callable
        Returns a context in which the loop sleeps; it may raise `Stop`.

    Returns
    -------
    Taken
        The record of the samples that were taken.

    Raises
    ------
    SampleError, DivergedError
        What `one` raised, with the place of the sample: a chip that takes one sample cannot know it.
    """
    # Filled, not empty: a page's first touch must not fall among the samples. Made before the warm-up: it would cool.
    starts, dones = (np.full(len(calls.given) - warm_up, -1, np.int64) for _ in range(2))
    offsets = None if due is None else due.tolist()
    warm, measured = calls.part(0, warm_up), calls.part(warm_up)
    for at, call in enumerate(warm.given):
        if stop():
            break
        try:
            one(*call)
        except (SampleError, DivergedError) as error:
            raise placed(error, warm, at) from error
    with interruptions() as came:
        origin, count = _measure(one, measured, offsets, clock, stop, pause, starts, dones)
    starts, dones = starts[:count], dones[:count]
    wanted = starts if due is None else due[:count] + origin
    begun = wanted[0] if count else 0
    return Taken(Record(wanted - begun, starts - begun, dones - begun), came)


def _measure(
    one: Callable[..., Any],
    calls: Calls,
    offsets: list[int] | None,
    clock: Clock,
    stop: Callable[[], bool],
    pause: Callable[[], AbstractContextManager[object]],
    starts: Moments,
    dones: Moments,
) -> tuple[int, int]:
    """Take samples, write down when, and return the moment that offsets count from and how many there were."""
    now, count = clock.now, 0
    origin = now() + 2 * clock.spin  # so that the first sample can be waited for like any other
    try:
        for i, call in enumerate(calls.given):
            if stop():
                break
            if offsets is not None:
                wait(origin + offsets[i], clock, pause)
            start = now()
            one(*call)
            dones[i] = now()
            starts[i] = start
            count = i + 1
    except Stop:
        pass
    except (SampleError, DivergedError) as error:
        raise placed(error, calls, count) from error
    return origin, count


def placed(error: SampleError | DivergedError, calls: Calls, at: int) -> SampleError | DivergedError:
    """Return an error of a chip that takes one sample, and cannot know its place, with that place."""
    return type(error)(f"{calls.source}, sample {calls.first + at}, taken by itself: {error}")
