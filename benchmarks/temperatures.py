"""What fixed temperature each stream wants, beside the lead of its neurons: the largest potential less the mean one.

::

    NEUROSIM_DATA=... python -m benchmarks.temperatures

Neurons begin as samples, radius 3, and learn the first 20,000 samples in stored order; a table row is a temperature.
"""

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import neurosim as ns
from neurosim.readouts.judge import judge
from neurosim.streams import ArrayStream

TEMPERATURES = (0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.025)
TRAIN, TEST, RADIUS, DRAWS = 20_000, 5_000, 3.0, 2
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
Array = NDArray[np.float32]


def streams() -> Iterator[tuple[str, int, list[ArrayStream]]]:
    """Yield each stream's name, its neurons, and its training and test samples."""
    from scipy.ndimage import gaussian_filter

    mnist, cifar = _parts("mnist"), _parts("cifar10")
    digits = [next(ns.open_stream(f"digits:{part}").blocks(size=TRAIN)) for part in ("train", "test")]
    pixels, labels = [block.samples for block in mnist], [block.labels for block in mnist]
    yield "MNIST", 500, _made(pixels, labels)
    blurred = [gaussian_filter(x.reshape(-1, 28, 28), (0, 1.7, 1.7)).reshape(len(x), -1) for x in pixels]
    yield "MNIST, blurred", 500, _made(blurred, labels)
    yield "MNIST + .15", 500, _made([x + np.float32(0.15) for x in pixels], labels)
    yield "digits", 100, _made([block.samples for block in digits], [block.labels for block in digits])
    grey = [np.einsum("ncp,c->np", block.samples.reshape(-1, 3, 1024), LUMA) for block in cifar]
    labels = [block.labels for block in cifar]
    yield "CIFAR-10, grey", 500, _made(grey, labels)
    mean, deviation = grey[0].mean(axis=0), grey[0].std(axis=0)
    yield "CIFAR-10, standardised", 500, _made([(x - mean) / deviation for x in grey], labels)


def _parts(name: str) -> list:
    parts = zip(("train", "test"), (TRAIN, TEST), strict=True)
    root = os.environ["NEUROSIM_DATA"]
    return [next(ns.open_stream(f"{name}:{part}", root=root).blocks(size=count)) for part, count in parts]


def _made(samples: list, labels: list) -> list[ArrayStream]:
    return [ArrayStream(np.ascontiguousarray(x, np.float32), y) for x, y in zip(samples, labels, strict=True)]


def measured(temperature: float, neurons: int, train: ArrayStream, test: ArrayStream) -> tuple[float, float, float]:
    """Return the winner's label, the linear readout, and the lead of the last samples, means of the draws."""
    found = []
    samples = next(train.blocks(size=train.length)).samples
    for draw in range(DRAWS):
        first = samples[draw * neurons : (draw + 1) * neurons]
        first = RADIUS * first / np.linalg.norm(first, axis=1, keepdims=True)
        layer = ns.recipes.softhebb(neurons, temperature=temperature, initial="normal")
        chip = ns.Chip([layer], inputs=train.inputs, seed=draw, initial=[first]).learn(train)
        potentials = chip.respond(samples[-3000:]).potentials
        judged = judge(chip, train, test)
        lead = float((potentials.max(axis=1) - potentials.mean(axis=1)).mean())
        found.append((judged.winner_accuracy or 0.0, judged.readout_accuracy, lead))
    winner, linear, lead = np.mean(found, axis=0)
    return float(winner), float(linear), float(lead)


def main() -> None:
    """Print a row for each stream and temperature."""
    print("| stream, neurons | temperature | winner's label | linear readout | lead |\n| --- | --- | --- | --- | --- |")
    for name, neurons, (train, test) in streams():
        for temperature in TEMPERATURES:
            winner, linear, lead = measured(temperature, neurons, train, test)
            print(f"| {name}, {neurons} | {temperature} | {winner:.2%} | {linear:.2%} | {lead:.3f} |", flush=True)


if __name__ == "__main__":
    main()
