"""The one way through a layer: chunks of any size, bound or not, learning, counting and marking, give the same bits."""

import copy
import pickle
import time

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.conv.marked import marked as conv_marked
from neurosim.engine.dense.marked import marked as dense_marked
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples

SOFT = ns.SoftWTA(temperature=0.5)
LAYERS = {
    "dense": (ns.DenseWTA(9, competition=SOFT, rule=ns.SoftHebb(rate=0.05), transmit=ns.ReLU()), 72),
    "window": (ns.DenseWTA(9, competition=SOFT, rule=ns.SoftHebb(rate=0.05), window=3), 72),
    "taught": (ns.DenseWTA(9, competition=ns.Corrected(), rule=ns.Hebb(rate=0.1), initial="zeros"), 72),
    "conv": (ns.ConvWTA(5, kernel=3, competition=SOFT, rule=ns.SoftHebb(rate=0.05)), (2, 6, 6)),
}
COUNT = 23


def layer_of(name):
    constants, inputs = LAYERS[name]
    return ns.Chip([constants], inputs=inputs, seed=3).layers[0]


def samples(seed=0):
    rng = np.random.default_rng(seed)
    values = rng.random((COUNT, 72), np.float32) * (rng.random((COUNT, 72)) < 0.5)
    return Samples(values.astype(np.float32), rng.integers(-1, 9, COUNT), rng.normal(1, 0.3, COUNT).astype(np.float32))


def through(runner, chunk, learning=True):
    """Take all samples through a layer, in chunks; return the results of all."""
    kept = []
    for start in range(0, COUNT, chunk):
        taken = runner.run(samples().cut(start, min(start + chunk, COUNT)), learning, start)
        assert taken.error is None
        kept.append(runner.hand_over(taken))
    return [np.concatenate(arrays) for arrays in zip(*kept, strict=True)]


def same(one, other):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def state_of(layer):
    return layer.arrays().values()


MARKED = pytest.mark.slow  # compiles the loop of images once more


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_chunks_of_any_size_give_the_same_results_and_the_same_state(name, learning):
    expected = layer_of(name)
    results = through(LayerRunner(expected, COUNT, rows=COUNT), COUNT, learning)
    for chunk in (1, 4):
        layer = layer_of(name)
        assert same(through(LayerRunner(layer, chunk, rows=chunk), chunk, learning), results)
        assert same(state_of(layer), state_of(expected))


@pytest.mark.parametrize("chunk", [1, 6])
@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKED if name == "conv" else []) for name in LAYERS])
def test_counting_and_marking_change_no_bit(name, chunk):
    plain = layer_of(name)
    through(LayerRunner(plain, chunk), chunk)
    for options in ({"counting": True}, {"marking": True}):
        layer = layer_of(name)
        through(LayerRunner(layer, chunk, **options), chunk)
        assert same(state_of(layer), state_of(plain))


@pytest.mark.parametrize("chunk", [1, 6])
@pytest.mark.parametrize("name", LAYERS)
def test_each_sample_is_timed_and_that_changes_no_bit(name, chunk):
    plain, layer = layer_of(name), layer_of(name)
    through(LayerRunner(plain, chunk), chunk)
    runner, total = LayerRunner(layer, chunk, timing=True), 0
    begun = time.perf_counter_ns()
    for start in range(0, COUNT, chunk):
        taken = runner.run(samples().cut(start, min(start + chunk, COUNT)), True, start)
        assert (runner.nanoseconds(taken.done) > 0).all()
        assert len(runner.nanoseconds(taken.done)) == taken.done
        total += runner.nanoseconds(taken.done).sum()
    assert total <= time.perf_counter_ns() - begun
    assert same(state_of(layer), state_of(plain))


@pytest.mark.parametrize("chunk", [1, 6])
def test_taking_a_record_is_no_part_of_any_samples_time(chunk, monkeypatch):
    layer, apart = layer_of("dense"), []

    def record():
        begun = time.perf_counter_ns()
        time.sleep(2e-3)
        apart.append(time.perf_counter_ns() - begun)

    monkeypatch.setattr(layer, "until_record", lambda: 1)
    monkeypatch.setattr(layer, "record_if_due", record)
    runner, total, begun = LayerRunner(layer, chunk, timing=True), 0, time.perf_counter_ns()
    for start in range(0, 12, chunk):
        runner.run(samples().cut(start, start + chunk), True, start)
        total += runner.nanoseconds(chunk).sum()
    assert len(apart) == 12
    assert total <= time.perf_counter_ns() - begun - sum(apart)


def test_of_a_chunk_that_ends_early_those_before_are_timed():
    given, runner = samples(), LayerRunner(layer_of("dense"), COUNT, timing=True)
    given.values[9, 3] = np.nan
    taken = runner.run(given, True)
    assert taken.done == 9
    assert (runner.nanoseconds(9) > 0).all()


