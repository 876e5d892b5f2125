"""Latencies on a clock of our own, so that every number is exact: nothing here depends on how fast the machine is."""

import gc
import json
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ticking import digits, ticking

import neurosim as ns
from neurosim.latency import Bursts, Closed, Period, Poisson, Recorded
from neurosim.latency.timing import machine, outcome
from neurosim.latency.timing.clock import Clock, reading_cost, wait
from neurosim.latency.timing.loop import take
from neurosim.latency.timing.record import Record
from neurosim.latency.timing.samples import Calls
from neurosim.online.stop import Stop
from neurosim.streams import ArrayStream

TEN_NS = Period(1e8)


class Bench:
    """A clock that stands still but for sleep and samples, which take the nanoseconds they are called with."""

    def __init__(self, oversleep=0, begin=1000):
        self.time, self.oversleep = begin, oversleep
        self.clock = Clock(lambda: self.time, self.sleep, 0)

    def sleep(self, seconds):
        self.time += round(seconds * 1e9) + self.oversleep

    def one(self, service):
        self.time += service

    def take(self, services, due=None, **options):
        return take(self.one, Calls([(service,) for service in services]), due, self.clock, **options).record


def test_in_a_closed_loop_a_sample_is_due_when_the_last_is_done():
    record = Bench().take([5, 3, 9])
    assert record.due.tolist() == record.start.tolist() == [0, 5, 8]
    assert record.done.tolist() == [5, 8, 17]
    assert record.response.tolist() == record.service.tolist() == [5, 3, 9]


def test_in_an_open_loop_waiting_counts():
    record = Bench().take([25, 5, 5, 2], TEN_NS.due(0, 4))
    assert record.due.tolist() == [0, 10, 20, 30]
    assert record.start.tolist() == [0, 25, 30, 35]
    assert record.service.tolist() == [25, 5, 5, 2]
    assert record.response.tolist() == [25, 20, 15, 7]
    assert outcome.backlog(record).tolist() == [0, 1, 1, 0]
    assert outcome.lateness(record).tolist() == [0]


def test_one_stall_is_seen_by_all_samples_behind_it():
    services = [1] * 10 + [1000] + [1] * 189
    closed, opened = Bench().take(services), Bench().take(services, TEN_NS.due(0, 200))
    assert (closed.response > 10).sum() == 1  # the loop waited with the next sample: the stall is omitted
    assert (opened.response > 10).sum() == 110  # 1000 - 9 k > 10 for k = 0...109


def test_a_sleep_that_is_too_long_counts_and_is_told_apart():
    record = Bench(oversleep=3).take([2, 9, 2, 2], TEN_NS.due(0, 4))
    assert record.start.tolist() == [0, 13, 22, 33]
    assert record.response.tolist() == [2, 12, 4, 5]
    assert outcome.lateness(record).tolist() == [0, 3, 3]  # of the samples 0, 1 and 3; the third came meanwhile


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40), st.integers(0, 4)
)  # gaps and services
def test_open_loops_are_queues(pairs, oversleep):
    due = np.cumsum([gap for gap, _ in pairs]) - pairs[0][0]
    services = [service for _, service in pairs]
    record, free = Bench(oversleep).take(services, due), 0
    for i, service in enumerate(services):
        start = due[i] + oversleep if due[i] > free else max(due[i], free)
        assert record.start[i] == start
        free = start + service
        assert record.done[i] == free
    waiting = [int((due <= start).sum()) - i - 1 for i, start in enumerate(record.start)]
    assert outcome.backlog(record).tolist() == waiting


def test_the_last_stretch_before_a_moment_is_spun():
    slept = []
    moments = iter(range(100))
    wait(50, Clock(lambda: next(moments), slept.append, 20), contextmanager(lambda: iter([None])))
    assert slept == [pytest.approx(30e-9)]
    assert next(moments) == 51  # read until it was 50


def test_what_is_late_is_not_waited_for():
    wait(5, Clock(lambda: 6, pytest.fail, 0), pytest.fail)


def test_warm_up_is_taken_and_not_recorded():
    bench = Bench()
    record = bench.take([100, 200, 5, 3], TEN_NS.due(0, 2), warm_up=2)
    assert record.response.tolist() == [5, 3]
    assert bench.time == 1000 + 300 + 10 + 3


def test_a_stop_ends_it_between_samples():
    answers = iter([False, False, True])
    assert Bench().take([5, 3, 9], stop=lambda: next(answers)).done.tolist() == [5, 8]


def test_a_stop_ends_it_while_it_waits():
    rooms = iter([False, True])

    @contextmanager
    def pause():
        if next(rooms):
            raise Stop
        yield

    assert Bench().take([5, 5, 5, 5], TEN_NS.due(0, 4), pause=pause).start.tolist() == [0, 10]


