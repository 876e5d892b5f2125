"""Several epochs of a stream, in the stored order or in a random one."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.checks import whole
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.base import Block, RandomAccess, Stream
from neurosim.streams.transformed import Transformed, transform


class Shuffled(RandomAccess):
    """Epochs of a stream, each in its own random order, which depends on the seed and the epoch alone.

    Parameters
    ----------
    source : RandomAccess
    epochs : int
    seed : int or None
        Seed of the orders; None keeps the stored order.
    """

    def __init__(self, source: RandomAccess, epochs: int, seed: int | None) -> None:
        self.source, self.epochs, self.seed = source, epochs, seed
        self.name, self.inputs, self.labelled = source.name, source.inputs, source.labelled
        self._shape, self.classes = source.shape, source.classes
        self.labels_advice, self.passed_over = source.labels_advice, source.passed_over
        self.numbers, self.notes = source.numbers, source.notes
        self.classes_grow = source.classes_grow
        self.length, self.read_ahead = source.length * epochs, source.read_ahead
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them: see `Stream`."""
        self.source.name_classes(names)
        self.classes = self.source.classes

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Return the samples of the given indices in the source."""
        return self.source.take(indices)

    def originals(self, indices: NDArray[np.int64]) -> tuple[Iterator[NDArray[np.float32]], NDArray[np.int64] | None]:
        """Return the samples of the given indices one by one, as they were before resampling, and their labels."""
        return self.source.originals(indices)

    def order(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the indices in the source of the samples at the positions from `start` to before `stop`."""
        pieces, count = [], self.source.length
        while start < stop:
            epoch, first = divmod(start, count)
            last = min(count, first + stop - start)
            pieces.append(self._epoch_order(epoch)[first:last])
            start += last - first
        return np.concatenate(pieces)

    def _epoch_order(self, epoch: int) -> NDArray[np.int64]:
        if self._epoch != epoch:
            count = self.source.length
            shuffled = self.seed is not None
            self._order = (
                randomness.permutation(self.seed or 0, randomness.ORDER, epoch, count) if shuffled else np.arange(count)
            )
            self._epoch = epoch
        return self._order

    def fingerprint(self) -> str:
        """Return the fingerprint of the source."""
        return self.source.fingerprint()

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on; the number of epochs is not part of it, so it may grow."""
        return self.source.identity() | {"order": "stored" if self.seed is None else f"shuffled by seed {self.seed}"}


class Repeated(Stream):
    """Epochs of a stream that can only be read from its beginning, in the stored order."""

    def __init__(self, source: Stream, epochs: int) -> None:
        self.source, self.epochs, self.length = source, epochs, None
        self.name, self.inputs, self.labelled = source.name, source.inputs, source.labelled
        self._shape, self.labels_advice = source.shape, source.labels_advice
        self.numbers = source.numbers
        self.classes_grow, self.keyed = source.classes_grow, source.keyed

    def blocks(self, start: int = 0, size: int = 256) -> Iterator[Block]:
        """Yield the samples from position `start` on, in blocks of at most `size`.

        If `start` is not 0, the source is read once before, to count its samples.
        """
        first_epoch, skip = 0, 0
        if start > 0:
            count = sum(len(block.samples) for block in self.source.blocks())
            if start > count * self.epochs:
                raise StreamError(
                    f"{self.name} must hold the {start} samples that were read from it before, "
                    f"got {self.epochs} times {count}"
                )
            first_epoch, skip = divmod(start, count)
        for _ in range(first_epoch, self.epochs):
            yield from self.source.blocks(skip, size)
            skip = 0

    def fingerprint(self) -> str:
        """Return the fingerprint of the source."""
        return self.source.fingerprint()

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on; the number of epochs is not part of it, so it may grow."""
        return self.source.identity()

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What is odd in the source, as far as the latest epoch has come."""
        return self.source.notes

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the inputs, in order."""
        return self.source.columns

    def number_labels(self) -> None:
        """Take labels for numbers: see `Stream`."""
        self.source.number_labels()

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them: see `Stream`."""
        self.source.name_classes(names)

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the labels, as far as the source was read."""
        return self.source.classes

    def skipping_bad(self) -> "Repeated":
        """Return the stream with what is no sample in the source passed over."""
        return Repeated(self.source.skipping_bad(), self.epochs)

    @property
    def bad(self) -> int:  # type: ignore[override]
        """Malformed lines in the latest epoch."""
        return self.source.bad


def repeat(stream: Stream, epochs: int, shuffle: int | None) -> Stream:
    """Return `epochs` epochs of a stream, shuffled by the seed `shuffle` unless it is None.

    Raises
    ------
    ConfigError
        If a number is out of range, or the stream can be read only in its order or only once.
    """
    whole("epochs", epochs, 1)
    if shuffle is not None:
        whole("shuffle", shuffle, 0, 2**64 - 1)
    if epochs == 1 and shuffle is None:
        return stream
    if isinstance(stream, Transformed):  # outside, so that positions count over all epochs
        return transform(repeat(stream.source, epochs, shuffle), stream.transforms, stream.seed)
    if isinstance(stream, RandomAccess):
        return Shuffled(stream, epochs, shuffle)
    if shuffle is not None:
        rule, advice = "left out for a source that is read from its beginning", "lines and events come in order"
        raise ConfigError("shuffle", rule, stream.name, advice)
    if not stream.replayable:
        raise ConfigError("epochs", "1 for a pipe or a live source, which cannot be read twice", epochs)
    return Repeated(stream, epochs)
