"""Power states: sleeping on the timeline beside a plain replay; energies and latencies by closed forms."""

from dataclasses import replace

import counted
import described
import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from reference_timeline import Reference
from timeline_networks import cases, plain, plain_reference

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.table import table
from neurosim.hardware.timeline.simulation import simulate

COUNT, EVENTS, WRITTEN = 20, 10, 2
ANSWERED = 17 + 25 * EVENTS + 7 * 8 + 13  # ns: hop, events at the core, seven soft neurons, the response leaves
DONE = 17 + 25 * EVENTS + 7 * 8 + max(13, 13 + WRITTEN * EVENTS * 7)  # the core answers, and then learns
STATIC, IDLE, SLEEP = 31e-3, 7e-3, 2e-3  # W
WAKE_ns, WAKE_pJ, AFTER_ns = 40, 900, 300
PERIOD_ns = 10_000


def moved(case, after, wake):
    """Return arrivals as a chip that sleeps takes them: asked anew, for each sample, of all samples before it."""
    network, arrivals, copies, services = case
    taken = [int(moment) for moment in arrivals]
    for n in range(1, len(taken)):
        before = Reference(network, taken[:n], copies[:n], services[:n]).run()
        assume(not before.stuck)
        taken[n] = max(taken[n], taken[n - 1])
        if taken[n] - before.now > after:
            event("woke")
            taken[n] += wake
    return taken


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(0, 8), st.integers(0, 5))
def test_sleeping_is_arriving_later(case, after, wake):
    network, _, copies, services = case
    expected = Reference(network, moved(case, after, wake), copies, services).run()
    assume(not expected.stuck)
    found = simulate(replace(network, sleep_after=after, wake=wake), case[1], copies, services)
    assert plain(found) == plain_reference(expected)


def run(count=COUNT):
    """The same sample again and again, on seven neurons of one core."""
    written = np.zeros((count, 7), np.bool_)
    written[:, :WRITTEN] = True
    return counted.counts(counted.layer(counted.dense(0, 40, 7), np.full(count, EVENTS), written))


@pytest.fixture
def chip(tmp_path):
    """Return a function that loads a chip with power states; constants are half at the low end, double at the high."""

    def load(idle=True, sleep=True, **states):
        text = described.text()
        text += described.constant("power", "idle", 7, "mW") if idle else ""
        if sleep:
            text += described.constant("power", "sleep", 2, "mW") + described.constant("time", "wake", WAKE_ns, "ns")
            text += described.constant("energy", "wake", WAKE_pJ, "pJ")
            states = {"sleep_after_s": AFTER_ns * 1e-9} | states
        text += "[power_states]\n" + "".join(f"{key} = {value!r}\n" for key, value in states.items())
        path = tmp_path / "states.toml"
        path.write_text(text)
        return hardware.load(path)

    return load


def every(period_ns):
    return ns.latency.Period(1e9 / period_ns)


def test_energy_of_a_period_with_a_clock_that_stops(chip):
    report = hardware.price(run(), chip(sleep=False), arrivals=every(PERIOD_ns))
    gap = PERIOD_ns - DONE
    each = (DONE * STATIC + gap * IDLE) * 1e-9
    assert report.static_J[1] == pytest.approx(each, rel=1e-9, abs=0)
    assert report.schedule.latency_s * 1e9 == pytest.approx(ANSWERED, rel=1e-9, abs=0)
    # Low: half the time at half the power; the gaps are longer. High: twice.
    for row, factor in ((0, 0.5), (2, 2)):
        each = (DONE * factor * STATIC + (PERIOD_ns - DONE * factor) * IDLE) * factor * 1e-9
        assert report.static_J[row] == pytest.approx(each, rel=1e-9, abs=0)


