"""Thresholds that rise with wins, sums of weights that stay, steps divided by the largest: what layers of them do."""

import json

import numpy as np
import pytest
from commands import invoke

import neurosim as ns
from neurosim import hardware
from neurosim.layers.plain import describe

SOFT, HARD = ns.SoftWTA(temperature=0.2), ns.HardWTA()


def chip(samples, **constants):
    constants = {"competition": HARD, "rule": ns.Instar(rate=0.05), "radius": 1.0, "normalise": "sample"} | constants
    return ns.Chip([ns.DenseWTA(12, **constants)], inputs=samples.shape[1], seed=2)


def test_thresholds_give_every_neuron_its_turn(samples):
    without, thresholds = (chip(samples, bias=bias).learn(samples).layers[0]
                           for bias in (None, ns.AdaptiveThreshold(step=0.05, leak=0.01)))  # fmt: skip
    assert (without.wins == 0).sum() > 6
    assert (thresholds.wins == 0).sum() == 0
    assert np.ptp(thresholds.state.activity) > 0


def test_a_threshold_leaks_back_and_is_kept_by_a_frozen_chip(samples):
    x = np.zeros_like(samples[0])
    x[0] = 1
    bias = ns.AdaptiveThreshold(step=0.5, leak=0.25)
    one = chip(samples, bias=bias, rule=ns.Instar(rate=0.0))
    first = one.learn_one(x).winner
    assert one.layers[0].state.activity[first] == pytest.approx(0.5)
    assert one.respond_one(x).winner != first  # 0.5 is more than the potentials differ by
    assert one.layers[0].state.activity[first] == pytest.approx(0.5)
    second = one.learn_one(x).winner
    assert one.layers[0].state.activity[[first, second]] == pytest.approx([0.375, 0.5])


@pytest.mark.parametrize("initial", [None, "array"])
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_weights_have_their_sum_from_the_first_on(samples, kind, initial):
    first = np.random.default_rng(0).normal(size=(12, samples.shape[1])) if initial else None
    layer = ns.DenseWTA(12, competition=SOFT, rule=ns.Hebb(rate=0.1), weight_sum=7.0, initial=kind)
    one = ns.Chip([layer], inputs=samples.shape[1], initial=first)
    np.testing.assert_allclose(np.abs(one.layers[0].weights).sum(axis=1), 7, rtol=1e-5)
    again = ns.Chip([layer], inputs=samples.shape[1], initial=one.layers[0].first_weights)
    assert again.layers[0].first_weights.tobytes() == one.layers[0].first_weights.tobytes()
    one.learn(samples)
    np.testing.assert_allclose(np.abs(one.layers[0].weights).sum(axis=1), 7, rtol=1e-5)
    np.testing.assert_allclose(one.layers[0].norms, np.linalg.norm(one.layers[0].weights, axis=1), rtol=1e-4)


@pytest.mark.parametrize(("weight_sum", "lebesgue"), [(1e19, 2.0), (1e38, 2.0), (1e13, 3.0), (1e18, 16.0), (0, 2.0)])
def test_a_sum_of_which_float32_cannot_hold_the_norm_is_refused(weight_sum, lebesgue):
    with pytest.raises(ns.ConfigError, match=r"weight_sum( to the power of lebesgue)? must be (positive|at most 1e36)"):
        ns.DenseWTA(3, competition=HARD, rule=ns.Instar(rate=0.1), weight_sum=weight_sum, lebesgue=lebesgue)


CONSTANTS = {
    "sum": {"weight_sum": 3.0, "rule": ns.Hebb(rate=0.1), "window": 3}, "largest": {"step": "largest", "window": 4},
    "threshold": {"bias": ns.AdaptiveThreshold(), "window": 2},
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTANTS)
def test_bits_do_not_depend_on_chunks_nor_on_a_state_file(samples, name, tmp_path):
    states = {chip(samples, **CONSTANTS[name]).learn(samples[:101], chunk=size).state_sha256 for size in (1, 7, 101)}
    half = chip(samples, **CONSTANTS[name]).learn(samples[:50])
    half.save(tmp_path / "chip.h5")
    states.add(ns.Chip.load(tmp_path / "chip.h5").learn(samples[50:101]).state_sha256)
    assert len(states) == 1
    assert states != {chip(samples, **CONSTANTS[name]).state_sha256}


def test_older_versions_read_what_does_not_use_it():
    assert {"weight_sum", "step"}.isdisjoint(describe(ns.recipes.softhebb(5)))


def test_the_largest_change_of_an_update_is_the_rate(samples):
    one = chip(samples, step="largest", rule=ns.Hebb(rate=0.02), renormalise=False, weight_sum=None, leak=1e-9)
    before = one.layers[0].weights
    one.learn_one(samples[0])
    assert np.abs(one.layers[0].weights - before).max() == pytest.approx(0.02, rel=1e-4)


def test_what_a_step_by_the_largest_writes_is_counted(samples):
    found = hardware.count(chip(samples, step="largest"), samples[:5]).layers[0]
    assert found.writes.tolist() == [samples.shape[1]] * 5  # the winner's synapses, all of them


@pytest.mark.parametrize("chunk", [1, 64])
def test_a_device_is_refused_in_a_line(samples, chunk):
    layer = ns.DenseWTA(5, competition=SOFT, rule=ns.SoftHebb(rate=0.1), step="largest")
    with pytest.raises(ns.DeviceError, match="must be 'cpu' for step='largest'"):
        ns.Chip([layer], inputs=4, device="cuda")


def test_gradients_are_refused_where_thresholds_decide(samples):
    taught = {"competition": ns.Corrected(), "rule": ns.Hebb(rate=0.1)}
    assert ns.bayes.Classifier(chip(samples, **taught)).classes == 12
    with pytest.raises(ns.ConfigError, match="bias of the last layer must be None or a LogPrior"):
        ns.bayes.Classifier(chip(samples, bias=ns.AdaptiveThreshold(), **taught))


def test_inspect_shows_them(samples, tmp_path):
    chip(samples, **CONSTANTS["sum"], bias=ns.AdaptiveThreshold()).save(tmp_path / "chip.h5")
    shown = invoke("inspect", tmp_path / "chip.h5")
    assert "AdaptiveThreshold(step=0.01, leak=0.001)" in shown.stdout
    assert "weight_sum=3.0" in shown.stdout
    told = json.loads(invoke("inspect", tmp_path / "chip.h5", "--json").stdout)["layers"][0]["constants"]
    assert told["weight_sum"] == 3.0
