"""Threads that sum a dense layer's potentials together: same bits, same errors, whoever is late, and nobody waits."""

import copy
import pickle
import sys
import threading
import time

import numpy as np
import pytest
from dense_kernel import Kernel, sparse_samples

import neurosim as ns
from neurosim.chip.pipeline import Pipeline
from neurosim.engine import teams
from neurosim.engine.dense import memory
from neurosim.engine.dense.executor import DenseExecutor
from neurosim.kernels.dense import ahead as looking
from neurosim.kernels.dense import layout, team
from neurosim.kernels.dense import stream as dense

INPUTS = 40
NAN = np.float32(np.nan)
SOFT = ns.SoftWTA(temperature=0.1)


@pytest.fixture
def every_sample_is_worth_a_team(monkeypatch):
    monkeypatch.setattr(memory, "WIDE", 0)
    monkeypatch.setattr(team, "TOGETHER", 0)
    monkeypatch.setattr(team, "UNWRITTEN", 0)


@pytest.fixture
def always_ahead(monkeypatch):
    for name in ("READS", "SHARED", "COPIES"):
        monkeypatch.setattr(looking, name, 0)


def layer(neurons, **constants):
    return ns.DenseWTA(neurons, **({"competition": SOFT, "rule": ns.SoftHebb(rate=0.05), "cutoff": 0.01} | constants))


CHIPS = {
    "wide": [layer(300)],
    "an odd number of neurons": [layer(133)],
    "fewer neurons than lines": [layer(3)],
    "one neuron": [layer(1)],
    "two layers": [layer(200, transmit=ns.ReLU()), layer(150)],
    "windows": [layer(70, window=3)],
    "another norm": [layer(20, lebesgue=3.0)],
    "few bits": [layer(140, rule=ns.SoftHebb(rate=0.05), weight_bits=6)],
    "unlearning": [layer(160, competition=ns.SoftWTA(temperature=0.1, signed=True))],
    "hard": [layer(160, competition=ns.HardWTA())],
    "leak": [layer(130, leak=0.001)],
}


def samples(count=120, seed=0):
    return sparse_samples(np.random.default_rng(seed), count, INPUTS).astype(np.float32)


def chip(name):
    return ns.Chip(CHIPS[name], inputs=INPUTS, seed=3)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("name", CHIPS)
def test_bits_do_not_depend_on_the_number_of_threads(name, ahead, every_sample_is_worth_a_team, request):
    X = samples()
    expected = chip(name).learn(X).state_sha256  # one thread, and looking ahead where it pays
    if ahead:
        request.getfixturevalue("always_ahead")
    assert {chip(name).learn(X, threads=n, chunk=50).state_sha256 for n in (1, 2, 3, 5)} == {expected}


def test_a_frozen_layer_responds_with_threads(every_sample_is_worth_a_team):
    X, found = samples(), set()
    for threads in (1, 2, 3):
        learned = chip("two layers").learn(X, layers=[0])
        found.add(learned.learn(X, layers=[1], threads=threads).state_sha256)
    assert len(found) == 1


@pytest.mark.parametrize("reason", ["few products", "another team is at work"])
def test_without_a_team_nobody_is_waited_for(reason, every_sample_is_worth_a_team, monkeypatch):
    X, seen = samples(), []
    loop = DenseExecutor._loop
    spy = property(lambda made: lambda *call: (seen.append(len(call[4].signals)), loop.func(made)(*call))[1])
    monkeypatch.setattr(DenseExecutor, "_loop", spy)
    if reason == "few products":
        monkeypatch.setattr(team, "TOGETHER", INPUTS * 300)
        learned = chip("wide").learn(X, threads=2)
    else:
        held, done = threading.Event(), threading.Event()

        def hold():
            with teams.CREW.team(2):
                held.set()
                done.wait()

        other = threading.Thread(target=hold)
        other.start()
        held.wait()
        learned = chip("wide").learn(X, threads=2)
        done.set()
        other.join()
    assert set(seen) == {1}
    assert learned.state_sha256 == chip("wide").learn(X).state_sha256


def test_a_narrow_layer_has_no_team_and_layers_work_at_the_same_time():
    narrow = ns.Chip([layer(20), layer(10)], inputs=INPUTS, seed=0)
    with Pipeline(narrow.layers, 2) as pipeline:
        assert pipeline._pool is not None
        assert all(len(runner.workspace.scratch.signals) == 1 for runner in pipeline.runners)


def test_wide_layers_follow_one_another_each_with_a_team(every_sample_is_worth_a_team):
    with Pipeline(chip("two layers").layers, 3) as pipeline:
        assert pipeline._pool is None
        assert [len(runner.workspace.scratch.signals) for runner in pipeline.runners] == [3, 3]


