"""What a layer gives for a block of samples."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import NeurosimError

Array = NDArray[np.float32]
NO_LABELS, NO_MODULATORS = np.empty(0, np.int64), np.empty(0, np.float32)


class Taken(NamedTuple):
    """What a layer gives for a block of samples: results, and the error that stopped it early, if any."""

    results: Any
    done: int
    error: NeurosimError | None


class Counted(NamedTuple):
    """What a layer gives for a block of samples, and what each of them took.

    Attributes
    ----------
    taken : Taken
    tallies : int64 (samples, TALLIES)
        In the order of `TALLIED`.
    written : uint8 (samples, neurons)
        1 where a neuron's synapses were written.
    """

    taken: Taken
    tallies: NDArray[np.int64]
    written: NDArray[np.uint8]


# Inputs that are not zero; synapses that they reach; those whose weight is not zero; times the rule was asked; stored
# synapses that were read, changed and written; bits of these that changed.
TALLIED = ("events", "operations", "effective", "plasticity", "writes", "flips")
