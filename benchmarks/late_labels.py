"""Prequential accuracy with all labels and with one in a hundred, beside classifiers that learn from the same labels.

::

    NEUROSIM_DATA=... python -m benchmarks.late_labels mnist   # 60,000 digits in their order, once
    NEUROSIM_DATA=... python -m benchmarks.late_labels ecg     # the beats of record 100 in their order, once
    NEUROSIM_DATA=... python -m benchmarks.late_labels delays  # labels that come some thousand samples late
    NEUROSIM_DATA=... python -m benchmarks.late_labels chosen  # digits and MNIST's first 20,000, by what is forgotten
    NEUROSIM_DATA=... python -m benchmarks.late_labels drift   # classes that change places, by how much is forgotten

Each sample is named before its label is learned, and all labels are counted. River is an extra:
`pip install 'neurosim-chip[peers]'`.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

import neurosim as ns
from benchmarks import streams
from neurosim.online.listener import Batch
from neurosim.randomness import SHOWN_LABELS, at_places

SEEDS = (0, 1, 2)
SHARES = (1.0, 0.1, 0.01)
MNIST_NEURONS, ECG_NEURONS = (100, 500, 2000), (20, 100)
DELAYS = (0, 100, 1_000, 10_000)
FORGETS = (0.0, 0.01, 0.1, 0.2, 0.5)

Samples = NDArray[np.float32]
Labels = NDArray[np.int64]
Namer = Callable[[Samples, Labels, NDArray[np.bool_], int], Labels]


class Saying:
    """Keeps what is said of each sample of a run."""

    wants = ns.Prequential.wants

    def __init__(self, prequential: ns.Prequential) -> None:
        self.prequential, self.said = prequential, list[Labels]()

    def take(self, batch: Batch) -> None:
        """Pass on what is told, and keep what is said of it."""
        self.prequential.take(batch)
        self.said.append(self.prequential.predicted)


def shown_labels(count: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which labels are shown, the same as `ns.Prequential` shows."""
    return np.ones(count, bool) if share == 1 else at_places(seed, SHOWN_LABELS, 0, 0, count, 1)[:, 0] < share


def new_chip(samples: Samples, neurons: int, seed: int) -> ns.Chip:
    """Return a chip by the recipe's defaults for the sign of the inputs."""
    initial = {"initial": "samples"} if samples.min() < 0 else {}
    return ns.Chip([ns.recipes.softhebb(neurons, **initial)], inputs=samples.shape[1], seed=seed)


def by_chip(
    samples: Samples, labels: Labels, shown: NDArray[np.bool_], seed: int, *, neurons: int, **constants: Any
) -> Labels:
    """Return what the chip's winners are called, by `ns.Prequential`, to which other labels are not given."""
    chip = new_chip(samples, neurons, seed)
    saying = Saying(ns.Prequential(chip, **constants))
    ns.run(chip, ns.streams.ArrayStream(samples, np.where(shown, labels, -1)), listener=saying)
    return np.concatenate(saying.said)


def by_majority(_samples: Samples, labels: Labels, shown: NDArray[np.bool_], _seed: int) -> Labels:
    """Return the most frequent of the labels shown so far."""
    counts, said = np.zeros(labels.max() + 1, np.int64), np.full(len(labels), -1)
    for n, (label, is_shown) in enumerate(zip(labels, shown, strict=True)):
        said[n] = counts.argmax() if counts.any() else -1
        counts[label] += is_shown
    return said


def by_nearest(samples: Samples, labels: Labels, shown: NDArray[np.bool_], _seed: int) -> Labels:
    """Return the label of the most similar sample whose label was shown so far, by the cosine."""
    unit = samples / np.maximum(np.linalg.norm(samples, axis=1, keepdims=True), 1e-12)
    return _between_labels(labels, shown, lambda known, block: labels[known][(unit[block] @ unit[known].T).argmax(1)])


def by_means(samples: Samples, labels: Labels, shown: NDArray[np.bool_], _seed: int) -> Labels:
    """Return the class whose mean of the samples shown so far is nearest."""
    sums, counts = np.zeros((labels.max() + 1, samples.shape[1])), np.zeros(labels.max() + 1)

    def say(known: Labels, block: slice) -> Labels:
        sums[labels[known[-1]]] += samples[known[-1]]
        counts[labels[known[-1]]] += 1
        means = sums[counts > 0] / counts[counts > 0, None]
        distances = (means**2).sum(axis=1) - 2 * samples[block] @ means.T
        return np.flatnonzero(counts)[distances.argmin(axis=1)]

    return _between_labels(labels, shown, say)


