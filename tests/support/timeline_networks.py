"""Random networks for the timeline, and how its results compare."""

import numpy as np
from hypothesis import strategies as st

from neurosim.hardware.timeline.simulation import Emission, Network


@st.composite
def _copies(draw, emissions, step):
    """Some emissions whose messages are copies of others', and of these."""
    every = list(emissions)
    for _ in range(draw(st.integers(0, 4))):
        originals = [index for index, emission in enumerate(every) if emission.route]
        if originals:
            original = draw(st.sampled_from(originals))
            after = draw(st.integers(0, len(every[original].route) - 1))
            route = draw(st.lists(step, min_size=1, max_size=3).map(tuple))
            source, target, offset = every[original].source, every[original].target, every[original].offset
            every.append(Emission(source, target, offset, route, copied=(original, after)))
    return every[len(emissions) :]


@st.composite
def cases(draw, policies=("drop", "block")):
    """A network and a run of it, with as many ties as small whole numbers make."""
    resources, stages = draw(st.integers(0, 5)), draw(st.integers(1, 5))
    capacity = st.sampled_from([-1, 0, 1, 2])
    step = st.tuples(st.integers(0, max(resources - 1, 0)), st.integers(0, 3))
    route = st.lists(step, max_size=4 if resources else 0).map(tuple)
    kept = st.booleans()
    emissions = [Emission(draw(st.integers(0, s - 1)), s, 0, draw(route), draw(kept)) for s in range(1, stages)]
    for _ in range(draw(st.integers(0, 5))):
        offset = draw(st.integers(0, 1))
        source, target = draw(st.integers(0, stages - 1)), draw(st.integers(0, stages - 1))
        if offset == 1 or source < target:
            emissions.append(Emission(source, target, offset, draw(route), draw(kept)))
    emissions = draw(st.permutations(emissions))
    emissions += draw(_copies(emissions, step)) if resources else []
    network = Network(
        tuple(f"r{i}" for i in range(resources)),
        tuple(draw(capacity) for _ in range(resources)),
        draw(st.sampled_from(policies)),
        tuple(f"s{i}" for i in range(stages)),
        tuple(emissions),
    )
    samples = draw(st.integers(0, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrivals = np.cumsum(rng.integers(0, draw(st.integers(1, 12)), samples))
    copies = rng.integers(0, draw(st.integers(1, 6)), (samples, len(emissions)))
    for index, emission in enumerate(emissions):
        if emission.copied is not None:
            copies[:, index] = copies[:, emission.copied[0]]
    services = rng.integers(0, 4, copies.shape) * np.array([bool(e.route) for e in emissions], int)
    return network, arrivals, copies, services


def plain(timeline):
    """Return all results as lists and numbers."""
    names = ("fired", "lost", "waited", "busy_ps", "blocked_ps", "served", "longest_queue")
    return {name: getattr(timeline, name).tolist() for name in names} | {"events": timeline.events}


def plain_reference(run):
    """Return the same of the reference."""
    columns = {"busy_ps": "busy", "blocked_ps": "blocked", "served": "served", "longest_queue": "longest"}
    return {"fired": run.fired, "lost": run.lost, "waited": run.waited} | {
        name: [getattr(server, column) for server in run.servers] for name, column in columns.items()
    } | {"events": sum(server.served for server in run.servers)}  # fmt: skip


def single_server(samples, service, arrivals=None):
    """Return a run of one server that each sample visits once; without arrivals, all come at 0."""
    network = Network(("server",), (-1,), "block", ("in", "out"), (Emission(0, 1, 0, ((0, 10),)),))
    due = np.zeros(samples, np.int64) if arrivals is None else arrivals
    return network, due, np.ones((samples, 1), np.int64), np.full((samples, 1), service - 10 if service > 10 else 0)
