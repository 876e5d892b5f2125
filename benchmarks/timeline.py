"""Events a second of the timeline, beside SimPy's for the same network and samples in the same run.

::

    python -m benchmarks.timeline [--rounds 5]

An event is the end of a service. SimPy's share takes fewer samples, as it is slow, and its firing times are checked to
be the timeline's before anything is told. A round times both; the table has the median of the rounds' ratios.
"""

import argparse
import itertools
import statistics
import time

import numpy as np

from benchmarks.simpy_network import Model
from neurosim import randomness
from neurosim.hardware.timeline.simulation import Emission, Network, simulate

PURPOSE, SIDE, FANOUT = 902, 8, 8


def tandem(samples):
    """Return a run of three servers in a row, at 90 % of what they can do."""
    route = ((0, 90_001), (1, 95_003), (2, 80_007))
    network = Network(("a", "b", "c"), (-1, -1, -1), "block", ("in", "out"), (Emission(0, 1, 0, route),))
    services = randomness.words(1, PURPOSE, 0, samples)[:, None].astype(np.int64) % 20_000
    gaps = randomness.uniform(2, PURPOSE, 0, samples) * 210_000
    return network, np.cumsum(gaps.astype(np.int64)), np.ones((samples, 1), np.int64), services


def way(source, target):
    """Return the places between two cores of the mesh, first along the row, then along the column."""
    (x, y), places = source, [source]
    while x != target[0]:
        x += 1 if target[0] > x else -1
        places.append((x, y))
    while y != target[1]:
        y += 1 if target[1] > y else -1
        places.append((x, y))
    return places


def mesh(samples):
    """Return a run through a mesh of 64 cores: each sends spikes to eight others over links that they share."""
    resources = {}

    def resource(*name):
        return resources.setdefault(str(name), len(resources))

    emissions, stages = [], ["in"]
    cores = [(x, y) for y in range(SIDE) for x in range(SIDE)]
    for place, core in enumerate(cores):
        stages += [f"fed {core}", f"done {core}"]
        emissions.append(Emission(0, 1 + 2 * place, 0, ((resource("core", core), 900_001 + 17 * place),)))
    for place, core in enumerate(cores):
        for i in range(FANOUT):
            target = (7 * place + 11 * i + 3) % len(cores)
            places = way(core, cores[target])
            links = [(resource("link", a, b), 4_003) for a, b in itertools.pairwise(places)]
            step = resource("core", cores[target]), 23_011 + i
            emissions.append(Emission(1 + 2 * place, 2 + 2 * target, 0, (*links, step)))
    used = {0} | {emission.target for emission in emissions}
    places = {old: new for new, old in enumerate(sorted(used))}
    moved = tuple(Emission(places[e.source], places[e.target], 0, e.route) for e in emissions)
    names = tuple(stages[old] for old in sorted(used))
    network = Network(tuple(resources), (-1,) * len(resources), "block", names, moved)
    words = randomness.words(3, PURPOSE, 0, samples * len(moved)).reshape(samples, -1)
    copies = (words % np.uint64(5)).astype(np.int64) + 3
    services = (words >> np.uint64(40)).astype(np.int64) % 9_000
    return network, 9_000_000 * np.arange(samples), copies, services


def timed(run, *arguments):
    """Return a result, and what it took of a core: others may be at work on the machine."""
    begun = time.process_time()
    result = run(*arguments)
    return result, time.process_time() - begun


def measure(name, make, samples, few, rounds):
    """Print a row of the table."""
    case = make(samples)
    network, *arrays = case
    small = network, *(array[:few] for array in arrays)
    expected, rates, slow = simulate(*small).fired.tolist(), [], []
    for _ in range(rounds):
        played, seconds = timed(simulate, *case)
        model, simpy_seconds = timed(Model(network, *(array[:few].tolist() for array in arrays)).run)
        if model.fired != expected:
            raise SystemExit(f"{name}: SimPy's moments are not the timeline's")
        rates.append(played.events / seconds / 1e6)
        slow.append(model.events / simpy_seconds / 1e3)
    ratios = [1e3 * rate / other for rate, other in zip(rates, slow, strict=True)]
    spread = f"{statistics.median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f})"
    rate, other = f"{statistics.median(rates):.1f}", f"{statistics.median(slow):.0f}"
    print(f"| {name} | {len(network.resources)} | {played.events:,} | {rate} | {other} | {spread} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print("| network | resources | events | million events/s | SimPy, thousand events/s | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    measure("three in a row", tandem, 1_000_000, 10_000, rounds)
    measure("mesh 8 x 8, fan-out 8", mesh, 600, 4, rounds)


if __name__ == "__main__":
    main()
