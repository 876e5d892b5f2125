"""Novelty of a fleet is, for every key, that of a separate chip, bit for bit: in any order, chunks and threads."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keyed_samples import INPUTS, KEYS, LAYERS, NEURONS, SAMPLES, alone, another_order, batch_of, chunks_of, fleet_of
from reference_novelty import replay

import neurosim as ns
from neurosim.errors import ConfigError, SampleError
from neurosim.fleet import store

EVERY = np.arange(len(KEYS))
SHORT = {"horizon": 12, "recent": 30, "quantile": 0.9, "prior": 4.0, "settling": 2}
MEASURES = ("shortfall", "entropy")


@cache
def of_separate_chips(measures=MEASURES):
    """Return scores and thresholds of all samples, by a separate chip and `ns.Novelty` for each key."""
    found = np.zeros((len(KEYS), 2))
    for key in np.unique(KEYS).tolist():
        chip = alone(key)
        novelty = ns.Novelty(chip, measures, **SHORT)
        for n in np.flatnonzero(key == KEYS):
            found[n] = novelty.learn_one(chip.learn_one(SAMPLES[n]))[:2]
    return found


def told_of(fleet, novelty, order, size, found=None):
    """Let a fleet and its novelty learn from samples; return scores and thresholds by the samples' numbers."""
    found = np.full((len(KEYS), 2), np.nan) if found is None else found
    for chunk in chunks_of(order, size):
        novelty.learn(KEYS[chunk], fleet.take(KEYS[chunk], SAMPLES[chunk]))
        found[chunk, 0], found[chunk, 1] = novelty.scores, novelty.thresholds
    return found


@pytest.mark.parametrize("constants", [{}, SHORT], ids=["defaults", "short memory"])
@pytest.mark.parametrize("measures", ["shortfall", "entropy", MEASURES])
def test_scores_of_a_key_are_those_of_the_definition(measures, constants):
    fleet = fleet_of()
    novelty = ns.FleetNovelty(fleet, measures, **constants)
    found = told_of(fleet, novelty, EVERY, 64)
    for key in (0, 3):
        own, chip = key == KEYS, alone(key)
        told = [(r.potentials, r.responses, r.winner, 1.0) for r in map(chip.learn_one, SAMPLES[own])]
        names = (measures,) if isinstance(measures, str) else measures
        scores, thresholds = replay(told, names, **{"recent": 200, **constants})
        assert found[own, 0] == pytest.approx(scores, rel=1e-6, abs=1e-9, nan_ok=True)
        assert found[own, 1] == pytest.approx(thresholds, rel=1e-6, abs=1e-9)
        assert novelty.scored_of(key) == np.isfinite(scores).sum()
        assert novelty.novel_of(key) == np.nansum(scores > thresholds)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(1, 700), threads=st.integers(1, 3), told=st.booleans())
def test_any_order_of_keys_and_any_chunks_give_the_bits_of_separate_chips(seed, size, threads, told):
    fleet, found = fleet_of(threads=threads), np.zeros((len(KEYS), 2))
    novelty = ns.FleetNovelty(fleet, MEASURES, **SHORT)
    if told:  # as by a run
        for chunk in chunks_of(another_order(seed), size):
            novelty.take(batch_of(fleet, chunk, fleet.take(KEYS[chunk], SAMPLES[chunk])))
            found[chunk, 0], found[chunk, 1] = novelty.scores, novelty.thresholds
    else:
        told_of(fleet, novelty, another_order(seed), size, found)
    assert np.array_equal(found, of_separate_chips(), equal_nan=True)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(9, 99), cut=st.integers(0, len(KEYS)))
def test_what_was_saved_goes_on_with_the_same_bits(tmp_path_factory, seed, size, cut):
    path, order = tmp_path_factory.mktemp("fleet") / "fleet.h5", another_order(seed)
    fleet = fleet_of()
    novelty = ns.FleetNovelty(fleet, MEASURES, **SHORT)
    found = told_of(fleet, novelty, order[:cut], size)
    fleet.save(path, beside={novelty.name: novelty.arrays()})
    fleet = ns.Fleet.load(path)
    novelty = ns.FleetNovelty(fleet, MEASURES, **SHORT)
    novelty.restore(store.read(path).beside["novelty"])
    told_of(fleet, novelty, order[cut:], size, found)
    assert np.array_equal(found, of_separate_chips(), equal_nan=True)


