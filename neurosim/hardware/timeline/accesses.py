"""How long a core's memory is busy, in picoseconds: the bank with most accesses decides, one a port at once.

Each of these is 0.0 on a chip without a table `memory` or a time of an access, and float64 (samples,) else.
"""

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.counts import LayerCounts
from neurosim.hardware.counting.words import accumulator_words, gathered, gathers, rows_reached, updated
from neurosim.hardware.placement.mapping import Part
from neurosim.hardware.placement.stored import rows

Floats = NDArray[np.float64] | float
ACCESSES_OF_AN_UPDATE = 2  # accesses: a word is read, and then written


def of_event(part: Part, layer: LayerCounts, hardware: Hardware, access: int) -> Floats:
    """Return how long the rows of an event are read, and its accumulators read and written beside."""
    memory = hardware.memory
    if memory is None or gathers(hardware):
        return 0.0
    read = memory.accesses(rows(layer.demand, part.neurons, hardware).across_neurons)
    summed = -(-accumulator_words(part.neurons, hardware) // memory.banks)
    longest = max(read, -(-ACCESSES_OF_AN_UPDATE * summed // memory.ports))
    each = -(-rows_reached(part, layer) // np.maximum(layer.events, 1))
    return each * float(longest * access)


def of_gathering(part: Part, layer: LayerCounts, hardware: Hardware, access: int) -> Floats:
    """Return how long the words of all neurons are read, where they are read neuron by neuron."""
    if hardware.memory is None or not gathers(hardware):
        return 0.0
    fullest = gathered(part, layer, hardware).fullest
    return -(-fullest // hardware.memory.ports) * float(access)


def of_learning(part: Part, layer: LayerCounts, hardware: Hardware, access: int) -> Floats:
    """Return how long words are read and written by learning."""
    if hardware.memory is None:
        return 0.0
    accesses = ACCESSES_OF_AN_UPDATE * updated(part, layer, hardware).fullest
    return -(-accesses // hardware.memory.ports) * float(access)