def test_energy_and_latency_of_a_period_with_sleep(chip):
    report = hardware.price(run(), chip(), arrivals=every(PERIOD_ns))
    # The first sample finds the chip awake, which wakes within the last gap; each later one is done so much later.
    asleep = PERIOD_ns - DONE - WAKE_ns - AFTER_ns
    each = ((DONE + WAKE_ns) * STATIC + AFTER_ns * IDLE + asleep * SLEEP) * 1e-9 + WAKE_pJ * 1e-12
    assert report.static_J[1] == pytest.approx(each, rel=1e-9, abs=0)
    expected = np.full(COUNT, ANSWERED + WAKE_ns)
    expected[0] -= WAKE_ns
    assert report.schedule.latency_s * 1e9 == pytest.approx(expected, rel=1e-9, abs=0)
    found = report.summary()["power_states"]
    assert found["wakes"] == 1
    assert found["asleep_s"] * 1e9 == pytest.approx(asleep, rel=1e-9, abs=0)
    assert report.schedule.held_s.sum() * 1e9 == pytest.approx(COUNT * PERIOD_ns, rel=1e-9, abs=0)
    assert found["break_even_s"] == pytest.approx((WAKE_pJ * 1e-12 + (STATIC - IDLE) * WAKE_ns * 1e-9) / (IDLE - SLEEP))
    assert "woken 1 times a sample" in table(report.summary())


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_a_sample_costs_the_same_however_many_are_priced(chip, count):
    for states in ({"idle": False, "sleep": False}, {"sleep": False}, {}, {"gated": "core"}):
        described = chip(**states)
        whole = hardware.price(run(200), described, arrivals=every(PERIOD_ns))
        found = hardware.price(run(count), described, arrivals=every(PERIOD_ns))
        assert found.static_J == pytest.approx(np.tile(whole.static_J[:, :1], count), rel=1e-9, abs=0)
        assert found.schedule.held_s * 1e9 == pytest.approx(PERIOD_ns, rel=1e-9, abs=0)
        assert found.schedule.load == pytest.approx(1e9 / PERIOD_ns / found.schedule.limit_hz, rel=1e-9, abs=0)
    always_on = hardware.price(run(count), chip(idle=False, sleep=False), arrivals=every(PERIOD_ns))
    assert always_on.static_J[1] == pytest.approx(STATIC * PERIOD_ns * 1e-9, rel=1e-9, abs=0)


def test_a_chip_that_hardly_sleeps_wakes_within_the_gap_that_there_is(chip):
    found = hardware.price(run(1), chip(), arrivals=every(DONE + AFTER_ns + 3)).schedule.states
    assert found.waking_s * 1e9 == pytest.approx(3)
    assert (found.asleep_s.sum(), found.wakes.sum()) == (0, 1)
    assert found.held_s * 1e9 == pytest.approx(DONE + AFTER_ns + 3, rel=1e-9, abs=0)


def test_a_run_that_is_late_lasts_until_it_is_done(chip):
    late = hardware.price(run(5), chip(idle=False, sleep=False), arrivals=every(1)).schedule
    assert late.held_s.sum() * late.limit_hz == pytest.approx(5, rel=0.01)
    assert late.held_s.sum() * 1e9 > 4 * DONE


def test_bursts_and_recorded_times_end_with_their_mean_gap(chip):
    Bursts, Recorded = ns.latency.Bursts, ns.latency.Recorded
    for arrivals, count, whole_us in (
        (Bursts(1e5, 4), 1, 10), (Bursts(1e5, 4), 6, 60), (Recorded([5, 25, 105]), 3, 150),
        (Recorded([5, 25, 105]), 2, 100), (Recorded([5, 25, 105]), 1, 20),
    ):  # fmt: skip
        report = hardware.price(run(count), chip(idle=False, sleep=False), arrivals=arrivals)
        assert report.static_J[1].sum() == pytest.approx(STATIC * whole_us * 1e-6, rel=1e-9, abs=0)
        assert report.schedule.offered_hz == pytest.approx(count / whole_us * 1e6)
        assert not any("recorded" in note for note in report.summary()["notes"])
    single = hardware.price(run(1), chip(idle=False, sleep=False), arrivals=Recorded([5]))
    assert single.static_J[1] == pytest.approx(STATIC * DONE * 1e-9, rel=1e-9, abs=0)
    assert single.schedule.offered_hz is None
    assert "a single recorded sample has no gap" in table(single.summary())


