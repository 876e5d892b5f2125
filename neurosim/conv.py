"""A convolutional layer at work: the arrays it has learned, and the door to the compiled loop."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.conv_codes import codes
from neurosim.conv_layers import ConvWTA, geometry
from neurosim.conv_state import first_state, first_weights
from neurosim.kernels import conv
from neurosim.state_format import plain_weights
from neurosim.working import Array, WorkingLayer


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

    def scratch(self) -> conv.Scratch:
        """Return working memory for one caller at a time."""
        layer, room = self.constants, _room
        neurons, fan_in, padding = layer.neurons, self.state.synapses.shape[1], 2 * layer.padding
        channels, height, width = self.image
        rows = layer.window * self.positions
        # A pass over the synapses takes about sixteen times as long as as many terms of a matrix product.
        gram = layer.step == "capped" and rows * rows * (fan_in + neurons) < conv.GRAM * neurons * fan_in
        events = rows * neurons // conv.FEW + 1 if layer.cutoff > 0 else 0
        whole = layer.step == "largest" or not gram
        return conv.Scratch(
            values=room(self.inputs),
            image=room((height + padding) * (width + padding) * channels),
            patches=room(rows, fan_in),
            responses=room(rows if layer.window > 1 else 0, neurons),
            growth=room(rows, neurons),
            drive=room(neurons),
            sent=room(self.positions if self._codes.pool == conv.MEAN_POOL else 0, neurons),
            pooled=room(neurons),
            averages=room(self.positions),
            changes=room(neurons),
            overlaps=room(neurons),
            rates=room(neurons),
            squares=room(neurons),
            gram=room(*((rows, rows) if gram else (0, 0))),
            product=room(rows if gram else 0, neurons),
            step=room(neurons if whole else 1, fan_in),
            counts=np.zeros(neurons, np.int64),
            starts=np.zeros(neurons, np.int64),
            event_rows=np.zeros(events, np.int32),
            event_growth=room(events),
            lanes=room(conv.LANES),
            means=room(channels),
            variances=room(channels),
            letters=np.frombuffer(b"NT", np.uint8).copy(),
            sizes=np.zeros(4, np.int32),
            factors=np.array([1, 0], np.float32),
        )

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

    def _arguments(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[Any, ...]:
        samples = conv.Samples(values, modulators)
        return samples, learning, self._codes, self.state, scratch, room, self._product, self._own

    @property
    def _negative(self) -> bool:
        return self._codes.negative


def _room(*shape: int) -> Array:
    return np.zeros(shape, np.float32)
