"""Which samples of a chunk a fleet takes: the first one that it cannot, or all of these, are found before any is."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import NeurosimError, SampleError
from neurosim.fleet.keys import Key, Keys, KeyTable

Indices = NDArray[np.int64]


class Bad(NamedTuple):
    """Samples that are not taken, bool (samples,), and what is wrong with one of them, given its number."""

    which: NDArray[np.bool_]
    fault: Callable[[int], NeurosimError]


class Sifted(NamedTuple):
    """What is taken of a chunk.

    Attributes
    ----------
    order : int64 (any,)
        Samples, in order.
    chips : int64 (samples,)
        Place of each sample's key; -1 of a key that is not there, and of which no sample is taken.
    new : list of keys
        Keys that appear for the first time in these samples, in order; their places follow the last one of the table.
    fault : NeurosimError or None
        What is wrong with the next sample.
    """

    order: Indices
    chips: Indices
    new: list[Key]
    fault: NeurosimError | None


def sift(
    table: KeyTable, keys: Keys, chips: Indices, bad: Sequence[Bad], capacity: int | None, skip: bool, first: int = 0
) -> Sifted:
    """Find the samples that are taken: all before the first bad one, or, with `skip`, all that are not bad.

    Parameters
    ----------
    table : KeyTable
    keys : list of keys, or int64 (samples,)
        One for each sample.
    chips : int64 (samples,)
        Place of each sample's key, -1 where it is new; written here.
    bad : sequence of Bad
        What else is wrong with samples.
    capacity : int or None
        The largest number of keys.
    skip : bool
    first : int
        Number of the first sample, for errors.
    """
    end, fault, good = len(keys), None, np.ones(len(keys), np.bool_)
    for which, fault_of in bad:
        if skip:
            good &= ~which
        elif which[:end].any():
            end = int(which.argmax())
            fault = fault_of(end)
    new: dict[Key, int] = {}
    for n in np.flatnonzero((chips[:end] < 0) & good[:end]).tolist():
        key = keys[n] if isinstance(keys, list) else int(keys[n])
        if key not in new:
            refused = _refusal(table, key, new, capacity)
            if refused is not None and skip:
                good[n] = False
                continue
            if refused is not None:
                end, fault = n, SampleError(f"sample {first + n}: {refused}")
                break
            new[key] = len(table) + len(new)
        chips[n] = new[key]
    return Sifted(np.flatnonzero(good[:end]), chips, list(new), fault)


def _refusal(table: KeyTable, key: Key, new: dict[Key, int], capacity: int | None) -> SampleError | None:
    """Return what is wrong with a new key."""
    try:
        table.check_new(key, next(iter(new), None))
    except SampleError as error:
        return error
    known = len(table) + len(new)
    if capacity is not None and known >= capacity:
        return SampleError(
            f"keys must be at most {capacity}, the fleet's capacity, and {key!r} is one more; give a larger capacity "
            "(--keys N)"
        )
    return None
