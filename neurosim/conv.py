"""A convolutional layer at work: the arrays it has learned, and the door to the compiled loop."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.conv_codes import codes
from neurosim.conv_layers import ConvWTA, geometry
from neurosim.conv_room import Workspace
from neurosim.conv_state import first_state, first_weights
from neurosim.kernels import conv
from neurosim.state_format import plain_weights
from neurosim.teams import BLAS, CREW
from neurosim.working import Array, WorkingLayer

WORTH_A_TEAM = 3e7  # terms of a matrix product that take longer than waking a thread
A_RESPONSE = 400  # and as many terms that a response takes beside them: its exponential, its part in learning


class ConvLayer(WorkingLayer):
    """A `ConvWTA` at work."""

    kernel = conv
    pending = ("pending_inputs", "pending_modulators", "pending_potentials")
    constants: ConvWTA
    state: conv.State

    def __init__(self, constants: ConvWTA, image: tuple[int, ...], seed: int, place: int) -> None:
        super().__init__(place)
        self.geometry = geometry(constants, image, f"layer {place + 1}")
        self.constants, self.image, self.inputs, self.seed = constants, image, math.prod(image), seed
        self.shape = (constants.neurons, self.geometry.pooled_rows, self.geometry.pooled_columns)
        self.outputs = math.prod(self.shape)
        self.positions = self.geometry.rows * self.geometry.columns
        self.state = first_state(constants, image, self.positions, seed, place)
        self._codes, self._own = codes(constants, image), getattr(constants.rule, "compiled", None)
        self._product = conv.PRODUCTS[np.dtype(np.float32)]
        self._most = max(1, constants.neurons // conv.GRAIN)  # threads that there is work for
        self._work = self.responses * (self.state.synapses.shape[1] + A_RESPONSE)

    @property
    def weights(self) -> Array:
        """Weights as a new float32 array (neurons, channels, kernel, kernel), C order."""
        return plain_weights(self.state._asdict(), "ConvWTA", self.constants.kernel)

    @property
    def first_weights(self) -> Array:
        """Weights before the first image, made anew from the seed: float32 (neurons, channels, kernel, kernel)."""
        return first_weights(self.constants, self.image[0], self.seed, self.place)

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

    def as_images(self, values: Array) -> Array:
        """Return potentials or responses (..., positions, neurons) as (..., neurons, rows, columns), not copied."""
        images = values.reshape(*values.shape[:-2], self.geometry.rows, self.geometry.columns, self.constants.neurons)
        return np.moveaxis(images, -1, -3)

    def scratch(self) -> Workspace:
        """Return working memory for one caller at a time."""
        return Workspace(self.constants, self.image, self.geometry, self._codes.pool)

    def results(self, samples: int, rows: int, outputs: int) -> conv.Results:
        """Return room for results: potentials and responses of `rows` samples, outputs of `outputs`."""
        return conv.Results(
            potentials=np.empty((max(1, rows), self.positions, self.constants.neurons), np.float32),
            responses=np.empty((rows, self.positions, self.constants.neurons), np.float32),
            winners=np.empty(samples, np.int64),
            outputs=np.empty((outputs, self.outputs), np.float32),
        )

    def _ranges(self) -> tuple[tuple[str, int, int | None], ...]:
        return ("counters", 0, None), ("wins", 0, None), ("norms", 0, None), ("variances", 0, None)

    def _calls(
        self, values: Array, modulators: Array, learning: bool, scratch: Any, room: Any, size: int
    ) -> list[tuple[Any, ...]]:
        """Return what the loop takes, for each thread of a team."""
        samples = conv.Samples(values, modulators)
        return [
            (samples, learning, self._codes, self.state, memory, room, self._product, self._own, team)
            for memory, team in scratch.team(size)
        ]

    def _arguments(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[Any, ...]:
        return self._calls(values, modulators, learning, scratch, room, 1)[0]

    def _run(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[int, int]:
        most = self._most if len(values) * self._work >= WORTH_A_TEAM else 1
        with BLAS.quiet() as threads, CREW.team(min(threads, most)) as size:
            calls = self._calls(values, modulators, learning, scratch, room, size)
            board = calls[0][-1].board
            return CREW.run(self._loop, calls, lambda: board.__setitem__((0, conv.ABSENT), 1))

    @property
    def _negative(self) -> bool:
        return self._codes.negative
