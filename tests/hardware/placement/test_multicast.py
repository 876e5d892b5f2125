"""Trees of events to several cores: the union of their ways, priced and timed link by link."""

import counted
import described
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim import hardware
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.placement.mesh import hops_to_all, route, tree
from neurosim.hardware.timeline import simulation
from neurosim.hardware.timeline.flow import load, plan


def chip(folder, **structure):
    return hardware.load(described.written(folder), {f"structure.{name}": value for name, value in structure.items()})


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_a_tree_is_the_union_of_all_ways(tmp_path_factory, columns, rows, data):
    folder, core = tmp_path_factory.mktemp("chip"), st.integers(0, columns * rows - 1)
    built = chip(folder, cores=columns * rows, mesh=[columns, rows], multicast=True).structure
    source, targets = data.draw(core), sorted(data.draw(st.sets(core, min_size=1)))
    union = {link for target in targets for link in route(built, source, target)}
    east_west = {link for link in union if link.split()[1].split(",")[1] == link.split()[3].split(",")[1]}
    assert hops_to_all(built, source, targets) == (len(east_west), len(union) - len(east_west))
    branches = tree(built, source, targets)
    assert sorted(branch.target for branch in branches) == targets
    links = [link for branch in branches for link in branch.links]
    assert len(links) == len(set(links))
    assert set(links) == union
    ways = []
    for branch in branches:
        assert branch.parent is None or branch.parent < len(ways)
        ways.append([*([] if branch.parent is None else through(branches, ways, branch)), *branch.links])
        assert ways[-1] == route(built, source, branch.target)


def through(branches, ways, branch):
    """Return the way to where a branch leaves its parent's."""
    parent = branches[branch.parent]
    return ways[branch.parent][: len(ways[branch.parent]) - len(parent.links) + branch.after]


def test_one_way_each_without_multicast(tmp_path):
    built = chip(tmp_path).structure
    assert hops_to_all(built, 0, [0, 1, 2, 3]) == (2, 2)
    assert hops_to_all(chip(tmp_path, multicast=True).structure, 0, [0, 1, 2, 3]) == (1, 2)


def test_events_to_all_cores_by_hand(tmp_path):
    """Four cores in a square; two neurons on each: an event enters once, and is copied in the routers."""
    many = chip(tmp_path, multicast=True, neurons_per_core=2)
    run = counted.counts(counted.layer(counted.dense(0, 10, 8, soft=False), [3], np.zeros((1, 8))))
    report = hardware.price(run, many)
    found = {name: int(values[0]) for name, values in operations(report.mapping, run).items()}
    # Each of three events takes links 0-1, 1-3 and 0-2. Sums come from three cores and go back along such a tree.
    assert found["hop_east_west"] == 3 * 1 + (1 + 0 + 1) + 1
    assert found["hop_north_south"] == 3 * 2 + (0 + 1 + 1) + 2
    assert found["event_in"] == 3 * 4 + 3 + 3
    assert found["event_out"] == 3 + 1 + 1  # three sums, one for all back, and the response
    # The last event leaves the port at 51 ns, goes over two links to core 3, comes in and reaches 2 neurons.
    integrated = 3 * 17 + 2 * 17 + 11 + 2 * 2
    updated = integrated + 2 * 3
    agreed = updated + 2 * 17 + 11  # core 3 is the last one; core 0 has served the other sums meanwhile
    assert report.schedule.latency_s[0] * 1e9 == pytest.approx(agreed + 13, rel=1e-12, abs=0)


def random_run(seed, samples=20):
    random = np.random.default_rng(seed)
    sent = random.random((samples, 20)) < 0.4
    first = counted.layer(counted.dense(0, 30, 20), random.integers(0, 31, samples), random.random((samples, 20)) < 0.2,
                          sent)  # fmt: skip
    second = counted.layer(counted.dense(1, 20, 11), sent.sum(axis=1), random.random((samples, 11)) < 0.2)
    return counted.counts(first, second)


@pytest.mark.parametrize("multicast", [False, True])
@pytest.mark.parametrize("strategy", ["rows", "spread", "optimised"])
def test_hops_priced_are_hops_timed(tmp_path, multicast, strategy):
    many = chip(tmp_path, cores=12, mesh=[4, 3], multicast=multicast)
    run = random_run(4)
    report = hardware.price(run, many, placement=strategy)
    counts = operations(report.mapping, run)
    planned = plan(report.mapping)
    copies, services = load(planned, report.mapping, run)
    played = simulation.simulate(planned.network, np.arange(20) * 10**9, copies, services)
    links = [place for place, name in enumerate(planned.network.resources) if name.startswith("link")]
    assert played.served[links].sum() == counts["hop_east_west"].sum() + counts["hop_north_south"].sum()
    port = planned.network.resources.index("port")
    cores = 1 if multicast else len({part.core for part in report.mapping.of(0)})
    assert played.served[port] == run.layers[0].events.sum() * cores
    # Every delivery to the cores of a layer is there: events from the port or from all senders.
    assert (played.fired >= 0).all()


def hops_of(report):
    return sum(report.energy.operations[name]["count"] for name in ("hop_east_west", "hop_north_south"))


def test_multicast_takes_no_more_links_and_no_more_time(tmp_path):
    run = random_run(5)
    one, tree_of = (hardware.price(run, chip(tmp_path, cores=12, mesh=[4, 3], multicast=on)) for on in (False, True))
    for name in ("hop_east_west", "hop_north_south", "event_out"):
        assert tree_of.energy.operations[name]["count"] <= one.energy.operations[name]["count"]
    assert hops_of(tree_of) < hops_of(one)
    assert tree_of.energy.operations["event_in"]["count"] == one.energy.operations["event_in"]["count"]
    assert tree_of.schedule.latency_s.mean() < one.schedule.latency_s.mean()


def test_each_core_loses_its_own_copies(tmp_path):
    """An event comes every 17 ns, and occupies each core for 51: the second and the third find none of them free."""
    structure = {"multicast": True, "neurons_per_core": 2, "queue": 0, "when_full": "drop"}
    changes = {f"structure.{name}": value for name, value in structure.items()} | {"time.synaptic_operation.value": 20}
    many = hardware.load(described.written(tmp_path), changes)
    run = counted.counts(counted.layer(counted.dense(0, 10, 8, soft=False), [3], np.zeros((1, 8))))
    mapping = hardware.place([run.layers[0].demand], many)
    planned = plan(mapping)
    copies, services = load(planned, mapping, run)
    network = planned.network
    played = simulation.simulate(network, [0], copies, services)
    integrated = [stage for stage, name in enumerate(network.stages) if name.startswith("integrated")]
    assert sorted((played.fired[0, integrated] // 1000).tolist()) == [68, 85, 85, 102]
    assert played.lost[0] >= 4 * 2


def test_one_core_needs_no_tree(tmp_path):
    run = counted.counts(counted.layer(counted.dense(0, 10, 8), [3], np.zeros((1, 8))))
    one, tree_of = (hardware.price(run, chip(tmp_path, multicast=on)) for on in (False, True))
    assert one.schedule.latency_s[0] == tree_of.schedule.latency_s[0]
    assert one.energy.operations == tree_of.energy.operations
