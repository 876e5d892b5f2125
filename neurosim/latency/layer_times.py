"""What each layer of a chip takes of a sample, in a pass of its own: clocks between layers cost time themselves."""

from collections.abc import Callable

import numpy as np

from neurosim.chip import Chip, as_labels, as_samples
from neurosim.latency.clock import Clock
from neurosim.latency.loop import Moments
from neurosim.latency.samples import Calls
from neurosim.working import NO_LABELS, NO_MODULATORS, teachable


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
    for i, call in enumerate(calls.given):
        if stop():
            return times[:i]
        labels = as_labels([call[1] if len(call) > 1 else -1], 1) if learning else NO_LABELS
        samples = as_samples(call[0], chip.shape, 1)
        _, fault = teachable(chip.layers, 1, labels, calls.first + i) if learning else (1, None)
        if fault is not None:
            raise fault
        begun = clock.now()
        for place, (layer, memory) in enumerate(zip(chip.layers, scratch, strict=True)):
            room = layer.results(1, 1, 1)
            results, _, error = layer.take(samples, learning, memory, room, calls.first + i, labels, NO_MODULATORS)
            if error is not None:
                raise error
            samples = results.outputs
            ended = clock.now()
            times[i, place] = ended - begun
            begun = ended
    return times
