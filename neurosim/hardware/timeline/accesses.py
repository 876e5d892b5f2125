"""How long a core's memory is busy, in picoseconds: the bank with most accesses decides, one a port at once.

Each of these is 0.0 on a chip without a table `memory` or a time of an access, and float64 (samples,) else.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.chips.memory import Memory
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.counts import LayerCounts
from neurosim.hardware.counting.words import accumulator_words, gathered, gathers, rows_reached, updated
from neurosim.hardware.placement.mapping import Part
from neurosim.hardware.placement.stored import rows

Floats = NDArray[np.floating[Any]] | float
ACCESSES_OF_AN_UPDATE = 2  # accesses: a word is read, and then written


def of_event(part: Part, layer: LayerCounts, hardware: Hardware, access: int) -> Floats:
    """Return how long the rows of an event are read, and its accumulators read and written beside."""
    memory = hardware.memory
    if memory is None or gathers(hardware):
        return 0.0
    read = memory.accesses(rows(layer.demand, part.neurons, hardware).across_neurons)
    longest = max(read, _of_a_sum(part, hardware, memory))
    each = -(-rows_reached(part, layer, hardware) // np.maximum(layer.events, 1))
    return each * float(longest * access)


def _of_a_sum(part: Part, hardware: Hardware, memory: Memory) -> int:
    """Return the accesses, one after the other, that reading and writing all of a core's accumulators once takes."""
    return memory.accesses(accumulator_words(part.neurons, hardware), ACCESSES_OF_AN_UPDATE)


def of_gathering(part: Part, layer: LayerCounts, hardware: Hardware, access: int) -> Floats:
    """Return how long words are read where that begins when all events are in."""
    memory = hardware.memory
    if memory is None or not gathers(hardware):
        return 0.0
    read = -(-gathered(part, layer, hardware).fullest // memory.ports)
    summed = rows_reached(part, layer, hardware) * _of_a_sum(part, hardware, memory)
    return np.maximum(read, summed) * float(access)


def of_learning(part: Part, layer: LayerCounts, hardware: Hardware, access: int) -> Floats:
    """Return how long words are read and written by learning."""
    if hardware.memory is None:
        return 0.0
    accesses = ACCESSES_OF_AN_UPDATE * updated(part, layer, hardware).fullest
    return -(-accesses // hardware.memory.ports) * float(access)
