"""Schedules as plain numbers, and the floor that recipes give their rate."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ConfigError
from neurosim.layers.plain import describe
from neurosim.layers.rules import schedule
from neurosim.recipes import NAMES, named, taken

NORMS, WINS = np.array([1.0, 1.04, 0.5, 5.0]), np.array([0, 3, 8, 99])
WITH_FLOOR = ("softhebb", "hard_wta", "k_wta", "instar")


@pytest.mark.parametrize(("rate", "expected"), [
    (ns.ConstantRate(0.3), [0.3] * 4),
    (ns.LinearRate(0.4, samples=100, last=0.2), [0.35] * 4),
    (ns.ExponentialRate(0.4, samples=50, last=0.1), [0.2] * 4),
    (ns.NormAdaptiveRate(1.5, floor=0.1), np.maximum(1.5 * np.sqrt(np.abs(NORMS - 1)), 0.1)),
    (ns.NormAdaptiveRate(1.5, power=0.7), 1.5 * np.abs(NORMS - 1) ** 0.7),
    (ns.WinCountRate(1.0, floor=0.05), np.maximum(1 / (1 + WINS), 0.05)),
])  # fmt: skip
def test_rates_of_neurons_are_those_of_the_definition(rate, expected):
    np.testing.assert_allclose(rate.of_neurons(25, NORMS, WINS), expected, rtol=1e-6)


@pytest.mark.parametrize("recipe", ["softhebb", "hard_wta", "k_wta"])
def test_a_recipe_takes_a_floor_and_is_as_before_without(recipe):
    assert schedule(named(recipe, 5, floor=0.02).rule) == ns.NormAdaptiveRate(1.5, floor=0.02)
    assert schedule(named(recipe, 5, rate=0.7, floor=0.02).rule) == ns.NormAdaptiveRate(0.7, floor=0.02)
    assert describe(named(recipe, 5, floor=0)) == describe(named(recipe, 5))
    assert named(recipe, 5).rule.rate == 1.5
    with pytest.raises(ConfigError, match="floor must be left out with a schedule"):
        named(recipe, 5, rate=ns.ConstantRate(0.1), floor=0.02)


def test_instar_takes_a_floor_in_place_of_its_own():
    assert schedule(ns.recipes.instar(5).rule) == ns.WinCountRate(1.0, floor=0.01)
    assert schedule(ns.recipes.instar(5, floor=0.05).rule) == ns.WinCountRate(1.0, floor=0.05)
    with pytest.raises(ConfigError, match="floor must be left out with a rate"):
        ns.recipes.instar(5, rate=0.1, floor=0.05)


@pytest.mark.parametrize("floor", [-0.1, float("nan"), float("inf"), "0.1", True])
@pytest.mark.parametrize("recipe", WITH_FLOOR)
def test_a_floor_that_is_no_rate_is_refused(recipe, floor):
    with pytest.raises(ConfigError, match="floor"):
        named(recipe, 5, floor=floor)


def test_recipes_whose_rate_never_falls_take_no_floor():
    assert {name for name in NAMES if "floor" in taken(name)} == set(WITH_FLOOR)
    with pytest.raises(ConfigError, match=r"floor must be left out with the recipe oja, got 0\.1"):
        named("oja", 5, floor=0.1)
