"""Latencies of priced runs: by hand on one core, and what must hold on many."""

import counted
import described
import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.table import table
from neurosim.hardware.timeline import simulation
from neurosim.hardware.timeline.flow import load, plan
from neurosim.hardware.timeline.schedule import schedule

NANO = 1000  # picoseconds
ALONE = ns.latency.Closed()


@pytest.fixture
def plain(tmp_path):
    return hardware.load(described.written(tmp_path))


def one_core(samples=20, seed=0):
    """Seven soft neurons on core 0; any number of events and of neurons written."""
    random = np.random.default_rng(seed)
    written = random.random((samples, 7)) < 0.3
    return counted.counts(counted.layer(counted.dense(0, 40, 7), random.integers(0, 41, samples), written))


def by_hand(run, arrivals):
    """One sample after the other through the port, the core's queue, its update, and its learning, in ns."""
    free, answered, ends = 0, [], []
    for n, due in enumerate(arrivals):
        taken = max(due, free)
        port = core = taken
        for _ in range(run.layers[0].events[n]):
            port += 17  # the port's link
            core = max(core, port) + 11 + 7 * 2  # the event comes in, and reaches seven synapses
        core += 7 * (3 + 5) + 13  # neurons are updated, with an exponential each, and the response is sent
        answered.append(core)
        free = core + run.layers[0].writes[n] * 7
        ends.append(free)
    return np.array(answered), np.array(ends)


def test_samples_alone_by_hand(plain):
    run = one_core()
    found = schedule(hardware.place([run.layers[0].demand], plain), run, ALONE)
    answered, ends = by_hand(run, np.arange(20) * 1_000_000)
    assert found.latency_s * 1e9 == pytest.approx(answered - np.arange(20) * 1_000_000, rel=1e-12, abs=0)
    assert found.held_s * 1e9 == pytest.approx(ends - np.arange(20) * 1_000_000, rel=1e-12, abs=0)
    assert (found.waiting_s == 0).all()
    assert (found.backlog, found.lost, found.untimed) == (1, 0, ())


@pytest.mark.parametrize("rate", [1e5, 1e6, 1e7])
def test_samples_by_the_clock_by_hand(plain, rate):
    run, arrivals = one_core(), ns.latency.Poisson(rate, seed=5)
    found = schedule(hardware.place([run.layers[0].demand], plain), run, arrivals)
    due = arrivals.due(0, 20)
    answered, ends = by_hand(run, due)
    assert found.latency_s * 1e9 == pytest.approx(answered - due, rel=1e-12, abs=0)
    taken = np.maximum(due, np.concatenate([[0], ends[:-1]]))
    assert found.waiting_s * 1e9 == pytest.approx(taken - due, rel=1e-12, abs=1e-6)
    assert found.backlog == max(sum(due[m] <= due[n] < answered[m] for m in range(n + 1)) for n in range(20))
    following = arrivals.due(0, 21)[-1]  # the run lasts until the sample after its last one comes
    assert found.held_s.sum() * 1e9 == pytest.approx(max(ends.max(), answered.max(), following), rel=1e-12, abs=0)


def test_the_limit_is_that_of_samples_always_at_hand(plain):
    run = one_core()
    _, ends = by_hand(run, np.zeros(20))
    mapping = hardware.place([run.layers[0].demand], plain)
    for arrivals in (ALONE, ns.latency.Period(1000)):
        assert schedule(mapping, run, arrivals).limit_hz == pytest.approx(20e9 / ends[-1], rel=1e-12, abs=0)


def many_cores(samples=30, seed=1):
    """Twenty neurons on three cores, then six on the fourth."""
    random = np.random.default_rng(seed)
    sent = random.random((samples, 20)) < 0.4
    first = counted.layer(
        counted.dense(0, 30, 20), random.integers(0, 31, samples), random.random((samples, 20)) < 0.2, sent
    )
    second = counted.layer(counted.dense(1, 20, 6), sent.sum(axis=1), random.random((samples, 6)) < 0.2)
    return counted.counts(first, second)


def played(run, chip, arrivals):
    mapping = hardware.place([layer.demand for layer in run.layers], chip)
    planned = plan(mapping)
    copies, services = load(planned, mapping, run)
    return planned, copies, simulation.simulate(planned.network, arrivals, copies, services)


