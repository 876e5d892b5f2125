"""The data of a study: training and test samples of data sets, shifted and scaled; each file is read once."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import StreamError
from neurosim.streams import ArrayStream, Block, Stream, open_stream
from neurosim.streams.base import RandomAccess


class Scaled(RandomAccess):
    """The first samples of a stream, scaled to (x - mean) / deviation.

    Parameters
    ----------
    source : RandomAccess
    mean, deviation : float
        The same for all inputs.
    count : int, optional
        Most samples; by default all.
    """

    def __init__(self, source: RandomAccess, mean: float, deviation: float, count: int | None = None) -> None:
        self.source, self.mean, self.deviation = source, np.float32(mean), np.float32(deviation)
        self.name, self.inputs, self.labelled = source.name, source.inputs, source.labelled
        self._shape, self.read_ahead, self.classes = source.shape, source.read_ahead, source.classes
        self.length = source.length if count is None else min(count, source.length)

    def take(self, places: NDArray[np.int64]) -> Block:
        """Read the samples at these positions of the source, and scale them."""
        samples, labels = self.source.take(places)
        return Block((samples - self.mean) / self.deviation, labels)


class Stretch(RandomAccess):
    """Consecutive samples of a stream.

    Parameters
    ----------
    source : RandomAccess
    first, count : int
        Position of the first sample, and number of samples.
    """

    def __init__(self, source: RandomAccess, first: int, count: int) -> None:
        self.source, self.first, self.length = source, first, count
        self.name, self.inputs, self.labelled = source.name, source.inputs, source.labelled
        self._shape, self.read_ahead, self.classes = source.shape, source.read_ahead, source.classes

    def take(self, places: NDArray[np.int64]) -> Block:
        """Read the samples at these positions of the source."""
        return self.source.take(places)

    def order(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the positions in the source of the samples from `start` to `stop`."""
        return self.source.order(self.first + start, self.first + stop)


class Renumbered(RandomAccess):
    """A stream whose labels have the numbers of another one's: two files may name the same classes in another order.

    Parameters
    ----------
    source : RandomAccess
    classes : tuple of str
        The names of the other's labels 0, 1, ...; if either has no names, labels stay as they are. A name that is not
        among them gets a number above all of theirs.
    """

    def __init__(self, source: RandomAccess, classes: tuple[str, ...]) -> None:
        self.source, self.length, self.classes = source, source.length, source.classes
        self.name, self.inputs, self.labelled = source.name, source.inputs, source.labelled
        self._shape, self.read_ahead = source.shape, source.read_ahead
        self._numbers: NDArray[np.int64] | None = None
        if classes and source.classes and classes != source.classes:
            self.classes = (*classes, *(name for name in source.classes if name not in classes))
            self._numbers = np.array([self.classes.index(name) for name in source.classes], np.int64)

    def take(self, indices: NDArray[np.int64]) -> Block:
        """Read the samples at these positions of the source."""
        samples, labels = self.source.take(indices)
        if self._numbers is None or labels is None:
            return Block(samples, labels)
        return Block(samples, np.where(labels < 0, labels, self._numbers[np.maximum(labels, 0)]))


class Data:
    """The data sets below a folder; a stream that was opened is kept.

    Parameters
    ----------
    root : path
        The folder, as for `--root`.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._open: dict[tuple[str, str | None, int | None], RandomAccess] = {}

    def part(
        self, dataset: str, part: str, *, mean: float = 0.0, deviation: float = 1.0, count: int | None = None
    ) -> Scaled:
        """Return a data set's `train` or `test` part.

        Raises
        ------
        StreamError
            If it is missing or damaged.
        """
        return self.stream(f"{dataset}:{part}", mean=mean, deviation=deviation, count=count)

    def stream(
        self, name: str, *, mean: float = 0.0, deviation: float = 1.0, count: int | None = None,
        label: str | None = None, image_size: int | None = None,
    ) -> Scaled:  # fmt: skip
        """Return a stream by its name, as for `neurosim stream`; lines, which have no order of access, are kept.

        Raises
        ------
        StreamError
            If it is missing or damaged, a pipe, or has no labels.
        """
        key = name, label, image_size
        if key not in self._open:
            stream = open_stream(name, root=self.root, label=label, image_size=image_size)
            if not stream.replayable or not stream.labelled:
                advice = "" if stream.labelled else "; for lines give --label"
                raise StreamError(f"{name} must have labels, and be no pipe, for a study{advice}")
            self._open[key] = stream if isinstance(stream, RandomAccess) else _in_memory(stream)
        return Scaled(self._open[key], mean, deviation, count)


def _in_memory(stream: Stream) -> ArrayStream:
    """Read a stream of lines to its end."""
    blocks = list(stream.blocks())
    labels = np.concatenate([block.labels for block in blocks if block.labels is not None])
    whole = ArrayStream(np.concatenate([block.samples for block in blocks]), labels, name=stream.name)
    whole.classes = stream.classes
    return whole


def check_datasets(datasets: set[str], root: Path) -> None:
    """Refuse a folder without the data sets; damage is found only when they are read."""
    for dataset in sorted(datasets):
        if dataset == "cifar10":  # takes seconds to read
            from neurosim.streams.cifar import find

            find("cifar10", "train", root)
        else:
            open_stream(f"{dataset}:test", root=root)
