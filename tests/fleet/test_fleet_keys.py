"""Keys are found whatever they come in, and in the order in which they appeared."""

import numpy as np
import pytest

import neurosim as ns

SOFT = ns.recipes.softhebb(2)
ODD = [5, -3, 5, 2**62, 0, -3, 1 << 20, (1 << 20) - 1, -(2**63), 2**63 - 1]


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda keys: np.array(keys, object)])
def test_whole_numbers(kind):
    fleet = ns.Fleet([SOFT], inputs=2).learn(kind(ODD), np.ones((10, 2)))
    assert fleet.keys == tuple(dict.fromkeys(ODD))
    assert all(type(key) is int for key in fleet.keys)
    assert fleet.samples.tolist() == [2, 2, 1, 1, 1, 1, 1, 1]
    assert [fleet.index(key) for key in fleet.keys] == list(range(8))
    assert all(key in fleet for key in ODD)
    assert 1 not in fleet
    assert True not in fleet
    assert 5.0 not in fleet


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.uint64, np.int64])
def test_arrays_of_whole_numbers_after_lists(dtype):
    fleet = ns.Fleet([SOFT], inputs=2, keys=[3, 90])
    for _ in range(2):
        fleet.learn(np.array([90, 4, 3, 127], dtype), np.ones((4, 2)))
    assert fleet.keys == (3, 90, 4, 127)
    assert fleet.samples.tolist() == [2, 2, 2, 2]
    fleet.learn_one(np.int32(4), [1, 1])
    assert fleet.samples.tolist() == [2, 2, 3, 2]


@pytest.mark.parametrize("kind", [list, np.array, lambda keys: np.array(keys, np.dtypes.StringDType())])
def test_text(kind):
    keys = ["b", "a", "b", "ä ", "7"]
    fleet = ns.Fleet([SOFT], inputs=2).learn(kind(keys), np.ones((5, 2)))
    assert fleet.keys == ("b", "a", "ä ", "7")
    assert all(type(key) is str for key in fleet.keys)
    assert repr(fleet) == "Fleet(2 -> 2, seed=0, 4 keys, 5 samples learned)"


def test_masked_keys_are_refused():
    with pytest.raises(ns.SampleError, match="keys must be an array"):
        ns.Fleet([SOFT], inputs=2).learn(np.ma.array([1, 2], mask=[0, 1]), np.ones((2, 2)))


def test_many_begin_at_once_as_one_by_one():
    one, other = ns.Fleet([SOFT], inputs=3, keys=range(70)), ns.Fleet([SOFT], inputs=3)
    for key in range(70):
        other.begin([key])
    assert one.bytes_per_chip == other.bytes_per_chip
    assert all(other.arrays()[name].tobytes() == array.tobytes() for name, array in one.arrays().items())
