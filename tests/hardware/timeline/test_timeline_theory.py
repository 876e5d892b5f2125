"""The timeline beside what queueing theory says, exactly, or within a confidence interval."""

import numpy as np
import pytest
from scipy import stats
from timeline_networks import single_server

from neurosim import randomness
from neurosim.hardware.timeline.simulation import Emission, Network, simulate

PURPOSE = 901
SERVICE = 1000


def poisson(seed, samples, mean):
    """Return the moments of random arrivals, in whole picoseconds."""
    gaps = -mean * np.log1p(-randomness.uniform(seed, PURPOSE, 0, samples))
    return np.cumsum(np.round(gaps).astype(np.int64))


@pytest.mark.parametrize("period", [1000, 1001, 1700])
def test_regular_arrivals_never_wait(period):
    arrivals = period * np.arange(2000)
    played = simulate(*single_server(2000, SERVICE, arrivals))
    np.testing.assert_array_equal(played.fired[:, 1], arrivals + SERVICE)
    assert not played.waited.any()


def test_regular_arrivals_too_fast_wait_ever_longer():
    n = np.arange(2000)
    played = simulate(*single_server(2000, SERVICE, 900 * n))
    np.testing.assert_array_equal(played.waited, 100 * n)
    assert played.busy_ps.tolist() == [2000 * SERVICE]
    assert played.longest_queue[0] == 200  # of 2,000 that have come at 1,799,100, 1,799 are done and one is served


@pytest.mark.parametrize("load", [0.3, 0.6, 0.85])
def test_random_arrivals_wait_as_pollaczek_and_khinchine_say(load):
    service, samples, batches = 1_000_000, 600_000, 30
    played = simulate(*single_server(samples, service, poisson(3, samples, service / load)))
    means = played.waited[samples // 10 :].reshape(batches, -1).mean(axis=1)
    low, high = stats.t.interval(0.99, batches - 1, means.mean(), stats.sem(means))
    assert low < load * service / (2 * (1 - load)) < high
    assert high - low < 0.2 * means.mean()


def tandem(capacities, arrivals, holds):
    """Return a run of servers in a row; each sample takes its own time at the last one only."""
    route = tuple(enumerate(holds))
    names = tuple(f"server {i}" for i in range(len(holds)))
    network = Network(names, capacities, "block", ("in", "out"), (Emission(0, 1, 0, route),))
    services = np.round(5000 * randomness.uniform(4, PURPOSE, 1, len(arrivals))).astype(np.int64)[:, None]
    return network, arrivals, np.ones((len(arrivals), 1), np.int64), services


def test_servers_in_a_row_by_lindley():
    holds = (1500, 2500, 100)
    network, arrivals, copies, services = tandem((-1, -1, -1), poisson(5, 20_000, 2700), holds)
    times = np.array(holds) + np.array([0, 0, 1]) * services
    waited, come = np.zeros(len(arrivals), np.int64), arrivals
    for j in range(3):
        waits = np.zeros(len(come), np.int64)
        for n in range(1, len(come)):
            waits[n] = max(0, waits[n - 1] + times[n - 1, j] - (come[n] - come[n - 1]))
        waited, come = waited + waits, come + waits + times[:, j]
    played = simulate(network, arrivals, copies, services)
    np.testing.assert_array_equal(played.fired[:, 1], come)
    np.testing.assert_array_equal(played.waited, waited)


@pytest.mark.parametrize("capacities", [(-1, 0, 0), (-1, 2, 1), (0, 1, 3), (3, 5, 0)])
def test_servers_in_a_row_that_block(capacities):
    """Message n leaves a server when it is served and message n - capacity - 1 has left the next one."""
    holds = (1500, 2500, 100)
    network, arrivals, copies, services = tandem(capacities, poisson(6, 20_000, 2000), holds)
    times = np.array(holds) + np.array([0, 0, 1]) * services
    left = np.zeros((len(arrivals), 3), np.int64)
    blocked = np.zeros(3, np.int64)
    for n, arrival in enumerate(arrivals):
        come = arrival
        for j in range(3):
            served = max(come, left[n - 1, j] if n > 0 else 0) + times[n, j]
            room = n - capacities[j + 1] - 1 if j < 2 else -1
            left[n, j] = come = max(served, left[room, j + 1] if room >= 0 else 0)
            blocked[j] += come - served
    played = simulate(network, arrivals, copies, services)
    np.testing.assert_array_equal(played.fired[:, 1], left[:, 2])
    np.testing.assert_array_equal(played.blocked_ps, blocked)
    np.testing.assert_array_equal(played.waited, left[:, 2] - arrivals - times.sum(axis=1))
    assert blocked[:2].min() > 0
