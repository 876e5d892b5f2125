"""What goes into a layer: a chunk of samples, with their labels and modulators."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
NO_LABELS, NO_MODULATORS = np.empty(0, np.int64), np.empty(0, np.float32)


class Samples(NamedTuple):
    """A chunk of samples.

    Attributes
    ----------
    values : float32 (samples, inputs), C order
    labels : int64 (samples,) or (0,)
        -1 where there is none; empty: unsupervised.
    modulators : float32 (samples,) or (0,)
        Factors of the learning step; empty: all are 1.
    """

    values: Array
    labels: Labels = NO_LABELS
    modulators: Array = NO_MODULATORS

    def cut(self, start: int, stop: int) -> "Samples":
        """Return the samples from `start` to before `stop`."""
        if start == 0 and stop == len(self.values):
            return self
        return Samples(self.values[start:stop], self.labels[start:stop], self.modulators[start:stop])


def single(inputs: int) -> Samples:
    """Return memory for one sample: without a label, of modulator 1."""
    return Samples(np.zeros((1, inputs), np.float32), np.array([-1]), np.ones(1, np.float32))
