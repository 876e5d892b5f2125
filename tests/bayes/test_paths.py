"""Paths between classes: along gradients, and on the sphere."""

import numpy as np
import pytest
from softmax_regression import SoftmaxRegression, blobs, learned

import neurosim as ns
from neurosim.bayes import ascend, interpolate


@pytest.fixture(scope="module")
def fitted():
    samples, labels = blobs()
    return learned(samples, labels), samples, labels


@pytest.mark.parametrize("on_sphere", [True, False])
def test_paths_begin_at_the_sample_and_lead_to_the_class(fitted, on_sphere):
    model, samples, labels = fitted
    wanted = (labels + 1) % 3
    path = ascend(model, samples, wanted, steps=60, step=0.05, frames=7, on_sphere=on_sphere)
    assert path.shape == (len(samples), 7, samples.shape[1])
    np.testing.assert_array_equal(path[:, 0], samples)
    assert path.min() >= 0
    assert path.max() <= 1
    posterior = model.log_proba(path.reshape(-1, samples.shape[1])).reshape(len(samples), 7, 3)
    aims = np.take_along_axis(posterior, wanted[:, None, None], axis=2)[:, :, 0]
    assert (aims[:, -1] > aims[:, 0]).all()
    assert (posterior[:, -1].argmax(axis=1) == wanted).mean() > 0.9


def test_steps_have_their_length_and_frames_are_even():
    model = SoftmaxRegression(np.eye(5))
    path = ascend(model, np.full((1, 5), 0.5), [2], steps=10, step=0.02, frames=6, on_sphere=False)
    np.testing.assert_allclose(np.linalg.norm(np.diff(path[0], axis=0), axis=1), 0.04, rtol=1e-3)
    every = ascend(model, np.full((1, 5), 0.5), [2], steps=10, step=0.02, frames=11, on_sphere=False)
    np.testing.assert_array_equal(path[0], every[0, ::2])


def test_on_the_sphere_samples_keep_their_length():
    model, sample = SoftmaxRegression(np.eye(5)), np.full((1, 5), 0.5)
    path = ascend(model, sample, [2], steps=10, step=0.02, frames=6)
    np.testing.assert_allclose(np.linalg.norm(path[0], axis=1), np.linalg.norm(sample), rtol=1e-12)


def test_constants_may_be_numbers_of_numpy():
    model, sample, half = SoftmaxRegression(np.eye(5)), np.full((1, 5), 0.5), np.float32(0.5)
    path = ascend(model, sample, [2], steps=np.int64(2), step=half, frames=2, low=np.float32(0), high=np.int64(1))
    np.testing.assert_array_equal(path, ascend(model, sample, [2], steps=2, step=0.5, frames=2))


def test_a_gradient_of_zero_is_no_step():
    model = SoftmaxRegression(np.zeros((2, 4)))
    path = ascend(model, np.full((1, 4), 0.5), [1], steps=3, frames=4)
    np.testing.assert_allclose(path, 0.5, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"frames": 1}, "frames must be a whole number of at least 2, got 1"),
        ({"frames": 202}, "frames must be a whole number of at most 201, got 202"),
        ({"step": -1.0}, "step must be positive, got -1.0"),
        ({"on_sphere": None}, "on_sphere must be True or False, got None"),
        ({"low": 1.0}, "high must be above low, 1, got 1.0"),
    ],
)
def test_wrong_constants_of_a_path_are_refused(fitted, change, message):
    with pytest.raises(ns.ConfigError) as error:
        ascend(*fitted, **change)
    assert str(error.value) == message


def test_interpolation_keeps_the_ends_and_the_norm():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 30))
    second *= np.linalg.norm(first) / np.linalg.norm(second)
    points = interpolate(first, second, 9)
    np.testing.assert_array_equal(points[[0, -1]], [first, second])
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.linalg.norm(first), rtol=1e-12)
    cosines = (points[1:] * points[:-1]).sum(axis=1) / np.linalg.norm(first) ** 2
    np.testing.assert_allclose(np.arccos(cosines), np.arccos(cosines[0]), rtol=1e-9)  # equal angles
    assert np.linalg.matrix_rank(points, tol=1e-9) == 2  # one great circle


def test_lengths_between_different_norms_are_linear():
    points = interpolate([1.0, 0.0], [0.0, 3.0], 3)
    np.testing.assert_allclose(points[1], [2 * np.sqrt(0.5), 2 * np.sqrt(0.5)])


def test_equal_ends_are_a_path_that_stays():
    np.testing.assert_allclose(interpolate([0.6, 0.8], [0.6, 0.8], 4), [[0.6, 0.8]] * 4, rtol=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([0.0, 0.0], [1.0, 0.0], r"first must be finite numbers \(inputs,\), not all 0"),
        ([1.0, 0.0], [np.nan, 0.0], r"second must be finite numbers"),
        ([1.0, 0.0], [1.0, 0.0, 0.0], "second must be of 2 numbers as first is, got 3"),
        ([1.0, 2.0], [-2.0, -4.0], "second must be a direction that is not opposite to first"),
    ],
)
def test_directions_without_a_path_are_refused(first, second, message):
    with pytest.raises(ns.SampleError, match=message):
        interpolate(first, second, 3)
