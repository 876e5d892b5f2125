"""A fleet of small chips against as many separate ones: samples a second, bytes a chip, time to begin.

    python -m benchmarks.fleet --chips 10000

All in one process, by turns, and the best of several rounds of each: by the processor's time for this process, as other
work may have the machine, and beside it by the clock. Samples are 16 random numbers, their keys uniform or by Zipf's
law (the r-th key has a share of 1 / r). Before anything is timed, every chip has learned from some samples. At the end
new chips and a new fleet learn from the same samples, and their bits are compared.
"""

import argparse
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import neurosim as ns

INPUTS, NEURONS, SEED = 16, 16, 1


def memory() -> int:
    """Return the bytes of memory that this process has in use."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return how many seconds a piece of work takes, of the processor and by the clock."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - processor, time.perf_counter() - clock


def keys_of(kind: str, chips: int, count: int, generator: np.random.Generator) -> Any:
    """Return random keys."""
    if kind == "uniform":
        return generator.integers(0, chips, count)
    shares = 1 / np.arange(1, chips + 1)
    return generator.permutation(chips)[generator.choice(chips, count, p=shares / shares.sum())]


def one_by_one(chips: list[ns.Chip], keys: Any, samples: Any) -> None:
    """Learn with separate chips, sample by sample."""
    for key, sample in zip(keys.tolist(), samples, strict=True):
        chips[key].learn_one(sample)


def grouped(chips: list[ns.Chip], keys: Any, samples: Any) -> None:
    """Learn with separate chips, all samples of a chip in one call."""
    order = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(np.diff(keys[order], append=-1)) + 1
    for some in np.split(order, ends[:-1]):
        chips[keys[some[0]]].learn(samples[some])


def fleet_one_by_one(fleet: ns.Fleet, keys: Any, samples: Any) -> None:
    """Learn with the fleet, sample by sample."""
    for key, sample in zip(keys.tolist(), samples, strict=True):
        fleet.learn_one(key, sample)


def ways(fleet: ns.Fleet, chips: list[ns.Chip]) -> Iterator[tuple[str, Any, Callable[..., object]]]:
    """Give the ways of learning that are compared: name, who learns, and the work."""
    yield "Chip.learn_one, a loop", chips, one_by_one
    yield "Chip.learn, grouped by key", chips, grouped
    yield "Fleet.learn_one, a loop", fleet, fleet_one_by_one
    for chunk in (256, 4096):
        yield f"Fleet.learn, chunk {chunk}", fleet, _in_chunks(chunk)


def _in_chunks(chunk: int) -> Callable[..., object]:
    return lambda fleet, keys, samples: fleet.learn(keys, samples, chunk=chunk)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=40_000, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of the fleet")
    parser.add_argument("--no-instruments", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ns.StabilityWarning)
    layers = [ns.recipes.softhebb(NEURONS, instruments=not options.no_instruments)]
    generator = np.random.default_rng(0)
    ns.Fleet(layers, inputs=INPUTS).learn([0, 1], np.ones((2, INPUTS), np.float32))  # compiled
    before = memory()
    fleet = ns.Fleet(layers, inputs=INPUTS, seed=SEED, threads=options.threads)
    processor, clock = timed(lambda: fleet.begin(range(options.chips)))
    print(f"fleet of {options.chips} begins: {processor:.2f} s of the processor, {clock:.2f} s")
    print(f"  memory in use {(memory() - before) / options.chips:.0f} bytes a chip, state {fleet.bytes_per_chip}")
    first = np.tile(np.arange(options.chips), 20)
    samples = generator.random((len(first), INPUTS), np.float32)
    fleet.learn(first, samples)
    before, chips = memory(), list[ns.Chip]()
    seeds = [fleet.seed_of(key) for key in range(options.chips)]
    processor, clock = timed(lambda: chips.extend(ns.Chip(layers, inputs=INPUTS, seed=seed) for seed in seeds))
    print(f"{options.chips} chips begin: {processor:.2f} s of the processor, {clock:.2f} s")
    for key, chip in enumerate(chips):
        chip.learn_one(samples[key])
        chip.learn(samples[key + options.chips :: options.chips])
    print(f"  memory in use {(memory() - before) / options.chips:.0f} bytes a chip")
    _compare(fleet, chips, options, generator)


def _compare(fleet: ns.Fleet, chips: list[ns.Chip], options: argparse.Namespace, generator: Any) -> None:
    """Print how long each way takes; fleet and chips learn from the same samples, each by several ways in turn."""
    count = options.samples
    for kind in ("uniform", "zipf"):
        best: dict[str, tuple[float, float]] = {}
        for _ in range(options.rounds):
            for name, learner, work in ways(fleet, chips):
                keys = keys_of(kind, options.chips, count, generator)
                samples = generator.random((count, INPUTS), np.float32)
                spent = timed(partial(work, learner, keys, samples))
                best[name] = tuple(map(min, best.get(name, spent), spent))  # type: ignore[assignment]
        loop = best["Chip.learn_one, a loop"]
        print(f"keys {kind}: us of the processor a sample, times the loop; by the clock")
        for name, (processor, clock) in best.items():
            print(
                f"  {name:28} {processor / count * 1e6:7.2f} {loop[0] / processor:6.1f}x"
                f" {clock / count * 1e6:9.2f} {loop[1] / clock:6.1f}x"
            )
    _same_bits(options)


def _same_bits(options: argparse.Namespace) -> None:
    """Print how many chips of a fleet have the bits of chips alone after the same samples."""
    generator, count = np.random.default_rng(1), 20 * options.chips
    keys = keys_of("uniform", options.chips, count, generator)
    samples = generator.random((count, INPUTS), np.float32)
    layers = [ns.recipes.softhebb(NEURONS, instruments=not options.no_instruments)]
    fleet = ns.Fleet(layers, inputs=INPUTS, seed=SEED, threads=options.threads).learn(keys, samples)
    alone = [ns.Chip(layers, inputs=INPUTS, seed=fleet.seed_of(key)) for key in range(options.chips)]
    for key, sample in zip(keys.tolist(), samples, strict=True):
        alone[key].learn_one(sample)
    learned = [key for key in range(options.chips) if key in fleet]
    equal = sum(fleet.state_sha256(key) == alone[key].state_sha256 for key in learned)
    print(f"{equal} of {len(learned)} chips have the bits of chips alone, after {count} samples")


if __name__ == "__main__":
    main()
