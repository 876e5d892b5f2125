"""Who hears of every sample as soon as it is learned: the results of the last layer, as they come."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.pipeline import Chunk
from neurosim.chip.wanted import Wanted
from neurosim.engine.results import Results

__all__ = ["Listener", "Listeners", "Resting", "Teller", "Wanted"]


class Listener(Protocol):
    """Hears of the samples of a run, each once and in order, when all layers have learned from them.

    Attributes
    ----------
    wants : Wanted
        What must be computed and kept of each sample besides its winner; asked before the run begins.
    """

    wants: Wanted

    def take(
        self,
        first: int,
        results: Results,
        labels: NDArray[np.int64] | None,
        samples: NDArray[np.float32],
        nanoseconds: NDArray[np.int64],
    ) -> None:
        """Take note of samples that went through together.

        All arrays are only lent: they are written over when the call has returned. The call must not use the chip.
        While the stream is waited for it may come from another thread; two calls never overlap. An error ends the run
        once the chip is whole, and no call follows.

        Parameters
        ----------
        first : int
            Number of the first of them, counted since the run began; samples that were passed over count.
        results : Results
            Of the last layer, by its weights before it learned from the sample, as `Chip.learn_one` returns them.
            Winners always; a row of potentials, responses and outputs for each sample where they are wanted, and else
            anything. Those of a convolutional layer are as compiled code has them: see
            `neurosim.chip.response.response_of`.
        labels : int64 (samples,) or None
            -1 for a sample without one; None if the stream has no labels.
        samples : float32 (samples, inputs)
            As the first layer got them.
        nanoseconds : int64 (samples,)
            How long each took in the layers, by the clock inside their loops.
        """


class Resting(Listener, Protocol):
    """A listener that is told, too, when it may take a while until it hears of more samples."""

    def rest(self, waiting: bool) -> None:
        """Take note that the next samples are asked for; `waiting` if they may have to be waited for."""


class Listeners:
    """Several listeners as one; each hears of the samples in the order in which they are given."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = tuple(listeners)
        self._resting = [listener.rest for listener in self._listeners if hasattr(listener, "rest")]
        self.wants = Wanted(*(any(flags) for flags in zip(*(each.wants for each in self._listeners), strict=True)))

    def take(self, *told: Any) -> None:
        """Pass on what is told."""
        for listener in self._listeners:
            listener.take(*told)

    def rest(self, waiting: bool) -> None:
        """Pass on that the next samples are asked for."""
        for rest in self._resting:
            rest(waiting)


class Teller:
    """Tells a listener of what left the last layer.

    An error of the listener must not leave samples amid layers: it waits until `check`, and nothing more is told.

    Parameters
    ----------
    listener : Listener
    start : int
        Number of the run's first sample, by the pipeline.
    """

    def __init__(self, listener: Listener, start: int) -> None:
        self._take, self._start, self._nanoseconds = listener.take, start, np.zeros(1, np.int64)
        self._rest = getattr(listener, "rest", None)
        self._deaf = False
        self._error: Exception | None = None

    def chunks(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Yield chunks, and tell of each when it was counted."""
        for chunk in chunks:
            yield chunk
            assert chunk.results is not None
            labels = chunk.samples.labels
            self._tell(
                chunk.first - self._start, chunk.results, labels if len(labels) else None, chunk.given,
                chunk.nanoseconds,
            )  # fmt: skip

    def one(
        self,
        number: int,
        results: Results,
        labels: NDArray[np.int64] | None,
        sample: NDArray[np.float32],
        nanoseconds: int,
    ) -> None:
        """Tell of a single sample (1, inputs); `number` counts since the run began."""
        self._nanoseconds[0] = nanoseconds
        self._tell(number, results, labels, sample, self._nanoseconds)

    def rest(self, waiting: bool) -> None:
        """Tell that the next samples are asked for."""
        if self._rest is not None and not self._deaf:
            self._rest(waiting)

    def check(self) -> None:
        """Raise the listener's error, once."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _tell(self, *told: Any) -> None:
        if self._deaf:
            return
        try:
            self._take(*told)
        except Exception as error:
            self._deaf, self._error = True, error
