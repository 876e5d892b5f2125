"""A learned sample at every size, by every way into the engine, beside loops of Numba for this one case alone.

::

    python -m benchmarks.every_size [--root DIR] [--rounds 7] [--samples 5000]

Images of MNIST, of 16, 64 and 784 pixels, after 10,000 of them; one thread. All take the same samples in turn, round
after round, from copies of the same chip, so that a busy machine disturbs the times more than the ratios. Times are
medians of rounds: of processor time for what takes many samples (the least of three in a row), of single samples else.
A ratio is taken within a round.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import neurosim as ns
from benchmarks import peers
from benchmarks.peers import numba_events, numba_rows, setting
from neurosim.streams import ArrayStream

SIZES = ((16, 16), (64, 100), (784, 100), (784, 2000))
CHUNK, ONE, RUN, RUN_P50 = "chunk", "learn_one", "run", "run, p50"
HAND, ROWS = "by hand", "rows"
RATIOS = (
    (CHUNK, HAND), (CHUNK, ROWS), (ONE, CHUNK), (RUN_P50, ONE), (RUN, CHUNK),
)  # fmt: skip
SINGLE = 1000  # samples of a round that are taken by a call each
IN_A_ROW = 3  # calls, as the first one finds the caches full of others' memory
Times = dict[str, float]


def per_sample(call: Callable[[], object], samples: int) -> float:
    """Return the processor time that a call takes for each of so many samples: the least of some in a row."""
    taken = []
    for _ in range(IN_A_ROW):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return min(taken) / samples


def median_call(call: Callable[[np.ndarray], object], samples: np.ndarray) -> float:
    """Return the median time of a call of one sample."""
    taken = []
    for x in samples:
        begun = time.perf_counter()
        call(x)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


class Row:
    """One size: copies of a trained chip, one for each way, and the loops beside them."""

    def __init__(self, chip: ns.Chip) -> None:
        first, constants = chip.layers[0].weights, peers.constants_of(chip.layers[0].constants)
        self.by_chunk, self.by_one, self.by_run, self.by_single_run = (setting.copy_of(chip) for _ in range(4))
        self.hand, self.rows = numba_events.make(first, constants), numba_rows.make(first, constants)

    def round(self, samples: np.ndarray) -> Times:
        """Let all take the same samples."""
        count, stream = len(samples), ArrayStream(samples)
        times = {
            CHUNK: per_sample(lambda: self.by_chunk.learn(samples), count),
            HAND: per_sample(lambda: self.hand.many(samples), count),
            ROWS: per_sample(lambda: self.rows.many(samples), count),
            ONE: median_call(self.by_one.learn_one, samples[:SINGLE]),
            RUN: per_sample(lambda: ns.run(self.by_run, stream), count),
        }
        report = ns.run(self.by_single_run, stream, chunk=1)
        return times | {RUN_P50: report.latencies.percentile(50)}


def main() -> None:
    """Measure every size, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=os.environ.get("NEUROSIM_DATA", "."), help="folder of MNIST")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, default=5000)
    given = parser.parse_args()
    print("us a learned sample" + "".join(f"{name:>12}" for name in (CHUNK, ONE, RUN, RUN_P50, HAND, ROWS)))
    lines = []
    with threadpool_limits(1):
        for inputs, neurons in SIZES:
            chip = setting.trained(neurons, setting.images(given.root, "train", setting.TRAINED, False, inputs))
            samples = setting.images(given.root, "test", given.samples, False, inputs)
            row = Row(chip)
            _, *rounds = [row.round(samples) for _ in range(given.rounds + 1)]
            medians = {name: statistics.median(times[name] for times in rounds) for name in rounds[0]}
            order = (CHUNK, ONE, RUN, RUN_P50, HAND, ROWS)
            print(f"{inputs:>6} -> {neurons:<9}" + "".join(f"{medians[name] * 1e6:12.2f}" for name in order))
            ratios = [statistics.median(times[a] / times[b] for times in rounds) for a, b in RATIOS]
            lines.append(f"{inputs:>6} -> {neurons:<9}" + "".join(f"{ratio:18.2f}" for ratio in ratios))
    print("\nratios             " + "".join(f"{a + ' / ' + b:>18}" for a, b in RATIOS))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
