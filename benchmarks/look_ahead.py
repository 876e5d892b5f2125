"""Where looking ahead pays: microseconds a learned sample of MNIST, never looking ahead, as it decides, and always.

::

    NEUROSIM_DATA=... taskset -c 0 python benchmarks/look_ahead.py [--neurons 1000 2000 3000 4000]

Chips that have learned from 10,000 images learn from the next 3,000 in chunks of 500, in turn, from equal weights on;
medians of seven rounds. What decides (`samples_ahead` of `kernels/dense/ahead.py`) changes no bit, so all end in equal
states.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.experiments.data import Data
from neurosim.kernels.dense import ahead

WAYS = {"never": 1 << 40, "as it decides": ahead.COPIES, "always": -(1 << 40)}  # synapses read for each that is copied
LEARNED, TIMED, CHUNK, ROUNDS = 10_000, 3_000, 500, 7


def timed(neurons: int, images: np.ndarray) -> dict[str, float]:
    """Return the median time of a sample each way."""
    first = ns.Chip([ns.recipes.softhebb(neurons)], inputs=784, seed=0).learn(images[:LEARNED], chunk=CHUNK)
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS + 1):
        states = set()
        for way, copies in WAYS.items():
            ahead.COPIES = copies  # read where the loop's working memory is made
            chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=784, seed=0)
            chip.layers[0].restore(first.layers[0].arrays())
            begun = time.perf_counter()
            chip.learn(images[LEARNED:], chunk=CHUNK)
            taken[way].append((time.perf_counter() - begun) / TIMED * 1e6)
            states.add(chip.state_sha256)
        assert len(states) == 1, "looking ahead must change no bit"
    return {way: float(np.median(times[1:])) for way, times in taken.items()}  # the first round compiles


def main() -> None:
    """Print a row a width."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--neurons", type=int, nargs="+", default=[1000, 2000, 3000, 4000])
    given = options.parse_args()
    images, _ = Data(Path(os.environ["NEUROSIM_DATA"])).part("mnist", "train").take(np.arange(LEARNED + TIMED))
    print(f"{'neurons':>10}" + "".join(f"{way:>16}" for way in WAYS))
    for neurons in given.neurons:
        found = timed(neurons, images)
        print(f"{neurons:>10,}" + "".join(f"{microseconds:>16.1f}" for microseconds in found.values()), flush=True)


if __name__ == "__main__":
    main()
