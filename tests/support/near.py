"""Comparison of numbers that may be as small as picojoules, for which `pytest.approx` allows an error of 1e-12 too."""

import pytest


def near(expected, rel=1e-6):
    """Return what equals a number, or numbers, but for a relative error alone."""
    return pytest.approx(expected, rel=rel, abs=0)
