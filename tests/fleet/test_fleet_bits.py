"""A fleet's chips have the bits of ordinary chips that learn from the samples of their keys alone."""

import copy
import pickle

import numpy as np
import pytest
from fleets import assert_same, chips_alone, quiet, some_samples
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns


@ns.rule
def slow_oja(potential, response):
    """Oja's rule."""
    growth = np.float32(0.01) * response
    return 1 - growth * potential * response, growth


def soft(neurons=6, **constants):
    return ns.recipes.softhebb(neurons, **constants)


LAYERS = {
    "soft": lambda: [soft()],
    "without instruments": lambda: [soft(instruments=False)],
    "two layers": lambda: [soft(8, transmit=ns.ReLU()), soft(3)],
    "few bits": lambda: [soft(weight_bits=4)],
    "homeostasis": lambda: [soft(bias=ns.Conscience())],
    "prior": lambda: [soft(bias=ns.LogPrior())],
    "window": lambda: [soft(window=3, bias=ns.MeanActivity())],
    "samples": lambda: [soft(initial="samples")],
    "normal": lambda: [soft(initial="normal", renormalise=True, lebesgue=3.0)],
    "stream": lambda: [ns.recipes.hard_wta(6, normalise="stream", leak=1e-3)],
    "taught": lambda: [ns.recipes.supervised_softhebb(6)],
    "two taught": lambda: [soft(8, transmit=ns.ReLU()), ns.recipes.delta_readout(4)],
    "own rule": lambda: [ns.DenseWTA(6, rule=slow_oja(), competition=ns.HardWTA(), radius=2.0)],
}
SLOW = {
    "cells": lambda: [soft(devices=ns.Crossbar.pcm(read_noise=0.05))],
    "eligibility": lambda: [soft(eligibility=0.5)],
    "largest": lambda: [soft(step="largest")],
    "sum": lambda: [soft(weight_sum=3.0)],
    **{name: lambda name=name: [ns.recipes.named(name, 6)] for name in ns.recipes.NAMES},
}


def check(layers, chips=12, count=1600):
    keys, samples, labels = some_samples(count, 7, chips)
    fleet = ns.Fleet(layers, inputs=7, seed=3)
    fleet.learn(keys, samples, labels, chunk=333)
    assert fleet.samples.sum() == count
    assert_same(fleet, chips_alone(fleet, layers, keys, samples, labels))


