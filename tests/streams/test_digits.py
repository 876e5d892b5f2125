"""The digits are scikit-learn's, without importing it."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

import neurosim as ns
from neurosim.streams import arrays


def same(stream, rows):
    block = next(stream.blocks(size=2000))
    data = load_digits()
    assert (block.samples.reshape(-1, 8, 8) * 16 == data.images[rows]).all()
    assert (block.labels == data.target[rows]).all()


@pytest.mark.parametrize(("name", "rows"), [
    ("digits", slice(None)), ("digits:train", slice(1437)), ("digits:test", slice(1437, None)),
])  # fmt: skip
def test_they_are_those_of_scikit_learn(name, rows):
    same(ns.open_stream(name), rows)


def test_types_are_those_of_scikit_learn_as_a_stream_s_identity_is_a_hash_of_them():
    (images, labels), data = arrays._digits(), load_digits()
    assert (images.dtype, labels.dtype) == (data.images.dtype, data.target.dtype) == (np.float64, np.int64)


def test_a_scikit_learn_that_keeps_them_elsewhere_is_asked(monkeypatch, tmp_path):
    class Elsewhere:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(arrays, "find_spec", lambda name: Elsewhere())
    same(ns.open_stream("digits"), slice(None))


def test_without_scikit_learn_it_is_named(monkeypatch):
    monkeypatch.setattr(arrays, "find_spec", lambda name: None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="sklearn"):
        ns.open_stream("digits")
