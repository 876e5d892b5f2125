"""Responses from outside, and modulators for each layer and each neuron."""

import re

import numpy as np
import pytest
import reference
from numba import config

import neurosim as ns


def soft(neurons, **constants):
    chosen = {"competition": ns.SoftWTA(temperature=0.1), "rule": ns.SoftHebb(rate=0.3)} | constants
    return ns.DenseWTA(neurons, **({"normalise": "sample", "radius": 5.0, "cutoff": 0.0} | chosen))


def two():
    return ns.Chip([soft(12), soft(9)], inputs=64, seed=3)


@pytest.fixture
def given():
    """Return responses (50, 9), and modulators of a hidden layer's neurons (50, 12)."""
    rng = np.random.default_rng(1)
    return rng.random((50, 9)).astype(np.float32), rng.normal(size=(50, 12)).astype(np.float32)


@pytest.mark.parametrize("constants", [
    {}, {"window": 3}, {"eligibility": 0.5}, {"weight_bits": 4}, {"bias": ns.LogPrior(rate=0.1)},
    {"competition": ns.KWTA(3, temperature=0.2), "activation": ns.ReLU()},
], ids=str)  # fmt: skip
def test_its_own_responses_given_change_no_bit(constants, samples):
    free, told = (ns.Chip([soft(12), soft(9, **constants)], inputs=64) for _ in range(2))
    responses = []
    for x in samples[:50]:
        expected = free.learn_one(x)
        responses.append(expected.responses)
        response = told.learn_one(x, responses=expected.responses)
        for one, other in zip(response, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert told.state_sha256 == free.state_sha256
    again = ns.Chip([soft(12), soft(9, **constants)], inputs=64).learn(samples[:50], responses=responses)
    assert again.state_sha256 == free.state_sha256


class Given(reference.Layer):
    """The definition, with responses that are given."""

    def sense(self, x, learning=False, label=None, modulator=1.0):
        sample = super().sense(x, learning, label, modulator)
        return sample._replace(y=self.given.astype(np.float64), winner=int(np.argmax(self.given)))


@pytest.mark.parametrize("window", [1, 4])
def test_given_responses_follow_the_definition(window, samples, given):
    chip = ns.Chip([soft(9, window=window, initial="normal", radius=1.0)], inputs=64, seed=3)
    layer = chip.layers[0]
    definition = Given(layer.weights.astype(np.float64), rate=0.3, window=window, normalise="sample")
    for x, y in zip(samples[:50], given[0], strict=True):
        response = chip.learn_one(x, responses=y)
        definition.given = y
        u, _, _ = definition.learn(x)
        np.testing.assert_allclose(response.potentials, u, atol=1e-5)
        assert response.winner == np.argmax(y)
        np.testing.assert_array_equal(response.responses, y)
    np.testing.assert_allclose(layer.weights, definition.W, atol=1e-5)
    assert (layer.wins == definition.wins).all()


@pytest.mark.parametrize("constants", [{}, {"weight_bits": 5}], ids=str)
def test_equal_modulators_of_all_neurons_are_the_modulator_of_the_sample(constants, samples):
    factors = np.linspace(-0.5, 1.5, 50).astype(np.float32)
    chips = [ns.Chip([soft(12, **constants)], inputs=64) for _ in range(4)]
    chips[0].learn(samples[:50], modulators=factors)
    chips[1].learn(samples[:50], modulators=[np.tile(factors[:, None], 12)])
    chips[2].learn(samples[:50], modulators=[factors])
    for x, factor in zip(samples[:50], factors, strict=True):
        chips[3].learn_one(x, modulator=[np.full(12, factor)])
    assert len({chip.state_sha256 for chip in chips}) == 1


def test_a_neuron_of_modulator_zero_learns_nothing_and_others_by_their_own(samples):
    chip, whole = (ns.Chip([soft(12, rule=ns.Hebb(rate=0.1), renormalise=True)], inputs=64) for _ in range(2))
    before = chip.layers[0].weights
    factors = np.array([0.0, 1.0] * 6, np.float32)
    chip.learn_one(samples[0], modulator=[factors])
    whole.learn_one(samples[0])
    np.testing.assert_array_equal(chip.layers[0].weights[::2], before[::2])
    np.testing.assert_array_equal(chip.layers[0].weights[1::2], whole.layers[0].weights[1::2])
    assert (chip.layers[0].weights[1::2] != before[1::2]).any(axis=1).all()


def test_each_layer_has_its_modulator(samples):
    chip, first = two(), ns.Chip([soft(12)], inputs=64, seed=3).learn(samples[:30])
    frozen = chip.layers[1].weights
    chip.learn(samples[:30], modulators=[np.ones(30), 0.0])
    np.testing.assert_array_equal(chip.layers[0].weights, first.layers[0].weights)
    np.testing.assert_array_equal(chip.layers[1].weights, frozen)
    images = ns.ConvWTA(4, kernel=3, competition=ns.HardWTA(), rule=ns.SoftHebb(rate=0.1))
    chip = ns.Chip([images, soft(9, initial="normal")], inputs=(1, 8, 8))
    before = [layer.weights for layer in chip.layers]
    chip.learn_one(samples[0], modulator=[0.0, np.ones(9)])
    np.testing.assert_array_equal(chip.layers[0].weights, before[0])
    assert (chip.layers[1].weights != before[1]).any()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [1, 7, 50])
