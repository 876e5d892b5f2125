"""What a layer returns for a chunk of samples."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.samples import Array
from neurosim.errors import NeurosimError

# Counts of a sample: inputs that are not zero; synapses that they reach; those whose weight is not zero; evaluations of
# the rule; stored synapses that were read, changed and written; bits of these that changed.
TALLIED = ("events", "operations", "effective", "plasticity", "writes", "flips")


NO_TALLIES, NOT_WRITTEN = np.empty((0, len(TALLIED)), np.int64), np.empty((0, 0), np.int32)


class Results(NamedTuple):
    """What a layer made of a chunk of samples; memory that its compiled code writes to.

    An array has a row for each sample, none at all where it is not wanted, or one row, which then holds the last
    sample's.

    Attributes
    ----------
    potentials, responses : float32 (rows, neurons) or (rows, positions, neurons)
    winners : int64 (samples,)
        Of a convolutional layer, the neuron that won most positions; -1 if there were no responses.
    outputs : float32 (samples or 0, outputs)
    tallies : int64 (samples or 0, len(TALLIED))
        What each sample cost, in the order of `TALLIED`.
    written : int32 (samples, neurons) or (0, 0)
        How many writes of its synapses each neuron took, with a minus sign where all of them were written.
    """

    potentials: Array
    responses: Array
    winners: NDArray[np.int64]
    outputs: Array
    tallies: NDArray[np.int64] = NO_TALLIES
    written: NDArray[np.int32] = NOT_WRITTEN

    def cut(self, start: int, stop: int) -> "Results":
        """Return the rows of the samples from `start` to before `stop`, not copied."""
        samples = len(self.winners)
        if start == 0 and stop == samples:
            return self
        return Results._make(array[start:stop] if len(array) == samples else array for array in self)

    def counting(self, neurons: int) -> "Results":
        """Return results in the same memory, with memory for what each sample costs."""
        samples = len(self.winners)
        tallies, written = np.zeros((samples, len(TALLIED)), np.int64), np.zeros((samples, neurons), np.int32)
        return self._replace(tallies=tallies, written=written)

    def copy(self) -> "Results":
        """Return results in memory of their own."""
        return Results._make(array.copy() for array in self)


class Taken(NamedTuple):
    """What a run of samples through a layer ended with.

    Attributes
    ----------
    results : Results
        For all samples of the run; only the first `done` rows are written.
    done : int
        How many samples went through.
    error : NeurosimError or None
        What is wrong with the next one.
    """

    results: Results
    done: int
    error: NeurosimError | None
