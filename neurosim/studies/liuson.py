"""Liuson's study: who learns in a competitive Hebbian layer, and what a probe can read from it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import instruments, recipes
from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.engine.base import WorkingLayer
from neurosim.experiments import data
from neurosim.experiments.cells import Cell, Outcome, Study
from neurosim.instruments import never_won
from neurosim.layers.activations import ReLU, Triangle
from neurosim.layers.competition import SoftWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.rules import SoftHebb
from neurosim.layers.schedules import ConstantRate
from neurosim.readouts.labels import accuracy, answers
from neurosim.readouts.linear import LinearReadout
from neurosim.streams.base import RandomAccess
from neurosim.streams.order import repeat
from neurosim.studies import published
from neurosim.studies.head import train_head
from neurosim.studies.liuson_tables import tables

NAME, VERSION = "liuson", 1
MEAN, DEVIATION = 0.1307, 0.3081  # MNIST's, taken for CIFAR-10 too
RADIUS = 5 * np.sqrt(np.pi / 2)  # the length of a neuron that the code's "R = 5" makes
WINDOW = 32
POINTS = 52  # of the Gini curve, the first and the last update included
FIELDS = 8  # receptive fields kept of the most, and of the least, active neurons


def cells(seeds: int, fast: bool) -> list[Cell]:
    """Return the grid: all methods on all data, or a part that is done in a minute."""
    return [
        _cell(method, dataset, neurons, seed, fast)
        for seed in range(1 if fast else seeds)
        for neurons in published.NEURONS[: 2 if fast else None]
        for dataset in published.DATASETS[: 1 if fast else None]
        for method in published.ACCURACY
        if published.of(published.ACCURACY, method, dataset, neurons) is not None
    ]


def _cell(method: str, dataset: str, neurons: int, seed: int, fast: bool) -> Cell:
    settings = {
        "method": method,
        "dataset": dataset,
        "neurons": neurons,
        "seed": seed,
        "rate": 0.01 if dataset == "cifar10" or method == "softhebb" else 0.05,
        "train_samples": 6400 if fast else None,
        "test_samples": 2000 if fast else None,
    }
    return Cell(NAME, VERSION, f"{method}-{dataset}-{neurons}-{seed}", settings)


def check(asked: list[Cell], root: Path) -> None:
    """Refuse a folder without the data that the cells need."""
    data.check({cell.settings["dataset"] for cell in asked}, root)


def layer(settings: dict[str, Any]) -> DenseWTA:
    """Return the layer of a cell, as the published code has it: `docs/studies.md` tells where the text differs."""
    neurons, rate = settings["neurons"], settings["rate"]
    common: dict[str, Any] = {"initial": "normal", "radius": RADIUS, "normalise": "none", "window": WINDOW}
    match settings["method"]:
        case "liuson":
            return recipes.liuson(neurons, rate=rate, transmit=ReLU(), **common)
        case "liuson-triangle":
            triangle = Triangle()
            return recipes.liuson(neurons, rate=rate, activation=triangle, transmit=triangle, **common)
        case "hebbnet":
            return recipes.hebbnet(neurons, rate=rate, transmit=ReLU(), **common)
        case _:  # softhebb; and random, which never learns
            return DenseWTA(
                neurons, competition=SoftWTA(temperature=1, signed=True), activation=ReLU(),
                rule=SoftHebb(rate=ConstantRate(rate / WINDOW)),  # the code takes the mean over a batch
                cap=1, cutoff=1e-20, transmit=ReLU(), **common,  # below it, no float32 weight would change, slowly
            )  # fmt: skip


def measure(settings: dict[str, Any], sets: data.Data) -> Outcome:
    """Let a chip learn one epoch, and measure who learned, and what two probes read from it."""
    dataset, seed = settings["dataset"], settings["seed"]
    train, test = (
        sets.part(dataset, part, mean=MEAN, deviation=DEVIATION, count=settings[f"{part}_samples"])
        for part in ("train", "test")
    )
    chip = Chip([layer(settings)], inputs=train.inputs, seed=seed)
    measures: dict[str, Any] = {"data": f"{train.fingerprint()} {test.fingerprint()}"}
    arrays: dict[str, NDArray[Any]] = {}
    if settings["method"] != "random":
        measures["curve"] = [[update, gini] for update, gini in _learned(chip, repeat(train, 1, seed))]
        measures |= activity(chip.layers[0])
        arrays = _views(chip.layers[0])
    return Outcome(measures | probes(chip, train, test, seed), arrays)


def _learned(chip: Chip, stream: Any) -> Iterator[tuple[int, float]]:
    """Learn from a stream; give the Gini coefficient of the mean steps after the first update, the last, and between.

    Samples that fill no window at the end are learned from by none: their update would come with the next epoch.
    """
    start = 0
    for update in np.unique(np.linspace(1, stream.length // WINDOW, POINTS).astype(np.int64)).tolist():
        chip.learn(stream.take(stream.order(start, update * WINDOW)).samples)
        start = update * WINDOW
        yield update, round(instruments.gini(chip.layers[0].steps), 6)


def activity(layer: WorkingLayer) -> dict[str, float]:
    """Return who learned: shares of live and dead neurons, usage, and how steps are shared at the end."""
    turned = instruments.cosines(layer.weights, layer.first_weights)
    states = instruments.liveness(turned)
    live, dead = float((states == "live").mean()), float((states == "dead").mean())
    return {
        "live": live,
        "dead": dead,
        "between": round(1 - live - dead, 9),
        "never_won": never_won(layer.wins),
        "usage_entropy": float(instruments.usage_entropy(layer.wins)),
        "effective_winners": float(instruments.effective_winners(layer.wins)),
        "median_norm": float(np.median(layer.norms)),
    }


def _views(layer: WorkingLayer) -> dict[str, NDArray[Any]]:
    """Return what figures need: the mean steps, and the weights of the most and the least active neurons."""
    steps = np.asarray(layer.steps, np.float32)
    order, weights = np.argsort(-steps, kind="stable"), layer.weights
    return {"steps": steps, "most": weights[order[:FIELDS]], "least": weights[order[-FIELDS:]]}


def probes(chip: Chip, train: RandomAccess, test: RandomAccess, seed: int) -> dict[str, Any]:
    """Return what two probes read from the frozen layer: the published head, and the project's own readout."""
    (seen, labels, winners), (unseen, truth, _) = (features(chip, stream) for stream in (train, test))
    head = train_head((seen, labels), (unseen, truth), seed=seed)
    readout = LinearReadout()
    readout.add(Response(seen, seen, winners, seen), labels)
    found = readout.finish().predict(Response(unseen, unseen, winners, unseen))
    return {
        "head_accuracy": head.accuracy,
        "head_epochs": len(head.losses),
        "head_loss": head.losses[-1],
        "readout_accuracy": accuracy(found, truth),
        "never_won_frozen": never_won(np.bincount(winners, minlength=seen.shape[1])),
    }


def features(chip: Chip, stream: RandomAccess) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return what the frozen chip transmits, the labels, and the winners."""
    output = np.empty((stream.length, chip.layers[-1].constants.neurons), np.float32)
    labels, winners = np.empty((2, stream.length), np.int64)
    start = 0
    for response, truth in answers(chip, stream):
        stop = start + len(truth)
        output[start:stop], labels[start:stop], winners[start:stop] = response.output, truth, response.winner
        start = stop
    return output, labels, winners


def figures(asked: list[Cell], finished: dict[str, Any], folder: Any) -> list[str]:
    """Draw the Gini coefficient over training, receptive fields, and histograms of steps."""
    from neurosim.studies import figures

    return figures.draw(asked, finished, folder)


STUDY = Study(NAME, VERSION, cells, measure, check, tables, figures, published.LIUSON)
