"""Liuson's study: which neurons of a competitive Hebbian layer learn, and how accurate probes on the layer are."""

from collections.abc import Iterator
from dataclasses import replace
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
from neurosim.layers.activations import ReLU, Softmax, Triangle
from neurosim.layers.competition import SoftWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.rules import SoftHebb
from neurosim.layers.schedules import ConstantRate
from neurosim.readouts.labels import accuracy, answers, labelled
from neurosim.readouts.linear import LinearReadout
from neurosim.streams.base import RandomAccess
from neurosim.streams.order import repeat
from neurosim.studies import published
from neurosim.studies.figures import draw_liuson
from neurosim.studies.liuson_head import dropped, train_head
from neurosim.studies.liuson_tables import tables

NAME, VERSION = "liuson", 2
MEAN, DEVIATION = 0.1307, 0.3081  # MNIST's, taken for CIFAR-10 too
RADIUS = 5 * np.sqrt(np.pi / 2)  # the norm of a neuron's weights that "R = 5" means in the published code
WINDOW = 32
POINTS = 52  # of the Gini curve, the first and the last update included; and one more, published.START
CLASSES, HEAD_SEED = 10, 1_000_000  # neurons of a head that learns; it is drawn from the seed and so much
FIELDS = 8  # receptive fields kept of the most active neurons, and as many of the least active ones


