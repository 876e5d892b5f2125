"""The quickest way of taking sums is found by time; what is lost by trying is little, and no bit depends on it."""

import copy
import pickle

import numpy as np
import pytest
from dense_kernel import sparse_samples
from hypothesis import given, settings
from hypothesis import strategies as st
from looking_ahead import compare, learned, looking, take

import neurosim as ns
from neurosim.engine.dense import memory
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples
from neurosim.kernels.dense import layout, ways

ANY = st.one_of(st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)]), st.integers(-(2**63), 2**63 - 1), st.integers(-9, 99))
SOFT = {"kind": "soft", "sharpness": 5.0, "cutoff": 0.02, "rate": 0.3}


class Machine:
    """The policy as Python, with a clock that stands where a made-up machine would have it."""

    def __init__(self, monkeypatch, threads=1, noise=0.0):
        self.now, self.took, self.threads = 0, dict.fromkeys(range(4), 0), threads
        self.rng, self.noise = np.random.default_rng(0), noise
        self.timing = memory.timing(True, threads > 1)[1]
        monkeypatch.setattr(ways, "_time", lambda timing: self.now)
        monkeypatch.setattr(ways, "_active_inputs", np.count_nonzero)  # which Python would take forty times as long for

    def learn(self, chunks, costs, count=256, depth=16):
        """Take chunks, as `sum_next` does, where a sample takes so many microseconds each way; return the seconds."""
        begun = self.now
        for _ in range(chunks):
            values, n = self.rng.random((count, 50)) < 0.3, 0
            while n < count:
                if n > 0 and ways.goes_on(n, self.timing):
                    way, step = self.timing[layout.WAY], 1
                else:
                    if n > 0:
                        ways.end_block(n, values, self.timing)
                    possible = min(depth, count - n) if n > 0 else 0
                    way = int(ways.begin_block(n, count, possible, self.threads, self.timing))
                    step = possible if way & layout.LOOKING else 1
                self.take(way, values[n : n + step].sum() / 15 * costs[way])
                n += step
            ways.end_block(n, values, self.timing)
        return (self.now - begun) / 1e9

    def take(self, way, microseconds):
        self.now += int(1000 * microseconds * (1 + self.noise * self.rng.exponential()))
        self.took[way] += microseconds / 1e6


def test_active_inputs_are_those_that_are_not_zero():
    values = sparse_samples(np.random.default_rng(0), 7, 9)
    assert ways._active_inputs(values) == np.count_nonzero(values) > 0


