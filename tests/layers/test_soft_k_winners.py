"""`KWTA` with a temperature: a softmax over the winners alone, on the chip and by the definition."""

import numpy as np
import pytest
import reference
from on_chip import OnChip

import neurosim as ns


@pytest.mark.parametrize(("winners", "signed", "window"), [(1, False, 1), (3, False, 1), (3, True, 1), (7, False, 4)])
def test_learning_follows_the_definition(winners, signed, window):
    rng = np.random.default_rng(5)
    W, X = rng.normal(size=(7, 10)), rng.random((60, 10)) * (rng.random((60, 10)) < 0.5)
    constants = {"kind": "soft k", "winners": winners, "sharpness": 4.0, "signed": signed, "window": window}
    ours, theirs = OnChip(W, **constants), reference.Layer(W, **constants)
    for x in X:
        for got, expected in zip(ours.learn(x), theirs.learn(x), strict=True):
            np.testing.assert_allclose(got, expected, atol=2e-5)
    np.testing.assert_allclose(ours.W, theirs.W, rtol=1e-5, atol=2e-5)


def test_all_neurons_as_winners_are_the_soft_competition(samples):
    k, soft = (
        ns.Chip([ns.DenseWTA(6, competition=competition, rule=ns.SoftHebb(rate=0.1))], inputs=64).respond(samples)
        for competition in (ns.KWTA(6, temperature=0.5), ns.SoftWTA(temperature=0.5))
    )
    np.testing.assert_allclose(k.responses, soft.responses, atol=1e-6)


def test_the_temperature_is_a_constant_that_files_name_where_it_is_given(samples, tmp_path):
    for temperature in (None, 0.5):
        layer = ns.DenseWTA(6, competition=ns.KWTA(2, temperature=temperature), rule=ns.SoftHebb(rate=0.1))
        chip = ns.Chip([layer], inputs=64).learn(samples[:20])
        chip.save(tmp_path / "chip.h5")
        assert ns.Chip.load(tmp_path / "chip.h5").layers[0].constants == layer
        assert (b"temperature" in (tmp_path / "chip.h5").read_bytes()) == (temperature is not None)
    with pytest.raises(ns.ConfigError, match="temperature must be positive, got 0"):
        ns.KWTA(2, temperature=0)
    with pytest.raises(ns.ConfigError, match="number of neurons"):
        ns.DenseWTA(3, competition=ns.KWTA(4, temperature=0.5), rule=ns.SoftHebb(rate=0.1))
