"""The probability of being on the front, against closed forms for two or three points."""

import json
import math
from statistics import NormalDist

import counted
import described
import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.experiments.cells import Cell
from neurosim.experiments.data import Data
from neurosim.sweeps import study
from neurosim.sweeps.bands import within
from neurosim.sweeps.chances import with_chances
from neurosim.sweeps.comparable import unlike
from neurosim.sweeps.known import energy_terms
from neurosim.sweeps.pareto import front, front_shares
from neurosim.sweeps.point import MEASURE_OF_A_POINT as MEASURE
from neurosim.sweeps.run import Row
from neurosim.sweeps.search import Point, rounds

DRAWS = 8000
SURE = 4 / math.sqrt(DRAWS)  # eight standard errors of a share of one half
LEARNING = ("data", "chip", "measure")


def row(chip="a", neurons=1, seed=0, cores=1, gaps=None, status="done", **measures):
    settings = {
        "data": {}, "chip": {"neurons": neurons, "seed": seed}, "measure": {},
        "hardware": {"chip": chip, "cores": cores}, "arrivals": {"seed": gaps},
    }  # fmt: skip
    if "terms" in measures:
        measures["energy_terms"] = json.dumps(measures.pop("terms"))
    return Row(Point(Cell("sweep", 1, "point", settings), {}), {"status": status, "measures": measures}, False)


def energy(low, value, high, chip="a", **more):
    return row(chip, energy_J=value, energy_low_J=low, energy_high_J=high, **more)


def chances(rows, objectives, band="uniform", draws=DRAWS, seed=0):
    table = {
        "name": "s", "search": {"method": "grid"}, "objectives": objectives,
        "front": {"draws": draws, "seed": seed, "band": band},
    }  # fmt: skip
    sweep = study.of(table, MEASURE.sections, MEASURE.measures)
    return [one.chance for one in with_chances(sweep, LEARNING, rows)]


LEAST = {"energy_J": "min"}
BOTH = {"accuracy": "max", "energy_J": "min"}


# Bands


@pytest.mark.parametrize("value", [2.0, 3.0, 8.0])
def test_a_band_has_the_distribution_that_is_told(value):
    shares = (np.arange(100_000) + 0.5) / 100_000
    low, high, x = 2.0, 8.0, 4.0
    found = within(low, value, high, shares, "triangular")
    assert (found.min() >= low, found.max() <= high, np.all(np.diff(found) >= 0)) == (True, True, True)
    a, c, b, t = np.log([low, value, high, x])
    points = np.linspace(a, t, 200_001)  # below: the area under the triangle up to x
    rising = 2 * (points - a) / ((b - a) * (c - a)) if c > a else np.zeros_like(points)
    falling = 2 * (b - points) / ((b - a) * (b - c)) if b > c else np.zeros_like(points)
    density = np.where(points < c, rising, falling)
    assert np.mean(found <= x) == pytest.approx(np.trapezoid(density, points), abs=1e-4)
    assert np.mean(within(low, value, high, shares, "uniform") <= x) == pytest.approx(
        0.5, abs=1e-4
    )  # half of 2 doublings


def test_a_band_from_zero_is_of_the_number_itself():
    shares = (np.arange(10_000) + 0.5) / 10_000
    assert np.mean(within(0.0, 0.0, 8.0, shares, "uniform") <= 2) == pytest.approx(0.25, abs=1e-3)
    assert np.mean(within(0.0, 0.0, 8.0, shares, "triangular") <= 4) == pytest.approx(0.75, abs=1e-3)  # 1 - (1/2)^2


def test_a_value_at_the_end_of_its_band_may_be_beyond_by_rounding():
    shares = np.linspace(0, 1, 1001)
    beyond = float(np.nextafter(8.0, 9.0))
    found = within(2.0, beyond, 8.0, shares, "triangular")
    np.testing.assert_allclose(found, within(2.0, 8.0, 8.0, shares, "triangular"), rtol=1e-7)
    assert np.isfinite(within(float(np.nextafter(2.0, 3.0)), 2.0, 8.0, shares, "triangular")).all()


# Constants