@pytest.mark.parametrize("name", LAYERS)
def test_a_chip_of_a_fleet_is_a_chip_alone(name):
    check(quiet(LAYERS[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_a_chip_of_a_fleet_is_a_chip_alone_by_every_recipe(name):
    check(quiet(SLOW[name]))


def test_two_hundred_chips_with_long_records():
    layers = [soft(4)]
    keys = np.concatenate([np.random.default_rng(0).integers(0, 200, 6000), np.full(7000, 5)])
    samples = np.random.default_rng(1).random((len(keys), 3), np.float32)
    fleet = ns.Fleet(layers, inputs=3).learn(keys, samples)
    assert_same(fleet, chips_alone(fleet, layers, keys, samples))
    records = fleet.chip(5).layers[0].records
    assert 32 <= len(records) < 64  # thinned: the interval has doubled


@pytest.mark.slow
def test_ten_thousand_chips():
    layers, generator = [soft(16)], np.random.default_rng(0)
    keys, samples = generator.integers(0, 10_000, 200_000), generator.random((200_000, 16), np.float32)
    fleet = ns.Fleet(layers, inputs=16, threads=2).learn(keys, samples)
    alone = chips_alone(fleet, layers, keys, samples)
    assert all(fleet.state_sha256(key) == chip.state_sha256 for key, chip in alone.items())


@settings(max_examples=8, deadline=None)
@given(chunk=st.integers(1, 300), threads=st.integers(1, 3), seed=st.integers(0, 2**64 - 1))
def test_bits_do_not_depend_on_chunks_and_threads(chunk, threads, seed):
    keys, samples, _ = some_samples(300, 5, 9)
    layers = [soft(4, transmit=ns.ReLU()), soft(3)]
    fleet = ns.Fleet(layers, inputs=5, seed=seed, threads=threads).learn(keys, samples, chunk=chunk)
    other = ns.Fleet(layers, inputs=5, seed=seed)
    for key, sample in zip(keys.tolist(), samples, strict=True):
        other.learn_one(key, sample)
    one, two = fleet.arrays(), other.arrays()
    assert one.keys() == two.keys()
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_responses_are_those_of_chips_alone():
    layers = [soft(8, transmit=ns.ReLU()), soft(3, transmit=ns.Triangle())]
    keys, samples, _ = some_samples(200, 5, 9)
    fleet, one_by_one = (ns.Fleet(layers, inputs=5, seed=1) for _ in range(2))
    alone = {key: ns.Chip(layers, inputs=5, seed=fleet.seed_of(key)) for key in range(9)}
    taken = fleet.take(keys, samples)
    for n, (key, sample) in enumerate(zip(keys.tolist(), samples, strict=True)):
        expected, single = alone[key].learn_one(sample), one_by_one.learn_one(key, sample)
        for mine, other, its in zip(taken, single, expected, strict=True):
            assert np.array_equal(mine[n], its)
            assert np.array_equal(other, its)
    asked = fleet.respond(keys, samples)
    for n, (key, sample) in enumerate(zip(keys.tolist(), samples, strict=True)):
        expected, single = alone[key].respond_one(sample), fleet.respond_one(key, sample)
        for mine, other, its in zip(asked, single, expected, strict=True):
            assert np.array_equal(mine[n], its)
            assert np.array_equal(other, its)
    assert_same(fleet, alone)  # to respond changes nothing


def test_pairs_are_learned_from_as_arrays_are():
    keys, samples, labels = some_samples(300, 5, 9)
    layers = [ns.recipes.supervised_softhebb(4)]
    fleet, other, unlabelled = (ns.Fleet(layers, inputs=5) for _ in range(3))
    fleet.learn(keys, samples, labels, chunk=50)
    given = [None if label < 0 else label for label in labels.tolist()]
    other.learn(zip(keys, samples.tolist(), given, strict=True), chunk=64)
    assert {key: fleet.state_sha256(key) for key in fleet.keys} == {key: other.state_sha256(key) for key in other.keys}
    with pytest.raises(ns.SampleError, match="must have a label"):
        unlabelled.learn(zip(keys, samples, strict=True))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda fleet: pickle.loads(pickle.dumps(fleet))])
def test_copies_go_on_with_the_same_bits(again):
    keys, samples, _ = some_samples(400, 5, 9)
    fleet = ns.Fleet([soft()], inputs=5).learn(keys[:200], samples[:200])
    twin = again(fleet)
    fleet.learn(keys[200:], samples[200:])
    before = twin.arrays()
    twin.learn(keys[200:], samples[200:])
    assert any(before[name].tobytes() != array.tobytes() for name, array in twin.arrays().items())
    assert all(twin.arrays()[name].tobytes() == array.tobytes() for name, array in fleet.arrays().items())


def test_chips_leave_and_come_back():
    keys, samples, _ = some_samples(600, 5, 3)
    layers = [soft(weight_bits=5)]
    fleet = ns.Fleet(layers, inputs=5).learn(keys[:300], samples[:300])
    away = {key: fleet.chip(key) for key in fleet.keys}
    other = ns.Fleet(layers, inputs=5, seed=99)  # whose own seeds are others
    for key, chip in away.items():
        other.put(key, chip)
        assert other.seed_of(key) == fleet.seed_of(key)
        chip.learn(samples[300:][keys[300:] == key])
    fleet.learn(keys[300:], samples[300:])
    other.learn(keys[300:], samples[300:])
    assert_same(fleet, away)
    assert_same(other, away)
    other.reset(1)
    assert other.samples[other.index(1)] == 0
    assert (
        other.chip(1).state_sha256
        == ns.Chip(layers, inputs=5, seed=ns.Fleet(layers, inputs=5, seed=99).seed_of(1)).state_sha256
    )


def test_kept_arrays_bring_a_fleet_back():
    for constants in ({"window": 3}, {"weight_bits": 4}, {"instruments": False}):
        keys, samples, _ = some_samples(2500, 5, 9)
        names = [f"Zähler {key}" for key in keys.tolist()]
        layers = [soft(4, **constants, transmit=ns.ReLU()), soft(3)]
        fleet = ns.Fleet(layers, inputs=5, seed=7).learn(names[:1200], samples[:1200])
        kept = fleet.arrays()
        assert all(array.dtype.kind in "iuf" for array in kept.values())
        other = ns.Fleet(layers, inputs=5, seed=7)
        other.restore(kept)
        assert other.keys == fleet.keys
        fleet.learn(names[1200:], samples[1200:])
        other.learn(names[1200:], samples[1200:])
        assert all(other.arrays()[name].tobytes() == array.tobytes() for name, array in fleet.arrays().items())