def test_a_sample_enters_a_layer_when_that_has_learned_from_the_one_before(plain):
    run = many_cores()
    planned, _, found = played(run, plain, np.arange(30) * 200 * NANO)
    names = planned.network.stages
    for layer in (0, 1):
        learned = found.fired[:, names.index(f"learned {layer}")]
        parts = [place for place, name in enumerate(names) if name.startswith(f"integrated {layer} ")]
        entered = found.fired[:, 0] if layer == 0 else found.fired[:, parts].min(axis=1)
        assert (entered[1:] >= learned[:-1]).all()
    assert (found.fired >= 0).all()
    # And yet layers are at work at the same time.
    assert (found.fired[1:, 0] < found.fired[:-1, names.index("learned 1")]).any()


def test_every_event_of_the_energy_is_one_of_the_timeline(plain):
    """Hops and events are counted in two ways: by the formula that is priced, and one by one on the timeline."""
    run = many_cores()
    planned, _, found = played(run, plain, np.arange(30) * 100_000 * NANO)
    mapping = hardware.place([layer.demand for layer in run.layers], plain)
    counts = operations(mapping, run)
    links = [place for place, name in enumerate(planned.network.resources) if name.startswith("link")]
    hops = counts["hop_east_west"].sum() + counts["hop_north_south"].sum()
    assert found.served[links].sum() == hops


def test_more_lanes_and_less_work_are_never_slower(plain, tmp_path):
    run = many_cores()
    base = hardware.price(run, plain)
    wide = hardware.price(run, hardware.load(tmp_path / "plain.toml", {"structure.lanes": 4}))
    assert (wide.schedule.latency_s <= base.schedule.latency_s).all()
    idle = run._replace(layers=tuple(layer._replace(packed=np.zeros_like(layer.packed)) for layer in run.layers))
    assert hardware.price(idle, plain).schedule.limit_hz > base.schedule.limit_hz


def test_events_may_be_lost_or_wait_where_queues_are_short(tmp_path):
    run = many_cores()
    path = described.written(tmp_path)
    for policy, lost in (("drop", True), ("block", False)):
        chip = hardware.load(path, {"structure.queue": 1, "structure.when_full": policy})
        report = hardware.price(run, chip)
        assert (report.schedule.lost > 0) == lost
        summary = report.summary()
        assert (0 < summary["lost_share"] <= 1) if lost else summary["lost_share"] == 0
        assert summary["lost_events"] == round(summary["lost_share"] * report.schedule.sent)
        assert ("found no room" in table(summary)) == lost


def test_what_has_no_time_is_told(tmp_path):
    chip = hardware.load(described.written(tmp_path, times={"synaptic_operation": 2}))
    found = hardware.price(one_core(), chip).schedule
    assert found.untimed == ("neuron_update", "exponential", "weight_update", "event_in", "event_out", "hop")
    none = hardware.price(one_core(), hardware.load(described.written(tmp_path, times={})))
    assert none.schedule is None
    assert none.static_J is None
    assert none.summary()["latency_s"] is None
    with pytest.raises(ConfigError, match="time of plain must be given, for a deadline or arrivals"):
        hardware.price(one_core(), hardware.load(described.written(tmp_path, times={})), deadline=1)


def test_only_the_first_samples_may_be_timed(plain):
    run = one_core()
    report = hardware.price(run, plain, timed_samples=5)
    assert report.summary()["timed_samples"] == 5
    assert len(report.energy_J[1]) == 20
    with pytest.raises(ConfigError, match="timed_samples must be a whole number of at least 1"):
        hardware.price(run, plain, timed_samples=0)


def test_static_energy_is_power_times_the_time_a_sample_takes(plain):
    report = hardware.price(one_core(), plain)
    assert report.static_J[1] == pytest.approx(0.031 * report.schedule.held_s, rel=1e-12, abs=0)
    assert report.energy_J[1] == pytest.approx(report.energy.total[1] + report.static_J[1], rel=1e-12, abs=0)
    summary = report.summary()
    assert summary["energy_J"] == pytest.approx(sum(summary["energy_split_J"].values()), rel=1e-12, abs=0)
