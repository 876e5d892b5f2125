"""Random numbers by counting: a function of seed, purpose and place, so that no order of drawing can change them.

They come from the raw words of Philox (Salmon et al., SC 2011), not from NumPy's distributions, whose streams may
change between NumPy's versions.
"""

import numpy as np
from numpy.typing import NDArray

WEIGHTS, ORDER = 0, 1  # purposes
RESIZED_CROP, FLIP, PAD_CROP = 301, 302, 303  # of transforms of images; studies and readouts have those from 101 on
WORDS = 4  # that Philox makes of one value of its counter


def words(seed: int, purpose: int, part: int, count: int) -> NDArray[np.uint64]:
    """Return `count` random words of 64 bits for one part (a layer, an epoch) of one purpose."""
    key = np.array([seed, (purpose << 48) + part], dtype=np.uint64)
    return np.random.Philox(key=key).random_raw(count)


def uniform(seed: int, purpose: int, part: int, count: int) -> NDArray[np.float64]:
    """Return `count` numbers, uniform in [0, 1)."""
    return _unit(words(seed, purpose, part, count))


def _unit(numbers: NDArray[np.uint64]) -> NDArray[np.float64]:
    return (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53


def at_places(seed: int, purpose: int, part: int, first: int, count: int, each: int) -> NDArray[np.float64]:
    """Return numbers, uniform in [0, 1), as (count, each): for places from `first` on, whichever is asked for first."""
    steps = -(-each // WORDS)
    key = np.array([seed, (purpose << 48) + part], dtype=np.uint64)
    words = np.random.Philox(key=key, counter=first * steps).random_raw(count * steps * WORDS)
    return _unit(words).reshape(count, steps * WORDS)[:, :each]


def normal(seed: int, purpose: int, part: int, count: int) -> NDArray[np.float64]:
    """Return `count` numbers of the standard normal distribution, by Box and Muller's transform."""
    pairs = uniform(seed, purpose, part, 2 * count).reshape(count, 2)
    return np.sqrt(-2 * np.log1p(-pairs[:, 0])) * np.cos(2 * np.pi * pairs[:, 1])  # type: ignore[no-any-return]


def permutation(seed: int, purpose: int, part: int, count: int) -> NDArray[np.int64]:
    """Return the numbers below `count` in a random order."""
    return np.argsort(words(seed, purpose, part, count), kind="stable")
