"""A rule is known by all that decides what it computes: whatever changes that changes its digest, and nothing else."""

import enum
import itertools
import linecache
import math
import re
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
from numba import cfunc, float32, njit, vectorize
from numba.extending import overload, register_jitable

import neurosim as ns
from neurosim.layers.rule_identity import digest_of

NUMBERS = itertools.count()
konst = type(math)("konst")
konst.sub = type(math)("konst.sub")


def made(source, name="r", readable=True, **scope):
    """Run source with names in its scope; return one of the functions that it defines."""
    file = f"<rule {next(NUMBERS)}>"
    if readable:
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec", dont_inherit=True), scope)
    return scope[name]


def digest(source, readable=True, **scope):
    return digest_of(made(source, readable=readable, **scope))


INDENTED = """
def r(response, rate=0.1):
    growth = rate * response
    if response > 0.5:
        growth = growth * 2
        growth = growth + 1
    return 1, growth
"""
LESS = INDENTED.replace("        growth = growth + 1", "    growth = growth + 1")


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize(("before", "after"), [
    (INDENTED, LESS),
    ("def r(y): return 1, y * 2", "def r(y): return 1, y * 3"),
    ("def r(y): return 1, y * 2", "def r(y): return 1, y * 2.0"),
    ("def r(y): return 1, y * 1", "def r(y): return 1, y * True"),
    ("def r(y): return 1, y < 2", "def r(y): return 1, y <= 2"),
    ("def r(y): return 1, y and 2", "def r(y): return 1, y or 2"),
    ("def r(y): return 1, abs(y)", "def r(y): return 1, min(y)"),
    ("def r(y, z): return y, z", "def r(z, y): return y, z"),
    ("def r(y, a=1.0): return y, a", "def r(y, a=2.0): return y, a"),
    ("def r(y, *, a=1.0): return y, a", "def r(y, *, a=2.0): return y, a"),
    ("K = 1\ndef r(y, a=K): return y, a", "K = 2\ndef r(y, a=K): return y, a"),
    ("def r(y): return 1, sum([y * i for i in (1, 2)])", "def r(y): return 1, sum([y * i for i in (1, 3)])"),
    ("def r(y):\n def f(x): return x * 2\n return 1, f(y)", "def r(y):\n def f(x): return x * 3\n return 1, f(y)"),
    ("def r(y): return 1, (lambda x: x * 2)(y)", "def r(y): return 1, (lambda x: x + 2)(y)"),
    ("def r(y):\n for i in range(3):\n  y += i\n  y *= 2\n return 1, y",
     "def r(y):\n for i in range(3):\n  y += i\n y *= 2\n return 1, y"),
])  # fmt: skip
def test_what_a_function_does_changes_its_digest(before, after, readable):
    assert digest(before, readable) == digest(before, readable) != digest(after, readable)


POINT = namedtuple("POINT", "gain bias")


def kind(value):
    return enum.Enum("Kind", {"FAST": value})


