"""Two processes share the sensors of one stream by a hash of their names; together they learn what one would learn.

python examples/fleet_workers.py
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

import neurosim as ns
from neurosim.fleet import store

WORKERS = ["1/2", "2/2"]


def write_stream():
    """Write readings of twelve pumps, each with a pattern of its own."""
    draw = np.random.default_rng(0)
    patterns = draw.random((12, 8))
    with open("pumps.csv", "w") as file:
        for pump in draw.integers(0, 12, 3000):
            reading = np.abs(patterns[pump] + 0.1 * draw.standard_normal(8))
            file.write(f"pump-{pump}," + ",".join(f"{value:.4f}" for value in reading) + "\n")


def learn(worker):
    """Learn the pumps of one worker; the state file is its own, and if it is there, learning goes on from it."""
    fleet, state, position = ns.Fleet([ns.recipes.softhebb(4)], inputs=8), f"pumps-{worker[0]}.h5", 0
    if os.path.exists(state):
        fleet, position = ns.Fleet.load(state), store.read(state).position
    report = ns.run_fleet(fleet, ns.open_stream("pumps.csv", key="0"), worker=worker, state=state, start=position)
    return f"worker {worker}: {len(fleet)} pumps, {report.samples} samples, {report.elsewhere} of others passed over"


if __name__ == "__main__":
    write_stream()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        print("\n".join(pool.map(learn, WORKERS)))
    alone = ns.Fleet([ns.recipes.softhebb(4)], inputs=8)
    ns.run_fleet(alone, ns.open_stream("pumps.csv", key="0"))
    shares = [ns.Fleet.load(f"pumps-{worker[0]}.h5") for worker in WORKERS]
    equal = [alone.state_sha256(key) == share.state_sha256(key) for share in shares for key in share.keys]
    print(f"{sum(equal)} of {len(alone)} pumps have the bits that one process gives them")