def test_two_chips_are_told_apart_as_far_as_their_bands_allow():
    # The logarithm of a is uniform from 0 to 2 decades; b is at half of the range, then a quarter.
    assert chances([energy(1, 5, 100), energy(10, 10, 10, "b")], LEAST) == pytest.approx([0.5, 0.5], abs=SURE)
    fixed = energy(10**0.5, 10**0.5, 10**0.5, "b")
    assert chances([energy(1, 5, 100), fixed], LEAST) == pytest.approx([0.25, 0.75], abs=SURE)
    # Both uniform over 2 decades, b half a decade more: P(b < a) = (2 - 1/2)^2 / 2 / 2^2.
    b = energy(10**0.5, 10, 10**2.5, "b")
    assert chances([energy(1, 5, 100), b], LEAST) == pytest.approx([1 - 1.5**2 / 8, 1.5**2 / 8], abs=SURE)


def test_three_chips_of_one_band_have_a_third_each():
    rows = [energy(1, 10, 100, chip) for chip in "abc"]
    assert chances(rows, LEAST, "triangular") == pytest.approx([1 / 3] * 3, abs=SURE)


def test_points_of_one_chip_share_its_constants():
    # Bands that overlap by far: but with the same constants, 10 % more operations are always more energy.
    rows = [energy(1, 10, 100), energy(1.1, 11, 110, neurons=2)]
    assert chances(rows, LEAST) == [1.0, 0.0]
    # Two operations, of which each has a constant of its own: a = x + 1 and b = 10 are equal at x = 9.
    rows = [
        row(energy_J=11.0, terms={"x": [1, 10, 100], "y": [1, 1, 1]}),
        row(neurons=2, energy_J=10.0, terms={"y": [10, 10, 10]}),
    ]
    below = math.log10(9) / 2
    assert chances(rows, LEAST) == pytest.approx([below, 1 - below], abs=SURE)
    # Of x and of two times x, the smaller one is known; of x and y it is not.
    rows = [row(energy_J=1.0, terms={"x": [1, 1, 4]}), row(neurons=2, energy_J=2.0, terms={"x": [2, 2, 8]})]
    assert chances(rows, LEAST) == [1.0, 0.0]
    rows[1] = row(
        neurons=2, energy_J=2.0, terms={"y": [2, 2, 8]}
    )  # P(2y < x) is 1/8 with logarithms two doublings wide
    assert chances(rows, LEAST) == pytest.approx([7 / 8, 1 / 8], abs=SURE)


def test_times_move_together():
    a = {"latency_s": 2.0, "latency_low_s": 1.0, "latency_high_s": 100.0}
    a |= {name.replace("latency", "latency_p99"): 2 * value for name, value in a.items()}
    b = {name: value * 1.01 for name, value in a.items()}
    for name in ("latency_s", "latency_p99_s"):
        assert chances([row(**a), row(neurons=2, **b)], {name: "min"}) == [1.0, 0.0]
        two = chances([row(**a), row("b", neurons=2, **b)], {name: "min"})
        assert two == pytest.approx([0.5, 0.5], abs=SURE)
    # As fast as the times allow: of one chip, twice the latency with half of the limit, or a little less, in all draws.
    limits = {"samples_per_s_limit": 0.5, "samples_per_s_limit_low": 0.01, "samples_per_s_limit_high": 1.0}
    slower = {name: value * 0.99 for name, value in limits.items()}
    both = {"samples_per_s_limit": "max", "latency_s": "min"}
    assert chances([row(**a, **limits), row(neurons=2, **a, **slower)], both) == [1.0, 0.0]
    # A fixed chip c, as slow as the middle of the band of times: where its limit is lower, its latency is higher.
    fixed = row("c", samples_per_s_limit=0.1, latency_s=10.0)
    assert chances([row(**a, **limits), fixed], both) == pytest.approx([0.5, 0.5], abs=SURE)


# Chance in learning


def test_an_accuracy_has_the_error_of_its_test_set():
    rows = [row(accuracy=0.90, accuracy_error=0.003), row(neurons=2, accuracy=0.904, accuracy_error=0.004)]
    second = NormalDist().cdf(0.004 / 0.005)
    assert chances(rows, {"accuracy": "max"}) == pytest.approx([1 - second, second], abs=SURE)


def test_one_learned_chip_is_as_good_on_any_hardware():
    rows = [energy(1, 1, 1, accuracy=0.9, accuracy_error=0.1), energy(2, 2, 2, "b", accuracy=0.9, accuracy_error=0.1)]
    assert chances(rows, BOTH) == [1.0, 0.0]


