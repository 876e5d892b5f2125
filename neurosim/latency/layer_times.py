"""What each layer of a chip takes of a sample, in a pass of its own: clocks between layers cost time themselves."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.chip.one_by_one import OneByOne
from neurosim.chip.samples import as_labels, as_samples, teachable
from neurosim.errors import DivergedError, SampleError
from neurosim.latency.timing.clock import Clock
from neurosim.latency.timing.loop import placed
from neurosim.latency.timing.record import Moments
from neurosim.latency.timing.samples import Calls


def layer_times(
    chip: Chip,
    calls: Calls,
    learning: bool,
    clock: Clock,
    stop: Callable[[], bool],
) -> Moments:
    """Take samples in a closed loop, with a reading of the clock after each layer.

    Returns
    -------
    int64 (samples, layers)
        Nanoseconds, each with one reading of the clock in it. Checking the sample comes before the first.

    Raises
    ------
    SampleError, DivergedError
        As `Chip.learn_one` does.
    """
    one_by_one = OneByOne(chip.layers, chip.shape)
    times = np.full((len(calls.given), len(chip.layers)), -1, np.int64)
    for call in calls.given[:1]:  # memory that is new must not be met by the first sample: it responds once before
        one_by_one.sample[:] = as_samples(call[0], chip.shape, 1)[0]
        _through(one_by_one, False, clock)
    for i, call in enumerate(calls.given):
        if stop():
            return times[:i]
        one_by_one.sample[:] = as_samples(call[0], chip.shape, 1)[0]
        one_by_one.label[:] = as_labels([call[1] if len(call) > 1 else -1], 1)
        _, fault = teachable(chip.layers, 1, one_by_one.label, calls.first + i) if learning else (1, None)
        if fault is not None:
            raise fault
        try:
            times[i] = _through(one_by_one, learning, clock)
        except (SampleError, DivergedError) as error:
            raise placed(error, calls, i) from error
    return times


def _through(one_by_one: OneByOne, learning: bool, clock: Clock) -> list[int]:
    """Take the sample through all layers, and return the nanoseconds in each."""
    moments = [clock.now()]
    for runner, samples, *_ in one_by_one.steps:
        taken = runner.run(samples, learning)
        if taken.error is not None:
            raise taken.error
        moments.append(clock.now())
    return [after - before for before, after in pairwise(moments)]
