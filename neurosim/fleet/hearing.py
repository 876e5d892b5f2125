"""Who hears of every sample of a fleet as soon as it is learned, with its key and the results of the last layer."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.wanted import Wanted
from neurosim.engine.results import Results
from neurosim.errors import ConfigError
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.keys import Key
from neurosim.fleet.members import Keyed, Passed
from neurosim.online.listener import check_hears, singles

__all__ = ["Key", "KeyedBatch", "KeyedListener", "OfFleet", "Wanted", "check_fleet", "check_listener"]
SUCH = "such as neurosim.FleetNovelty(fleet)"


class KeyedBatch(NamedTuple):
    """Samples of a chunk that chips have learned from, in their order.

    All arrays are only lent: they are written over when the call that has them returns.

    Attributes
    ----------
    numbers : int64 (samples,)
        Of each sample, counted since the run began. Samples that were passed over count, so there are gaps.
    keys : list of str or int
        One for each sample.
    chips : int64 (samples,)
        The place of each sample's key in `Fleet.keys`.
    results : Results
        Of the last layer, by its weights before it learned from the sample, as `Fleet.learn_one` returns them. Winners
        always; a row of potentials, responses and outputs for each sample where they are wanted, and else anything.
    labels : int64 (samples,) or None
        -1 for a sample without one; None if the stream has no labels.
    samples : float32 (samples, inputs)
    nanoseconds : int64 (samples,)
        How long each took: the time of the chunk, shared out evenly.
    """

    numbers: NDArray[np.int64]
    keys: list[Key]
    chips: NDArray[np.int64]
    results: Results
    labels: NDArray[np.int64] | None
    samples: NDArray[np.float32]
    nanoseconds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)


class KeyedListener(Protocol):
    """Hears of the samples of a fleet's run, each once and in order, when their chips have learned from them.

    Those that no chip has learned from are not told: of other workers' keys, refused, beyond the capacity, of chips
    that have diverged.

    Attributes
    ----------
    wants : Wanted
        What must be computed and kept of each sample besides its winner; asked before the run begins.
    """

    wants: Wanted

    def take(self, batch: KeyedBatch) -> None:
        """Take note of samples that went through together.

        Two calls never overlap, and the call must not use the fleet to learn or to respond; its `keys` may have grown
        since the call before. An error ends the run once the fleet is whole, and no call follows.
        """


class OfFleet(Protocol):
    """A listener, or a companion, that was made for a fleet: of as many neurons, say."""

    def check_fleet(self, fleet: Fleet) -> None:
        """Refuse another fleet, before a run of it begins.

        Raises
        ------
        ConfigError
            If the fleet is none that it can follow.
        """


def batch_of(keyed: Keyed, passed: Passed, numbers: NDArray[np.int64], nanoseconds: int) -> KeyedBatch:
    """Return the samples of a chunk that went through, of which there is one at least.

    Parameters
    ----------
    keyed : Keyed
        The chunk.
    passed : Passed
        What became of it, with results.
    numbers : int64 (samples,)
        Of each sample of the chunk.
    nanoseconds : int
        That the chunk took.
    """
    order, count = passed.order, len(numbers)
    keys = list(keyed.keys) if isinstance(keyed.keys, list) else keyed.keys.tolist()  # a listener may change its own
    shares = np.full(len(order), nanoseconds // len(order))
    results, labels = passed.results, keyed.labels
    assert results is not None
    if len(order) == count:
        return KeyedBatch(numbers, keys, passed.chips, results, labels, keyed.values, shares)
    return KeyedBatch(
        numbers[order], [keys[n] for n in order.tolist()], passed.chips[order],
        Results._make(array[order] if len(array) == count else array for array in results),
        None if labels is None else labels[order], keyed.values[order], shares,
    )  # fmt: skip


def check_listener(listener: object) -> None:
    """Refuse what is no listener of a fleet's samples, by ConfigError."""
    check_hears(listener, f"a KeyedListener, {SUCH}")
    for one in singles([listener]):
        if hasattr(one, "check_chip") and not hasattr(one, "check_fleet"):
            got, advice = type(one).__name__, "neurosim.run takes it"
            raise ConfigError("listener", f"of a fleet's samples, {SUCH}", got, advice)


def check_fleet(others: Iterable[object], fleet: Fleet) -> None:
    """Have listeners and companions that were made for a fleet refuse another one, by ConfigError."""
    for other in singles(others):
        check = getattr(other, "check_fleet", None)
        if check is not None:
            check(fleet)
