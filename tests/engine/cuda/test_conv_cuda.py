"""The loop on a device does what the CPU's loop does: run over whole grids, whose races are told, on tiny layers."""

from types import FunctionType

import numpy as np
import pytest
from conv_kernel import SOFT, Kernel, images, weights
from numba import cuda
from whole_grid import launch, whole_grid

import neurosim as ns
from neurosim.kernels.conv import layout
from neurosim.kernels.conv.cuda import layout as device_layout
from neurosim.kernels.conv.cuda import products
from neurosim.kernels.conv.cuda import stream as conv_cuda

SHAPE = (2, 5, 4)


class Device:
    """The loop on a device, from the state of a `Kernel` in single precision."""

    def __init__(self, kernel):
        on_device = cuda.to_device
        self.host, (neurons, window) = kernel, (len(kernel.state.scales), len(kernel.state.pending_inputs))
        self.codes = kernel.codes._replace(parameters=on_device(kernel.codes.parameters))
        self.state = layout.State(*(on_device(array) for array in kernel.state))
        self.memory = device_layout.memory(kernel.codes, neurons, window, lambda *a: on_device(rubbish(*a)))

    def stream(self, X, learning=True, modulators=(), own=None, blocks=3, threads=8, rows=None, responses=None):
        room = self.host.results(len(X), len(X) if rows is None else rows)
        if responses is not None:
            room = room._replace(responses=room.responses[:responses])
        results = layout.Results(*(cuda.to_device(array) for array in room))
        values = cuda.to_device(X.reshape(len(X), -1).astype(np.float32))
        samples = layout.Samples(values, cuda.to_device(np.array(modulators, np.float32)))
        report = cuda.to_device(np.full(2, -7, np.int64))
        loop = (samples, learning, self.codes, self.state, self.memory, results, report)
        with np.errstate(all="ignore"):
            conv_cuda.grid(own)[blocks, threads](*loop)
        done, neuron = report.copy_to_host()
        return (done, neuron), layout.Results(*(array.copy_to_host() for array in results))

    def arrays(self):
        return layout.State(*(array.copy_to_host() for array in self.state))


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


LAYERS = {
    "as it stands": {},
    "signed": SOFT,
    "hard": {"kind": "hard", "rule": "instar", "adaptive": False},
    "raw": {"normalise": "none"},
    "by image": {"normalise": "sample", **SOFT},
    "by layer": {"normalise": "layer"},
    "by window": {"normalise": "window", "window": 2, **SOFT},
    "a window": {"window": 3, **SOFT},
    "largest": {"step": "largest", **SOFT},
    "largest of a window": {"step": "largest", "window": 2, "normalise": "window", **SOFT},
    "published": {
        "step": "largest",
        "window": 2,
        "normalise": "window",
        "momentum": 0.1,
        "answers": "window",
        "pre_triangle": True,
        "pooling": ("max", 2, 2, 0),
        "transmit": ("triangle", 1.4),
        **SOFT,
    },
    "triangle first": {"step": "largest", "window": 2, "pre_triangle": True, **SOFT},
    "cutoff": {"cutoff": 0.2, "sharpness": 3.0},
    "singly": {"cutoff": 0.5, "sharpness": 20.0},
    "singly in a window": {"cutoff": 0.5, "sharpness": 20.0, "window": 2},
    "stride": {"stride": 2, "padding": 1},
    "max pool": {"pooling": ("max", 2, 2, 0), "padding": 1},
    "padded pool": {"pooling": ("max", 3, 2, 1), "transmit": ("triangle", 0.7)},
    "mean pool": {"pooling": ("mean", 2, 2, 1), "transmit": ("triangle", 2.0)},
    "relu": {"transmit": ("relu", 1.0), "activation": ("relu", 1.0)},
    "triangle": {"transmit": ("identity", 1.0), "activation": ("triangle", 1.4)},
    "oja": {"rule": "oja", "adaptive": False},
    "slow power": {"power": 0.8, "floor": 0.01},
    "warm up": {"warm_up": 1, "horizon": 2.0},
    "uniform": {"initial": "uniform", "normalise": "none"},
    "no instruments": {"instruments": False, **SOFT},
    "cap": {"cap": 0.001, "rate": 5.0},
    "k winners": {"kind": "k", "winners": 3, "rule": "instar", "adaptive": False},
    "k winners, signed": {"kind": "k", "winners": 4, "signed": True, "activation": ("triangle", 1.4)},
    "ranked": {"kind": "ranked", "rank": 3, "window": 2, "activation": ("relu", 1.0)},
    "ranked, singly": {"kind": "ranked", "rank": 5, "cutoff": 0.2, "bias": ("conscience", {"strength": 3.0})},
    "conscience": {"bias": ("conscience", {"rate": 0.2, "strength": 5.0}), "kind": "hard", "window": 2},
    "mean activity": {"bias": ("mean", {"rate": 0.3}), "activation": ("triangle", 1.4), "warm_up": 1},
    "log prior": {"bias": ("prior", {"rate": 0.3}), "sharpness": 2.0, "normalise": "window", "window": 2},
    "threshold": {"bias": ("threshold", {"step": 0.5, "leak": 0.2}), **SOFT},
    "renormalised": {"renormalise": True, "rule": "hebb", "adaptive": False, **SOFT},
    "renormalised by few": {
        "renormalise": True,
        "rule": "hebb",
        "adaptive": False,
        "kind": "k",
        "winners": 2,
        "cutoff": 0.5,
        "rate": 5.0,
    },
    "renormalised largest": {"renormalise": True, "rule": "hebb", "adaptive": False, "step": "largest"},
    "folds": {"cap": 1.0, "rate": 1.0, "kind": "hard", "rule": "instar", "adaptive": False},
}


