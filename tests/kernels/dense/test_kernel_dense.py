"""P4: the event-driven loop is the textbook's dense rule; and what the loop promises of numbers."""

import re

import numpy as np
import pytest
from dense_kernel import Kernel, sparse_samples
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from reference import Layer, softmax

from neurosim.engine.dense import memory
from neurosim.kernels.dense import layout
from neurosim.kernels.dense import stream as dense
from neurosim.kernels.dense.layout import Results, Samples
from neurosim.kernels.shared import numbers
from neurosim.kernels.shared import softmax as softmax_cells


def compare(W, X, tolerance, dtype=np.float64, labels=(), modulators=(), **constants):
    reference, kernel = Layer(W, **constants), Kernel(W, dtype=dtype, **constants)
    (done, neuron), results = kernel.stream(X, labels=labels, modulators=modulators)
    assert (done, neuron) == (len(X), -1)
    for n, x in enumerate(X):
        label = labels[n] if len(labels) else None
        u, y, z = reference.learn(x, label, modulators[n] if len(modulators) else 1.0)
        scale = np.abs(u).max() + 1e-12
        np.testing.assert_allclose(results.potentials[n], u, rtol=tolerance, atol=tolerance * scale)
        np.testing.assert_allclose(
            results.responses[n], y, rtol=tolerance * 100, atol=tolerance * (np.abs(y).max() + 1)
        )
        np.testing.assert_allclose(results.outputs[n], z, rtol=tolerance * 100, atol=tolerance * (np.abs(z).max() + 1))
        assert results.winners[n] == reference.winner
    np.testing.assert_allclose(kernel.W, reference.W, rtol=tolerance, atol=tolerance * np.abs(reference.W).max())
    assert kernel.state.wins.tolist() == reference.wins.tolist()
    for ours, theirs in (
        (kernel.state.activity, reference.activity if reference.bias != "none" else 0 * reference.activity),
        (kernel.state.traces, reference.traces if reference.rule in ("hebbnet", "bcm") else 0 * reference.traces),
        (kernel.steps, reference.steps),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance * 100, atol=tolerance * (np.abs(theirs).max() + 1))
    true_norms = (np.abs(kernel.W) ** reference.lebesgue).sum(axis=1)
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


