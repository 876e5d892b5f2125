"""First weights that are given as an array: what is taken, and what is refused in one line."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.cuda.conv import CudaConvExecutor
from neurosim.engine.cuda.dense import CudaDenseExecutor
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.initial import first_array, sums_of_powers

SHAPE = (3, 4)
GOOD = np.random.default_rng(0).normal(size=SHAPE)
IMAGES = ns.ConvWTA(3, kernel=2, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))


def changed(value, place=(1, 2)):
    array = GOOD.copy()
    array[place] = value
    return array


@pytest.mark.parametrize("values", [
    GOOD, GOOD.astype(np.float32), GOOD.tolist(), np.asfortranarray(GOOD), GOOD.astype(">f4"), GOOD[::-1],
    changed(-1e17), np.arange(12).reshape(SHAPE), np.zeros(SHAPE),
])  # fmt: skip
def test_numbers_of_the_shape_are_taken_as_float32_and_copied(values):
    array = first_array(values, SHAPE, 0)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert not array.flags.writeable
    assert not np.shares_memory(array, values)
    assert np.array_equal(array, np.asarray(values, np.float32))


@pytest.mark.parametrize(("values", "words"), [
    (GOOD.T, "initial of layer 3 must be an array of the shape (3, 4), as the layer's weights, got (4, 3)"),
    (GOOD[0], "got (4,)"), (1.0, "got ()"), (np.zeros((0, 4)), "got (0, 4)"),
    (changed(np.nan), "initial of layer 3 must be finite in float32, got nan"), (changed(-np.inf), "got -inf"),
    (changed(1e39), "finite in float32, got 1e+39"),
    (changed(1.1e18), "initial of layer 3, neuron 1 must be of a sum of |w|^2 of at most 1e+36"),
    ("weights", "must be real numbers, got 'str"), (GOOD + 0j, "complex128"), ([[1, 2], [3]], "does not convert"),
    (np.ma.masked_array(GOOD, GOOD > 0), "masked"), (object(), "real numbers"),
], ids=lambda value: value if isinstance(value, str) else type(value).__name__)  # fmt: skip
def test_what_is_no_array_of_weights_is_refused_in_a_line(values, words):
    with pytest.raises(ns.ConfigError) as refusal:
        first_array(values, SHAPE, 2)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_norm_that_float32_must_hold_is_that_of_the_layer():
    assert first_array(changed(1e9), SHAPE, 0, 2.0).max() == 1e9
    with pytest.raises(
        ns.ConfigError, match=r"neuron 1 must be of a sum of \|w\|\^4\.5 of at most 1e\+36, got 3.*e\+40"
    ):
        first_array(changed(1e9), SHAPE, 0, 4.5)


def test_renormalising_needs_a_direction():
    values = changed(0, 2)
    assert first_array(values, SHAPE, 0).any(axis=1).tolist() == [True, True, False]
    with pytest.raises(ns.ConfigError, match=r"neuron 2 must be other than zero.*no direction for renormalise=True"):
        first_array(values, SHAPE, 0, renormalise=True)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_sums_are_of_each_neuron(p):
    assert sums_of_powers(GOOD.T, p) == pytest.approx([sum(abs(w) ** p for w in neuron) for neuron in GOOD])


@pytest.mark.parametrize("lebesgue", [2.0, 3.0])
def test_followed_norms_are_those_of_the_array(lebesgue):
    layer = ns.recipes.softhebb(3, lebesgue=lebesgue)
    norms = (np.abs(GOOD) ** lebesgue).sum(axis=1) ** (1 / lebesgue)
    assert DenseLayer(layer, 4, 0, 0, initial=GOOD).norms == pytest.approx(norms, rel=1e-6)


def test_a_device_begins_with_the_same_weights():
    dense = DenseLayer(ns.recipes.softhebb(3), 4, 0, 0, CudaDenseExecutor, GOOD)
    kernels = np.random.default_rng(1).normal(size=(3, 2, 2, 2))
    conv = ConvLayer(IMAGES, (2, 5, 5), 0, 0, CudaConvExecutor, kernels)
    for layer, values in ((dense, GOOD), (conv, kernels)):
        assert np.array_equal(layer.weights, values.astype(np.float32))
        assert np.array_equal(layer.first_weights, layer.weights)
        assert layer.device == "cuda"
