"""The memory that a convolutional layer works in: a scratch for each thread of a team, and what they share."""

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.conv import layout, potentials
from neurosim.kernels.shared import numbers
from neurosim.layers.conv import ConvWTA, Geometry


class Workspace:
    """Working memory of a layer for one caller at a time.

    Parameters
    ----------
    constants : ConvWTA
    image : tuple of int
        Channels, height, width.
    geometry : Geometry
    pool : int
        The kernel's code of the pool.
    """

    def __init__(self, constants: ConvWTA, image: tuple[int, ...], geometry: Geometry, pool: int) -> None:
        self._events = 0
        self._first = self._shared(constants, image, geometry.rows * geometry.columns, pool)
        self._scratch: list[layout.Scratch] = []

    def team(self, size: int) -> list[tuple[layout.Scratch, layout.Team]]:
        """Return what each thread of a team works in; the team's board is blank."""
        while len(self._scratch) < size:
            self._scratch.append(self._private())
        neurons = self._first.changes.size
        board, wins = np.zeros((size, layout.ROW), np.int64), np.zeros((size, neurons), np.int64)
        largest = _room(size, numbers.LANES)
        return [(self._scratch[number], layout.Team(number, size, board, wins, largest)) for number in range(size)]

    def _private(self) -> layout.Scratch:
        """Return a thread's scratch: the arrays of PRIVATE its own."""
        shared = self._first
        return shared._replace(
            drive=np.zeros_like(shared.changes),
            pooled=np.zeros_like(shared.changes),
            sum=_room(shared.patches.shape[1]),
            event_rows=np.zeros(self._events, np.int32),
            event_values=_room(self._events),
            lanes=_room(numbers.LANES),
            sizes=np.zeros(4, np.int32),
        )

    def _shared(self, layer: ConvWTA, image: tuple[int, ...], positions: int, pool: int) -> layout.Scratch:
        channels, height, width = image
        neurons, padding = layer.neurons, 2 * layer.padding
        fan_in, rows = channels * layer.kernel**2, layer.window * positions
        gram = layer.step == "capped" and layout.by_products(rows, neurons, fan_in)
        if layer.cutoff > 0:
            self._events = rows * neurons // layout.FEW + 1
        return layout.Scratch(
            values=_room(channels * height * width),
            image=_room((height + padding) * (width + padding) * channels),
            patches=_room(rows, fan_in),
            responses=_room(rows if layer.window > 1 else 0, neurons),
            turned=_room(0 if positions * potentials.NARROW > neurons else neurons, positions),
            growth=_room(rows, neurons),
            drive=_room(0),
            sent=_room(positions if pool == layout.MEAN_POOL else 0, neurons),
            pooled=_room(0),
            averages=_room(positions),
            changes=_room(neurons),
            overlaps=_room(neurons),
            rates=_room(neurons),
            squares=_room(neurons),
            gram=_room(*((rows, rows) if gram else (0, 0))),
            product=_room(rows if gram else 0, neurons),
            step=_room(0 if gram else neurons, fan_in),
            sum=_room(0),
            counts=np.zeros(neurons, np.int64),
            starts=np.zeros(neurons, np.int64),
            event_rows=np.zeros(0, np.int32),
            event_values=_room(0),
            lanes=_room(0),
            means=_room(channels),
            variances=_room(channels),
            letters=np.frombuffer(b"NT", np.uint8).copy(),
            sizes=np.zeros(0, np.int32),
            factors=np.array([1, 0], np.float32),
        )


def _room(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)
