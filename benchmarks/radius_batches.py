"""The first radius with the published step: batches of 32, each divided by the largest change of any weight.

::

    NEUROSIM_DATA=... python -m benchmarks.radius_batches [--neurons 2000] [--radii 0.8 1 2.441 35.527]

`neurosim reproduce radius` learns on-line, with a cap. This is the step that it replaces, in plain NumPy: one epoch of
MNIST, temperature 1/12, rate 0.045 ||w| - 1|^0.2, first weights U[0, R sqrt(3 / D)]. Printed are accuracy by the
winner's label (a neuron's label is the class that it wins most often in training) and neurons that win no training
image, both with the last weights, and the median norm. A radius takes a minute or two on one core.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from neurosim.experiments.data import Data, Scaled
from neurosim.streams.order import repeat

BATCH, SHARPNESS, RATE, POWER, CLASSES = 32, 12, 0.045, 0.2, 10
RADII = (0.8, 1.0, 1.953, 2.441, 9.313, 35.527)
Array = NDArray[np.float32]


def main() -> None:
    """Print one row a radius."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=2000)
    parser.add_argument("--radii", type=float, nargs="+", default=RADII)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    sets = Data(Path(os.environ["NEUROSIM_DATA"]))
    train, test = (sets.part("mnist", part) for part in ("train", "test"))
    print("| radius | winner's label, % | never won, % | median norm |\n| ---: | ---: | ---: | ---: |")
    for radius in asked.radii:
        w = learned(train, asked.neurons, radius, asked.seed)
        labels, never = labels_of(w, train)
        (winners, truth) = won(w, test)
        accuracy, norm = (labels[winners] == truth).mean(), np.median(np.linalg.norm(w, axis=1))
        print(f"| {radius:.3f} | {accuracy:.1%} | {never:.1%} | {norm:.2f} |".replace("%", ""), flush=True)


def learned(train: Scaled, neurons: int, radius: float, seed: int) -> Array:
    """Return weights after an epoch: w + eta_k dW / max |dW|, dW = sum of y (x - u w) over a batch."""
    rng = np.random.default_rng(seed)
    w = (rng.random((neurons, train.inputs)) * radius * (3 / train.inputs) ** 0.5).astype(np.float32)
    for block in repeat(train, 1, seed).blocks(0, BATCH):
        x = np.asarray(block.samples, np.float32)
        u = x @ w.T
        y = np.exp(SHARPNESS * (u - u.max(axis=1, keepdims=True)))
        y /= y.sum(axis=1, keepdims=True)
        step = y.T @ x - (y * u).sum(axis=0)[:, None] * w
        rates = RATE * (np.abs(np.linalg.norm(w, axis=1) - 1) + 1e-10) ** POWER
        step *= (rates / (max(step.max(), -step.min()) + 1e-30))[:, None]
        w += step
    return w


def won(w: Array, images: Scaled) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the winner of each image, and its label."""
    blocks = [((block.samples @ w.T).argmax(axis=1), block.labels) for block in images.blocks(0, 1000)]
    return np.concatenate([winner for winner, _ in blocks]), np.concatenate([label for _, label in blocks])


def labels_of(w: Array, train: Scaled) -> tuple[NDArray[np.int64], float]:
    """Return each neuron's label, and the share of neurons that win nothing, which have label 0."""
    winners, truth = won(w, train)
    wins = np.zeros((len(w), CLASSES), np.int64)
    np.add.at(wins, (winners, truth), 1)
    return wins.argmax(axis=1), float((wins.sum(axis=1) == 0).mean())


if __name__ == "__main__":
    main()
