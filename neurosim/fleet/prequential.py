"""Prequential accuracy for every chip of a fleet: each sample is named by its own chip before its label is learned."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import instance
from neurosim.chip.response import Response
from neurosim.chip.samples import as_labels
from neurosim.chip.use import OneAtATime, alone
from neurosim.chip.wanted import Wanted
from neurosim.errors import ConfigError, SampleError
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.hearing import KeyedBatch
from neurosim.fleet.keys import Key, as_key, seed_of
from neurosim.fleet.responses import NOBODY, Heard, OfOneFleet, heard
from neurosim.fleet.rows import carried_over, rows_for
from neurosim.kernels import late_labels as kernel
from neurosim.online.emission.prequential import LARGEST_COUNT, check_shares, share_of
from neurosim.randomness import SHOWN_LABELS, unit, words_of_seeds
from neurosim.readouts.labels import check_classes
from neurosim.readouts.running import check_forget, check_table
from neurosim.state.arrays import Arrays
from neurosim.state.kept_checks import check_alike, check_constants, check_numbers

SEED_BITS = 31  # of the seed of a key's shown labels, as of `Prequential`
MOST_BYTES = 1 << 32  # of the counts of all keys' tables


class Known(NamedTuple):
    """What is known of each key: a row of each array.

    Attributes
    ----------
    counts : float64 (chips, neurons, classes)
    weights : float64 (chips, neurons)
    names : int64 (chips, neurons)
        As of `neurosim.kernels.late_labels.Table`.
    tallies : float64 (chips, TALLIES)
    taken : int64 (chips,)
        Samples that were told of, those without a label included.
    """

    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    names: NDArray[np.int64]
    tallies: NDArray[np.float64]
    taken: NDArray[np.int64]


class FleetPrequential(OneAtATime, OfOneFleet):
    r"""Name the samples of a fleet's run as they go, and count how often the names were right: for each key, and all.

    Each key has a table of its own: labels of the samples that neuron k of its chip won (`RunningLabels`),

    .. math:: n_{kl} \leftarrow (1 - f)\, n_{kl} + [l = c], \qquad \mathrm{name}_k = \arg\max_l n_{kl}.

    Neuron k of another key's chip has learned from other samples, so the labels of one key say nothing of it: with few
    labels a key, few neurons have names. For each key, names and counts are bit for bit those of ``ns.Prequential(chip,
    ..., seed=prequential.seed_of(key))`` of a separate chip that gets the samples of this key alone.

    It is given to `neurosim.run_fleet` as a listener and as a companion; or it is told of responses of `Fleet.take` by
    `learn`.

    One thread at a time may use it; a second one is refused, by ConcurrentUseError. It may look at what is
    known of a key.

    Parameters
    ----------
    fleet : Fleet
    forget, fading, share
        As of `Prequential`, for each key by itself: a fading of 0.001 is about the last thousand samples of a key.
    seed : int
        Which labels of a key are shown follows from this seed, the key, and the number of the sample among those of
        its key: from nothing else (`seed_of`).

    Attributes
    ----------
    predicted : int64 (samples,)
        What the samples that were told of last are called; -1 where nothing could be said.
    correct : bool (samples,)
        Whether that is the label; false without one.

    Raises
    ------
    ConfigError
        If a parameter is out of range; with `share` below 1 for a layer that is taught by labels, which would see all.

    Examples
    --------
    >>> import neurosim as ns
    >>> import numpy as np
    >>> fleet = ns.Fleet([ns.recipes.softhebb(4)], inputs=4)
    >>> prequential = ns.FleetPrequential(fleet)
    >>> labels = np.arange(400) % 4
    >>> keys, samples = np.arange(400) // 2 % 2, np.eye(4)[labels]
    >>> predicted = prequential.learn(keys, fleet.take(keys, samples), labels)
    >>> prequential.counted, prequential.accuracy_of(1) > 0.9
    (400, True)
    """

    name = "prequential"
    wants = Wanted(potentials=True)

    def __init__(
        self, fleet: Fleet, *, forget: float = 0.1, fading: float = 0.001, share: float = 1.0, seed: int = 0
    ) -> None:
        instance("fleet", fleet, Fleet)
        check_forget(forget)
        layer = fleet.layers[-1]
        self.taught = bool(layer.competition.by_label)
        check_shares(self.taught, fading=fading, share=share, seed=seed)
        self._fleet, self._neurons = fleet, layer.neurons
        self._forget, self._fading, self._share, self._seed = float(forget), 1 - fading, share, int(seed)
        self._known = self._first(0, self._neurons if self.taught else 0)
        self.predicted, self.correct = np.zeros(0, np.int64), np.zeros(0, np.bool_)

    @property
    def counted(self) -> int:
        """How many samples of all keys had a label."""
        return int(self._known.tallies[:, kernel.COUNTED].sum())

    @property
    def learned(self) -> int:
        """How many labels the tables have learned."""
        return int(self._known.tallies[:, kernel.LEARNED].sum())

    @property
    def accuracy(self) -> float:
        """The share of samples with a label, of all keys, that were named rightly before; NaN without any."""
        return self._share_of_all(kernel.RIGHT, kernel.COUNTED)

    @property
    def recent_accuracy(self) -> float:
        """The same of the latest samples of each key: the faded sums of all keys, added."""
        return self._share_of_all(kernel.FADED_RIGHT, kernel.FADED)

    @property
    def bytes_per_key(self) -> int:
        """Bytes that are kept in memory for each key; they grow with the largest label of any key."""
        return sum(array.nbytes for array in self._first(1, self._known.counts.shape[2]))

    def seed_of(self, key: Key) -> int:
        """Return the seed by which labels of a key are shown: the highest 31 bits of `neurosim.fleet.keys.seed_of`."""
        return seed_of(self._seed, as_key(key)) >> (64 - SEED_BITS)

    def counted_of(self, key: Key) -> int:
        """Return how many samples of a key had a label; SampleError, if the fleet has no such key."""
        return int(self._tallies_of(key)[kernel.COUNTED])

    def accuracy_of(self, key: Key) -> float:
        """Return the accuracy of the samples of a key, NaN without a label; SampleError, if there is no such key."""
        tallies = self._tallies_of(key)
        return share_of(tallies[kernel.RIGHT], tallies[kernel.COUNTED])

    def recent_accuracy_of(self, key: Key) -> float:
        """Return that of the latest samples of a key; as `accuracy_of` otherwise."""
        tallies = self._tallies_of(key)
        return share_of(tallies[kernel.FADED_RIGHT], tallies[kernel.FADED])

    def names_of(self, key: Key) -> NDArray[np.int64]:
        """Return what each neuron of a key's chip is called, -1 for none: int64 (neurons,)."""
        return self._of_key(key).names.copy()

    @alone
    def learn(self, keys: Any, response: Response, labels: Any = None) -> NDArray[np.int64]:
        """Name samples in their order, and learn the labels that are shown; return the names: int64 (samples,).

        Parameters
        ----------
        keys : sequence or array of str or int
            One for each sample.
        response : Response
            Of `Fleet.take` to the samples. Those that it passed over have the name -1, and count for nothing.
        labels : int64 (samples,), optional
            -1 for a sample without one.

        Raises
        ------
        SampleError
            If these are no such response or labels.
        """
        samples = heard(self._fleet, keys, response, self._neurons)
        self._follow(samples, None if labels is None else as_labels(labels, len(samples.chips)))
        return self.predicted.copy()

    @alone
    def reset(self, key: Key) -> None:
        """Let what is known of a key begin anew, as `Fleet.reset` its chip; SampleError, if there is no such key."""
        chip, known = self._fleet.index(key), self._of_all()
        for array, first in zip(known, self._first(1, known.counts.shape[2]), strict=True):
            array[chip] = first[0]

    @alone
    def take(self, batch: KeyedBatch) -> None:
        """Name samples of a run that went through together, one after another, and learn the labels that are shown."""
        results = batch.results
        if results.potentials.shape != (len(batch), self._neurons):
            rule = f"those of {self._neurons} neurons, as this was made for"
            raise ConfigError("results", rule, results.potentials.shape)
        self._follow(Heard(results.potentials, results.responses, results.winners, batch.chips), batch.labels)

    def summary(self) -> dict[str, Any]:
        """Return plain values for the summary of a run."""
        named = 0 if self.taught else int(np.count_nonzero(self._known.names >= 0))
        return {
            "prequential_accuracy": self.accuracy if self.counted else None,
            "prequential_recent_accuracy": self.recent_accuracy if self.counted else None,
            "prequential_samples": self.counted,
            "prequential_labels": self.learned,
            "prequential_named_neurons": self._neurons * len(self._fleet) if self.taught else named,
            "prequential_keys": int(np.count_nonzero(self._known.tallies[:, kernel.COUNTED])),
        }

    @alone
    def arrays(self, taken: int = 0) -> Arrays:
        """Return what a snapshot keeps: arrays with a row a chip, in the order of `Fleet.keys`, and constants."""
        return self._arrays()

    def _arrays(self) -> Arrays:
        constants = np.array([self._fading, self._share, self._seed, self._forget], np.float64)
        return {name: array.copy() for name, array in self._of_all()._asdict().items()} | {"constants": constants}

    @alone
    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what a snapshot kept of the same fleet, which is loaded before.

        Raises
        ------
        ValueError
            If it was kept by other constants, or for another fleet.
        """
        own = self._arrays()
        rule = "prequential accuracy must be of as many keys, of layers of as many neurons"
        check_alike(rule, own, arrays, ("counts",))
        check_constants("prequential accuracy", "fading, share, seed and forget", own, arrays)
        counts = {"tallies": arrays["tallies"], "taken": arrays["taken"]}
        check_numbers("prequential accuracy must have counts of at least 0", counts, 0, LARGEST_COUNT)
        check_table(arrays["counts"], arrays["weights"], arrays["names"])
        self._known = Known._make(arrays[name].copy() for name in Known._fields)

    def _first(self, chips: int, classes: int) -> Known:
        """Return what is known of so many keys at first."""
        names = np.full((chips, self._neurons), NOBODY, np.int64)
        if self.taught:
            names[:] = np.arange(self._neurons)
        counts, weights = np.zeros((chips, self._neurons, classes)), np.ones((chips, self._neurons))
        return Known(counts, weights, names, np.zeros((chips, kernel.TALLIES)), np.zeros(chips, np.int64))

    def _of_all(self) -> Known:
        """Return what is known of each key of the fleet."""
        self._make_room(len(self._fleet), 0)
        return Known._make(array[: len(self._fleet)] for array in self._known)

    def _tallies_of(self, key: Key) -> NDArray[np.float64]:
        return self._of_key(key).tallies

    def _of_key(self, key: Key) -> Known:
        """Return what is known of a key, and change nothing: a thread may look while another one learns."""
        chip, known = self._fleet.index(key), self._known
        if chip >= len(known.taken):
            chip, known = 0, self._first(1, known.counts.shape[2])
        return Known._make(array[chip] for array in known)

    def _share_of_all(self, right: int, counted: int) -> float:
        """Return a share over all keys; the sums are exact, so they do not depend on the order of keys."""
        tallies = self._known.tallies
        return share_of(math.fsum(tallies[:, right]), math.fsum(tallies[:, counted]))

    def _make_room(self, chips: int, classes: int) -> None:
        """Make room for so many chips, and labels below `classes`.

        Raises
        ------
        SampleError
            If the tables of all keys would take too much memory.
        """
        own, _, own_classes = self._known.counts.shape
        rows, classes = rows_for(chips, own, self._fleet.capacity), max(classes, own_classes)
        if (rows, classes) == (own, own_classes):
            return
        if rows * self._neurons * classes * 8 > MOST_BYTES:
            sizes = f"{max(chips, len(self._fleet))} keys, {self._neurons} neurons and {classes} labels"
            rule = f"labels must be few enough for the tables of all keys in {MOST_BYTES >> 30} GiB"
            raise SampleError(f"{rule}, got {sizes}; share the keys among workers, or number labels from 0 on")
        larger = self._first(rows, classes)
        carried_over(self._known, larger)
        self._known = larger  # whole: another thread may look at a key

    def _follow(self, samples: Heard, labels: NDArray[np.int64] | None) -> None:
        count, chips = len(samples.winners), samples.chips
        known = np.full(count, NOBODY) if labels is None else labels
        self._make_room(int(chips.max(initial=-1)) + 1, 0)
        shown = self._shown(chips) & (known >= 0)
        check_classes(known[shown])
        self._make_room(0, int(known[shown].max(initial=-1)) + 1)
        self.predicted, at = np.empty(count, np.int64), self._known
        kernel.follow_chips(
            samples.potentials, samples.winners, chips, known, shown, 1 - self._forget, self._fading,
            kernel.Table(at.counts, at.weights, at.names), at.tallies, self.predicted,
        )  # fmt: skip
        self.correct = (self.predicted == known) & (known >= 0)
        np.add.at(at.taken, chips[chips >= 0], 1)

    def _shown(self, chips: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the labels of the next samples are shown to the tables, which know their chips by now."""
        if self.taught or self._share == 1:
            return np.full(len(chips), not self.taught)
        shown, keys, taken, places = chips >= 0, self._fleet.keys, dict[int, int](), list[int]()
        own = chips[shown].tolist()
        for chip in own:
            places.append(taken.get(chip, int(self._known.taken[chip])))
            taken[chip] = places[-1] + 1
        words = words_of_seeds([self.seed_of(keys[chip]) for chip in own], SHOWN_LABELS, 0, 1, places)
        shown[shown] = unit(words[:, 0]) < self._share
        return shown