@pytest.mark.parametrize("name", LAYERS)
def test_counts_do_not_depend_on_the_chunk(name):
    alone, together = (through(LayerRunner(layer_of(name), n, counting=True), n)[-2:] for n in (1, COUNT))
    assert same(alone, together)
    assert alone[0][:, 0].tolist() == np.count_nonzero(samples().values, axis=1).tolist()
    assert alone[1].any()


@pytest.mark.parametrize("chunk", [1, 3])
def test_marks_are_those_of_the_last_sample(chunk):
    for name, marked in (("dense", dense_marked), ("conv", lambda *made: conv_marked(*made, 0))):
        layer, before = layer_of(name), 0
        runner = LayerRunner(layer, chunk, marking=True)
        for n in range(4):
            runner.run(samples().cut(n, n + chunk), n % 2 == 0)
            moments = marked(layer, runner).moments
            assert moments[0] >= before
            assert (moments[-1] > 0) == (n % 2 == 0)  # nothing is left of the sample that was learned before
            before = moments.max()


@pytest.mark.parametrize("chunk", [1, 5])
def test_results_that_were_handed_over_stay(chunk):
    runner = LayerRunner(layer_of("dense"), chunk, rows=chunk)
    kept = runner.hand_over(runner.run(samples().cut(0, chunk), True))
    before = copy.deepcopy(kept)
    for start in range(chunk, 4 * chunk, chunk):
        runner.run(samples().cut(start, start + chunk), True)
    assert same(kept, before)


def test_results_that_were_not_handed_over_are_written_again():
    runner = LayerRunner(layer_of("dense"), 5)
    first, second = (runner.run(samples().cut(start, start + 5), True).results for start in (0, 5))
    assert np.shares_memory(first.outputs, second.outputs)


@pytest.mark.parametrize("chunk", [1, 4, 10])
def test_an_error_numbers_samples_from_the_first(chunk):
    layer, given = layer_of("dense"), samples()
    given.values[9, 3] = np.nan
    runner = LayerRunner(layer, chunk)
    for start in range(0, 10, chunk):
        taken = runner.run(given.cut(start, min(start + chunk, 10)), True, 100 + start)
    assert isinstance(taken.error, ns.SampleError)
    assert str(taken.error).startswith("sample 109, input 3 of layer 1 must be finite")
    assert taken.done == 9 - start
    assert layer.samples == 9


@pytest.mark.parametrize("chunk", [1, 8, COUNT])
@pytest.mark.parametrize("name", ["dense", "conv"])
def test_records_fall_due_within_a_chunk(name, chunk, monkeypatch):
    monkeypatch.setattr("neurosim.instruments.FIRST_INTERVAL", 5)
    layer = layer_of(name)
    through(LayerRunner(layer, chunk), chunk)
    assert layer.records["sample"].tolist() == [5, 10, 15, 20]


def test_more_samples_than_one_go_through_a_runner_for_one():
    layer, other = layer_of("dense"), layer_of("dense")
    runner = LayerRunner(layer, 1)
    for start, stop in ((0, 1), (1, 2), (2, 9), (9, 10), (10, COUNT)):
        taken = runner.run(samples().cut(start, stop), True)
        assert taken.done == len(taken.results.winners) == stop - start
    through(LayerRunner(other, COUNT), COUNT)
    assert same(state_of(layer), state_of(other))


def test_after_a_label_and_a_modulator_comes_a_sample_with_neither():
    layer, other = layer_of("taught"), layer_of("taught")
    runner, given = LayerRunner(layer, 1), samples()
    for n in range(COUNT):
        one = given.cut(n, n + 1)
        runner.run(one if n % 3 else Samples(one.values), True)
    bare = np.arange(COUNT) % 3 == 0
    mixed = Samples(given.values, np.where(bare, -1, given.labels), np.where(bare, np.float32(1), given.modulators))
    LayerRunner(other, COUNT).run(mixed, True)
    assert same(state_of(layer), state_of(other))


@pytest.mark.parametrize("double", [copy.deepcopy, lambda runner: pickle.loads(pickle.dumps(runner))])
@pytest.mark.parametrize("chunk", [1, 4])
def test_a_copy_binds_memory_of_its_own(double, chunk):
    runner = LayerRunner(layer_of("dense"), chunk)
    for _ in range(3):
        runner.run(samples().cut(0, chunk), True)
    twin, before = double(runner), [array.copy() for array in state_of(runner.layer)]
    results = twin.hand_over(twin.run(samples().cut(4, 4 + chunk), True))
    assert same(state_of(runner.layer), before)
    assert same(runner.hand_over(runner.run(samples().cut(4, 4 + chunk), True)), results)
    assert same(state_of(runner.layer), state_of(twin.layer))
