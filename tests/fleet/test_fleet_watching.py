"""`ns.watch_fleet`: an event for each sample with its key, and a fleet that is whole whenever one leaves it."""

from contextlib import closing

import numpy as np
import pytest
import sensors

import neurosim as ns
from neurosim.errors import ConfigError, SampleError
from neurosim.fleet import store as fleets


@pytest.fixture
def rows(tmp_path):
    keys, samples = sensors.rows(120)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    return lambda: ns.open_stream(tmp_path / "rows.csv", key="sensor"), keys, samples


def fleet_of(**options):
    return ns.Fleet(sensors.layers(), inputs=sensors.INPUTS, **options)


@pytest.mark.parametrize("chunk", [1, 16, "auto"])
def test_events_are_those_of_a_loop_over_samples(rows, chunk):
    opened, keys, samples = rows
    chips, twin = fleet_of(), fleet_of()
    novelty = ns.FleetNovelty(chips)
    alike = ns.FleetNovelty(twin)
    events = list(ns.watch_fleet(chips, opened(), novelty=novelty, chunk=chunk))
    assert [(event.number, event.key, event.label) for event in events] == [(n, k, None) for n, k in enumerate(keys)]
    for event, key, x in zip(events, keys, samples.astype(np.float32), strict=True):
        found = twin.learn_one(key, x)
        assert event.winner == found.winner
        for mine, its in zip((event.potentials, event.responses, event.output), found[:2] + found[3:], strict=True):
            assert mine.tobytes() == its.tobytes()
        score = alike.learn_one(key, found)[0]
        assert event.novelty == score or np.isnan([event.novelty, score]).all()
        assert event.latency_s > 0
    assert sensors.hashes_of(chips) == sensors.hashes_of(twin)


def test_leaving_the_loop_leaves_the_samples_that_came_out_and_the_next_goes_on(rows, tmp_path):
    opened, keys, samples = rows
    chips, state = fleet_of(), tmp_path / "fleet.h5"
    with closing(ns.watch_fleet(chips, opened(), state=state)) as events:
        for event in events:
            assert chips.samples.sum() == event.number + 1
            chips.respond_one(event.key, samples[0])  # the body may use the fleet
            if event.number == 49:
                break
    assert fleets.read(state).position == 50
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys[:50], samples[:50])
    numbers = [event.number for event in ns.watch_fleet(chips, opened(), start=50, worker="1/2", state=state)]
    assert numbers == [n for n in range(50, 120) if ns.worker_of(keys[n], 2) == 0]


def test_an_error_comes_after_the_events_of_all_samples_before(rows, tmp_path):
    opened, keys, samples = rows
    samples[30] = -1
    sensors.write(tmp_path / "rows.csv", keys, samples)
    seen = []
    with pytest.raises(SampleError, match="sample 30"):
        seen.extend(event.number for event in ns.watch_fleet(fleet_of(), opened(), chunk=16))
    assert seen == list(range(30))
    seen = [event.number for event in ns.watch_fleet(fleet_of(), opened(), skip_bad=True)]
    assert seen == [n for n in range(120) if n != 30]


def test_a_fleet_that_only_responds_and_what_is_refused(rows):
    opened, keys, samples = rows
    chips = fleet_of().learn(keys, samples)
    events = list(ns.watch_fleet(chips, opened(), learn=False))
    assert [event.winner for event in events] == chips.respond(keys, samples).winner.tolist()
    assert chips.samples.sum() == 120
    with pytest.raises(ConfigError, match="novelty must be a FleetNovelty"):
        ns.watch_fleet(chips, opened(), novelty="shortfall")
    with pytest.raises(ConfigError, match="listener must be"):
        ns.watch_fleet(chips, opened(), listener=print)
    with pytest.raises(ConfigError, match="fleet must be a Fleet"):
        next(ns.watch_fleet(ns.Chip(sensors.layers(), inputs=4), opened()))
