"""Which inputs were not zero in a window of several samples: all that its update writes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.base import WorkingLayer
from neurosim.engine.samples import Labels
from neurosim.layers.dense import DenseWTA

Bits = NDArray[np.uint8]


def has_windows(layer: WorkingLayer) -> bool:
    """Return whether a layer learns from several samples at once, at the inputs that were not zero in any of them."""
    constants: Any = layer.constants
    return isinstance(constants, DenseWTA) and constants.window > 1


class Window:
    """The windows of a dense layer, followed from chunk to chunk.

    Parameters
    ----------
    layer : WorkingLayer
    """

    def __init__(self, layer: WorkingLayer) -> None:
        constants: Any = layer.constants
        self._layer, self._samples = layer, constants.window
        self._by_label = constants.competition.by_label
        self._beginners = constants.neurons if constants.initial == "samples" else 0

    def look(self) -> None:
        """Look at what waits in the layer, before it takes a chunk."""
        state: Any = self._layer.state
        layout: Any = self._layer.kernel_layout
        self._pending = int(state.counters[layout.PENDING])
        self._taught = int(state.counters[layout.SAMPLES] - state.counters[layout.BLANKS])
        waiting = np.zeros((self._pending, self._layer.inputs), np.bool_)
        for place in range(self._pending):
            waiting[place, state.pending_active[place, : state.pending_sizes[place]]] = True
        self._waiting = np.packbits(waiting, axis=1)

    def union(self, inputs: Bits, labels: Labels) -> Bits:
        """Return, for each sample of the chunk that ended a window, the inputs of the whole window; else none.

        Parameters
        ----------
        inputs : uint8 (samples, inputs / 8)
            Those that were not zero.
        labels : int64 (samples,) or (0,)
        """
        teaches = inputs.any(axis=1)
        if self._by_label:
            teaches &= labels >= 0
        kept = np.flatnonzero(teaches & (self._taught + np.cumsum(teaches) > self._beginners))
        rows = np.concatenate([self._waiting, inputs[kept]])
        full = len(rows) // self._samples
        union = np.zeros_like(inputs)
        if full > 0:
            windows = rows[: full * self._samples].reshape(full, self._samples, -1)
            ends = np.arange(1, full + 1) * self._samples - 1 - self._pending
            union[kept[ends]] = np.bitwise_or.reduce(windows, axis=1)
        return union
