"""The timeline: equal to a plain reference and to SimPy's models; its order by hand; what it refuses."""

import _thread
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from reference_timeline import Reference
from timeline_networks import cases, plain, plain_reference, single_server

from neurosim.errors import ConfigError
from neurosim.hardware.timeline import simulation
from neurosim.hardware.timeline.simulation import Emission, Network, simulate


@settings(max_examples=200, deadline=None)
@given(cases())
def test_equal_to_the_reference(case):
    expected = Reference(*case).run()
    if expected.stuck:
        event("deadlock")
        with pytest.raises(ConfigError, match="free of deadlock"):
            simulate(*case)
        return
    event("lost" if sum(expected.lost) else "blocked" if sum(s.blocked for s in expected.servers) else "free")
    assert plain(simulate(*case)) == plain_reference(expected)


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(1, 5), st.integers(1, 5))
def test_neither_pool_nor_slices_change_anything(case, messages, events):
    if Reference(*case).run().stuck:
        return
    expected = plain(simulate(*case))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "MESSAGES", messages)
        patch.setattr(simulation, "SLICE", events)
        assert plain(simulate(*case)) == expected


def without_ties(seed):
    """Return a random network whose moments do not meet by chance, as SimPy has an order of its own there.

    A stage has one source where messages may be lost: two stages would fire at the moment of one loss.
    """
    rng = np.random.default_rng(seed)
    resources, stages, policy = int(rng.integers(1, 6)), int(rng.integers(2, 6)), ("drop", "block")[seed % 2]

    def route():
        return tuple((int(rng.integers(resources)), int(rng.integers(1, 2**40))) for _ in range(rng.integers(5)))

    emissions = [Emission(s - 1 if policy == "drop" else int(rng.integers(s)), s, 0, route()) for s in range(1, stages)]
    for _ in range(rng.integers(5)):
        source, target, offset = int(rng.integers(stages)), int(rng.integers(stages)), int(rng.integers(2))
        if offset or (source < target and policy == "block"):
            emissions.append(Emission(source, target, offset, route()))
    if policy == "block":
        emissions += copied_apart(rng, emissions, resources)
        resources += len(emissions)
    network = Network(
        tuple(f"r{i}" for i in range(resources)),
        tuple(int(rng.choice([-1, 0, 1, 3])) for _ in range(resources)),
        policy,
        tuple(f"s{i}" for i in range(stages)),
        tuple(emissions),
    )
    shape = int(rng.integers(1, 6)), len(emissions)
    services = rng.integers(0, 2**40, shape) * [bool(emission.route) for emission in emissions]
    copies = rng.integers(0, 5, shape)
    for index, emission in enumerate(emissions):
        if emission.copied is not None:
            copies[:, index] = copies[:, emission.copied[0]]
    return network, np.cumsum(rng.integers(1, 2**41, shape[0])), copies, services


def copied_apart(rng, emissions, resources):
    """Return copies of some emissions' messages, each with a first server of its own, where no other one comes then."""
    copies = []
    for index, emission in enumerate(emissions):
        if emission.route and rng.integers(2):
            route = ((resources + len(copies), int(rng.integers(1, 2**40))), (0, int(rng.integers(1, 2**40))))
            after = int(rng.integers(len(emission.route)))
            copies.append(Emission(emission.source, emission.target, emission.offset, route, copied=(index, after)))
    return copies


@pytest.mark.parametrize("seed", range(300))
def test_equal_to_simpy(seed):
    pytest.importorskip("simpy", reason="simpy is not installed: it is in the extra `test`")
    from benchmarks.simpy_network import Model

    network, arrivals, copies, services = without_ties(seed)
    model = Model(network, arrivals.tolist(), copies.tolist(), services.tolist()).run()
    if model.going:
        with pytest.raises(ConfigError, match="free of deadlock"):
            simulate(network, arrivals, copies, services)
        return
    played = simulate(network, arrivals, copies, services)
    assert played.fired.tolist() == model.fired
    assert (played.lost.tolist(), played.waited.tolist(), played.events) == (model.lost, model.waited, model.events)


