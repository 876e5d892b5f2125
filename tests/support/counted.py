"""Counts made by hand: what tests of hardware price."""

import numpy as np

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.counting.counts import Counts, LayerCounts
from neurosim.hardware.placement.demand import Demand


def dense(layer, inputs, neurons, bits=8, soft=True):
    return Demand(layer, inputs, inputs, neurons, 1, bits, soft)


def layer(demand, events, written=None, sent=None, writes=None):
    """Return counts of a dense layer: events a sample, and for each sample the neurons written and sent."""
    events = np.asarray(events, np.int64)
    shape = (len(events), demand.neurons)
    written = np.zeros(shape, np.bool_) if written is None else np.asarray(written, np.bool_)
    sent = np.ones(shape, np.uint8) if sent is None else np.asarray(sent, np.uint8)
    neurons = written.sum(axis=1)
    writes = neurons * events if writes is None else np.asarray(writes, np.int64)
    operations = events * demand.neurons
    packed = np.packbits(written, axis=1)
    return LayerCounts(
        demand, events, operations, operations, neurons, writes, np.zeros_like(events), packed, sent, False,
        inputs_packed=np.packbits(np.arange(demand.inputs) < events[:, None], axis=1),
    )  # fmt: skip


def counts(*layers, learning=True):
    return Counts(tuple(layers), learning, len(layers[0].events))


def sparse_images():
    """Return images (5, 2, 6, 6), most of whose pixels are zero, and what a convolution that learns from them does."""
    random = np.random.default_rng(4)
    x = (random.random((5, 2, 6, 6)) * (random.random((5, 2, 6, 6)) < 0.3)).astype(np.float32)
    layer = ns.ConvWTA(
        7, kernel=3, padding=1, stride=2, competition=ns.SoftWTA(temperature=0.5), rule=ns.SoftHebb(rate=0.01),
        normalise="none", cutoff=0.1, initial="normal",
    )  # fmt: skip
    run = hardware.count(ns.Chip([layer], inputs=(2, 6, 6), seed=0), x)
    return x, run
