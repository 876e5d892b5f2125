"""A temperature that is relative to the stream: what it is, what it needs, and what becomes of it."""

import numpy as np
import pytest

import neurosim as ns

RULE = ns.SoftHebb(rate=0.3)


def chip(inputs=20, **constants):
    return ns.Chip([ns.recipes.softhebb(12, **constants)], inputs=inputs, seed=1)


def samples(count=300, inputs=20, background=0.0):
    rng = np.random.default_rng(0)
    return (rng.random((count, inputs)) * (rng.random((count, inputs)) < 0.4) + background).astype(np.float32)


@pytest.mark.parametrize(
    "given", [{}, {"temperature": 0.1, "relative_temperature": 0.1}, {"gain": 3.0, "temperature": 1.0}]
)
def test_one_of_the_three_is_given(given):
    with pytest.raises(ns.ConfigError, match="temperature, gain or relative_temperature must be given, exactly one"):
        ns.SoftWTA(**given)


@pytest.mark.parametrize("wrong", [0, -1.0, np.nan, np.inf, 1e7, True, "0.1"])
def test_what_is_no_share(wrong):
    with pytest.raises(ns.ConfigError, match="relative_temperature must be"):
        ns.SoftWTA(relative_temperature=wrong)


def test_a_convolutional_layer_has_none():
    with pytest.raises(ns.ConfigError, match=r"relative_temperature must be None in a ConvWTA, got 0\.1"):
        ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(relative_temperature=0.1), rule=RULE)


def test_it_follows_the_spread_of_the_stream():
    spread, narrow = (chip().learn(samples(background=background)).layers[0] for background in (0.0, 1.0))
    assert narrow.temperature < spread.temperature / 2


def test_it_is_not_known_before_the_first_sample_and_stays_while_responding():
    fresh = chip()
    assert fresh.layers[0].temperature is None
    fresh.respond(samples(5))
    assert fresh.layers[0].temperature is None
    fresh.learn(samples(5))
    then = fresh.layers[0].temperature
    fresh.respond(samples(50, background=1.0))
    assert fresh.layers[0].temperature == then


def test_the_scale_of_the_input_does_not_matter():
    X = samples()
    layer = ns.DenseWTA(9, competition=ns.SoftWTA(relative_temperature=0.1), rule=RULE, normalise="stream")
    few, many = (ns.Chip([layer], inputs=20).learn(X * np.float32(scale)) for scale in (1, 2**-20))
    np.testing.assert_array_equal(few.layers[0].weights, many.layers[0].weights)


def test_a_fixed_temperature_tells_itself():
    assert chip(temperature=0.25).layers[0].temperature == 0.25
    assert ns.Chip([ns.recipes.hard_wta(5)], inputs=20).layers[0].temperature is None


def test_changes_from_one_to_the_other_and_back(tmp_path):
    X = samples()
    learned = chip(relative_temperature=0.05).learn(X)
    mean = learned.layers[0].state.lead.copy()
    fixed = learned.with_constants(temperature=0.1)
    assert fixed.state_sha256 == learned.state_sha256
    fixed.learn(X).save(tmp_path / "fixed.h5")
    assert fixed.layers[0].constants.competition == ns.SoftWTA(temperature=0.1)
    assert fixed.layers[0].temperature == 0.1
    back = ns.Chip.load(tmp_path / "fixed.h5").with_constants(relative_temperature=0.05)
    assert back.layers[0].state.lead.tolist() == mean.tolist()  # followed again from where it was
    back.learn(X)
    assert back.layers[0].state.lead[1] == mean[1] + len(X)


def test_files_of_layers_without_it_do_not_name_it(tmp_path):
    from neurosim.layers.plain import describe

    assert "relative_temperature" not in describe(ns.recipes.softhebb(5, temperature=0.1))["competition"]
    fixed = chip(temperature=0.1).learn(samples())
    assert "lead" not in fixed.layers[0].arrays()
    fixed.save(tmp_path / "fixed.h5")
    assert ns.Chip.load(tmp_path / "fixed.h5").state_sha256 == fixed.state_sha256


def test_log_probabilities_take_the_temperature_as_it_is_now():
    fresh, X, labels = chip(), samples(40), np.arange(40) % 3
    readout = ns.SoftLabels()
    readout.add(fresh.respond(X), labels)
    readout.finish()
    with pytest.raises(ns.ConfigError, match=r"must be of a known temperature.*it has learned nothing"):
        ns.bayes.Classifier(fresh, readout)
    ns.bayes.Classifier(fresh, readout, temperature=0.1)
    learned = chip().learn(X)
    found = np.exp(ns.bayes.Classifier(learned, readout).log_proba(X))
    np.testing.assert_allclose(found, readout.predict_proba(learned.respond(X)), atol=1e-5)


def test_the_posterior_of_a_mixture_takes_the_temperature_as_it_is_now():
    from neurosim.bayes import Mixture

    with pytest.raises(ns.ConfigError, match="one that has learned, to be a mixture"):
        Mixture.of(chip())
    with pytest.raises(ns.ConfigError, match="without AdaptiveThreshold to be a mixture"):
        Mixture.of(chip(bias=ns.AdaptiveThreshold()).learn(samples()))
    learned = chip().learn(samples())
    assert Mixture.of(learned).concentration == 1 / learned.layers[0].temperature


@pytest.mark.parametrize(("neurons", "weight"), [(1, 0.5), (5, 0.91275555), (101, 0.71921974)])
def test_neurons_that_are_all_equal_are_saved_and_loaded(neurons, weight, tmp_path):
    layer = ns.DenseWTA(neurons, competition=ns.SoftWTA(relative_temperature=0.05), rule=RULE)
    equal = ns.Chip([layer], inputs=1, initial=np.full((neurons, 1), weight))
    response = equal.learn_one([1.0])  # by rounding, the mean potential may be above the largest
    np.testing.assert_allclose(response.responses, 1 / neurons, rtol=1e-6)
    assert equal.layers[0].state.lead.tolist() == [0, 1]
    equal.save(tmp_path / "equal.h5")
    assert ns.Chip.load(tmp_path / "equal.h5").state_sha256 == equal.state_sha256


@pytest.mark.parametrize("share", [0.05, 1e6])
@pytest.mark.parametrize("sign", [1, -1])
def test_potentials_near_the_end_of_the_range_leave_a_finite_temperature(sign, share):
    competition, still = ns.SoftWTA(relative_temperature=share), ns.SoftHebb(rate=0.0)
    layer = ns.DenseWTA(2000, competition=competition, rule=still, initial="normal", bias=ns.LogPrior())
    first = sign * np.linspace(1e17, 1e18, 2000)[:, None]
    large = ns.Chip([layer], inputs=1, initial=first).learn(np.full((3, 1), 1e18))  # the sum of potentials is infinite
    assert np.isfinite(large.layers[0].temperature)
    assert np.isfinite(large.respond_one([1e18]).responses).all()
