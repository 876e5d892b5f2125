"""A reward that comes late: time passes with every sample, also with one that teaches nothing."""

import numpy as np
import pytest
from dense_kernel import Kernel
from reference import Layer

import neurosim as ns
from neurosim import hardware

SOFT, RULE = ns.SoftWTA(temperature=0.2), ns.SoftHebb(rate=ns.ConstantRate(0.1))
ZEROS, KEPT = np.zeros(8, np.float32), 0.5


def chip(**constants):
    constants = {"competition": SOFT, "rule": RULE, "radius": 3.0, "eligibility": KEPT} | constants
    return ns.Chip([ns.DenseWTA(5, **constants)], inputs=8, seed=1)


def moved_by(*rewarded):
    """Return how far weights move by a sample and then blanks, with these modulators."""
    one, (first, *others) = chip(), rewarded
    one.learn_one(np.random.default_rng(0).random(8, np.float32), modulator=first)
    for modulator in others:
        one.learn_one(ZEROS, modulator=modulator)
    return one.layers[0].weights - one.layers[0].first_weights


def test_a_reward_with_a_blank_sample_reaches_what_was_seen_before():
    at_once = moved_by(1.0)
    assert np.abs(at_once).max() > 1e-3
    np.testing.assert_allclose(moved_by(0.0, 1.0), KEPT * at_once, atol=1e-6)


def test_blank_samples_let_the_trace_decay():
    np.testing.assert_allclose(moved_by(0.0, 0.0, 0.0, -2.0), -2 * KEPT**3 * moved_by(1.0), atol=1e-6)
    np.testing.assert_allclose(moved_by(1.0, 1.0), (1 + KEPT) * moved_by(1.0), atol=1e-6)


def test_a_sample_without_the_label_it_takes_passes_time_too():
    rng = np.random.default_rng(3)
    W, X = rng.random((5, 8)), rng.random((40, 8))
    labels, modulators = rng.integers(-1, 5, len(X)), rng.choice([0.0, 1.0, -0.3], len(X))
    constants = {"kind": "taught", "eligibility": 0.6, "schedule": ("constant", {}), "rate": 0.05, "cap": 1.0}
    reference, kernel = Layer(W, **constants), Kernel(W, **constants)
    kernel.stream(X, labels=labels, modulators=modulators)
    for x, label, modulator in zip(X, labels, modulators, strict=True):
        reference.learn(x, label, modulator)
    np.testing.assert_allclose(kernel.W, reference.W, rtol=1e-9)


@pytest.mark.parametrize("constants", [{}, {"renormalise": True, "lebesgue": 3.0}, {"instruments": False}], ids=str)
def test_bits_do_not_depend_on_the_chunk(constants):
    rng = np.random.default_rng(5)
    x = rng.random((50, 8), np.float32) * (rng.random((50, 1)) < 0.6)
    modulators = rng.choice(np.float32([0, 1, 0.5]), 50)
    states = set()
    for chunk in (1, 7, 50):
        states.add(chip(**constants).learn(x, modulators=modulators, chunk=chunk).state_sha256)
    one = chip(**constants)
    for sample, modulator in zip(x, modulators, strict=True):
        one.learn_one(sample, modulator=float(modulator))
    assert len(states | {one.state_sha256}) == 1
    assert one.layers[0].blanks == (~x.any(axis=1)).sum()


def test_writes_of_a_blank_sample_are_counted():
    found = hardware.count(chip(), np.array([np.ones(8), np.zeros(8)], np.float32)).layers[0]
    assert found.writes.tolist() == [5 * 8, 5 * 8]


def test_a_neuron_that_diverges_at_a_blank_sample_stops_the_chip():
    one = chip(rule=ns.SoftHebb(rate=ns.ConstantRate(1e-3)))
    one.learn_one(np.ones(8, np.float32), modulator=0)
    with pytest.raises(ns.DivergedError, match="must stay finite"):
        one.learn_one(ZEROS, modulator=1e38)
