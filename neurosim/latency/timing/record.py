"""When each measured sample was due, started and done."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.int64]


class Record(NamedTuple):
    """When samples were due, started and done: int64 (samples,) each, in nanoseconds after the first one was due."""

    due: Moments
    start: Moments
    done: Moments

    @property
    def service(self) -> Moments:
        """Service time, which the chip took for each sample: done less start."""
        return self.done - self.start

    @property
    def response(self) -> Moments:
        """Response time, which includes waiting: done less due."""
        return self.done - self.due