def record(value):
    return np.array([(value, 1.0)], [("gain", "f4"), ("bias", "f4")])[0]


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize(("body", "one", "other"), [
    ("y * GAIN", {"GAIN": 2.0}, {"GAIN": 3.0}),
    ("y * GAIN", {"GAIN": 2}, {"GAIN": 2.0}),
    ("y * GAIN", {"GAIN": np.float32(2)}, {"GAIN": np.float64(2)}),
    ("y * GAIN", {"GAIN": math.nan}, {"GAIN": math.inf}),
    ("y * LEVELS[1]", {"LEVELS": (0.0, 1.0)}, {"LEVELS": (0.0, 2.0)}),
    ("y * LEVELS[1][0]", {"LEVELS": (0.0, (1.0,))}, {"LEVELS": (0.0, (2.0,))}),
    ("y * LEVELS[1]", {"LEVELS": [0.0, 1.0]}, {"LEVELS": [0.0, 2.0]}),
    ("y * LEVELS['a']", {"LEVELS": {"a": 1.0}}, {"LEVELS": {"a": 2.0}}),
    ("y * TABLE[1]", {"TABLE": np.array([0.0, 1.0])}, {"TABLE": np.array([0.0, 2.0])}),
    ("y * TABLE[1]", {"TABLE": np.array([0.0, 1.0])}, {"TABLE": np.array([0.0, 1.0], np.float32)}),
    ("y * TABLE.gain", {"TABLE": record(1.0)}, {"TABLE": record(2.0)}),
    ("y * P.gain", {"P": POINT(1.0, 0.0)}, {"P": POINT(2.0, 0.0)}),
    ("y * K.FAST.value", {"K": kind(1.0)}, {"K": kind(2.0)}),
    ("y * K.value", {"K": kind(1.0).FAST}, {"K": kind(2.0).FAST}),
    ("y * K.GAIN", {"K": type("K", (), {"GAIN": 1.0})}, {"K": type("K", (), {"GAIN": 2.0})}),
    ("f(y)", {"f": njit(lambda x: x * 2)}, {"f": njit(lambda x: x * 3)}),
    ("f(y)", {"f": njit(lambda x: x * 2)}, {"f": njit(fastmath=True)(lambda x: x * 2)}),
    ("f(y)", {"f": vectorize(lambda x: x * 2)}, {"f": vectorize(lambda x: x * 3)}),
    ("f(y)", {"f": math.sqrt}, {"f": math.exp}),
    ("f(y)", {"f": np.sqrt}, {"f": np.exp}),
    ("f(y)", {"f": np.float32}, {"f": np.float64}),
    ("abs(y)", {}, {"abs": njit(lambda x: x)}),
    ("sum([y * GAIN for _ in (1, 2)])", {"GAIN": 2.0}, {"GAIN": 3.0}),
    ("(lambda x: x * GAIN)(y)", {"GAIN": 2.0}, {"GAIN": 3.0}),
])  # fmt: skip
def test_what_a_function_uses_changes_its_digest(body, one, other, readable):
    source = f"def r(y):\n    return 1, {body}\n"
    assert digest(source, readable, **one) == digest(source, readable, **one) != digest(source, readable, **other)


@pytest.mark.parametrize("body", ["konst.GAIN", "konst.sub.GAIN", "konst.LEVELS[0]", "konst.f(y)", "konst.sub.K.GAIN"])
def test_modules_are_known_by_what_is_taken_from_them(body, monkeypatch):
    def at(value):
        for module in (konst, konst.sub):
            for name, taken in {
                "GAIN": value, "LEVELS": (value, 1.0), "f": njit(lambda x: x * value), "K": SimpleNamespace(GAIN=value),
            }.items():  # fmt: skip
                monkeypatch.setattr(module, name, taken, raising=False)
        monkeypatch.setattr(konst.sub, "K", type("K", (), {"GAIN": value}))
        return digest(f"def r(y):\n    return 1, y * {body}\n", konst=konst)

    assert at(1.0) == at(1.0) != at(2.0)


def test_closures_and_what_helpers_use_are_known_to_any_depth():
    def chain(depth, value, options):
        @njit(**options)
        def inner(x):
            return x * value

        for _ in range(depth):
            inner = (lambda called: njit(lambda x: called(x) + 1))(inner)
        return digest("def r(y):\n    return 1, f(y)\n", f=inner)

    assert chain(3, 1.0, {}) == chain(3, 1.0, {})
    assert len({chain(3, 1.0, {}), chain(3, 2.0, {}), chain(4, 1.0, {}), chain(3, 1.0, {"error_model": "numpy"})}) == 4


def test_functions_that_call_one_another_come_to_an_end():
    def pair(step):
        scope = {"njit": njit}
        source = f"@njit\ndef f(x): return x if x < 1 else g(x)\n@njit\ndef g(x): return f(x - {step})\n"
        return digest_of(made(source, "f", **scope).py_func)

    assert pair(1) == pair(1) != pair(2)


def test_what_numba_compiles_in_place_of_a_function_is_known():
    def one(factor):
        @register_jitable
        def helper(x):
            return x * factor

        return digest("def r(y):\n    return 1, f(y)\n", f=helper)

    def other(factor):
        def stand_in(x):
            raise NotImplementedError

        @overload(stand_in)
        def _typed(x):
            return lambda x: x * factor

        return digest("def r(y):\n    return 1, f(y)\n", f=stand_in)

    def pointer(factor):
        return digest("def r(y):\n    return 1, f(y)\n", f=cfunc("float32(float32)")(lambda x: x * factor))

    for make in (one, other, pointer):
        assert make(2.0) == make(2.0) != make(3.0)


