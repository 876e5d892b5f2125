"""The loop that is measured: one sample a call, at the chip's pace (closed loop) or by the clock (open loop)."""

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


class Columns(NamedTuple):
    """Memory for what is noted of each sample: int64 (samples,) each."""

    starts: Moments
    dones: Moments
    loops: Moments


def never() -> bool:
    """Return False: the default of `stop`."""
    return False


class Taken(NamedTuple):
    """What was measured.

    Attributes
    ----------
    record : Record
    interruptions : dict
        How often the process was interrupted meanwhile: see `machine.interruptions`.
    inside : int64 (samples,)
        Nanoseconds of each sample inside the chip's loops; zeros where nobody asks.
    """

    record: Record
    interruptions: dict[str, int]
    inside: Moments


def nothing() -> int:
    """Return 0: the default of `inside`."""
    return 0


def take(
    one: Callable[..., Any],
    calls: Calls,
    due: Moments | None,
    clock: Clock,
    *,
    warm_up: int = 0,
    inside: Callable[[], int] = nothing,
    stop: Callable[[], bool] = never,
    pause: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Taken:
    """Call `one` with each of `calls` in order, and record when.

    Parameters
    ----------
    one : callable
        Takes a sample; only this call is timed.
    calls : Calls
        The arguments of each call.
    due : int64 (calls - warm_up,), optional
        When each sample is due, in nanoseconds after the first; one that is late is started at once. By default each is
        due when the one before is done.
    clock : Clock
    warm_up : int
        How many calls come first, each directly after the other, and are not recorded.
    inside : callable
        Returns how long the last call was inside the chip's loops; called after each sample, and not timed.
    stop : callable
        Called between samples; the loop ends early when it returns true.
    pause : callable
        Returns a context in which the loop sleeps; it may raise `Stop`.

    Returns
    -------
    Taken
        The record of the samples that were measured.

    Raises
    ------
    SampleError, DivergedError
        What `one` raised, with the number of the sample in the stream, which a chip that takes one sample cannot know.
    """
    # Filled, so that no page is touched for the first time during the measurement; and made before the warm-up, as
    # filling would evict from the caches what the warm-up brings there.
    columns = Columns(*(np.full(len(calls.given) - warm_up, -1, np.int64) for _ in range(3)))
    offsets = None if due is None else due.tolist()
    warm, measured = calls.cut(0, warm_up), calls.cut(warm_up)
    for i, call in enumerate(warm.given):
        if stop():
            break
        try:
            one(*call)
        except (SampleError, DivergedError) as error:
            raise placed(error, warm, i) from error
    with interruptions() as counts:
        origin, count = _measure(one, measured, offsets, clock, inside, stop, pause, columns)
    starts, dones, loops = (column[:count] for column in columns)
    moments_due = starts if due is None else due[:count] + origin
    begun = moments_due[0] if count else 0
    return Taken(Record(moments_due - begun, starts - begun, dones - begun), counts, loops)


def _measure(
    one: Callable[..., Any],
    calls: Calls,
    offsets: list[int] | None,
    clock: Clock,
    inside: Callable[[], int],
    stop: Callable[[], bool],
    pause: Callable[[], AbstractContextManager[object]],
    columns: Columns,
) -> tuple[int, int]:
    """Run the samples and record when; return the moment that offsets count from, and how many samples were run."""
    now, count, (starts, dones, loops) = clock.now, 0, columns
    origin = now() + 2 * clock.spin  # in the future, so that the loop waits for the first sample as for any other
    try:
        for i, call in enumerate(calls.given):
            if stop():
                break
            if offsets is not None:
                wait(origin + offsets[i], clock, pause)
            start = now()
            one(*call)
            dones[i] = now()
            starts[i], loops[i] = start, inside()
            count = i + 1
    except Stop:
        pass
    except (SampleError, DivergedError) as error:
        raise placed(error, calls, count) from error
    return origin, count


def placed(error: SampleError | DivergedError, calls: Calls, i: int) -> SampleError | DivergedError:
    """Return the error of call `i` with the sample's number in the stream in its message."""
    return type(error)(f"{calls.source}, sample {calls.first + i}, taken by itself: {error}")
