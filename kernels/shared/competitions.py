"""Competitions, one neuron and one sample each; `neurosim.layers.competition` has equations and papers.

All take the same arguments, so that one call fits all: the neuron, its drive, its share of the softmax over the drives
(where the competition is `soft`), its rank by drive, from 0 (where it is `ranked`; of a neuron behind the first
`winners`, any number that is not smaller), the winner, the label or -1, and the competition's own numbers. All return
the response.
"""

from neurosim.kernels.compiled import cell, inlined
from neurosim.kernels.shared.codes import OWN
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.tables import chosen_by_code, codes_of


@cell
def soft(neuron, drive, share, rank, winner, label, winners, parameter):
    """Every neuron by its share."""
    return share


@cell
def hard(neuron, drive, share, rank, winner, label, winners, parameter):
    """The winner alone."""
    return ONE if neuron == winner else ZERO


@cell
def k_winners(neuron, drive, share, rank, winner, label, winners, parameter):
    """The first few."""
    return ONE if rank < winners else ZERO


@cell
def ranked(neuron, drive, share, rank, winner, label, winners, parameter):
    """The winner, and the last of the first few against it."""
    if neuron == winner:
        return ONE
    return -parameter if rank == winners - 1 else ZERO


@cell
def taught(neuron, drive, share, rank, winner, label, winners, parameter):
    """The label's neuron; without a label the winner."""
    return ONE if neuron == (label if label >= 0 else winner) else ZERO


@cell
def corrected(neuron, drive, share, rank, winner, label, winners, parameter):
    """Every neuron by its error; without a label by its share."""
    if label < 0:
        return share
    return -share + ONE if neuron == label else -share


@cell
def uninhibited(neuron, drive, share, rank, winner, label, winners, parameter):
    """Every neuron by its drive."""
    return drive


CELLS = (soft, hard, k_winners, ranked, taught, corrected, uninhibited)  # a competition's code is its cell's index
CODES = {**codes_of(CELLS), "own": OWN}
respond = chosen_by_code(CELLS)


@cell
def list_first(drive, count, order):
    """Put the neurons of the `count` largest drives into `order`, largest first, ties to the lowest index."""
    held = 0
    for k in range(drive.size):
        if held == count and not drive[k] > drive[order[held - 1]]:
            continue
        place = held if held < count else count - 1
        while place > 0 and drive[k] > drive[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k
        held = min(held + 1, count)


def _all_neurons(cell):
    """Return a cell that writes the responses of all neurons: the code is compared once, not for each neuron."""

    @inlined
    def respond_all(drive, winner, label, winners, parameter, responses):
        for k in range(drive.size):  # no rank is below `winners` here
            responses[k] = cell(k, drive[k], responses[k], winners, winner, label, winners, parameter)

    return respond_all


respond_all = chosen_by_code(tuple(_all_neurons(cell) for cell in CELLS))
