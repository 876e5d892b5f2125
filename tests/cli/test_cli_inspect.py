"""`neurosim inspect` shows whatever names and constants a state holds."""

import json

import numpy as np
import pytest
from commands import invoke

import neurosim as ns


def test_inspect_prints_names_that_cannot_be_printed(make_chip, samples, tmp_path):
    chip, path = make_chip(5).learn(samples[:9]), tmp_path / "chip.h5"
    chip.classes = ("cat", "d\udcffog")
    chip.save(path, stream={"name": "b\udcffad\n.csv", "order": "stored\x1b[31m"})
    shown = invoke("inspect", path).stdout
    assert "stream  b\\udcffad\\n.csv, stored\\x1b[31m order" in shown
    assert "labels  0 cat, 1 d\\udcffog" in shown
    assert json.loads(invoke("inspect", path, "--json").stdout)["stream"]["name"] == "b\udcffad\n.csv"


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_inspect_shows_whatever_a_constant_holds(make_chip, samples, tmp_path, recwarn, as_json):
    path = tmp_path / "chip.h5"
    layer = ns.ConvWTA(
        4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1), horizon=float("inf")
    )
    ns.Chip([layer], inputs=(1, 8, 8)).save(path)
    shown = invoke("inspect", path, *as_json).stdout
    assert ('"horizon": "inf"' if as_json else "horizon=inf") in shown
    chip = make_chip(5).learn(samples[:9])
    state = chip.layers[0].state
    state.synapses[:], state.scales[:], state.norms[:] = 3e37, 1, 1
    chip.save(path)
    assert invoke("inspect", path, *as_json).stderr == ""
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]
    assert np.isfinite(ns.Chip.load(path).layers[0].weights).all()


@pytest.mark.parametrize("layer", [ns.recipes.softhebb(5), ns.recipes.delta_readout(5)])
def test_a_chip_that_has_not_learned_has_no_live_or_dead_neurons(layer, tmp_path):
    ns.Chip([layer], inputs=64).save(tmp_path / "chip.h5")
    assert "neurons  not learned yet" in invoke("inspect", tmp_path / "chip.h5").stdout
    assert json.loads(invoke("inspect", tmp_path / "chip.h5", "--json").stdout)["layers"][0]["neurons"] is None


def test_what_a_relative_temperature_has_come_to_is_shown(tmp_path):
    path, chip = tmp_path / "chip.h5", ns.Chip([ns.recipes.softhebb(5, relative_temperature=0.05)], inputs=64)
    chip.save(path)
    assert "now  temperature not known before the first sample\n" in invoke("inspect", path).stdout
    chip.learn(ns.open_stream("digits").take(np.arange(50)).samples).save(path)
    assert f"       now  temperature {chip.layers[0].temperature:.4g}\n" in invoke("inspect", path).stdout
    found = json.loads(invoke("inspect", path, "--json").stdout)
    assert found["layers"][0]["temperature"] == chip.layers[0].temperature
    fixed = chip.with_constants(temperature=0.1)
    fixed.save(path)
    assert "now  temperature" not in invoke("inspect", path).stdout
