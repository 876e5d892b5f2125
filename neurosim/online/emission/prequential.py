"""Prequential accuracy: each sample is named before its label, if it has one, is learned."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, fraction, instance, number, whole
from neurosim.chip.chip import Chip
from neurosim.chip.use import OneAtATime, alone
from neurosim.chip.wanted import Wanted
from neurosim.errors import ConfigError
from neurosim.kernels import late_labels as kernel
from neurosim.online.listener import Batch, check_layer
from neurosim.randomness import SHOWN_LABELS, at_places
from neurosim.readouts.running import RunningLabels
from neurosim.readouts.winner import taught_by_label
from neurosim.state.arrays import Arrays
from neurosim.state.kept_checks import check_alike, check_constants, check_numbers

KEPT = ("tallies", "constants", "taken")  # beside the table of labels
LARGEST_COUNT = 1 << 62  # in a file: random numbers are taken by it


class Prequential(OneAtATime):
    r"""Name the samples of a run as they go, and count how often the name was right.

    Each sample is named by the label of its winner so far (`RunningLabels`); then its label is learned, if there is
    one and it is shown. The accuracy is that over all samples with a label, and one that fades,

    .. math:: A \leftarrow \frac{\phi S + r}{\phi N + 1}, \qquad
        S \leftarrow \phi S + r, \quad N \leftarrow \phi N + 1, \quad \phi = 1 - \mathrm{fading},

    with r = 1 if the sample was named rightly, else 0; a sample of which nothing could be said was not. Neurons of a
    layer that is taught by labels are classes: there the winner is the name, and there is no table.

    It is given to `neurosim.run` as a `listener`, and as one of `companions`, so that a run that is resumed goes on
    with the same numbers.

    One thread at a time may use it; a second one is refused, by ConcurrentUseError.

    Parameters
    ----------
    chip : Chip
        Its last layer is dense.
    forget : float
        As in `RunningLabels`.
    fading : float
        At least 0 and below 1: 0.001 is accuracy over about the last thousand samples.
    share : float
        Share of labels that are shown to the table, to try what few labels do: above 0, at most 1. Which ones follows
        from `seed` and the number of the sample. Accuracy counts all labels.
    seed : int

    Attributes
    ----------
    labels : RunningLabels
    predicted : int64 (samples,)
        What the samples that were told of last are called; -1 where nothing could be said.
    correct : bool (samples,)
        Whether that is the label; false without one.

    Raises
    ------
    ConfigError
        If a parameter is out of range; if the chip ends in images; with `share` below 1 for a layer that is taught by
        labels, which would see all of them.

    References
    ----------
    Dawid, J. Royal Statistical Society A 147 (1984) 278; Gama, Sebastião and Rodrigues, Machine Learning 90 (2013)
    317, the accuracy that fades.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip, stream = ns.Chip([ns.recipes.softhebb(100)], inputs=64), ns.open_stream("digits")
    >>> prequential = ns.Prequential(chip, share=0.1)
    >>> report = ns.run(chip, stream, listener=prequential)
    >>> prequential.accuracy > 0.5
    True
    """

    name = "prequential"
    wants = Wanted(potentials=True)

    def __init__(
        self, chip: Chip, *, forget: float = 0.1, fading: float = 0.001, share: float = 1.0, seed: int = 0
    ) -> None:
        instance("chip", chip, Chip)
        shape = chip.layers[-1].shape
        if len(shape) != 1:
            got = f"one of the shape {shape}"
            raise ConfigError("prequential accuracy", "of a chip whose last layer is dense", got)
        self.taught = taught_by_label(chip)
        check_shares(self.taught, fading=fading, share=share, seed=seed)
        self.labels = RunningLabels(shape[0], forget=forget, remember=1)
        if self.taught:
            self.labels.admit(np.arange(shape[0]))
            self.labels.table.names[:] = np.arange(shape[0])
        self._chip = chip
        self._fading, self._share, self._seed = 1 - fading, share, seed
        self._taken, self._tallies = 0, np.zeros(kernel.TALLIES)
        self.predicted, self.correct = np.zeros(0, np.int64), np.zeros(0, np.bool_)

    @property
    def counted(self) -> int:
        """How many samples had a label."""
        return int(self._tallies[kernel.COUNTED])

    @property
    def learned(self) -> int:
        """How many labels the table has learned."""
        return int(self._tallies[kernel.LEARNED])

    @property
    def accuracy(self) -> float:
        """The share of samples with a label that were named rightly before it was learned; NaN without any."""
        return share_of(self._tallies[kernel.RIGHT], self._tallies[kernel.COUNTED])

    @property
    def recent_accuracy(self) -> float:
        """The same, faded: of the latest samples."""
        return share_of(self._tallies[kernel.FADED_RIGHT], self._tallies[kernel.FADED])

    def check_chip(self, chip: Chip) -> None:
        """Refuse a chip of another last layer.

        Raises
        ------
        ConfigError
            If its last layer has not as many inputs and neurons.
        """
        check_layer("prequential accuracy", chip, self._chip)

    @alone
    def take(self, batch: Batch) -> None:
        """Name samples that went through together, one after another, and learn the labels that are shown."""
        results, labels, count, neurons = batch.results, batch.labels, len(batch), len(self.labels.table.names)
        if results.potentials.shape != (count, neurons):
            raise ConfigError("results", f"those of {neurons} neurons, as this was made for", results.potentials.shape)
        known = np.full(count, kernel.NOBODY) if labels is None else labels
        self.predicted = np.empty(count, np.int64)
        shown = self._shown(count) & (known >= 0)
        self.labels.admit(known[shown])
        kernel.follow(
            results.potentials, results.winners, known, shown, 1 - self.labels.forget, self._fading, self.labels.table,
            self._tallies, self.predicted,
        )  # fmt: skip
        self.correct = (self.predicted == known) & (known >= 0)
        self._taken += count

    def summary(self) -> dict[str, Any]:
        """Return plain values for the summary of a run."""
        named = int(np.count_nonzero(self.labels.table.names >= 0))
        return {
            "prequential_accuracy": self.accuracy if self.counted else None,
            "prequential_recent_accuracy": self.recent_accuracy if self.counted else None,
            "prequential_samples": self.counted,
            "prequential_labels": self.learned,
            "prequential_named_neurons": named,
        }

    @alone
    def arrays(self, taken: int) -> Arrays:
        """Return what a snapshot keeps."""
        return self._arrays()

    def _arrays(self) -> Arrays:
        constants = np.array([self._fading, self._share, self._seed], np.float64)
        kept = {"tallies": self._tallies.copy(), "constants": constants, "taken": np.array([self._taken])}
        return kept | self.labels.arrays()

    @alone
    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what a snapshot kept.

        Raises
        ------
        ValueError
            If it was kept by other constants, or for another layer.
        """
        own = {name: array for name, array in self._arrays().items() if name in KEPT}
        kept = {name: array for name, array in arrays.items() if name in KEPT}
        check_alike(
            "prequential accuracy must have tallies, constants and a count as this version keeps them", own, kept
        )
        check_constants("prequential accuracy", "fading, share and seed", own, kept)
        counts = {"tallies": kept["tallies"], "taken": kept["taken"]}
        check_numbers("prequential accuracy must have counts of at least 0", counts, 0, LARGEST_COUNT)
        self.labels.restore({name: array for name, array in arrays.items() if name not in KEPT})
        self._tallies[:], self._taken = arrays["tallies"], int(arrays["taken"][0])

    def _shown(self, count: int) -> NDArray[np.bool_]:
        """Return whether the labels of the next samples are shown to the table; a layer that is taught has none."""
        if self.taught:
            return np.zeros(count, np.bool_)
        if self._share == 1:
            return np.ones(count, np.bool_)
        return at_places(self._seed, SHOWN_LABELS, 0, self._taken, count, 1)[:, 0] < self._share


def check_shares(taught: bool, *, fading: float, share: float, seed: int) -> None:
    """Refuse, by ConfigError, what is out of range; and hidden labels where the layer is `taught` by labels."""
    number("fading", fading, "at least 0 and below 1", 0)
    if fading >= 1:
        raise ConfigError("fading", "at least 0 and below 1", fading)
    fraction("share", share)
    whole("seed", seed, 0, LARGEST)
    if taught and share < 1:
        raise ConfigError("share", "1 for a layer that is taught by labels, which sees all of them", share)


def share_of(right: float, counted: float) -> float:
    """Return the share of right ones among those that were counted; NaN, if there are none."""
    return float(right / counted) if counted else float("nan")
