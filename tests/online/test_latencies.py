"""Percentiles of latencies by a histogram, counted one by one and many at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.online.latencies import TOGETHER, Latencies

NANOSECONDS = st.lists(st.integers(100, 10**12), min_size=1, max_size=200)


@given(NANOSECONDS, st.sampled_from([50.0, 95.0, 99.0, 99.9]))
@settings(max_examples=100, deadline=None)
def test_percentiles_are_right_to_half_a_percent(nanoseconds, percent):
    one_by_one, together = Latencies(), Latencies()
    for value in nanoseconds:
        one_by_one.add(value)
    together.add_all(np.array(nanoseconds))
    right = np.percentile(nanoseconds, percent, method="inverted_cdf") / 1e9
    assert together.percentile(percent) == pytest.approx(right, rel=0.005)
    assert np.array_equal(one_by_one.counts, together.counts)


def test_those_that_wait_to_be_counted_are_in_every_percentile():
    latencies = Latencies()
    for count in range(1, 3 * TOGETHER):
        latencies.add(1000)
        if count % 500 == 0:
            assert latencies.counts.sum() == count
    assert latencies.counts.sum() == 3 * TOGETHER - 1


def test_the_shortest_and_the_longest_are_in_the_outermost_bins():
    latencies = Latencies()
    latencies.add_all([0, -5, 10, 10**18])
    latencies.add(0)
    assert latencies.counts[0] == 4
    assert latencies.counts[-1] == 1


def test_no_samples_have_no_percentile():
    assert Latencies().summary() == {"p50": None, "p95": None, "p99": None, "p999": None}
