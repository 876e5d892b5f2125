"""Why some cells of `neurosim reproduce liuson` miss: the same cells with one thing changed at a time.

::

    NEUROSIM_DATA=... python -m benchmarks.liuson_variants [--heads]

With `--heads`, only the last table: SoftHebb's hidden layer and the head that learns with it, at both rates.

Last, the Gini coefficient of the very first update if the running mean already knew its window, as in the published
code, which works on batches; on a stream it cannot.

The published head against one that takes softmax once, and against features in units of their mean length; the text's
rate for CIFAR-10 (0.01) against the code's (0.05); SoftHebb from first weights of length one.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import neurosim as ns
from neurosim.chip.chip import Chip
from neurosim.experiments import data
from neurosim.studies import liuson
from neurosim.studies.liuson_head import train_head
from neurosim.studies.published import HEAD, START

CELLS = [
    ("random", "mnist", 2048, {}), ("hebbnet", "mnist", 2048, {}), ("liuson", "mnist", 32, {}),
    ("liuson", "cifar10", 32, {}), ("liuson", "cifar10", 32, {"rate": 0.05}),
    ("liuson", "cifar10", 128, {}), ("liuson", "cifar10", 128, {"rate": 0.05}),
    ("liuson", "cifar10", 512, {}), ("liuson", "cifar10", 512, {"rate": 0.05}),
    ("hebbnet", "cifar10", 128, {}), ("hebbnet", "cifar10", 128, {"rate": 0.05}),
    ("softhebb", "mnist", 32, {}), ("softhebb", "mnist", 32, {"radius": 1.0}),
    ("softhebb", "mnist", 32, {"rate": 0.05}), ("softhebb", "mnist", 128, {}),
    ("softhebb", "mnist", 128, {"rate": 0.05}),
]  # fmt: skip


def main() -> None:
    """Print one row a variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=512, help="neurons, at most")
    parser.add_argument("--heads", action="store_true", help="only the table of heads that learn")
    asked = parser.parse_args()
    sets = data.Data(Path(os.environ["NEUROSIM_DATA"]))
    if not asked.heads:
        variants(sets, asked.most)
    print("\n| SoftHebb, mnist | neurons | rate | Gini, update 100 | end |\n| --- | --- | --- | --- | --- |")
    for neurons in (32, 128):
        for rate in (0.05, 0.01):
            for method in ("softhebb", HEAD):
                print(learning_head(sets, method, neurons, rate), flush=True)


def variants(sets: data.Data, most: int) -> None:
    """Print the tables of what is changed, and of the first update."""
    columns = [
        "method",
        "data",
        "neurons",
        "changed",
        "Gini-start",
        "end",
        "most-wins",
        "head",
        "softmax-once",
        "unit-length",
    ]
    print("| " + " | ".join(columns).replace("-", " ") + " |\n" + "| --- " * len(columns) + "|")
    for method, dataset, neurons, changed in CELLS:
        if neurons <= most or method == "random":
            print(row(sets, method, dataset, neurons, changed), flush=True)
    print("\n| first update | neurons | Gini, no mean yet | mean of the window itself |\n| --- | --- | --- | --- |")
    for dataset in ("mnist", "cifar10"):
        for neurons in (32, 128, 512):
            print(first_update(sets, dataset, neurons), flush=True)


def learning_head(sets: data.Data, method: str, neurons: int, rate: float) -> str:
    """Return the Gini coefficient of a layer's steps, or of those of the head that learns with it."""
    train = sets.part("mnist", "train", mean=liuson.MEAN, deviation=liuson.DEVIATION)
    settings = liuson._cell(method, "mnist", neurons, 0, False).settings | {"rate": rate}
    chip, stream = Chip([liuson.layer(settings)], inputs=train.inputs, seed=0), liuson.repeat(train, 1, 0)
    if method == HEAD:
        curve = list(liuson.head_learned(chip, liuson.head(settings), stream, 0))
    else:
        curve = list(liuson._learned(chip, stream))
    what = "head" if method == HEAD else "hidden layer"
    return f"| {what} | {neurons} | {rate} | {dict(curve)[START]:.2f} | {curve[-1][1]:.2f} |"


def first_update(sets: data.Data, dataset: str, neurons: int, seeds: int = 3) -> str:
    """Return the Gini coefficient of the first update's steps, without and with the window's own mean."""
    train = sets.part(dataset, "train", mean=liuson.MEAN, deviation=liuson.DEVIATION)
    ginis = []
    for seed in range(seeds):
        chip = Chip([ns.recipes.liuson(neurons, radius=liuson.RADIUS)], inputs=train.inputs, seed=seed)
        order = liuson.repeat(train, 1, seed)
        samples = order.take(order.order(0, liuson.WINDOW)).samples
        activity = np.maximum(samples @ chip.layers[0].weights.T, 0)
        for mean in (0, activity.mean(axis=0)):
            drive = activity - mean
            shares = np.exp(drive - drive.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            shares[shares < shares.max(axis=1, keepdims=True)] = 0
            ginis.append(ns.instruments.gini(np.linalg.norm(shares.T @ samples, axis=1)))
    without, known = np.reshape(ginis, (seeds, 2)).mean(axis=0)
    return f"| {dataset} | {neurons} | {without:.2f} | {known:.2f} |"


def row(sets: data.Data, method: str, dataset: str, neurons: int, changed: dict[str, float]) -> str:
    """Measure one variant."""
    settings = liuson._cell(method, dataset, neurons, 0, False).settings | changed
    train, test = (sets.part(dataset, part, mean=liuson.MEAN, deviation=liuson.DEVIATION) for part in ("train", "test"))
    layer = liuson.layer(settings)
    if "radius" in changed:
        layer = ns.DenseWTA(**{name: getattr(layer, name) for name in layer.__dataclass_fields__} | changed)
    chip = Chip([layer], inputs=train.inputs, seed=0)
    curve = list(liuson._learned(chip, liuson.repeat(train, 1, 0))) if method != "random" else []
    ginis = f"{curve[0][1]:.2f} | {curve[-1][1]:.2f}" if curve else "- | -"
    wins = chip.layers[0].wins
    alone = f"{wins.max() / wins.sum():.0%}" if curve else "-"
    (seen, labels, _), (unseen, truth, _) = (liuson.features(chip, stream) for stream in (train, test))
    length = np.float32(np.sqrt((seen[:2000] ** 2).sum(axis=1).mean()))
    heads = [
        train_head((seen / unit, labels), (unseen / unit, truth), twice=twice).accuracy
        for unit, twice in ((np.float32(1), True), (np.float32(1), False), (length, True))
    ]
    what = ", ".join(f"{name} {value:g}" for name, value in changed.items()) or "nothing"
    accuracies = " | ".join(f"{accuracy:.1%}" for accuracy in heads)
    return f"| {method} | {dataset} | {neurons} | {what} | {ginis} | {alone} | {accuracies} |"


if __name__ == "__main__":
    main()
