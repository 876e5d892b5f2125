"""Part `speed`: accuracy after so many samples of one pass, of chips and of what learns from labels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.experiments.cells import Outcome
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.soft import SoftLabels
from neurosim.readouts.winner import WinnerLabels
from neurosim.recipes import delta_readout
from neurosim.studies.bayes import twin
from neurosim.studies.bayes.chips import SMOOTHING, new_chip
from neurosim.studies.bayes.images import Images
from neurosim.studies.bayes.part import (
    CHECKPOINTS,
    FEWER,
    Grid,
    Part,
    Settings,
    checkpoints,
)
from neurosim.studies.bayes.speed_claims import claims
from neurosim.studies.bayes.speed_tables import figures, tables
from neurosim.studies.bayes.tuning import KINDS, constants

CLOSER = (200, 1000)  # widths at which a cell measures after all of `CHECKPOINTS`
MAIN = ("soft", "sgd-decay", "sgd-constant")
FAST = (300, 1000)
DELTA_RATE = 0.5  # on raw pixels: see docs/readouts.md
TOGETHER = 5000  # samples whose responses are in memory at a time
READOUTS: dict[str, Callable[[], Any]] = {
    "soft": lambda: SoftLabels(smoothing=SMOOTHING),
    "winner": WinnerLabels,
    "linear": LinearReadout,
}

Curves = dict[str, list[list[float | None]]]  # by readout and its labels: [samples, accuracy], ...


def cells(grid: Grid) -> Iterator[Settings]:
    """Give the grid of methods, widths and seeds."""
    for method, (widths, of_method) in _methods(grid).items():
        for neurons in widths:
            at = of_method if grid.fast or neurons in (0, *CLOSER) else FEWER
            for seed in grid.seeds if grid.first else grid.seeds[:2]:
                settings = grid.samples | {"method": method, "neurons": neurons, "seed": seed}
                torch = {"torch": True} if method in KINDS else {}
                yield settings | {"checkpoints": list(at)} | torch


def _methods(grid: Grid) -> dict[str, tuple[Sequence[int], Sequence[int]]]:
    """Return the widths and the checkpoints of each method; the delta rule on raw pixels has no neurons to choose."""
    if not grid.first:
        return dict.fromkeys(MAIN, ((200,), FEWER))
    many = FAST if grid.fast else CHECKPOINTS
    methods: dict[str, tuple[Sequence[int], Sequence[int]]] = dict.fromkeys(MAIN, (grid.widths, many))
    methods["delta"] = (0,), many
    if grid.fast:
        return methods
    return methods | {"hard": (CLOSER, FEWER), "random": (CLOSER, many), "adam-decay": (CLOSER, FEWER)}


def measure(settings: Settings, images: Images) -> Outcome:
    """Measure accuracy on the test samples after the first n training samples, for each n."""
    at = checkpoints(settings, len(images.train))
    if settings["method"] in KINDS:
        return _twins(settings, images, at)
    if settings["method"] == "delta":
        curves = _delta(settings, images, at)
    elif settings["method"] == "random":
        chip = new_chip(settings, images)
        curves = _joined((samples, _judged(chip, images, {"seen": samples}, ("linear",))) for samples in at)
    else:
        curves = _chip(settings, images, at)
    return Outcome({"curves": curves}, {})


def _chip(settings: Settings, images: Images, at: Sequence[int]) -> Curves:
    """Let a chip learn, and judge it on the way by all readouts, each with two budgets of labels."""
    judged: list[tuple[int, Mapping[str, float | None]]] = []

    def watch(now: Chip) -> None:
        budgets = {"fixed": settings["label_samples"], "seen": now.samples}
        judged.append((now.samples, _judged(now, images, budgets, tuple(READOUTS))))

    new_chip(settings, images).learn(images.train, every=at, watch=watch)
    return _joined(judged)


def _judged(chip: Chip, images: Images, budgets: Mapping[str, int], names: Sequence[str]) -> dict[str, float | None]:
    """Return the accuracy of each readout with the labels of the first training samples, as many as a budget allows.

    A linear readout of labels that are all alike does not exist: its accuracy is None.
    """
    readouts: dict[tuple[str, str], Any] = {
        (name, budget): READOUTS[name]()
        for name in names
        for budget, count in budgets.items()
        if name != "linear" or len(np.unique(images.train_labels[:count])) > 1
    }
    for first in range(0, min(max(budgets.values()), len(images.train)), TOGETHER):
        samples, labels = (array[first : first + TOGETHER] for array in (images.train, images.train_labels))
        response = chip.respond(samples)
        for (_, budget), readout in readouts.items():
            within = max(0, budgets[budget] - first)
            if within:
                readout.add(Response(*(array[:within] for array in response)), labels[:within])
    asked = chip.respond(images.test)
    accuracies: dict[str, float | None] = {f"{name}-{budget}": None for name in names for budget in budgets}
    for (name, budget), readout in readouts.items():
        right = readout.finish().predict(asked) == images.test_labels
        accuracies[f"{name}-{budget}"] = float(right.mean())
    return accuracies


def _joined(judged: Any) -> Curves:
    """Return a curve for each readout."""
    curves: Curves = {}
    for samples, accuracies in judged:
        for name, accuracy in accuracies.items():
            curves.setdefault(name, []).append([samples, accuracy])
    return curves


def _delta(settings: Settings, images: Images, at: Sequence[int]) -> Curves:
    """Let a softmax over the classes learn from raw pixels by the delta rule."""
    curve: list[list[float | None]] = []

    def watch(now: Chip) -> None:
        right = now.respond(images.test).winner == images.test_labels
        curve.append([now.samples, float(right.mean())])

    layer = delta_readout(images.classes, rate=DELTA_RATE)
    chip = Chip([layer], inputs=images.train.shape[1], seed=settings["seed"])
    chip.learn(images.train, labels=images.train_labels, every=at, watch=watch)
    return {"own": curve}


def _twins(settings: Settings, images: Images, at: Sequence[int]) -> Outcome:
    """Train a twin for each number of samples, with the constants for it."""
    optimiser, decay = KINDS[settings["method"]]
    curve, chosen = [], []
    for count, (rate, batch) in constants(settings, images, at).items():
        trained = twin.train(
            images.train[:count], images.train_labels[:count], images.classes, neurons=settings["neurons"],
            optimiser=optimiser, rate=rate, batch=batch, decay=decay, seed=settings["seed"],
        )  # fmt: skip
        curve.append([count, trained.accuracy(images.test, images.test_labels)])
        chosen.append([count, rate, batch])
    return Outcome({"curves": {"own": curve}, "constants": chosen}, {})


PART = Part("speed", cells, measure, tables, claims, figures)
