"""Rare faults of many sensors: novelty by one chip for all, by a chip for each, and by a running mean for each.

::

    python -m benchmarks.fleet_novelty                 # AUC of each detector, bytes a key, samples a second
    python -m benchmarks.fleet_novelty --modes 1       # sensors that do one thing only
    python -m benchmarks.fleet_novelty --neurons       # by neurons of each chip, and by how many readings it has had
    python -m benchmarks.fleet_novelty --bits          # how many keys have the scores of separate chips, to the bit

Sensors are made up. Each has a few modes of its own, spectra of 16 channels drawn at random, and each reading is one of
them, as loud as chance has it, with noise. One reading in a hundred is a fault, by turns of two kinds: a reading such
as another sensor's, which is unusual for this sensor and usual in the plant; and one of its own with a line more in
some channel. In every round each sensor sends one reading, in a random order. Every detector gets the readings once, in
their order, and scores each before it learns from it, faults included.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import neurosim as ns
from neurosim.online.listener import Batch

SEEDS = (0, 1, 2)
CHANNELS, FAULTS = 16, 0.01
NOISE, LOUDNESS, LINE = 0.1, 0.3, 0.7  # of a reading of length 1: noise a channel, deviation of its logarithm, a line
FIRST = 50  # rounds that are under way: the table has the AUC of those after
SPANS = (50, 150, 300, 1000, 2000)  # readings of each sensor, between which there is a column
MEANS = "a running mean and deviation for each"
ANOTHERS, ONE_LINE = 1, 2  # kinds of faults; 0 is none

Samples = NDArray[np.float32]
Scores = NDArray[np.float64]
Detector = Callable[["Plant"], tuple[Scores, float]]  # scores, and bytes a key


class Plant(NamedTuple):
    """Readings of sensors, round after round.

    Attributes
    ----------
    keys : int64 (rounds, sensors)
        In each round a permutation of the sensors.
    samples : float32 (rounds, sensors, channels)
    faults : int64 (rounds, sensors)
        What kind each reading is.
    seed : int
    """

    keys: NDArray[np.int64]
    samples: Samples
    faults: NDArray[np.int64]
    seed: int


def plant(sensors: int, rounds: int, modes: int, seed: int) -> Plant:
    """Return the readings of made-up sensors."""
    rng = np.random.default_rng(seed)
    spectra = rng.gamma(0.5, size=(sensors, modes, CHANNELS))
    spectra /= np.linalg.norm(spectra, axis=2, keepdims=True)
    keys = rng.permuted(np.tile(np.arange(sensors), (rounds, 1)), axis=1)
    faults = np.where(rng.random(keys.shape) < FAULTS, rng.integers(1, 3, keys.shape), 0)
    others = (keys + rng.integers(1, sensors, keys.shape)) % sensors
    samples = spectra[np.where(faults == ANOTHERS, others, keys), rng.integers(0, modes, keys.shape)]
    lines = np.eye(CHANNELS)[rng.integers(0, CHANNELS, keys.shape)]
    samples += LINE * lines * (faults == ONE_LINE)[..., None]
    samples += rng.normal(0, NOISE, samples.shape)
    samples *= np.exp(rng.normal(0, LOUDNESS, keys.shape))[..., None]
    return Plant(keys, np.maximum(samples, 0).astype(np.float32), faults, seed)


def one_chip(neurons: int) -> Detector:
    """Return the detector by one chip for all sensors."""

    def scores(of: Plant) -> tuple[Scores, float]:
        chip = ns.Chip([ns.recipes.softhebb(neurons, instruments=False)], inputs=CHANNELS, seed=of.seed)
        heard = _Heard(ns.Novelty(chip))
        ns.run(chip, ns.streams.ArrayStream(of.samples.reshape(-1, CHANNELS)), chunk=4096, listener=heard)
        return np.concatenate(heard.scores).reshape(of.keys.shape), 0.0

    return scores


class _Heard:
    """A listener that keeps scores."""

    def __init__(self, novelty: ns.Novelty) -> None:
        self.novelty, self.wants = novelty, novelty.wants
        self.scores: list[Scores] = []

    def take(self, batch: Batch) -> None:
        self.novelty.take(batch)
        self.scores.append(self.novelty.scores.copy())


def chip_each(neurons: int, initial: str = "random") -> Detector:
    """Return the detector by a chip for each sensor."""

    def scores(of: Plant) -> tuple[Scores, float]:
        fleet, novelty = fleet_of(neurons, of.seed, initial)
        found = [
            novelty.learn(keys, fleet.take(keys, samples)) for keys, samples in zip(of.keys, of.samples, strict=True)
        ]
        return np.array(found), fleet.bytes_per_chip + novelty.bytes_per_key

    return scores


def fleet_of(neurons: int, seed: int, initial: str = "random") -> tuple[ns.Fleet, ns.FleetNovelty]:
    """Return a fleet without keys, and its novelty."""
    constants = {} if initial == "random" else {"initial": initial}
    fleet = ns.Fleet([ns.recipes.softhebb(neurons, instruments=False, **constants)], inputs=CHANNELS, seed=seed)
    return fleet, ns.FleetNovelty(fleet)


def mean_each(*, deviations: bool) -> Detector:
    """Return the detector by the distance to a running mean for each sensor; or in deviations of each channel."""

    def scores(of: Plant) -> tuple[Scores, float]:
        shape = of.keys.shape[1], CHANNELS
        means, squares, found = np.zeros(shape), np.zeros(shape), np.empty(of.keys.shape)
        for number, (keys, samples) in enumerate(zip(of.keys, of.samples, strict=True)):
            lengths = np.linalg.norm(samples, axis=1, keepdims=True)  # a chip's layer does so with its inputs, too
            apart = samples / np.maximum(lengths, 1e-9) - means[keys]
            spread = np.sqrt(squares[keys] / max(number, 1)) + 1e-2 if deviations else 1.0
            found[number] = np.linalg.norm(apart / spread, axis=1)
            means[keys] += apart / (number + 1)
            squares[keys] += apart**2 * number / (number + 1)
        return found, means[0].nbytes + (squares[0].nbytes if deviations else 0)

    return scores


DETECTORS: dict[str, Detector] = {
    "one chip for all, 16 neurons": one_chip(16),
    "one chip for all, 256 neurons": one_chip(256),
    "a chip for each, 4 neurons": chip_each(4),
    "a chip for each, 16 neurons": chip_each(16),
    "a running mean for each": mean_each(deviations=False),
    MEANS: mean_each(deviations=True),
}


def row(name: str, detector: Detector, plants: list[Plant]) -> str:
    """Return a row of the table."""
    aucs: dict[str, list[float]] = {"all": [], "another's": [], "a line": []}
    best = np.inf
    for of in plants:
        begun = time.process_time()
        found, size = detector(of)
        best = min(best, (time.process_time() - begun) / found.size)
        scores, faults = np.nan_to_num(found[FIRST:]), of.faults[FIRST:]
        for kind, which in (("all", faults >= 0), ("another's", faults != ONE_LINE), ("a line", faults != ANOTHERS)):
            aucs[kind].append(float(roc_auc_score(faults[which] > 0, scores[which])))
    cells = " | ".join(f"{np.mean(found):.3f}" for found in aucs.values())
    by_seed = " ".join(f"{auc:.3f}" for auc in aucs["all"])
    return f"| {name} | {cells} | {by_seed} | {size:,.0f} | {1 / best:,.0f} |"


def table(plants: list[Plant]) -> Iterator[str]:
    """Give the table of all detectors."""
    warm = plant(4, FIRST + 2, 1, 9)
    for detector in DETECTORS.values():
        detector(warm)  # compiled before the clock runs
    rounds, sensors = plants[0].keys.shape
    yield f"{sensors} sensors, {rounds} readings each, {np.mean(plants[0].faults > 0):.2%} faults"
    yield "| detector | AUC | another's reading | a line more | AUC by seed | bytes a key | samples/s |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, detector in DETECTORS.items():
        yield row(name, detector, plants)


def by_neurons(of: Plant) -> Iterator[str]:
    """Give the AUC of a chip for each by its neurons, for readings between some and some others of each sensor."""
    spans = [(first, last) for first, last in pairwise(SPANS) if last <= len(of.keys)]
    yield f"| detector | {' | '.join(f'{first:,} to {last:,}' for first, last in spans)} |"
    yield "| --- |" + " --- |" * len(spans)
    chips = {f"a chip for each, {neurons} neurons": chip_each(neurons) for neurons in (2, 3, 4, 8, 16)}
    chips |= {f"{neurons} neurons that begin as samples": chip_each(neurons, "samples") for neurons in (4, 16)}
    for name, detector in (chips | {MEANS: DETECTORS[MEANS]}).items():
        scores = np.nan_to_num(detector(of)[0])
        cells = [
            f"{roc_auc_score(of.faults[first:last].ravel() > 0, scores[first:last].ravel()):.3f}"
            for first, last in spans
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def equal_bits(of: Plant, neurons: int = 16) -> Iterator[str]:
    """Say how many keys have the scores of separate chips, each with a Novelty of its own."""
    fleet, novelty = fleet_of(neurons, of.seed)
    keys, samples = of.keys.ravel(), of.samples.reshape(-1, CHANNELS)
    chunks = np.split(np.arange(len(keys)), range(1000, len(keys), 1000))
    scores = np.concatenate([novelty.learn(keys[some], fleet.take(keys[some], samples[some])) for some in chunks])
    equal = 0
    for key in fleet.keys:
        chip = ns.Chip(fleet.layers, inputs=CHANNELS, seed=fleet.seed_of(key))
        alone = ns.Novelty(chip, recent=novelty.recent)
        own = [alone.learn_one(chip.learn_one(sample)).novelty for sample in samples[keys == key]]
        equal += scores[keys == key].tobytes() == np.array(own).tobytes()
    yield f"{equal} of {len(fleet)} keys have the scores of separate chips, to the bit, after {len(keys):,} samples"


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensors", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=300, help="readings of a sensor")
    parser.add_argument("--modes", type=int, default=3, help="spectra of a sensor")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--neurons", action="store_true", help="give --sensors 300 --rounds 2000 with it")
    others.add_argument("--bits", action="store_true")
    asked = parser.parse_args()
    made = (plant(asked.sensors, asked.rounds, asked.modes, seed) for seed in SEEDS)
    lines = by_neurons(next(made)) if asked.neurons else equal_bits(next(made)) if asked.bits else table(list(made))
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
