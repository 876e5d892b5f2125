"""A fleet's run tells novelty and names of every key, keeps them in its snapshots, and goes on with the same bits."""

from contextlib import suppress

import numpy as np
import pytest
from keyed_samples import INPUTS, KEYS, LABELS, SAMPLES, fleet_of

import neurosim as ns
from neurosim.errors import ConfigError, StateError
from neurosim.fleet import store
from neurosim.online.companion import go_on
from neurosim.online.listener import Listeners

CONSTANTS = {"recent": 30, "quantile": 0.9, "settling": 2}


@pytest.fixture
def opened(tmp_path):
    """Return what opens a file of samples with keys; the last column is the label."""
    lines = [
        f"{key}," + ",".join(f"{value:.9g}" for value in sample) + f",{label if label >= 0 else ''}"
        for key, sample, label in zip(KEYS, SAMPLES, LABELS, strict=True)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    return lambda: ns.open_stream(tmp_path / "rows.csv", key="0", label=-1)


class Followed:
    """A fleet with novelty and names, and all that they said, by the samples' numbers."""

    def __init__(self, fleet, novelty=None, prequential=None):
        self.fleet = fleet
        self.novelty = novelty or ns.FleetNovelty(fleet, ("shortfall", "entropy"), **CONSTANTS)
        self.prequential = prequential or ns.FleetPrequential(fleet, share=0.5)
        self.companions = [self.novelty, self.prequential]
        self.said = np.full((len(KEYS), 3), np.inf)
        self.wants = self.novelty.wants
        self.listener = Listeners([*self.companions, self])

    def take(self, batch):
        self.said[batch.numbers] = np.stack(
            [self.novelty.scores, self.novelty.thresholds, self.prequential.predicted], axis=1
        )

    def run(self, stream, **options):
        return ns.run_fleet(self.fleet, stream, listener=self.listener, companions=self.companions, **options)


def test_a_run_that_was_killed_goes_on_with_the_same_bits(tmp_path, opened):
    state, whole, first = tmp_path / "fleet.h5", Followed(fleet_of()), Followed(fleet_of())
    whole.run(opened(), chunk=33)

    def die(report):
        if report.samples >= 170:
            raise KeyboardInterrupt  # no last snapshot is taken then: as after a kill

    with suppress(KeyboardInterrupt):
        first.run(opened(), state=state, chunk=16, snapshot_samples=100, snapshot_seconds=0, watch=die)
    contents, stream = store.read(state), opened()
    assert contents.position == 100
    second = Followed(ns.Fleet.of(contents, state))
    go_on(state, contents.beside, stream, second.companions)
    second.run(stream, start=100)
    assert np.array_equal(first.said[:100], whole.said[:100], equal_nan=True)
    assert np.array_equal(second.said[: len(KEYS) - 100], whole.said[100:], equal_nan=True)
    assert second.prequential.summary() == whole.prequential.summary()
    assert second.novelty.summary() == whole.novelty.summary()
    assert second.novelty.novel > 0


def test_a_run_says_what_calls_of_one_s_own_say(opened):
    by_run, fleet = Followed(fleet_of()), ns.Fleet(fleet_of().layers, inputs=INPUTS, seed=3)
    by_run.run(opened(), chunk=50)
    novelty = ns.FleetNovelty(fleet, ("shortfall", "entropy"), **CONSTANTS)
    prequential, keys = ns.FleetPrequential(fleet, share=0.5), KEYS.astype(str).tolist()
    response = fleet.take(keys, SAMPLES)
    assert np.array_equal(novelty.learn(keys, response), by_run.said[:, 0], equal_nan=True)
    assert np.array_equal(prequential.learn(keys, response, LABELS), by_run.said[:, 2])


def test_measures_of_another_fleet_and_arrays_of_other_constants_are_refused(tmp_path, opened):
    state, one = tmp_path / "fleet.h5", Followed(fleet_of())
    with pytest.raises(ConfigError, match="novelty must be of the very fleet that learns"):
        ns.run_fleet(fleet_of(), opened(), listener=one.novelty)
    with pytest.raises(ConfigError, match="prequential must be of the very fleet that learns"):
        ns.run_fleet(fleet_of(), opened(), companions=[one.prequential])
    one.run(opened(), state=state)
    contents, fleet = store.read(state), ns.Fleet.load(state)
    for other, message in (
        (ns.FleetNovelty(fleet, **CONSTANTS), "novelty must go on with the constants"),
        (ns.FleetPrequential(fleet, share=0.25), "prequential accuracy must go on with fading, share, seed and forget"),
        (ns.FleetNovelty(fleet_of(), ("shortfall", "entropy"), **CONSTANTS), "novelty must be of as many keys"),
    ):
        with pytest.raises(StateError, match=message):
            go_on(state, contents.beside, opened(), [other])
