"""Who hears of every sample as soon as it is learned: the results of the last layer, as they come."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.one_by_one import new_tuple
from neurosim.chip.pipeline import Chunk
from neurosim.chip.wanted import Wanted
from neurosim.engine.results import Results
from neurosim.errors import ConfigError

__all__ = [
    "Batch",
    "Listener",
    "Listeners",
    "OfChip",
    "Resting",
    "Teller",
    "Tells",
    "Wanted",
    "check_chip",
    "check_listener",
]


class Batch(NamedTuple):
    """Samples that went through a chip together.

    All arrays are only lent: they are written over when the call that has them returns.

    Attributes
    ----------
    first : int
        Number of the first of them, counted since the run began; samples that were passed over count.
    results : Results
        Of the last layer, by its weights before it learned from the sample, as `Chip.learn_one` returns them. Winners
        always; a row of potentials, responses and outputs for each sample where they are wanted, and else anything.
        Those of a convolutional layer are as compiled code has them: see `neurosim.chip.response.response_of`.
    labels : int64 (samples,) or None
        -1 for a sample without one; None if the stream has no labels.
    samples : float32 (samples, inputs)
        As the first layer got them.
    nanoseconds : int64 (samples,)
        How long each took in the layers, by the clock inside their loops.
    """

    first: int
    results: Results
    labels: NDArray[np.int64] | None
    samples: NDArray[np.float32]
    nanoseconds: NDArray[np.int64]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The number of each sample, counted since the run began: int64 (samples,)."""
        return np.arange(self.first, self.first + len(self))

    def __len__(self) -> int:
        return len(self.results.winners)


class Listener(Protocol):
    """Hears of the samples of a run, each once and in order, when all layers have learned from them.

    Attributes
    ----------
    wants : Wanted
        What must be computed and kept of each sample besides its winner; asked before the run begins.
    needs_learning : bool, optional
        Whether it follows what learning changes, so that a run of a chip that only responds refuses it; by default not.
    """

    wants: Wanted

    def take(self, batch: Batch) -> None:
        """Take note of samples that went through together.

        The call must not use the chip. While the stream is waited for it may come from another thread; two calls never
        overlap. An error ends the run once the chip is whole, and no call follows.
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
        Those of one that is several itself, in its place: so each fails alone.
    wants : Wanted
        What any of them wants.

    Raises
    ------
    ConfigError
        If one is no listener, or is there twice: it would count each sample twice.
    """

    def __init__(self, listeners: Iterable[Any]) -> None:
        self.listeners = tuple(singles(listeners))
        for one in self.listeners:
            check_hears(one, "a listener, which has wants and take")
            if sum(one is other for other in self.listeners) > 1:
                advice = "it would count each sample twice; novelty=, too, makes it a listener"
                raise ConfigError("listener", "told once of each sample", f"{type(one).__name__} twice", advice)
        self.wants = Wanted(*(any(flags) for flags in zip(*(each.wants for each in self.listeners), strict=True)))

    def take(self, batch: Any) -> None:
        """Pass on what is told."""
        for listener in self.listeners:
            listener.take(batch)

    def rest(self, waiting: bool) -> None:
        """Pass on that the next samples are asked for."""
        for rest in _rests(self.listeners):
            rest(waiting)


class Tells:
    """Tells listeners of samples.

    An error of a listener must not leave samples amid layers: it waits until `check`, and that listener is told nothing
    more. The others hear of all that is learned until then: one may be a companion, kept with the chip. A listener that
    tells companions itself, as one that writes records does, has them as `companions`.

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
        self._tell_all(tuple(singles([listener])))
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

    def left_behind(self, companions: Iterable[Any]) -> bool:
        """Tell whether one of some companions has not heard of all samples: it, or what tells it, failed."""
        behind = [one for failed in self.failed for one in (failed, *getattr(failed, "companions", ()))]
        return any(companion is one for companion in companions for one in behind)

    def tell(self, batch: Any) -> None:
        """Tell of samples: a `Batch`, or a `neurosim.fleet.hearing.KeyedBatch`."""
        for listener in self._listeners:
            try:
                listener.take(batch)
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
        self._rests = _rests(listeners)


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
            first = chunk.first - self._start
            self.tell(Batch(first, chunk.results, labels if len(labels) else None, chunk.given, chunk.nanoseconds))

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
        self.tell(new_tuple(Batch, (number, results, labels, sample, self._nanoseconds)))


def check_listener(listener: object) -> None:
    """Refuse what is no listener, by ConfigError."""
    check_hears(listener, "a Listener, such as neurosim.Novelty(chip)")
    for one in singles([listener]):
        if hasattr(one, "check_fleet"):
            raise ConfigError("listener", "of a chip's samples", type(one).__name__, "neurosim.run_fleet takes it")


def check_needs_no_learning(listener: object) -> None:
    """Refuse a listener that follows what learning changes, where a chip only responds, by ConfigError."""
    for one in singles([listener]):
        if getattr(one, "needs_learning", False):
            rule = "one that hears of a chip that only responds"
            raise ConfigError("listener", rule, type(one).__name__, "it follows what learning changes, such as steps")


def check_hears(listener: object, rule: str) -> None:
    """Refuse what has no `take` of a batch, or no `wants` that is a `Wanted`, by ConfigError."""
    wants = getattr(listener, "wants", None)
    if not callable(getattr(listener, "take", None)) or wants is None:
        raise ConfigError("listener", rule, type(listener).__name__)
    if not isinstance(wants, Wanted):
        advice = "write wants = neurosim.online.listener.Wanted(potentials=True), say; Wanted() for winners alone"
        raise ConfigError("wants of a listener", "a Wanted", wants, advice)
    _check_take(listener)


def _check_take(listener: Any) -> None:
    """Refuse a listener whose `take` does not take a batch, by ConfigError."""
    try:
        takes = inspect.signature(listener.take)
    except ValueError:  # it does not say
        return
    try:
        takes.bind("batch")
    except TypeError:
        rule = "take(batch), which is called with the samples that went through together"
        raise ConfigError(f"take of the listener {type(listener).__name__}", rule, f"take{takes}") from None


def singles(others: Iterable[object]) -> Iterator[Any]:
    """Yield listeners, and companions, each by itself: several as one are told apart."""
    for other in others:
        yield from other.listeners if isinstance(other, Listeners) else (other,)


def check_chip(others: Iterable[object], chip: Chip) -> None:
    """Have listeners and companions that were made for a chip refuse another one, by ConfigError."""
    for other in singles(others):
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


def _rests(listeners: Iterable[Any]) -> list[Callable[[bool], None]]:
    """Return the `rest` of those that have one."""
    return [listener.rest for listener in listeners if hasattr(listener, "rest")]
