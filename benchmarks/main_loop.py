"""What the main loop costs beside the engine: a learned sample by `ns.run`, by `learn_one` and by `chip.learn`.

::

    taskset -c 0 python -m benchmarks.main_loop [--rounds N] [--neurons N ...]

Microseconds of processor time a sample, each the least of some rounds; all take the same samples in turn, on chips of
equal weights. `p50` is the median of the samples in the loop, as `neurosim stream` prints it. `over` is what a call of
`learn_one` takes beside a sample's share of a chunk.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import neurosim as ns
from neurosim.streams import ArrayStream

SIZES = ((16, 16), (64, 100), (784, 100), (784, 2000))
SAMPLES = 2560
US = 1e6


class Ways(NamedTuple):
    """Seconds a sample, the least of all rounds, of each way."""

    learn: float
    learn_one: float
    one: float
    auto: float
    p50: float


def images(inputs: int) -> np.ndarray:
    """Return digits enlarged or cut to a width, a fifth of the inputs active."""
    samples = np.concatenate([block.samples for block in ns.open_stream("digits").blocks(size=600)])
    samples = np.where(samples > samples.max() * 0.6, samples, 0).astype(np.float32)
    wide = np.tile(samples, (2, -(-inputs // samples.shape[1])))[:SAMPLES, :inputs]
    return np.ascontiguousarray(wide[np.random.default_rng(0).permutation(len(wide))])


def timed(call: Callable[[], object]) -> float:
    """Return the processor time of a call, a sample."""
    begun = time.process_time()
    call()
    return (time.process_time() - begun) / SAMPLES


def singly(chip: ns.Chip, samples: list[np.ndarray]) -> None:
    for x in samples:
        chip.learn_one(x)


def measure(inputs: int, neurons: int, rounds: int) -> Ways:
    """Let all ways take the same samples in turn, on a chip each."""
    samples = images(inputs)
    chips = [ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs).learn(samples) for _ in range(4)]
    for chip in chips:
        chip.compile()
    stream, rows, reports = ArrayStream(samples), list(samples), []
    ways = (
        lambda: chips[0].learn(stream), lambda: singly(chips[1], rows),
        lambda: reports.append(ns.run(chips[2], stream, chunk=1)), lambda: ns.run(chips[3], stream),
    )  # fmt: skip
    times = [[timed(way) for way in ways] for _ in range(rounds)]
    p50 = min(report.latencies.percentile(50) for report in reports)
    assert len({chip.state_sha256 for chip in chips}) == 1
    return Ways(*np.min(times, axis=0).tolist(), p50)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--neurons", type=int, nargs="*", help="only sizes of so many neurons")
    options = parser.parse_args()
    print("               learn  learn_one   over   run, chunk=1  (its p50)  run, auto   run/learn_one  auto/learn")
    for inputs, neurons in SIZES:
        if options.neurons and neurons not in options.neurons:
            continue
        found = measure(inputs, neurons, options.rounds)
        learn, one, single, auto, p50 = (seconds * US for seconds in found)
        print(
            f"{inputs:4} -> {neurons:5} {learn:7.2f} {one:10.2f} {one - learn:6.2f} {single:14.2f} {p50:10.2f} "
            f"{auto:10.2f} {single / one:15.2f} {auto / learn:11.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
