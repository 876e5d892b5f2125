"""Chips alone, against which a fleet's chips are judged: each learns from the samples of its key, one after another."""

import warnings

import numpy as np

import neurosim as ns


def chips_alone(fleet, layers, keys, samples, labels=None):
    """Return, for each key, an ordinary chip that has learned from its samples in their order."""
    keys = np.asarray(keys)
    alone = {}
    for key in dict.fromkeys(keys.tolist()):
        mine = keys == key
        chip = alone[key] = ns.Chip(layers, inputs=samples.shape[1], seed=fleet.seed_of(key))
        chip.learn(samples[mine], labels=None if labels is None else labels[mine])
    return alone


def assert_same(fleet, alone):
    """Assert that every array of every chip of a fleet has the bytes of that of a chip alone."""
    assert set(fleet.keys) == set(alone)
    for key, chip in alone.items():
        for mine, own in zip(fleet.chip(key).layers, chip.layers, strict=True):
            found, expected = mine.arrays(), own.arrays()
            assert found.keys() == expected.keys()
            for name, array in expected.items():
                assert found[name].tobytes() == array.tobytes(), (key, name)


def some_samples(count, inputs, chips, seed=0):
    """Return random keys, samples of which some are blank and many inputs zero, and labels, some -1."""
    generator = np.random.default_rng(seed)
    samples = generator.random((count, inputs), np.float32) * (generator.random((count, inputs)) < 0.7)
    samples[generator.random(count) < 0.02] = 0
    return generator.integers(0, chips, count), samples, generator.integers(-1, 4, count)


def quiet(make):
    """Return what a function makes of constants that may grow without bound."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ns.StabilityWarning)
        return make()
