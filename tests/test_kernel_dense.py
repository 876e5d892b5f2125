"""P4: the event-driven loop is the textbook's dense rule; and what the loop promises of numbers."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from reference import Layer, softmax

from neurosim.kernels import dense
from neurosim.kernels.dense import Constants, Results, Scratch, State

CODES = {"soft": dense.SOFT, "hard": dense.HARD, "k": dense.K_WINNERS}
UNITS = {"none": dense.RAW, "stream": dense.STREAM_NORM, "sample": dense.SAMPLE_NORM}
SENT = {"identity": dense.IDENTITY, "relu": dense.RELU, "triangle": dense.TRIANGLE, "softmax": dense.SOFTMAX}


class Kernel:
    """The compiled loop on arrays of a float type, with the constructor of the reference."""

    def __init__(self, W, *, kind="soft", sharpness=1.0, winners=1, signed=False, rate=0.1, power=0.5, floor=0.0,
                 cap=0.1, cutoff=0.0, window=1, normalise="none", transmit=("identity", {}),
                 dtype=np.float64):  # fmt: skip
        neurons, inputs = W.shape
        exponent = transmit[1].get("power", 1 / transmit[1].get("temperature", 1.0))
        self.constants = Constants(
            CODES[kind], winners, signed, dtype(sharpness), dtype(rate), dtype(power), dtype(floor), dtype(cap),
            dtype(cutoff), UNITS[normalise], dtype(1e-3), True, SENT[transmit[0]], dtype(exponent),
        )  # fmt: skip
        self.state = State(
            np.ascontiguousarray(W.T, dtype), np.ones(neurons, dtype), (W**2).sum(axis=1).astype(dtype),
            np.zeros(neurons, np.int64), np.zeros(dense.COUNTERS, np.int64), np.zeros(1, dtype),
            np.zeros((window, inputs), dtype), np.zeros((window, inputs), np.int32), np.zeros(window, np.int64),
            np.zeros((window, neurons), dtype), np.zeros((2, neurons), dtype),
        )  # fmt: skip
        self.scratch = Scratch(np.empty(inputs, dtype), np.empty(inputs, np.int32), np.empty(dense.LANES, dtype),
                               np.empty(neurons, np.int64), np.empty((window, window), dtype))  # fmt: skip
        self.dtype = dtype

    def stream(self, X, learning=True):
        n, neurons = len(X), len(self.state.scales)
        results = Results(np.full((n, neurons), np.nan, self.dtype), np.full((n, neurons), np.nan, self.dtype),
                          np.full(n, -9), np.full((n, neurons), np.nan, self.dtype))  # fmt: skip
        end = dense.stream(X.astype(self.dtype), learning, self.constants, self.state, self.scratch, results)
        return end, results

    @property
    def W(self):
        return (self.state.synapses.astype(np.float64) * self.state.scales).T


def sparse_samples(rng, count, inputs, density=0.4):
    X = rng.random((count, inputs)) * (rng.random((count, inputs)) < density)
    X[count // 2] = 0  # a sample of zeros in the middle
    return X.astype(np.float32).astype(np.float64)


def compare(W, X, tolerance, dtype=np.float64, **constants):
    reference, kernel = Layer(W, **constants), Kernel(W, dtype=dtype, **constants)
    (done, neuron), results = kernel.stream(X)
    assert (done, neuron) == (len(X), -1)
    for n, x in enumerate(X):
        u, y, z = reference.learn(x)
        scale = np.abs(u).max() + 1e-12
        np.testing.assert_allclose(results.potentials[n], u, rtol=tolerance, atol=tolerance * scale)
        np.testing.assert_allclose(results.responses[n], y, rtol=tolerance * 100, atol=tolerance)
        np.testing.assert_allclose(results.outputs[n], z, rtol=tolerance * 100, atol=tolerance * (np.abs(z).max() + 1))
        assert results.winners[n] == np.argmax(results.potentials[n])
    np.testing.assert_allclose(kernel.W, reference.W, rtol=tolerance, atol=tolerance * np.abs(reference.W).max())
    true_norms = (kernel.W**2).sum(axis=1)
    np.testing.assert_allclose(kernel.state.norms, true_norms, rtol=1e-9 if dtype is np.float64 else 1e-5, atol=1e-12)


# Block edges of the loop: 4 rows at a time, 16 lanes a reduction, 1 neuron in 8 for whole rows.
SHAPES = [(1, 1), (1, 5), (3, 1), (7, 3), (16, 16), (17, 33), (40, 65), (100, 12)]


@pytest.mark.parametrize(("neurons", "inputs"), SHAPES)
@pytest.mark.parametrize("kind", ["soft", "hard", "k"])
def test_equals_the_textbook_at_block_edges(neurons, inputs, kind):
    rng = np.random.default_rng(neurons * 100 + inputs)
    constants = {"kind": kind, "winners": min(3, neurons), "sharpness": 2.0, "rate": 0.3}
    compare(rng.random((neurons, inputs)) * 3, sparse_samples(rng, 12, inputs), 1e-7, **constants)


@pytest.mark.parametrize("constants", [
    {"cutoff": 0.01}, {"cutoff": 0.2}, {"signed": True, "rate": 0.01},
    {"kind": "k", "winners": 4, "signed": True, "rate": 0.01},
    {"window": 2}, {"window": 5, "cutoff": 0.05}, {"window": 3, "signed": True, "rate": 0.01},
    {"normalise": "stream"}, {"normalise": "sample"}, {"normalise": "stream", "window": 3},
    {"power": 0.0}, {"power": 1.0}, {"power": 0.0, "rate": 0.0, "floor": 0.05}, {"cap": 1.0, "rate": 0.2, "power": 0.0},
    {"transmit": ("relu", {})}, {"transmit": ("triangle", {"power": 1.0})}, {"transmit": ("triangle", {"power": 1.4})},
    {"transmit": ("softmax", {"temperature": 0.3})},
], ids=str)  # fmt: skip
def test_equals_the_textbook_for_every_constant(constants):
    rng = np.random.default_rng(5)
    W = rng.normal(size=(20, 30)) if constants.get("signed") else rng.random((20, 30)) * 2
    compare(W, sparse_samples(rng, 20, 30), 1e-7, **constants)


@given(
    seed=st.integers(0, 2**32), neurons=st.integers(1, 40), inputs=st.integers(1, 40), window=st.integers(1, 4),
    density=st.floats(0, 1), cutoff=st.sampled_from([0.0, 0.01, 0.3]), negative=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_equals_the_textbook_anywhere(seed, neurons, inputs, window, density, cutoff, negative):
    rng = np.random.default_rng(seed)
    X = sparse_samples(rng, 8, inputs, density) - (0.3 if negative else 0)
    # A response that falls on the cutoff to within rounding may be written by one side alone: keep away from it.
    reference = Layer(rng.random((neurons, inputs)) * 3, cutoff=cutoff, window=window, rate=0.2, sharpness=3.0)
    W = reference.W.copy()
    for x in X:
        _, y, _ = reference.learn(x)
        if np.any(np.abs(y - cutoff) < 1e-6):
            return
    compare(W, X, 1e-7, cutoff=cutoff, window=window, rate=0.2, sharpness=3.0)


def test_float32_stays_within_1e_5_over_a_short_window_from_a_learned_state(samples):
    rng = np.random.default_rng(0)
    learned = Kernel(rng.random((50, 64)) * 5, sharpness=100.0, rate=2.0, normalise="sample", cutoff=0.01)
    learned.stream(samples.astype(np.float64))
    W = learned.W.astype(np.float32).astype(np.float64)
    X = samples[:10].astype(np.float64)
    reference = Layer(W, sharpness=100.0, rate=2.0, normalise="sample", cutoff=0.01)
    kernel = Kernel(W, sharpness=100.0, rate=2.0, normalise="sample", cutoff=0.01, dtype=np.float32)
    kernel.stream(X)
    for x in X:
        reference.learn(x)
    error = np.linalg.norm(kernel.W - reference.W, axis=1) / np.linalg.norm(reference.W, axis=1)
    assert error.max() < 1e-5


def test_long_runs_agree_statistically(samples):
    # Single trajectories are chaotic; norms and how wins spread are not.
    X = np.concatenate([samples, samples])
    W = np.random.default_rng(1).random((30, 64)) * 5
    constants = {"sharpness": 50.0, "rate": 1.0, "normalise": "sample", "cutoff": 0.01}
    kernel, reference = Kernel(W, dtype=np.float32, **constants), Layer(W, **constants)
    kernel.stream(X)
    wins = np.zeros(30)
    for x in X:
        wins[np.argmax(reference.learn(x)[0])] += 1
    ours, theirs = np.linalg.norm(kernel.W, axis=1), np.linalg.norm(reference.W, axis=1)
    assert abs(np.median(ours) - np.median(theirs)) < 0.02
    difference = np.abs(np.sort(kernel.state.wins) - np.sort(wins))
    assert difference.mean() < 0.1 * len(X) / len(wins)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_softmax_is_right_for_potentials_in_the_thousands(dtype):
    u = np.array([5000.0, 4999.5, 4000.0, -5000.0, 0.0] * 5, dtype)
    y, lanes = np.empty_like(u), np.empty(dense.LANES, dtype)
    njit(lambda u, y, lanes: dense._softmax(u, u[0] / u[0], y, lanes))(u, y, lanes)
    np.testing.assert_allclose(y, softmax(u.astype(np.float64)), rtol=1e-6, atol=1e-30)


def test_the_exponential_is_right_to_two_units_in_the_last_place():
    x = -np.concatenate([np.linspace(0, 87, 200_001), np.geomspace(1e-30, 1, 1001)]).astype(np.float32)
    y = np.empty_like(x)

    @njit
    def fill(x, y):
        for i in range(x.size):
            y[i] = dense._exponential(x[i])

    fill(x, y)
    right = np.exp(x.astype(np.float64))
    assert np.abs(y - right).max() <= 2**-23
    assert (np.abs(y - right) / right).max() <= 2 * 2**-23
    assert y[0] == 1


def test_ties_go_to_the_lowest_index_and_k_winners_are_exactly_k():
    W = np.ones((6, 2))
    _, results = Kernel(W, kind="k", winners=3).stream(np.ones((1, 2)))
    assert results.responses[0].tolist() == [1, 1, 1, 0, 0, 0]
    assert results.winners[0] == 0
    _, results = Kernel(W, kind="hard").stream(np.ones((1, 2)))
    assert results.responses[0].tolist() == [1, 0, 0, 0, 0, 0]


def test_a_sample_of_zeros_is_counted_and_teaches_nothing():
    kernel = Kernel(np.random.default_rng(0).random((4, 3)))
    before = kernel.W
    (done, _), results = kernel.stream(np.zeros((3, 3)))
    assert done == 3
    assert kernel.state.counters[dense.SAMPLES] == kernel.state.counters[dense.BLANKS] == 3
    assert kernel.state.wins.sum() == 0
    assert np.array_equal(kernel.W, before)
    np.testing.assert_allclose(results.responses, 0.25)


def test_scales_are_folded_before_they_vanish():
    rng = np.random.default_rng(3)
    W, X = rng.random((3, 8)) * 2, sparse_samples(rng, 2000, 8, 0.9)
    constants = {"kind": "hard", "rate": 0.5, "power": 0.0, "cap": 0.5}
    kernel, reference = Kernel(W, dtype=np.float32, **constants), Layer(W, **constants)
    kernel.stream(X)
    assert kernel.state.counters[dense.FOLDS] > 20
    assert (np.abs(kernel.state.scales) >= dense.FOLD_BELOW).all()
    np.testing.assert_allclose(kernel.state.norms, (kernel.W**2).sum(axis=1), rtol=1e-5)
    for x in X:
        reference.learn(x)
    np.testing.assert_allclose(kernel.W, reference.W, atol=1e-4)  # the hard rule is not chaotic


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_a_sample_that_is_not_finite_stops_the_loop_before_it(bad):
    rng = np.random.default_rng(0)
    X = sparse_samples(rng, 6, 5)
    X[4, 2] = bad
    kernel, shorter = (Kernel(np.ones((4, 5)), dtype=np.float32) for _ in range(2))
    assert kernel.stream(X)[0] == (4, -1)
    shorter.stream(X[:4])
    assert np.array_equal(kernel.W, shorter.W)
    assert kernel.state.counters[dense.SAMPLES] == 4


def test_a_negative_input_stops_the_loop_where_constants_forbid_it():
    kernel = Kernel(np.ones((4, 5)))
    kernel.constants = kernel.constants._replace(negative=False)
    X = np.ones((3, 5))
    X[1, 4] = -1e-9
    assert kernel.stream(X)[0] == (1, -1)


def test_a_weight_that_diverges_is_named():
    kernel = Kernel(np.full((2, 2), 1e18), dtype=np.float32, rate=1e38, power=0.0, cap=1.0)
    (done, neuron), _ = kernel.stream(np.full((5, 2), 1e-3))
    assert done < 5
    assert neuron in (0, 1)


def test_responding_writes_nothing():
    rng = np.random.default_rng(0)
    kernel = Kernel(rng.random((6, 5)), normalise="stream", window=2)
    kernel.stream(sparse_samples(rng, 5, 5))
    before = [array.copy() for array in kernel.state]
    kernel.stream(rng.random((9, 5)), learning=False)
    assert all(np.array_equal(a, b) for a, b in zip(before, kernel.state, strict=True))


def test_float32_code_has_no_double_arithmetic():
    # The loop is compiled anew: what comes from the cache on disk cannot be inspected.
    kernel = Kernel(np.ones((2, 2)), dtype=np.float32)
    results = Results(*(np.empty((1, 2), np.float32),) * 2, np.empty(1, np.int64), np.empty((1, 2), np.float32))
    fresh = njit(nogil=True, error_model="numpy")(dense.stream.py_func)
    fresh(np.ones((1, 2), np.float32), True, kernel.constants, kernel.state, kernel.scratch, results)
    code = "\n".join(fresh.inspect_llvm().values())
    assert not re.findall(r"= (?:f(?:add|sub|mul|div) (?:<\d+ x )?double|fpext).*", code)
