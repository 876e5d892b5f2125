"""Looking ahead changes nothing: not a bit of results, state or error, whatever is written meanwhile."""

import numpy as np
import pytest
from dense_kernel import sparse_samples
from hypothesis import given, settings
from hypothesis import strategies as st
from looking_ahead import UNTOUCHED, compare, looked, looking

import neurosim as ns
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples
from neurosim.kernels.dense import layout

PLAIN = {"schedule": ("constant", {}), "rate": 0.1, "cap": 0.9}
CHOICES = [
    {"kind": "soft", "sharpness": 5.0, "cutoff": 0.02, "rate": 0.3}, {"kind": "hard", **PLAIN},
    {"kind": "soft", "sharpness": 30.0, "cutoff": 0.1, "normalise": "stream", "rate": 0.5},
    {"kind": "soft", "sharpness": 30.0, "cutoff": 0.1, "normalise": "sample", "signed": True, **PLAIN},
    {"kind": "k", "winners": 5, "schedule": ("wins", {"power": 0.5}), "rate": 0.5},
    {"kind": "k", "winners": 9, "signed": True, "cutoff": 0.5, **PLAIN, "rate": 0.01},
    {"kind": "ranked", "rank": 3, "cutoff": 0.1, "schedule": ("linear", {"samples": 20}), "rate": 0.05},
    {"kind": "taught", **PLAIN}, {"kind": "taught", "normalise": "stream", **PLAIN},
    {"kind": "corrected", "rule": "hebb", "cutoff": 0.05, "sharpness": 3.0, **PLAIN},
    {"kind": "gate", "share": 0.05, "rule": "hebbnet", "cutoff": 0.9, "renormalise": True, **PLAIN, "rate": 0.02},
    {"kind": "hard", "renormalise": True, "rule": "hebb", **PLAIN}, {"kind": "hard", "instruments": True, **PLAIN},
    {"kind": "hard", "bias": ("conscience", {"rate": 0.1, "strength": 5.0}), **PLAIN},
    {"kind": "soft", "cutoff": 0.1, "sharpness": 9.0, "bias": ("prior", {"rate": 0.2}), **PLAIN},
    {"kind": "none", "activation": ("relu", {}), "cutoff": 0.9, "bias": ("mean", {"rate": 0.2}), **PLAIN, "rate": 0.01},
    {"kind": "hard", "rule": "bcm", "averaging": 0.3, **PLAIN}, {"kind": "hard", "rule": "oja", **PLAIN},
    {"kind": "hard", "rule": "instar", **PLAIN, "rate": 0.95}, {"kind": "hard", "transmit": ("triangle", {}), **PLAIN},
]  # fmt: skip


@pytest.mark.parametrize("constants", CHOICES, ids=str)
@pytest.mark.parametrize("modulated", [False, True])
def test_so_it_is_for_every_choice(constants, modulated):
    rng = np.random.default_rng(4)
    W, X = rng.normal(size=(100, 30)) * 0.3, sparse_samples(rng, 60, 30)
    labels = rng.integers(-1, 9, len(X))
    modulators = rng.choice([-0.5, 0.0, 1.0, 2.0], len(X)) if modulated else ()
    assert looked(compare(W, X, labels=labels, modulators=modulators, **constants)[0])


@pytest.mark.parametrize("memory", [{"window": 2}, {"leak": 0.01}, {"eligibility": 0.5}, {"lebesgue": 3.0},
                                    {"rule": "sanger", "kind": "none", "cutoff": 0.9}])  # fmt: skip
def test_what_writes_more_than_it_tells_is_taken_as_before(memory):
    rng = np.random.default_rng(4)
    W, X = rng.normal(size=(64, 20)) * 0.3, sparse_samples(rng, 30, 20)
    assert not looked(compare(W, X, **{"kind": "hard", **PLAIN, "rate": 0.01, **memory})[0])


