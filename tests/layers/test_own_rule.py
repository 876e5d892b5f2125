"""A rule of the user's own: the same bits as the built-in when it is the same rule, and plain words when it is none."""

import math
import re

import numpy as np
import pytest

import neurosim as ns
from neurosim.layers.own_rules import OwnRule

SOFT = ns.SoftWTA(temperature=0.1)


@ns.rule
def own_hebb(response, rate):
    return 1, rate * response


@ns.rule
def own_oja(response, rate):
    return 1 - rate * response * response, rate * response


@ns.rule
def own_instar(response, rate):
    return 1 - rate * response, rate * response


@ns.rule
def own_softhebb(potential, response, rate):
    """SoftHebb, once more."""
    growth = rate * response
    return 1 - growth * potential, growth


@ns.rule
def own_adaptive(potential, response, norm, speed=0.1, power=0.5):
    growth = response * (speed * abs(norm - 1.0) ** power)
    return 1.0 - growth * potential, growth


@ns.rule
def own_hebbnet(response, mean, rate):
    return 1, rate * (response - mean)


@ns.rule
def own_bcm(response, mean_square, rate):
    return 1, rate * response * (response - mean_square)


@ns.rule
def own_eghr(potential, total, rate, threshold=5.0):
    root = np.float32(1.41421356)
    sign = 1.0 if potential > 0 else (-1.0 if potential < 0 else 0.0)
    return 1, rate * (threshold - root * total) * root * sign


SAME = [
    (own_hebb(rate=0.05), ns.Hebb(rate=0.05)),
    (own_oja(rate=0.05), ns.Oja(rate=0.05)),
    (own_instar(rate=0.05), ns.Instar(rate=0.05)),
    (own_softhebb(rate=ns.ConstantRate(0.05)), ns.SoftHebb(rate=ns.ConstantRate(0.05))),
    (own_softhebb(rate=ns.NormAdaptiveRate(0.3)), ns.SoftHebb(rate=0.3)),
    (own_softhebb(rate=ns.LinearRate(0.3, 60)), ns.SoftHebb(rate=ns.LinearRate(0.3, 60))),
    (own_adaptive(speed=0.3), ns.SoftHebb(rate=0.3)),
    (own_hebbnet(rate=0.02, averaging=0.3), ns.HebbNet(rate=0.02, averaging=0.3)),
    (own_bcm(rate=0.02, averaging=0.3), ns.BCM(rate=0.02, averaging=0.3, ceiling=1e30)),
    (own_eghr(rate=1e-3), ns.EGHR(rate=1e-3, threshold=5.0)),
]


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize(("own", "built_in"), SAME, ids=lambda rule: getattr(rule, "name", None))
@pytest.mark.filterwarnings("ignore::neurosim.StabilityWarning")
def test_the_same_rule_gives_the_same_bits(own, built_in, window, samples):
    competition = ns.NoInhibition() if own.name in ("own_oja", "own_bcm", "own_eghr", "own_hebbnet") else SOFT
    together = {"competition": competition, "normalise": "sample", "window": window, "cutoff": 0.0, "radius": 2.0}
    chips = [ns.Chip([ns.DenseWTA(13, rule=rule, **together)], inputs=64, seed=4) for rule in (own, built_in)]
    for chip in chips:
        chip.learn(samples[:200])
    assert chips[0].layers[0].writes > 0
    assert chips[0].state_sha256 == chips[1].state_sha256


def test_a_rule_without_constants_may_be_given_as_it_is(samples):
    layer = ns.DenseWTA(5, competition=SOFT, rule=own_adaptive)
    assert layer.rule == own_adaptive()
    constants = (("speed", 0.1), ("power", 0.5))
    assert layer.rule == OwnRule("own_adaptive", own_adaptive.digest, 0.0, constants, 0.01, 0, False, own_adaptive)
    assert layer.rule != own_adaptive(power=0.6)


def test_helpers_and_branches_are_admitted():
    from numba import njit

    @njit
    def clipped(x):
        return min(max(x, 0.0), 0.5)

    @ns.rule
    def careful(potential, response, rate=0.1):
        if math.sqrt(abs(potential)) > 1e3:
            return 1, 0
        return 1, clipped(rate * response)

    chip = ns.Chip([ns.DenseWTA(3, competition=ns.HardWTA(), rule=careful, radius=1.0)], inputs=2)
    before = chip.layers[0].weights
    winner = chip.learn_one([1.0, 0.0]).winner
    np.testing.assert_allclose((chip.layers[0].weights - before)[winner], [0.1, 0], atol=1e-6)