def test_a_reading_of_the_clock_is_timed():
    assert reading_cost(ticking(7)) == 7


@pytest.mark.parametrize(("name", "needed"), [("p50", 2), ("p90", 10), ("p99", 100), ("p999", 1000), ("p9999", 10_000)])
def test_a_percentile_needs_a_sample_beyond_it(name, needed):
    enough, few = (outcome.distribution(np.arange(count)) for count in (needed, needed - 1))
    assert enough[f"{name}_s"] == (needed - 2) / 1e9  # all but the largest
    assert few[f"{name}_s"] is None
    assert outcome.too_few(needed - 1)[name] == needed
    assert name not in outcome.too_few(needed)


@settings(deadline=None)
@given(st.integers(1, 25_000), st.integers(0, 2**32), st.sampled_from([3, 1000, 10**9]))
def test_percentiles_are_exact(count, seed, largest):
    latencies = np.random.default_rng(seed).integers(0, largest, count)
    found = outcome.distribution(latencies)
    values, counts = np.unique(latencies, return_counts=True)
    for name, part in outcome.PERCENTILES.items():
        if (10**6 - part) * count >= 10**6:
            least = values[np.argmax(np.cumsum(counts) * 10**6 >= part * count)]
            assert found[f"{name}_s"] == least / 1e9


def test_jitter_mean_and_spread():
    found = outcome.distribution(np.array([10, 30, 20, 60]))
    assert (found["min_s"], found["max_s"], found["mean_s"]) == (1e-8, 6e-8, 3e-8)
    assert found["jitter_s"] == pytest.approx((20 + 10 + 40) / 3 * 1e-9)
    assert found["standard_error_s"] == pytest.approx(np.std([10, 30, 20, 60], ddof=1) / 2 * 1e-9)
    tail = outcome.distribution(np.arange(1000))
    assert tail["p99_minus_p50_s"] == pytest.approx(490e-9)


def test_a_single_sample_has_a_largest_latency_and_no_jitter():
    found = outcome.distribution(np.array([7]))
    assert found["max_s"] == 7 / 1e9
    assert found["jitter_s"] is found["p50_s"] is found["standard_error_s"] is None


def test_a_deadline_is_missed_after_it_and_not_at_it():
    found = outcome.misses(np.array([199_999, 200_000, 200_001, 300_000]), 200e-6)
    assert (found["deadline_misses"], found["deadline_miss_share"]) == (2, 0.5)


def test_pace_tells_what_came_from_what_was_done():
    record = Record(*(np.array(moments) * 10**9 for moments in ([0, 1, 2], [0, 2, 4], [2, 4, 6])))
    assert outcome.pace(record) == {"samples_per_s": 0.5, "busy_share": 1.0}
    assert outcome.queue(record)["offered_per_s"] == 1.0


def test_periods_do_not_drift():
    due = Period(3).due(7, 3001)
    assert due[-1] == 10**12
    assert {after - before for before, after in pairwise(due.tolist())} == {333_333_333, 333_333_334}


def test_bursts_come_at_once():
    assert Bursts(1000, 3).due(0, 7).tolist() == [0, 0, 0, 3_000_000, 3_000_000, 3_000_000, 6_000_000]


def test_poisson_gaps_depend_on_the_seed_alone_and_are_exponential():
    due = Poisson(1000, seed=1).due(0, 20_001)
    gaps = np.diff(due) / 1e6
    assert due[0] == 0
    assert np.array_equal(due[:100], Poisson(1000, seed=1).due(50, 100))
    assert not np.array_equal(due, Poisson(1000, seed=2).due(0, 20_001))
    assert gaps.mean() == pytest.approx(1, abs=0.03)
    assert (gaps > 2).mean() == pytest.approx(np.exp(-2), abs=0.01)


