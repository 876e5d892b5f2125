"""Checkpoints: numbers of samples at which learning rests, and a function looks at the chip."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from neurosim.checks import whole
from neurosim.errors import ConfigError
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.streams import Block


class Checkpoints:
    """Calls a function at some numbers of learned samples, and at the end.

    Parameters
    ----------
    every : int, or sequence of int
        Samples between checkpoints, or the increasing numbers of samples at which they are.
    watch : callable
        Called without arguments.

    Raises
    ------
    ConfigError
        If a number is below 1, or numbers do not increase.
    """

    def __init__(self, every: Any, watch: Callable[[], object]) -> None:
        self.watch, self._every, self._counts = watch, 0, list[int]()
        if hasattr(every, "__len__"):
            self._counts = _increasing(every)
        else:
            whole("every", every, 1)
            self._every = int(every)

    def pieces(self, block: Block, learned: int) -> Iterator[Block]:
        """Cut a block that follows on so many learned samples, so that each checkpoint falls on the end of a piece."""
        samples, labels = block
        first = 0
        while first < len(samples):
            stop = self._next(learned + first) - learned
            piece = slice(first, stop)
            yield Block(samples[piece], None if labels is None else labels[piece])
            first = stop

    def check_windows(self, windows: int, samples: int | None) -> None:
        """Refuse a checkpoint that falls within a window, of so many samples that are learned from together.

        Those after the last one of so many `samples`, if that is known, never come.
        """
        counts = [self._every] if self._every else self._counts
        for count in counts:
            if count % windows and (samples is None or count <= samples):
                rule = f"in multiples of {windows}, as a layer answers at the end of its window (answers='window')"
                raise ConfigError("every", rule, count)

    def falls_on(self, learned: int) -> bool:
        """Return whether a checkpoint is at so many learned samples."""
        return learned > 0 and self._next(learned - 1) == learned

    def _next(self, learned: int) -> int:
        """Return the number of samples at the next checkpoint after so many; after the last one, a number too large."""
        if self._every:
            return learned - learned % self._every + self._every
        later = bisect_right(self._counts, learned)
        return self._counts[later] if later < len(self._counts) else 2**63


def checkpoints(every: Any, watch: Callable[[Any], object] | None, chip: Any) -> Checkpoints | None:
    """Return the checkpoints at which a function gets a chip; None where nobody watches.

    Raises
    ------
    ConfigError
        If only one of the two is given, `watch` cannot be called, or as `Checkpoints` does.
    """
    if every is None and watch is None:
        return None
    if every is None:
        raise ConfigError("every", "given with watch: samples between two calls, or a list of numbers of samples", None)
    if not callable(watch):
        raise ConfigError("watch", "a function that takes the chip, given with every", watch)
    return Checkpoints(every, lambda: watch(chip))


def _increasing(every: Any) -> list[int]:
    """Return the numbers of samples of a sequence."""
    rule = "a whole number of samples, or a list of some that increase from 1 or more"
    counts = numbers("every", every, WHOLE, rule=rule, refuse=ConfigError)
    found = [int(count) for count in counts.ravel()]
    if counts.ndim != 1 or not found or found[0] < 1 or any(a >= b for a, b in pairwise(found)):
        raise ConfigError("every", rule, counts.tolist())
    return found