def test_fork_and_join_by_hand():
    emissions = (
        Emission(0, 1, 0, ((0, 5), (1, 10))),
        Emission(0, 1, 0, ((0, 5), (2, 30))),
        Emission(1, 2, 0, ((1, 1),)),
    )
    network = Network(("link", "a", "b"), (-1, -1, -1), "block", ("in", "joined", "out"), emissions)
    played = simulate(network, [100, 103], [[2, 1, 1], [1, 1, 1]], [[0, 0, 7], [0, 0, 0]])
    # Sample 0 sends a, b, a at 100: they leave the link at 105, 110, 115; sample 1 sends a, b: 120, 125.
    # a: 105-115, 115-125, 125-135. b: 110-140, 140-170. So 0 is joined at 140, out at 148; 1 at 170, out at 171.
    assert played.fired.tolist() == [[100, 140, 148], [103, 170, 171]]
    assert played.busy_ps.tolist() == [25, 30 + 8 + 1, 60]
    assert played.waited.tolist() == [5 + 10, 12 + 17 + 5 + 15]  # queueing at the link; then at a and at b
    assert (played.served.tolist(), played.events) == ([5, 5, 2], 12)


def test_copies_leave_where_ways_part_by_hand():
    """Two messages go over a link to b; each is copied to a when it leaves the link, and once more from a to c."""
    emissions = (
        Emission(0, 1, 0, ((0, 5), (2, 30))),
        Emission(0, 2, 0, ((1, 10),), copied=(0, 0)),
        Emission(0, 3, 0, ((3, 1),), copied=(1, 0)),
    )
    network = Network(("link", "a", "b", "c"), (-1,) * 4, "block", ("in", "at b", "at a", "at c"), emissions)
    played = simulate(network, [100], [[2, 2, 2]], [[0, 2, 0]])
    # They leave the link at 105 and 110. b: 105-135, 135-165. a: 105-117, 117-129. c: 117-118, 129-130.
    assert played.fired.tolist() == [[100, 165, 129, 130]]
    assert played.served.tolist() == [2, 2, 2, 2]
    assert played.waited.tolist() == [5 + 25 + 7]


def test_what_is_lost_is_not_copied():
    """The second of two messages finds no room on the link: neither it nor its copies, nor theirs, arrive."""
    emissions = (
        Emission(0, 1, 0, ((0, 5), (2, 3))),
        Emission(0, 1, 0, ((1, 4),), copied=(0, 0)),
        Emission(0, 1, 0, ((1, 4),), copied=(1, 0)),
    )
    network = Network(("link", "a", "b"), (0, -1, -1), "drop", ("in", "out"), emissions)
    played = simulate(network, [0], [[2, 2, 2]], [[0, 0, 0]])
    assert (played.lost.tolist(), played.served.tolist()) == ([3], [1, 2, 1])
    assert played.fired.tolist() == [[0, 13]]


@pytest.mark.parametrize(
    ("copied", "copies", "words"),
    [
        ((1, 0), [[1, 1]], "emission that is copied must be an earlier one of the same stage, got 1"),
        ((0, 2), [[1, 1]], "step after which a message is copied must be one of the 1 of its route, got 2"),
        ((0, 0), [[1, 2]], "copies must be the same for emission 1 as for 0, which it copies, got 2"),
        ((0,), [[1, 1]], "copied must be an emission and a step of its route"),
    ],
)
def test_copies_that_cannot_be_are_refused(copied, copies, words):
    def run():
        emissions = (Emission(0, 1, 0, ((0, 1),)), Emission(0, 1, 0, ((0, 1),), copied=copied))
        simulate(Network(("r",), (-1,), "block", ("in", "out"), emissions), [0], copies, [[0, 0]])

    with pytest.raises(ConfigError, match=words):
        run()


def test_messages_take_turns_and_arrivals_come_first():
    """Copies of two emissions alternate; a sample that arrives when a service ends is let in before that."""
    emissions = (Emission(0, 1, 0, ((0, 10),)), Emission(0, 2, 0, ((0, 10),)))
    network = Network(("core",), (-1,), "block", ("in", "a", "b"), emissions)
    assert simulate(network, [0], [[3, 3]], [[0, 0]]).fired.tolist() == [[0, 50, 60]]
    dropping = Network(("core",), (1,), "drop", ("in", "a"), (Emission(0, 1, 0, ((0, 10),)),))
    assert simulate(dropping, [0, 0, 10], [[1]] * 3, [[0]] * 3).lost.tolist() == [0, 0, 1]
    assert simulate(dropping, [0, 0, 11], [[1]] * 3, [[0]] * 3).lost.tolist() == [0, 0, 0]