def test_timestamps_are_those_of_the_samples_taken():
    arrivals = Recorded(np.array([5, 10, 10, 40], np.uint64))
    assert arrivals.due(1, 3).tolist() == [0, 0, 30_000]
    with pytest.raises(ns.ConfigError, match="at least 5, one for each sample"):
        arrivals.due(1, 4)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: Period(0), "rate must be positive, in samples a second, got 0"),
    (lambda: Poisson(-1), "rate must be positive"),
    (lambda: Bursts(float("nan")), "rate must be positive"),
    (lambda: Period(float("inf")), "rate must be positive, in samples a second and finite"),
    (lambda: Bursts(1, 0), "burst must be a whole number of at least 1"),
    (lambda: Poisson(1, -1), "seed must be a whole number of at least 0"),
    (lambda: Recorded([1, 3, 2]), "timestamp 2 must be at least the one before, 3: time runs forwards, got 2"),
    (lambda: Recorded([1.5, 2]), "timestamps must be whole numbers of microseconds, one a sample"),
    (lambda: Recorded([[1], [2]]), "timestamps must be whole numbers of microseconds, one a sample"),
    (lambda: Recorded([0, 2**62]), "timestamps must be within"),
    (lambda: Period(1e-300), "rate must be at least 1e-09 samples a second, got 1e-300"),
    (lambda: Period(1e-9).due(0, 10), "rate must be large enough that 10 samples come within"),
])  # fmt: skip
def test_arrivals_that_cannot_be_are_refused(make, words):
    with pytest.raises(ns.ConfigError, match=words):
        make()


def test_it_learns_what_a_plain_loop_learns(make_chip, samples):
    chip, plain = make_chip(12, 5), make_chip(12, 5)
    report = ns.bench(chip, digits(), samples=150, warm_up=20)
    for x in samples[:171]:
        plain.learn_one(x)
    assert chip.state_sha256 == plain.state_sha256
    assert report.summary()["samples"] == len(report.record.done) == 150
    assert (report.record.service > 0).all()


@pytest.mark.parametrize("stages", [False, True])
def test_responding_changes_nothing(make_chip, stages):
    chip = make_chip(12)
    before = chip.state_sha256
    report = ns.bench(chip, digits(), learning=False, samples=10, stages=stages)
    assert chip.state_sha256 == before
    assert (report.layers is not None) == stages


def test_layers_are_timed_in_a_pass_of_their_own(make_chip, samples):
    chip, plain = make_chip(12, 5), make_chip(12, 5)
    report = ns.bench(chip, digits(), samples=30, warm_up=0, stages=True)
    for x in (*samples[:31], *samples[1:31]):
        plain.learn_one(x)
    assert chip.state_sha256 == plain.state_sha256
    assert report.layers.shape == (30, 2)
    assert [layer["max_s"] > 0 for layer in report.summary()["layers"]] == [True, True]
    assert "layer 2" in report.table()


def test_the_time_in_the_loop_is_a_part_of_the_call_and_the_same_as_a_run_reports(make_chip, samples):
    chip, other = make_chip(12, 5), make_chip(12, 5)
    report = ns.bench(chip, ArrayStream(samples), warm_up=50)
    assert len(report.loop) == len(report.record.start) == 249
    assert (report.loop > 0).all()
    assert (report.loop < report.record.service).all()
    assert report.summary()["loop"]["p50_s"] == np.sort(report.loop)[124] / 1e9
    assert "in the loop" in report.table()
    assert len(chip._one_by_one.steps[0].runner.begun) == 0  # what is not measured reads no clock
    assert ns.run(other, ArrayStream(samples)).latencies.counts.sum() == 300
    assert chip.state_sha256 == other.state_sha256


def test_labels_are_handed_to_a_layer_that_is_taught():
    chip = ns.Chip([ns.recipes.supervised_softhebb(10)], inputs=64)
    ns.bench(chip, digits(), samples=50, warm_up=0, stages=True)
    assert (chip.samples, chip.layers[0].blanks) == (101, 0)


@pytest.mark.slow
def test_without_a_number_it_takes_what_there_is_and_as_many_as_p9999_needs(make_chip):
    assert ns.bench(make_chip(3), digits()).summary()["samples"] == 1797 - 101
    report = ns.bench(make_chip(3), digits(epochs=6))
    assert report.summary()["samples"] == 10_000
    assert report.summary()["too_few_samples_for"] == {}
    assert report.summary()["service"]["p9999_s"] is not None


