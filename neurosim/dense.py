"""A dense layer at work: the arrays it has learned, and the door to the compiled loop."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.errors import DivergedError, NeurosimError, SampleError
from neurosim.kernels import dense
from neurosim.layers import DenseWTA, codes
from neurosim.state_format import plain_weights

Array = NDArray[np.float32]


def first_state(layer: DenseWTA, inputs: int, seed: int, place: int) -> dense.State:
    """Return the state of a layer that has seen nothing; `place` is its number in the chip."""
    count = inputs * layer.neurons
    if layer.initial == "uniform":
        weights = randomness.uniform(seed, randomness.WEIGHTS, place, count) * (layer.radius * math.sqrt(3 / inputs))
    else:
        weights = randomness.normal(seed, randomness.WEIGHTS, place, count) * (layer.radius / math.sqrt(inputs))
    synapses = weights.astype(np.float32).reshape(inputs, layer.neurons)
    return dense.State(
        synapses=synapses,
        scales=np.ones(layer.neurons, np.float32),
        norms=np.einsum("ik,ik->k", synapses, synapses, dtype=np.float64).astype(np.float32),
        wins=np.zeros(layer.neurons, np.int64),
        counters=np.zeros(dense.COUNTERS, np.int64),
        input_norm=np.zeros(1, np.float32),
        pending_inputs=np.zeros((layer.window, inputs), np.float32),
        pending_active=np.zeros((layer.window, inputs), np.int32),
        pending_sizes=np.zeros(layer.window, np.int64),
        pending_growth=np.zeros((layer.window, layer.neurons), np.float32),
        pending_decay=np.zeros((2, layer.neurons), np.float32),
    )


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
        self.constants, self.inputs, self.place = constants, inputs, place
        self.state = first_state(constants, inputs, seed, place)
        self._codes = codes(constants)

    def __repr__(self) -> str:
        return f"DenseLayer({self.inputs} -> {self.constants.neurons}, {self.samples} samples learned)"

    @property
    def weights(self) -> Array:
        """Weights as a new float32 array (neurons, inputs), C order."""
        return plain_weights(self.state._asdict())

    @property
    def norms(self) -> Array:
        """Length of each neuron's weight vector, as followed while learning: float32 (neurons,)."""
        norms: Array = np.sqrt(self.state.norms)
        return norms

    @property
    def wins(self) -> NDArray[np.int64]:
        """How many learned samples each neuron won: int64 (neurons,), a copy."""
        return np.array(self.state.wins)

    @property
    def samples(self) -> int:
        """Samples learned from, blank ones included."""
        return int(self.state.counters[dense.SAMPLES])

    @property
    def blanks(self) -> int:
        """Samples of zeros, or too small for |x|^2 in float32: counted, and nothing learned from them."""
        return int(self.state.counters[dense.BLANKS])

    @property
    def writes(self) -> int:
        """Updates of a neuron's weights so far: neurons above the cutoff, summed over samples."""
        return int(self.state.counters[dense.WRITES])

    def scratch(self) -> dense.Scratch:
        """Return working memory for one caller at a time."""
        neurons, window = self.constants.neurons, self.constants.window
        return dense.Scratch(
            values=np.empty(self.inputs, np.float32),
            active=np.empty(self.inputs, np.int32),
            lanes=np.empty(dense.LANES, np.float32),
            written=np.empty(neurons, np.int64),
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
        sizes = self.state.pending_sizes[:filled]
        unused = np.arange(self.inputs) >= sizes[:, None]
        for name in ("pending_inputs", "pending_active"):
            arrays[name] = np.where(unused, 0, arrays[name][:filled]).astype(arrays[name].dtype)
        arrays["pending_sizes"] = sizes
        arrays["pending_growth"] = self.state.pending_growth[:filled]
        return arrays

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
            rows = filled if name.startswith("pending_") and name != "pending_decay" else len(place)
            if array.dtype != place.dtype or array.shape != (rows, *place.shape[1:]):
                raise ValueError(f"{name} must be {place.dtype} {place.shape}, got {array.dtype} {array.shape}")
        check_finite(arrays)
        for name, low, high in (
            ("counters", 0, None), ("wins", 0, None), ("norms", 0, None), ("input_norm", 0, None),
            ("pending_sizes", 0, self.inputs), ("pending_active", 0, self.inputs - 1),
        ):  # fmt: skip
            array = arrays[name]
            if (array < low).any() or (high is not None and (array > high).any()):
                raise ValueError(f"{name} must be from {low}" + (f" to {high}" if high is not None else ""))
        if filled >= self.constants.window or arrays["counters"][dense.PENDING] != filled:
            raise ValueError(f"counters must tell the {filled} samples of the unfinished window")
        for name, place in self.state._asdict().items():
            place[: len(arrays[name])] = arrays[name]

    def take(
        self, samples: Array, learning: bool, scratch: dense.Scratch, results: dense.Results, first: int = 0
    ) -> Taken:
        """Run a block of samples through the layer, learning from each in turn or not; errors number from `first`."""
        if samples.dtype != np.float32 or not samples.flags.carray:  # another layout would be compiled anew
            samples = np.array(samples, np.float32, order="C")
        done, neuron = dense.stream(samples, learning, self._codes, self.state, scratch, results)
        if done == len(samples):
            return Taken(results, done, None)
        return Taken(results, done, self._fault(samples[done], first + done, neuron))

    def compile(self) -> None:
        """Compile the loop, or fetch it from the cache, so that no sample waits for it."""
        self.take(np.empty((0, self.inputs), np.float32), False, self.scratch(), self.results(0, 1, 0))

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
