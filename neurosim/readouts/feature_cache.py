"""A cache of features: a frozen chip's responses to a stream, computed once for a readout that reads them often."""

import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, one_of, whole
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError, SampleError, StreamError
from neurosim.readouts.features import KINDS, check_finite, features
from neurosim.streams import Stream, check_stream

Array = NDArray[np.float32]
MEMORY = 6 << 30


class FeatureCache:
    """The features of all samples of a stream, in one float32 array, in memory or mapped from a file.

    Besides the array, it needs memory for one chunk of responses.

    Parameters
    ----------
    features : {"output", "triangle", "relu", "softmax"}
        Which features, see `neurosim.readouts.features`.
    path : path, optional
        A `.npy` file to keep them in: written as `PATH.part` and renamed when it is whole, replacing an older one. The
        file is memory-mapped, so it may be larger than the memory.
    memory : int
        Most bytes for the array if there is no path, from 1.
    chunk : int
        Samples that the chip responds to at a time.

    Attributes
    ----------
    features_ : float32 (samples, width), C order
        With a path, a read-only map of the file.
    labels_ : int64 (samples,) or None
        None if the stream has no labels; -1 for a sample without one.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64).learn(ns.open_stream("digits:train"))
    >>> cache = ns.FeatureCache().fill(chip, ns.open_stream("digits:train"))
    >>> readout = ns.SoftmaxReadout().fit(cache.features_, cache.labels_)
    """

    features_: Array
    labels_: NDArray[np.int64] | None

    def __init__(
        self, *, features: str = "output", path: str | Path | None = None, memory: int = MEMORY, chunk: int = 256
    ) -> None:
        one_of("features", features, KINDS)
        whole("memory", memory, 1)
        whole("chunk", chunk, 1, LARGEST)
        if path is not None and Path(path).suffix != ".npy":
            raise ConfigError("path", "a file that ends in .npy", str(path))
        self.features, self.memory, self.chunk = features, memory, chunk
        self.path = None if path is None else Path(path)

    def fill(
        self, chip: Chip, stream: Stream, *, pause: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> "FeatureCache":
        """Let the chip respond to the whole stream, and keep the features; the chip does not change.

        Parameters
        ----------
        chip : Chip
        stream : Stream
            Its length must be known, so it cannot be a pipe.
        pause : callable
            Returns a context, entered after every chunk; it may raise to end the work.

        Raises
        ------
        ConfigError
            If `stream` is not a Stream, or the features do not fit into memory or onto the disk.
        SampleError
            If a sample is refused by the chip, or a feature is not finite.
        StreamError
            If the stream cannot be read, its length is not known, or it has another number of samples than its length;
            if the file cannot be written.
        """
        check_stream("stream", stream)
        if stream.length is None:
            raise StreamError(f"{stream.name} must be a stream of known length; write the pipe to a file first")
        if stream.length == 0:
            raise SampleError(f"{stream.name} must hold at least one sample, got none")
        try:
            self._fill(chip, stream, stream.length, pause)
        except OSError as error:
            if self.path is None or isinstance(error, StreamError):
                raise
            raise StreamError(f"features cannot be written to {self.path}: {error}") from error
        finally:
            if self.path is not None:
                with suppress(OSError):  # the error that matters is the one that is raised already
                    self._partial().unlink(missing_ok=True)
        return self

    def _fill(
        self, chip: Chip, stream: Stream, count: int, pause: Callable[[], AbstractContextManager[object]]
    ) -> None:
        """Fill the array, and its file if it has one; refuse a stream that has more or fewer than `count` samples."""
        array: Array | None = None
        labels = np.empty(count, np.int64) if stream.labelled else None
        done = 0
        for values, chunk_labels in self._chunks(chip, stream):
            with pause():
                pass
            check_finite(values, self.features)
            if array is None:
                array = self._allocated((count, *values.shape[1:]))
            if done + len(values) <= count:
                array[done : done + len(values)] = values
                if labels is not None and chunk_labels is not None:
                    labels[done : done + len(values)] = chunk_labels
            done += len(values)
        if array is None or done != count:
            raise StreamError(f"{stream.name} must hold {count} samples, its length, got {done}")
        if self.path is not None:
            assert isinstance(array, np.memmap)
            array.flush()
            os.replace(self._partial(), self.path)
            array = np.load(self.path, mmap_mode="r")
        self.features_, self.labels_ = np.asarray(array), labels

    def _chunks(self, chip: Chip, stream: Stream) -> Iterator[tuple[Array, NDArray[np.int64] | None]]:
        """Yield features of the stream, a chunk at a time, with their labels."""
        if self.features == "output":
            yield from chip.output_blocks(stream, chunk=self.chunk)
            return
        for response, labels in chip.respond_blocks(stream, chunk=self.chunk):
            yield features(response, self.features), labels

    def _partial(self) -> Path:
        return Path(f"{self.path}.part")

    def _allocated(self, shape: tuple[int, ...]) -> Array:
        """Return an empty array of this shape, in memory or mapped; raise ConfigError if there is too little space."""
        need, what = 4 * math.prod(shape), f"{shape[0]} samples of {math.prod(shape[1:])} features"
        if self.path is None:
            if need > self.memory:
                advice = f"{what} need that much; give a path, fewer samples or fewer neurons"
                raise ConfigError("memory", f"at least {need} bytes", self.memory, advice)
            return np.empty(shape, np.float32)
        free = shutil.disk_usage(self.path.parent).free
        if need > free:
            advice = f"{what} need that much"
            raise ConfigError(f"free space on the disk of {self.path}", f"at least {need} bytes", free, advice)
        mapped: Array = np.lib.format.open_memmap(self._partial(), "w+", np.float32, shape)
        if hasattr(os, "posix_fallocate"):  # writing to a map on a full disk would kill the process
            with open(self._partial(), "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, file.seek(0, os.SEEK_END))
        return mapped
