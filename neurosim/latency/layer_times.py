"""What each layer of a chip takes of a sample, in a pass of its own: clocks between layers cost time themselves."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from neurosim.chip import Chip, as_labels, as_samples
from neurosim.errors import DivergedError, SampleError
from neurosim.latency.clock import Clock
from neurosim.latency.loop import Moments, placed
from neurosim.latency.samples import Calls
from neurosim.working import NO_LABELS, NO_MODULATORS, Array, teachable


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
    scratch = [layer.scratch() for layer in chip.layers]
    times = np.full((len(calls.given), len(chip.layers)), -1, np.int64)
    for call in calls.given[:1]:  # memory that is new must not be met by the first sample: it responds once before
        _through(chip, scratch, as_samples(call[0], chip.shape, 1), NO_LABELS, False, clock)
    for i, call in enumerate(calls.given):
        if stop():
            return times[:i]
        samples = as_samples(call[0], chip.shape, 1)
        labels = as_labels([call[1] if len(call) > 1 else -1], 1) if learning else NO_LABELS
        _, fault = teachable(chip.layers, 1, labels, calls.first + i) if learning else (1, None)
        if fault is not None:
            raise fault
        try:
            times[i] = _through(chip, scratch, samples, labels, learning, clock)
        except (SampleError, DivergedError) as error:
            raise placed(error, calls, i) from error
    return times


def _through(
    chip: Chip,
    scratch: list[Any],
    samples: Array,
    labels: Moments,
    learning: bool,
    clock: Clock,
) -> list[int]:
    """Take one sample through all layers, and return the nanoseconds in each."""
    moments = [clock.now()]
    for layer, memory in zip(chip.layers, scratch, strict=True):
        samples = layer.take_one(samples, learning, memory, labels, NO_MODULATORS).outputs
        moments.append(clock.now())
    return [after - before for before, after in pairwise(moments)]
