"""The dense kernel in any type of real numbers, driven without a chip."""

import numpy as np
from kept_loop import KeptLoop
from on_chip import make_layer

from neurosim.engine.dense import memory
from neurosim.engine.dense.codes import codes
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.dense.state import first_state
from neurosim.kernels.dense import layout
from neurosim.kernels.dense import stream as dense
from neurosim.kernels.dense.layout import Results, Samples


class Kernel:
    """The compiled loop on arrays of a float type, with the constructor of the reference."""

    def __init__(self, W, *, dtype=np.float64, **constants):
        neurons, inputs = W.shape
        layer = make_layer(neurons, **constants)
        self.constants = codes(layer, dtype)
        self.state = layout.State(*(in_type(array, dtype) for array in first_state(layer, inputs, 0, 0)))
        self.state.synapses[:], self.state.scales[:] = W.T, 1
        self.state.squares[:] = (W**2).sum(axis=1)[: len(self.state.squares)]  # of few bits: W has whole numbers
        self.state.norms[:] = (np.abs(W) ** layer.lebesgue).sum(axis=1)
        scratch = DenseLayer(layer, inputs, 0, 0).executor.workspace().scratch
        self.scratch = layout.Scratch(*(in_type(np.nan_to_num(array), dtype) for array in scratch))
        self.dtype, self._kept = dtype, KeptLoop(dense.loop)

    def stream(self, X, learning=True, labels=(), modulators=(), own=0):
        n, neurons = len(X), len(self.state.scales)
        results = Results(np.full((n, neurons), np.nan, self.dtype), np.full((n, neurons), np.nan, self.dtype),
                          np.full(n, -9), np.full((n, neurons), np.nan, self.dtype))  # fmt: skip
        values = np.ascontiguousarray(X, self.dtype)
        given = Samples(values, np.array(labels, np.int64), np.array(modulators, self.dtype))
        own = dense.Own(rule=own)
        arguments = given, learning, self.constants, self.state, self.scratch, results, own, memory.marks(False)
        return self.loop_of(arguments)(*arguments), results

    def loop_of(self, arguments):
        """Return the loop for these arguments."""
        return self._kept.of(arguments, (self.constants, self.state, self.scratch))

    @property
    def W(self):
        return (self.state.synapses.astype(np.float64) * self.state.scales).T

    @property
    def steps(self):
        return self.state.steps[0].astype(np.float64) - self.state.steps[1]


def in_type(array, dtype):
    """Return single precision as another float type, all else as it is."""
    return array.astype(dtype) if array.dtype == np.float32 else array


def sparse_samples(rng, count, inputs, density=0.4):
    X = rng.random((count, inputs)) * (rng.random((count, inputs)) < density)
    X[count // 2] = 0  # a sample of zeros in the middle
    return X.astype(np.float32).astype(np.float64)