def test_points_that_differ_in_the_seed_are_one_design():
    seeds = [
        row(seed=seed, accuracy=accuracy, accuracy_error=0.2) for seed, accuracy in enumerate([0.8, 0.81, 0.9, 0.82])
    ]
    fixed = row(neurons=2, accuracy=0.85)
    assert chances([*seeds, fixed], {"accuracy": "max"}) == pytest.approx([0.25] * 4 + [0.75], abs=SURE)
    gaps = [row(gaps=seed, latency_s=latency) for seed, latency in enumerate([1.0, 3.0])]
    found = chances([*gaps, row(neurons=2, latency_s=2.0)], {"latency_s": "min"})
    assert found == pytest.approx([0.5, 0.5, 0.5], abs=SURE)


def test_a_seed_is_the_same_on_all_hardware():
    # With the seeds drawn apart, b would be better in a quarter of the draws.
    rows = [
        row(chip, seed=seed, accuracy=accuracy, accuracy_error=0.2, energy_J=joules)
        for chip, joules in (("a", 1.0), ("b", 2.0)) for seed, accuracy in enumerate([0.8, 0.9])
    ]  # fmt: skip
    assert chances(rows, BOTH) == [1.0, 1.0, 0.0, 0.0]


# What may be on no front


def test_losing_does_not_win():
    rows = [
        energy(1, 10, 100, accuracy=0.9), energy(0, 0, 0, neurons=2, accuracy=0.99, lost_share=0.5),
        row(neurons=3, accuracy=0.99, energy_J=None), row(neurons=4, status="failed"),
    ]  # fmt: skip
    assert chances(rows, BOTH) == [1.0, 0.0, 0.0, None]


def test_a_design_that_loses_with_one_seed_is_on_the_front_with_the_others():
    rows = [row(seed=seed, energy_J=1.0, lost_share=lost) for seed, lost in enumerate([0.0, 0.5])]
    assert chances(rows, LEAST) == pytest.approx([0.5, 0.5], abs=SURE)


# Seeds of the draws


def test_probabilities_follow_from_the_seed_alone():
    rows = [energy(1, 5, 100), energy(2, 6, 60, "b"), energy(3, 7, 70, "c")]
    found = chances(rows, LEAST, draws=500)
    assert chances(rows, LEAST, draws=500) == found
    assert chances(rows[::-1], LEAST, draws=500) == found[::-1]
    beaten = energy(1e3, 1e3, 1e3, "d")
    assert chances([beaten, *rows], LEAST, draws=500) == [0.0, *found]
    assert chances(rows, LEAST, draws=500, seed=1) != found
    assert chances(rows, LEAST, draws=0) == [None] * 3


@pytest.mark.parametrize(("table", "words"), [
    ({"draw": 3}, "front.draw must be one of draws, seed, band, got 'draw'; did you mean draws?"),
    ({"draws": -1}, "front.draws must be a whole number of at least 0, got -1"),
    ({"draws": True}, "front.draws must be a whole number"),
    ({"band": "square"}, "front.band must be one of triangular, uniform, got 'square'"),
    ({"seed": 0.5}, "front.seed must be a whole number"),
])  # fmt: skip
def test_bad_tables_are_refused(table, words):
    given = {"name": "s", "search": {"method": "grid"}, "objectives": LEAST, "front": table}
    with pytest.raises(ns.ConfigError) as refused:
        study.of(given, MEASURE.sections, MEASURE.measures)
    assert words in str(refused.value)


# Priced points


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """Points of three described chips, priced."""
    table = {
        "name": "small", "data": {"train": "digits:train", "test": "digits:test", "train_samples": 200},
        "chip": {"recipe": "softhebb", "neurons": 40, "weight_bits": 3},
        "measure": {"readout": "winner", "price_samples": 20},
        "search": {"method": "grid"}, "vary": {"hardware.chip": ["loihi", "cmos45-int8", "odin"]},
        "objectives": BOTH,
    }  # fmt: skip
    table["hardware"] = {"structure.neurons_per_core": 20, "structure.cores": 4, "structure.mesh": [2, 2]}
    sweep = study.of(table, MEASURE.sections, MEASURE.measures)
    points = next(rounds(sweep, MEASURE.complete, MEASURE.version))
    learned = MEASURE.learn(points[0].cell.settings, Data(tmp_path_factory.mktemp("data")))
    records = [{"status": "done", "measures": MEASURE.price(learned, one.cell.settings)} for one in points]
    rows = [Row(one, record, False) for one, record in zip(points, records, strict=True)]
    return sweep, {one.point.cell.settings["hardware"]["chip"]: one for one in rows}


