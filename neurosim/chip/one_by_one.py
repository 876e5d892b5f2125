"""Single samples through layers, in memory that was made and touched before: a call builds a response, and no more."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurosim import aligned
from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import Array

LINE = 16  # float32 of a line of the processor's cache


class Turn(NamedTuple):
    """One layer's turn: the loop with all that it takes, and what is done after it."""

    run: Callable[[], tuple[int, int]]
    records: bool
    layer: WorkingLayer
    values: Array


def take_turn(turn: Turn) -> None:
    """Let a layer take the sample that lies ready, and raise what is wrong with it."""
    run, records, layer, values = turn
    done, neuron = run()
    if done == 0:
        raise layer.fault(values[0], 0, neuron)
    if records:
        layer.record_if_due()


class OneByOne:
    """The way of single samples through a chip's layers.

    Parameters
    ----------
    layers : sequence of WorkingLayer

    Attributes
    ----------
    sample : float32 (inputs,)
        What goes in next.
    label : int64 (1,)
        Of what goes in next, -1 for none; only looked at where it is learned from.
    modulator : float32 (1,)
        Of what is learned next.
    winner : int64 (1,)
        Of the last layer.
    """

    def __init__(self, layers: Sequence[WorkingLayer]) -> None:
        self.sample = np.zeros(layers[0].inputs, np.float32)
        self.label, self.modulator = np.array([-1]), np.ones(1, np.float32)
        self.responding: list[Turn] = []
        self.learning: list[Turn] = []
        values = self.sample[None]
        for layer in layers:
            room = layer.results(1, 1, 1)
            if layer is layers[-1]:
                room = self._together(layer, room)
            memory = layer.scratch()
            for learning, turns in ((False, self.responding), (True, self.learning)):
                run = layer.turn(values, self.label, self.modulator, learning, memory, room)
                turns.append(Turn(run, learning and layer.constants.instruments, layer, values))
            values = room.outputs
        self.winner = room.winners

    def _together(self, layer: WorkingLayer, room: Any) -> Any:
        """Return room for the last layer's results in one piece, so that one copy takes them all."""
        names, places, end = ("potentials", "responses", "outputs"), [], 0
        for name in names:
            size = getattr(room, name).size
            places.append(slice(end, end + size))
            end += -(-size // LINE) * LINE
        self._results = aligned.zeros(end)
        self._parts, self._last = tuple(places), layer
        return room._replace(
            **{
                name: self._results[place].reshape(getattr(room, name).shape)
                for name, place in zip(names, places, strict=True)
            }
        )

    def take(self, turns: list[Turn]) -> tuple[Array, Array, int, Array]:
        """Take the sample through all layers; return new arrays of what the last one made of it, and its winner."""
        for turn in turns:
            take_turn(turn)
        results = self._results.copy()
        potentials, responses, outputs = self._parts
        shaped = self._last.as_images
        return shaped(results[potentials]), shaped(results[responses]), self.winner.item(), results[outputs]
