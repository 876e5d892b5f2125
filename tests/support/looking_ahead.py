"""A kernel that looks ahead beside one that does not."""

import numpy as np
from dense_kernel import Kernel, in_type

from neurosim.engine.dense import memory
from neurosim.kernels.dense import stream as dense
from neurosim.kernels.dense.layout import Results, Samples

UNTOUCHED = -7  # size of no sample


def looked(kernel):
    return (kernel.scratch.ahead_sizes != UNTOUCHED).any()


def compare(W, X, *, rows=3, labels=(), modulators=(), learning=True, dtype=np.float32, ahead=8, **constants):
    far, near = (looking(W, ahead=ahead, dtype=dtype, **constants) for _ in range(2))
    (end, ours), (same_end, theirs) = (
        door(kernel, X, rows, learning, labels, modulators) for door, kernel in ((take, far), (one_by_one, near))
    )
    assert end == same_end
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    for name, array in learned(far).items():
        np.testing.assert_array_equal(array, learned(near)[name], err_msg=name)
    assert not looked(near)
    return far, end


def looking(W, *, ahead=8, dtype=np.float32, **constants):
    """Return the loop on a small layer, looking ahead wherever it can."""
    kernel = Kernel(W, dtype=dtype, **constants)
    neurons, inputs = W.shape
    room = {
        "ahead_values": np.zeros((ahead, inputs), np.float32), "ahead_active": np.zeros((ahead, inputs), np.int32),
        "ahead_sizes": np.full(ahead, UNTOUCHED), "ahead_norms": np.zeros((2, ahead), np.float32),
        "ahead_sums": np.zeros((ahead, neurons), np.float32), "copies": np.zeros((inputs, 64), np.float32),
        "copied": np.zeros(64, np.int64), "pays": np.zeros(5, np.int64), "copy_of": np.zeros(neurons, np.int64),
    }  # fmt: skip
    kernel.scratch = kernel.scratch._replace(**{name: in_type(array, dtype) for name, array in room.items()})
    return kernel


def take(kernel, X, rows, learning, labels, modulators):
    """Take samples through the loop; return where it ended, and the results."""
    results, dtype = room(kernel, len(X), rows), kernel.dtype
    given = Samples(np.ascontiguousarray(X, dtype), np.array(labels, np.int64), np.array(modulators, dtype))
    own = dense.Own()
    arguments = given, learning, kernel.constants, kernel.state, kernel.scratch, results, own, memory.marks(False)
    return kernel.loop_of(arguments)(*arguments), results


def one_by_one(kernel, X, rows, learning, labels, modulators):
    """Do what `take` does, in as many calls as there are samples."""
    together = room(kernel, len(X), rows)
    for n in range(len(X)):
        one = slice(n, n + 1)
        (done, neuron), results = take(kernel, X[one], 1, learning, labels[one], modulators[one])
        together.winners[n], together.outputs[n] = results.winners[0], results.outputs[0]
        if done == 0 and neuron < 0:
            return (n, -1), together
        together.potentials[n % rows], together.responses[n % rows] = results.potentials[0], results.responses[0]
        if done == 0:
            return (n, neuron), together
    return (len(X), -1), together


def learned(kernel):
    """Return the state without what an older window left behind."""
    return {name: array for name, array in kernel.state._asdict().items() if not name.startswith("pending")}


def room(kernel, samples, rows):
    """Return results of which nothing is known yet."""
    neurons, dtype = len(kernel.state.scales), kernel.dtype
    outputs = np.full((samples, neurons), np.nan, dtype)
    return Results(*np.full((2, rows, neurons), np.nan, dtype), np.full(samples, -9), outputs)
