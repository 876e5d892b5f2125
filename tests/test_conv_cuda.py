"""The loop on a device does what the CPU's loop does: run over whole grids, whose races are told, on tiny layers."""

from types import FunctionType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import cuda
from test_kernel_conv import SOFT, Kernel, images, weights
from whole_grid import launch, whole_grid

import neurosim as ns
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


def close(actual, desired, units=32):
    """Products are summed in another order than BLAS's, so entries differ by few units of 2**-24 of the largest.

    After two images from a common state the tests that follow differ by up to 12.
    """
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
    done, _ = found
    close(results.potentials[:done], room.potentials[:done])
    close(results.responses[:done], room.responses[:done])
    close(results.outputs[:done], room.outputs[:done])
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


GRID = [
    {},
    SOFT,
    SOFT | {"stride": 2},
    SOFT | {"padding": 2, "pooling": ("max", 4, 2, 1)},
    SOFT | {"padding": 0, "pooling": ("mean", 2, 2, 0), "transmit": ("triangle", 1.4)},
    SOFT | {"pooling": ("mean", 3, 2, 1), "transmit": ("relu", 1.0)},
    SOFT | {"pooling": ("max", 3, 3, 1), "transmit": ("triangle", 0.7)},
    SOFT | {"pooling": ("max", 2, 2, 0), "transmit": ("identity", 1.0)},
    SOFT | {"activation": ("triangle", 1.0), "sharpness": 0.65},
    SOFT | {"activation": ("triangle", 1.3)},
    SOFT | {"activation": ("relu", 1.0)},
    SOFT | {"normalise": "sample"},
    SOFT | {"normalise": "layer"},
    SOFT | {"normalise": "none"},
    SOFT | {"horizon": 1.0},
    SOFT | {"warm_up": 1},
    SOFT | {"window": 2},
    SOFT | {"window": 3},
    SOFT | {"window": 2, "normalise": "window"},
    SOFT | {"step": "largest"},
    SOFT | {"step": "largest", "window": 2, "normalise": "window"},
    SOFT | {"adaptive": False, "cap": 0.02},
    SOFT | {"floor": 0.3},
    SOFT | {"rule": "oja", "adaptive": False},
    SOFT | {"rule": "instar", "adaptive": False},
    SOFT | {"kind": "hard", "signed": False},
    SOFT | {"cutoff": 0.1},
    SOFT | {"cutoff": 0.7},
    SOFT | {"cutoff": 0.7, "window": 2, "rule": "oja"},
    SOFT | {"kind": "hard", "signed": False, "cutoff": 0.5},
    SOFT | {"rate": 0.0},
    SOFT | {"instruments": False},
]


@pytest.mark.parametrize("constants", GRID, ids=str)
def test_a_few_images_are_the_cpu_s(constants):
    compare(weights(1, 5, 2), images(2, 2, SHAPE), **constants)


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
def test_plain_hebb():
    compare(weights(1, 5, 2), images(2, 2, SHAPE), rule="hebb", adaptive=False, rate=0.01)


@pytest.mark.parametrize("schedule", [
    ns.LinearRate(0.1, last=0.01, samples=3), ns.ExponentialRate(0.1, last=0.01, samples=3), ns.WinCountRate(0.2),
], ids=str)  # fmt: skip
def test_schedules(schedule):
    compare(weights(1, 5, 2), images(2, 2, SHAPE), schedule=schedule, **SOFT)


@pytest.mark.parametrize(("blocks", "threads", "seed"), [(1, 8, 1), (2, 16, 2), (1, 96, 3), (5, 8, 4)])
@pytest.mark.parametrize("constants", [SOFT | {"cutoff": 0.1, "window": 2}, SOFT | {"step": "largest"}], ids=str)
def test_bits_depend_on_no_grid_and_no_order(constants, blocks, threads, seed):
    W, X = weights(1, 5, 2), images(2, 2, SHAPE)
    one, two = (
        compare(W, X, blocks=b, threads=t, seed=s, races=False, **constants)[1].arrays()
        for b, t, s in ((3, 8, 0), (blocks, threads, seed))
    )
    for name in one._fields:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)


