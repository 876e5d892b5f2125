"""Samples of a few keys, and the same in other orders: of one key, the order stays."""

import numpy as np
from fleets import some_samples

import neurosim as ns

INPUTS, NEURONS = 7, 5
KEYS, SAMPLES, LABELS = some_samples(420, INPUTS, 6, seed=5)
LAYERS = [ns.recipes.softhebb(NEURONS, temperature=0.1)]


def fleet_of(**arguments):
    return ns.Fleet(LAYERS, inputs=INPUTS, seed=3, **arguments)


def alone(key, fleet=None):
    """Return the separate chip of a key, before its first sample."""
    return ns.Chip(LAYERS, inputs=INPUTS, seed=(fleet or fleet_of()).seed_of(key))


def another_order(seed):
    """Return the numbers of the samples in an order in which keys come mixed otherwise."""
    mixed = np.random.default_rng(seed).permutation(KEYS)
    order = np.empty(len(KEYS), np.int64)
    for key in np.unique(KEYS):
        order[mixed == key] = np.flatnonzero(key == KEYS)
    return order


def chunks_of(order, size):
    """Give the numbers of the samples of each chunk."""
    return (order[first : first + size] for first in range(0, len(order), size))


def batch_of(fleet, chunk, response):
    """Return what a listener is told of a chunk."""
    from neurosim.engine.results import Results
    from neurosim.fleet.hearing import KeyedBatch

    potentials, responses, winners, outputs = response
    keys = KEYS[chunk].tolist()
    return KeyedBatch(
        numbers=chunk, keys=keys, chips=fleet.indices(keys), results=Results(potentials, responses, winners, outputs),
        labels=LABELS[chunk], samples=SAMPLES[chunk], nanoseconds=np.zeros(len(chunk), np.int64),
    )  # fmt: skip