@pytest.mark.parametrize("noise", [0.0, pytest.param(0.3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "slower", [1.02, *(pytest.param(ratio, marks=pytest.mark.slow) for ratio in (1.1, 1.5, 3.0, 10.0))]
)
@pytest.mark.parametrize("alone", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_trying_what_is_slower_costs_little(monkeypatch, noise, slower, alone):
    machine, costs = Machine(monkeypatch, noise=noise), (alone, alone * slower)
    machine.learn(400, costs)
    took, samples = machine.took[layout.ALONE] / alone + machine.took[layout.LOOKING] / costs[1], 400 * 256 * 1e-6
    assert machine.took[layout.LOOKING] > 0
    assert sum(machine.took.values()) < 1.03 * alone * took
    assert took == pytest.approx(samples, rel=0.01)


@pytest.mark.parametrize("noise", [pytest.param(0.0, marks=pytest.mark.slow), 0.1])
@pytest.mark.parametrize("quicker", [0.85, pytest.param(0.5, marks=pytest.mark.slow)])
def test_what_is_quicker_is_found_and_left_when_it_no_longer_is(monkeypatch, noise, quicker):
    machine = Machine(monkeypatch, noise=noise)
    machine.learn(200, (100, 100 * quicker))
    assert machine.timing[layout.BEST] == layout.LOOKING
    assert machine.took[layout.ALONE] < 0.4 * sum(machine.took.values())
    machine.learn(200, (100, 200))
    assert machine.timing[layout.BEST] == layout.ALONE
    assert machine.took[layout.LOOKING] < 0.6 * sum(machine.took.values())
    assert machine.timing[layout.COST] == pytest.approx(100 * 1e6 / 15, rel=0.02 + 2 * noise)


@pytest.mark.parametrize("best", [0, *(pytest.param(way, marks=pytest.mark.slow) for way in (1, 2, 3))])
def test_with_a_team_each_of_four_ways_may_be_the_quickest(monkeypatch, best):
    machine, costs = Machine(monkeypatch, threads=2), [100] * 4
    costs[best] = 60
    machine.learn(400, costs)
    assert machine.timing[layout.BEST] == best
    assert machine.took[best] > 0.8 * sum(machine.took.values())


def test_where_there_is_no_other_way_nothing_is_timed(monkeypatch):
    machine = Machine(monkeypatch)
    machine.learn(100, (100, 10), depth=0)
    assert machine.timing[layout.BEST] == layout.ALONE
    assert machine.took[layout.LOOKING] == 0
    assert not machine.timing[layout.COST :].any()


def test_short_chunks_are_enough_to_find_out(monkeypatch):
    machine = Machine(monkeypatch)
    machine.learn(4000, (100, 50), count=10)
    assert machine.timing[layout.BEST] == layout.LOOKING


@given(numbers=st.lists(ANY, min_size=layout.TIMING, max_size=layout.TIMING), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_bit_depends_on_what_is_known_of_times(numbers, seed):
    rng = np.random.default_rng(seed)
    W, X = rng.random((80, 20)), sparse_samples(rng, 90, 20)
    near, odd = looking(W, **SOFT), looking(W, **SOFT)
    near.scratch.pays[0] = 1 << 40
    odd.scratch = odd.scratch._replace(timing=np.array([numbers, numbers], np.int64))
    for learning in (True, False):
        (end, theirs), (our_end, ours) = (take(kernel, X, 3, learning, (), ()) for kernel in (near, odd))
        assert end == our_end == (90, -1)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
        for name, array in learned(odd).items():
            np.testing.assert_array_equal(array, learned(near)[name], err_msg=name)


def wide_runner(chip, chunk=150):
    runner = LayerRunner(chip.layers[0], chunk)
    return runner, runner.workspace.scratch.timing


def test_a_wide_layer_times_what_it_does_and_its_workspaces_share_what_is_found():
    samples = np.random.default_rng(0).random((150, 700), np.float32)
    chip = ns.Chip([ns.recipes.softhebb(900)], inputs=700)
    runner, timing = wide_runner(chip)
    runner.run(Samples(samples), True)
    assert timing[1, layout.COST] > 0
    assert not timing[0, layout.COST :].any()
    assert wide_runner(chip)[1] is timing
    assert not wide_runner(copy.deepcopy(chip))[1][1, layout.COST :].any()
    assert not wide_runner(pickle.loads(pickle.dumps(chip)))[1][1, layout.COST :].any()


def test_single_samples_are_not_timed():
    chip = ns.Chip([ns.recipes.softhebb(900)], inputs=700)
    _, timing = wide_runner(chip)
    before = timing.copy()
    for x in np.random.default_rng(0).random((40, 700), np.float32):
        chip.learn_one(x)
    np.testing.assert_array_equal(timing, before)


def test_a_narrow_layer_has_nothing_to_time():
    assert len(wide_runner(ns.Chip([ns.recipes.softhebb(100)], inputs=64))[1]) == 0


def test_a_bad_sample_ends_a_timed_block_as_any_other():
    rng = np.random.default_rng(0)
    X = sparse_samples(rng, 60, 20)
    X[37, 4] = np.nan
    _, end = compare(rng.random((80, 20)), X, **SOFT)
    timed = looking(rng.random((80, 20)), **SOFT)
    timed.scratch = timed.scratch._replace(timing=memory.timing(True, team=False))
    assert take(timed, X, 3, True, (), ())[0] == end == (37, -1)