@pytest.mark.slow
@given(
    seed=st.integers(0, 2**32), neurons=st.integers(64, 200), inputs=st.integers(1, 40), density=st.floats(0, 1),
    count=st.integers(1, 50), rows=st.integers(1, 50), ahead=st.integers(1, 20), learning=st.booleans(),
    cutoff=st.sampled_from([0.0, 0.01, 0.05, 0.3]), sharpness=st.sampled_from([1.0, 5.0, 50.0]),
    bad=st.sampled_from([None, None, np.nan, np.inf, 1e30]), normalise=st.sampled_from(["none", "stream", "sample"]),
    dtype=st.sampled_from([np.float32, np.float32, np.float64]), rate=st.sampled_from([0.1, 1.0, 30.0]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_so_it_is_anywhere(
    seed, neurons, inputs, density, count, rows, ahead, learning, cutoff, sharpness, bad, normalise, dtype, rate
):
    rng = np.random.default_rng(seed)
    X = sparse_samples(rng, count, inputs, density)
    if bad is not None:
        X[rng.integers(count), rng.integers(inputs)] = bad if dtype is np.float32 or bad != 1e30 else 1e300
    compare(rng.random((neurons, inputs)) * 3, X, rows=rows, ahead=ahead, learning=learning, dtype=dtype, cutoff=cutoff,
            sharpness=sharpness, normalise=normalise, rate=rate)  # fmt: skip


@pytest.mark.parametrize("strong", [30, 63, 64, 65, 99])
def test_more_neurons_written_than_there_is_room_for(strong):
    # Nothing is written for a while, so that it looks far ahead, and then `strong` new neurons by one sample.
    rng = np.random.default_rng(0)
    W = np.zeros((100, 12))
    W[:strong, 0] = W[strong:, 1] = 5.0
    X = rng.random((60, 12)) * 0.01
    X[20, 0] = X[21, 1] = X[40, 0] = X[42, 1] = 3.0
    far, _ = compare(W, X, kind="none", cutoff=0.9, rule="hebb", **PLAIN)
    assert looked(far)
    assert far.state.counters[layout.WRITES] >= 200


@pytest.mark.slow
def test_scales_are_folded_meanwhile():
    rng = np.random.default_rng(3)
    W, X = rng.random((64, 8)) * 2, sparse_samples(rng, 1500, 8, 0.9)
    far, _ = compare(W, X, kind="hard", rate=0.95, power=0.0, cap=0.95)
    assert looked(far)
    assert far.state.counters[layout.FOLDS] > 20


@pytest.mark.parametrize("bad", range(1, 20))
@pytest.mark.parametrize("normalise", ["none", "stream"])
def test_what_comes_after_a_bad_sample_leaves_no_trace(bad, normalise):
    rng = np.random.default_rng(0)
    X = sparse_samples(rng, 20, 9) + 0.1
    X[bad, 3] = np.nan
    W = rng.random((70, 9))
    far, end = compare(W, X, kind="hard", normalise=normalise, rate=0.2)
    assert end == (bad, -1)
    assert far.state.counters[layout.SAMPLES] == bad


@pytest.mark.parametrize("huge", [5, 9, 12])
@pytest.mark.parametrize("normalise", ["none", "stream"])
def test_a_weight_that_diverges_stops_the_loop_at_its_sample(huge, normalise):
    rng = np.random.default_rng(0)
    X, modulators = rng.random((30, 9)) + 0.1, np.ones(30)
    modulators[huge] = 1e30
    constants = {"kind": "hard", "rule": "hebb", "normalise": normalise, **PLAIN}
    far, (done, neuron) = compare(rng.random((70, 9)), X, modulators=modulators, **constants)
    assert looked(far)
    assert done == huge
    assert neuron >= 0


@pytest.mark.parametrize("normalise", ["none", "stream"])
def test_responding_ahead_writes_nothing(normalise):
    rng = np.random.default_rng(0)
    kernel = looking(rng.random((90, 20)), kind="hard", normalise=normalise, rate=0.2)
    X = sparse_samples(rng, 40, 20)
    kernel.stream(X)
    before = [array.copy() for array in kernel.state]
    kernel.stream(X, learning=False)
    assert all(np.array_equal(a, b) for a, b in zip(before, kernel.state, strict=True))


def test_a_wide_layer_looks_ahead_and_a_chunk_of_any_size_gives_its_bits():
    samples = np.random.default_rng(0).random((150, 700), np.float32)
    layers = [ns.recipes.softhebb(900)]
    chips = [ns.Chip(layers, inputs=700).learn(samples, chunk=chunk) for chunk in (1, 40, 256)]
    layer = ns.Chip(layers, inputs=700).layers[0]
    runner = LayerRunner(layer, len(samples))
    scratch = runner.workspace.scratch
    scratch.ahead_sizes[:], scratch.timing[1, layout.BEST] = UNTOUCHED, layout.LOOKING
    runner.run(Samples(samples), True)
    assert (scratch.ahead_sizes != UNTOUCHED).any()
    assert len({chip.state_sha256 for chip in chips}) == 1
    together = chips[0].respond(samples)
    one = [chips[0].respond_one(x) for x in samples]
    assert np.array_equal(together.potentials, [response.potentials for response in one])


def test_a_narrow_layer_has_no_room_to_look_ahead():
    room = ns.Chip([ns.recipes.softhebb(100)], inputs=64).layers[0].executor.workspace().scratch
    assert len(room.ahead_sums) == len(room.copied) == 0
