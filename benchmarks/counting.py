"""What counting costs: learning MNIST in chunks with and without, in turn, least times.

python -m benchmarks.counting --root DIR
"""

import argparse
import time

import numpy as np

import neurosim as ns
from neurosim.streams import open_stream

CHUNK, ROUNDS = 256, 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=".")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--warm-up", type=int, default=10000)
    given = parser.parse_args()
    block = next(iter(open_stream("mnist:train", root=given.root).blocks(size=given.warm_up + given.samples)))
    first, x = np.split(block.samples, [given.warm_up])
    print("neurons   us a sample   counted   ratio")
    for neurons in (100, 2000):
        layer = ns.Chip([ns.recipes.softhebb(neurons)], inputs=784).learn(first).layers[0]
        least = {False: np.inf, True: np.inf}
        for turn in range(2 * ROUNDS):
            counted = bool(turn % 2)
            least[counted] = min(least[counted], seconds(layer, x, counted) / len(x))
        plain, slower = (1e6 * least[counted] for counted in (False, True))
        print(f"{neurons:7}   {plain:11.2f}   {slower:7.2f}   {slower / plain:5.3f}")


def seconds(layer, x, counted: bool) -> float:
    """Learn from samples in chunks; return how long that took."""
    scratch, live = layer.scratch(), layer.live() if counted else None
    begun = time.perf_counter()
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK]
        room = layer.results(len(part), 1, len(part), live)
        layer.take(part, True, scratch, room, start)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
