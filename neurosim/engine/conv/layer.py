"""A convolutional layer at work: the arrays it has learned."""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.engine.base import WorkingLayer
from neurosim.engine.conv.codes import codes
from neurosim.engine.conv.executor import ConvExecutor
from neurosim.engine.conv.state import first_state, first_weights, pending_arrays
from neurosim.engine.executor import Executor
from neurosim.engine.initial import first_array
from neurosim.engine.restoring import Arrays, Range
from neurosim.engine.samples import Array
from neurosim.kernels.conv import layout
from neurosim.layers.conv import ConvWTA, geometry
from neurosim.state.arrays import plain_weights

OF_BIAS = ("activity", "pending_sums")  # arrays that only a layer with a bias keeps
MakeExecutor = Callable[[ConvWTA, tuple[int, ...], int, layout.Constants, layout.State], Executor[Any]]


class ConvLayer(WorkingLayer):
    """A `ConvWTA` at work.

    Parameters
    ----------
    constants : ConvWTA
    image : tuple of int
        Channels, height, width.
    seed, index : int
        The chip's seed, and the layer's number in the chip, from 0: they make the first weights.
    executor : callable
        Makes what calls the compiled code, on the CPU or on a device.
    initial : array-like (neurons, channels, kernel, kernel), optional
        First weights, in place of those of the seed.

    Raises
    ------
    ConfigError
        If the layer does not fit its images, or `initial` is refused by `neurosim.engine.initial.first_array`.
    """

    kernel_layout: ClassVar[ModuleType] = layout
    pending = ("pending_inputs", "pending_modulators", "pending_potentials")
    constants: ConvWTA
    state: layout.State

    def __init__(
        self,
        constants: ConvWTA,
        image: tuple[int, ...],
        seed: int,
        index: int,
        executor: MakeExecutor = ConvExecutor,
        initial: object = None,
    ) -> None:
        super().__init__(index)
        self.geometry = geometry(constants, image, f"layer {index + 1}")
        self.constants, self.image, self.inputs, self.seed = constants, image, math.prod(image), seed
        self.shape = (constants.neurons, self.geometry.pooled_rows, self.geometry.pooled_columns)
        self.outputs = math.prod(self.shape)
        self.positions = self.geometry.rows * self.geometry.columns
        self.codes = codes(constants, image)
        shape = constants.neurons, image[0], constants.kernel, constants.kernel
        self.initial_array = first_array(initial, shape, index, renormalise=constants.renormalise)
        state = first_state(constants, image, self.positions, seed, index, self.initial_array)
        self.executor = executor(constants, image, index, self.codes, state)
        self.state = self.executor.state

    @property
    def weights(self) -> Array:
        """Weights as a new float32 array (neurons, channels, kernel, kernel), C order."""
        return plain_weights(self.state._asdict(), "ConvWTA", self.constants.kernel)

    def weights_of(self, neurons: ArrayLike) -> Array:
        """Return the weights of some neurons: float32 (some, channels, kernel, kernel), C order, as `weights[neurons]`.

        Parameters and errors as of `WorkingLayer.weights_of`.
        """
        return plain_weights(self.state._asdict(), "ConvWTA", self.constants.kernel, self._indices(neurons))

    @property
    def first_weights(self) -> Array:
        """Weights before the first image: float32 (neurons, channels, kernel, kernel).

        Made anew from the seed, or from the array that was given.
        """
        return first_weights(self.constants, self.image[0], self.seed, self.index, self.initial_array)

    @property
    def norms(self) -> Array:
        """Length of each neuron's weight vector, as followed while learning: float32 (neurons,)."""
        return np.sqrt(self.state.norms)

    def neurons(self) -> NDArray[Any]:
        """Return a table of the neurons: live or dead, how far from their first weights, steps, wins, norms.

        Costs a pass over the synapses, and making the first weights anew.

        Returns
        -------
        structured array (neurons,), of dtype `neurosim.instruments.NEURON`
        """
        size = self.constants.kernel
        return self._table((self.image[0], size, size) if size > 1 else None)

    @property
    def responses(self) -> int:
        """How many responses an image gets: one of each neuron, at each position."""
        return self.constants.neurons * self.positions

    @property
    def answers_after(self) -> int:
        """How many images, while it learns, the layer takes in before it sends them on; 1 unless it waits."""
        return self.constants.window if self.constants.answers == "window" else 1

    def as_images(self, values: Array) -> Array:
        """Return potentials or responses (..., positions, neurons) as (..., neurons, rows, columns), not copied."""
        images = values.reshape(*values.shape[:-2], self.geometry.rows, self.geometry.columns, self.constants.neurons)
        return np.moveaxis(images, -1, -3)

    @property
    def admits_negative(self) -> bool:
        """Whether inputs below zero are admitted."""
        return self.codes.negative

    def _executor_of(self, constants: ConvWTA, state: layout.State) -> tuple[layout.Constants, Executor[Any]]:
        found = codes(constants, self.image)
        make: MakeExecutor = type(self.executor)
        return found, make(constants, self.image, self.index, found, state)

    def _pending_arrays(self, window: int) -> Arrays:
        return pending_arrays(window, self.image, self.positions, self.constants.neurons)

    def _kept(self) -> Arrays:
        arrays = super()._kept()
        return arrays if self.constants.bias is not None else {k: arrays[k] for k in arrays if k not in OF_BIAS}

    def _ranges(self) -> tuple[Range, ...]:
        return tuple(Range(name, 0) for name in ("counters", "wins", "norms", "variances"))
