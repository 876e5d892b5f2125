"""When each measured sample was due, taken up and done."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.int64]


class Record(NamedTuple):
    """When samples were due, taken up and done: int64 (samples,) each, nanoseconds from the start of the first."""

    due: Moments
    start: Moments
    done: Moments

    @property
    def service(self) -> Moments:
        """What the chip took for each sample: done less start."""
        return self.done - self.start

    @property
    def response(self) -> Moments:
        """What passed from the moment a sample was due until it was done: waiting counts."""
        return self.done - self.due
