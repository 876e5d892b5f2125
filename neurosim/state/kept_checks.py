"""Checks of arrays that a snapshot kept beside a chip or a fleet, before a run goes on with them: by ValueError."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.state.arrays import Arrays

CONSTANTS = "constants"  # the array of what must be equal for a run to go on


def check_alike(rule: str, own: Arrays, kept: Mapping[str, NDArray[Any]], free: Collection[str] = ()) -> None:
    """Refuse arrays that have not the names, types and shapes of one's own; `rule` says whose they must be.

    Of those that are `free`, the last axis may be of any length.
    """
    if own.keys() != kept.keys():
        raise ValueError(
            f"{rule}, of the arrays {', '.join(sorted(own))}; got {', '.join(sorted(kept))[:200] or 'none'}"
        )
    for name, array in own.items():
        there = kept[name]
        shapes = [one.shape[:-1] if name in free else one.shape for one in (array, there)]
        if there.dtype != array.dtype or there.ndim != array.ndim or shapes[0] != shapes[1]:
            wanted = f"{array.dtype} {array.shape}"
            raise ValueError(f"{rule}: {name} must be {wanted}, got {there.dtype} {there.shape}")


def check_constants(whose: str, names: str, own: Arrays, kept: Mapping[str, NDArray[Any]]) -> None:
    """Refuse other constants than one's own; `names` says which they are, in their order."""
    if (own[CONSTANTS] != kept[CONSTANTS]).any():
        then, now = kept[CONSTANTS].tolist(), own[CONSTANTS].tolist()
        raise ValueError(f"{whose} must go on with {names} {then} of before, got {now}")


def check_numbers(rule: str, kept: Mapping[str, NDArray[Any]], low: float = -np.inf, high: float = np.inf) -> None:
    """Refuse arrays with numbers that are not finite, or beyond a bound; `rule` says what they must be."""
    for name, array in kept.items():
        sound = np.isfinite(array) & (array >= low) & (array <= high)
        if not sound.all():
            raise ValueError(f"{rule}, and {name} has {array[~sound].flat[0]}")
