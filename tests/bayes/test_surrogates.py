"""Gradients of other classifiers, where those of the attacked lead nowhere."""

import numpy as np
import pytest
from naming import digits

import neurosim as ns
from neurosim.bayes import Classifier, attack, sharpened


def test_sharpened_labels_vote_for_one_class(chip_and_readout):
    _, readout = chip_and_readout
    shares = readout.shares_.copy()
    sharp = sharpened(readout)
    np.testing.assert_array_equal(readout.shares_, shares)
    np.testing.assert_array_equal(sharp.shares_.argmax(axis=1), shares.argmax(axis=1))
    np.testing.assert_array_equal(np.sort(sharp.shares_, axis=1)[:, -2:], [[1e-100, 1]] * 60)


def test_they_give_the_log_proba_of_pure_neurons(chip_and_readout):
    chip, readout = chip_and_readout
    samples, _ = digits("test")
    posterior = chip.posterior(samples).astype(np.float64)
    pure = np.stack([posterior[:, readout.shares_.argmax(axis=1) == c].sum(axis=1) for c in range(10)], axis=1)
    np.testing.assert_allclose(np.exp(Classifier(chip, sharpened(readout)).log_proba(samples)), pure, atol=1e-5)


def test_they_have_a_gradient_in_float32_too_also_for_a_class_that_no_neuron_votes_for(chip_and_readout):
    chip, readout = chip_and_readout
    samples, labels = digits("test")[0][:20], np.full(20, 3)
    sharp = sharpened(readout)
    sharp.shares_[:, 3] = sharp.shares_.min()
    exact = Classifier(chip, sharp).gradient(samples, labels)
    single = Classifier(chip, sharp, dtype=np.float32).gradient(samples, labels)
    np.testing.assert_allclose(single, exact, atol=1e-3 * max(1, np.abs(exact).max()))


def test_attacks_through_them_are_stronger(chip_and_readout):
    chip, readout = chip_and_readout
    samples, labels = digits("test")
    own = attack(Classifier(chip, readout), samples, labels, norm="l2", epsilon=1.0)
    through = [Classifier(chip, sharpened(readout))]
    more = attack(Classifier(chip, readout), samples, labels, norm="l2", epsilon=1.0, through=through)
    assert (more.success >= own.success).all()
    assert more.success.sum() > own.success.sum() + 20  # of 360


@pytest.mark.parametrize("readout", [None, ns.SoftLabels(), ns.LinearReadout()])
def test_only_fitted_soft_labels_can_be_sharpened(readout):
    with pytest.raises(ns.ConfigError, match="readout must be fitted SoftLabels, got "):
        sharpened(readout)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_class_that_no_neuron_stands_for_has_a_gradient_that_leads_nowhere(chip_and_readout, dtype):
    chip, readout = chip_and_readout
    samples, _ = digits("test")
    rare = ns.SoftLabels(smoothing=1e-3)
    rare.shares_ = readout.shares_ * np.where(np.arange(10) == 3, 1e-3, 1)
    gradient = Classifier(chip, sharpened(rare), dtype=dtype).gradient(samples, np.full(len(samples), 3))
    assert abs(gradient).max() < 1e-4