def test_a_stream_is_a_loop_over_its_samples(chunk, threads, samples, given):
    responses, modulators = given
    one, many = two(), two()
    for x, y, m in zip(samples[:50], *given, strict=True):
        one.learn_one(x, responses=y, modulator=[m, 0.5])
    seen = []
    many.learn(samples[:50], responses=responses, modulators=[modulators, 0.5], chunk=chunk, threads=threads,
               every=20, watch=lambda chip: seen.append(chip.samples))  # fmt: skip
    assert many.state_sha256 == one.state_sha256
    assert seen == [20, 40, 50]
    labelled = [soft(12), soft(9, competition=ns.Taught())]
    taught = [ns.Chip(labelled, inputs=64).learn(samples[:50], labels=np.arange(50) % 9, modulators=m)
              for m in (np.full(50, 0.5), [np.full(50, 0.5), 0.5])]  # fmt: skip
    assert taught[0].state_sha256 == taught[1].state_sha256


def test_layers_that_do_not_learn_are_left_alone(samples, given):
    chip = two()
    first = chip.layers[0].weights
    chip.learn(samples[:50], responses=given[0], layers=[1])
    np.testing.assert_array_equal(chip.layers[0].weights, first)
    assert chip.layers[1].samples == 50
    chip.learn(samples[:50], modulators=[given[1]], layers=[0])
    assert [layer.samples for layer in chip.layers] == [50, 50]


def test_directions_are_forgotten_with_their_sample(samples, given):
    chip, usual = two(), two()
    for x in samples[:5]:
        chip.learn_one(x)
        usual.learn_one(x)
    state = chip.state_sha256
    chip.learn_one(0 * samples[0], responses=given[0][0], modulator=[given[1][0], 0.5])  # teaches nothing
    usual.learn_one(0 * samples[0])
    assert chip.state_sha256 == usual.state_sha256 != state
    for x in samples[5:10]:
        chip.learn_one(x)
        usual.learn_one(x)
    assert chip.state_sha256 == usual.state_sha256


REFUSED = [
    ({"responses": [1.0]}, "responses of layer 2 must be numbers of the shape (9,), got (1,)"),
    ({"responses": np.full(9, np.nan)}, "responses of layer 2 must be finite in float32, got nan"),
    ({"responses": "all"}, "responses of layer 2 must be real numbers"),
    ({"modulator": [1.0]}, "a sequence with one entry for each of 2 layers, got 1 entries"),
    ({"modulator": [1.0, np.ones(3)]}, "modulators of layer 2 must be numbers of the shape (9,), got (3,)"),
    ({"modulator": [1.0, np.full(9, np.inf)]}, "modulators of layer 2 must be finite"),
    ({"modulator": [1.0, float("nan")]}, "modulators must be finite"),
    ({"modulator": "high"}, "modulator must be a real number, or [...] with one number a layer, or [[...], ...] with"),
    ({"modulator": None}, "of one number a neuron, got None"),
    ({"modulator": {}}, "modulator must be a real number, or [...]"),
    ({"modulator": np.ones(20)}, "got 20 entries: give [...] with one number a layer, or [[...], ...] with a list"),
]


