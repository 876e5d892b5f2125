"""Who hears of every sample as soon as it is learned: the results of the last layer, as they come."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.pipeline import Chunk
from neurosim.chip.wanted import Wanted
from neurosim.engine.results import Results
from neurosim.errors import ConfigError

__all__ = ["Listener", "Listeners", "OfChip", "Resting", "Teller", "Tells", "Wanted", "check_chip", "check_listener"]


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


class OfChip(Protocol):
    """A listener, or a companion, that was made for a chip: of as many neurons, say."""

    def check_chip(self, chip: Chip) -> None:
        """Refuse another chip, before a run of it begins.

        Raises
        ------
        ConfigError
            If the chip is none that it can follow.
        """


class Listeners:
    """Several listeners as one, in the order in which they are told of samples.

    Attributes
    ----------
    listeners : tuple of Listener
    wants : Wanted
        What any of them wants.
    """

    def __init__(self, listeners: Iterable[Any]) -> None:
        self.listeners = tuple(listeners)
        self.wants = Wanted(*(any(flags) for flags in zip(*(each.wants for each in self.listeners), strict=True)))

    def check_chip(self, chip: Chip) -> None:
        """Have each that was made for a chip refuse another one."""
        check_chip(self.listeners, chip)

    def take(self, *told: Any) -> None:
        """Pass on what is told."""
        for listener in self.listeners:
            listener.take(*told)

    def rest(self, waiting: bool) -> None:
        """Pass on that the next samples are asked for."""
        _rest(self.listeners, waiting)


class Tells:
    """Tells listeners of samples.

    An error of a listener must not leave samples amid layers: it waits until `check`, and that listener is told nothing
    more. The others hear of all that is learned until then: one may be a companion, kept with the chip.

    Parameters
    ----------
    listener : Listener
        Or another that has a `take`, such as one of a fleet's samples.

    Attributes
    ----------
    failed : list of Listener
        Those that are told nothing more.
    """

    def __init__(self, listener: Any) -> None:
        self._tell_all(listener.listeners if isinstance(listener, Listeners) else (listener,))
        self.failed: list[Any] = []
        self._error: Exception | None = None

    def rest(self, waiting: bool) -> None:
        """Tell that the next samples are asked for."""
        for rest in self._rests:
            rest(waiting)

    def check(self) -> None:
        """Raise the first listener's error, once."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def tell(self, *told: Any) -> None:
        """Pass on what each listener's `take` gets."""
        for listener in self._listeners:
            try:
                listener.take(*told)
            except Exception as error:
                self._leave_out(listener, error)

    def _leave_out(self, listener: Any, error: Exception) -> None:
        """Tell a listener nothing more, as it failed."""
        self.failed.append(listener)
        self._tell_all(tuple(other for other in self._listeners if other is not listener))
        self._error = self._error or error

    def _tell_all(self, listeners: tuple[Any, ...]) -> None:
        """Tell these listeners from now on."""
        self._listeners = listeners
        self._rests = [listener.rest for listener in listeners if hasattr(listener, "rest")]


class Teller(Tells):
    """Tells listeners of what left a chip's last layer.

    Parameters
    ----------
    listener : Listener
    start : int
        Number of the run's first sample, by the pipeline.
    """

    def __init__(self, listener: Listener, start: int) -> None:
        super().__init__(listener)
        self._start, self._nanoseconds = start, np.zeros(1, np.int64)

    def chunks(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Yield chunks, and tell of each when it was counted."""
        for chunk in chunks:
            yield chunk
            assert chunk.results is not None
            labels = chunk.samples.labels
            self.several(
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
        self.several(number, results, labels, sample, self._nanoseconds)

    def several(
        self,
        first: int,
        results: Results,
        labels: NDArray[np.int64] | None,
        samples: NDArray[np.float32],
        nanoseconds: NDArray[np.int64],
    ) -> None:
        """Tell of samples, as `Listener.take` is told: what `tell` does, and quicker."""
        for listener in self._listeners:
            try:
                listener.take(first, results, labels, samples, nanoseconds)
            except Exception as error:
                self._leave_out(listener, error)


def check_listener(listener: object) -> None:
    """Refuse what is no listener, by ConfigError."""
    if not (callable(getattr(listener, "take", None)) and isinstance(getattr(listener, "wants", None), tuple)):
        raise ConfigError("listener", "a Listener, such as neurosim.Novelty(chip)", type(listener).__name__)
    if hasattr(listener, "check_fleet"):
        raise ConfigError("listener", "of a chip's samples", type(listener).__name__, "neurosim.run_fleet takes it")


def check_chip(others: Iterable[object], chip: Chip) -> None:
    """Have listeners and companions that were made for a chip refuse another one, by ConfigError."""
    for other in others:
        check = getattr(other, "check_chip", None)
        if check is not None:
            check(chip)


def check_layer(name: str, chip: Chip, own: Chip) -> None:
    """Refuse a chip whose last layer has not as many inputs and neurons as that of another, by ConfigError."""
    sizes, wanted = (_sizes(one) for one in (chip, own))
    if sizes != wanted:
        rule = f"of the chip that learns, whose last layer is {sizes}"
        raise ConfigError(name, rule, f"one of a chip of {wanted}", "make it from this chip")


def _sizes(chip: Chip) -> str:
    layer = chip.layers[-1]
    return f"{layer.inputs} -> {' x '.join(map(str, layer.shape))}"


def _rest(listeners: Iterable[Listener], waiting: bool) -> None:
    for listener in listeners:
        rest = getattr(listener, "rest", None)
        if rest is not None:
            rest(waiting)
