"""The trace of BCPNN as a rule of one's own: all neurons forget, and a logarithm outside makes a classifier of it."""

import numpy as np
import pytest

import neurosim as ns

RATE = 0.003


@ns.rule
def trace(response, rate=RATE):
    """Average how often an input and a neuron are active together."""
    return 1 - rate, rate * response


def digits(part):
    """Return images from 0 to 1 beside their complements, and labels."""
    block = next(ns.open_stream(f"digits:{part}").blocks(size=2000))
    images = block.samples / 16 if block.samples.max() > 1 else block.samples
    return np.concatenate([images, 1 - images], axis=1), block.labels


@pytest.fixture(scope="module")
def traces():
    samples, labels = digits("train")
    layer = ns.DenseWTA(10, competition=ns.Taught(), rule=trace, initial="zeros", cutoff=0.0)
    return ns.Chip([layer], inputs=128).learn(ns.streams.ArrayStream(samples, labels)).layers[0].weights


def test_the_traces_are_those_of_the_equation(traces):
    expected = np.zeros((10, 128))
    for sample, label in zip(*digits("train"), strict=True):
        expected *= 1 - RATE
        expected[label] += RATE * sample
    assert np.abs(traces - expected).max() < 1e-5
    assert expected.max() > 0.05


def test_a_logarithm_outside_makes_a_classifier_of_them(traces):
    samples, labels = digits("test")
    of_neuron = traces.sum(axis=1, keepdims=True) / 64
    log_weights = np.log((traces + 1e-8) / ((traces.sum(axis=0) + 1e-4) * (of_neuron + 1e-4)))
    read = (samples @ log_weights.T + np.log(of_neuron.T)).argmax(axis=1)
    assert (read == labels).mean() > 0.8 > 0.7 > ((samples @ traces.T).argmax(axis=1) == labels).mean()
