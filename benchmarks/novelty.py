"""Novelty of heart beats beside other detectors, and the streams on which the constants of `ns.Novelty` were chosen.

::

    NEUROSIM_DATA=... python -m benchmarks.novelty            # premature beats of ECG record 100, each detector
    NEUROSIM_DATA=... python -m benchmarks.novelty --neurons  # the same by neurons and by measure, which chose nothing
    NEUROSIM_DATA=... python -m benchmarks.novelty --chosen   # a rare class of digits, MNIST and N-MNIST, by constant
    python -m benchmarks.novelty --strange                    # made-up samples that nothing before was like

Every detector gets the same windows, once and in order, and scores each before it learns from it; only the isolation
forest is fitted before. River is an extra: `pip install 'neurosim-chip[peers]'`.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

import neurosim as ns
from benchmarks import streams

SEEDS = (0, 1, 2)
NEURONS = 20  # as in docs/measured.md for this record, before anything here was measured
FIRST = 500  # windows that one forest is fitted to, and by which all others are under way
FORGET = 0.01  # of the running mean window
RARE, USUAL = 0.02, 5_000  # a rare class: its share, and how many samples of the others there are at most
CHOSEN_ON = (("digits", 20), ("digits", 100), ("MNIST", 20), ("MNIST", 100), ("N-MNIST, surfaces", 20))

Samples = NDArray[np.float32]
Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]
Detector = Callable[[Samples, int], Scores]


class Measured(NamedTuple):
    """How well a detector found what is rare: a number for each seed, and the time of a processor for a sample."""

    auc: list[float]
    late_auc: list[float]  # of the samples after the first
    precision: list[float]
    microseconds: float


def heart_beats() -> tuple[Samples, Flags]:
    """Return windows of all beats of record 100, first lead, in their order, and which are premature."""
    samples, labels = streams.beats_in_order()
    return samples, labels > 0


def both_signs(samples: Samples) -> Samples:
    """Return what is above zero and what is below, beside each other: inputs that are not negative."""
    return np.concatenate([np.maximum(samples, 0), np.maximum(-samples, 0)], axis=1)


def chip_scores(
    samples: Samples, seed: int, *, neurons: int = NEURONS, measures: str | tuple[str, ...] = "shortfall",
    split: bool = False, **constants: Any,
) -> Scores:  # fmt: skip
    """Return novelty by a chip that begins with the stream: with samples as weights, or split by sign, with random."""
    samples = both_signs(samples) if split else samples
    initial = {"initial": "samples"} if samples.min() < 0 else {}
    chip = ns.Chip([ns.recipes.softhebb(neurons, **initial)], inputs=samples.shape[1], seed=seed)
    novelty = ns.Novelty(chip, measures, **constants)
    found = np.array([novelty.learn_one(chip.learn_one(sample)).novelty for sample in samples])
    return np.nan_to_num(found)  # the first sample meets no weights yet: it counts as usual


def half_space_trees(samples: Samples, seed: int, **settings: Any) -> Scores:
    """Return the scores of River's half-space trees, of inputs scaled to [0, 1] by their least and largest so far."""
    from river import anomaly, compose, preprocessing

    detector = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=seed, **settings))
    found = []
    for sample in samples:
        row = dict(enumerate(sample.tolist()))
        found.append(detector.score_one(row))
        detector.learn_one(row)
    return np.array(found)


def one_class_svm(samples: Samples, _seed: int) -> Scores:
    """Return the scores of River's on-line one-class SVM, of standardised inputs."""
    from river import anomaly, compose, preprocessing

    detector = compose.Pipeline(preprocessing.StandardScaler(), anomaly.OneClassSVM())
    found = []
    for sample in samples:
        row = dict(enumerate(sample.tolist()))
        found.append(detector.score_one(row))
        detector.learn_one(row)
    return np.array(found)


def isolation_forest(samples: Samples, seed: int, *, first: int | None = None) -> Scores:
    """Return the scores of a forest that is fitted to the first windows, or to all, which it then has seen before."""
    forest = IsolationForest(random_state=seed).fit(samples[:first])
    return -np.asarray(forest.score_samples(samples), np.float64)


def running_mean(samples: Samples, _seed: int) -> Scores:
    """Return how far samples are from the running mean of those before."""
    mean, found = samples[0].astype(np.float64), []
    for sample in samples:
        found.append(float(np.linalg.norm(sample - mean)))
        mean += FORGET * (sample - mean)
    return np.array(found)