@pytest.mark.parametrize("constants", [
    {}, {"window": 3}, {"normalise": "stream"}, {"normalise": "sample", "signed": True, "rate": 0.01},
    {"winner_only": True}, {"activation": ("relu", {})}, {"activation": ("triangle", {"power": 2.0}), "window": 2},
    {"bias": ("prior", {"rate": 0.2})}, {"bias": ("conscience", {"rate": 0.1, "strength": 1.0})},
    {"lebesgue": 3.0}, {"initial": "samples", "radius": 3.0},
    {"initial": "samples", "transmit": ("triangle", {"power": 2.0}), "normalise": "sample", "window": 2},
    {"initial": "samples", "bias": ("conscience", {"rate": 0.1, "strength": 1.0}), "normalise": "stream"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("signed_inputs", [False, True])
def test_equals_the_textbook_where_the_temperature_is_relative(constants, signed_inputs):
    rng = np.random.default_rng(12)
    begins = constants.get("initial") == "samples"
    W = np.zeros((9, 14)) if begins else rng.normal(size=(9, 14))
    X = sparse_samples(rng, 40, 14) - (0.2 if signed_inputs else 0)
    X[20] = 0
    compare(W, X, 1e-6, relative=0.3, **{"radius": 35.0, "cap": 0.2} | constants)


def test_the_lead_is_a_mean_over_a_thousand_samples():
    rng = np.random.default_rng(3)
    W, X = rng.random((5, 6)), rng.random((2500, 6))
    X[1500:] *= 3
    reference, kernel = Layer(W, relative=0.1, rate=0.0), Kernel(W, relative=0.1, rate=0.0)
    kernel.stream(X)
    for x in X:
        reference.learn(x)
    assert kernel.state.lead[0] == pytest.approx(reference.lead, rel=1e-5)
    assert kernel.state.lead[1] == pytest.approx(1000, abs=1)


@pytest.mark.parametrize("constants", [
    {}, {"kind": "hard"}, {"kind": "k", "winners": 3}, {"kind": "ranked"}, {"lebesgue": 2.5}, {"renormalise": True},
    {"window": 3}, {"leak": 0.01}, {"eligibility": 0.5, "kind": "hard"}, {"normalise": "stream"},
    {"rule": "instar", "kind": "hard", "schedule": ("wins", {"power": 1.0, "floor": 0.1})},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("count", [6, 60])  # fewer samples than neurons, too
def test_equals_the_textbook_where_neurons_begin_as_samples(constants, count):
    rng = np.random.default_rng(13)
    X = sparse_samples(rng, count, 11) - rng.choice([0, 0.4], (count, 1))
    X[1] = X[count // 2] = 0
    X[2] = X[0]  # two neurons begin alike
    compare(np.zeros((8, 11)), X, 1e-6, **{"initial": "samples", "radius": 2.0, "rate": 0.05, "cap": 0.2} | constants)


PLAIN = {"schedule": ("constant", {}), "rate": 0.05, "cap": 1.0}
SIGNED = {**PLAIN, "rate": 0.02}


@pytest.mark.parametrize("constants", [
    {"rule": "hebb", **PLAIN}, {"rule": "hebb", "renormalise": True, **PLAIN}, {"rule": "oja", "kind": "none", **PLAIN},
    {"rule": "instar", **PLAIN}, {"rule": "instar", "kind": "hard", "schedule": ("wins", {"power": 1.0, "floor": 0.1})},
    {"rule": "hebbnet", "kind": "none", "activation": ("relu", {}), "averaging": 0.3, **SIGNED},
    {"rule": "hebbnet", "kind": "gate", "share": 0.2, "signed": True, "window": 4, "renormalise": True, **SIGNED},
    {"rule": "hebbnet", "kind": "gate", "share": 0.3, "signed": False, "renormalise": True, **SIGNED},
    {"rule": "hebbnet", "kind": "gate", "quantile": True, "starts_at_mean": True, "window": 4, "averaging": 0.3,
     "signed": True, "renormalise": True, **SIGNED},
    {"rule": "bcm", "kind": "none", "activation": ("relu", {}), "ceiling": 1.5, "decay": 0.1, **SIGNED},
    {"rule": "eghr", "kind": "none", "threshold": 20.0, **SIGNED, "rate": 0.001},
    {"rule": "eghr", "kind": "none", "threshold": 20.0, "window": 3, **SIGNED, "rate": 0.001},
    {"rule": "sanger", "kind": "none", **SIGNED}, {"rule": "subspace", "kind": "none", **SIGNED},
    {"rule": "sanger", "kind": "none", "cutoff": 0.3, **SIGNED},
    {"kind": "ranked", "rank": 2, **SIGNED}, {"kind": "ranked", "rank": 7, "opposition": 1.1, **SIGNED},
    {"kind": "soft", "winner_only": True, **PLAIN}, {"kind": "k", "winners": 3, "lebesgue": 3.0, **PLAIN},
    {"kind": "ranked", "lebesgue": 3.0, **SIGNED}, {"kind": "ranked", "lebesgue": 2.5, "window": 3, **SIGNED},
    {"lebesgue": 3.0, "renormalise": True, **PLAIN}, {"lebesgue": 1.5, "leak": 0.01, **PLAIN},
    {"activation": ("triangle", {"power": 2.0}), **PLAIN}, {"activation": ("softmax", {"temperature": 0.5}), **PLAIN},
    {"bias": ("conscience", {"rate": 0.1, "strength": 5.0}), **PLAIN},
    {"bias": ("conscience", {"rate": 0.1, "strength": 5.0}), "kind": "hard", "window": 3, **PLAIN},
    {"bias": ("mean", {"rate": 0.2}), **PLAIN}, {"bias": ("prior", {"rate": 0.2}), "sharpness": 2.0, **PLAIN},
    {"bias": ("mean", {"rate": 0.2}), "activation": ("relu", {}), "window": 4, **PLAIN},
    {"bias": ("threshold", {"step": 1.0, "leak": 0.1}), "kind": "hard", **PLAIN},
    {"bias": ("threshold", {"step": 0.5, "leak": 0.2}), "window": 3, "activation": ("relu", {}), **PLAIN},
    {"leak": 0.05, **PLAIN}, {"leak": 0.05, "window": 3, **PLAIN}, {"renormalise": True, "leak": 0.1, **PLAIN},
    {"schedule": ("linear", {"samples": 10}), "rate": 0.1}, {"schedule": ("linear", {"samples": 50, "last": 0.3})},
    {"schedule": ("exponential", {"samples": 15, "last": 0.01}), "rate": 0.3},
    {"schedule": ("wins", {"power": 0.5}), "rate": 0.3, "window": 2},
    {"weight_sum": 5.0, **PLAIN}, {"weight_sum": 0.3, "rule": "hebb", "kind": "k", "winners": 3, "window": 3, **PLAIN},
    {"weight_sum": 5.0, "leak": 0.1, "signed": True, **SIGNED}, {"weight_sum": 2.0, "eligibility": 0.5, **PLAIN},
    {"weight_sum": 2.0, "lebesgue": 3.0, **PLAIN},
    {"step": "largest"}, {"step": "largest", "window": 3, "signed": True}, {"step": "largest", "cutoff": 0.1},
    {"step": "largest", "rule": "hebb", "renormalise": True, **PLAIN}, {"step": "largest", "leak": 0.05, **PLAIN},
    {"step": "largest", "rule": "instar", "kind": "hard", "schedule": ("wins", {"power": 0.5}), "weight_sum": 4.0},
    {"step": "largest", "rule": "hebbnet", "kind": "gate", "share": 0.2, "signed": True, "window": 4, **SIGNED},
    {"step": "largest", "lebesgue": 3.0, **PLAIN}, {"step": "largest", "rule": "eghr", "kind": "none", **SIGNED},
    {"eligibility": 0.7, **PLAIN}, {"eligibility": 0.7, "renormalise": True, "kind": "hard", **PLAIN},
    {"eligibility": 0.3, "rule": "hebb", "leak": 0.05, "kind": "k", "winners": 4, **PLAIN},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("modulated", [False, True])
def test_equals_the_textbook_for_every_rule(constants, modulated):
    rng = np.random.default_rng(11)
    W, X = rng.normal(size=(23, 30)) * 0.6, sparse_samples(rng, 24, 30)
    modulators = rng.choice([-0.5, 0.0, 0.3, 1.0, 2.0], len(X)) if modulated else ()
    compare(W, X, 1e-7, modulators=modulators, **constants)


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("constants", [
    {"kind": "taught"}, {"kind": "corrected", "rule": "hebb"}, {"kind": "corrected", "rule": "hebb", "sharpness": 7.0},
    {"kind": "corrected", "rule": "hebb", "normalise": "stream", "leak": 0.01},
], ids=str)  # fmt: skip
def test_equals_the_textbook_where_it_is_taught(constants, window):
    rng = np.random.default_rng(1)
    X = sparse_samples(rng, 30, 12)
    labels = rng.integers(-1, 5, len(X))
    for W in (rng.random((5, 12)), np.zeros((5, 12))):
        compare(W, X, 1e-7, labels=labels, window=window, **PLAIN, **constants)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_eligibility_is_folded_before_it_vanishes(dtype):
    rng = np.random.default_rng(2)
    W, X = rng.random((6, 9)), sparse_samples(rng, 300, 9)
    modulators = rng.random(len(X)) < 0.1
    compare(W, X, 1e-3 if dtype is np.float32 else 1e-7, dtype=dtype, kind="hard", eligibility=0.8, rate=0.05,
            modulators=modulators.astype(float))  # fmt: skip


def test_a_leak_folds_scales_before_they_vanish():
    rng = np.random.default_rng(2)
    kernel = Kernel(rng.random((6, 9)), dtype=np.float32, kind="hard", leak=0.5, rate=0.0)
    kernel.stream(np.ones((60, 9)))
    assert kernel.state.counters[layout.FOLDS] == 6 * 3
    np.testing.assert_allclose(np.sqrt(kernel.state.norms), np.linalg.norm(kernel.W, axis=1), rtol=1e-5)


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
    y, lanes = np.empty_like(u), np.empty(numbers.LANES, dtype)
    njit(lambda u, y, lanes: softmax_cells.softmax(u, u[0] / u[0], y, lanes))(u, y, lanes)
    np.testing.assert_allclose(y, softmax(u.astype(np.float64)), rtol=1e-6, atol=1e-30)


def test_the_exponential_is_right_to_two_units_in_the_last_place():
    x = -np.concatenate([np.linspace(0, 87, 200_001), np.geomspace(1e-30, 1, 1001)]).astype(np.float32)
    y = np.empty_like(x)

    @njit
    def fill(x, y):
        for i in range(x.size):
            y[i] = softmax_cells.decaying_exponential(x[i])

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
    assert kernel.state.counters[layout.SAMPLES] == kernel.state.counters[layout.BLANKS] == 3
    assert kernel.state.wins.sum() == 0
    assert np.array_equal(kernel.W, before)
    np.testing.assert_allclose(results.responses, 0.25)


def test_scales_are_folded_before_they_vanish():
    rng = np.random.default_rng(3)
    W, X = rng.random((3, 8)) * 2, sparse_samples(rng, 2000, 8, 0.9)
    constants = {"kind": "hard", "rate": 0.5, "power": 0.0, "cap": 0.5}
    kernel, reference = Kernel(W, dtype=np.float32, **constants), Layer(W, **constants)
    kernel.stream(X)
    assert kernel.state.counters[layout.FOLDS] > 20
    assert (np.abs(kernel.state.scales) >= numbers.FOLD_BELOW).all()
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
    assert kernel.state.counters[layout.SAMPLES] == 4


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


@pytest.mark.slow
def test_float32_code_has_no_double_arithmetic():
    # The loop is compiled anew: what comes from the cache on disk cannot be inspected.
    kernel = Kernel(np.ones((2, 2)), dtype=np.float32)
    results = Results(*(np.empty((1, 2), np.float32),) * 2, np.empty(1, np.int64), np.empty((1, 2), np.float32))
    fresh = njit(nogil=True, error_model="numpy", _nrt=False)(dense.stream.py_func)
    given = Samples(np.ones((1, 2), np.float32), np.empty(0, np.int64), np.empty(0, np.float32))
    own = dense.Own()
    arguments = given, True, kernel.constants, kernel.state, kernel.scratch, results, own, memory.marks(False)
    kind = dense.kind_of(*arguments)
    _, address, _memory = dense.bound(kind, *arguments)
    fresh(address, kind)
    code = "\n".join(fresh.inspect_llvm().values())
    assert not re.findall(r"= (?:f(?:add|sub|mul|div) (?:<\d+ x )?double|fpext).*", code)
