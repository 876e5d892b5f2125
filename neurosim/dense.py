"""A dense layer at work: the arrays it has learned, and the door to the compiled loop."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import instruments
from neurosim.codes import codes
from neurosim.competition import ByLabel
from neurosim.errors import ConfigError, DivergedError, NeurosimError, SampleError
from neurosim.first_state import first_state, first_weights
from neurosim.instruments import Records, record
from neurosim.kernels import dense
from neurosim.layers import DenseWTA
from neurosim.state_format import plain_weights

Array = NDArray[np.float32]


NO_LABELS, NO_MODULATORS = np.empty(0, np.int64), np.empty(0, np.float32)
PENDING = ("pending_inputs", "pending_active", "pending_sizes", "pending_modulators", "pending_potentials",
           "pending_responses")  # fmt: skip


class Taken(NamedTuple):
    """What a layer gives for a block of samples: results, and the error that stopped it early, if any."""

    results: dense.Results
    done: int
    error: NeurosimError | None


class DenseLayer:
    """A layer at work: its constants, and the arrays it has learned.

    Attributes
    ----------
    constants : DenseWTA
    inputs : int
    state : neurosim.kernels.dense.State
        The arrays themselves; the compiled loop writes them in place.
    """

    def __init__(self, constants: DenseWTA, inputs: int, seed: int, place: int) -> None:
        self.constants, self.inputs, self.seed, self.place = constants, inputs, seed, place
        self.state, self._records = first_state(constants, inputs, seed, place), Records()
        self._codes, self._own = codes(constants), getattr(constants.rule, "compiled", None)
        self._compiled: Callable[..., tuple[int, int]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_compiled": None}  # for copies, also into other processes: they compile it anew

    def __repr__(self) -> str:
        return f"DenseLayer({self.inputs} -> {self.constants.neurons}, {self.samples} samples learned)"

    @property
    def weights(self) -> Array:
        """Weights as a new float32 array (neurons, inputs), C order."""
        return plain_weights(self.state._asdict())

    @property
    def norms(self) -> Array:
        """Length of each neuron's weight vector (its p-norm), as followed while learning: float32 (neurons,)."""
        norms: Array = self.state.norms ** np.float32(1 / self.constants.lebesgue)
        return norms

    @property
    def wins(self) -> NDArray[np.int64]:
        """How many learned samples each neuron won: int64 (neurons,), a copy."""
        return np.array(self.state.wins)

    @property
    def first_weights(self) -> Array:
        """Weights before the first sample, made anew from the seed: float32 (neurons, inputs), C order."""
        return np.ascontiguousarray(first_weights(self.constants, self.inputs, self.seed, self.place).T)

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

    def neurons(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Return a table of the neurons: live or dead, how far from their first weights, steps, wins, norms.

        Costs a pass over the synapses, and making the first weights anew.

        Parameters
        ----------
        shape : tuple of int, optional
            Of the input as an image, (height, width) or (channels, height, width), for the correlation of neighbours.

        Returns
        -------
        structured array (neurons,), of dtype `neurosim.instruments.NEURON`

        Raises
        ------
        ConfigError
            If the shape does not make the number of inputs.
        """
        if shape is not None and (len(shape) < 2 or math.prod(shape) != self.inputs):
            raise ConfigError("shape", f"(height, width) or (channels, height, width) of {self.inputs} inputs", shape)
        centred = self.constants.initial == "uniform"
        table = instruments.neurons(self.weights, self.first_weights, centred=centred, shape=shape)
        table["step"], table["wins"], table["norm"] = self.steps, self.wins, self.norms
        return table

    @property
    def updates(self) -> int:
        """Windows applied: samples learned from, with a window of 1."""
        return int(self.state.counters[dense.UPDATES])

    @property
    def samples(self) -> int:
        """Samples learned from, blank ones included."""
        return int(self.state.counters[dense.SAMPLES])

    @property
    def blanks(self) -> int:
        """Samples that teach nothing: of zeros, too small for |x|^2 in float32, or without the label it takes."""
        return int(self.state.counters[dense.BLANKS])

    @property
    def writes(self) -> int:
        """Neurons above the cutoff so far, summed over samples: all that a rule was asked about."""
        return int(self.state.counters[dense.WRITES])

    def scratch(self) -> dense.Scratch:
        """Return working memory for one caller at a time."""
        neurons, window = self.constants.neurons, self.constants.window
        return dense.Scratch(
            values=np.empty(self.inputs, np.float32),
            active=np.empty(self.inputs, np.int32),
            lanes=np.empty(dense.LANES, np.float32),
            written=np.empty(neurons, np.int64),
            drive=np.empty(neurons, np.float32),
            growth=np.zeros((window, neurons), np.float32),
            changes=np.empty(neurons, np.float32),
            overlaps=np.empty(neurons, np.float32),
            sizes=np.empty(neurons, np.float32),
            order=np.empty(neurons, np.float32),
            totals=np.zeros(window, np.float32),
            gram=np.empty((window, window), np.float32),
        )

    def results(self, samples: int, rows: int, outputs: int) -> dense.Results:
        """Return room for results: potentials and responses of `rows` samples, outputs of `outputs`."""
        neurons = self.constants.neurons
        return dense.Results(
            potentials=np.empty((rows, neurons), np.float32),
            responses=np.empty((rows, neurons), np.float32),
            winners=np.empty(samples, np.int64),
            outputs=np.empty((outputs, neurons), np.float32),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that was learned, by name, an unfinished window without what older windows left behind."""
        arrays: dict[str, NDArray[Any]] = dict(self.state._asdict())
        filled = int(self.state.counters[dense.PENDING])
        arrays |= {name: arrays[name][:filled] for name in PENDING}
        unused = np.arange(self.inputs) >= arrays["pending_sizes"][:, None]
        for name in ("pending_inputs", "pending_active"):
            arrays[name] = np.where(unused, 0, arrays[name]).astype(arrays[name].dtype)
        return arrays | {"records": self._records.rows}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned.

        Raises
        ------
        ValueError
            If an array is missing, of another type or shape, or holds what no layer can have learned.
        """
        filled = len(arrays["pending_sizes"])
        for name, place in self.state._asdict().items():
            array = arrays[name]
            rows = filled if name in PENDING else len(place)
            if array.dtype != place.dtype or array.shape != (rows, *place.shape[1:]):
                raise ValueError(f"{name} must be {place.dtype} {place.shape}, got {array.dtype} {array.shape}")
        records = Records(arrays["records"])
        check_finite(arrays)
        for name, low, high in (
            ("counters", 0, None), ("wins", 0, None), ("norms", 0, None), ("input_norm", 0, None),
            ("eligibility_scales", 0, None),
            ("pending_sizes", 0, self.inputs), ("pending_active", 0, self.inputs - 1),
        ):  # fmt: skip
            array = arrays[name]
            if (array < low).any() or (high is not None and (array > high).any()):
                raise ValueError(f"{name} must be from {low}" + (f" to {high}" if high is not None else ""))
        if filled >= self.constants.window or arrays["counters"][dense.PENDING] != filled:
            raise ValueError(f"counters must tell the {filled} samples of the unfinished window")
        for name, place in self.state._asdict().items():
            place[: len(arrays[name])] = arrays[name]
        self._records = records

    def take(
        self,
        values: Array,
        learning: bool,
        scratch: dense.Scratch,
        results: dense.Results,
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
            part, room = dense.Samples(values, labels, modulators), results
            if stop - done < len(values):
                part = dense.Samples(values[done:stop], labels[done:stop], modulators[done:stop])
                room = dense.Results(*results[:2], results.winners[done:], results.outputs[done:])
            count, neuron = self._loop(part, learning, self._codes, self.state, scratch, room, self._own)
            done += count
            if done < stop:
                return Taken(results, done, self._fault(values[done], first + done, neuron))
            if recording and self._records.until_due(self.samples) == self._records.interval:
                self._records.add(record(self.samples, self.steps, self.state.wins, self.norms, self.writes))
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
        nothing = dense.Samples(np.empty((0, self.inputs), np.float32), NO_LABELS, NO_MODULATORS)
        room = self.results(0, 1, 0)
        arguments = (nothing, False, self._codes, self.state, self.scratch(), room, self._own)
        self._compiled = dense.loop(*arguments)  # type: ignore[no-untyped-call]

    @property
    def _loop(self) -> Callable[..., tuple[int, int]]:
        if self._compiled is None:
            self.compile()
        assert self._compiled is not None
        return self._compiled

    def _fault(self, sample: Array, number: int, neuron: int) -> NeurosimError:
        where = f"layer {self.place + 1}"
        if neuron >= 0:
            return DivergedError(
                f"{where}, neuron {neuron}: weights and potentials must stay finite, but left float32's range at "
                f"sample {number}; use a smaller rate or radius, and go on from the last snapshot"
            )
        why = refusal(sample, number, where, self._codes.negative)
        if self.place == 0:
            return SampleError(why)
        return DivergedError(f"{why}; what layer {self.place} transmits must stay within float32's range")


def teachable(
    layers: Sequence[DenseLayer], samples: int, labels: NDArray[np.int64], first: int
) -> tuple[int, SampleError | None]:
    """Return how many samples all layers may learn from, as far as labels go, and what is wrong with the next one."""
    end, error = samples, None
    for layer in layers:
        if not isinstance(layer.constants.competition, ByLabel):
            continue
        where, neurons = f"of layer {layer.place + 1}, which is taught", layer.constants.neurons
        if len(labels) != samples:
            return 0, SampleError(f"sample {first} {where}, must have a label, got none; give a stream with labels")
        bad = np.asarray(labels[:end]) >= neurons
        if bad.any():
            end = int(np.argmax(bad))
            rule = f"must be below its {neurons} neurons, got {labels[end]}"
            error = SampleError(f"label of sample {first + end} {where}, {rule}")
    return end, error


def check_finite(arrays: dict[str, NDArray[Any]]) -> None:
    """Refuse arrays of a layer that diverged."""
    for name, array in arrays.items():
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, and is not")


def refusal(sample: Array, number: int, where: str, negative: bool) -> str:
    """Say why a layer does not admit a sample; `number` counts from 0."""
    for rule, broken in (
        ("finite", ~np.isfinite(sample)),
        (
            "at least 0 (initial='uniform' makes weights for such inputs; take initial='normal')",
            (sample < 0) & (not negative),
        ),
    ):
        if broken.any():
            i = int(np.argmax(broken))
            return f"sample {number}, input {i} of {where} must be {rule}, got {sample[i]}"
    return (
        f"sample {number} of {where} must have a norm within float32's range, got inputs up to {np.abs(sample).max()}"
    )
