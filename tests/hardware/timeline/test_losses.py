"""Events that find no room: how they come in, how many are lost, and that nobody answers for a chip that loses some."""

import counted
import described
import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.table import table

HOP, SERVICE = 17, 11 + 7 * 2  # ns: through the port, and of an event at a core with seven neurons
AFTER = 7 * (3 + 5) + 13  # the update, and the response
DROPS = {"structure.queue": 0, "structure.when_full": "drop"}


@pytest.fixture
def chip(tmp_path):
    """Return a function that loads the chip of round numbers, with a time between two events that come in."""

    def load(interval=None, **changes):
        text = described.text()
        text += described.constant("time", "input", interval, "ns") if interval else ""
        (tmp_path / "port.toml").write_text(text)
        return hardware.load(tmp_path / "port.toml", changes)

    return load


def run(*events):
    return counted.counts(counted.layer(counted.dense(0, 40, 7), list(events)))


def lost_by_hand(events, interval, queue):
    """One event after another through the port into the core's queue: how many find no room."""
    port = free = lost = 0
    waiting = []  # beginnings of services of events in the queue
    for number in range(1, events + 1):
        port = max(port, number * interval) + HOP
        waiting = [begin for begin in waiting if begin > port]
        if free <= port:
            free = port + SERVICE
        elif len(waiting) < queue:
            waiting.append(free)
            free += SERVICE
        else:
            lost += 1
    return lost


@pytest.mark.parametrize("interval", [0, 6, 18, 23, 26])
@pytest.mark.parametrize("queue", [0, 1, 3])
def test_losses_by_hand(chip, interval, queue):
    events = (0, 1, 2, 5, 17, 40)
    found = hardware.price(run(*events), chip(interval, **DROPS | {"structure.queue": queue})).schedule
    expected = [lost_by_hand(count, interval, queue) for count in events]
    assert found.lost_of.tolist() == expected
    assert (found.lost > 0) == (interval < SERVICE and queue < 9)


def test_an_idle_chip_loses_nothing_that_comes_slowly_enough(chip):
    found = hardware.price(run(40, 7), chip(SERVICE, **DROPS))
    assert found.schedule.lost == 0
    assert "lost  no event" in table(found.summary())
    latency = np.array([40, 7]) * SERVICE + HOP + SERVICE + AFTER
    assert found.schedule.latency_s * 1e9 == pytest.approx(latency, rel=1e-12, abs=0)
    assert found.schedule.busiest[0][0] in ("input", "core 0")


def test_events_that_wait_outside_are_never_lost_and_wait_no_longer(chip):
    """A sample's events wait for the port outside of the chip; only cores and links have queues that are full."""
    wide, narrow = (hardware.price(run(40), chip(**changes)).schedule for changes in ({}, {"structure.queue": 0}))
    assert wide.latency_s == narrow.latency_s
    fast = hardware.price(run(40), chip(**DROPS | {"time.synaptic_operation.value": 0, "time.event_in.value": 1}))
    assert fast.schedule.lost == 0


def test_an_event_comes_in_once_for_all_cores(chip):
    """Twenty neurons on three cores, in each of them all events."""
    demand = counted.dense(0, 40, 20)
    counts = counted.counts(counted.layer(demand, [40]))
    apart = 1000
    found = hardware.price(counts, chip(apart)).schedule
    assert 40 * apart < found.latency_s[0] * 1e9 < 41 * apart


def test_a_chip_that_would_get_all_events_at_one_instant_is_refused(tmp_path):
    path = described.written(tmp_path, times={"synaptic_operation": 2})
    with pytest.raises(ConfigError, match=r"time\.input must be given, or time\.hop, where events that find no room"):
        hardware.load(path, DROPS)
    hardware.load(path, {"structure.queue": 0})


def test_answers_of_a_chip_that_loses_events_are_refused(chip):
    lossy, whole = chip(**DROPS), chip(26, **DROPS)
    simulated = ns.Chip([ns.recipes.softhebb(7)], inputs=40)
    before = simulated.state_sha256
    placed = hardware.on(simulated, lossy)
    for take in (placed.learn_one, placed.respond_one):
        with pytest.raises(ConfigError) as caught:
            take(np.ones(40))
        told = str(caught.value)
        assert "structure.queue of port must be so long that no event is lost" in told
        assert all(words in told for words in ("got 0", "% of the events found no room", "time.input"))
        assert "\n" not in told
    assert simulated.state_sha256 == before
    assert hardware.on(simulated, whole).learn_one(np.ones(40)).cost.lost_share == 0
    assert hardware.on(simulated, lossy, ignore_losses=True).learn_one(np.ones(40)).cost.lost_share > 0


@pytest.mark.parametrize("cores", [[[0, 1, 2]], [[0]]])
def test_what_learning_would_lose_is_refused_before_it_is_learned(tmp_path, cores):
    """Copies of a kernel that learns send what they grew by, faster than queues take it in; responding loses nothing.

    With all positions on one core there is nothing to send.
    """
    energies = described.ENERGIES | {"memory_write_bit": 1}
    changes = {
        "structure.neurons_per_core": 63, "structure.synapse_bits_per_core": 2**20, "structure.queue": 1,
        "structure.when_full": "drop", "structure.convolution": "shared", "structure.cores": 4,
    }  # fmt: skip
    slow = described.TIMES | {"input": 10_000, "synaptic_operation": 20}
    chip = hardware.load(described.written(tmp_path, energies=energies, times=slow), changes)
    layer = ns.ConvWTA(
        7, kernel=3, competition=ns.SoftWTA(temperature=0.5), rule=ns.SoftHebb(rate=0.01), normalise="none",
        cutoff=0.1, initial="normal",
    )  # fmt: skip
    x = np.random.default_rng(0).random((2, 5, 5)).astype(np.float32)
    simulated = ns.Chip([layer], inputs=(2, 5, 5), seed=0)
    before = simulated.layers[0].state.synapses.copy()
    placed = hardware.on(simulated, chip, placement={"cores": cores, "positions_per_core": -(-9 // len(cores[0]))})
    if cores == [[0]]:
        assert placed.learn_one(x).cost.lost_share == 0
        return
    assert placed.respond_one(x).cost.lost_share == 0
    with pytest.raises(ns.ConfigError, match=r"structure\.queue of plain must be so long that no event is lost"):
        placed.learn_one(x)
    assert np.array_equal(simulated.layers[0].state.synapses, before)
    assert (
        hardware.on(simulated, chip, placement={"cores": cores, "positions_per_core": 3}, ignore_losses=True)
        .learn_one(x)
        .cost.lost_share
        > 0
    )
    assert not np.array_equal(simulated.layers[0].state.synapses, before)