@pytest.mark.parametrize(("told", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_a_direction_cannot_be_is_said_in_words(told, words, samples):
    chip = two()
    state = chip.state_sha256
    with pytest.raises(ns.SampleError, match=re.escape(words)):
        chip.learn_one(samples[0], **told)
    assert chip.state_sha256 == state


@pytest.mark.parametrize(("told", "words"), [
    ({"responses": np.ones((4, 9))}, "responses of layer 2 must be numbers of the shape (5, 9), got (4, 9)"),
    ({"modulators": [np.ones(4), 1.0]}, "modulators must be real numbers, one a sample, 5 in all"),
    ({"modulators": [np.ones((5, 9)), 1.0]}, "modulators of layer 1 must be numbers of the shape (5, 12), got (5, 9)"),
])  # fmt: skip
def test_directions_of_a_stream_are_one_for_each_sample(told, words, samples):
    chip = two()
    with pytest.raises(ns.SampleError, match=re.escape(words)):
        chip.learn(samples[:5], **told)
    told = {name: np.ones((9, 9)) if name == "responses" else [np.ones(9), 1.0] for name in told}
    with pytest.raises(ns.SampleError, match="must be as many as samples, got 9 for 5"):
        chip.learn((x for x in samples[:5]), **told)


@pytest.mark.parametrize(("constants", "told", "words"), [
    ({"window": 2}, {"modulator": [np.ones(9)]}, "must be a number where window is 2, got an array"),
    ({"eligibility": 0.5}, {"modulator": [np.ones(9)]}, "must be a number where eligibility is 0.5"),
    ({"competition": ns.NoInhibition(), "rule": ns.Sanger(rate=0.1), "normalise": "none"},
     {"modulator": [np.ones(9)]}, "must be a number where rule is Sanger"),
    ({"initial": "samples"}, {"responses": np.ones(9)}, "must be left out with initial='samples'"),
    ({"competition": ns.Taught()}, {"responses": np.ones(9)}, "must be left out, as Taught takes labels"),
])  # fmt: skip
def test_a_layer_that_cannot_take_them_says_so(constants, told, words, samples):
    with pytest.raises(ns.SampleError, match=words):
        ns.Chip([soft(9, **constants)], inputs=64).learn_one(samples[0], **told)


def test_an_image_s_positions_are_given_nothing(samples):
    layer = ns.ConvWTA(4, kernel=3, competition=ns.HardWTA(), rule=ns.SoftHebb(rate=0.1))
    chip = ns.Chip([layer], inputs=(1, 8, 8))
    with pytest.raises(ns.SampleError, match="responses of layer 1 must be left out, as it is convolutional"):
        chip.learn_one(samples[0], responses=np.ones(4))
    with pytest.raises(ns.SampleError, match="modulators of layer 1 must be a number, as it is convolutional"):
        chip.learn_one(samples[0], modulator=[np.ones(4)])


@pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="said before a device is asked for anything")
def test_a_device_is_given_nothing():
    chip = ns.Chip([soft(9)], inputs=64, device="cuda")
    for told in ({"responses": np.ones(9)}, {"modulator": [np.ones(9)]}):
        with pytest.raises(ns.DeviceError, match="device of layer 1 must be 'cpu' to be given"):
            chip.learn_one(np.ones(64), **told)
    with pytest.raises(ns.DeviceError, match="must be 'cpu' with KWTA with a temperature"):
        ns.Chip([soft(9, competition=ns.KWTA(2, temperature=0.1))], inputs=64, device="cuda")
