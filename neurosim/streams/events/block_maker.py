"""Blocks of samples made of events as they come."""

from collections.abc import Callable, Iterator

import numpy as np

from neurosim.kernels.events.clock import Events
from neurosim.streams.base import Block
from neurosim.streams.events.encoding import Encoding
from neurosim.streams.events.trail import Trail


class BlockMaker:
    """Fills blocks with samples.

    Parameters
    ----------
    encoding : Encoding
    size : callable
        Asked before each block how many samples it may have.
    skipped : int
        Samples that are not made, at the beginning.
    labelled : bool
        Whether samples have labels.
    trail : Trail, optional
        What is to remember the state as it was.

    Attributes
    ----------
    skips : int
        Samples that are still not to be made.
    given : int
        Samples that were given or skipped.
    """

    def __init__(
        self, encoding: Encoding, size: Callable[[], int], skipped: int, labelled: bool, trail: Trail | None
    ) -> None:
        self._encoding, self._size, self.skips, self._labelled, self._trail = encoding, size, skipped, labelled, trail
        self.given, self._row, self._rows = skipped, 0, 0  # before this block; filled rows; all rows

    def take(self, events: Events, label: int, arrived: int) -> Iterator[Block]:
        """Take events with the label of their recording, which arrived then; give the blocks that they fill."""
        first, count = 0, len(events.t)
        if self._trail is not None:
            self._trail.note_events(events)
        while first < count:
            if self.skips:
                first, made = self._encoding.follow(events, self.skips)
                self.skips -= made
                self._note(made, arrived)
                events, count, first = Events(*(column[first:] for column in events)), count - first, 0
                continue
            self._begin_block()
            rows = slice(self._row, self._rows)
            first, made = self._encoding.encode(
                events, first, self._rows - self._row, self._samples[rows], self._sources[rows]
            )
            yield from self._made(made, label, arrived)

    def finish(self, label: int) -> Iterator[Block]:
        """End a recording."""
        self._begin_block()
        made = self._encoding.finish(self._samples[self._row :], self._sources[self._row :])
        if self.skips and made:
            self.skips, made = self.skips - 1, 0
        yield from self._made(made, label, 0)

    def rest(self) -> Iterator[Block]:
        """Give the samples of a block that is not full."""
        if self._row:
            samples, labels = self._samples[: self._row], self._labels[: self._row]
            self.given += self._row
            self._row = self._rows = 0
            if self._trail is not None:
                self._trail.end_block(self.given)
            yield Block(samples, labels if self._labelled else None)

    def _begin_block(self) -> None:
        if self._rows == 0:
            self._rows = self._size()
            self._samples = np.empty((self._rows, self._encoding.inputs), np.float32)
            self._sources, self._labels = np.empty(self._rows, np.int64), np.empty(self._rows, np.int64)

    def _made(self, made: int, label: int, arrived: int) -> Iterator[Block]:
        self._labels[self._row : self._row + made] = label
        self._row += made
        self._note(made, arrived)
        if self._row == self._rows:
            yield from self.rest()

    def _note(self, made: int, arrived: int) -> None:
        if made and self._trail is not None:
            self._trail.note_samples(made, arrived)