def test_the_literals_of_a_rule_are_single_precision():
    @ns.rule
    def literal(response):
        return 1, 0.1 * response * 3

    chip = ns.Chip([ns.DenseWTA(1, competition=ns.HardWTA(), rule=literal, radius=1e-3)], inputs=1)
    before = chip.layers[0].weights[0, 0]
    chip.learn_one([1.0])
    assert chip.layers[0].weights[0, 0] == before + np.float32(0.1) * np.float32(3)


def not_a_pair(response):
    return response


def text(response):
    words = "a"
    return words + response, 1


def unknown_name(response):
    return missing(response), 1  # noqa: F821


def attribute(response):
    return 1, response.size


@pytest.mark.parametrize(("function", "line", "reason"), [
    (not_a_pair, "def not_a_pair(response):", "failed to unpack float32"),
    (text, "return words + response, 1", "No implementation of function"),
    (unknown_name, "return missing(response), 1", "name 'missing' is not defined"),
    (attribute, "return 1, response.size", "Unknown attribute 'size' of type float32"),
])  # fmt: skip
def test_what_does_not_compile_shows_its_line(function, line, reason):
    with pytest.raises(ns.ConfigError) as caught:
        ns.rule(function)
    said = str(caught.value)
    assert said.startswith(f"rule {function.__name__} must be compilable and return (decay, growth), got 'line ")
    assert line in said
    assert reason in said
    assert re.search(r"line \d+ of .*test_own_rule.py", said)


def starred(response, *rest):
    return 1, response


def both(mean, mean_square):
    return 1, mean


def nine(response, a, b, c, d, e, f, g, h, i):
    return 1, response


def averaging(response, averaging):
    return 1, response


@pytest.mark.parametrize(("make", "words"), [
    (lambda: ns.rule(starred), "a function of named parameters, without * and **"),
    (lambda: ns.rule(both), "a function of mean or of mean_square, not of both"),
    (lambda: ns.rule(nine), "constants of rule nine must be at most 8"),
    (lambda: ns.rule(averaging), "without a parameter averaging"),
    (lambda: ns.rule(3), "rule must be a plain Python function with a name, got 3"),
    (lambda: ns.rule(lambda response: (1, response)), "a plain Python function with a name, got <function"),
    (lambda: own_hebb(), "rate of rule own_hebb must be given, as it has no default"),
    (lambda: own_hebb(rate="fast"), "rate of rule own_hebb must be a number, got 'fast'"),
    (lambda: own_hebb(rate=-1), "rate must be a schedule or a number of at least 0, got -1"),
    (lambda: own_hebb(rate=0.1, speed=2), "constants of rule own_hebb must be among rate, got 'speed'"),
    (lambda: own_adaptive(power=math.nan), "power of rule own_adaptive must be a number, got nan"),
    (lambda: own_hebbnet(rate=0.1, averaging=0), "averaging must be above 0 and at most 1, got 0"),
])  # fmt: skip
def test_what_a_rule_cannot_be_is_said_in_words(make, words):
    with pytest.raises(ns.ConfigError) as caught:
        make()
    assert words in str(caught.value)


def test_a_state_names_the_rule_and_goes_on_with_it(tmp_path, samples):
    rule = own_hebbnet(rate=ns.LinearRate(0.02, 300), averaging=0.3)
    layer = ns.DenseWTA(6, competition=SOFT, rule=rule, renormalise=True, window=2)
    chip = ns.Chip([layer], inputs=64).learn(samples[:101])
    chip.save(tmp_path / "own.h5")
    with pytest.raises(ns.StateError, match=r"'own_hebbnet' among them.*got 'none'; give it by"):
        ns.Chip.load(tmp_path / "own.h5")
    loaded = ns.Chip.load(tmp_path / "own.h5", rules=[own_oja, own_hebbnet])
    assert loaded.layers[0].constants == layer
    chip.learn(samples[101:200])
    assert loaded.learn(samples[101:200]).state_sha256 == chip.state_sha256


