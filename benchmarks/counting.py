"""What counting costs: learning MNIST with `Chip.learn` and with `hardware.count`, in turn, least times.

python -m benchmarks.counting --root DIR
"""

import argparse
import time
from copy import deepcopy

import numpy as np

import neurosim as ns
from neurosim.streams import open_stream

ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=".")
    parser.add_argument("--samples", type=int, default=20000)
    parser.add_argument("--warm-up", type=int, default=10000)
    given = parser.parse_args()
    block = next(iter(open_stream("mnist:train", root=given.root).blocks(size=given.warm_up + given.samples)))
    first, x = np.split(block.samples, [given.warm_up])
    print("neurons   us a sample   counted   ratio")
    for neurons in (100, 2000):
        chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=784).learn(first)
        plain = counted = np.inf
        for _ in range(ROUNDS):
            plain = min(plain, 1e6 * seconds(deepcopy(chip).learn, x) / len(x))
            counted = min(counted, 1e6 * seconds(ns.hardware.count, deepcopy(chip), x) / len(x))
        print(f"{neurons:7}   {plain:11.2f}   {counted:7.2f}   {counted / plain:5.3f}")


def seconds(run, *arguments) -> float:
    """Return how long a run takes."""
    begun = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
