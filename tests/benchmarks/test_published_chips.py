"""Our prices beside published figures: the table of docs/hardware.md can be made, and says what it says."""

import numpy as np
import pytest

from benchmarks.published_chips import estimate, images, rows, smaller


def test_pixels_are_means_of_the_area_that_they_cover():
    x = np.arange(16.0).reshape(1, 4, 4)
    assert np.array_equal(smaller(x, 2)[0], [[2.5, 4.5], [10.5, 12.5]])
    assert np.allclose(smaller(np.ones((2, 20, 20)), 16), 1)
    assert smaller(x, 3).mean() == pytest.approx(x.mean())


def test_prices_are_within_a_factor_of_four_of_what_was_published(data):
    for row in rows(images(data)):
        low, value, high = estimate(row)
        assert low <= value <= high
        assert 1 / 4 < value / row.published_J < 4, row.system
