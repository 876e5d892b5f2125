"""A layer at work: its constants and what it has learned, for dense and convolutional layers alike."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import instruments
from neurosim.checks import LARGEST
from neurosim.engine.executor import Executor
from neurosim.engine.fixed import Fixed
from neurosim.engine.refusals import refusal
from neurosim.engine.restoring import Arrays, Range, check_ranges, check_shapes, copy_into
from neurosim.engine.samples import Array, Samples
from neurosim.engine.shown import layer_html
from neurosim.errors import ConfigError, DivergedError, NeurosimError, SampleError
from neurosim.instruments import Records, record
from neurosim.outside.arrays import WHOLE, numbers, plain_array
from neurosim.state.arrays import FIRST_WEIGHTS, check_finite

FLOAT32, INT64 = np.dtype(np.float32), np.dtype(np.int64)


class WorkingLayer(Fixed, ABC):
    """A layer at work: its constants, and the arrays it has learned. `LayerRunner` takes samples through it.

    Attributes
    ----------
    constants : DenseWTA or ConvWTA
    index : int
        Of the layer in its chip, from 0.
    inputs, outputs : int
        Widths of what it takes and of what it transmits.
    shape : tuple of int
        Of what it transmits.
    state : neurosim.kernels.dense.layout.State or neurosim.kernels.conv.layout.State
        The arrays themselves; compiled code writes them in place.
    executor : Executor
        Calls the compiled code.
    initial_array : float32, like `weights`, or None
        First weights that were given as an array, before they were renormalised or rounded to few bits; None if they
        are drawn from the seed.
    """

    fixed = frozenset({
        "index", "constants", "inputs", "outputs", "seed", "shape", "codes", "executor", "state", "image", "geometry",
        "positions", "initial_array",
    })  # fmt: skip
    kernel_layout: ClassVar[ModuleType]  # has the places of the counters, by name
    pending: ClassVar[tuple[str, ...]]  # arrays with a row for each sample of an unfinished window
    derived: ClassVar[tuple[str, ...]] = ()  # arrays that are computed anew on loading, therefore not saved
    constants: Any
    inputs: int
    outputs: int
    shape: tuple[int, ...]
    state: Any
    executor: Executor[Any]
    initial_array: Array | None

    def __init__(self, index: int) -> None:
        self.index, self._records = index, Records()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inputs} -> {self.outputs}, {self.samples} samples learned)"

    def _repr_html_(self) -> str:
        return layer_html(self)

    def _constants(self) -> Iterable[Any]:
        return (self.constants,) if "constants" in self.__dict__ else ()

    @property
    def device(self) -> str:
        """Where the layer works: "cpu" or "cuda"."""
        return self.executor.device

    @property
    def placement(self) -> str:
        """How the layer lies on its device; empty on the CPU."""
        return self.executor.placement

    @property
    def device_seconds(self) -> float | None:
        """How long the device has worked for this layer, by the device's clock; None on the CPU."""
        return self.executor.device_seconds

    def compile(self) -> None:
        """Compile what samples go through, or fetch it from the cache, so that no sample waits for it."""
        self.executor.compile()

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

    @abstractmethod
    def weights_of(self, neurons: ArrayLike) -> Array:
        """Return the weights of some neurons, as `weights[neurons]`: the others are not copied.

        On a CUDA device, all synapses come back first if they have changed there.

        Parameters
        ----------
        neurons : int (any,)
            Indices of neurons, from 0, in any order.

        Raises
        ------
        ConfigError
            If they are no indices of neurons of this layer.
        """

    @property
    @abstractmethod
    def first_weights(self) -> Array:
        """Weights before the first sample, like `weights`: made anew from the seed, or from an array."""

    @property
    @abstractmethod
    def norms(self) -> Array:
        """Length of each neuron's weight vector, as followed while learning: float32 (neurons,)."""

    @property
    def sharpness(self) -> float | None:
        """1 / temperature of the competition as it is now; None where there is no softmax, or it is not known yet."""
        numbers = self.constants.competition.numbers(self.constants.neurons)
        return numbers.get("sharpness") if self.constants.competition.soft else None

    @property
    def temperature(self) -> float | None:
        """Temperature of the competition as it is now; None as of `sharpness`.

        With `relative_temperature`, it follows the stream, and is not known before a sample was learned from.
        """
        sharpness = self.sharpness
        return None if sharpness is None else 1 / sharpness

    def _indices(self, neurons: ArrayLike) -> NDArray[np.int64]:
        """Return indices of neurons as an array."""
        rule = f"indices of neurons, from 0 to {self.constants.neurons - 1}"
        indices = numbers("neurons", neurons, WHOLE, rule=rule, refuse=ConfigError)
        if indices.ndim != 1 or (indices.size and not 0 <= indices.min() <= indices.max() < self.constants.neurons):
            raise ConfigError("neurons", rule, indices.tolist())
        return indices.astype(np.int64)

    def _table(self, shape: tuple[int, ...] | None) -> NDArray[Any]:
        """Return the table of `neurons`."""
        centred = self.constants.initial == "uniform"
        now, first = (weights.reshape(len(weights), -1) for weights in (self.weights, self.first_weights))
        table = instruments.neurons(now, first, centred=centred, shape=shape)
        table["step"], table["wins"], table["norm"] = self.steps, self.wins, self.norms
        return table

    def _counter(self, name: str) -> int:
        return int(self.state.counters[getattr(self.kernel_layout, name)])

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

    @property
    def answers_after(self) -> int:
        """How many samples, while it learns, the layer takes in before it sends them on; 1 unless it waits."""
        return 1

    @property
    def waiting(self) -> int:
        """Samples of an unfinished window."""
        return self._counter("PENDING")

    def forget_window(self) -> None:
        """Drop the samples of an unfinished window: nothing is learned from them, but what they won stays counted."""
        with self.executor.changing_state():
            counters, self.state.pending_sums[...] = self.state.counters, 0
            counters[self.kernel_layout.SAMPLES] -= counters[self.kernel_layout.PENDING]
            counters[self.kernel_layout.PENDING] = 0

    @property
    @abstractmethod
    def admits_negative(self) -> bool:
        """Whether inputs below zero are admitted."""

    def as_images(self, values: Array) -> Array:
        """Return potentials or responses in the layer's own shape."""
        return values

    def until_record(self) -> int:
        """Return after how many more samples the next record of the instruments falls due."""
        return self._records.until_due(self.samples)

    def record_if_due(self) -> None:
        """Take a record of the instruments, if one falls on the number of samples learned."""
        if self.state.counters.item(self.kernel_layout.SAMPLES) % self._records.interval == 0:
            self._records.add(record(self.samples, self.steps, self.state.wins, self.norms, self.writes))

    def take_records(self, records: Records) -> None:
        """Go on with a time series of the instruments."""
        self._records = records

    def arrays(self) -> Arrays:
        """Return all that was learned, by name, an unfinished window without what older windows left behind.

        And first weights that were given as an array: a seed cannot make them anew.
        """
        arrays = self._kept()
        filled = self._counter("PENDING")
        arrays |= {name: arrays[name][:filled] for name in self.pending}
        arrays["records"] = self._records.rows
        return arrays if self.initial_array is None else arrays | {FIRST_WEIGHTS: self.initial_array}

    def _kept(self) -> Arrays:
        """Return the state's own arrays by name, without those that are derived from them."""
        return {name: array for name, array in self.state._asdict().items() if name not in self.derived}

    def restore(self, arrays: Arrays) -> None:
        """Take over what `arrays` returned.

        Raises
        ------
        ValueError
            If an array is missing, of another type or shape, or has values that no layer can have learned.
        """
        with self.executor.changing_state():
            own, filled = self._kept(), len(arrays["pending_modulators"])
            check_shapes(arrays, own, filled, self.pending)
            records = Records(arrays["records"])
            check_finite(arrays)
            check_ranges(arrays, self._ranges())
            self._check(arrays)
            if filled >= self.constants.window or arrays["counters"][self.kernel_layout.PENDING] != filled:
                raise ValueError(f"counters must tell the {filled} samples of the unfinished window")
            copy_into(arrays, own)
            self._derive()
        self._records = records

    @abstractmethod
    def _ranges(self) -> tuple[Range, ...]:
        """Return which values the arrays may have."""

    def _check(self, arrays: Arrays) -> None:
        """Refuse, by ValueError, arrays of the right types and shapes that this kind of layer cannot have learned."""

    def _derive(self) -> None:
        """Compute the derived arrays from the others."""

    def prepared(self, constants: Any) -> dict[str, Any]:
        """Return attributes with which the layer goes on with other constants: its arrays stay where they are.

        Compiled, so that no sample waits for it; `adopt` takes them. An array has another shape by a window of another
        length alone, which is changed where no sample waits for its end.

        Parameters
        ----------
        constants : DenseWTA or ConvWTA
            Those of `neurosim.layers.changing.with_constant`: arrays keep their shapes and meanings.

        Raises
        ------
        ConfigError, DeviceError
            If the layer cannot work with them; it stays as it is.
        """
        with self.executor.changing_state():
            arrays = self.state._asdict()
        if constants.window != self.constants.window:
            arrays |= self._pending_arrays(constants.window)
        codes, executor = self._executor_of(constants, self.kernel_layout.State(**arrays))
        executor.follow(self.executor)
        executor.compile()
        return {"constants": constants, "codes": codes, "executor": executor, "state": executor.state}

    def adopt(self, prepared: dict[str, Any]) -> None:
        """Go on with what `prepared` returned; who runs samples through the layer must make new runners."""
        self.__dict__.update(prepared)

    @abstractmethod
    def _executor_of(self, constants: Any, state: Any) -> tuple[Any, Executor[Any]]:
        """Return other constants as compiled code takes them, and an executor like this layer's with them."""

    @abstractmethod
    def _pending_arrays(self, window: int) -> Arrays:
        """Return the arrays of an empty window of some length."""

    def fitting(self, samples: Samples) -> Samples:
        """Return samples in the types and layouts that the compiled code takes: it does not look at them again.

        Raises
        ------
        SampleError
            If they are no samples of this layer, or labels and modulators are not one for each.
        """
        values, labels, modulators = samples
        if not (type(values) is np.ndarray and type(labels) is np.ndarray and type(modulators) is np.ndarray):
            values, labels, modulators = (plain_array(*pair) for pair in zip(Samples._fields, samples, strict=True))
        if values.ndim != 2 or values.shape[1] != self.inputs:
            where = f"of layer {self.index + 1}"
            raise SampleError(f"samples {where} must have the shape (samples, {self.inputs}), got {values.shape}")
        for name, array in (("labels", labels), ("modulators", modulators)):
            if array.ndim != 1 or len(array) not in (0, len(values)):
                raise SampleError(f"{name} must be one for each of {len(values)} samples, got the shape {array.shape}")
        if labels.dtype.kind not in "iu":
            raise SampleError(f"labels must be whole numbers, got {labels.dtype}")
        return Samples(
            _cast("samples", values, FLOAT32), _cast("labels", labels, INT64), _cast("modulators", modulators, FLOAT32)
        )

    def fault(self, sample: Array, number: int, neuron: int) -> NeurosimError:
        """Return the error of a sample that was refused (`neuron` is -1), or that made a neuron diverge.

        A neuron beyond the layer's is what `kernels.shared.own_competition.blamed` returned.
        """
        where, neurons = f"layer {self.index + 1}", self.constants.neurons
        if neuron >= neurons:
            did = f"wrote a response that is not finite, for neuron {neuron - neurons} of {neurons}"
            if neuron >= 2 * neurons:
                did = f"returned a winner that is none of the {neurons} neurons"
            return DivergedError(
                f"{where}, sample {number}: competition {self.constants.competition.name} must write finite responses "
                f"and return a neuron or nothing, but {did}; mend it, and begin anew with the mended one"
            )
        if neuron >= 0:
            return DivergedError(
                f"{where}, neuron {neuron}: weights and potentials must stay finite, but left float32's range at "
                f"sample {number}; use a smaller rate or radius, and go on from the last snapshot"
            )
        why = refusal(sample, number, where, self.admits_negative)
        if self.index == 0:
            return SampleError(why)
        return DivergedError(f"{why}; what layer {self.index} transmits must stay within float32's range")


def _cast(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array of real numbers in the type and layout that compiled code takes."""
    if array.dtype is dtype:
        return np.ascontiguousarray(array)
    numbers(name, array)
    if array.dtype == np.uint64 and dtype is INT64 and array.size and array.max() > LARGEST:
        raise SampleError(f"{name} must be whole numbers up to {LARGEST}, got {array.max()}")
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the layer refuses
        return np.ascontiguousarray(array, dtype)