def test_another_rule_of_the_same_name_is_refused(tmp_path):
    ns.Chip([ns.DenseWTA(2, competition=SOFT, rule=own_adaptive)], inputs=2).save(tmp_path / "own.h5")

    def own_adaptive_again(potential, response, norm, speed=0.1, power=0.5):
        return 1, response

    own_adaptive_again.__name__ = "own_adaptive"
    with pytest.raises(ns.StateError, match="rule own_adaptive must be the one that was saved"):
        ns.Chip.load(tmp_path / "own.h5", rules=[ns.rule(own_adaptive_again)])


def test_a_rule_that_diverges_stops_the_run_and_is_named():
    @ns.rule
    def explosive(response):
        return 1, response * 1e30

    chip = ns.Chip([ns.DenseWTA(2, competition=ns.HardWTA(), rule=explosive)], inputs=1)
    with pytest.raises(ns.DivergedError, match=r"layer 1, neuron \d: .*at sample 0"):
        chip.learn(np.ones((3, 1)))


def test_numpys_numbers_are_plain_ones():
    assert own_hebb(rate=np.float32(0.5)) == own_hebb(rate=0.5)
    assert own_adaptive(power=np.int64(2)) == own_adaptive(power=2)


def test_growth_that_is_not_a_number_stops_the_run():
    @ns.rule
    def rootless(potential, rate=0.1):
        return 1.0, rate * math.sqrt(-1.0 - potential * potential)

    chip = ns.Chip([ns.DenseWTA(3, competition=ns.HardWTA(), rule=rootless)], inputs=4)
    with pytest.raises(ns.DivergedError, match=r"layer 1, neuron \d: .*at sample 0"):
        chip.learn(np.ones((5, 4)))


def test_norms_stay_at_one_where_neurons_unlearn():
    # An error of the followed norm grows with every step that shortens a neuron.
    @ns.rule
    def unlearn(response, rate=0.05):
        return 1.0, -rate * response

    samples = np.random.default_rng(0).normal(size=(4000, 5))
    chip = ns.Chip([ns.DenseWTA(4, competition=ns.NoInhibition(), rule=unlearn, renormalise=True, initial="normal",
                                cutoff=0.0)], inputs=5)  # fmt: skip
    chip.learn(samples)
    np.testing.assert_allclose(np.linalg.norm(chip.layers[0].weights, axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(chip.layers[0].norms, 1, atol=1e-6)


def raises(response):
    if response > 2:
        raise ValueError
    return 1, response


def asserts(response):
    assert response < 2
    return 1, response


def generates(response):
    yield 1


def draws(response):
    return 1, np.random.random()  # noqa: NPY002


def imports_inside(response):
    import math

    return 1, math.sqrt(response)


@pytest.mark.parametrize(("function", "words"), [
    (raises, "rule raises must be without raise and assert"), (asserts, "must be without raise and assert"),
    (generates, "a function that returns (decay, growth), got 'a generator or coroutine'"),
    (draws, "a function of its arguments alone, got 'random'; equal seeds must give equal bits"),
    (imports_inside, "rule imports_inside must be compilable"),
])  # fmt: skip
def test_what_the_loop_cannot_keep_its_promises_with_is_refused(function, words):
    with pytest.raises(ns.ConfigError) as caught:
        ns.rule(function)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_digest_knows_what_the_rule_uses_from_outside():
    from numba import njit

    def made(constant):
        @njit
        def helper(x):
            return x * constant

        @ns.rule
        def closed(response):
            return 1, helper(response) * constant

        return closed

    assert made(0.1).digest == made(0.1).digest != made(0.5).digest
    assert made(0.1).digest


def test_of_two_rules_of_a_name_the_one_that_was_saved_is_taken(tmp_path):
    def made(speed):
        @ns.rule
        def twin(response):
            return 1, response * speed

        return twin

    one, other = made(0.1), made(0.2)
    ns.Chip([ns.DenseWTA(2, competition=SOFT, rule=other)], inputs=2).save(tmp_path / "own.h5")
    assert ns.Chip.load(tmp_path / "own.h5", rules=[one, other]).layers[0].constants.rule == other()
    for wrong in ([other()], other(), None):
        with pytest.raises(ns.ConfigError, match="rules must be a sequence of functions that"):
            ns.Chip.load(tmp_path / "own.h5", rules=wrong)
