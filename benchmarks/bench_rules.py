"""What a rule, a competition, a bias or an option costs over SoftHebb: 784 -> 2,000, MNIST, learning every sample.

::

    NEUROSIM_DATA=... python -m benchmarks.bench_rules

Each variant starts from the same trained SoftHebb weights and differs in one choice, so the same neurons learn; it is
timed right after plain SoftHebb, and the median of the ratios is shown. Then the recipes as they are, which let very
different numbers of neurons learn.
"""

import os
import statistics
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import neurosim as ns

NEURONS, CHUNK, PAIRS = 2000, 500, 15
BASE = ns.recipes.softhebb(NEURONS, temperature=0.01)
STEADY = ns.ConstantRate(1e-4)  # so small that no rule leaves the weights it starts from


@ns.rule
def own_softhebb(potential, response, rate):
    """SoftHebb, as a user would write it."""
    growth = rate * response
    return 1 - growth * potential, growth


ONE_CHOICE = {
    "rule": {
        "Hebb": {"rule": ns.Hebb(rate=STEADY)}, "Oja": {"rule": ns.Oja(rate=STEADY)},
        "Instar": {"rule": ns.Instar(rate=STEADY)}, "HebbNet": {"rule": ns.HebbNet(rate=STEADY)},
        "BCM": {"rule": ns.BCM(rate=STEADY)}, "EGHR": {"rule": ns.EGHR(rate=STEADY, threshold=1.0)},
        "one's own": {"rule": own_softhebb(rate=STEADY)},
    },
    "schedule": {
        "norm-adaptive": {"rule": ns.SoftHebb(rate=ns.NormAdaptiveRate(1e-4))},
        "linear": {"rule": ns.SoftHebb(rate=ns.LinearRate(1e-4, 1e6))},
        "exponential": {"rule": ns.SoftHebb(rate=ns.ExponentialRate(1e-4, 1e6, 1e-5))},
        "win count": {"rule": ns.SoftHebb(rate=ns.WinCountRate(1e-4))},
    },
    "competition": {
        "signed": {"competition": ns.SoftWTA(temperature=0.01, signed=True)},
        "winner only": {"competition": ns.SoftWTA(temperature=0.01, winner_only=True)},
        "hard": {"competition": ns.HardWTA()}, "k = 5": {"competition": ns.KWTA(5)},
        "ranked": {"competition": ns.Ranked()}, "taught": {"competition": ns.Taught()},
    },
    "bias": {
        "conscience": {"bias": ns.Conscience(rate=1e-5, strength=1e-3)},
        "mean activity": {"bias": ns.MeanActivity(rate=1e-5)}, "log-prior": {"bias": ns.LogPrior(rate=1e-6)},
    },
    "option": {
        "activation ReLU": {"activation": ns.ReLU()}, "renormalise": {"renormalise": True}, "leak": {"leak": 1e-7},
        "window 32": {"window": 32}, "instruments off": {"instruments": False},
    },
    "all neurons learn (cutoff 0)": {
        "SoftHebb": {"cutoff": 0.0}, "Oja": {"cutoff": 0.0, "rule": ns.Oja(rate=STEADY)},
        "BCM": {"cutoff": 0.0, "rule": ns.BCM(rate=STEADY)},
        "one's own": {"cutoff": 0.0, "rule": own_softhebb(rate=STEADY)},
    },
    "excepted: not two numbers a neuron": {
        "p = 3": {"lebesgue": 3.0}, "p = 2.5": {"lebesgue": 2.5}, "eligibility": {"eligibility": 0.9},
    },
}  # fmt: skip
RECIPES = ("hard_wta", "k_wta", "hebb", "instar", "krotov_hopfield", "hebbnet", "liuson", "oja", "bcm", "eghr")


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return samples of MNIST and their labels."""
    stream = ns.open_stream("mnist:train", root=Path(os.environ["NEUROSIM_DATA"]))
    blocks = list(stream.blocks(size=12_000))[:1]
    return blocks[0].samples, blocks[0].labels


def like(trained: ns.Chip, layer: ns.DenseWTA) -> ns.Chip:
    """Return a chip of another layer with the trained one's weights."""
    chip = ns.Chip([layer], inputs=784, seed=0)
    state, given = chip.layers[0].state, trained.layers[0].state
    state.synapses[:] = given.synapses * given.scales
    state.norms[:] = (np.abs(state.synapses.astype(np.float64)) ** layer.lebesgue).sum(axis=0)
    state.wins[:] = given.wins
    return chip


def seconds(chip: ns.Chip, samples: np.ndarray, labels: np.ndarray) -> float:
    """Return the time that learning takes."""
    begun = time.perf_counter()
    chip.learn(samples, labels=labels, chunk=CHUNK)
    return time.perf_counter() - begun


def ratio(trained: ns.Chip, base: ns.Chip, other: ns.Chip, samples: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return ratios of times of pairs, smallest first."""
    seconds(other, samples[:CHUNK], labels[:CHUNK])
    found = []
    for start in range(0, PAIRS * CHUNK, CHUNK):
        part = slice(start, start + CHUNK)
        first = seconds(base, samples[part], labels[part])
        found.append(seconds(other, samples[part], labels[part]) / first)
    return sorted(found)


def show(name: str, ratios: list[float], chip: ns.Chip) -> None:
    """Print one row."""
    layer = chip.layers[0]
    row = f"| {name} | {statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}) "
    print(f"{row}| {layer.writes / max(1, layer.samples):.0f} |", flush=True)


def main() -> None:
    """Print tables."""
    warnings.simplefilter("ignore", ns.StabilityWarning)
    samples, labels = load()
    trained = ns.Chip([BASE], inputs=784, seed=0).learn(samples)
    steady = replace(BASE, rule=ns.SoftHebb(rate=STEADY))
    labels = labels % NEURONS
    for group, choices in ONE_CHOICE.items():
        print(f"\n| {group} | time over SoftHebb's (range) | neurons written a sample |\n| --- | --- | --- |")
        base = like(trained, replace(steady, cutoff=0.0) if "cutoff 0" in group else steady)
        for name, constants in choices.items():
            chip = like(trained, replace(steady, **constants))
            show(name, ratio(trained, base, chip, samples, labels), chip)
    print("\n| recipe as it is | time over SoftHebb's (range) | neurons written a sample |\n| --- | --- | --- |")
    for name in RECIPES:
        base, chip = trained, ns.Chip([ns.recipes.named(name, NEURONS)], inputs=784, seed=0)
        show(name, ratio(trained, base, chip, samples, labels), chip)


if __name__ == "__main__":
    sys.exit(main())
