"""Bands of times: low, nominal and high latency, limit and static energy; and samples that were not timed."""

import csv
from dataclasses import replace

import counted
import described
import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.files import record
from neurosim.hardware.table import table
from neurosim.hardware.timeline import schedule as scheduling


@pytest.fixture
def plain(tmp_path):
    return hardware.load(described.written(tmp_path))


def run(samples=20):
    """Seven neurons on one core, in other samples other events."""
    random = np.random.default_rng(3)
    written = random.random((samples, 7)) < 0.3
    return counted.counts(counted.layer(counted.dense(0, 40, 7), random.integers(1, 41, samples), written))


def test_all_times_half_or_double_are_half_or_double_the_latency(plain):
    """In the description of round numbers each time's band is from its half to its double."""
    report = hardware.price(run(), plain)
    low, high = report.ends
    for found, factor in ((low, 0.5), (high, 2)):
        assert found.latency_s == pytest.approx(factor * report.schedule.latency_s, rel=1e-12, abs=0)
        assert found.limit_hz == pytest.approx(report.schedule.limit_hz / factor, rel=1e-12, abs=0)
    held = report.schedule.held_s
    expected = 0.031 * np.stack([held / 4, held, held * 4])  # half the power for half the time, and so on
    assert report.static_J == pytest.approx(expected, rel=1e-12, abs=0)
    found = report.summary()
    assert found["latency_low_s"] == pytest.approx(found["latency_s"] / 2)
    assert found["latency_max_high_s"] == pytest.approx(found["latency_max_s"] * 2)
    assert found["latency_percentiles_high_s"]["p99"] == pytest.approx(found["latency_percentiles_s"]["p99"] * 2)
    assert found["samples_per_s_limit_low"] == pytest.approx(found["samples_per_s_limit"] / 2)
    assert found["samples_per_s_limit_high"] == pytest.approx(found["samples_per_s_limit"] * 2)
    assert " on average (" in table(found)


def test_deadlines_are_missed_by_more_samples_with_high_times(plain):
    nominal = hardware.price(run(), plain).schedule.latency_s
    found = hardware.price(run(), plain, deadline=float(np.median(nominal))).summary()
    expected = [int((nominal * factor > np.median(nominal)).sum()) for factor in (0.5, 1, 2)]
    assert [found[f"deadline_misses{end}"] for end in ("_low", "", "_high")] == expected
    assert f"missed by {expected[1]} ({expected[0]} to {expected[2]}) of 20 samples" in table(found)


def test_the_end_of_one_time_changes_what_it_takes_part_in(plain, tmp_path):
    slow = hardware.load(tmp_path / "plain.toml", {"time.synaptic_operation.high": 1000})
    before, after = (hardware.price(run(), chip) for chip in (plain, slow))
    assert (after.ends[1].latency_s > 10 * before.ends[1].latency_s).all()
    assert (after.schedule.latency_s == before.schedule.latency_s).all()
    assert (after.ends[0].latency_s == before.ends[0].latency_s).all()
    assert (after.static_J[2] > 10 * before.static_J[2]).all()


def test_an_end_that_cannot_be_simulated_is_named(plain, tmp_path):
    tiny = hardware.load(tmp_path / "plain.toml", {"time.hop.low": 1e-7})
    with pytest.raises(ConfigError, match=r"time\.hop, with all times low, must be 0 or at least a picosecond"):
        hardware.price(run(), tiny)


def test_what_has_no_band_is_simulated_once(plain, monkeypatch):
    narrow = replace(plain, time={name: replace(t, low=t.value, high=t.value) for name, t in plain.time.items()})
    calls = []
    simulate = scheduling.simulation.simulate
    monkeypatch.setattr(scheduling.simulation, "simulate", lambda *args: calls.append(1) or simulate(*args))
    report = hardware.price(run(), narrow)
    assert len(calls) == 2  # the samples, and the limit of their rate
    assert report.ends == (report.schedule, report.schedule)
    assert (report.static_J[2] == 2 * report.static_J[1]).all()
    hardware.price(run(), plain)
    assert len(calls) == 2 + 6


def test_the_bands_of_a_sample_on_a_placed_chip(plain):
    cost = hardware.on(ns.Chip([ns.recipes.softhebb(7)], inputs=40), plain).learn_one(np.ones(40)).cost
    assert cost.latency_low_s * 4 == pytest.approx(cost.latency_s * 2) == pytest.approx(cost.latency_high_s)


# Samples that were not timed


def test_a_sample_that_was_not_timed_has_no_static_energy_and_sums_are_right(plain, tmp_path):
    report = hardware.price(run(), plain, timed_samples=5)
    assert report.schedule.held_s.shape == (5,)
    assert np.isnan(report.static_J[:, 5:]).all()
    assert (report.static_J[:, :5] == hardware.price(run(), plain).static_J[:, :5]).all()
    assert np.isnan(report.energy_J[:, 5:]).all()
    means = report.energy.total.mean(axis=1) + report.static_J[:, :5].mean(axis=1)
    assert report.mean_energy_J == pytest.approx(means, rel=1e-12, abs=0)
    found = report.summary()
    assert found["energy_J"] == pytest.approx(sum(found["energy_split_J"].values()), rel=1e-12, abs=0)
    assert found["energy_low_J"] < found["energy_J"] < found["energy_high_J"]
    assert "of the first 5 samples, and so is the static energy" in table(found)
    record(report, tmp_path / "samples.csv")
    with open(tmp_path / "samples.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("energy_J", "latency_s", "latency_low_s", "latency_high_s", "lost_events")
    assert all((row[name] != "") == (n < 5) for n, row in enumerate(rows) for name in names)


def test_without_static_power_the_energy_of_all_samples_is_known(tmp_path):
    chip = hardware.load(described.written(tmp_path, static=0))
    report = hardware.price(run(), chip, timed_samples=5)
    assert report.static_J is None
    assert report.mean_energy_J == pytest.approx(report.energy_J.mean(axis=1), rel=1e-12, abs=0)


# The rate


@pytest.mark.parametrize(("share", "overload"), [(0.9, False), (1.1, True)])
def test_a_rate_beyond_the_limit_is_an_overload(plain, share, overload):
    limit = hardware.price(run(), plain).schedule.limit_hz
    found = hardware.price(run(), plain, arrivals=ns.latency.Period(share * limit)).summary()
    assert found["load"] == pytest.approx(share, rel=1e-3, abs=0)
    assert found["overload"] is overload
    assert ("more than the chip can do" in table(found)) == overload
    assert hardware.price(run(), plain).summary()["overload"] is False


def test_constants_that_nobody_vouches_for_are_in_no_static_energy(tmp_path):
    text = described.text(static=0) + described.constant("power", "static", 31, "mW", confidence="unverified")
    (tmp_path / "doubtful.toml").write_text(text)
    chip = hardware.load(tmp_path / "doubtful.toml")
    assert hardware.price(run(), chip).static_J is None
    assert hardware.price(run(), chip, unverified=True).static_J is not None
