"""Instruments against their definitions, and the record that a layer keeps of itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import neurosim as ns
from neurosim import instruments
from neurosim.cli import main
from neurosim.instruments import FIRST_INTERVAL, MOST_RECORDS, RECORD, Records, record

SIZES = arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1e6, allow_subnormal=False))


@given(SIZES)
def test_gini_is_the_mean_difference_over_twice_the_mean(sizes):
    mean = sizes.mean()
    expected = np.abs(sizes[:, None] - sizes).sum() / (2 * len(sizes) ** 2 * mean) if mean > 0 else 0.0
    assert instruments.gini(sizes) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("zeros", [0, 3, 10, 99])
def test_a_fraction_of_zeros_among_equals_is_the_gini(zeros):
    assert instruments.gini([0.0] * zeros + [2.5] * (100 - zeros)) == pytest.approx(zeros / 100)


def test_usage_is_told_by_entropy_and_effective_winners():
    assert instruments.usage_entropy([5, 5, 5, 5]) == pytest.approx(1)
    assert instruments.usage_entropy([9, 0, 0]) == 0
    assert instruments.usage_entropy([5, 5, 0, 0]) == pytest.approx(0.5)
    assert instruments.usage_entropy([0, 0]) == 0
    assert instruments.usage_entropy([3]) == 0
    assert instruments.effective_winners([5, 5, 0, 0]) == pytest.approx(2)
    assert instruments.effective_winners([3, 1]) == pytest.approx(1 / (0.75**2 + 0.25**2))
    assert instruments.effective_winners([0, 0]) == 0


def test_converged_norms_are_counted():
    assert instruments.converged([1, 1.004, 0.996, 1.006, 35]) == 3


def test_cosines_displacements_and_kurtosis_are_what_they_are_by_definition():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 5, 400))
    two[2] = 3 * one[2]
    expected = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(one, two, strict=True)]
    np.testing.assert_allclose(instruments.cosines(one, two), expected, atol=1e-6)
    moved = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(one, two, strict=True)]
    np.testing.assert_allclose(instruments.displacements(one, two), moved, rtol=1e-5)
    assert abs(instruments.excess_kurtosis(one).mean()) < 0.2
    np.testing.assert_allclose(instruments.excess_kurtosis(rng.random((3, 9000))), -1.2, atol=0.05)
    np.testing.assert_allclose(instruments.excess_kurtosis(rng.laplace(size=(3, 200000))), 3, atol=0.5)
    assert instruments.cosines([[0, 0]], [[1, 2]]) == 0
    assert instruments.excess_kurtosis([[2, 2]]) == 0


@pytest.mark.parametrize("shape", [(20, 30), (3, 10, 20)])
def test_neighbours_correlate_in_a_field_and_not_in_noise(shape):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(6, 600))
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    bump = np.broadcast_to(np.exp(-((x - 8) ** 2 + (y - 5) ** 2) / 18), shape).reshape(1, 600)
    assert np.abs(instruments.neighbour_correlation(noise, shape)).max() < 0.1
    assert instruments.neighbour_correlation(bump, shape)[0] > 0.8
    assert instruments.neighbour_correlation(np.ones((1, 600)), shape)[0] == 0


def test_liveness_goes_by_the_thresholds():
    assert instruments.liveness([1, 0.91, 0.9, 0.5, 0.49, -1]).tolist() == [
        "dead", "dead", "between", "between", "live", "live",
    ]  # fmt: skip


def test_records_are_thinned_and_do_not_depend_on_how_samples_come():
    records = Records()
    for sample in range(1, 60_001):
        if records.until_due(sample) == records.interval:
            records.add(record(sample, [1.0], [1], [1.0], 0))
    assert MOST_RECORDS / 2 <= len(records.rows) < MOST_RECORDS
    assert set(np.diff(records.rows["sample"])) == {records.interval}
    assert records.interval % FIRST_INTERVAL == 0
    assert 60_000 - records.rows["sample"][-1] < records.interval


@pytest.mark.parametrize("constants", [
    {}, {"window": 3}, {"lebesgue": 3.0}, {"leak": 0.01}, {"rule": ns.Hebb(rate=0.01), "leak": 0.1},
])  # fmt: skip
def test_the_mean_step_is_the_mean_length_of_the_rules_change(constants, samples):
    together = {"competition": ns.SoftWTA(temperature=0.5), "rule": ns.SoftHebb(rate=0.1), "radius": 2.0, "cutoff": 0.0}
    layer = ns.DenseWTA(7, **(together | constants))
    chip = ns.Chip([layer], inputs=64)
    at_work, total, updates = chip.layers[0], np.zeros(7), 0
    for x in samples[:60]:
        before = at_work.weights.astype(np.float64)
        chip.learn_one(x)
        if at_work.updates > updates:
            updates = at_work.updates
            now = at_work.weights / (1 - layer.leak) ** layer.window
            total += np.linalg.norm(now - before, axis=1)
    assert (total > 0).all()
    np.testing.assert_allclose(at_work.steps, total / updates, rtol=1e-3)


def test_instruments_change_nothing_of_what_is_learned(samples):
    layer = ns.recipes.softhebb(20)
    chips = [ns.Chip([replace(layer, instruments=on)], inputs=64).learn(samples) for on in (True, False)]
    assert chips[0].state_sha256 == chips[1].state_sha256
    assert len(chips[0].layers[0].records) == len(samples) // FIRST_INTERVAL
    assert len(chips[1].layers[0].records) == 0
    assert not chips[1].layers[0].steps.any()


def test_the_record_tells_what_the_layer_tells(samples):
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64).learn(samples)
    layer, row = chip.layers[0], chip.layers[0].records[-1]
    assert row["sample"] == 300 == layer.samples
    assert row["step_gini"] == instruments.gini(layer.steps)
    assert row["step_mean"] == layer.steps.mean()
    assert row["usage_entropy"] == instruments.usage_entropy(layer.wins)
    assert row["effective_winners"] == instruments.effective_winners(layer.wins)
    assert row["never_won"] == (layer.wins == 0).mean()
    assert row["norm_median"] == pytest.approx(np.median(layer.norms))
    assert row["converged"] == instruments.converged(layer.norms)
    assert row["writes"] == layer.writes


def test_the_record_survives_a_state_file(samples, tmp_path):
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64).learn(samples[:250])
    chip.save(tmp_path / "chip.h5")
    loaded = ns.Chip.load(tmp_path / "chip.h5")
    assert loaded.layers[0].records.tobytes() == chip.layers[0].records.tobytes()
    for each in (chip, loaded):
        each.learn(samples[250:])
    assert loaded.layers[0].records.tobytes() == chip.layers[0].records.tobytes()
    assert np.array_equal(loaded.layers[0].steps, chip.layers[0].steps)
    result = CliRunner().invoke(main, ["inspect", str(tmp_path / "chip.h5"), "--json"])
    shown = json.loads(result.stdout)["layers"][0]
    assert [row["sample"] for row in shown["records"]] == [100, 200]
    assert sum(shown["neurons"].values()) == 20
    table = CliRunner().invoke(main, ["inspect", str(tmp_path / "chip.h5")]).stdout
    assert "Gini" in table
    assert "200" in table.splitlines()[-1]


def test_neurons_are_dead_before_the_first_sample_and_live_after_many(samples):
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64)
    table = chip.layers[0].neurons(shape=(8, 8))
    assert (table["state"] == "dead").all()
    np.testing.assert_allclose(table["cosine"], 1, atol=1e-6)
    assert not table["displacement"].any()
    for _ in range(3):
        chip.learn(samples)
    after = chip.layers[0].neurons(shape=(8, 8))
    assert (after["state"] == "live").mean() > 0.8
    assert after["correlation"].mean() > table["correlation"].mean() + 0.3
    assert np.array_equal(after["wins"], chip.layers[0].wins)
    assert np.isnan(chip.layers[0].neurons()["correlation"]).all()
    with pytest.raises(ns.ConfigError, match=r"shape must be \(height, width\) or .* of 64 inputs, got \(8, 9\)"):
        chip.layers[0].neurons(shape=(8, 9))


def records_of(steps, winners, interval=100):
    """Return records at equal intervals, from the mean step in each window and the effective winners at its end."""
    rows = np.zeros(len(steps), RECORD)
    rows["sample"] = interval * np.arange(1, len(steps) + 1)
    rows["step_mean"] = np.cumsum(steps) / np.arange(1, len(steps) + 1)
    rows["effective_winners"] = winners
    return rows


FALLING = 1 / np.arange(1.0, 41)


def test_drift_is_told_by_steps_that_rise_again():
    calm = instruments.drift(records_of(FALLING, 50))
    assert (calm.alarm, calm.since, calm.winners) == (False, None, 1)
    assert calm.steps == pytest.approx(FALLING[-4:].mean() / FALLING[-8:-4].mean())
    changed = instruments.drift(records_of([*FALLING, 0.3, 0.2], 50))
    assert changed.alarm
    assert changed.since == 4000
    assert changed.steps == pytest.approx(np.mean([1 / 39, 1 / 40, 0.3, 0.2]) / FALLING[-6:-2].mean())
    assert instruments.drift(records_of([*FALLING, *[0.3] * 20], 50, interval=200)).since == 8000
    assert not instruments.drift(records_of([*FALLING, *[0.3] * 6, *[0.025] * 4], 50)).alarm  # they have followed


def test_drift_is_told_by_winners_that_get_fewer():
    few = instruments.drift(records_of(FALLING, [*[90] * 4, *[50] * 32, 50, 45, 40, 30]))
    assert few.alarm
    assert (few.fewest, few.most, few.since) == (30, 50, 900)
    assert not instruments.drift(records_of(FALLING, [*[90] * 4, *[50] * 36])).alarm  # before shares have settled


def test_drift_needs_records_and_steps():
    assert instruments.drift(records_of(FALLING[:15], 50)) is None
    assert instruments.drift(records_of(FALLING[:16], 50)) is not None
    assert instruments.drift(records_of(np.zeros(40), 50)) is None
    assert instruments.drift(records_of(FALLING, 50), np.zeros(40)) is None


def test_steps_are_taken_in_units_of_the_rate():
    rates = np.linspace(1, 0.1, 40)
    assert not instruments.drift(records_of(0.2 * rates, 50), rates).alarm
    assert instruments.drift(records_of(np.full(40, 0.2), 50), rates).alarm
    assert not instruments.drift(records_of(np.full(40, 0.2), 50)).alarm


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "value"), [
    ("effective_winners", 0.0), ("step_mean", 1e308), ("step_mean", -1.0), ("sample", 0), ("effective_winners", -1e308),
])  # fmt: skip
def test_drift_of_records_that_no_layer_has_is_none_or_finite(name, value):
    for rows in (slice(None), slice(-1, None), slice(0, 1)):
        records = records_of(FALLING, 50)
        records[name][rows] = value
        found = instruments.drift(records)
        assert found is None or np.isfinite([found.steps, found.winners]).all()


def test_a_neuron_whose_weights_are_still_zero_is_dead():
    first = np.zeros((2, 3), np.float32)
    now = first.copy()
    now[1, 0] = 1
    assert instruments.neurons(now, first, centred=False)["state"].tolist() == ["dead", "live"]