@pytest.mark.parametrize("after", [
    INDENTED.replace("    growth = rate", "    # growth\n\n    growth  =  rate"),
    INDENTED.replace("response, rate=0.1", "response: float, rate: float=0.1").replace("):", ") -> tuple:"),
    INDENTED.replace("    growth = rate", '    """Grow."""\n    growth = rate'),
    "@same\n@same" + INDENTED,
    "if True:\n" + INDENTED.replace("\n", "\n    "),
    INDENTED.replace("0.1", "RATE"),
    INDENTED.replace("0.1", "1e-1"),
])  # fmt: skip
def test_layout_comments_docstrings_annotations_and_decorators_do_not_change_it(after):
    assert digest(after, same=lambda function: function, RATE=0.1) == digest(INDENTED)


def own_hebb(response, rate):
    return 1, rate * response


def test_the_digest_of_a_source_is_the_same_in_all_versions_of_python():
    assert digest_of(own_hebb) == "2-e935896b0f2bf18a"


def test_without_a_source_the_digest_is_of_the_bytecode_and_says_of_which_version():
    assert re.fullmatch(r"2-cpython-3\d+-[0-9a-f]{16}", digest(INDENTED, readable=False))
    assert digest(INDENTED, readable=False) == digest_of(made(INDENTED), by_code=True)


def test_a_source_that_was_edited_after_it_ran_is_not_taken_for_it(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(INDENTED)
    scope = {}
    exec(compile(INDENTED, str(path), "exec"), scope)
    assert digest_of(scope["r"]) == digest(INDENTED)
    path.write_text(LESS)
    assert digest_of(scope["r"]) == digest(INDENTED, readable=False)


@pytest.mark.parametrize(("body", "used", "words"), [
    ("y * part.GAIN", "m", "name what it takes from it, as in MODULE.NAME"),
    ("y * part.GAIN", "o", "make it a constant of the rule, a number, a tuple, an array or a compiled function"),
])  # fmt: skip
def test_what_cannot_be_known_is_refused(body, used, words):
    source = f"def r(y):\n    part = {used}\n    return 1, {body}\n"
    with pytest.raises(ns.ConfigError, match=r"^what rule r uses must be of numbers, arrays and compiled func") as said:
        digest(source, m=konst, o=SimpleNamespace(GAIN=1.0))
    assert str(said.value).endswith(words)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("used", ["np.random.normal()", "draw()", "method()", "f(y)", "random.random()"])
def test_random_numbers_are_refused_wherever_they_come_from(used):
    import random

    scope = {"np": np, "draw": np.random.normal, "random": random, "method": np.random.default_rng(0).normal}
    scope["f"] = njit(made("def r(x): return np.random.normal()", np=np))
    with pytest.raises(ns.ConfigError, match=r"a function of its arguments alone, got .*equal seeds must give equal"):
        digest(f"def r(y): return 1, {used}", **scope)


def test_a_state_goes_on_with_the_rule_it_was_saved_with_alone(tmp_path):
    def chip(source):
        rule = ns.rule(made(source))
        return ns.Chip([ns.DenseWTA(2, competition=ns.HardWTA(), rule=rule)], inputs=2), rule

    (one, first), (_, second) = chip(INDENTED), chip(LESS)
    one.save(tmp_path / "own.h5")
    assert ns.Chip.load(tmp_path / "own.h5", rules=[second, first]).layers[0].constants == one.layers[0].constants
    with pytest.raises(ns.StateError, match=r"rule r must be the one that was saved, 2-.*or something that it uses"):
        ns.Chip.load(tmp_path / "own.h5", rules=[second])


def test_states_of_older_versions_are_compared_by_their_own_digests():
    rule = ns.rule(own_hebb)
    assert rule.is_known_as("b6bcd8205811c07a")  # of names, numbers and operators alone
    assert rule.is_known_as("")  # of a function without source
    assert not rule.is_known_as("b6bcd8205811c07b")
    assert rule.is_known_as(rule.code_digest)
    assert not rule.is_known_as("2-e935896b0f2bf18b")


def test_numpy_numbers_and_classes_of_numbers_are_data():
    class Number(float):
        pass

    assert digest("def r(y): return 1, y * K", K=Number(1)) != digest("def r(y): return 1, y * K", K=Number(2))
    assert digest("def r(y): return 1, K(y)", K=float32) != digest("def r(y): return 1, K(y)", K=njit(lambda x: x))
