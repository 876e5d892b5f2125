"""A dense layer at work: the arrays it has learned."""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.engine.base import WorkingLayer
from neurosim.engine.dense import devices, few_bits
from neurosim.engine.dense.codes import codes
from neurosim.engine.dense.executor import DenseExecutor
from neurosim.engine.dense.state import first_state, first_weights, pending_arrays
from neurosim.engine.executor import Executor
from neurosim.engine.initial import first_array
from neurosim.engine.restoring import Arrays, Range, check_ranges
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError
from neurosim.kernels.dense import layout
from neurosim.kernels.dense.temperature import sharpness_at
from neurosim.layers.dense import DenseWTA
from neurosim.state.arrays import plain_weights

NOTHING = np.empty(0, np.int64)
MOST_COUNTED = 1 << 62  # in a file: compiled code counts on
OF_CELLS = "programmed", "exponents"  # arrays of cells that age
MakeExecutor = Callable[[DenseWTA, int, int, layout.Constants, layout.State], Executor[Any]]


class DenseLayer(WorkingLayer):
    """A `DenseWTA` at work.

    Parameters
    ----------
    constants : DenseWTA
    inputs : int
        Width of a sample.
    seed, index : int
        The chip's seed, and the layer's number in the chip, from 0: they make the first weights.
    executor : callable
        Makes what calls the compiled code, on the CPU or on a device.
    initial : array-like (neurons, inputs), optional
        First weights, in place of those of the seed.

    Raises
    ------
    ConfigError
        If `initial` is refused by `neurosim.engine.initial.first_array`.
    """

    kernel_layout: ClassVar[ModuleType] = layout
    pending = ("pending_inputs", "pending_active", "pending_sizes", "pending_modulators", "pending_potentials",
               "pending_responses")  # fmt: skip
    derived = ("squares",)
    constants: DenseWTA
    state: layout.State

    def __init__(
        self,
        constants: DenseWTA,
        inputs: int,
        seed: int,
        index: int,
        executor: MakeExecutor = DenseExecutor,
        initial: object = None,
    ) -> None:
        super().__init__(index)
        self.constants, self.inputs, self.outputs, self.seed = constants, inputs, constants.neurons, seed
        self.shape = (constants.neurons,)
        shape = constants.neurons, inputs
        rescaled = constants.renormalise or constants.weight_sum is not None
        self.initial_array = first_array(initial, shape, index, constants.lebesgue, rescaled)
        self.codes = self._codes(constants)
        state = first_state(constants, inputs, seed, index, self.initial_array)
        self.executor = executor(constants, inputs, index, self.codes, state)
        self.state = self.executor.state

    @property
    def weights(self) -> Array:
        """Weights as a new float32 array (neurons, inputs), C order."""
        return plain_weights(self.state._asdict())

    def weights_of(self, neurons: ArrayLike) -> Array:
        """Return the weights of some neurons: float32 (some, inputs), C order, as `weights[neurons]`.

        Parameters and errors as of `WorkingLayer.weights_of`.
        """
        return plain_weights(self.state._asdict(), neurons=self._indices(neurons))

    @property
    def norms(self) -> Array:
        """Length of each neuron's weight vector (its p-norm), as followed while learning: float32 (neurons,)."""
        norms: Array = self.state.norms ** np.float32(1 / self.constants.lebesgue)
        return norms

    @property
    def first_weights(self) -> Array:
        """Weights before the first sample: float32 (neurons, inputs), C order.

        Made anew from the seed, or from the array that was given.
        """
        weights = first_weights(self.constants, self.inputs, self.seed, self.index, self.initial_array)
        return np.ascontiguousarray(weights.T)

    @property
    def sharpness(self) -> float | None:
        """1 / temperature of the competition as it is now; None where there is no softmax, or it is not known yet."""
        if not self.codes.relative:
            return super().sharpness
        mean, count = self.state.lead
        return float(sharpness_at(mean, self.codes)) if count else None  # type: ignore[no-untyped-call]

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
        return self._table(shape)

    def arrays(self) -> Arrays:
        """Return all that was learned, by name, an unfinished window without what older windows left behind.

        The mean lead only if one is known, and what cells have only where they age: most layers have neither.
        """
        arrays = super().arrays()
        if arrays["lead"][1] == 0:
            del arrays["lead"]
        for name in OF_CELLS:
            if len(arrays[name]) == 0:
                del arrays[name]
        unused = np.arange(self.inputs) >= arrays["pending_sizes"][:, None]
        for name in ("pending_inputs", "pending_active"):
            arrays[name] = np.where(unused, 0, arrays[name]).astype(arrays[name].dtype)
        return arrays

    @property
    def admits_negative(self) -> bool:
        """Whether inputs below zero are admitted."""
        return self.codes.negative

    def _codes(self, constants: DenseWTA) -> layout.Constants:
        salt = few_bits.salt(constants, self.seed, self.index)
        if constants.devices is not None:
            salt = devices.salt(self.seed, self.index)
        return codes(constants, salt=salt, given=self.initial_array is not None)

    def restore(self, arrays: Arrays) -> None:
        """Take over what `arrays` returned."""
        absent = {name: getattr(self.state, name)[:0] for name in OF_CELLS}
        super().restore(absent | {"lead": np.zeros(2, np.float32)} | arrays)

    def _executor_of(self, constants: DenseWTA, state: layout.State) -> tuple[layout.Constants, Executor[Any]]:
        found = self._codes(constants)
        make: MakeExecutor = type(self.executor)
        return found, make(constants, self.inputs, self.index, found, state)

    def _pending_arrays(self, window: int) -> Arrays:
        return pending_arrays(window, self.inputs, self.constants.neurons)

    def _derive(self) -> None:
        if self.constants.weight_bits is not None:
            self.state.squares[:] = few_bits.squares(self.state.synapses)

    def _check(self, arrays: Arrays) -> None:
        if self.constants.weight_bits is not None:
            few_bits.check(self.constants, arrays["synapses"], arrays["scales"])
        if (arrays["counters"][layout.BLANKS] > arrays["counters"][layout.SAMPLES]).any():
            raise ValueError("counters must tell no more blank samples than samples")  # the rest has neurons begin
        if (arrays["programmed"] > arrays["counters"][layout.SAMPLES]).any():
            raise ValueError("programmed must be at most the samples that were learned from")

    def check_many(self, arrays: Arrays) -> None:
        """Refuse, by ValueError, arrays (chips, ...) of chips with this layer that none can have learned."""
        check_ranges(arrays, (limits for limits in self._ranges() if limits.name in arrays))
        self._check({"programmed": NOTHING} | arrays | {"counters": arrays["counters"].T[..., None, None]})
        if (arrays["counters"][:, layout.PENDING] >= self.constants.window).any():
            raise ValueError(f"counters must tell less than the {self.constants.window} samples of a window")

    def _ranges(self) -> tuple[Range, ...]:
        least_zero = ("wins", "norms", "input_norm", "lead", "eligibility_scales", *OF_CELLS)
        return (
            Range("counters", 0, MOST_COUNTED),
            *(Range(name, 0) for name in least_zero),
            Range("pending_sizes", 0, self.inputs),
            Range("pending_active", 0, self.inputs - 1),
        )
