"""The loop on a device does what the CPU's loop does: run over whole grids, whose races are told, on tiny layers."""

import numpy as np
import pytest
from numba import cuda
from test_kernel_conv import SOFT, Kernel, images, weights
from whole_grid import whole_grid

from neurosim.kernels import conv, conv_cuda

SHAPE = (2, 6, 6)


class Device:
    """The loop on a device, from the state of a `Kernel` in single precision."""

    def __init__(self, kernel):
        on_device = cuda.to_device
        self.host, (neurons, window) = kernel, (len(kernel.state.scales), len(kernel.state.pending_inputs))
        self.codes = kernel.codes._replace(parameters=on_device(kernel.codes.parameters))
        self.state = conv.State(*(on_device(array) for array in kernel.state))
        self.memory = conv_cuda.memory(kernel.codes, neurons, window, lambda *a: on_device(rubbish(*a)))

    def stream(self, X, learning=True, modulators=(), own=None, blocks=3, threads=8, rows=None, responses=None):
        room = self.host.layer.results(len(X), len(X) if rows is None else rows, len(X))
        if responses is not None:
            room = room._replace(responses=room.responses[:responses])
        for array in room:
            array.fill(-9 if array.dtype == np.int64 else np.nan)
        results = conv.Results(*(cuda.to_device(array) for array in room))
        values = cuda.to_device(X.reshape(len(X), -1).astype(np.float32))
        samples = conv.Samples(values, cuda.to_device(np.array(modulators, np.float32)))
        report = cuda.to_device(np.full(2, -7, np.int64))
        loop = (samples, learning, self.codes, self.state, self.memory, results, report)
        with np.errstate(all="ignore"):
            conv_cuda.grid(own)[blocks, threads](*loop)
        done, neuron = report.copy_to_host()
        return (done, neuron), conv.Results(*(array.copy_to_host() for array in results))

    def arrays(self):
        return conv.State(*(array.copy_to_host() for array in self.state))


def rubbish(shape, dtype):
    """Return an array of what was left in memory."""
    return np.full(shape, 7e7 if dtype == np.int32 else np.nan if dtype == np.float32 else 10**15, dtype)


def close(actual, desired, units=64):
    """Sums of float32 differ by their order: by few units in the last place of the largest entry."""
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(actual, desired, rtol=0, atol=units * 2.0**-24 * max(np.abs(desired).max(initial=0), 1))


def compare(W, X, learning=True, own=None, blocks=3, threads=8, seed=0, races=True, **constants):
    """Take images through both loops, and compare all that comes out and all that was learned."""
    kernel = Kernel(W, X.shape[1:], dtype=np.float32, **constants)
    device = Device(kernel)
    modulators = np.random.default_rng(9).normal(1, 0.5, len(X))
    expected, room = kernel.stream(X, learning, modulators)
    with whole_grid(blocks=blocks, seed=seed, races=races):
        found, results = device.stream(X, learning, modulators, own, blocks, threads)
    assert found == expected
    close(results.potentials, room.potentials)
    close(results.responses, room.responses)
    close(results.outputs, room.outputs)
    np.testing.assert_array_equal(results.winners, room.winners)
    state = device.arrays()
    close(state.synapses * state.scales[:, None], kernel.state.synapses * kernel.state.scales[:, None])
    for name in state._fields:
        actual, desired = getattr(state, name), getattr(kernel.state, name)
        if desired.dtype == np.int64:
            np.testing.assert_array_equal(actual, desired, name)
        else:
            close(actual, desired)
    return kernel, device


@pytest.mark.parametrize("constants", [{}, SOFT], ids=str)
def test_a_few_images_are_the_cpu_s(constants):
    compare(weights(1, 5, 2), images(2, 2, SHAPE), **constants)
