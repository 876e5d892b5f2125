"""Gradients by finite differences, for tests that compare."""

import numpy as np


def slopes_along(function, samples, labels, directions, step=1e-6):
    """Return the slope of function(samples)[n, labels[n]] along each sample's direction, by central differences."""
    rows = np.arange(len(samples))
    above, below = (function(samples + sign * step * directions)[rows, labels] for sign in (1, -1))
    return (above - below) / (2 * step)


def largest_error(function, gradient, samples, labels, draws=3):
    """Return the largest error of gradient(samples, labels) along some directions, relative to the largest slope."""
    random, exact, errors = np.random.default_rng(0), gradient(samples, labels), []
    assert exact.dtype == np.float64
    assert exact.shape == samples.shape
    for _ in range(draws):
        directions = random.normal(size=samples.shape)
        found = slopes_along(function, samples, labels, directions)
        assert np.abs(found).max() > 0
        errors.append(np.abs(found - (exact * directions).sum(axis=1)).max() / np.abs(found).max())
    return max(errors)