def test_lost_messages_by_hand():
    dropping = Network(("link", "core"), (2, 0), "drop", ("in", "out"), (Emission(0, 1, 0, ((0, 10), (1, 25))),))
    played = simulate(dropping, [0, 40], [[5], [2]], [[0], [0]])
    # Of five, one is served by the link, two wait, two are lost; they reach the core at 10, 20 and 30: the core is busy
    # until 35, so two more are lost. Of two at 40, they reach it at 50 and 60, when it is busy until 75.
    assert played.lost.tolist() == [4, 1]
    assert played.fired.tolist() == [[0, 35], [40, 75]]
    assert played.served.tolist() == [5, 2]
    assert played.longest_queue.tolist() == [2, 0]


def test_the_next_sample_waits_for_this_one():
    gate = Network(("core",), (-1,), "block", ("in", "out"), (Emission(0, 1, 0, ((0, 7),)), Emission(1, 0, 1)))
    assert simulate(gate, [0, 3, 30], [[1, 1]] * 3, [[0, 0]] * 3).fired.tolist() == [[0, 7], [7, 14], [30, 37]]


def test_a_stage_without_messages_fires_with_its_source():
    network = Network(("core",), (-1,), "block", ("in", "a", "b"), (Emission(0, 1), Emission(1, 2, 0, ((0, 5),))))
    assert simulate(network, [4], [[0, 0]], [[0, 0]]).fired.tolist() == [[4, 4, 4]]


def test_a_deadlock_is_named():
    there, back = Emission(0, 1, 0, ((0, 5), (1, 5))), Emission(0, 1, 0, ((1, 5), (0, 5)))
    network = Network(("east", "west"), (0, 0), "block", ("in", "out"), (there, back))
    with pytest.raises(ConfigError, match=r"deadlock, but at 5 ps .*'east -> west -> east'; give their queues"):
        simulate(network, [0], [[1, 1]], [[0, 0]])
    assert simulate(replace(network, capacities=(1, 0)), [0], [[1, 1]], [[0, 0]]).fired.tolist() == [[0, 10]]
    assert simulate(replace(network, policy="drop"), [0], [[1, 1]], [[0, 0]]).lost.tolist() == [1]


def test_no_samples_no_resources():
    network, *_ = single_server(0, 0)
    assert simulate(network, [], np.zeros((0, 1)), np.zeros((0, 1))).fired.shape == (0, 2)
    bare = Network((), (), "drop", ("in",), ())
    assert simulate(bare, [3, 3], np.zeros((2, 0), int), np.zeros((2, 0), int)).fired.tolist() == [[3], [3]]


def test_interrupted_in_the_middle():
    run, seen = single_server(3_000_000, 5), []
    begun = threading.Event()

    def progress(done, total):
        seen.append((done, total))
        begun.set()

    def interrupt():
        begun.wait()
        _thread.interrupt_main()

    # A process that was started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            simulate(*run, progress=progress)
    finally:
        signal.signal(signal.SIGINT, before)
    assert 0 < seen[-1][0] < seen[-1][1] == 6_000_000


def test_progress_ends_with_all_stages_fired():
    seen = []
    simulate(*single_server(1000, 5), progress=lambda *counts: seen.append(counts))
    assert seen[-1] == (2000, 2000)


