"""Names of a fleet's samples are, for every key, those of a separate chip, whatever the order, chunks and threads."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keyed_samples import INPUTS, KEYS, LABELS, SAMPLES, alone, another_order, batch_of, chunks_of, fleet_of
from reference_names import names_of

import neurosim as ns
from neurosim.engine.results import Results
from neurosim.errors import ConfigError, SampleError
from neurosim.fleet import prequential as module
from neurosim.fleet import store
from neurosim.online.listener import Batch

EVERY = np.arange(len(KEYS))
CONSTANTS = {"forget": 0.2, "fading": 0.05, "share": 0.6, "seed": 9}


def one_row(response):
    return Results(*(np.asarray(array)[None] for array in response))


@cache
def of_separate_chips():
    """Return the names of all samples, and each key's summary, by a separate chip and `ns.Prequential` for each."""
    said, summaries = np.zeros(len(KEYS), np.int64), {}
    of_fleet = ns.FleetPrequential(fleet_of(), **CONSTANTS)
    for key in np.unique(KEYS).tolist():
        chip = alone(key)
        prequential = ns.Prequential(chip, **CONSTANTS | {"seed": of_fleet.seed_of(key)})
        for n in np.flatnonzero(key == KEYS):
            row = one_row(chip.learn_one(SAMPLES[n]))
            prequential.take(Batch(0, row, LABELS[n : n + 1], SAMPLES[n : n + 1], np.zeros(1, np.int64)))
            said[n] = prequential.predicted[0]
        summaries[key] = prequential
    return said, summaries


def told_of(fleet, prequential, order, size, said=None):
    said = np.full(len(KEYS), -2) if said is None else said
    for chunk in chunks_of(order, size):
        said[chunk] = prequential.learn(KEYS[chunk], fleet.take(KEYS[chunk], SAMPLES[chunk]), LABELS[chunk])
    return said


def assert_as_separate(prequential, said):
    expected, alone_ones = of_separate_chips()
    assert np.array_equal(said, expected)
    for key, one in alone_ones.items():
        assert prequential.accuracy_of(key) == one.accuracy
        assert prequential.recent_accuracy_of(key) == one.recent_accuracy
        assert prequential.counted_of(key) == one.counted
        assert np.array_equal(prequential.names_of(key), one.labels.names)
    assert prequential.learned == sum(one.learned for one in alone_ones.values())
    right = (said == LABELS) & (LABELS >= 0)
    assert prequential.accuracy == right.sum() / (LABELS >= 0).sum()
    assert 0.4 < prequential.learned / prequential.counted < 0.8


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(1, 700), threads=st.integers(1, 3), told=st.booleans())
def test_any_order_of_keys_and_any_chunks_give_the_names_of_separate_chips(seed, size, threads, told):
    fleet, said = fleet_of(threads=threads), np.zeros(len(KEYS), np.int64)
    prequential = ns.FleetPrequential(fleet, **CONSTANTS)
    if told:  # as by a run
        for chunk in chunks_of(another_order(seed), size):
            prequential.take(batch_of(fleet, chunk, fleet.take(KEYS[chunk], SAMPLES[chunk])))
            said[chunk] = prequential.predicted
            assert np.array_equal(prequential.correct, (said[chunk] == LABELS[chunk]) & (LABELS[chunk] >= 0))
    else:
        told_of(fleet, prequential, another_order(seed), size, said)
    assert_as_separate(prequential, said)


def test_names_of_a_key_are_those_of_the_definition():
    fleet = fleet_of()
    prequential = ns.FleetPrequential(fleet, forget=0.2, fading=0.05)
    said = told_of(fleet, prequential, EVERY, 64)
    for key in (0, 3):
        own = key == KEYS
        responses = list(map(alone(key).learn_one, SAMPLES[own]))
        names, accuracy, recent = names_of(
            responses, LABELS[own].tolist(), np.ones(own.sum(), bool), forget=0.2, fading=0.05
        )
        assert said[own].tolist() == names
        assert prequential.accuracy_of(key) == accuracy
        assert prequential.recent_accuracy_of(key) == pytest.approx(recent, rel=1e-9)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(9, 99), cut=st.integers(0, len(KEYS)))
def test_what_was_saved_goes_on_with_the_same_names(tmp_path_factory, seed, size, cut):
    path, order = tmp_path_factory.mktemp("fleet") / "fleet.h5", another_order(seed)
    fleet = fleet_of()
    prequential = ns.FleetPrequential(fleet, **CONSTANTS)
    said = told_of(fleet, prequential, order[:cut], size)
    fleet.save(path, beside={prequential.name: prequential.arrays()})
    fleet = ns.Fleet.load(path)
    prequential = ns.FleetPrequential(fleet, **CONSTANTS)
    prequential.restore(store.read(path).beside["prequential"])
    told_of(fleet, prequential, order[cut:], size, said)
    assert_as_separate(prequential, said)


def test_labels_of_one_key_name_no_neuron_of_another():
    fleet = ns.Fleet([ns.recipes.softhebb(4)], inputs=3, keys=["taught", "silent"])
    prequential, x = ns.FleetPrequential(fleet), np.eye(3)
    for label in (2, 0, 1):
        keys = ["taught", "silent"]
        predicted = prequential.learn(keys, fleet.take(keys, x[[label, label]]), [label, -1])
        assert predicted[1] == -1
    assert (prequential.names_of("silent") == -1).all()
    assert (prequential.names_of("taught") >= 0).any()
    assert np.isnan(prequential.accuracy_of("silent"))
    assert prequential.summary()["prequential_keys"] == 1


