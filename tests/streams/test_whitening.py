"""Whitening: its matrix is that of the equation, and what comes out is uncorrelated and of variance one."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.streams import ArrayStream

MIXING = np.random.default_rng(0).normal(size=(12, 12))
IMAGES = (np.random.default_rng(1).normal(size=(400, 12)) @ MIXING + 3).reshape(400, 3, 2, 2).astype(np.float32)


def fitted(**constants):
    return ns.Whiten.fit(ArrayStream(IMAGES), **constants)


def reference(images, epsilon):
    """Return mean and matrix from the equation: the inverse square root of the covariance, by Newton's iteration."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    covariance = np.cov(flat, rowvar=False, bias=True) + epsilon * np.eye(flat.shape[1])
    scale = np.linalg.norm(covariance)
    y, z = covariance / scale, np.eye(len(covariance))
    for _ in range(60):  # Denman and Beavers: z becomes y^(-1/2)
        half = (3 * np.eye(len(y)) - z @ y) / 2
        y, z = y @ half, half @ z
    return flat.mean(axis=0), z / np.sqrt(scale)


def test_the_matrix_is_that_of_the_equation():
    mean, matrix = reference(IMAGES[:300], 0.01)
    whiten = fitted(samples=300, epsilon=0.01)
    assert whiten.mean.shape == (3, 2, 2)
    assert np.allclose(whiten.mean.ravel(), mean, atol=1e-5)
    assert np.allclose(whiten.matrix, matrix, atol=1e-4)


def test_what_comes_out_is_uncorrelated_and_of_variance_one():
    stream = ns.transform(ArrayStream(IMAGES), [fitted(epsilon=1e-6)])
    samples = next(stream.blocks(size=400)).samples
    assert stream.shape == (3, 2, 2)
    assert np.allclose(np.cov(samples, rowvar=False, bias=True), np.eye(12), atol=2e-3)
    assert np.allclose(fitted(epsilon=1e-6).apply_all(IMAGES).reshape(400, -1), samples, atol=1e-4)


def test_it_takes_as_many_samples_however_they_are_read():
    class Pairs(ArrayStream):
        def blocks(self, start=0, size=256):
            return super().blocks(start, 2)

    assert repr(ns.Whiten.fit(Pairs(IMAGES), samples=301)) == repr(fitted(samples=301))


def test_a_large_epsilon_leaves_directions_of_little_variance_small():
    samples = fitted(epsilon=1e6).apply_all(IMAGES).reshape(400, -1)
    assert np.allclose(samples * 1e3, (IMAGES - IMAGES.mean(axis=0)).reshape(400, -1), atol=1e-2)


def test_the_identity_tells_which_matrix_it_was():
    told = [ns.transform(ArrayStream(IMAGES), [fitted(epsilon=e)]).identity()["transforms"] for e in (0.1, 0.1, 0.2)]
    assert told[0] == told[1] != told[2]
    assert "Whiten(inputs=12, sha256='" in told[0]
    again = ns.Whiten(fitted().mean, fitted().matrix)
    assert repr(again) == repr(fitted())
    with pytest.raises(ValueError, match="read-only"):
        again.matrix[0, 0] = 1


REFUSED = {
    "one sample": (lambda: ns.Whiten.fit(ArrayStream(IMAGES[:1])), "stream to whiten must be of at least 2 samples"),
    "few": (lambda: fitted(samples=1), "samples must be a whole number of at least 2, got 1"),
    "no epsilon": (lambda: fitted(epsilon=0), "epsilon must be positive, got 0"),
    "wide": (lambda: ns.Whiten.fit(ArrayStream(np.zeros((2, 8193)))), "of at most 8192 numbers a sample, got 8193"),
    "no stream": (lambda: ns.Whiten.fit(IMAGES), "stream to whiten must be a Stream"),
    "no square": (lambda: ns.Whiten(np.zeros(3), np.zeros((3, 2))), "matrix must be of 3 rows and columns"),
    "no number": (lambda: ns.Whiten(np.zeros(1), [[float("nan")]]), "matrix must be finite numbers"),
    "another shape": (
        lambda: ns.transform(ArrayStream(IMAGES.reshape(400, 12)), [fitted()]),
        "stream to transform must be of the shape (3, 2, 2) that Whiten was fitted on, got (12,)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_whiten_is_refused(case):
    make, words = REFUSED[case]
    with pytest.raises(ns.ConfigError) as caught:
        make()
    assert words in str(caught.value)