def test_rows_grow_as_keys_appear_and_a_key_without_samples_has_one_too():
    count = 300
    fleet = ns.Fleet(LAYERS, inputs=INPUTS, keys=["silent"])
    novelty = ns.FleetNovelty(fleet, quantile=0.5, recent=4)
    for number in range(count):
        novelty.learn_one(f"sensor {number}", fleet.learn_one(f"sensor {number}", SAMPLES[number % 9]))
    assert novelty.arrays()["wins"].shape == (1 + count, NEURONS)
    assert novelty.scored.tolist() == [0] + [1] * count
    assert novelty.threshold_of("silent") == math.inf
    fleet.begin(["late"])
    assert novelty.scored_of("late") == 0
    assert len(novelty.arrays()["scored"]) == 2 + count


def test_one_sample_at_a_time_is_the_same_and_scoring_alone_changes_nothing():
    fleet = fleet_of()
    novelty = ns.FleetNovelty(fleet, MEASURES, **SHORT)
    for n in EVERY[:200]:
        response = fleet.learn_one(int(KEYS[n]), SAMPLES[n])
        kept, threshold = novelty.arrays(), novelty.threshold_of(int(KEYS[n]))
        score = novelty.score_one(int(KEYS[n]), response)
        assert all(np.array_equal(array, kept[name]) for name, array in novelty.arrays().items())
        scored = novelty.learn_one(int(KEYS[n]), response)
        assert np.array_equal(scored[:2], of_separate_chips()[n], equal_nan=True)
        assert np.array_equal([score, threshold], scored[:2], equal_nan=True)
        assert scored.is_novel == (scored.novelty > scored.threshold) == novelty.flags[0]
    assert novelty.novel == np.nansum(of_separate_chips()[:200, 0] > of_separate_chips()[:200, 1]) > 0
    assert novelty.summary()["novel"] == novelty.novel == sum(map(novelty.novel_of, fleet.keys))


def test_a_sample_that_is_passed_over_teaches_nothing():
    fleet, bad = fleet_of(capacity=6), SAMPLES.copy()
    novelty = ns.FleetNovelty(fleet, MEASURES, **SHORT)
    wrong = np.arange(0, len(KEYS), 9)
    bad[wrong] = np.nan
    rows = np.repeat(EVERY, 1 + np.isin(EVERY, wrong))  # each bad one is followed by what it should have been
    good = np.append(rows[1:] != rows[:-1], True)
    samples, keys = np.where(good[:, None], SAMPLES[rows], bad[rows]), KEYS[rows].tolist()
    keys[-1], good[-1] = 99, False  # and one of a key too many
    scores = novelty.learn(keys, fleet.take(keys, samples, skip_bad=True))
    expected = of_separate_chips()[:, 0]
    assert np.array_equal(scores[good], expected[: good.sum()], equal_nan=True)
    assert np.isnan(scores[~good]).all()
    assert 99 not in fleet


def test_a_key_that_is_reset_begins_anew_alone():
    fleet = fleet_of()
    novelty = ns.FleetNovelty(fleet, MEASURES, **SHORT)
    told_of(fleet, novelty, EVERY, 50)
    fleet.reset(2)
    novelty.reset(2)
    found = told_of(fleet, novelty, np.flatnonzero(KEYS == 2), 50)
    assert np.array_equal(found[KEYS == 2], of_separate_chips()[KEYS == 2], equal_nan=True)
    assert novelty.scored_of(3) == np.isfinite(of_separate_chips()[KEYS == 3, 0]).sum()