@pytest.mark.parametrize("ahead", [False, True])
def test_a_bad_sample_ends_a_team_where_it_ends_one_thread(ahead, every_sample_is_worth_a_team, request):
    if ahead:
        request.getfixturevalue("always_ahead")
    X = samples()
    X[77, 5] = np.nan
    learned = chip("wide")
    with pytest.raises(ns.SampleError, match="sample 77, input 5"):
        learned.learn(X, threads=3, chunk=50)
    assert learned.state_sha256 == chip("wide").learn(X[:77]).state_sha256


@pytest.mark.filterwarnings("ignore::neurosim.StabilityWarning")
def test_a_neuron_that_diverges_is_the_same_for_a_team(every_sample_is_worth_a_team):
    def fault(threads):
        wild = ns.Chip([layer(200, rule=ns.Hebb(rate=1e30), competition=ns.HardWTA())], inputs=INPUTS)
        with pytest.raises(ns.DivergedError) as caught:
            wild.learn(1e6 * samples(400), threads=threads)
        return caught.value.args

    assert fault(3) == fault(1)


# The loop itself, and who is there while it runs.


class Team(Kernel):
    """The compiled loop with signals for a team, and all that is needed to play its threads by hand."""

    def __init__(self, W, threads, ahead=0, **constants):
        super().__init__(W, dtype=np.float32, **constants)
        neurons, inputs = W.shape
        self.scratch = self.scratch._replace(
            signals=np.zeros((threads, layout.SIGNALS), np.int64),
            shares=np.full((threads, max(1, ahead), neurons), NAN),
            pays=np.zeros(5, np.int64), ahead_values=np.zeros((ahead, inputs), np.float32),
            ahead_active=np.zeros((ahead, inputs), np.int32), ahead_sizes=np.zeros(ahead, np.int64),
            ahead_norms=np.zeros((2, ahead), np.float32), ahead_sums=np.zeros((ahead, neurons), np.float32),
            copies=np.zeros((inputs, 64), np.float32),
            copied=np.zeros(64, np.int64), copy_of=np.zeros(neurons, np.int64),
        )  # fmt: skip

    def part(self, X):
        """Return what each thread calls, before any is there."""
        rows, neurons = len(X), len(self.state.scales)
        self.results = layout.Results(
            *np.full((2, rows, neurons), NAN), np.full(rows, -9), np.zeros((0, neurons), np.float32)
        )
        given = layout.Samples(X.astype(np.float32), np.empty(0, np.int64), np.empty(0, np.float32))
        own = dense.Own()
        arguments = given, True, self.constants, self.state, self.scratch, self.results, own, memory.marks(False)
        return dense.team(*arguments)(*arguments)


def alone(W, X):
    kernel = Kernel(W, dtype=np.float32, competition=SOFT)
    _, results = kernel.stream(X)
    return kernel, results


def same(kernel, other, results):
    for name, array in other.state._asdict().items():
        np.testing.assert_array_equal(getattr(kernel.state, name), array, err_msg=name)
    np.testing.assert_array_equal(kernel.results.potentials, results.potentials)
    np.testing.assert_array_equal(kernel.results.winners, results.winners)


def case(seed=0, neurons=100, count=30):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(neurons, INPUTS)), sparse_samples(rng, count, INPUTS)


def test_a_sample_must_be_worth_a_team():
    W, X = case(4, count=2000)
    for pays, shared in (((0, 1 << 40, 0), False), ((0, 0, 1 << 40), False), ((0, 0, 0), True)):

        def as_expected(pays=pays, shared=shared):
            kernel = Team(W, 2, competition=SOFT)
            kernel.scratch.pays[2:] = pays
            words = together(kernel, X)
            same(kernel, *alone(W, X))
            assert shared or words[0] <= 1  # of the first sample nobody knows what it writes
            return not shared or words[0] > 1

        until(as_expected)


def until(happened):
    """Call again and again until it returns something true: on a busy machine threads may not meet at once."""
    end = time.monotonic() + 600
    while not happened():
        assert time.monotonic() < end, "it did not happen"


def together(kernel, X):
    """Let threads take samples, once all are there; return the words of all but the first."""
    part, signals = kernel.part(X), kernel.scratch.signals
    others = [threading.Thread(target=part, args=(number,)) for number in range(1, len(signals))]
    for other in others:
        other.start()
    until(lambda: (signals[1:, layout.EPOCH] != layout.NOT_STARTED).all())
    assert part(0) == (len(X), -1)
    for other in others:
        other.join(60)
        assert not other.is_alive()
    assert signals[0, layout.EPOCH] == layout.STOPPED
    return signals[1:, layout.EPOCH]