def test_the_parts_of_an_energy_add_up_to_its_band(priced):
    for name, one in priced[1].items():
        measures = one.record["measures"]
        sums = np.sum(list(json.loads(measures["energy_terms"]).values()), axis=0)
        whole = [measures[f"energy_{end}J"] for end in ("low_", "", "high_")]
        assert sums == pytest.approx(whole, rel=1e-9), name
    terms = json.loads(priced[1]["cmos45-int8"].record["measures"]["energy_terms"])
    assert "static" not in terms
    read = hardware.load("cmos45-int8").energy["memory_read_bit"] if "memory_read_bit" in terms else None
    if read is not None:  # reads of inference and of learning are of one constant
        assert terms["memory_read_bit"][2] / terms["memory_read_bit"][1] == pytest.approx(read.high / read.value)


def test_a_part_of_an_energy_is_of_the_constant_that_was_used(tmp_path):
    """Where the price of one direction is not confirmed, links are priced by that of all, with its band."""
    path = tmp_path / "plain.toml"
    energies = {name: n for name, n in described.ENERGIES.items() if not name.startswith("hop")} | {"hop": 17}
    doubtful = described.constant("energy", "hop_east_west", 1000, "pJ").replace('"assumed"', '"unverified"')
    path.write_text(described.text(energies=energies, static=0) + doubtful)
    run = counted.counts(counted.layer(counted.dense(0, 10, 16), [3, 5]))
    report = hardware.price(run, path)
    terms = json.loads(energy_terms(report))
    assert "hop_east_west" not in terms
    joules = 17e-12 * (4 + 2)  # four events on average to the second core; a sum from there, and one back
    assert terms["hop"] == pytest.approx([joules / 2, joules, joules * 2], rel=1e-9, abs=0)
    assert sum(band[1] for band in terms.values()) == pytest.approx(report.mean_energy_J[1], rel=1e-9, abs=0)


def test_an_accuracy_s_error_is_that_of_a_share(priced):
    measures = priced[1]["loihi"].record["measures"]
    share = measures["accuracy"]
    assert measures["accuracy_error"] == pytest.approx((share * (1 - share) / 360) ** 0.5)  # 360 digits to test with


def test_chips_that_price_different_things_are_not_compared_without_a_word(priced):
    sweep, rows = priced
    first, *chips = unlike(sweep, list(rows.values()))
    assert first == ("energy_J compare chips that leave out different things: what a price lacks makes it lower")
    assert any(text.startswith("cmos45-int8 leaves out: ") and "static power" in text for text in chips)
    assert not any("static power" in text for text in chips if text.startswith("loihi"))
    assert len(chips) == 3
    assert unlike(sweep, [rows["loihi"]] * 2) == []
    alone = study.of(
        {"name": "s", "search": {"method": "grid"}, "objectives": {"accuracy": "max"}},
        MEASURE.sections,
        MEASURE.measures,
    )
    assert unlike(alone, list(rows.values())) == []


def test_the_share_of_fronts_is_the_mean_of_fronts():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 6, (30, 2)) + rng.integers(0, 3, (40, 30, 2)).astype(float)
    values[rng.random(values.shape) < 0.02] = np.nan
    largest = np.array([True, False])
    wanted = np.mean([front(one, largest) for one in values], axis=0)
    assert front_shares(values, largest).tolist() == pytest.approx(wanted.tolist())
    assert 0 < np.mean(wanted > 0) < 1


def test_designs_that_differ_in_the_last_bits_are_equal():
    least = 1.635337414376194e-07
    values = np.array([[0.76, least], [0.76, np.nextafter(least, 1)], [0.76 - 1e-16, least * (1 + 1e-14)],
                       [0.76, least * (1 + 1e-9)], [0.76 - 1e-9, least], [-np.inf, least]])  # fmt: skip
    largest, wanted = np.array([True, False]), [True, True, True, False, False, False]
    assert front(values, largest).tolist() == wanted
    assert front(values[::-1], largest).tolist() == wanted[::-1]
    rng = np.random.default_rng(0)
    factors = 1 + 1e-15 * rng.integers(-2, 3, (20, *values.shape))
    assert front_shares(values * factors, largest).tolist() == [float(one) for one in wanted]
    assert front(np.array([[0.0], [5e-324]]), np.array([False])).tolist() == [True, False]
