"""Chunks of samples through layers: one after another, or layers at work on successive chunks at the same time.

Where a dense layer is wide, threads are better spent on sharing its neurons, and layers follow one another.

No layer waits for a later one, so both give the same bits (`docs/design.md`).
"""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, whole
from neurosim.chip.samples import teachable
from neurosim.engine.base import WorkingLayer
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.results import NO_LABELS, NO_MODULATORS, Array
from neurosim.errors import ConfigError, NeurosimError


class Chunk(NamedTuple):
    """A chunk on its way: its first number, what the next layer sees with labels and modulators, the last winners.

    `tag` is the caller's.
    """

    first: int
    samples: Array
    labels: NDArray[np.int64]
    modulators: Array
    winners: Any
    tag: Any


class Pipeline:
    """Layers as stages; use it as a context, so that its threads end.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    threads : int
        1 takes every chunk through all layers before the next; more overlap the layers, or share wide dense ones.
    first : int
        Number of the first sample, for errors.
    frozen : collection of int
        Places of layers that respond and do not learn.
    """

    def __init__(
        self, layers: Sequence[WorkingLayer], threads: int = 1, first: int = 0, frozen: Collection[int] = ()
    ) -> None:
        whole("threads", threads, 1, LARGEST)
        if threads > 1 and any(layer.device != "cpu" for layer in layers):
            raise ConfigError("threads", "1 with device='cuda', whose blocks share every layer's work", threads)
        self.layers, self.frozen = layers, frozen
        self._scratch = [
            layer.scratch_of_team(threads) if _is_shared(layer, threads) else layer.scratch() for layer in layers
        ]
        self._waiting: list[Chunk | None] = [None] * len(layers)
        self._pool: ThreadPoolExecutor | None = None
        if threads > 1 and not any(_is_shared(layer, threads) for layer in layers):
            self._pool = ThreadPoolExecutor(threads)
        self._error: NeurosimError | None = None
        self._bad, self._next, self._lock = 0, first, Lock()  # the earliest sample that a layer refused

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            # After an error of the stream, too, what it gave before goes through every layer.
            if kind is None or issubclass(kind, Exception):
                for _chunk in self.drain():
                    pass
        finally:
            if self._pool is not None:
                self._pool.shutdown()

    def push(
        self,
        samples: Array,
        tag: Any = None,
        labels: NDArray[np.int64] | None = None,
        modulators: Array | None = None,
    ) -> Iterator[Chunk]:
        """Put in a chunk; give the chunks that have left the last layer by then.

        Raises
        ------
        NeurosimError
            What stopped a layer, once every chunk before has gone through; a label that a layer cannot be taught.
        """
        labels = NO_LABELS if labels is None else labels
        modulators = NO_MODULATORS if modulators is None else modulators
        samples, labels, modulators = self.layers[0].fitting(samples, labels, modulators)
        learners = [layer for place, layer in enumerate(self.layers) if place not in self.frozen]
        end, fault = teachable(learners, len(samples), labels, self._next)
        self._waiting[0] = Chunk(self._next, samples[:end], labels[:end], modulators[:end], None, tag)
        self._next += end
        yield from self._tick()
        if self._pool is None or self._error is not None or fault is not None:
            yield from self._finish()
        if self._error is None:
            self._error = fault  # of a later sample than any that a layer refused
        self._raise()

    def drain(self) -> Iterator[Chunk]:
        """Finish every chunk under way."""
        yield from self._finish()
        self._raise()

    def _finish(self) -> Iterator[Chunk]:
        while any(chunk is not None for chunk in self._waiting):
            yield from self._tick()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _tick(self) -> Iterator[Chunk]:
        """Let every layer that has a chunk take it, and hand it on."""
        places = [place for place, chunk in enumerate(self._waiting) if chunk is not None]
        if self._pool is None:
            finished = [self._stage(place) for place in places]
        else:
            finished = list(self._pool.map(self._stage, places))
        for place in reversed(places):  # the last layer first, so that a place is free before it is filled
            self._waiting[place] = None
            chunk = finished[places.index(place)]
            if len(chunk.winners) == 0:
                continue
            if place + 1 < len(self.layers):
                self._waiting[place + 1] = chunk
            else:
                yield chunk

    def _stage(self, place: int) -> Chunk:
        first, samples, labels, modulators, _, tag = self._waiting[place]  # type: ignore[misc]
        layer, count = self.layers[place], len(samples)
        outputs = count if place + 1 < len(self.layers) else 0  # nobody reads the last layer's
        taken = layer.take(
            samples,
            place not in self.frozen,
            self._scratch[place],
            layer.results(count, 1, outputs),
            first,
            labels,
            modulators,
        )
        if taken.error is not None:
            with self._lock:
                if self._error is None or first + taken.done < self._bad:
                    self._error, self._bad = taken.error, first + taken.done
        done = slice(taken.done)
        return Chunk(
            first, taken.results.outputs[done], labels[done], modulators[done], taken.results.winners[done], tag
        )


def _is_shared(layer: WorkingLayer, threads: int) -> TypeGuard[DenseLayer]:
    """Tell whether threads sum a layer's potentials together."""
    return threads > 1 and isinstance(layer, DenseLayer) and layer.wide
