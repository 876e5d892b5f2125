"""Synapses of few bits: equal to the reference step by step; bits do not depend on how samples come; what is lost."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from reference_few_bits import FewBits, chance, key_of
from test_kernel_dense import Kernel, sparse_samples
from test_look_ahead import compare as compare_looking_ahead
from test_look_ahead import looked
from test_store import reseal

import neurosim as ns
from neurosim import few_bits, hardware, state_format
from neurosim.constants import describe, rebuild
from neurosim.kernels import dense

SALT = 0x0123456789ABCDEF
PLAIN = {"schedule": ("constant", {}), "rate": 0.1, "cap": 0.5}
GENTLE = {**PLAIN, "rate": 0.01}
EXACT = [  # in these, nothing but sums and products comes before rounding
    {"kind": "hard", **PLAIN}, {"kind": "hard", "rule": "oja", **PLAIN}, {"kind": "hard", "rule": "instar", **PLAIN},
    {"kind": "hard", "rule": "instar", "schedule": ("constant", {}), "rate": 1.0, "cap": 1.0},
    {"kind": "k", "winners": 4, **PLAIN}, {"kind": "k", "winners": 4, "signed": True, **GENTLE},
    {"kind": "k", "winners": 3, "schedule": ("wins", {"power": 0.5}), "rate": 0.5},
    {"kind": "ranked", "rank": 3, **GENTLE}, {"kind": "none", "cutoff": 0.2, **GENTLE},
    {"kind": "none", "rule": "hebbnet", "activation": ("relu", {}), "averaging": 0.3, **GENTLE},
    {"kind": "none", "rule": "bcm", "activation": ("relu", {}), "ceiling": 1.5, "decay": 0.1, **GENTLE},
    {"kind": "none", "rule": "eghr", "threshold": 20.0, **PLAIN, "rate": 0.001},
    {"kind": "gate", "share": 0.3, "signed": True, "rule": "hebbnet", **GENTLE},
    {"kind": "taught", "normalise": "stream", **PLAIN}, {"kind": "hard", "normalise": "sample", **PLAIN},
    {"kind": "hard", "bias": ("conscience", {"rate": 0.1, "strength": 5.0}), **PLAIN},
    {"kind": "hard", "rule": "hebb", "schedule": ("linear", {"samples": 20}), "rate": 0.3},
]  # fmt: skip
SOFT = [
    {"kind": "soft", "sharpness": 3.0, "cutoff": 0.01, "rate": 0.3}, {"kind": "soft", "signed": True, **GENTLE},
    {"kind": "soft", "winner_only": True, **PLAIN}, {"kind": "corrected", "rule": "hebb", "sharpness": 3.0, **PLAIN},
]  # fmt: skip


class Pair:
    """The loop in double precision and the reference, from the same synapses."""

    def __init__(self, q, s, bits, rounding="stochastic", **constants):
        few = {"weight_bits": bits, "rounding": rounding}
        self.kernel = Kernel(q.astype(float), **few, **constants)
        self.kernel.constants = self.kernel.constants._replace(salt=np.uint64(SALT))
        self.kernel.state.scales[:] = s
        self.kernel.state.norms[:] = (q**2).sum(axis=1) * s**2
        self.reference = FewBits(q, s, salt=SALT, **few, **constants)

    def step(self, x, label, modulator):
        """Learn from a sample; return how many synapses differ, which the reference then takes over."""
        (done, _), results = self.kernel.stream(x[None], labels=[label], modulators=[modulator])
        u, y, _ = self.reference.learn(x, label, modulator)
        assert done == 1
        np.testing.assert_allclose(results.potentials[0], u, rtol=1e-6, atol=1e-9 * (1 + np.abs(u).max()))
        np.testing.assert_allclose(results.responses[0], y, rtol=1e-5, atol=1e-9 * (1 + np.abs(y).max()))
        state, reference = self.kernel.state, self.reference
        some = reference.q.any(axis=1)  # the scale of a neuron of zeros says nothing
        np.testing.assert_allclose(state.scales[some], reference.s[some], rtol=1e-6)
        differing = int((reference.q != state.synapses.T).sum())
        reference.q, reference.s = np.rint(state.synapses.T).astype(np.int64), state.scales.copy()
        reference.W = reference.q * reference.s[:, None]
        assert state.squares.tolist() == (reference.q**2).sum(axis=1).tolist()
        np.testing.assert_allclose(state.norms, (reference.W**2).sum(axis=1), rtol=1e-12, atol=1e-300)
        return differing


def pair(rng, bits, rounding, constants, neurons=12, inputs=17):
    highest = 2 ** (bits - 1) - 1
    q = rng.integers(-highest, highest + 1, (neurons, inputs))
    return Pair(q, rng.random(neurons) * 2 / highest + 1e-3, bits, rounding, **constants)


@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("constants", EXACT, ids=str)
def test_equals_the_reference_step_by_step(constants, bits, rounding):
    rng = np.random.default_rng(bits)
    both = pair(rng, bits, rounding, constants)
    for x in sparse_samples(rng, 25, 17):
        assert both.step(x, int(rng.integers(-1, 9)), rng.choice([-0.5, 0.0, 1.0, 1.0, 2.0])) == 0
    assert both.kernel.state.counters[dense.WRITES] > 0


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("constants", SOFT, ids=str)
def test_equals_the_reference_where_there_are_exponentials(constants, bits):
    rng = np.random.default_rng(bits)
    both = pair(rng, bits, "stochastic", constants)
    # Exponentials are good to seven digits, so a chance may fall between two roundings: one in a million.
    assert sum(both.step(x, int(rng.integers(-1, 9)), 1.0) for x in sparse_samples(rng, 30, 17)) <= 1


@given(
    seed=st.integers(0, 2**32), bits=st.integers(2, 16), neurons=st.integers(1, 20), inputs=st.integers(1, 30),
    density=st.floats(0, 1), rate=st.sampled_from([0.001, 0.1, 1.0, 30.0]), cap=st.sampled_from([0.1, 0.5, 0.9]),
    size=st.sampled_from([1e-3, 1.0, 1e3]), winners=st.integers(1, 3), signed=st.booleans(),
    rounding=st.sampled_from(["stochastic", "nearest"]), rule=st.sampled_from(["softhebb", "oja", "instar", "hebb"]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_equals_the_reference_anywhere(
    seed, bits, neurons, inputs, density, rate, cap, size, winners, signed, rounding, rule
):
    rng = np.random.default_rng(seed)
    kind = {"kind": "k", "winners": min(winners, neurons), "signed": signed, "rule": rule}
    rate = min(rate, 1.0) if rule == "instar" else rate
    both = pair(rng, bits, rounding, {**kind, "schedule": ("constant", {}), "rate": rate, "cap": cap}, neurons, inputs)
    for x in sparse_samples(rng, 6, inputs, density) * size:
        assert both.step(x, -1, 1.0) == 0
        if not both.kernel.state.norms.max() < 1e100:
            return
        assert (np.abs(both.kernel.state.synapses) <= 2 ** (bits - 1) - 1).all()
        assert (both.kernel.state.scales >= dense.FAINTEST).all()


def rounded(x, count, nearest=False):
    """Round x by as many chances."""

    @njit
    def fill(x, out):
        for i in range(out.size):
            out[i] = dense._round(x, np.uint64(77), i, nearest)

    out = np.empty(count, np.float32)
    fill(np.float32(x), out)
    return out


@pytest.mark.parametrize("x", [0.25, -0.25, 2.75, -2.75, 1e-4, -1e-4, 1000.5, 3.0, -3.0, 0.0])
def test_rounding_by_chance_keeps_the_mean_and_goes_no_farther_than_it_must(x):
    found = rounded(x, 200_000)
    assert set(found) <= {np.floor(np.float32(x)), np.ceil(np.float32(x))}
    part = abs(x) % 1
    assert abs(found.mean(dtype=np.float64) - x) <= 5 * np.sqrt(part * (1 - part) / len(found)) + 1e-6
    assert not np.signbit(found[found == 0]).any()


def test_rounding_to_the_nearest_loses_small_steps():
    assert not rounded(0.49, 100, nearest=True).any()
    assert (rounded(-0.51, 100, nearest=True) == -1).all()


def test_chances_are_those_of_the_reference_and_unrelated_to_one_another():
    @njit
    def fill(salt, out):
        for n in range(out.shape[0]):
            sample = dense._word(salt + np.uint64(n) * dense.GOLDEN)
            for k in range(out.shape[1]):
                key = dense._word(sample + np.uint64(k) * dense.GOLDEN)
                for i in range(out.shape[2]):
                    out[n, k, i] = (
                        np.float32(dense._word(key + np.uint64(i) * dense.GOLDEN) >> np.uint64(40)) * dense.UNIT
                    )

    found = np.empty((20, 30, 40), np.float32)
    fill(np.uint64(SALT), found)
    for place in [(0, 0, 0), (0, 0, 1), (19, 29, 39), (7, 3, 11)]:
        assert found[place] == np.float32(chance(key_of(SALT, *place[:2]), place[2]))
    assert abs(found.mean() - 0.5) < 5 * np.sqrt(1 / 12 / found.size)
    centred = found.astype(np.float64) - 0.5
    for axis in range(3):  # neighbours in any direction
        one, other = np.delete(centred, 0, axis), np.delete(centred, -1, axis)
        assert abs((one * other).mean() * 12) < 5 / np.sqrt(one.size)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("x", [0.05, 1.0, 40.0])
def test_the_mean_of_a_written_weight_is_the_weight_of_the_rule(bits, x):
    # Of many equal neurons each rounds by its own chances; with x large all of them take a larger scale.
    neurons, highest = 4000, 2 ** (bits - 1) - 1
    q = np.tile(np.random.default_rng(1).integers(-(highest // 2), highest // 2 + 1, 9), (neurons, 1))
    sample = np.array([0, 1, 0.5, 0, 0.25, 0, 0, 0.7, 0]) * x
    constants = {"kind": "k", "winners": neurons, "rule": "hebb" if x > 1 else "softhebb", **PLAIN}
    kernel = Pair(q, np.full(neurons, 2 / highest), bits, **constants).kernel
    exact = Kernel(q * 2 / highest, **constants)
    for one in (kernel, exact):
        one.stream(sample[None])
    if q.any():
        assert kernel.state.counters[dense.FOLDS] == (neurons if x == 40.0 else 0)
    spread = kernel.state.scales.max() * np.sqrt(0.25 / neurons)
    assert np.abs(kernel.W.mean(axis=0) - exact.W[0]).max() < 5 * spread


def test_a_step_too_small_for_the_nearest_whole_number_is_lost_and_not_by_chance():
    moved = {}
    for rounding in ("stochastic", "nearest"):
        kernel = Pair(np.full((50, 4), 3), np.full(50, 0.1), 4, rounding, kind="k", winners=50, rule="hebb",
                      schedule=("constant", {}), rate=1e-3).kernel  # fmt: skip
        kernel.stream(np.ones((100, 4)))
        moved[rounding] = kernel.W.mean() - 0.3
    assert moved["nearest"] == 0
    assert 0.08 < moved["stochastic"] < 0.12  # 100 steps of 0.001, each a hundredth of a scale


@pytest.mark.parametrize("bits", [2, 5, 16])
def test_a_neuron_of_which_nothing_is_left_is_what_it_sees_next(bits):
    highest = 2 ** (bits - 1) - 1
    x = np.array([0.5, 0, 0.25, 1.0])
    for q in (np.array([[1, -1, 0, 1]]), np.zeros((1, 4), np.int64)):
        kernel = Pair(
            q, np.ones(1), bits, kind="hard", rule="instar", schedule=("constant", {}), rate=1.0, cap=1.0
        ).kernel
        kernel.stream(x[None])
        assert np.abs(kernel.W - x).max() <= kernel.state.scales[0]
        assert highest / 2 <= np.abs(kernel.state.synapses).max() <= highest
        assert kernel.state.synapses[1, 0] == 0


def test_a_scale_neither_vanishes_nor_turns_round():
    q = np.full((3, 5), 7)
    kernel = Pair(q, np.ones(3), 4, kind="hard", rule="bcm", activation=("relu", {}), decay=1.0,
                  schedule=("constant", {}), rate=0.9, cap=1.0).kernel  # fmt: skip
    kernel.state.traces[:] = 0
    kernel.stream(np.full((300, 5), 1e-9))
    assert (kernel.state.scales >= dense.FAINTEST).all()
    assert np.isfinite(kernel.state.norms).all()


def test_weights_that_diverge_are_said():
    layer = ns.DenseWTA(3, competition=ns.HardWTA(), rule=ns.SoftHebb(rate=1e38), weight_bits=4, cap=1.0)
    with pytest.raises(ns.DivergedError, match="must stay finite"):
        ns.Chip([layer], inputs=5).learn(np.full((40, 5), 1e3, np.float32))


def layer_of(bits=4, neurons=20, **constants):
    return ns.recipes.softhebb(neurons, weight_bits=bits, **constants)


@pytest.mark.parametrize("competition", [
    ns.SoftWTA(temperature=0.05), ns.SoftWTA(temperature=0.05, signed=True), ns.HardWTA(), ns.KWTA(3, signed=True),
    ns.Ranked(rank=3), ns.NoInhibition(), ns.SparseGate(share=0.4), ns.Taught(), ns.Corrected(temperature=0.5),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("bits", [2, 7, 16])
@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
def test_chunks_threads_and_a_state_file_change_no_bit(competition, bits, rounding, samples, tmp_path):
    few = {"weight_bits": bits, "rounding": rounding}
    layers = [
        ns.DenseWTA(10, competition=competition, rule=ns.SoftHebb(rate=0.02), initial="normal", radius=2.0, **few,
                    normalise="sample", transmit=ns.Triangle(power=1.0)),
        layer_of(bits, 5),
    ]  # fmt: skip
    x, labels = samples[:60], np.arange(60) % 10
    one, many, split = (ns.Chip(layers, inputs=64, seed=7) for _ in range(3))
    for sample, label in zip(x, labels, strict=True):
        one.learn_one(sample, label=int(label))
    many.learn(x, labels=labels, chunk=13, threads=2)
    split.learn(x[:31], labels=labels[:31])
    split.save(tmp_path / "chip.h5")
    again = ns.Chip.load(tmp_path / "chip.h5").learn(x[31:], labels=labels[31:])
    assert len({chip.state_sha256 for chip in (one, many, again)}) == 1
    state = one.layers[0].state
    assert np.array_equal(state.synapses, np.rint(state.synapses))
    assert np.abs(state.synapses).max() <= 2 ** (bits - 1) - 1
    assert np.array_equal(one.layers[0].weights, (state.synapses * state.scales).T)
    assert np.array_equal(again.layers[0].state.squares, state.squares)


@pytest.mark.parametrize("constants", EXACT + SOFT, ids=str)
def test_looking_ahead_changes_no_bit(constants):
    rng = np.random.default_rng(4)
    q, labels = rng.integers(-7, 8, (100, 30)), rng.integers(-1, 9, 60)
    far, _ = compare_looking_ahead(q * 1.0, sparse_samples(rng, 60, 30), labels=labels, weight_bits=4, **constants)
    assert looked(far)


def test_first_weights_are_rounded_and_the_same_as_of_float32_in_the_mean():
    plain = ns.Chip([ns.recipes.softhebb(50)], inputs=400, seed=3).layers[0].weights
    for bits in (2, 4, 8, 16):
        layer = ns.Chip([layer_of(bits, 50)], inputs=400, seed=3).layers[0]
        scales = layer.state.scales[:, None]
        np.testing.assert_allclose(layer.state.scales, plain.max(axis=1) / (2 ** (bits - 1) - 1), rtol=1e-6)
        assert (np.abs(layer.weights - plain) <= scales * 1.0001).all()
        assert abs((layer.weights - plain).mean()) < 5 * scales.max() * 0.5 / np.sqrt(plain.size)
        assert np.array_equal(layer.weights, layer.first_weights)
        np.testing.assert_allclose(layer.norms, np.linalg.norm(layer.weights, axis=1), rtol=1e-6)


def test_seeds_and_layers_round_by_chances_of_their_own():
    layer = layer_of()
    salts = {few_bits.salt(layer, seed, place) for seed in range(3) for place in range(3)}
    assert len(salts) == 9
    assert few_bits.salt(ns.recipes.softhebb(20), 0, 0) == 0


@pytest.mark.parametrize("bits", [2, 4, 16])
@pytest.mark.parametrize("name", ["soft", "wide", "zeros"])
def test_what_is_written_and_flipped_is_counted(bits, name, samples):
    layer = {
        "soft": layer_of(bits, 9),
        "wide": ns.DenseWTA(9, competition=ns.KWTA(4, signed=True), rule=ns.SoftHebb(rate=0.05), initial="normal",
                            radius=2.0, weight_bits=bits),
        "zeros": ns.recipes.delta_readout(9, weight_bits=bits),
    }[name]  # fmt: skip
    x, labels = samples[:50].copy(), np.arange(50) % 9
    x[7] = 0
    found = hardware.count(ns.Chip([layer], inputs=64, seed=3), x, labels=labels, chunk=17).layers[0]
    chip, whole = ns.Chip([layer], inputs=64, seed=3), 0
    state = chip.layers[0].state
    for n, sample in enumerate(x):
        before, folds = state.synapses.astype(np.int64), state.counters[dense.FOLDS]
        chip.learn_one(sample, label=int(labels[n]))
        after, active = state.synapses.astype(np.int64), np.flatnonzero(sample)
        assert found.effective[n] == np.count_nonzero(before[active])
        changed = (before ^ after) & (2**bits - 1)
        assert found.flips[n] == sum(int(code).bit_count() for code in changed.ravel())
        rescaled, neurons = state.counters[dense.FOLDS] - folds, int(found.written[n].sum())
        assert found.writes[n] == (neurons - rescaled) * len(active) + rescaled * 64
        assert (found.written[n] >= changed.any(axis=0)).all()
        idle = np.setdiff1d(np.arange(64), active)
        assert (changed[idle].any(axis=0)).sum() <= rescaled
        whole += rescaled
    assert found.flips.sum() > 0
    assert whole > 0


@pytest.mark.parametrize(("constants", "words"), [
    ({"weight_bits": 1}, "weight_bits must be a whole number of at least 2, got 1"),
    ({"weight_bits": 17}, "weight_bits must be a whole number of at most 16, got 17"),
    ({"weight_bits": 4.5}, "weight_bits must be a whole number"),
    ({"rounding": "nearest"}, "rounding must be 'stochastic' without weight_bits, got 'nearest'"),
    ({"weight_bits": 4, "rounding": "up"}, "rounding must be one of stochastic, nearest"),
    ({"weight_bits": 4, "window": 2}, "window must be 1 with weight_bits, got 2"),
    ({"weight_bits": 4, "lebesgue": 3.0}, "lebesgue must be 2 with weight_bits, got 3.0"),
    ({"weight_bits": 4, "renormalise": True}, "renormalise must be False with weight_bits, got True"),
    ({"weight_bits": 4, "leak": 0.1}, "leak must be 0 with weight_bits, got 0.1"),
    ({"weight_bits": 4, "eligibility": 0.1}, "eligibility must be 0 with weight_bits, got 0.1"),
    ({"weight_bits": 4, "rule": ns.Sanger(rate=0.01), "competition": ns.NoInhibition()},
     "rule must be another one with weight_bits"),
    ({"weight_bits": 4, "rule": ns.OjaSubspace(rate=0.01), "competition": ns.NoInhibition()},
     "rule must be another one with weight_bits"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused(constants, words):
    with pytest.raises(ns.ConfigError) as caught:
        ns.DenseWTA(5, **{"competition": ns.HardWTA(), "rule": ns.SoftHebb(rate=0.1), **constants})
    assert words in str(caught.value)


def test_state_files_name_it_only_where_there_are_few_bits():
    plain, few = (describe(ns.recipes.softhebb(5, **given)) for given in ({}, {"weight_bits": 3}))
    assert {"weight_bits", "rounding"}.isdisjoint(plain)
    assert few["weight_bits"] == 3
    assert "rounding" not in few
    assert rebuild(few) == ns.recipes.softhebb(5, weight_bits=3)
    assert "squares" not in ns.Chip([ns.recipes.softhebb(5, weight_bits=3)], inputs=4).layers[0].arrays()


@pytest.mark.parametrize(("name", "place", "value", "words"), [
    ("synapses", (3, 2), 0.5, "synapses must be whole numbers from -7 to 7"),
    ("synapses", (0, 0), 8, "synapses must be whole numbers from -7 to 7"),
    ("scales", 1, 0, "scales must be at least 1e-18"), ("scales", 1, -1, "scales must be at least 1e-18"),
])  # fmt: skip
def test_an_edited_file_is_refused(name, place, value, words, tmp_path, samples):
    path = tmp_path / "chip.h5"
    ns.Chip([layer_of(4, 12)], inputs=64).learn(samples[:50]).save(path)
    with h5py.File(path, "r+") as file:
        layer = file["layer_0"]
        layer[name][place] = value
        layer["weights"][...] = state_format.plain_weights({key: item[...] for key, item in layer.items()})
        arrays = {key: item[...] for key, item in layer.items() if key != "weights"}
        file.attrs["state_sha256"] = state_format.hash_of([arrays])
    reseal(path)
    with pytest.raises(ns.StateError) as caught:
        ns.Chip.load(path)
    assert words in str(caught.value)