def by_model(
    samples: Samples, labels: Labels, shown: NDArray[np.bool_], seed: int, *, make: Callable[[int], Any]
) -> Labels:
    """Return what a classifier of scikit-learn says that learns each label that is shown by `partial_fit`."""
    model, classes = make(seed), np.unique(labels)

    def say(known: Labels, block: slice) -> Labels:
        model.partial_fit(samples[known[-1:]], labels[known[-1:]], classes=classes)
        found: Labels = model.predict(samples[block])
        return found

    return _between_labels(labels, shown, say)


def _between_labels(labels: Labels, shown: NDArray[np.bool_], say: Callable[[Labels, slice], Labels]) -> Labels:
    """Say the labels of all samples after one whose label is shown, up to the next of these."""
    said, known = np.full(len(labels), -1), np.flatnonzero(shown)
    for number, place in enumerate(known):
        block = slice(place + 1, known[number + 1] + 1 if number + 1 < len(known) else len(labels))
        if block.start < block.stop and block.start < len(labels):
            said[block] = say(known[: number + 1], block)
    return said


def by_river(
    samples: Samples, labels: Labels, shown: NDArray[np.bool_], _seed: int, *, make: Callable[[], Any]
) -> Labels:
    """Return what a classifier of River says."""
    model, said = make(), np.full(len(labels), -1)
    for n, (sample, label) in enumerate(zip(samples, labels.tolist(), strict=True)):
        row = dict(enumerate(sample.tolist()))
        found = model.predict_one(row)
        said[n] = -1 if found is None else found
        if shown[n]:
            model.learn_one(row, label)
    return said


def naive_bayes() -> Any:
    """Return River's Gaussian naive Bayes."""
    from river import naive_bayes

    return naive_bayes.GaussianNB()


def hoeffding_tree() -> Any:
    """Return River's Hoeffding tree."""
    from river import tree

    return tree.HoeffdingTreeClassifier()


def row(name: str, share: float, said: list[Labels], labels: Labels) -> str:
    """Return a row of the table: accuracy by seed, that of the last tenth, and the mean of the classes'."""
    last = len(labels) - len(labels) // 10
    whole = [np.mean(found == labels) for found in said]
    late = [np.mean(found[last:] == labels[last:]) for found in said]
    by_class = [np.mean([np.mean(found[labels == c] == c) for c in np.unique(labels)]) for found in said]
    cells = (
        f"{np.mean(values):.2%} ({' '.join(f'{100 * value:.2f}' for value in values)})" for values in (whole, late)
    )
    return f"| {name} | {share:.0%} | {' | '.join(cells)} | {np.mean(by_class):.2%} |"


HEAD = (
    "| by | labels shown | accuracy (by seed) | of the last tenth | mean of classes |\n| --- | --- | --- | --- | --- |"
)


def table(samples: Samples, labels: Labels, namers: dict[str, Namer], slow: dict[str, Namer]) -> Iterator[str]:
    """Give the table of all, by the share of labels; those that are slow with few labels only."""
    yield HEAD
    for share in SHARES:
        shown = [shown_labels(len(labels), share, seed) for seed in SEEDS]
        counts = [np.bincount(labels[is_shown], minlength=labels.max() + 1).tolist() for is_shown in shown]
        yield f"| labels shown, by class: {counts} | {share:.0%} | | | |"
        for name, namer in (namers if share > SHARES[-1] else namers | slow).items():
            said = [namer(samples, labels, shown[seed], seed) for seed in SEEDS]
            yield row(name, share, said, labels)


def mnist() -> Iterator[str]:
    """Give the table of MNIST's training images."""
    data = streams.mnist()
    namers: dict[str, Namer] = {
        f"chip, {neurons} neurons": partial(by_chip, neurons=neurons) for neurons in MNIST_NEURONS
    }
    namers["majority"] = by_majority
    slow: dict[str, Namer] = {
        "nearest sample shown (keeps them all)": by_nearest,
        "nearest mean of a class": by_means,
        "logistic regression by SGD": partial(by_model, make=lambda seed: SGDClassifier("log_loss", random_state=seed)),
    }
    yield from table(data.samples, data.labels, namers, slow)


