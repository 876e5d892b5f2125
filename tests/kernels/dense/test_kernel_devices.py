"""Cells of a crossbar in the loop: equal to the reference step by step, each effect on its own and all together."""

import numpy as np
import pytest
from dense_kernel import Kernel, sparse_samples
from numba import njit
from reference_devices import Cells, normal
from reference_few_bits import splitmix

import neurosim as ns
from neurosim.kernels.dense import devices as cells
from neurosim.kernels.shared import random_words

SALT, NEURONS, INPUTS = 0x0123456789ABCDEF, 8, 17
ALL = {
    "states": 32, "programming_noise": (0.01, 0.05, -0.03), "drift": (-0.0155, 0.0244, 0.049, 0.1),
    "drift_spread": (-0.0125, -0.0059, 0.008, 0.045), "drift_start_s": 2.0, "sample_s": 1.0, "idle_s": 1e5,
    "read_noise": 0.02, "flicker_noise": (0.0088, 0.65, 0.2), "adc_bits": 8, "adc_range": 3.0, "ir_drop": 2e-3,
}  # fmt: skip
ALONE = {
    "ideal": {}, "states": {"states": 16}, "few states": {"states": 2},
    "programming": {"programming_noise": 0.02}, "bent noise": {"programming_noise": (0.01, 0.05, -0.03)},
    "drift": {"drift": 0.1, "drift_start_s": 2.0, "sample_s": 1.0, "idle_s": 1e5},
    "spread": {"drift": 0.05, "drift_spread": 0.02, "drift_start_s": 2.0, "sample_s": 1.0},
    "read noise": {"read_noise": 0.05}, "flicker": {"flicker_noise": (0.0088, 0.65, 0.2), "sample_s": 1.0},
    "plain flicker": {"flicker_noise": 0.02}, "adc": {"adc_bits": 5, "adc_range": 2.0}, "ir drop": {"ir_drop": 5e-3},
}  # fmt: skip
PLAIN = {"kind": "hard", "schedule": ("constant", {}), "rate": 0.1, "cap": 0.5}
LAYERS = [
    PLAIN, {"kind": "soft", "sharpness": 3.0, "rate": 0.3},
    {**PLAIN, "kind": "k", "winners": 4, "signed": True, "rate": 0.01},
]  # fmt: skip


class Pair:
    """The loop in double precision and the reference, from the same cells."""

    def __init__(self, rng, given, rounding="stochastic", **constants):
        v, s = rng.uniform(-1, 1, (NEURONS, INPUTS)), rng.random(NEURONS) * 2 + 1e-3
        v[:, 0] = 0
        self.kernel = Kernel(v, devices=given, rounding=rounding, **constants)
        self.kernel.constants = self.kernel.constants._replace(salt=np.uint64(SALT))
        state = self.kernel.state
        state.scales[:], state.norms[:] = s, (v**2).sum(axis=1) * s**2
        nu = state.exponents.T if given.ages else np.zeros(v.shape)
        self.reference = Cells(v, s, nu, given, salt=SALT, rounding=rounding, **constants)
        self.rewritten = 0

    def respond(self, x):
        (done, _), results = self.kernel.stream(x[None], learning=False)
        assert done == 1
        np.testing.assert_allclose(results.potentials[0], self.reference.respond(x)[0], rtol=2e-5, atol=1e-6)

    def step(self, x):
        """Learn from a sample; return how many cells differ, which the reference then takes over."""
        (done, _), results = self.kernel.stream(x[None])
        u, y, _ = self.reference.learn(x)
        assert done == 1
        state, reference = self.kernel.state, self.reference
        if self.same(results.potentials[0], u):
            np.testing.assert_allclose(results.responses[0], y, rtol=1e-4, atol=1e-7)
        different = ~np.isclose(state.synapses.T, reference.v, rtol=1e-5, atol=1e-6)
        if not different.any():
            np.testing.assert_allclose(state.scales, reference.s, rtol=1e-5)
            np.testing.assert_allclose(np.sqrt(state.norms), reference.measured, rtol=1e-5)
            if reference.devices.ages:
                assert (reference.born == state.programmed.T).all()
                np.testing.assert_allclose(state.exponents.T, reference.nu, rtol=1e-4, atol=1e-6)
        self.rewritten += int(getattr(reference, "rewritten", np.zeros(1)).sum())
        reference.v, reference.s = state.synapses.T.copy(), state.scales.copy()
        reference.measured = np.sqrt(state.norms)
        if reference.devices.ages:
            reference.nu, reference.born = state.exponents.T.copy(), state.programmed.T.copy()
        return int(different.sum())

    def same(self, got, wanted):
        """Return whether potentials are equal; a converter may round a tie either way."""
        close = np.isclose(got, wanted, rtol=2e-5, atol=1e-6)
        assert close.all() or (self.reference.devices.adc_bits and (~close).sum() <= 1)
        return close.all()


