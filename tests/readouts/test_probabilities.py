"""What readouts give each class: predict_proba, smoothing, and cross-entropy."""

import numpy as np
import pytest
from naming import digits, fitted

import neurosim as ns


@pytest.fixture(scope="module")
def known():
    """Return a chip, its training samples and labels, and its response to 50 others, a blank one among them."""
    samples, labels = digits("train")
    chip = ns.Chip([ns.recipes.softhebb(40)], inputs=64).learn(samples[:600])
    asked = digits("test")[0][:50].copy()
    asked[3] = 0
    return chip, samples[:600], labels[:600], chip.respond(asked)


def test_soft_labels_give_the_mixture_of_what_neurons_say(known):
    chip, samples, labels, response = known
    readout = fitted(ns.SoftLabels(), chip, samples, labels)
    proba = readout.predict_proba(response)
    assert proba.dtype == np.float64
    for sample in range(50):
        y = response.responses[sample].astype(np.float64)
        for label in range(10):
            expected = sum(y[k] * readout.shares_[k, label] for k in range(40)) / sum(y)
            assert proba[sample, label] == pytest.approx(expected, rel=1e-12)
    assert proba.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert (proba.argmax(axis=1) == readout.predict(response)).all()


@pytest.mark.parametrize("smoothing", [1e-3, 0.5])
def test_smoothing_gives_every_class_some_of_every_neuron(known, smoothing):
    chip, samples, labels, response = known
    plain, smoothed = (fitted(ns.SoftLabels(s), chip, samples, labels) for s in (0.0, smoothing))
    assert plain.shares_.min() < 1e-6
    assert smoothed.shares_ == pytest.approx((plain.shares_ + smoothing) / (1 + 10 * smoothing), rel=1e-12)
    assert smoothed.shares_.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert (smoothed.predict(response) == plain.predict(response)).all()


@pytest.mark.parametrize("smoothing", [-1e-3, np.nan, np.inf, "0"])
def test_smoothing_is_a_number_of_at_least_zero(smoothing):
    with pytest.raises(ns.ConfigError, match="smoothing must be at least 0"):
        ns.SoftLabels(smoothing)


def test_where_no_neuron_responds_all_count_alike(known):
    chip, samples, labels, response = known
    readout = fitted(ns.SoftLabels(), chip, samples, labels)
    silent = response._replace(responses=-response.responses)
    assert readout.predict_proba(silent) == pytest.approx(np.tile(readout.shares_.mean(axis=0), (50, 1)))


def test_a_linear_readout_gives_the_softmax_of_its_scores(known):
    chip, samples, labels, response = known
    labels = np.where(labels == 4, -1, labels)  # so that one label below the largest was not in training
    readout = fitted(ns.LinearReadout(), chip, samples, labels)
    proba = readout.predict_proba(response)
    scores = ((response.output - readout.mean_) * readout.scale_) @ readout.weights_.T + readout.intercepts_
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert proba.shape == (50, 10)
    assert not proba[:, 4].any()
    assert proba[:, readout.labels_] == pytest.approx(expected, rel=1e-4)
    assert proba.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert (proba.argmax(axis=1) == readout.predict(response)).all()


@pytest.mark.parametrize("readout", [ns.SoftLabels(), ns.LinearReadout()], ids=["soft", "linear"])
def test_a_readout_that_is_not_fitted_has_no_probabilities(known, readout):
    with pytest.raises(ns.ConfigError, match="readout must be fitted: add samples, then finish"):
        readout.predict_proba(known[3])


def test_labels_that_would_take_too_many_columns_have_no_probabilities(known):
    chip, samples, labels, response = known
    readout = fitted(ns.LinearReadout(), chip, samples, np.where(labels == 4, 10**9, labels))
    assert readout.predict(response).max() == 10**9
    error = "labels must be below 10000 for each to have a column of probabilities, got 1000000000"
    with pytest.raises(ns.SampleError, match=error):
        readout.predict_proba(response)
    with pytest.raises(ns.SampleError, match=error):
        chip.gradient(samples, readout, labels)


def test_cross_entropy_is_the_mean_surprise_in_nats():
    proba = np.array([[0.5, 0.25, 0.25], [0.1, 0.9, 0], [1, 0, 0], [0.2, 0.2, 0.6]])
    expected = -(np.log(0.25) + np.log(0.9) + np.log(0.6)) / 3
    assert ns.cross_entropy(proba, [1, 1, -1, 2]) == pytest.approx(expected, rel=1e-12)
    assert ns.cross_entropy(proba[2:3], [0]) == 0
    assert ns.cross_entropy(proba, [1, 2, 0, 2]) == np.inf


@pytest.mark.parametrize(
    ("proba", "labels", "error"),
    [
        ([[0.5, 0.5]], [2], "labels must be from 0 to 1, or -1 for none, got 2 to 2"),
        ([[0.5, 0.5]], [-2], "labels must be from 0 to 1, or -1 for none, got -2 to -2"),
        ([[0.5, 0.5]], [-1], "labels must be there to measure a cross-entropy, got none"),
        ([[0.5, 0.5]], [0, 1], "one for each of 1 samples"),
        ([[0.5, 0.5]], [0.5], "labels must be whole numbers"),
        ([[-0.7, -0.7]], [0], "probabilities must be from 0 to 1, got -0.7 to -0.7"),
        ([[np.nan, 1]], [0], "probabilities must be from 0 to 1, got nan"),
        ([0.5, 0.5], [0, 1], r"probabilities must be numbers \(samples, classes\), got the shape \(2,\)"),
        ("x", [0], "probabilities must be"),
    ],
)
def test_what_is_no_probability_or_label_is_refused(proba, labels, error):
    with pytest.raises(ns.SampleError, match=error):
        ns.cross_entropy(proba, labels)
