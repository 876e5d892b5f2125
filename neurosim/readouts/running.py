"""Labels for winners as labels come: late, few, or all; what a neuron's winners were called is forgotten again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, number, whole
from neurosim.errors import ConfigError, SampleError
from neurosim.kernels import late_labels as kernel
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.readouts.inputs import whole_labels
from neurosim.readouts.labels import CLASSES, check_classes
from neurosim.state.arrays import Arrays
from neurosim.state.kept_checks import check_alike, check_numbers
from neurosim.streams.base import UNLABELLED

TABLE = "labels must be a table of counts and the label of its largest count for each neuron"


def check_forget(forget: float) -> None:
    """Refuse, by ConfigError, a share of earlier labels to forget that is out of range."""
    number("forget", forget, "at least 0 and below 1", 0)
    if forget >= 1:
        raise ConfigError("forget", "at least 0 and below 1", forget)


def check_table(counts: NDArray[np.float64], weights: NDArray[np.float64], names: NDArray[np.int64]) -> None:
    """Refuse, by ValueError, what is no table of a chip, or of many, a row of each array for a chip."""
    if counts.shape[-1] > CLASSES:
        raise ValueError(f"{TABLE}, of at most {CLASSES} labels, and has {counts.shape[-1]}")
    check_numbers(TABLE, {"counts": counts}, 0)
    check_numbers(TABLE, {"weights": weights}, 1, float(kernel.LARGE))
    check_numbers(TABLE, {"names": names}, UNLABELLED, counts.shape[-1] - 1)


class RunningLabels:
    r"""Name each neuron after the labels of the samples that it won lately; a sample's label is its winner's.

    With a label c of a sample that neuron k won,

    .. math:: n_{kl} \leftarrow (1 - f)\, n_{kl} + [l = c], \qquad \mathrm{name}_k = \arg\max_l n_{kl},

    the lowest label of equals. With f = 0 these are the labels that `WinnerLabels` gives to neurons that have won. A
    label costs one addition, whatever the number of neurons and classes.

    A winner that has no name yet is called as the neuron of largest potential among those that have one, if its
    potentials are given; else nothing is said of it, -1.

    Parameters
    ----------
    neurons : int
        Of the last layer.
    forget : float
        f, at least 0 and below 1: what a neuron's label makes it forget of its earlier ones. Neurons that still learn
        come to win other samples, so their last ten labels or so, with 0.1, name them better than all do.
    remember : int
        For how many samples a winner is remembered whose label may come late.

    Attributes
    ----------
    names : int64 (neurons,)
        Each neuron's label, -1 for none.
    noted : int
        How many winners `note` took: the number of the next one.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    References
    ----------
    Diehl and Cook, Frontiers in Computational Neuroscience 9 (2015) 99, neurons named after the class that they
    respond to most.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip, labels = ns.Chip([ns.recipes.softhebb(20)], inputs=64), ns.RunningLabels(20)
    >>> for x, label in ns.open_stream("digits"):
    ...     response = chip.learn_one(x)
    ...     said = labels.predict_one(response.winner, response.potentials)
    ...     number = labels.note(response.winner)
    ...     if number >= 100:
    ...         _ = labels.learn_late(number - 100, label)  # as if this were the label of the sample a hundred before
    """

    name = "labels"

    def __init__(self, neurons: int, *, forget: float = 0.1, remember: int = 10_000) -> None:
        whole("neurons", neurons, 1, LARGEST)
        check_forget(forget)
        whole("remember", remember, 1, LARGEST)
        self.forget, self.noted = float(forget), 0
        self._winners = np.full(remember, UNLABELLED, np.int64)
        self.table = kernel.Table(np.zeros((neurons, 0)), np.ones(neurons), np.full(neurons, UNLABELLED, np.int64))

    @classmethod
    def of_history(
        cls, winners: ArrayLike, labels: ArrayLike, neurons: int | None = None, *, forget: float = 0.0
    ) -> "RunningLabels":
        """Return names of neurons from the winners of a stream, kept as it went, and the labels of its samples.

        Parameters
        ----------
        winners : int64 (samples,)
            -1 for a sample that nobody won.
        labels : int64 (samples,)
            -1 for a sample without one.
        neurons : int, optional
            By default as many as the largest winner tells.
        forget : float
            As for the class; by default all labels count alike.

        Raises
        ------
        SampleError
            If winners or labels are no whole numbers, one for each sample, or are out of range.
        """
        found = numbers("winners", winners, WHOLE, rule="whole numbers, one for each sample")
        if found.ndim != 1 or len(found) == 0:
            raise SampleError(f"winners must be whole numbers, one for each sample, got {found.shape}")
        known = whole_labels(labels, len(found))
        names = cls(max(1, int(found.max()) + 1) if neurons is None else neurons, forget=forget)
        for winner, label in zip(found.tolist(), known.tolist(), strict=True):
            if winner != UNLABELLED:
                names.learn_one(winner, label)
        return names

    @property
    def names(self) -> NDArray[np.int64]:
        """Each neuron's label, -1 for none: int64 (neurons,), a copy."""
        return np.array(self.table.names)

    def predict_one(self, winner: int, potentials: ArrayLike | None = None) -> int:
        """Return the label of a sample that a neuron won, -1 if there is none to say.

        Parameters
        ----------
        winner : int
            -1 for a sample that nobody won.
        potentials : float32 (neurons,), optional
            Of the sample, to name a winner without a name.

        Raises
        ------
        SampleError
            If the winner is none of the neurons, or potentials are not one for each.
        """
        self._check_winner(winner)
        names = self.table.names
        values = None if potentials is None else numbers("potentials", potentials)
        if values is not None and values.shape != names.shape:
            raise SampleError(f"potentials must be one for each of {len(names)} neurons, got {values.shape}")
        if winner < 0 or names[winner] >= 0 or values is None:  # as `predict` of the kernel, which is for compiled code
            return int(names[winner]) if winner >= 0 else UNLABELLED
        return int(names[np.where(names >= 0, values, -np.inf).argmax()])

    def learn_one(self, winner: int, label: int) -> None:
        """Learn the label of a sample that a neuron won; -1, no label, or no winner, teaches nothing.

        Raises
        ------
        SampleError
            If the winner is none of the neurons, or the label is out of range.
        """
        self._check_winner(winner)
        self.admit(np.array([self._check_label(label)]))
        if winner >= 0 and label >= 0:
            kernel.learn(int(winner), int(label), 1 - self.forget, self.table)  # type: ignore[no-untyped-call]

    def note(self, winner: int) -> int:
        """Remember the winner of a sample whose label may come late; return the sample's number, from 0."""
        self._check_winner(winner)
        self._winners[self.noted % len(self._winners)] = winner
        self.noted += 1
        return self.noted - 1

    def learn_late(self, number: int, label: int) -> bool:
        """Learn the label of a sample by its number; return whether its winner was still remembered.

        Raises
        ------
        SampleError
            If no sample had the number yet, or the label is out of range.
        """
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 0 <= number < self.noted:
            rule = f"that of a sample that was noted, from 0, below {self.noted}"
            raise SampleError(f"number must be {rule}, got {number}")
        self._check_label(label)
        if number < self.noted - len(self._winners):
            return False
        self.learn_one(int(self._winners[number % len(self._winners)]), label)
        return True

    def admit(self, labels: NDArray[np.int64]) -> None:
        """Make room for labels.

        Raises
        ------
        SampleError
            If one is too large for a table with a count for each neuron and label.
        """
        most = int(labels.max(initial=UNLABELLED))
        counts, weights, names = self.table
        if most >= counts.shape[1]:
            check_classes(labels)
            self.table = kernel.Table(np.pad(counts, ((0, 0), (0, most + 1 - counts.shape[1]))), weights, names)

    def arrays(self, taken: int = 0) -> Arrays:
        """Return what a snapshot keeps."""
        counts, weights, names = self.table
        return {
            "counts": counts.copy(), "weights": weights.copy(), "names": names.copy(), "winners": self._winners.copy(),
            "noted": np.array([self.noted]), "forget": np.array([self.forget]),
        }  # fmt: skip

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what a snapshot kept.

        Raises
        ------
        ValueError
            If it was kept by another table.
        """
        own = self.arrays()
        check_alike("labels must be of as many neurons, which remember as many winners", own, arrays, ("counts",))
        if arrays["forget"][0] != self.forget:
            raise ValueError(f"labels must go on with forget {arrays['forget'][0]} of before, got {self.forget}")
        counts, weights, names, winners = (arrays[name] for name in ("counts", "weights", "names", "winners"))
        check_table(counts, weights, names)
        check_numbers(TABLE, {"winners": winners}, UNLABELLED, len(names) - 1)
        check_numbers(TABLE, {"noted": arrays["noted"]}, 0)
        self.table = kernel.Table(counts.copy(), weights.copy(), names.copy())
        self._winners[...], self.noted = winners, int(arrays["noted"][0])

    def _check_winner(self, winner: int) -> None:
        neurons = len(self.table.names)
        if isinstance(winner, bool) or not isinstance(winner, int | np.integer) or not -1 <= winner < neurons:
            raise SampleError(f"winner must be one of {neurons} neurons, from 0, or -1 for none, got {winner}")

    def _check_label(self, label: int) -> int:
        if isinstance(label, bool) or not isinstance(label, int | np.integer) or not UNLABELLED <= label < CLASSES:
            raise SampleError(f"label must be a whole number from 0, below {CLASSES}, or -1 for none, got {label}")
        return int(label)
