"""A layer at work: what dense and convolutional layers have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property, partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import instruments
from neurosim.engine.refusals import refusal
from neurosim.engine.results import NO_LABELS, NO_MODULATORS, Array, Counted, Taken
from neurosim.errors import DivergedError, NeurosimError, SampleError
from neurosim.instruments import Records, record
from neurosim.state.arrays import check_finite


class WorkingLayer(ABC):
    """A layer at work: its constants, and the arrays it has learned.

    Attributes
    ----------
    constants : DenseWTA or ConvWTA
    inputs, outputs : int
        Widths of what it takes and of what it sends.
    shape : tuple of int
        Of what it sends.
    state : neurosim.kernels.dense.stream.State or neurosim.kernels.conv.stream.State
        The arrays themselves; the compiled loop writes them in place.
    """

    kernel: ModuleType  # where the loop is
    places: ModuleType  # of its counters, by name
    device = "cpu"
    pending: tuple[str, ...]  # arrays with a row for each sample of an unfinished window
    derived: tuple[str, ...] = ()  # arrays that others tell, so that nobody keeps them
    constants: Any
    inputs: int
    outputs: int
    shape: tuple[int, ...]
    state: Any

    def __init__(self, place: int) -> None:
        self.place, self._records = place, Records()

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the compiled loop: copies, also in other processes, compile it anew."""
        return {name: value for name, value in self.__dict__.items() if name not in {"_loop", "_team"}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inputs} -> {self.outputs}, {self.samples} samples learned)"

    @property
    def placement(self) -> str:
        """How the layer lies on its device; nothing to tell of the CPU."""
        return ""

    @property
    def device_seconds(self) -> float | None:
        """How long the device has been at work on this layer, by its own clock; None on the CPU."""
        return None

    @property
    def wins(self) -> NDArray[np.int64]:
        """How many learned samples, or positions of learned images, each neuron won: int64 (neurons,), a copy."""
        return np.array(self.state.wins)

    @property
    def steps(self) -> NDArray[np.float64]:
        r"""Mean size of each neuron's step, :math:`\|\Delta w_k\|` by the rule, over all updates: float64 (neurons,).

        Before renormalising and leaking; zero for an update that leaves the neuron alone. Zeros without instruments.
        """
        total: NDArray[np.float64] = self.state.steps[0].astype(np.float64) - self.state.steps[1]
        return total / max(1, self.updates)

    @property
    def records(self) -> NDArray[Any]:
        """Time series of the instruments, a structured array (records,): see `neurosim.instruments.RECORD`."""
        return self._records.rows.copy()

    @property
    @abstractmethod
    def weights(self) -> Array:
        """Weights as a new float32 array, neurons first, C order."""

    @property
    @abstractmethod
    def first_weights(self) -> Array:
        """Weights before the first sample, made anew from the seed: like `weights`."""

    @property
    @abstractmethod
    def norms(self) -> Array:
        """Length of each neuron's weight vector, as followed while learning: float32 (neurons,)."""

    def _table(self, shape: tuple[int, ...] | None) -> NDArray[Any]:
        """Return the table of `neurons`."""
        centred = self.constants.initial == "uniform"
        now, first = (weights.reshape(len(weights), -1) for weights in (self.weights, self.first_weights))
        table = instruments.neurons(now, first, centred=centred, shape=shape)
        table["step"], table["wins"], table["norm"] = self.steps, self.wins, self.norms
        return table

    def _counter(self, name: str) -> int:
        return int(self.state.counters[getattr(self.places, name)])

    @property
    def updates(self) -> int:
        """Windows applied: samples learned from, with a window of 1."""
        return self._counter("UPDATES")

    @property
    def samples(self) -> int:
        """Samples learned from, blank ones included."""
        return self._counter("SAMPLES")

    @property
    def blanks(self) -> int:
        """Samples that teach nothing: zeros, too small for float32, without the label it takes, of a warm-up."""
        return self._counter("BLANKS")

    @property
    def writes(self) -> int:
        """Responses above the cutoff so far, summed over samples: all that a rule was asked about."""
        return self._counter("WRITES")

    @property
    def responses(self) -> int:
        """How many responses a sample gets: one of each neuron, at each position."""
        return int(self.constants.neurons)

    @abstractmethod
    def scratch(self) -> Any:
        """Return working memory for one caller at a time."""

    @abstractmethod
    def results(self, samples: int, rows: int, outputs: int) -> Any:
        """Return room for results: potentials and responses of `rows` samples, outputs of `outputs`.

        Without rows there may be no responses: only what learns nothing may go without.
        """

    @abstractmethod
    def _arguments(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[Any, ...]:
        """Return what the loop takes."""

    def turn(
        self,
        values: Array,
        labels: NDArray[np.int64],
        modulators: Array,
        learning: bool,
        scratch: Any,
        room: Any,
    ) -> Callable[[], tuple[int, int]]:
        """Return a function that takes what is then in `values` through the loop, and returns what the loop returns."""
        return partial(self._run, values, labels, modulators, learning, scratch, room)

    def _rest(self, results: Any, done: int) -> Any:
        """Return the room for the results of the samples that are left."""
        return results._replace(winners=results.winners[done:], outputs=results.outputs[done:])

    @abstractmethod
    def live(self) -> NDArray[np.int64]:
        """Return what `counted` follows: synapses of each input that are not zero."""

    @abstractmethod
    def counted(
        self,
        values: Array,
        learning: bool,
        scratch: Any,
        live: NDArray[np.int64],
        outputs: bool = True,
        first: int = 0,
        labels: NDArray[np.int64] = NO_LABELS,
    ) -> "Counted":
        """Do what `take` does, without modulators, with outputs or not, and count what it takes."""

    def record_if_due(self) -> None:
        """Take a record of the instruments, if one falls on the number of samples learned."""
        if self.state.counters.item(self.places.SAMPLES) % self._records.interval == 0:
            self._records.add(record(self.samples, self.steps, self.state.wins, self.norms, self.writes))

    def as_images(self, values: Array) -> Array:
        """Return potentials or responses in the layer's own shape."""
        return values

    def _run(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[int, int]:
        """Run the loop."""
        return self._loop(*self._arguments(values, labels, modulators, learning, scratch, room))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that was learned, by name, an unfinished window without what older windows left behind."""
        arrays = self._kept()
        filled = self._counter("PENDING")
        arrays |= {name: arrays[name][:filled] for name in self.pending}
        return arrays | {"records": self._records.rows}

    def _kept(self) -> dict[str, NDArray[Any]]:
        """Return the state's own arrays by name, but for what is derived."""
        return {name: array for name, array in self.state._asdict().items() if name not in self.derived}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned.

        Raises
        ------
        ValueError
            If an array is missing, of another type or shape, or holds what no layer can have learned.
        """
        filled, places = len(arrays["pending_modulators"]), self._kept()
        for name, place in places.items():
            array = arrays[name]
            rows = min(filled, len(place)) if name in self.pending else len(place)
            if array.dtype != place.dtype or array.shape != (rows, *place.shape[1:]):
                raise ValueError(f"{name} must be {place.dtype} {place.shape}, got {array.dtype} {array.shape}")
        records = Records(arrays["records"])
        check_finite(arrays)
        for name, low, high in self._ranges():
            array = arrays[name]
            if (array < low).any() or (high is not None and (array > high).any()):
                raise ValueError(f"{name} must be from {low}" + (f" to {high}" if high is not None else ""))
        self._check(arrays)
        if filled >= self.constants.window or arrays["counters"][self.places.PENDING] != filled:
            raise ValueError(f"counters must tell the {filled} samples of the unfinished window")
        for name, place in places.items():
            place[: len(arrays[name])] = arrays[name]
        self._records = records

    def _check(self, arrays: dict[str, NDArray[Any]]) -> None:  # noqa: B027
        """Refuse, by ValueError, arrays of the right types and shapes that this kind of layer cannot have learned."""

    @abstractmethod
    def _ranges(self) -> tuple[tuple[str, int, int | None], ...]:
        """Return arrays with their lowest and highest values."""

    def take(
        self,
        values: Array,
        learning: bool,
        scratch: Any,
        results: Any,
        first: int = 0,
        labels: NDArray[np.int64] = NO_LABELS,
        modulators: Array = NO_MODULATORS,
    ) -> Taken:
        """Run a block of samples through the layer, learning from each in turn or not; errors number from `first`.

        What comes from outside goes through `fitting` first; another layer's outputs need not.
        """
        end = len(values)
        recording = learning and self.constants.instruments
        done = 0
        while done < end:
            stop = min(end, done + self._records.until_due(self.samples)) if recording else end
            part, given, factors, room = values, labels, modulators, results
            if stop - done < len(values):
                part, given, factors = values[done:stop], labels[done:stop], modulators[done:stop]
                room = self._rest(results, done)
            count, neuron = self._run(part, given, factors, learning, scratch, room)
            done += count
            if done < stop:
                return Taken(results, done, self.fault(values[done], first + done, neuron))
            if recording:
                self.record_if_due()
        return Taken(results, done, None)

    def fitting(
        self, values: Array, labels: NDArray[np.int64], modulators: Array
    ) -> tuple[Array, NDArray[np.int64], Array]:
        """Return samples in the types and layouts that the loop was compiled for: it does not look at them again.

        Raises
        ------
        SampleError
            If they are no samples of this layer, or labels and modulators are not one for each.
        """
        values, labels, modulators = np.asarray(values), np.asarray(labels), np.asarray(modulators)
        if values.ndim != 2 or values.shape[1] != self.inputs:
            where = f"of layer {self.place + 1}"
            raise SampleError(f"samples {where} must have the shape (samples, {self.inputs}), got {values.shape}")
        for name, given in (("labels", labels), ("modulators", modulators)):
            if given.ndim != 1 or len(given) not in (0, len(values)):
                raise SampleError(f"{name} must be one for each of {len(values)} samples, got the shape {given.shape}")
        if labels.dtype.kind not in "iu":
            raise SampleError(f"labels must be whole numbers, got {labels.dtype}")
        return (
            np.ascontiguousarray(values, np.float32),
            np.ascontiguousarray(labels, np.int64),
            np.ascontiguousarray(modulators, np.float32),
        )

    def compile(self) -> None:
        """Compile the loop, or fetch it from the cache, so that no sample waits for it."""
        _ = self._loop

    @cached_property
    def _loop(self) -> Callable[..., tuple[int, int]]:
        loop: Callable[..., tuple[int, int]] = self.kernel.loop(*self._no_samples())
        return loop

    def _no_samples(self) -> tuple[Any, ...]:
        """Return what the loop takes where there is nothing to take, for its types."""
        nothing, room = np.empty((0, self.inputs), np.float32), self.results(0, 1, 0)
        return self._arguments(nothing, NO_LABELS, NO_MODULATORS, False, self.scratch(), room)

    @property
    @abstractmethod
    def _negative(self) -> bool:
        """Whether inputs below zero are admitted."""

    def fault(self, sample: Array, number: int, neuron: int) -> NeurosimError:
        """Return the error of a sample that the loop refused, or that made a neuron diverge."""
        where = f"layer {self.place + 1}"
        if neuron >= 0:
            return DivergedError(
                f"{where}, neuron {neuron}: weights and potentials must stay finite, but left float32's range at "
                f"sample {number}; use a smaller rate or radius, and go on from the last snapshot"
            )
        why = refusal(sample, number, where, self._negative)
        if self.place == 0:
            return SampleError(why)
        return DivergedError(f"{why}; what layer {self.place} transmits must stay within float32's range")