def test_rows_and_labels_grow_as_they_appear():
    fleet = ns.Fleet([ns.recipes.softhebb(2)], inputs=2)
    prequential = ns.FleetPrequential(fleet)
    for number in range(100):
        key, label = f"sensor {number}", number % 7
        for expected in (-1, label):
            assert prequential.learn([key], fleet.take([key], [[1.0, 0.5]]), [label]).tolist() == [expected]
    assert prequential.arrays()["counts"].shape == (100, 2, 7)
    assert prequential.bytes_per_key == 8 * (2 * 7 + 2 + 2 + 5 + 1)
    assert prequential.counted == prequential.learned == 200
    assert prequential.accuracy == 0.5


@pytest.mark.parametrize("layer", [ns.recipes.delta_readout(4), ns.recipes.supervised_softhebb(4)])
def test_the_winner_is_the_name_where_neurons_are_classes(layer):
    fleet = ns.Fleet([layer], inputs=INPUTS, seed=3)
    prequential = ns.FleetPrequential(fleet)
    response = fleet.take(KEYS, SAMPLES, LABELS)
    said = prequential.learn(KEYS, response, LABELS)
    assert np.array_equal(said, np.where(response.potentials.any(axis=1), response.winner, -1))
    assert prequential.learned == 0
    again = ns.FleetPrequential(fleet)
    again.restore(prequential.arrays())
    assert again.summary() == prequential.summary()
    with pytest.raises(ConfigError, match="share must be 1 for a layer that is taught by labels"):
        ns.FleetPrequential(fleet, share=0.5)


def test_a_sample_that_is_passed_over_counts_for_nothing():
    fleet, samples = fleet_of(), SAMPLES[:50].copy()
    prequential = ns.FleetPrequential(fleet)
    samples[::5] = np.nan
    labels = np.abs(LABELS[:50])
    said = prequential.learn(KEYS[:50], fleet.take(KEYS[:50], samples, skip_bad=True), labels)
    assert (said[::5] == -1).all()
    assert prequential.counted == 40
    assert prequential.arrays()["taken"].sum() == 40
    empty = fleet_of()
    prequential = ns.FleetPrequential(empty, share=0.5)
    response = empty.take([1, 2], np.full((2, INPUTS), np.nan), skip_bad=True)
    assert prequential.learn([1, 2], response, [0, 1]).tolist() == [-1, -1]


def test_a_key_that_is_reset_begins_anew_alone():
    fleet = fleet_of()
    prequential = ns.FleetPrequential(fleet, **CONSTANTS)
    told_of(fleet, prequential, EVERY, 50)
    fleet.reset(2)
    prequential.reset(2)
    assert prequential.counted_of(2) == 0
    own = KEYS == 2
    assert np.array_equal(told_of(fleet, prequential, EVERY[own], 50)[own], of_separate_chips()[0][own])
    assert prequential.counted_of(3) == (LABELS[KEYS == 3] >= 0).sum()


def test_no_samples_have_no_labels():
    fleet = fleet_of()
    prequential = ns.FleetPrequential(fleet)
    nothing = fleet.respond([], np.zeros((0, fleet.inputs)))
    for labels in ([], (), None, np.zeros(0, np.int64)):
        assert prequential.learn([], nothing, labels).shape == (0,)
    assert prequential.counted == 0


def test_labels_that_would_take_too_much_memory_are_refused(monkeypatch):
    fleet = fleet_of()
    prequential = ns.FleetPrequential(fleet)
    response = fleet.take(KEYS[:9], SAMPLES[:9])
    with pytest.raises(SampleError, match="labels must be below 10000"):
        prequential.learn(KEYS[:9], response, np.full(9, 10_000))
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 16)
    with pytest.raises(SampleError, match=r"labels must be few enough .* keys, 5 neurons and 5000 labels"):
        prequential.learn(KEYS[:9], response, np.full(9, 4_999))
    prequential.learn(KEYS[:9], response, np.full(9, 3))
    assert prequential.counted == 9


def test_bad_parameters_and_foreign_arrays_are_refused():
    fleet = fleet_of()
    for arguments, message in (
        ({"fading": 1.0}, "fading must be at least 0 and below 1"),
        ({"share": 0.0}, "share must be above 0"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"forget": 1.0}, "forget must be at least 0 and below 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            ns.FleetPrequential(fleet, **arguments)
    prequential = ns.FleetPrequential(fleet)
    with pytest.raises(ConfigError, match="prequential must be of the very fleet"):
        prequential.check_fleet(fleet_of())
    with pytest.raises(ConfigError, match="prequential must be of the chip that learns"):
        ns.run(alone(0), ns.streams.ArrayStream(SAMPLES), companions=[prequential])
    told_of(fleet, prequential, EVERY[:100], 50)
    whole = prequential.arrays()
    for other in ({"share": 0.5}, {"fading": 0.1}, {"forget": 0.5}, {"seed": 1}):
        with pytest.raises(ValueError, match="must go on with fading, share, seed and forget"):
            ns.FleetPrequential(fleet, **other).restore(whole)
    with pytest.raises(ValueError, match="prequential accuracy must be of as many keys"):
        ns.FleetPrequential(fleet_of(keys=range(50))).restore(whole)
    for name, value in (
        ("tallies", np.nan),
        ("taken", -1),
        ("names", 4),
        ("names", -2),
        ("weights", 0.5),
        ("counts", -1),
    ):
        damaged = {key: array.copy() for key, array in whole.items()}
        damaged[name].flat[-1] = value
        with pytest.raises(ValueError, match=f"and {name} has"):
            prequential.restore(damaged)
    assert all(np.array_equal(array, whole[name]) for name, array in prequential.arrays().items())
