"""The memory that a convolutional layer works in: scratch for each thread of a team, what they share, and results."""

import time

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.results import Results
from neurosim.kernels.conv import layout, potentials
from neurosim.kernels.shared import numbers
from neurosim.layers.conv import ConvWTA, Geometry


class Workspace:
    """Working memory of a convolutional layer for one caller at a time.

    Parameters
    ----------
    constants : ConvWTA
    image : tuple of int
        Channels, height, width.
    geometry : Geometry
    pool : int
        The kernel's code of the pool.
    marking : bool
        Whether the moments are noted at which the stages of an image are done.

    Attributes
    ----------
    marks : neurosim.kernels.conv.layout.Marks
        These moments, of the last image.
    threads : int
        How many threads carried the last chunk.
    """

    def __init__(
        self, constants: ConvWTA, image: tuple[int, ...], geometry: Geometry, pool: int, marking: bool = False
    ) -> None:
        self.marks, self.threads, self._events = _marks(marking), 1, 0
        self._first = self._shared(constants, image, geometry.rows * geometry.columns, pool)
        self._scratch: list[layout.Scratch] = []

    def team(self, size: int) -> list[tuple[layout.Scratch, layout.Team]]:
        """Return what each thread of a team works in; the team's signals are zero."""
        self.threads, neurons = size, self._first.changes.size
        while len(self._scratch) < size:
            self._scratch.append(self._private())
        signals, wins = np.zeros((size, layout.SIGNALS + neurons), np.int64), np.zeros((size, neurons), np.int64)
        largest = _zeros(size, numbers.LANES)
        return [(self._scratch[number], layout.Team(number, size, signals, wins, largest)) for number in range(size)]

    @property
    def scratch(self) -> layout.Scratch:
        """Scratch of the first thread: what it shares with the others stands there after a call."""
        return self._scratch[0] if self._scratch else self.team(1)[0][0]

    def _private(self) -> layout.Scratch:
        """Return a thread's scratch: the arrays of PRIVATE its own."""
        shared = self._first
        return shared._replace(
            drive=np.zeros_like(shared.changes),
            biases=np.zeros_like(shared.biases),
            order=np.zeros_like(shared.order),
            pooled=np.zeros_like(shared.changes),
            sum=_zeros(shared.patches.shape[1]),
            event_rows=np.zeros(self._events, np.int32),
            event_values=_zeros(self._events),
            lanes=_zeros(numbers.LANES),
        )

    def _shared(self, layer: ConvWTA, image: tuple[int, ...], positions: int, pool: int) -> layout.Scratch:
        channels, height, width = image
        neurons, padding = layer.neurons, 2 * layer.padding
        fan_in, rows = channels * layer.kernel**2, layer.window * positions
        gram = layer.step == "capped" and layout.by_products(rows, neurons, fan_in)
        if layer.cutoff > 0:
            self._events = rows * neurons // layout.FEW + 1
        return layout.Scratch(
            values=_zeros(channels * height * width),
            image=_zeros((height + padding) * (width + padding) * channels),
            patches=_zeros(rows, fan_in),
            responses=_zeros(rows if layer.window > 1 else 0, neurons),
            turned=_zeros(0 if positions * potentials.NARROW > neurons else neurons, positions),
            growth=_zeros(rows, neurons),
            drive=_zeros(0),
            biases=_zeros(0 if layer.bias is None else neurons),
            order=np.zeros(neurons if layer.competition.ranked else 0, np.int64),
            sent=_zeros(positions if pool == layout.MEAN_POOL else 0, neurons),
            pooled=_zeros(0),
            averages=_zeros(positions),
            changes=_zeros(neurons),
            overlaps=_zeros(neurons),
            rates=_zeros(neurons),
            squares=_zeros(neurons),
            gram=_zeros(*((rows, rows) if gram else (0, 0))),
            product=_zeros(rows if gram else 0, neurons),
            step=_zeros(0 if gram else neurons, fan_in),
            sum=_zeros(0),
            counts=np.zeros(neurons, np.int64),
            starts=np.zeros(neurons, np.int64),
            event_rows=np.zeros(0, np.int32),
            event_values=_zeros(0),
            lanes=_zeros(0),
            means=_zeros(channels),
            variances=_zeros(channels),
        )


def results(
    neurons: int, positions: int, width: int, samples: int, rows: int, outputs: bool, counting: bool
) -> Results:
    """Return memory for results; see `Executor.results`. `width` is that of an image's outputs."""
    results = Results(
        potentials=np.empty((max(1, rows), positions, neurons), np.float32),
        responses=np.empty((rows, positions, neurons), np.float32),
        winners=np.empty(samples, np.int64),
        outputs=np.empty((samples if outputs else 0, width), np.float32),
    )
    return results.counting(neurons) if counting else results


def _marks(stages: bool) -> layout.Marks:
    moments = np.zeros((1 if stages else 0, layout.MOMENTS), np.int64)
    return layout.Marks(moments, np.zeros(0, np.int64), np.zeros(2, np.int64), time.CLOCK_MONOTONIC)


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)