def cells(seeds: int, fast: bool) -> list[Cell]:
    """Return the grid of methods, data sets, widths and seeds; if `fast`, a part of it that takes a minute."""
    return [
        _cell(method, dataset, neurons, seed, fast)
        for seed in range(1 if fast else seeds)
        for neurons in published.NEURONS[: 2 if fast else None]
        for dataset in published.DATASETS[: 1 if fast else None]
        for method in published.METHODS
        if any(published.of(t, method, dataset, neurons) is not None for t in (published.ACCURACY, published.GINI_END))
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


def layer(settings: dict[str, Any]) -> DenseWTA:
    """Return the layer of a cell, as in the published code; `docs/studies.md` says where the paper's text differs."""
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
        case _:  # softhebb, also under a head that learns; and random, which never learns
            return DenseWTA(
                neurons, competition=SoftWTA(temperature=1, signed=True), activation=ReLU(),
                rule=SoftHebb(rate=ConstantRate(rate / WINDOW)),  # the code takes the mean over a batch
                # Responses below the cutoff would change no float32 weight, and only cost time.
                cap=1, cutoff=1e-20, transmit=ReLU(), **common,
            )  # fmt: skip


def measure(settings: dict[str, Any], sets: data.Data) -> Outcome:
    """Let a chip learn one epoch, and measure which neurons learned, and how accurate two probes are."""
    dataset, seed = settings["dataset"], settings["seed"]
    train, test = (
        sets.part(dataset, part, mean=MEAN, deviation=DEVIATION, count=settings[f"{part}_samples"])
        for part in ("train", "test")
    )
    chip = Chip([layer(settings)], inputs=train.inputs, seed=seed)
    measures: dict[str, Any] = {"data": f"{train.fingerprint()} {test.fingerprint()}"}
    arrays: dict[str, NDArray[Any]] = {}
    if settings["method"] == published.HEAD:
        curve = head_learned(chip, head(settings), repeat(train, 1, seed), seed)
        return Outcome(measures | {"curve": [[update, gini] for update, gini in curve]}, arrays)
    if settings["method"] != "random":
        measures["curve"] = [[update, gini] for update, gini in _learned(chip, repeat(train, 1, seed))]
        measures |= activity(chip.layers[0])
        arrays = _views(chip.layers[0])
    return Outcome(measures | probes(chip, train, test, seed), arrays)


def _learned(chip: Chip, stream: Any) -> Iterator[tuple[int, float]]:
    """Learn from a stream; yield updates and the Gini coefficient of the mean steps then, from first to last update.

    Samples at the end that do not fill a window are left out: their update would come in the next epoch.
    """
    start = 0
    for update in _updates(stream.length // WINDOW):
        chip.learn(stream.take(stream.order(start, update * WINDOW)).samples)
        start = update * WINDOW
        yield update, round(instruments.gini(chip.layers[0].steps), 6)


def _updates(last: int) -> list[int]:
    """Return the updates at which the Gini coefficient is taken."""
    evenly = np.linspace(1, last, POINTS).astype(np.int64)
    return np.unique([*evenly, min(published.START, last)]).tolist()  # type: ignore[no-any-return]


def head(settings: dict[str, Any]) -> DenseWTA:
    """Return the head of ten neurons as the published run trains it: by SoftHebb too.

    It competes by the softmax of what it sends, which is a softmax already.
    """
    return replace(layer(settings | {"neurons": CLASSES}), activation=Softmax(temperature=1.0))


def head_learned(chip: Chip, constants: DenseWTA, stream: Any, seed: int) -> Iterator[tuple[int, float]]:
    """Let a head learn from half of what a chip sends, chosen at random, while the chip learns; yield as `_learned`."""
    own = Chip([constants], inputs=chip.layers[-1].outputs, seed=seed + HEAD_SEED)
    updates = set(_updates(stream.length // WINDOW))
    for update in range(1, stream.length // WINDOW + 1):
        samples = stream.take(stream.order((update - 1) * WINDOW, update * WINDOW)).samples
        sent = chip.respond(samples).output
        chip.learn(samples)
        own.learn(dropped(sent, seed, update))
        if update in updates:
            yield update, round(instruments.gini(own.layers[0].steps), 6)


def activity(layer: WorkingLayer) -> dict[str, float]:
    """Return the shares of live and dead neurons, how evenly neurons win, and their median norm."""
    cosines = instruments.cosines(layer.weights, layer.first_weights)
    states = instruments.liveness(cosines)
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
    """Return the arrays for the figures: the mean steps, and the weights of the most and the least active neurons."""
    steps = np.asarray(layer.steps, np.float32)
    order, weights = np.argsort(-steps, kind="stable"), layer.weights
    return {"steps": steps, "most": weights[order[:FIELDS]], "least": weights[order[-FIELDS:]]}


def probes(chip: Chip, train: RandomAccess, test: RandomAccess, seed: int) -> dict[str, Any]:
    """Return the accuracy of two probes on the frozen layer: the published head, and the project's linear readout."""
    (trained_on, labels, winners), (tested_on, test_labels, _) = (features(chip, stream) for stream in (train, test))
    head = train_head((trained_on, labels), (tested_on, test_labels), seed=seed)
    readout = LinearReadout()
    readout.add(Response(trained_on, trained_on, winners, trained_on), labels)
    predicted = readout.finish().predict(Response(tested_on, tested_on, winners, tested_on))
    return {
        "head_accuracy": head.accuracy,
        "head_epochs": len(head.losses),
        "head_loss": head.losses[-1],
        "readout_accuracy": accuracy(predicted, test_labels),
        "never_won_frozen": never_won(np.bincount(winners, minlength=trained_on.shape[1])),
    }


def features(chip: Chip, stream: RandomAccess) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return what the frozen chip transmits for samples that have labels, the labels, and the winners."""
    output = np.empty((stream.length, chip.layers[-1].constants.neurons), np.float32)
    labels, winners = np.empty((2, stream.length), np.int64)
    start = 0
    for answer in answers(chip, stream):
        response, chunk_labels = labelled(*answer)
        stop = start + len(chunk_labels)
        output[start:stop], labels[start:stop], winners[start:stop] = response.output, chunk_labels, response.winner
        start = stop
    return output[:start], labels[:start], winners[:start]


STUDY = Study(
    name=NAME,
    version=VERSION,
    cells=cells,
    measure=measure,
    tables=tables,
    figures=draw_liuson,
    source=published.LIUSON,
)