@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_all_effects_together_equal_the_reference(layer, rounding):
    rng = np.random.default_rng(1)
    both = Pair(rng, ns.Crossbar(**ALL), rounding, **layer)
    differing = []
    for x in sparse_samples(rng, 40, INPUTS):
        both.respond(x)
        differing.append(both.step(x))
    assert sum(map(bool, differing)) <= 1  # a tie
    assert both.rewritten > 0 or layer.get("signed")


@pytest.mark.parametrize("given", ALONE.values(), ids=ALONE)
def test_each_effect_equals_the_reference(given):
    rng = np.random.default_rng(2)
    both = Pair(rng, ns.Crossbar(**given), **PLAIN)
    differing = []
    for x in sparse_samples(rng, 30, INPUTS):
        both.respond(x)
        differing.append(both.step(x))
    assert sum(map(bool, differing)) <= 1
    assert both.rewritten > 0


def test_normal_numbers_are_those_of_the_definition_and_normal():
    @njit
    def draw(count):
        found = np.empty(count, np.float32)
        for n in range(count):
            found[n] = cells.normal(random_words.random_word(np.uint64(n)))
        return found

    words = [splitmix(n) for n in range(200)]
    found = draw(200_000)
    np.testing.assert_allclose(found[:200], [normal(word) for word in words], rtol=1e-5, atol=2e-6)
    assert abs(found.mean()) < 4 / np.sqrt(len(found))
    assert found.std() == pytest.approx(1, abs=4 / np.sqrt(2 * len(found)))
    assert (np.abs(found) < 1.959964).mean() == pytest.approx(0.95, abs=4 * np.sqrt(0.05 * 0.95 / len(found)))


def ladder(g, ratio):
    """Return the current out of a column of cells at full voltage, by Kirchhoff: the first is next to the converter."""
    size, wire = len(g), 1 / ratio
    nodes = np.diag(g + wire) - wire * np.eye(size, k=-1) - wire * np.eye(size, k=1)
    nodes[np.arange(size - 1), np.arange(size - 1)] += wire
    return g @ (1 - np.linalg.solve(nodes, g))


@pytest.mark.parametrize(("ratio", "inputs"), [(1e-5, 64), (1e-5, 784), (1e-4, 784), (1e-3, 64)])
def test_the_drop_of_voltage_is_that_of_a_ladder_of_resistors(ratio, inputs):
    rng = np.random.default_rng(0)
    for density in (1.0, 0.3):
        g = rng.uniform(0.4, 0.6, inputs)
        active = rng.random(inputs) < density
        kernel = Kernel(g[None], devices=ns.Crossbar(ir_drop=ratio), **PLAIN)
        read = kernel.stream(active[None].astype(float), learning=False)[1].potentials[0, 0]
        whole = g @ active
        lost = whole - ladder(g * active, ratio)
        assert whole - read == pytest.approx(lost, rel=0.05 if density == 1 else 0.2)
