"""Single samples of a chip timed by the clock inside its loops, which Python's own cost does not reach."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from neurosim.chip.chip import Chip
from neurosim.chip.one_by_one import OneByOne


@contextmanager
def timed_inside(chip: Chip) -> Iterator[Callable[[], int]]:
    """Yield a function that returns how long the last call of `learn_one` or `respond_one` was in the loops.

    In nanoseconds: from when a layer's loop took the sample until its results were written and the layer had learned
    from it; of several layers the sum. The same as `neurosim.online.report.Report.latencies` is made of.
    """
    # The chip's own memory for single samples has no clock: reading one takes as long as a fiftieth of a small layer's
    # whole sample, and many times that where the system emulates its clock.
    usual = vars(chip).get("_one_by_one")
    one_by_one = vars(chip)["_one_by_one"] = OneByOne(chip.layers, chip.shape, timing=True)
    try:
        yield one_by_one.nanoseconds
    finally:
        if usual is None:
            del vars(chip)["_one_by_one"]
        else:
            vars(chip)["_one_by_one"] = usual