@pytest.mark.parametrize("cutoff", [0.0, 0.05, 0.5])
def test_wide_layers_grow_in_place(cutoff):
    W, X = weights(3, neurons=40, channels=4), images(4, shape=(4, 3, 3), count=2)
    constants = {"normalise": "layer", "signed": True, "rate": 0.5, "sharpness": 2.0, "cutoff": cutoff}
    kernel, device = compare(W, X, **constants)
    assert device.memory.gram.size == kernel.scratch.gram.size > 0
    np.testing.assert_array_equal(device.arrays().scales == 1, kernel.state.scales == 1)


def test_the_scale_is_folded_before_it_leaves_its_range():
    W, X = weights(7, neurons=40, channels=4), images(8, 1, (4, 3, 3))
    kernel = Kernel(W, X.shape[1:], dtype=np.float32, rate=1.0, adaptive=False, sharpness=0.1, cap=1.0,
                    normalise="none")  # fmt: skip
    kernel.state.scales[:] = 3e-6
    kernel.state.synapses[:] /= np.float32(3e-6)
    device = Device(kernel)
    kernel.stream(X)
    with whole_grid():
        device.stream(X)
    state = device.arrays()
    assert state.counters[conv.FOLDS] == kernel.state.counters[conv.FOLDS] > 0
    np.testing.assert_array_equal(state.scales == 1, kernel.state.scales == 1)
    close(state.synapses * state.scales[:, None], kernel.state.synapses * kernel.state.scales[:, None])


def test_an_own_rule():
    def like_oja(potential, response, norm, trace, total, rate, parameters):
        return conv.ONE - rate * response * response * parameters[0], rate * response

    W, X = weights(1, 5, 2), images(2, 2, SHAPE)
    kernel = Kernel(W, X.shape[1:], dtype=np.float32, rule="oja", adaptive=False, **SOFT)
    kernel.codes.parameters[0] = 1
    device = Device(kernel)
    kernel.stream(X)
    with whole_grid():
        device.stream(X, own=like_oja)
    close(device.arrays().synapses, kernel.state.synapses)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_an_image_that_is_not_admitted_leaves_all_as_it_was(value):
    X = images(10, 3, SHAPE)
    X[1, 1, 3, 4] = value
    kernel, other = (Kernel(weights(1, 5, 2), SHAPE, dtype=np.float32, **SOFT) for _ in range(2))
    device, one = Device(kernel), Device(other)
    with whole_grid():
        (done, neuron), results = device.stream(X)
        one.stream(X[:1])
    assert (done, neuron) == (1, -1)
    assert results.winners[1] == -9
    for name, array in device.arrays()._asdict().items():
        np.testing.assert_array_equal(array, getattr(one.arrays(), name), name)


def test_a_negative_image_is_refused_where_none_is_admitted():
    X = np.abs(images(10, 3, SHAPE))
    X[2, 0, 0, 0] = -1
    compare(np.abs(weights(1, 5, 2)), X, initial="uniform", normalise="none", **SOFT)


@pytest.mark.parametrize("constants", [SOFT, SOFT | {"kind": "hard", "signed": False}, SOFT | {"window": 3}], ids=str)
@pytest.mark.parametrize("neuron", [0, 3])
def test_a_neuron_that_diverged_is_told(constants, neuron):
    X = images(12, 3, SHAPE)
    kernel = Kernel(weights(1, 5, 2), SHAPE, dtype=np.float32, **constants)
    kernel.state.synapses[neuron, 4] = np.nan
    device = Device(kernel)
    expected, _ = kernel.stream(X)
    with whole_grid():
        found, _ = device.stream(X)
    assert found == expected
    np.testing.assert_array_equal(device.arrays().counters, kernel.state.counters)


@pytest.mark.parametrize("constants", [{}, {"step": "largest"}], ids=str)
def test_a_step_that_is_not_finite_is_told(constants):
    X = images(12, 3, SHAPE)
    kernel = Kernel(weights(1, 5, 2), SHAPE, dtype=np.float32, **SOFT | constants)
    device, modulators = Device(kernel), [1.0, np.inf, 1.0]
    expected, _ = kernel.stream(X, modulators=modulators)
    with whole_grid():
        found, _ = device.stream(X, modulators=modulators)
    assert found == expected
    assert found[0] == 1
    assert found[1] >= 0
    np.testing.assert_array_equal(device.arrays().counters, kernel.state.counters)


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("shape", [SHAPE, (2, 3, 3)], ids=str)
def test_norms_that_are_not_finite_are_told(shape):
    X = images(12, 2, shape)
    kernel = Kernel(weights(1, 70, 2), shape, dtype=np.float32, rule="hebb", adaptive=False)
    device, modulators = Device(kernel), [1e25, 1.0]
    expected, _ = kernel.stream(X, modulators=modulators)
    with whole_grid():
        found, _ = device.stream(X, modulators=modulators)
    assert found == expected
    assert found[0] == 0
    assert found[1] >= 0


