"""The homeostatic layer beside its equations, in float64; and beside no homeostasis."""

import numpy as np

import neurosim as ns
from neurosim.hots.recipes import homeostatic

NEURONS, INPUTS = 6, 12


def surfaces(count, seed=0):
    x = np.random.default_rng(seed).random((count, INPUTS)) ** 3
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def test_winners_and_weights_follow_the_equations():
    samples = surfaces(300)
    chip = ns.Chip([homeostatic(NEURONS, rate=0.05, gain=0.3, horizon=40)], inputs=INPUTS, seed=1)
    weights, shares = chip.layers[0].weights.astype(np.float64), np.full(NEURONS, 1 / NEURONS)
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), 1, rtol=1e-6)
    for x in samples.astype(np.float64):
        winner = int(np.argmax(weights @ x + 0.3 * (1 - NEURONS * shares)))
        assert chip.learn_one(x).winner == winner
        weights[winner] += 0.05 * (x - weights[winner])
        weights[winner] /= np.linalg.norm(weights[winner])
        shares += ((np.arange(NEURONS) == winner) - shares) / 40
    np.testing.assert_allclose(chip.layers[0].weights, weights, rtol=1e-4, atol=1e-6)
    x = surfaces(1, 7)[0]
    assert chip.respond_one(x).winner == int(np.argmax(weights @ x))


def test_homeostasis_lets_all_neurons_win():
    samples = surfaces(4000, 3)
    spread = {}
    for gain in (0.0, 0.25):
        chip = ns.Chip([homeostatic(NEURONS, gain=gain, horizon=200)], inputs=INPUTS, seed=1).learn(samples)
        spread[gain] = np.ptp(chip.layers[0].wins)
    assert spread[0.25] < spread[0.0] / 3
