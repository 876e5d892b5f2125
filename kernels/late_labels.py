"""Labels of winners, learned as labels come: each neuron's table of labels, and accuracy before each is learned.

Arithmetic is float64, samples go one after another: equal input gives equal bits, however it is cut into chunks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.compiled import cell, compiled, inlined

NOBODY = -1  # no label, or no neuron
COUNTED, RIGHT, FADED, FADED_RIGHT, LEARNED, TALLIES = 0, 1, 2, 3, 4, 5  # places of tallies, and how many there are
UNIT, LARGE = np.float64(1), np.float64(1e100)  # a weight beyond is brought back to one


class Table(NamedTuple):
    """What each neuron's winners were called so far."""

    counts: NDArray[np.float64]  # (neurons, classes) in units of the first label's weight
    weights: NDArray[np.float64]  # (neurons,) of the neuron's next label
    names: NDArray[np.int64]  # (neurons,) the label of the largest count, the lowest of equals; NOBODY without any


@cell
def learn(winner, label, keep, table):
    """Count a label for a neuron; its earlier labels keep such a share of their weight."""
    counts, weights, names = table.counts[winner], table.weights, table.names
    weights[winner] /= keep
    if weights[winner] > LARGE:
        for c in range(counts.size):
            counts[c] /= weights[winner]
        weights[winner] = UNIT
    counts[label] += weights[winner]
    name = names[winner]
    if name < 0 or counts[label] > counts[name] or (counts[label] == counts[name] and label < name):
        names[winner] = label


@cell
def predict(winner, potentials, names):
    """Return the label of a winner; of one without a name that of the neuron of largest potential among those with one.

    NOBODY if there is none.
    """
    if winner < 0 or names[winner] >= 0:
        return names[winner] if winner >= 0 else NOBODY
    best = NOBODY
    for k in range(min(potentials.size, names.size)):
        if names[k] >= 0 and (best < 0 or potentials[k] > potentials[best]):
            best = k
    return names[best] if best >= 0 else NOBODY


@inlined
def _follow(u, winner, label, shown, keep, fading, table, tallies):
    """Predict a sample's label, count whether that was right, learn it if it is shown; return what was predicted."""
    blank = True
    for k in range(u.size):
        blank &= u[k] == 0
    winner = NOBODY if blank or winner >= table.names.size else winner
    predicted = predict(winner, u, table.names)
    if label < 0:
        return predicted
    right = predicted == label
    tallies[COUNTED] += 1
    tallies[RIGHT] += right
    tallies[FADED] = fading * tallies[FADED] + UNIT
    tallies[FADED_RIGHT] = fading * tallies[FADED_RIGHT] + right
    if shown and winner >= 0 and label < table.counts.shape[1]:  # callers make room for all that are shown
        tallies[LEARNED] += 1
        learn(winner, label, keep, table)
    return predicted


@compiled(nogil=True)
def follow(potentials, winners, labels, shown, keep, fading, table, tallies, predicted):
    """Predict each sample's label, count whether that was right, and then learn the label if it is shown.

    A sample that no neuron has a potential for has no winner: nothing is predicted of it, and nothing learned.

    Parameters
    ----------
    potentials : float32 (samples, neurons)
    winners, labels : int64 (samples,)
        Labels below 0 are none.
    shown : bool (samples,)
        Whether the table learns the label.
    keep : float
        Share of its weight that an earlier label of the neuron keeps.
    fading : float
        The same of a sample in the accuracy that fades.
    table : Table
        Written in place.
    tallies : float64 (TALLIES,)
        Written in place: samples with a label, and right ones; both, faded; labels learned.
    predicted : int64 (samples,)
        Written; NOBODY where nothing is said.
    """
    for n in range(winners.size):
        predicted[n] = _follow(potentials[n], winners[n], labels[n], shown[n], keep, fading, table, tallies)


@compiled(nogil=True)
def follow_chips(potentials, winners, chips, labels, shown, keep, fading, tables, tallies, predicted):
    """Follow samples of many chips as `follow` does, each by the table of its own chip.

    Parameters
    ----------
    chips : int64 (samples,)
        Of each sample; of one below 0 or without a row, which callers refuse, nothing is said and nothing counted.
    tables : Table
        A row of each array is the table of a chip: counts (chips, neurons, classes), and so on.
    tallies : float64 (chips, TALLIES)
        Written in place.
    potentials, winners, labels, shown, keep, fading, predicted
        As of `follow`.
    """
    for n in range(winners.size):
        chip = chips[n]
        if chip < 0 or chip >= tables.names.shape[0]:
            predicted[n] = NOBODY
            continue
        table = Table(tables.counts[chip], tables.weights[chip], tables.names[chip])
        predicted[n] = _follow(potentials[n], winners[n], labels[n], shown[n], keep, fading, table, tallies[chip])