@pytest.mark.parametrize("responses", [0, 2])
def test_a_response_changes_nothing(responses):
    W, X = weights(1, 5, 2), images(11, 3, SHAPE)
    kernel = Kernel(W, SHAPE, dtype=np.float32, **SOFT)
    kernel.stream(X)
    device, before = Device(kernel), [array.copy() for array in kernel.state]
    _, room = kernel.stream(X, learning=False)
    with whole_grid():
        taken, results = device.stream(X, False, rows=2, responses=responses)
    assert taken == (3, -1)
    for array, old in zip(device.arrays(), before, strict=True):
        np.testing.assert_array_equal(array, old)
    close(results.potentials, room.potentials[[2, 1]])  # rows are used in turn
    close(results.outputs, room.outputs)
    np.testing.assert_array_equal(results.winners, room.winners if responses else -1)


def test_a_chunk_is_cut_anywhere():
    W, X = weights(1, 5, 2), images(2, 5, SHAPE)
    constants = SOFT | {"window": 2, "normalise": "window", "warm_up": 1}
    whole, parts = (Device(Kernel(W, SHAPE, dtype=np.float32, **constants)) for _ in range(2))
    with whole_grid(races=False):
        whole.stream(X)
        for part in (X[:2], X[2:]):
            parts.stream(part, threads=16)
    for one, two in zip(whole.arrays(), parts.arrays(), strict=True):
        np.testing.assert_array_equal(one, two)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(1, 3),
    st.integers(1, 70), st.integers(3, 6), st.integers(3, 6), st.sampled_from([None, "max", "mean"]),
    st.integers(1, 3), st.integers(1, 3), st.sampled_from([0.0, 0.2]), st.integers(1, 2), st.integers(1, 4),
)  # fmt: skip
def test_any_shape_is_the_cpu_s(seed, kernel, stride, padding, channels, neurons, height, width, pool, size, step,
                                cutoff, window, blocks):  # fmt: skip
    W, X = weights(seed, neurons, channels, kernel), images(seed, 1, (channels, height, width))
    rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
    size = min(size, rows, columns)
    pooling = (pool, size, step, size // 2) if pool else (None, 1, 1, 0)
    compare(W, X, blocks=blocks, seed=seed, races=False, stride=stride, padding=padding, signed=True, cutoff=cutoff,
            window=window, pooling=pooling)  # fmt: skip


@pytest.mark.parametrize("by_rows", [True, False])
@pytest.mark.parametrize("blocks", [1, 9])
def test_a_product_has_the_same_bits_whatever_its_tiles(by_rows, blocks):
    rng = np.random.default_rng(5)
    a, b = (rng.normal(size=(count, 35)).astype(np.float32) for count in (37, 70))
    expected = np.zeros((37, 70), np.float32)
    for i in range(35):
        expected += a[:, i, None] * b[:, i]
    matrices = (m if by_rows else np.ascontiguousarray(m.T) for m in (a, b))
    product = np.full((37, 70), np.nan, np.float32)
    launch(product_kernel(by_rows), blocks, 8, *matrices, product)
    np.testing.assert_array_equal(product, expected)


def product_kernel(by_rows):
    """Return a kernel of one matrix product, at home among the twin's own functions."""

    def kernel(a, b, c):
        left = cuda.shared.array((DEPTH, PADDED), float32)  # noqa: F821
        right = cuda.shared.array((DEPTH, PADDED), float32)  # noqa: F821
        product(a, b, c, None, cuda.blockIdx.x, Seat(0, 0, 0, 0, None, None, left, right, None, None))  # noqa: F821

    product = conv_cuda._times_transposed if by_rows else conv_cuda._transposed_times
    return FunctionType(kernel.__code__, vars(conv_cuda), "kernel", None, kernel.__closure__)