# One of each kind: a grid of 24 threads in Python takes a second for each.
QUICK = ("published", "as it stands", "a window", "folds", "ranked, singly", "renormalised by few")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in LAYERS]
)
def test_a_few_images_are_the_cpu_s(name):
    W, X = weights(1, 5, 2), images(2, 3, SHAPE)
    if LAYERS[name].get("initial") == "uniform":
        W, X = abs(W), abs(X)
    compare(W, X, seed=len(name), **LAYERS[name])


@pytest.mark.parametrize(("neurons", "shape", "kernel"), [(1, (1, 1, 1), 1), (1, (1, 3, 2), 2), (33, (1, 4, 4), 2),
                                                          (17, (3, 5, 3), 1)])  # fmt: skip
def test_at_the_edges_of_tiles(neurons, shape, kernel):
    compare(weights(1, neurons, shape[0], kernel), images(2, 2, shape), races=False, **SOFT | {"padding": 0})


@pytest.mark.slow
def test_a_block_with_more_than_it_adds_up_at_once():
    # More neurons and positions than COLUMNS and ROWS, so that memory is used again.
    compare(weights(1, 17, 1, 1), images(2, 1, (1, 12, 12)), blocks=1, threads=16, **SOFT | {"padding": 0})


@pytest.mark.parametrize("window", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_norms_by_the_products_of_patches(window):
    constants = SOFT | {"padding": 0, "window": window}
    _, device = compare(weights(1, 70, 4), images(2, 2, (4, 3, 4)), **constants)
    assert device.memory.gram.size > 0


def test_scales_that_are_folded_by_the_last_image():  # of a winner nothing is left
    constants = {"kind": "hard", "rule": "softhebb", "rate": 9.0, "cap": 1.0, "adaptive": False}
    kernel, _ = compare(weights(1, 70, 4), images(2, 1, (4, 3, 3)), **constants)
    assert kernel.state.counters[layout.FOLDS] == 1


@pytest.mark.parametrize(
    "name", ["signed", "a window", *(pytest.param(name, marks=pytest.mark.slow) for name in ("singly", "largest"))]
)
def test_bits_depend_on_nothing_but_the_images(name):
    W, X, several = weights(1, 5, 2), images(2, 3, SHAPE), []
    for blocks, threads, seed in ((1, 8, 0), (2, 16, 1), (5, 8, 2)):
        _, device = compare(W, X, blocks=blocks, threads=threads, seed=seed, races=False, **LAYERS[name])
        several.append(device.arrays())
    for other in several[1:]:
        for one, another in zip(several[0], other, strict=True):
            assert one.tobytes() == another.tobytes()


def test_responding_changes_nothing():
    W, X = weights(1, 5, 2), images(2, 2, SHAPE)
    _, device = compare(W, X, learning=False, **SOFT)
    for before, after in zip(Kernel(W, SHAPE, dtype=np.float32, **SOFT).state, device.arrays(), strict=True):
        assert before.tobytes() == after.tobytes()


@pytest.mark.slow
def test_responding_by_what_exceeds_the_mean_is_the_cpu_s():
    W, X, constants = weights(1, 5, 2), images(2, 2, SHAPE), {"step": "largest", "pre_triangle": True, **SOFT}
    kernel, device = compare(W, X, learning=False, **constants)
    with whole_grid():  # nobody asks for responses
        _, results = device.stream(X, learning=False, responses=0)
    _, room = kernel.stream(X, learning=False)
    close(results.outputs, room.outputs)
    close(results.potentials, room.potentials)


def test_an_image_of_all_one_value_is_the_cpu_s():
    compare(weights(1, 5, 2), np.concatenate([np.zeros((1, *SHAPE)), np.ones((2, *SHAPE))]), **SOFT)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_an_image_that_is_refused_stops_both(bad):
    X = images(2, 3, SHAPE)
    X[1, 1, 2, 3] = bad
    kernel = Kernel(weights(1, 5, 2), SHAPE, dtype=np.float32, **SOFT)
    device = Device(kernel)
    expected, _ = kernel.stream(X)
    with whole_grid():
        found, _ = device.stream(X)
    assert found == expected == (1, -1)
    assert device.arrays().counters.tolist() == kernel.state.counters.tolist()


def test_a_neuron_that_diverges_stops_both():
    with pytest.warns(ns.StabilityWarning):
        kernel = Kernel(weights(1, 5, 2) * 1e18, SHAPE, dtype=np.float32, rule="hebb", rate=1e25, adaptive=False)
    device = Device(kernel)
    expected, _ = kernel.stream(images(2, 3, SHAPE))
    with whole_grid():
        found, _ = device.stream(images(2, 3, SHAPE))
    assert expected[1] >= 0
    assert found == expected


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("shape", [pytest.param(SHAPE, marks=pytest.mark.slow), (2, 3, 3)], ids=str)
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


@pytest.mark.parametrize(
    ("by_rows", "blocks"),
    [(True, 9), (False, 1), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((True, 1), (False, 9)))],
)
def test_a_product_has_the_same_bits_whatever_its_tiles(by_rows, blocks):
    rng = np.random.default_rng(5)
    a, b = (rng.normal(size=(count, 35)).astype(np.float32) for count in (37, 40))
    expected = np.zeros((37, 40), np.float32)
    for i in range(35):
        expected += a[:, i, None] * b[:, i]
    matrices = (m if by_rows else np.ascontiguousarray(m.T) for m in (a, b))
    product = np.full((37, 40), np.nan, np.float32)
    launch(product_kernel(by_rows), blocks, 8, *matrices, product)
    np.testing.assert_array_equal(product, expected)


def product_kernel(by_rows):
    """Return a kernel of one matrix product, at home among the twin's own functions."""

    def kernel(a, b, c):
        left = cuda.shared.array((DEPTH, PADDED), float32)  # noqa: F821
        right = cuda.shared.array((DEPTH, PADDED), float32)  # noqa: F821
        product(a, b, c, None, cuda.blockIdx.x, Seat(0, 0, 0, 0, None, None, left, right, None, None))  # noqa: F821

    product = products.times_transposed if by_rows else products.transposed_times
    return FunctionType(kernel.__code__, vars(conv_cuda), "kernel", None, kernel.__closure__)
