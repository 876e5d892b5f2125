"""Recorded times are widened before anything is computed of them: any type of whole numbers gives the same times."""

import numpy as np
import pytest
from foreign import Frame, masked

import neurosim as ns
from neurosim.latency import Recorded


@pytest.mark.parametrize(("first", "last", "kind"), [
    (-2_000_000_000, 2_000_000_000, "i4"), (-(2**31), 2**31 - 1, ">i4"), (-32768, 32767, "i2"), (-128, 127, "i1"),
    (0, 255, "u1"), (0, 65535, ">u2"), (0, 2**32 - 1, "u4"), (2**62, 2**62 + 1000, "u8"), (-5, 10**15, ">i8"),
])  # fmt: skip
def test_differences_do_not_overflow_in_the_type_of_the_times(first, last, kind):
    times = np.array([first, first, last], kind)
    due = Recorded(times).due(0, 3)
    assert due.dtype == np.int64
    assert due.tolist() == [0, 0, (last - first) * 1000]
    assert Recorded(times.tolist()).due(1, 2).tolist() == [0, (last - first) * 1000]


def test_times_may_be_mapped_strided_and_read_only(tmp_path):
    times = np.arange(20, dtype=np.uint16)[::2] * 3
    np.save(tmp_path / "a.npy", times)
    for form in (times, np.load(tmp_path / "a.npy", mmap_mode="r"), times[::-1][::-1], list(times)):
        assert Recorded(form).due(2, 3).tolist() == [0, 6000, 12000]


@pytest.mark.parametrize(("times", "words"), [
    (np.array([0, 2**63], np.uint64), "timestamps must be at most 9223372036854775807, as int64 holds, got"),
    (np.array([2**64 - 1, 0], np.uint64), "timestamps must be at most"),
    (np.array([200, 100], np.uint8), "timestamp 1 must be at least the one before, 200"),
    (np.array([100, -100], np.int8), "timestamp 1 must be at least the one before, 100"),
    (np.array([-(2**63), 2**63 - 1]), "timestamps must be within 4611686018427387 microseconds"),
    (masked([1, 2, 3]), "with masked entries"), (Frame(np.arange(3)), "convert it by .to_numpy()"),
    (np.array([1, 2], "M8[us]"), "timestamps must be whole numbers of microseconds, one a sample, got"),
    (np.array([1.0, 2.0]), "timestamps must be whole numbers of microseconds, one a sample, got"),
    (np.array([True, True]), "timestamps must be whole numbers of microseconds, one a sample, got"),
    (5, "timestamps must be whole numbers of microseconds, one a sample, got"),
])  # fmt: skip
def test_times_that_cannot_be_are_refused(times, words):
    with pytest.raises(ns.ConfigError) as caught:
        Recorded(times)
    assert words in str(caught.value)
