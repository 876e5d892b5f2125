"""Functions that a rule calls are compiled with it: as they are then, dividing as it does, and raising nothing."""

import pickle
import sys
import types

import numpy as np
import pytest
from numba import int64, njit
from numba.extending import register_jitable

import neurosim as ns

TABLE, PAIR = np.array([0.1, 0.2, 0.3]), (0.1, 0.2)


def learned(rule):
    layer = ns.DenseWTA(4, competition=ns.SoftWTA(temperature=1.0), rule=rule(rate=0.1))
    return ns.Chip([layer], inputs=5).learn(np.random.default_rng(0).random((20, 5), np.float32)).state_sha256


def scaling(helper):
    """Return a function to make rules of, which calls a helper that it finds in its scope."""

    def scaled(potential, response, rate):
        growth = helper(rate * response)
        return 1 - growth * potential, growth

    return scaled


@pytest.mark.parametrize("mark", [njit, register_jitable])
def test_a_number_that_changed_after_a_helper_was_compiled_is_the_new_one(mark):
    scope = {"GAIN": 1.0, "mark": mark}
    exec("@mark\ndef helper(x):\n    return GAIN * x", scope)
    function = scaling(scope["helper"])
    before = ns.rule(function)
    bits = learned(before)
    scope["GAIN"] = 3.0
    after = ns.rule(function)
    exec("@mark\ndef helper(x):\n    return GAIN * x", scope)
    anew = ns.rule(scaling(scope["helper"]))
    assert after.digest == anew.digest != before.digest
    assert learned(after) == learned(anew) != bits
    assert learned(before) == bits


def test_so_it_is_of_a_function_of_a_module(monkeypatch):
    module = types.ModuleType("gains")
    monkeypatch.setitem(sys.modules, "gains", module)
    exec("from numba import njit\nGAIN = 1.0\n@njit\ndef helper(x):\n    return GAIN * x", module.__dict__)

    def scaled(potential, response, rate):
        growth = module.helper(rate * response)
        return 1 - growth * potential, growth

    before = learned(ns.rule(scaled))
    module.GAIN = 3.0
    assert learned(ns.rule(scaled)) != before


@pytest.mark.parametrize("mark", ["njit", "register_jitable"])
def test_helpers_in_a_scope_without_a_name_are_told_apart(mark):
    rules = []
    for gain in (1.0, 3.0):
        scope = {"ns": ns, "mark": {"njit": njit, "register_jitable": register_jitable}[mark]}
        exec(
            f"@mark\ndef helper(x):\n    return {gain} * x\n@ns.rule\ndef scaled(potential, response, rate):\n"
            "    growth = helper(rate * response)\n    return 1 - growth * potential, growth",
            scope,
        )
        rules.append(scope["scaled"])
    assert rules[0].digest != rules[1].digest
    assert learned(rules[0]) != learned(rules[1])


def test_the_types_that_a_helper_was_declared_for_count():
    def twice(x):
        y = x * 2
        return y  # noqa: RET504 - a variable with a type of its own

    helpers = njit(twice), njit("float64(int64)")(twice), njit(locals={"y": int64})(twice)
    rules = [ns.rule(scaling(helper)) for helper in helpers]
    assert len({rule.digest for rule in rules}) == 3
    assert learned(rules[0]) != learned(rules[1])


def test_a_helper_that_raises_is_refused():
    @njit
    def positive(x):
        if x <= 0:
            raise ValueError("must be positive")
        return x

    with pytest.raises(ns.ConfigError, match="without raise and assert, got 'one in positive'"):
        ns.rule(scaling(positive))


def test_a_helper_divides_as_the_rule_does(capfd):
    @njit
    def over(x, y):
        return x / y

    @ns.rule
    def bounded(response, potential, rate):
        infinite = over(response, potential - potential)
        return 1.0, rate if infinite > 1e30 or infinite != infinite else 0.0

    assert len(learned(bounded)) == 64
    assert capfd.readouterr().err == ""


def test_a_helper_may_call_itself():
    @njit
    def factorial(n):
        return 1.0 if n <= 1 else n * factorial(n - 1)

    def scaled(potential, response, rate):
        growth = rate * response * factorial(3) / 6
        return 1 - growth * potential, growth

    def plain(potential, response, rate):
        growth = rate * response * 6 / 6
        return 1 - growth * potential, growth

    assert learned(ns.rule(scaled)) == learned(ns.rule(plain))


def test_whole_numbers_index_tables_and_count_loops():
    @ns.rule
    def summed(potential, response, rate):
        growth = rate * response * PAIR[1] * 0
        for index in range(3):
            growth += TABLE[index] * rate * response
        return 1 - growth * potential, growth + TABLE[1] * 0

    assert len(learned(summed)) == 64


def test_a_rule_whose_helper_has_changed_is_not_pickled():
    scope = {"GAIN": 1.0, "njit": njit}
    exec("@njit\ndef helper(x):\n    return GAIN * x", scope)
    rule = ns.rule(scaling(scope["helper"]))
    assert pickle.loads(pickle.dumps(rule)).digest == rule.digest
    scope["GAIN"] = 3.0
    with pytest.raises(ns.ConfigError, match="as it was compiled to be pickled"):
        pickle.dumps(rule)