DETECTORS: dict[str, Detector] = {
    "chip, shortfall": chip_scores,
    "chip, step": lambda x, seed: chip_scores(x, seed, measures="step"),
    "chip, shortfall + step": lambda x, seed: chip_scores(x, seed, measures=("shortfall", "step")),
    "chip, entropy": lambda x, seed: chip_scores(x, seed, measures="entropy"),
    "chip, both signs, shortfall": lambda x, seed: chip_scores(x, seed, split=True),
    "chip, both signs, shortfall + step": lambda x, seed: chip_scores(
        x, seed, split=True, measures=("shortfall", "step")
    ),
    "River HalfSpaceTrees, defaults": half_space_trees,
    "River HalfSpaceTrees, 50 trees, window 500": lambda x, seed: half_space_trees(
        x, seed, n_trees=50, window_size=500
    ),
    "River OneClassSVM": one_class_svm,
    "IsolationForest, fitted to all": isolation_forest,
    f"IsolationForest, fitted to the first {FIRST}": lambda x, seed: isolation_forest(x, seed, first=FIRST),
    "distance to the running mean": running_mean,
}


def measure(detector: Detector, samples: Samples, rare: Flags) -> Measured:
    """Return how well a detector finds the rare samples, for each seed."""
    auc, late, precision, begun = [], [], [], time.process_time()
    for seed in SEEDS:
        scores = detector(samples, seed)
        auc.append(float(roc_auc_score(rare, scores)))
        late.append(float(roc_auc_score(rare[FIRST:], scores[FIRST:])))
        precision.append(float(average_precision_score(rare, scores)))
    return Measured(auc, late, precision, 1e6 * (time.process_time() - begun) / len(SEEDS) / len(samples))


def row(name: str, found: Measured) -> str:
    """Return a row of the table."""
    mean, late = (f"{np.mean(auc):.3f} ± {np.std(auc):.3f}" for auc in (found.auc, found.late_auc))
    by_seed = " ".join(f"{auc:.3f}" for auc in found.auc)
    return f"| {name} | {mean} | {by_seed} | {late} | {np.mean(found.precision):.3f} | {found.microseconds:,.0f} |"


def beside_others() -> Iterator[str]:
    """Give the table of all detectors."""
    samples, rare = heart_beats()
    chip_scores(samples[:50], 0)  # compiled before the clock runs
    yield f"{len(samples)} windows, {rare.sum()} premature"
    yield f"{rare[FIRST:].sum()} of them after the first {FIRST}"
    yield f"| detector | AUC | by seed | after the first {FIRST} | average precision | µs a sample |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, detector in DETECTORS.items():
        yield row(name, measure(detector, samples, rare))


def by_neurons() -> Iterator[str]:
    """Give the mean AUC on the record by the number of neurons, the measures and the inputs."""
    samples, rare = heart_beats()
    yield "| neurons | inputs | shortfall | step | shortfall + step |"
    yield "| --- | --- | --- | --- | --- |"
    for neurons in (5, 10, 20, 50, 100):
        for split in (False, True):
            cells = []
            for measures in ("shortfall", "step", ("shortfall", "step")):
                found = [
                    roc_auc_score(rare, chip_scores(samples, seed, neurons=neurons, measures=measures, split=split))
                    for seed in (SEEDS if split else SEEDS[:1])
                ]
                cells.append(f"{np.mean(found):.3f}")
            yield f"| {neurons} | {'both signs' if split else 'as they are'} | {' | '.join(cells)} |"


CONSTANTS: dict[str, dict[str, Any]] = {
    "defaults": {}, "prior 30": {"prior": 30.0}, "prior 300": {"prior": 300.0}, "horizon 200": {"horizon": 200},
    "settling 0": {"settling": 0}, "settling 10": {"settling": 10}, "entropy": {"measures": "entropy"},
    "step": {"measures": "step"}, "shortfall + entropy": {"measures": ("shortfall", "entropy")},
    "shortfall + step": {"measures": ("shortfall", "step")},
    "all three": {"measures": ("shortfall", "entropy", "step")},
}  # fmt: skip


def with_a_rare_class(name: str, rare: int) -> tuple[Samples, Flags]:
    """Return a stream in which a class is rare, in an order drawn from its number, and which samples are of it."""
    data, rng = streams.STREAMS[name](), np.random.default_rng(rare)
    samples = np.concatenate([data.samples, data.test_samples])
    labels = np.concatenate([data.labels, data.test_labels])
    usual = rng.permutation(np.flatnonzero(labels != rare))[:USUAL]
    chosen = rng.permutation(np.flatnonzero(labels == rare))[: max(10, int(RARE * len(usual)))]
    order = rng.permutation(np.concatenate([usual, chosen]))
    return samples[order], labels[order] == rare