@pytest.mark.parametrize("ahead", [0, 8])
@pytest.mark.parametrize("threads", [2, 4])
def test_the_others_do_their_share(threads, ahead):
    W, X = case(count=1000)
    edges = [team.share_of(len(W), number, threads) for number in range(threads)]
    assert [start for start, _ in edges] == [0, *(end for _, end in edges[:-1])]
    assert edges[-1][1] == len(W)

    def shared():
        kernel = Team(W, threads, ahead, competition=SOFT)
        words = together(kernel, X)
        same(kernel, *alone(W, X))
        for number, (start, end) in enumerate(edges):
            share = kernel.scratch.shares[number]
            assert np.isfinite(share[0, start:end]).all() == (number > 0 and words[number - 1] > 0)
            assert np.isnan(share[:, :start]).all()
            assert np.isnan(share[:, end:]).all()
        return (words > 0).all()

    until(shared)


def test_nobody_is_waited_for_who_has_not_come():
    W, X = case(1)
    kernel = Team(W, 3, competition=SOFT)
    assert kernel.part(X)(0) == (len(X), -1)
    same(kernel, *alone(W, X))
    assert np.isnan(kernel.scratch.shares).all()


@pytest.mark.parametrize("late", [(1,), (2,), (1, 2)])
def test_who_came_and_then_lost_its_core_is_left_behind(late):
    W, X = case(2)
    kernel = Team(W, 3, competition=SOFT)
    part, signals = kernel.part(X), kernel.scratch.signals
    others = [threading.Thread(target=part, args=(number,)) for number in (1, 2) if number not in late]
    signals[list(late), layout.EPOCH] = 0  # there, and never heard of again
    for other in others:
        other.start()
    until(lambda: (signals[1:, layout.EPOCH] != layout.NOT_STARTED).all())
    assert part(0) == (len(X), -1)
    for other in others:
        other.join(60)
    same(kernel, *alone(W, X))
    assert np.isnan(kernel.scratch.shares[list(late)]).all()


def test_one_that_falls_behind_again_and_again_spoils_nothing():
    W, X = case(3, count=2000)

    def fell():
        kernel = Team(W, 2, competition=SOFT)
        part, signals, shares, stop = kernel.part(X), kernel.scratch.signals, kernel.scratch.shares, threading.Event()
        behind = []

        def taken():
            return int((kernel.results.winners >= 0).sum())

        def fall_behind():  # it writes its share when nobody waits for it any more, and comes in again
            while not stop.wait(1e-4):
                word, before = int(signals[0, layout.EPOCH]), taken()
                if word > signals[1, layout.EPOCH]:
                    until(lambda before=before: stop.is_set() or taken() > before + 1)
                    shares[1] = np.inf
                    behind.append(word)
                    signals[1, layout.EPOCH] = word

        signals[1, layout.EPOCH] = 0
        other = threading.Thread(target=fall_behind)
        other.start()
        assert part(0) == (len(X), -1)
        stop.set()
        other.join()
        same(kernel, *alone(W, X))
        return len(behind) > 1

    until(fell)


# As a chip meets it.


def test_no_race_shows_in_many_repetitions_with_more_threads_than_cores(every_sample_is_worth_a_team):
    X = samples(400)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        assert len({chip("wide").learn(X, threads=n, chunk=100).state_sha256 for n in (2, 5, 8) for _ in range(8)}) == 1
    finally:
        sys.setswitchinterval(before)


def test_chips_in_several_threads_at_once(every_sample_is_worth_a_team):
    X, found = samples(), []
    expected = chip("wide").learn(X).state_sha256
    learn = lambda: found.append(chip("wide").learn(X, threads=2).state_sha256)  # noqa: E731
    at_once = [threading.Thread(target=learn) for _ in range(4)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    assert found == [expected] * 4


def test_a_copy_has_threads_of_its_own(every_sample_is_worth_a_team):
    X = samples()
    learned = chip("wide").learn(X, threads=2)
    expected = copy.deepcopy(learned).learn(X, threads=2).state_sha256
    assert pickle.loads(pickle.dumps(learned)).learn(X, threads=2).state_sha256 == expected
    assert learned.learn(X).state_sha256 == expected


def test_an_interrupt_before_the_first_thread_begins_leaves_nobody_waiting(every_sample_is_worth_a_team, monkeypatch):
    learned = chip("wide").learn(samples(5))
    before, real = learned.state_sha256, DenseExecutor._team

    def interrupted(*arguments):
        part = real.func(learned.layers[0].executor)(*arguments)

        def stop_or_part(number):
            if number == 0:
                raise KeyboardInterrupt
            return part(number)

        return stop_or_part

    with monkeypatch.context() as patch:
        patch.setattr(DenseExecutor, "_team", property(lambda _: interrupted))
        with pytest.raises(KeyboardInterrupt):
            learned.learn(samples(20), threads=3)
    assert learned.state_sha256 == before
    with teams.CREW.team(3) as size:
        assert size == 3
    expected = chip("wide").learn(samples(5)).learn(samples(20)).state_sha256
    assert learned.learn(samples(20), threads=3).state_sha256 == expected
