"""The peers that the chip is compared with compute its rule, as the slow reference has it."""

import re

import numpy as np
import pytest
from reference import Layer

import neurosim as ns
from benchmarks import peers
from benchmarks.peers import numpy_dense, sameness, timing

LAYER = ns.recipes.softhebb(
    41, temperature=0.01
)  # that of the references; not a multiple of what a loop takes at a time
CONSTANTS = peers.constants_of(LAYER)
FEW = 20  # with more, rounding grows: a neuron whose norm is 1 but for rounding has the root of that as its rate


@pytest.fixture(scope="module")
def reference(samples):
    """What the reference makes of untrained weights: many neurons learn, and the cap holds them."""
    first = ns.Chip([LAYER], inputs=64, seed=3).layers[0].weights
    layer = Layer(first, **CONSTANTS._asdict(), normalise="sample")
    answers = np.array([layer.respond(x)[1] for x in samples[:FEW]])
    on_the_way = np.array([layer.learn(x)[1] for x in samples[:FEW]])
    assert (on_the_way < CONSTANTS.cutoff).any()
    assert ((on_the_way >= CONSTANTS.cutoff).sum(axis=1) > 1).any()
    compared = (np.abs(on_the_way - CONSTANTS.cutoff) > sameness.NEAR * CONSTANTS.cutoff).all(axis=0)
    assert compared.mean() > 0.9
    return sameness.Reference(first, layer.W, answers, compared)


def made(name, first):
    module = peers.peer(name)
    reason = peers.missing(module, len(first))
    if reason:
        pytest.skip(reason)
    return module.make(first, CONSTANTS)


def marked(names):
    """Mark those slow that start a compiler."""
    slow = {"torch_compile", "superneuromat_stdp"}
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names]


@pytest.mark.filterwarnings("default")  # others' own
@pytest.mark.parametrize("name", marked(peers.SAME_RULE))
def test_learns_what_the_reference_learns(name, samples, reference):
    assert sameness.difference(made(name, reference.first), samples[:FEW], reference) < 1e-4


def test_many_samples_in_one_call_learn_the_same(samples, reference):
    peer = made("numba_dense", reference.first)
    peer.many(samples[:FEW], False)
    assert np.array_equal(peer.weights(), reference.first)
    peer.many(samples[:FEW])
    assert reference.off_by(peer.weights()) < 1e-4


def test_the_chip_is_such_a_reference_too(samples, reference):
    chip = ns.Chip([LAYER], inputs=64, seed=3)
    assert reference.off_by(sameness.reference(chip, samples[:FEW]).learned) < 1e-4


@pytest.mark.parametrize("other", [
    {"sharpness": CONSTANTS.sharpness * 1.1}, {"rate": 1.4}, {"power": 0.6}, {"cap": 0.3}, {"cutoff": 0.0},
], ids=str)  # fmt: skip
def test_another_rule_does_not_pass(other, samples, reference):
    peer = numpy_dense.make(reference.first, CONSTANTS._replace(**other))
    assert sameness.difference(peer, samples[:FEW], reference) > sameness.TOLERANCE


def test_who_learns_while_responding_does_not_pass(samples, reference):
    class Drifting(numpy_dense.Dense):
        def respond(self, x):
            y = super().respond(x)
            self.w += 1e-6
            return y

    peer = Drifting(reference.first, CONSTANTS)
    assert sameness.difference(peer, samples[:FEW], reference) == np.inf


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", marked(peers.OWN_RULE))
def test_a_peer_with_a_rule_of_its_own_learns_something(name, samples, reference):
    peer = made(name, reference.first)
    before = peer.weights()
    peer.respond(samples[0])
    assert np.array_equal(before, peer.weights())
    assert sameness.learns_at_all(peer, samples[:5])


def test_what_is_missing_is_named():
    class Absent:
        REQUIRES = ("numpy", "no_such_package")

    class Narrow:
        REQUIRES, LARGEST = (), 100

    assert re.match("no_such_package is not installed: pip install", peers.missing(Absent, 10))
    assert peers.missing(Narrow, 100) is None
    assert "more than 100 neurons" in peers.missing(Narrow, 101)


def test_percentiles_are_of_samples_and_need_enough_of_them():
    times = timing.Times([n / 1000 for n in range(1, 101)], [], [])
    assert times.percentile(0.5) == 0.05
    assert times.percentile(0.99) == 0.099
    assert times._replace(each=times.each[:99]).percentile(0.99) is None


def test_all_take_the_same_samples_in_turn_and_the_first_round_does_not_count():
    taken, parts = [], np.arange(12).reshape(3, 4, 1)

    def run(name):
        return lambda part, times: (taken.append((name, part[:, 0].tolist())), times.means.append(len(part)))

    times = timing.in_turn({"a": run("a"), "b": run("b")}, parts, {"b": 1})
    assert taken[:2] == [("a", [0, 1, 2, 3]), ("b", [0])]
    assert taken[-2:] == [("a", [8, 9, 10, 11]), ("b", [8])]
    assert [times["a"].means, times["b"].means] == [[4, 4], [1, 1]]
    assert timing.ratio(times["a"], times["b"]) == (4, 4, 4)


def test_ratios_are_of_medians_with_medians_and_of_means_with_means():
    one, chunk = timing.Times([], [2.0, 4.0], [3.0, 9.0]), timing.Times([], [], [1.0, 1.0])
    assert timing.ratio(one, chunk) == (6, 3, 9)
    assert timing.ratio(one, timing.Times([], [1.0, 1.0], [5.0, 5.0])) == (3, 2, 4)