def by_constants() -> Iterator[str]:
    """Give the AUC on streams with a rare class, each of ten in turn; of all samples, and of the second half."""
    found: dict[str, list[str]] = {name: [] for name in CONSTANTS}
    means: dict[str, list[NDArray[np.float64]]] = {name: [] for name in CONSTANTS}
    for name, neurons in CHOSEN_ON:
        aucs: dict[str, list[tuple[float, float]]] = {name: [] for name in CONSTANTS}
        for number in range(10):
            samples, rare = with_a_rare_class(name, number)
            half = len(samples) // 2
            chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=samples.shape[1], seed=number)
            detectors = [ns.Novelty(chip, **constants) for constants in CONSTANTS.values()]
            scores = np.array([
                [detector.learn_one(response).novelty for detector in detectors]
                for response in map(chip.learn_one, samples)
            ])  # fmt: skip
            for constants, column in zip(CONSTANTS, scores.T, strict=True):
                aucs[constants].append((roc_auc_score(rare, column), roc_auc_score(rare[half:], column[half:])))
        for constants, pairs in aucs.items():
            means[constants].append(np.mean(pairs, axis=0))
            found[constants].append("{:.3f} {:.3f}".format(*means[constants][-1]))
    yield f"| constants | {' | '.join(f'{name}, {neurons}' for name, neurons in CHOSEN_ON)} | mean |"
    yield "| --- |" + " --- |" * (len(CHOSEN_ON) + 1)
    for constants, cells in found.items():
        mean = "{:.3f} {:.3f}".format(*np.mean(means[constants], axis=0))
        yield f"| {constants} | {' | '.join(cells)} | {mean} |"


def with_strange_samples(signed: bool, inputs: int, seed: int) -> tuple[Samples, Flags]:
    """Return 3,000 samples of three patterns with noise, and one in a hundred that is as chance has it in all inputs.

    A pattern is four lines, and what is strange is loud in all inputs; or, `signed`, each points anywhere.
    """
    rng, count = np.random.default_rng(seed), 3_000
    if signed:
        patterns = rng.normal(size=(3, inputs))
    else:
        patterns = np.zeros((3, inputs))
        for pattern in patterns:
            pattern[rng.choice(inputs, 4, replace=False)] = rng.uniform(0.5, 1.5, 4)
    strange = rng.random(count) < 0.01
    samples = patterns[rng.integers(0, 3, count)] + rng.normal(0, 0.3 if signed else 0.05, (count, inputs))
    anything = rng.normal(size=samples.shape) if signed else rng.random(samples.shape)
    samples = np.where(strange[:, None], anything, samples if signed else np.maximum(samples, 0))
    return samples.astype(np.float32), strange


def of_what_is_strange() -> Iterator[str]:
    """Give the AUC of strange samples among the last 2,500, and how many of them have a score below zero."""
    yield "| samples | inputs | neurons | AUC | strange, below zero |"
    yield "| --- | --- | --- | --- | --- |"
    for signed in (False, True):
        for inputs, neurons in ((16, 16), (64, 16), (64, 64), (256, 64)):
            aucs, hidden = [], []
            for seed in SEEDS:
                samples, strange = with_strange_samples(signed, inputs, seed)
                initial = {"initial": "normal"} if signed else {}
                chip = ns.Chip([ns.recipes.softhebb(neurons, **initial)], inputs=inputs, seed=seed)
                novelty = ns.Novelty(chip)
                scores = np.array([novelty.learn_one(chip.learn_one(sample)).novelty for sample in samples])[FIRST:]
                aucs.append(roc_auc_score(strange[FIRST:], scores))
                hidden.append(np.mean(scores[strange[FIRST:]] < 0))
            kind = "any sign" if signed else "a few lines"
            yield f"| {kind} | {inputs} | {neurons} | {np.mean(aucs):.3f} | {np.mean(hidden):.0%} |"


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--neurons", action="store_true")
    tables.add_argument("--chosen", action="store_true")
    tables.add_argument("--strange", action="store_true")
    asked = parser.parse_args()
    others = of_what_is_strange if asked.strange else beside_others
    for line in by_neurons() if asked.neurons else by_constants() if asked.chosen else others():
        print(line, flush=True)


if __name__ == "__main__":
    main()
