"""Weights of some neurons: the bits of `weights`, without a copy of all."""

import numpy as np
import pytest

import neurosim as ns

SOFT = ns.SoftWTA(temperature=1.0)


@pytest.fixture(scope="module", params=["float32", "few bits", "p-norm", "images", "on images"])
def layer(request, samples):
    rule = ns.SoftHebb(rate=0.1)
    layers = {
        "float32": [ns.recipes.softhebb(20)],
        "few bits": [ns.recipes.softhebb(20, weight_bits=3)],
        "p-norm": [ns.recipes.krotov_hopfield(20, lebesgue=3.0)],
        "images": [ns.ConvWTA(20, kernel=3, competition=SOFT, rule=rule)],
        "on images": [ns.ConvWTA(4, kernel=3, competition=SOFT, rule=rule, transmit=ns.ReLU()),
                      ns.ConvWTA(20, kernel=2, competition=SOFT, rule=rule)],
    }[request.param]  # fmt: skip
    shape = (1, 8, 8) if "images" in request.param else 64
    return ns.Chip(layers, inputs=shape).learn(samples[:100]).layers[-1]


@pytest.mark.parametrize("neurons", [
    [3], [19, 0, 7], [4, 4], range(20), np.array([5, 6], np.uint8), np.arange(20)[::-3], (1,),
])  # fmt: skip
def test_they_are_the_bits_of_all_weights(layer, neurons):
    some, expected = layer.weights_of(neurons), layer.weights[np.asarray(neurons)]
    assert (some.dtype, some.shape, some.flags.c_contiguous) == (np.float32, expected.shape, True)
    assert some.tobytes() == expected.tobytes()
    some[:] = 7  # a copy
    assert layer.weights_of(neurons).tobytes() == expected.tobytes()


def test_of_no_neuron_there_are_none(layer):
    assert layer.weights_of(np.empty(0, np.int64)).shape == (0, *layer.weights.shape[1:])


@pytest.mark.parametrize(
    "neurons", [[20], [-1], 3, [[1]], [0.5], "all", None, [None], [True], np.array([2**63], np.uint64)]
)
def test_what_is_no_index_of_a_neuron_is_refused(layer, neurons):
    with pytest.raises(ns.ConfigError, match="neurons must be indices of neurons, from 0 to 19"):
        layer.weights_of(neurons)
