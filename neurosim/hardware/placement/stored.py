"""How a core stores the synapses of its neurons: how many share a word, how long a row is, what padding takes.

Each row begins at a word. With n neurons of fan-in F on a core and s synapses in a word, the words are

- input-major: a row for each of F inputs, of ceil(n / s) words;
- neuron-major: a row for each of n neurons, of ceil(F / s) words;
- transposable: an array of ceil(F / s) x ceil(n / s) squares of s x s synapses, s words each, read either way.

Where a convolution is unrolled, all this is there for each position of a neuron.
"""

from typing import NamedTuple

from neurosim.hardware.chips.memory import INPUT_MAJOR, NEURON_MAJOR, Memory
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.placement.demand import Demand


class Rows(NamedTuple):
    """The rows of a part's synapses in memory.

    Attributes
    ----------
    memory : Memory
    per_word : int
        Synapses of a word.
    across_neurons, across_inputs : int
        Words of one input's synapses of all neurons of the part, and of one neuron's synapses from all inputs.
    copies : int
        How often each synapse is stored: once, or for each position.
    """

    memory: Memory
    per_word: int
    across_neurons: int
    across_inputs: int
    copies: int


def bits(layer: Demand, hardware: Hardware) -> int:
    """Return the bits of a layer's weight on a chip: the layer's own, or the chip's widest for float32."""
    return layer.weight_bits or hardware.structure.weight_bits


def copies(layer: Demand, hardware: Hardware) -> int:
    """Return how often a chip stores each synapse of a layer."""
    return layer.positions if hardware.structure.convolution == "unrolled" else 1


def rows(layer: Demand, neurons: int, hardware: Hardware) -> Rows:
    """Return the rows of some neurons of a layer on a core of a chip with a `memory`."""
    memory = hardware.memory
    assert memory is not None
    per_word = memory.word_bits // (bits(layer, hardware) + memory.tag_bits)
    return Rows(memory, per_word, -(-neurons // per_word), -(-layer.fan_in // per_word), copies(layer, hardware))


def stored_bits(layer: Demand, neurons: int, hardware: Hardware) -> int:
    """Return the bits of memory that some neurons of a layer take on a core, padding included."""
    if hardware.memory is None:
        return neurons * layer.fan_in * copies(layer, hardware) * bits(layer, hardware)
    laid = rows(layer, neurons, hardware)
    words = {
        INPUT_MAJOR: layer.fan_in * laid.across_neurons,
        NEURON_MAJOR: neurons * laid.across_inputs,
    }.get(laid.memory.layout, laid.across_inputs * laid.across_neurons * laid.per_word)
    return words * laid.copies * laid.memory.word_bits


def fitting(layer: Demand, memory_bits: int, hardware: Hardware) -> int:
    """Return the most neurons of a layer of which the synapses fit into some bits of a core's memory."""
    memory, each = hardware.memory, stored_bits(layer, 1, hardware)
    if memory is None or memory.layout == NEURON_MAJOR:
        return memory_bits // each
    return memory_bits // each * rows(layer, 1, hardware).per_word  # each column of words holds as many neurons