@pytest.mark.parametrize(("options", "error", "words"), [
    ({"samples": 1797}, ns.SampleError, "digits must hold at least 1898 samples, .* got 1797; ask for fewer"),
    ({"warm_up": 1797}, ns.SampleError, "digits must hold at least 1799 samples"),
    ({"samples": 0}, ns.ConfigError, "samples must be a whole number of at least 1"),
    ({"warm_up": -1}, ns.ConfigError, "warm_up must be a whole number of at least 0"),
    ({"deadline": 0}, ns.ConfigError, "deadline must be positive, in seconds, got 0"),
    ({"deadline": float("nan")}, ns.ConfigError, "deadline must be positive"),
    ({"arrivals": "closed"}, ns.ConfigError, "arrivals must be Closed, Period, Poisson, Bursts or Recorded"),
    ({"arrivals": Recorded([1, 2])}, ns.ConfigError, "timestamps must be at least 1797"),
    ({"learning": 1}, ns.ConfigError, "learning must be True or False"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused(make_chip, options, error, words):
    chip = make_chip(3)
    with pytest.raises(error, match=words):
        ns.bench(chip, digits(), **options)
    assert chip.samples == 0


def test_other_widths_and_arrays_are_refused(make_chip, samples):
    with pytest.raises(ns.SampleError, match="samples of digits must have 63 inputs, got 64"):
        ns.bench(make_chip(3, inputs=63), digits())
    with pytest.raises(ns.ConfigError, match="stream must be a Stream"):
        ns.bench(make_chip(3), samples)


@pytest.mark.parametrize("bad", [0, 3, 7])
def test_a_sample_that_is_refused_is_named_by_its_place(make_chip, samples, bad):
    wrong = samples[:10].copy()
    wrong[bad, 0] = np.nan
    with pytest.raises(ns.SampleError, match=f"mine, sample {bad}, taken by itself: .* must be finite"):
        ns.bench(make_chip(3), ns.streams.ArrayStream(wrong, name="mine"), warm_up=4)


def test_a_stop_keeps_what_was_measured(make_chip):
    chip = make_chip(3, 2)
    report = ns.bench(chip, digits(), warm_up=10, stages=True, stop=lambda: chip.samples == 31)
    summary = report.summary()
    assert (summary["samples"], summary["interrupted"], summary["layers"]) == (20, True, None)
    assert "(interrupted)" in report.table()


def test_a_stop_in_the_second_pass_is_told_too(make_chip):
    chip = make_chip(3)
    report = ns.bench(chip, digits(), samples=20, warm_up=0, stages=True, stop=lambda: chip.samples == 31)
    assert (report.summary()["samples"], report.layers.shape, report.summary()["interrupted"]) == (20, (10, 1), True)


def test_a_stop_before_the_first_measured_sample_measures_nothing(make_chip):
    assert ns.bench(make_chip(3), digits(), stop=lambda: True) is None


def test_on_a_clock_of_ones_own_every_number_is_known(make_chip):
    report = ns.bench(make_chip(3), digits(), samples=100, clock=ticking(50), deadline=40e-9)
    summary = report.summary()
    assert summary["timer_s"] == summary["first_sample_cold_s"] == summary["first_sample_warm_s"] == 50e-9
    assert summary["service"]["p99_s"] == summary["service"]["max_s"] == 50e-9
    assert (summary["deadline_misses"], summary["deadline_miss_share"]) == (100, 1.0)
    assert summary["samples_per_s"] == pytest.approx(1 / 100e-9, rel=0.01)
    assert summary["backlog_max"] is summary["offered_per_s"] is None


def test_summaries_are_plain(make_chip):
    for arrivals in (Closed(), Bursts(1e5), Recorded(np.arange(2000))):
        report = ns.bench(make_chip(3), digits(), samples=20, arrivals=arrivals)
        assert json.loads(json.dumps(report.summary(), allow_nan=False))["samples"] == 20
        assert report.table().count("\n") > 15


@pytest.mark.parametrize(("service", "overload"), [(9, False), (11, True)])
def test_a_rate_that_is_too_high_is_said(make_chip, service, overload):
    report = ns.bench(make_chip(3), digits(), samples=3, arrivals=TEN_NS)
    shown = replace(report, record=Bench().take([service] * 50, TEN_NS.due(0, 50))).table()
    assert ("more than the chip can do" in shown) == overload


@pytest.mark.parametrize("garbage", [True, False])
def test_the_collector_is_off_if_asked_and_on_again(make_chip, garbage, monkeypatch):
    chip, seen = make_chip(3), set()
    learn = ns.Chip.learn_one
    monkeypatch.setattr(ns.Chip, "learn_one", lambda *call: (seen.add(gc.isenabled()), learn(*call))[1])
    report = ns.bench(chip, digits().__class__(np.ones((50, 64))), warm_up=0, garbage=garbage)
    assert garbage in seen
    assert gc.isenabled()
    assert report.summary()["garbage_collector"] is garbage
    assert garbage or report.summary()["interruptions"]["collections"] == 0


def test_a_machine_that_does_not_tell_is_unknown(monkeypatch, tmp_path, make_chip):
    monkeypatch.setattr(machine, "GOVERNOR", tmp_path / "none")
    monkeypatch.setattr(machine, "PROCESSOR", tmp_path / "none")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    found = machine.environment()
    assert found["governor"] is found["processor"] is None
    assert "governor unknown" in ns.bench(make_chip(3), digits(), samples=3).table()
    (tmp_path / "none").write_text("model name\t: A Chip of 1979\n")
    assert machine.environment()["processor"] == "A Chip of 1979"