def test_memory_of_a_key():
    fleet = ns.Fleet([ns.recipes.softhebb(16)], inputs=16, keys=range(100))
    novelty = ns.FleetNovelty(fleet)
    assert novelty.bytes_per_key == 8 * (3 * (3 + 16) + 16 + 2 * 200 + 3) == 3808
    assert novelty.recent == 200
    assert ns.FleetNovelty(fleet, quantile=0.999).recent == 1000


def test_constants_out_of_range_and_other_fleets_are_refused():
    fleet = fleet_of()
    with pytest.raises(ConfigError, match=r"measures must be of shortfall, entropy for a fleet, got .*'step'.*alone"):
        ns.FleetNovelty(fleet, ("shortfall", "step"))
    for arguments, message in (
        ({"measures": "surprise"}, "measures must be one of"),
        ({"quantile": 1.0}, "quantile must be from 0.5 to below 1"),
        ({"recent": 99}, "recent must be a whole number of at least 100"),
        ({"prior": -1.0}, "prior must be at least 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            ns.FleetNovelty(fleet, **arguments)
    with pytest.raises(ConfigError, match="fleet must be a Fleet"):
        ns.FleetNovelty(alone(0))
    novelty = ns.FleetNovelty(fleet)
    with pytest.raises(ConfigError, match="novelty must be of the very fleet that learns"):
        novelty.check_fleet(fleet_of())
    novelty.check_fleet(fleet)
    with pytest.raises(
        ConfigError, match="novelty must be of the chip that learns, got 'FleetNovelty'; it is of a fleet"
    ):
        ns.run(alone(0), ns.streams.ArrayStream(SAMPLES), companions=[novelty])


def test_what_is_no_response_of_the_fleet_is_refused():
    fleet = fleet_of()
    novelty = ns.FleetNovelty(fleet)
    response = fleet.take(KEYS[:9], SAMPLES[:9])
    for keys, other in ((KEYS[:8], response), (KEYS[:9], 0.5), (KEYS[:1], alone(0).learn_one(SAMPLES[0]))):
        with pytest.raises(SampleError, match="response must be that of the fleet's take"):
            novelty.learn(keys, other)
    for other in (response, 0.5):
        with pytest.raises(SampleError, match="response must be that of the fleet's chips, of 5 neurons"):
            novelty.learn_one(int(KEYS[0]), other)
    with pytest.raises(SampleError, match="key must be one of the fleet's"):
        novelty.learn_one(77, fleet.learn_one(int(KEYS[0]), SAMPLES[0]))
    with pytest.raises(SampleError, match="key must be one of the fleet's"):
        novelty.threshold_of(77)
    assert novelty.scored.sum() == 0


def test_arrays_that_are_not_its_own_are_refused():
    fleet = fleet_of()
    novelty = ns.FleetNovelty(fleet, **SHORT)
    told_of(fleet, novelty, EVERY[:100], 50)
    whole, state = novelty.arrays(), fleet.arrays()
    more = fleet_of(keys=range(9))
    for other in (ns.FleetNovelty(more, **SHORT), ns.FleetNovelty(fleet, **SHORT | {"recent": 31})):
        with pytest.raises(ValueError, match="novelty must be of as many keys, of layers of as many neurons"):
            other.restore(whole)
    with pytest.raises(ValueError, match="novelty must go on with the constants"):
        ns.FleetNovelty(fleet, **SHORT | {"horizon": 13}).restore(whole)
    for name, value in (("scored", -1), ("wins", -1), ("distributions", np.nan), ("recent", np.inf)):
        damaged = {key: array.copy() for key, array in whole.items()}
        damaged[name].flat[-1] = value
        with pytest.raises(ValueError, match=f"novelty must have counts .*, and {name} has"):
            novelty.restore(damaged)
    for damaged in ({}, whole | {"wins": whole["wins"].astype(np.int32)}, whole | {"more": whole["wins"]}):
        with pytest.raises(ValueError, match="novelty must be of as many keys"):
            novelty.restore(damaged)
    assert all(np.array_equal(array, whole[name]) for name, array in novelty.arrays().items())
    assert all(np.array_equal(array, state[name]) for name, array in fleet.arrays().items())
