"""Words of memory that a part of a layer reads and writes, sample by sample, as its chip's layout has them.

With A the active inputs of a sample, n neurons on the core, s synapses in a word, and W(X) the words of a row in which
any of the synapses X lies:

- integration, input-major and transposable: |A| rows of ceil(n / s) words; neuron-major: n |W(A)| words;
- learning of the neurons K, input-major: |A| |W(K)| words; neuron-major: |K| |W(A)|; transposable: the smaller number.

Neurons of which all synapses are written take all inputs in place of A. A dense datapath reads all inputs' synapses.
In a convolutional layer A is counted at each position, and all synapses of a kernel that learns are written.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.chips.memory import IN_MEMORY, INPUT_MAJOR, NEURON_MAJOR, TRANSPOSABLE
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.counts import LayerCounts, unpacked
from neurosim.hardware.counting.traffic import at_positions
from neurosim.hardware.placement.demand import Patches
from neurosim.hardware.placement.mapping import Part
from neurosim.hardware.placement.stored import Rows, rows

SLICE = 512  # samples at once, so that patches of images fit in memory
Whole = NDArray[np.int64]
Chosen = NDArray[np.bool_]


class Accesses(NamedTuple):
    """Words of one part's memory that some work takes.

    Attributes
    ----------
    words : int64 (samples,)
        How many.
    fullest : int64 (samples,)
        How many of them are in the bank that has most of them.
    """

    words: Whole
    fullest: Whole


class Words(NamedTuple):
    """Words that a part reads and writes.

    Attributes
    ----------
    read : int64 (samples,)
        Read in integration.
    updated : int64 (samples,)
        Read, changed and written in learning.
    accumulated : int64 (samples,)
        Of accumulators: read, and as many written.
    """

    read: Whole
    updated: Whole
    accumulated: Whole


class _Block(NamedTuple):
    """Words at the crossing of some rows and some places in a row: at the address row x length + place."""

    rows: NDArray[np.generic]
    places: NDArray[np.generic]
    length: int

    def in_banks(self, banks: int) -> Whole:
        """Return how many of them are in each bank, which is the address modulo the number of banks.

        A circular convolution of where the rows begin with where the places are.
        """
        first, then = _residues(self.rows, self.length, banks), _residues(self.places, 1, banks)
        total = np.zeros_like(first)
        for bank in range(banks):
            total += first[:, bank : bank + 1] * np.roll(then, bank, axis=1)
        return total


def words(part: Part, layer: LayerCounts, hardware: Hardware) -> Words:
    """Return the words that a part of a layer reads and writes, on a chip with a `memory`.

    Parameters
    ----------
    part : Part
    layer : LayerCounts
        Of the part's layer.
    hardware : Hardware
    """
    laid, reached = _rows(part, layer, hardware), rows_reached(part, layer, hardware)
    read = gathered(part, layer, hardware).words if gathers(hardware) else reached * laid.across_neurons
    # Each neuron's state is read and written once more when it is updated, at each position.
    return Words(
        read=read,
        updated=updated(part, layer, hardware).words,
        accumulated=(reached + part.positions) * accumulator_words(part.neurons, hardware),
    )


def gathers(hardware: Hardware) -> bool:
    """Return whether a chip takes in all events of a sample first, and integrates when the last one is there."""
    return hardware.structure.is_dense or _goes_by_neuron(hardware)


def _goes_by_neuron(hardware: Hardware) -> bool:
    return hardware.memory is not None and hardware.memory.layout == NEURON_MAJOR


def rows_reached(part: Part, layer: LayerCounts, hardware: Hardware) -> Whole:
    """Return how many inputs' rows integration takes, counted at each position of a part: int64 (samples,).

    None where it goes neuron by neuron, and keeps a neuron's sum until that is done.
    """
    reached = at_positions(layer.done(hardware.structure.is_dense) // layer.demand.neurons, layer, part)
    return 0 * reached if _goes_by_neuron(hardware) else reached


def _rows(part: Part, layer: LayerCounts, hardware: Hardware) -> Rows:
    """Return the rows of a part in memory: those of its positions, where each has its own."""
    return rows(layer.demand._replace(positions=part.positions), part.neurons, hardware)


def gathered(part: Part, layer: LayerCounts, hardware: Hardware) -> Accesses:
    """Return the words that integration reads where it begins when all events of a sample are in."""
    laid, samples = _rows(part, layer, hardware), len(layer.events)
    if hardware.structure.is_dense:  # the words of a copy follow each other, and are read once for each position
        by_row = layer.demand.fan_in * laid.across_neurons
        stored = (part.neurons * laid.across_inputs if _goes_by_neuron(hardware) else by_row) * laid.copies
        passes, fullest = part.positions // laid.copies, -(-stored // laid.memory.banks)
        return Accesses(np.full(samples, passes * stored), np.full(samples, passes * fullest))
    return _sliced(lambda where: _accesses([_of_neurons(part, layer, laid, where)], laid), samples)


def updated(part: Part, layer: LayerCounts, hardware: Hardware) -> Accesses:
    """Return the words that learning reads, changes and writes."""
    laid = _rows(part, layer, hardware)
    return _sliced(lambda where: _learned(part, layer, laid, where), len(layer.events))


def accumulator_words(neurons: int, hardware: Hardware) -> int:
    """Return the words that the accumulators of some neurons at one position take; 0 if they are registers."""
    memory = hardware.memory
    if memory is None or memory.accumulators != IN_MEMORY:
        return 0
    wide = memory.accumulator_bits or hardware.structure.neuron_bits
    assert wide is not None
    return -(-neurons // (memory.word_bits // wide))


def _sliced(find: Callable[[slice], Accesses], samples: int) -> Accesses:
    """Return the accesses of all samples, found some samples at a time."""
    found = [find(slice(first, first + SLICE)) for first in range(0, samples, SLICE)]
    return Accesses(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _accesses(blocks: Sequence[_Block], laid: Rows) -> Accesses:
    """Return the accesses of blocks that have no word in common."""
    in_banks = np.sum([block.in_banks(laid.memory.banks) for block in blocks], axis=0)
    return Accesses(in_banks.sum(axis=1), in_banks.max(axis=1))


def _of_neurons(part: Part, layer: LayerCounts, laid: Rows, where: slice) -> _Block:
    """Return the words that integration reads neuron by neuron."""
    demand = layer.demand
    active = unpacked(layer.inputs_packed[where], demand.inputs)
    here = slice(part.first_position, part.first_position + part.positions)
    reached = _at_positions(active, demand.patches, demand.positions, demand.fan_in)[:, here]
    touched = _grouped(reached, laid.per_word)
    length = laid.across_inputs * laid.copies
    places = touched.reshape(len(active), -1) if laid.copies > 1 else touched.sum(axis=1, dtype=np.int64)
    return _Block(np.ones((len(active), part.neurons), np.bool_), places, length)


def _learned(part: Part, layer: LayerCounts, laid: Rows, where: slice) -> Accesses:
    """Return the words that learning updates: by rows or by columns, where the array allows both."""
    layout = laid.memory.layout
    kinds = (INPUT_MAJOR, NEURON_MAJOR) if layout == TRANSPOSABLE else (layout,)
    found = [_accesses(list(_blocks(part, layer, laid, where, kind)), laid) for kind in kinds]
    if len(found) == 1:
        return found[0]
    by_row, by_column = found
    return Accesses(*(np.where(by_column.words < by_row.words, *pair) for pair in zip(by_column, by_row, strict=True)))


def _blocks(part: Part, layer: LayerCounts, laid: Rows, where: slice, kind: str) -> Iterator[_Block]:
    """Yield the words that learning updates: those of active inputs, and those of neurons that are written whole."""
    demand, here = layer.demand, slice(part.first, part.first + part.neurons)
    written = unpacked(layer.packed[where], demand.neurons)[:, here]
    whole = unpacked(layer.whole_bits[where], demand.neurons)[:, here]
    if demand.positions > 1 or demand.patches is not None:  # a kernel is written whole
        active = np.zeros((len(written), demand.fan_in), np.bool_)
    else:
        active = unpacked(layer.written_inputs()[where], demand.inputs)
    if kind == INPUT_MAJOR:
        length = laid.across_neurons
        yield _Block(np.tile(active, laid.copies), _grouped(written, laid.per_word), length)
        yield _Block(np.tile(~active, laid.copies), _grouped(whole, laid.per_word), length)
    else:
        length, every = laid.across_inputs, np.ones((len(written), laid.across_inputs), np.bool_)
        yield _Block(np.repeat(written & ~whole, laid.copies, axis=1), _grouped(active, laid.per_word), length)
        yield _Block(np.repeat(whole, laid.copies, axis=1), every, length)


def _at_positions(active: Chosen, patches: Patches | None, positions: int, fan_in: int) -> Chosen:
    """Return which synapses of a neuron events reach at each position: bool (samples, positions, fan_in)."""
    if patches is not None:
        return patches.cut(active)
    if positions == 1:
        return active[:, None, :]
    return np.ones((len(active), positions, fan_in), np.bool_)  # of images that were described by hand


def _grouped(chosen: Chosen, size: int) -> Chosen:
    """Return whether any of each `size` neighbours along the last axis is chosen."""
    groups = -(-chosen.shape[-1] // size)
    padded = np.zeros((*chosen.shape[:-1], groups * size), np.bool_)
    padded[..., : chosen.shape[-1]] = chosen
    grouped = np.zeros((*chosen.shape[:-1], groups), np.bool_)
    for place in range(size):  # faster than any() along a short axis
        grouped |= padded[..., place::size]
    return grouped


def _residues(counted: NDArray[np.generic], step: int, banks: int) -> Whole:
    """Return how many of what is counted is at each address modulo `banks`, where neighbours are `step` apart."""
    bank = np.arange(counted.shape[1]) * step % banks
    by_bank = (bank[:, None] == np.arange(banks)).astype(np.float64)
    residues: Whole = (counted.astype(np.float64) @ by_bank).astype(np.int64)  # whole and small: exact
    return residues
