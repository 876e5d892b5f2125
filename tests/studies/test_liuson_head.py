"""The published head: it learns, it follows from its seed, and its parts do what their papers say."""

import numpy as np
import pytest

from neurosim.studies import liuson_head as head


def clouds(count=4000, seed=0):
    """Four classes that lines tell apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    return (4 * np.eye(4, 10)[labels] + 0.3 * rng.random((count, 10))).astype(np.float32), labels


def test_the_head_learns_what_lines_tell_apart():
    result = head.train_head(clouds(), clouds(200, 1), classes=4)
    assert result.accuracy == max(result.accuracies) > 0.99
    assert 2 <= len(result.losses) == len(result.accuracies) <= 10
    assert result.losses[-1] < result.losses[0]


def test_the_head_follows_from_its_seed():
    first, again, other = (head.train_head(clouds(400), clouds(200, 1), classes=4, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.losses != other.losses


def test_the_head_stops_when_the_test_loss_stands_still():
    features, labels = clouds(400)
    result = head.train_head((np.zeros_like(features), labels), (features, labels), classes=4)
    assert len(result.losses) == 2  # nothing to learn but a bias


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    parameters, features, labels = rng.normal(size=(6, 3)), rng.normal(size=(7, 5)), rng.integers(0, 3, 7)
    found, wanted = head.gradient_of(parameters, features, labels), np.empty((6, 3))
    for place in np.ndindex(6, 3):
        step = np.zeros((6, 3))
        step[place] = 1e-6
        above, below = (head.measured(parameters + sign * step, features, labels)[1] for sign in (1, -1))
        wanted[place] = (above - below) / 2e-6
    assert found == pytest.approx(wanted, abs=1e-8)


def test_adamw_takes_the_steps_of_its_paper():
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=8).astype(np.float32)
    wanted, optimiser = parameters.astype(np.float64), head.AdamW(parameters)
    mean = square = 0.0
    for step in range(1, 20):
        gradient = rng.normal(size=8).astype(np.float32)
        optimiser.step(gradient)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient.astype(np.float64) ** 2
        wanted *= 1 - 1e-3 * 0.01
        wanted -= 1e-3 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    assert parameters == pytest.approx(wanted, abs=1e-6)


def test_dropout_keeps_half_and_doubles_it():
    features = np.ones((50, 101), np.float32)
    kept = head.dropped(features, 0, 3)
    assert set(np.unique(kept)) == {0, 2}
    assert kept.mean() == pytest.approx(1, abs=0.1)
    assert not np.array_equal(kept, head.dropped(features, 0, 4))
