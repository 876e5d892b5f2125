"""The memory that a run and the scope's page share: one picture of the run, which the run writes over, again and again.

The page never stops the run, so it may read while the run writes. A count that is odd while a picture is written tells
it: it reads once more (a seqlock).
"""

import json
import mmap
import os
import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.online.latencies import BINS
from neurosim.online.shared_arrays import new_file

WORDS = 1 << 16  # bytes
TRIES = 1000  # of reading: a picture is written within a millisecond


class Sizes(NamedTuple):
    """What decides how large a picture is.

    Attributes
    ----------
    neurons : int
        Of the layer that is shown.
    fields : int
        Neurons whose weights are shown; 0 for a layer whose weights are no images.
    tile : tuple of int
        Channels, height, width of a neuron's weights as an image.
    """

    neurons: int
    fields: int
    tile: tuple[int, int, int]

    def dtype(self) -> np.dtype[Any]:
        """Return the type of a picture: all that the run tells, but for texts, as plain numbers.

        `clock` is in seconds, of the system's monotonic clock without the time for which the run was held; `pause` in
        seconds, how long after a picture the next one comes, if samples come; `samples` counts all that the chip has
        learned from; `steps` is the sum of all neurons' steps over all samples, in units of the weights; `latencies`
        counts samples as `neurosim.online.latencies.Latencies` does; `wins` and `fields` are of the layer that is
        shown.
        """
        return np.dtype(
            [
                ("sequence", np.int64),
                ("clock", np.float64),
                ("pause", np.float64),
                ("samples", np.int64),
                ("steps", np.float64),
                ("latencies", np.int64, (BINS,)),
                ("wins", np.int64, (self.neurons,)),
                ("fields", np.float32, (self.fields, *self.tile)),
                ("length", np.int64),
                ("words", np.uint8, (WORDS,)),
            ],
            align=True,
        )


class PictureMemory:
    """A picture in the memory of a file, which one process writes and another reads.

    Parameters
    ----------
    sizes : Sizes
    file : int, optional
        Descriptor of a file of another process; by default a new one, without a name.

    Attributes
    ----------
    file : int
        Its descriptor.
    """

    def __init__(self, sizes: Sizes, file: int | None = None) -> None:
        dtype = sizes.dtype()
        self.file = new_file(dtype.itemsize) if file is None else file
        self._picture: NDArray[Any] = np.ndarray((1,), dtype, mmap.mmap(self.file, dtype.itemsize))
        self._order = threading.Lock()
        if file is None:
            self._picture[...] = 0  # so that the system provides the memory now

    def close(self) -> None:
        """Close the file's descriptor; the memory stays."""
        os.close(self.file)

    def write(self, values: dict[str, Any], words: bytes | None) -> None:
        """Write a picture: some of its fields by name, and texts as JSON, None where they are those of before."""
        picture = self._picture
        with self._order:  # nobody else wants it: a lock keeps the order of what is written, on every processor
            picture["sequence"] += 1
        with self._order:
            for name, value in values.items():
                picture[name][0] = value
            if words is not None:
                picture["length"] = len(words)
                picture["words"][0, : len(words)] = np.frombuffer(words, np.uint8)
        with self._order:
            picture["sequence"] += 1

    @property
    def sequence(self) -> int:
        """A number that changes with every picture."""
        return int(self._picture["sequence"][0])

    def read(self) -> NDArray[Any] | None:
        """Return a copy of the picture, whole, a structured array (1,); None if the run has not written one yet."""
        for _ in range(TRIES):
            with self._order:
                before = int(self._picture["sequence"][0])
            if before == 0:
                return None
            with self._order:
                picture = self._picture.copy()
            with self._order:
                after = int(self._picture["sequence"][0])
            if before == after and before % 2 == 0:
                return picture
        return None  # the run was ended amid writing


def words_of(picture: NDArray[Any]) -> dict[str, Any]:
    """Return the texts of a picture."""
    words: dict[str, Any] = json.loads(picture["words"][0, : int(picture["length"][0])].tobytes())
    return words
