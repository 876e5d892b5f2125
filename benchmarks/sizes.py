"""What a learned sample costs, by active inputs and neurons; and a chip of a thousand million synapses that learns.

::

    taskset -c 0 python -m benchmarks.sizes            # density, inputs, neurons; 10 minutes
    taskset -c 0 python -m benchmarks.sizes --largest  # 10,000 inputs, 100,000 neurons: 4 GB of synapses
    python -m benchmarks.sizes --threads               # a second thread, for one layer and for two

Samples are drawn from twenty patterns, each input on by the density and then of a random size, a tenth of them drawn
anew in every sample. A time is the least of five chunks', after as many samples as the table says.
"""

import argparse
import time

import numpy as np

import neurosim as ns

INPUTS, NEURONS, DENSITIES = (64, 784, 8_192, 65_536), (10, 100, 1_000, 10_000, 100_000), (0.01, 0.1, 1.0)
MOST_SYNAPSES = 300_000_000
PATTERNS, SHARED, ROUNDS = 20, 0.9, 5


def samples_of(inputs: int, density: float, count: int) -> np.ndarray:
    """Return samples with exactly the same number of active inputs, at least one."""
    rng, active = np.random.default_rng(inputs), max(1, round(density * inputs))
    samples = np.zeros((count, inputs), np.float32)
    patterns = [rng.permutation(inputs) for _ in range(PATTERNS)]
    for sample in samples:
        pattern, kept = patterns[rng.integers(PATTERNS)], round(SHARED * active)
        places = np.concatenate([pattern[:kept], rng.choice(pattern[kept:], active - kept, replace=False)])
        sample[places] = rng.random(active, np.float32) + 0.1
    return samples


def seconds(chip: ns.Chip, samples: np.ndarray, chunk: int, threads: int = 1) -> float:
    """Return the time a sample takes, the least of some chunks'."""
    best = np.inf
    for part in np.array_split(samples, ROUNDS):
        begun = time.perf_counter()
        chip.learn(part, chunk=chunk, threads=threads)
        best = min(best, (time.perf_counter() - begun) / len(part))
    return best


def table() -> None:
    """Print a row for each width, and for each number of neurons and density."""
    print("us a sample, and ps for each active input and neuron, after some samples; written: neurons that learned\n")
    print(" inputs  density  active  neurons  synapses  samples        us       ps  written")
    for inputs in INPUTS:
        for neurons in NEURONS:
            if inputs * neurons > MOST_SYNAPSES:
                continue
            for density in DENSITIES:
                row(inputs, neurons, density)


def row(inputs: int, neurons: int, density: float) -> None:
    """Measure one size."""
    active = max(1, round(density * inputs))
    count = int(min(2_000, max(30, 1e9 / (active * neurons))))
    samples = samples_of(inputs, density, 2 * count)
    chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs, seed=0)
    chip.learn(samples[:count])
    before = chip.layers[0].writes
    took = seconds(chip, samples[count:], count)
    written = (chip.layers[0].writes - before) / count
    print(
        f"{inputs:>7,} {density:>8.0%} {active:>7,} {neurons:>8,} {inputs * neurons:>9.1e} {count:>8,} "
        f"{took * 1e6:>9.1f} {took * 1e12 / (active * neurons):>8.0f} {written:>8.1f}",
        flush=True,
    )


def largest() -> None:
    """Let a chip of 1e9 synapses learn, and say what it takes."""
    inputs, neurons = 10_000, 100_000
    begun = time.perf_counter()
    chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs, seed=0)
    print(f"{inputs:,} -> {neurons:,}: {inputs * neurons:,} synapses, made in {time.perf_counter() - begun:.0f} s")
    layer = chip.layers[0]
    for density in DENSITIES:
        samples = samples_of(inputs, density, 60)
        chip.learn(samples[:10])
        writes = layer.writes
        took = seconds(chip, samples[10:], 10)
        written = (layer.writes - writes) / 50
        print(f"{density:>5.0%} active: {took * 1e3:.1f} ms a sample, {written:.0f} neurons written")


def threads() -> None:
    """Print what a second thread gives one layer, whose sums it shares if it is wide, and two equal ones."""
    print("784 -> n, fifth of the inputs active, chunks of 256\n")
    beside([(neurons,) for neurons in (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)], 0.2, 256)
    print("\n784 -> n -> n, tenth of the inputs active, chunks of 64\n")
    beside([(neurons, neurons) for neurons in (10, 30, 100, 300, 600, 1_000, 3_000)], 0.1, 64)


def beside(chips: list[tuple[int, ...]], density: float, chunk: int) -> None:
    """Print times of one thread and of two on the same chip, in turn, and the median of their ratios."""
    print("neurons  one thread us  two us  ratio")
    for sizes in chips:
        count = int(min(4_000, max(512, 1e10 / (784 * sum(sizes)))))
        samples = samples_of(784, density, 2 * count)
        layers = [ns.recipes.softhebb(neurons, transmit=ns.ReLU()) for neurons in sizes]
        chip = ns.Chip(layers, inputs=784)
        chip.learn(samples[:count])
        for number in (1, 2):  # threads made, the loop for them compiled
            chip.learn(samples[:chunk], chunk=chunk, threads=number)
        pairs = np.array(
            [[seconds(chip, samples[count:], chunk, threads=number) for number in (1, 2)] for _ in range(7)]
        )
        one, two = np.median(pairs, axis=0) * 1e6
        print(f"{sizes[0]:>7,} {one:>13.1f} {two:>7.1f} {np.median(pairs[:, 0] / pairs[:, 1]):>6.2f}", flush=True)


def main() -> None:
    """Print the table asked for."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--largest", action="store_true", help="the chip of 1e9 synapses")
    options.add_argument("--threads", action="store_true", help="one layer and two, with one thread and with two")
    given = options.parse_args()
    (largest if given.largest else threads if given.threads else table)()


if __name__ == "__main__":
    main()