GOOD = {"arrivals": [0, 1], "copies": [[1], [1]], "services": [[0], [0]]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arrivals": [1, 0]}, "arrivals must be in order, got 0"),
        ({"arrivals": [-1, 0]}, "arrivals must be at least 0"),
        ({"arrivals": [0.0, 1.5]}, "arrivals must be whole numbers"),
        ({"arrivals": [[0, 1]]}, "shape of arrivals must be one for each sample"),
        ({"arrivals": [0, 2**62]}, "arrivals must be at least 0 and at most"),
        ({"arrivals": np.array([0, 2**63], np.uint64)}, "arrivals must be at least 0 and at most"),
        ({"copies": [[1], [1, 2]]}, "copies must be an array"),
        ({"copies": [[1]]}, "shape of copies must be 2 samples x 1 emissions"),
        ({"copies": [[1], [-1]]}, "copies must be at least 0"),
        ({"copies": [[1], [2**31]]}, "copies must be at least 0 and at most"),
        ({"services": [[1], [-1]]}, "services must be at least 0"),
        ({"services": [[1], [2**62 - 5]]}, "services must be below 2"),
        ({"arrivals": [0, 2**62 - 8]}, "every moment must be before 2"),
        ({"arrivals": [0] * 5, "copies": [[1]] * 5, "services": [[2**60]] * 5}, "every moment must be before 2"),
    ],
)
def test_bad_runs_are_refused(changes, message):
    network, *_ = single_server(0, 10)
    with pytest.raises(ConfigError, match=message):
        simulate(network, **(GOOD | changes))


def test_waiting_that_cannot_be_counted_is_refused():
    network, *_ = single_server(0, 10)
    with pytest.raises(ConfigError, match=r"waiting must be below 2.* ps for all messages of sample 0"):
        simulate(network, [0], [[100]], [[2**54]])


def test_messages_that_do_not_fit_in_memory_are_refused():
    emissions = tuple(Emission(0, 1, 0, ((0, 1),)) for _ in range(5000))
    network = Network(("core",), (-1,), "block", ("in", "out"), emissions)
    copies = np.full((1, 5000), 2**31 - 1)
    with pytest.raises(ConfigError, match="copies must be so few that all messages on their way fit in memory"):
        simulate(network, [0], copies, np.zeros_like(copies))


SOUND = {
    "resources": ("core",),
    "capacities": (-1,),
    "policy": "block",
    "stages": ("in", "out"),
    "emissions": (Emission(0, 1, 0, ((0, 1),)),),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "wait"}, "policy must be one of drop, block"),
        ({"stages": ()}, "stages must be at least one"),
        ({"capacities": ()}, "capacities must be one for each of 1 resources, got 0"),
        ({"capacities": (-2,)}, "capacity must be a whole number of at least -1"),
        ({"emissions": ()}, "stage 'out' must be sent something by a stage of its sample"),
        ({"emissions": (Emission(0, 1, 1),)}, "stage 'out' must be sent something by a stage of its sample"),
        ({"emissions": (Emission(0, 2),)}, "target of an emission must be one of 2 stages, got 2"),
        ({"emissions": (Emission(2, 1),)}, "source of an emission must be one of 2 stages, got 2"),
        ({"emissions": (Emission(0, 1, 0, ((1, 1),)),)}, "resource of a route must be one of 1 resources, got 1"),
        ({"emissions": ("in",)}, "emissions must be of the class Emission"),
        ({"emissions": (Emission(0, 1), Emission(1, 0))}, "got \"'in' -> 'out' -> 'in'\""),
        (
            {"stages": ("in", "a", "b"), "emissions": (Emission(0, 1), Emission(1, 2), Emission(2, 1))},
            "'a' -> 'b' -> 'a'",
        ),
        ({"stages": ("in", "a"), "emissions": (Emission(0, 1), Emission(1, 1))}, "\"'a' -> 'a'\""),
    ],
)
def test_networks_that_cannot_work_are_refused(changes, message):
    Network(**SOUND)
    with pytest.raises(ConfigError, match=message):
        Network(**(SOUND | changes))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1), "source must be a whole number"),
        ((0, 1, 2), "offset must be a whole number of at most 1"),
        ((0, 1, 0, 5), "route must be pairs of a resource and a hold"),
        ((0, 1, 0, ((0,),)), "route must be pairs of a resource and a hold"),
        ((0, 1, 0, ((0, -1),)), "hold of a route must be a whole number of at least 0"),
        ((0, 1, 0, ((0, 2**62),)), "hold of a route must be a whole number of at most"),
        ((0, 1, 0, ((0, 1.5),)), "hold of a route must be a whole number"),
    ],
)
def test_emissions_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Emission(*arguments)


def test_a_service_without_a_server_is_refused():
    network = Network((), (), "block", ("in", "out"), (Emission(0, 1),))
    with pytest.raises(ConfigError, match="services must be 0 for emission 0, whose route is empty, got 3"):
        simulate(network, [0], [[1]], [[3]])