def test_sleeping_pays_from_the_break_even_on(chip):
    even_ns = (WAKE_pJ * 1e-3 + (STATIC - IDLE) * WAKE_ns) / (IDLE - SLEEP)
    for asleep_ns, pays in ((0.9 * even_ns, False), (1.1 * even_ns, True)):
        period = DONE + WAKE_ns + AFTER_ns + asleep_ns
        spent = [
            hardware.price(run(200), chip(sleep=sleep), arrivals=every(period)).mean_energy_J[1]
            for sleep in (True, False)
        ]
        assert (spent[0] < spent[1]) == pays


def test_a_gap_as_long_as_the_threshold_is_idle_and_one_picosecond_more_is_not(chip):
    for gap_ns, wakes in ((AFTER_ns, 0), (AFTER_ns + 1, 1)):  # after the second the gap is shorter, as it came later
        timestamps = hardware.price(run(2), chip(), arrivals=every(DONE + gap_ns))
        assert timestamps.schedule.states.wakes.sum() == wakes


def test_samples_that_come_one_by_one_and_the_limit_know_no_sleep(chip):
    plain, states = (hardware.price(run(), found) for found in (chip(idle=False, sleep=False), chip()))
    assert (plain.schedule.latency_s == states.schedule.latency_s).all()
    assert (plain.static_J == states.static_J).all()
    for arrivals in (None, every(PERIOD_ns)):
        found = hardware.price(run(), chip(), arrivals=arrivals).schedule
        assert found.limit_hz == plain.schedule.limit_hz
    assert found.busiest == plain.schedule.busiest


def test_cores_whose_clock_stops_while_others_work(chip):
    at_work = 25 * EVENTS + 7 * 8 + 13 + WRITTEN * EVENTS * 7  # of one core out of four
    report = hardware.price(run(), chip(sleep=False, gated="core"))
    expected = DONE * IDLE + (STATIC - IDLE) * at_work / 4
    assert report.static_J[1] * 1e9 == pytest.approx(np.full(COUNT, expected), rel=1e-9, abs=0)
    clocked = hardware.price(run(), chip(sleep=False, gated="core"), arrivals=every(PERIOD_ns))
    expected = COUNT * (PERIOD_ns * IDLE + (STATIC - IDLE) * at_work / 4)
    assert clocked.static_J[1].sum() * 1e9 == pytest.approx(expected, rel=1e-9, abs=0)


def test_deadlines_count_the_time_to_wake(chip):
    report = hardware.price(run(), chip(), arrivals=every(PERIOD_ns), deadline=(ANSWERED + 1) * 1e-9)
    assert report.summary()["deadline_misses"] == COUNT - 1


@pytest.mark.parametrize(("changes", "words"), [
    ({"power_states.sleep_after_s": -1}, "power_states.sleep_after_s must be from 0"),
    ({"power_states.gated": "half"}, "power_states.gated must be one of chip, core, got 'half'"),
    ({"power_states.nap": 1}, "power_states.nap must be one of gated, sleep_after_s, got 'nap'"),
    ({"power.sleep.value": 8}, "power.sleep.low must be at most power.idle.low, 0.0035 W, got '0.004 W'"),
    ({"power.idle.high": 90}, "power.idle.high must be at most power.static.high"),
])  # fmt: skip
def test_states_that_cannot_be_are_refused(chip, tmp_path, changes, words):
    chip()
    with pytest.raises(ConfigError) as caught:
        hardware.load(tmp_path / "states.toml", changes)
    assert words in str(caught.value)


@pytest.mark.parametrize(("extra", "words"), [
    (described.constant("power", "sleep", 2, "mW"), "power_states.sleep_after_s must be given with power.sleep"),
    (described.constant("energy", "wake", 2, "pJ"), "power_states.sleep_after_s must be given with energy.wake"),
    ("[power_states]\nsleep_after_s = 1\n", "power.sleep must be given with power_states.sleep_after_s"),
    ("[power_states]\ngated = 'core'\n", "power.idle must be given with power_states.gated = 'core'"),
])  # fmt: skip
def test_what_a_state_needs_is_asked_for(tmp_path, extra, words):
    path = tmp_path / "short.toml"
    path.write_text(described.text() + extra)
    with pytest.raises(ConfigError) as caught:
        hardware.load(path)
    assert words in str(caught.value)
    path.write_text(described.text(static=0) + described.constant("power", "idle", 2, "mW"))
    with pytest.raises(ConfigError, match=r"power\.static must be given with power\.idle"):
        hardware.load(path)
