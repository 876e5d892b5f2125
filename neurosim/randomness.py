"""Counter-based random numbers: a function of seed, purpose and position, whatever the order in which they are drawn.

They are made from the raw words of Philox (Salmon et al., SC 2011), not by NumPy's distributions, whose numbers may
change between NumPy's versions.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned

# Purposes, each with random numbers of its own. Further ones: studies, from 101; readouts, from 201; bayes, from 601.
WEIGHTS, ORDER, FEW_BITS, GROWTH = 0, 1, 2, 3  # the last two: first synapses of few bits, and their growth
RESIZED_CROP, FLIP, PAD_CROP = 301, 302, 303  # transforms of images
GAUSSIAN_NOISE, SALT_AND_PEPPER, OCCLUSION = 304, 305, 306
PIXELS = 307  # of one image, whose seed one of these transforms has drawn
ARRIVALS, ROOFLINE = 401, 402  # for `neurosim bench`: arrivals of samples, and the order of rows in memory
SWEEP, CONSTANTS, READOUT_ERRORS, SEEDS = 501, 502, 503, 504  # points of a sweep; what its front does not know exactly
EXCHANGES = 505  # the order in which layers on cores are exchanged
SHOWN_LABELS = 801  # labels of a stream that names of neurons are learned from
WORDS = 4  # words that Philox makes from one value of its counter
PIECE = 1 << 22  # numbers made at a time, so that intermediate results take little memory


def words(seed: int, purpose: int, part: int, count: int) -> NDArray[np.uint64]:
    """Return `count` random words of 64 bits for one part (a layer, an epoch) of one purpose."""
    return _generator(seed, purpose, part).random_raw(count)


def words_of_seeds(
    seeds: Sequence[int], purpose: int, part: int, count: int, steps: Iterable[int] = repeat(0)
) -> NDArray[np.uint64]:
    """Return what `words` gives for each of many seeds, after so many steps of `WORDS` words: uint64 (seeds, count).

    One generator is set to each seed and step: to make one takes four times as long.
    """
    found, generator = np.empty((len(seeds), count), np.uint64), _generator(0, purpose, part)
    state: Any = generator.state
    for row, seed, step in zip(found, seeds, steps, strict=False):
        state["state"]["key"][0], state["state"]["counter"][0] = seed, step
        generator.state = state
        row[:] = generator.random_raw(count)
    return found


def uniform(
    seed: int, purpose: int, part: int, count: int, scale: float = 1.0, dtype: type[np.floating[Any]] = np.float64
) -> NDArray[Any]:
    """Return `count` numbers, uniform in [0, scale), computed in float64 and then rounded to `dtype`."""
    return _in_pieces(_uniform, _generator(seed, purpose, part), count, scale, dtype)


def unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return numbers in [0, 1), each from the 53 highest bits of a word."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def at_places(seed: int, purpose: int, part: int, first: int, count: int, each: int) -> NDArray[np.float64]:
    """Return `each` numbers, uniform in [0, 1), for every position from `first` on: float64 (count, each)."""
    steps = -(-each // WORDS)
    key = np.array([seed, (purpose << 48) + part], dtype=np.uint64)
    words = np.random.Philox(key=key, counter=first * steps).random_raw(count * steps * WORDS)
    return unit(words).reshape(count, steps * WORDS)[:, :each]


def normal(
    seed: int, purpose: int, part: int, count: int, scale: float = 1.0, dtype: type[np.floating[Any]] = np.float64
) -> NDArray[Any]:
    """Return `count` normally distributed numbers with mean 0 and deviation `scale`, by Box and Muller's transform."""
    return _in_pieces(_normal, _generator(seed, purpose, part), count, scale, dtype)


def _uniform(generator: np.random.Philox, count: int) -> NDArray[np.float64]:
    return unit(generator.random_raw(count))


def _normal(generator: np.random.Philox, count: int) -> NDArray[np.float64]:
    return normal_of(unit(generator.random_raw(2 * count)).reshape(-1, 2))


def normal_of(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a normally distributed number for each pair of uniform ones, (count, 2), by Box and Muller's transform."""
    found: NDArray[np.float64] = np.sqrt(-2 * np.log1p(-pairs[:, 0])) * np.cos(2 * np.pi * pairs[:, 1])
    return found


def _in_pieces(
    draw: Callable[[np.random.Philox, int], NDArray[np.float64]],
    generator: np.random.Philox,
    count: int,
    scale: float,
    dtype: type[np.floating[Any]],
) -> NDArray[Any]:
    """Draw numbers, scale them and round them to `dtype`, some at a time."""
    numbers = aligned.empty(count, dtype)
    for first in range(0, count, PIECE):
        chunk = numbers[first : first + PIECE]
        chunk[:] = draw(generator, len(chunk)) * scale
    return numbers


def permutation(seed: int, purpose: int, part: int, count: int) -> NDArray[np.int64]:
    """Return the numbers below `count` in a random order."""
    return np.argsort(words(seed, purpose, part, count), kind="stable")


def _generator(seed: int, purpose: int, part: int) -> np.random.Philox:
    return np.random.Philox(key=np.array([seed, (purpose << 48) + part], dtype=np.uint64))
