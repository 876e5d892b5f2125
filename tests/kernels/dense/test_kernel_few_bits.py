"""Synapses of few bits in the loop: equal to the reference step by step; rounding; what is lost, and what is not."""

import numpy as np
import pytest
from dense_kernel import Kernel, sparse_samples
from hypothesis import given, settings
from hypothesis import strategies as st
from looking_ahead import compare as compare_looking_ahead
from looking_ahead import looked
from numba import njit
from reference_few_bits import FewBits, chance, key_of

from neurosim.kernels.dense import few_bits, layout
from neurosim.kernels.shared import random_words

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
    assert both.kernel.state.counters[layout.WRITES] > 0


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
        assert (both.kernel.state.scales >= few_bits.FAINTEST).all()


def rounded(x, count, nearest=False):
    """Round x by as many chances."""

    @njit
    def fill(x, out):
        for i in range(out.size):
            out[i] = few_bits.round_to_whole(x, np.uint64(77), i, nearest)

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
            sample = random_words.random_word(salt + np.uint64(n) * random_words.GOLDEN)
            for k in range(out.shape[1]):
                key = random_words.random_word(sample + np.uint64(k) * random_words.GOLDEN)
                for i in range(out.shape[2]):
                    out[n, k, i] = (
                        np.float32(random_words.random_word(key + np.uint64(i) * random_words.GOLDEN) >> np.uint64(40))
                        * few_bits.UNIT
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
        assert kernel.state.counters[layout.FOLDS] == (neurons if x == 40.0 else 0)
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
    assert (kernel.state.scales >= few_bits.FAINTEST).all()
    assert np.isfinite(kernel.state.norms).all()


@pytest.mark.parametrize("constants", EXACT + SOFT, ids=str)
def test_looking_ahead_changes_no_bit(constants):
    rng = np.random.default_rng(4)
    q, labels = rng.integers(-7, 8, (100, 30)), rng.integers(-1, 9, 60)
    far, _ = compare_looking_ahead(q * 1.0, sparse_samples(rng, 60, 30), labels=labels, weight_bits=4, **constants)
    assert looked(far)