def ecg() -> Iterator[str]:
    """Give the table of the beats of record 100: N 0, A 1, V 2."""
    samples, labels = streams.beats_in_order()
    namers: dict[str, Namer] = {
        f"chip, {neurons} neurons": partial(by_chip, neurons=neurons) for neurons in ECG_NEURONS
    }
    namers |= {
        "majority": by_majority, "nearest sample shown (keeps them all)": by_nearest,
        "River GaussianNB": partial(by_river, make=naive_bayes),
        "River HoeffdingTree": partial(by_river, make=hoeffding_tree),
    }  # fmt: skip
    yield from table(samples, labels, namers, {})
    said = by_chip(samples, labels, shown_labels(len(labels), 1, 0), 0, neurons=ECG_NEURONS[0])
    premature = said > 0
    right = int((said == labels)[premature].sum())
    yield f"chip, {ECG_NEURONS[0]} neurons, all labels: {premature.sum()} beats called premature, {right} rightly"
    firsts = [int(shown_labels(len(labels), SHARES[-1], seed).argmax()) for seed in SEEDS]
    yield f"beats before the first label, {SHARES[-1]:.0%} of labels: {firsts}"


def delays() -> Iterator[str]:
    """Give MNIST's accuracy by how many samples late the labels come, one in a hundred and all."""
    data, neurons = streams.mnist(), 500
    yield "| samples late | all labels | 1 % |"
    yield "| --- | --- | --- |"
    chip, winners, potentials = new_chip(data.samples, neurons, 0), [], []
    for first in range(0, len(data.samples), 1000):
        for sample in data.samples[first : first + 1000]:
            response = chip.learn_one(sample)
            winners.append(response.winner)
            potentials.append(response.potentials)
    for delay in DELAYS:
        cells = []
        for share in (SHARES[0], SHARES[-1]):
            shown, right = shown_labels(len(winners), share, 0), 0
            names = ns.RunningLabels(neurons, remember=max(1, delay + 1))
            for n, (winner, u) in enumerate(zip(winners, potentials, strict=True)):
                right += names.predict_one(winner, u) == data.labels[n]
                names.note(winner)
                if n >= delay and shown[n - delay]:
                    names.learn_late(n - delay, int(data.labels[n - delay]))
            cells.append(f"{right / len(winners):.2%}")
        yield f"| {delay:,} | {' | '.join(cells)} |"


def chosen() -> Iterator[str]:
    """Give accuracy on the samples on which the default of `forget` was chosen, by its value."""
    yield f"| stream, neurons | labels shown | {' | '.join(map(str, FORGETS))} |"
    yield "| --- | --- |" + " --- |" * len(FORGETS)
    for name, neurons, seeds in (("digits", 100, SEEDS), ("MNIST", 100, SEEDS[:1]), ("MNIST", 500, SEEDS[:1])):
        data = streams.STREAMS[name]()
        samples, labels = data.samples[:20_000], data.labels[:20_000]
        for share in SHARES[:2]:
            cells = []
            for forget in FORGETS:
                said = [
                    by_chip(
                        samples, labels, shown_labels(len(labels), share, seed), seed, neurons=neurons, forget=forget,
                    )
                    for seed in seeds
                ]  # fmt: skip
                cells.append(f"{np.mean([np.mean(found == labels) for found in said]):.2%}")
            yield f"| {name}, {neurons} | {share:.0%} | {' | '.join(cells)} |"


def drift() -> Iterator[str]:
    """Give accuracy on MNIST whose labels change places half-way, by how much a label makes a neuron forget."""
    data, neurons = streams.mnist(), 500
    half = len(data.labels) // 2
    labels = np.where(np.arange(len(data.labels)) < half, data.labels, (data.labels + 1) % 10)
    yield "| forget | labels shown | before | first tenth after | last tenth |"
    yield "| --- | --- | --- | --- | --- |"
    for share in (SHARES[0], SHARES[1]):
        for forget in FORGETS:
            said = by_chip(
                data.samples,
                labels,
                shown_labels(len(labels), share, 0),
                0,
                neurons=neurons,
                forget=forget,
            )
            right, tenth = said == labels, len(labels) // 10
            parts = right[half - tenth : half], right[half : half + tenth], right[-tenth:]
            yield f"| {forget} | {share:.0%} | {' | '.join(f'{np.mean(part):.2%}' for part in parts)} |"


def main() -> None:
    """Print the table that is asked for."""
    tables = {"mnist": mnist, "ecg": ecg, "delays": delays, "chosen": chosen, "drift": drift}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=tables)
    for line in tables[parser.parse_args().table]():
        print(line, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
