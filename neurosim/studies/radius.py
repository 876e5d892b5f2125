"""The study of the first radius: how large the norm of the first weights must be for a SoftHebb layer to learn."""

from typing import Any

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.experiments import data
from neurosim.experiments.cells import Cell, Finished, Outcome, Study, Table
from neurosim.experiments.tables import NOTHING, spread
from neurosim.instruments import never_won
from neurosim.layers.activations import Softmax
from neurosim.layers.competition import SoftWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.rules import SoftHebb
from neurosim.layers.schedules import NormAdaptiveRate
from neurosim.readouts.judge import judge
from neurosim.streams.order import repeat
from neurosim.studies import published
from neurosim.studies.figures import draw_radius

NAME, VERSION = "radius", 1
GRID = range(27)  # radius 1.25 ** (step - 10): 0.107 to 35.5
FAST_GRID = (0, 8, 12, 15, 20)
MEASURES = {
    "winner's label, %": ("winner_accuracy", 100, 1),
    "linear readout, %": ("readout_accuracy", 100, 1),
    "never won, %": ("never_won", 100, 1),
    "median norm": ("median_norm", 1, 2),
}


def cells(seeds: int, fast: bool) -> list[Cell]:
    """Return the grid of radii and seeds; if `fast`, a part of it with smaller chips that takes a minute."""
    return [_cell(step, seed, fast) for seed in range(1 if fast else seeds) for step in (FAST_GRID if fast else GRID)]


def _cell(step: int, seed: int, fast: bool) -> Cell:
    settings = {
        "dataset": "mnist",
        "neurons": 200 if fast else 2000,
        "radius": 1.25 ** (step - 10),
        "seed": seed,
        "rate": 0.045,
        "power": 0.2,
        "temperature": 1 / 12,
        "cap": 0.1,
        "cutoff": 1e-9,  # with the usual 0.01, a layer with small weights would not learn, as its shares are even
        "train_samples": 6000 if fast else None,
        "test_samples": 2000 if fast else None,
    }
    return Cell(NAME, VERSION, f"radius-{settings['radius']:.3f}-{seed}", settings)


def layer(settings: dict[str, Any]) -> DenseWTA:
    """Return the layer of a cell: on-line, with a cap on each neuron's step, where the code divides by the largest."""
    return DenseWTA(
        settings["neurons"],
        competition=SoftWTA(temperature=settings["temperature"]),
        rule=SoftHebb(rate=NormAdaptiveRate(settings["rate"], power=settings["power"])),
        radius=settings["radius"],
        cap=settings["cap"],
        cutoff=settings["cutoff"],
        transmit=Softmax(temperature=1 / 5),
    )


def measure(settings: dict[str, Any], sets: data.Data) -> Outcome:
    """Let a chip learn one epoch in the seed's order, and measure both readouts."""
    dataset, seed = settings["dataset"], settings["seed"]
    train, test = (sets.part(dataset, part, count=settings[f"{part}_samples"]) for part in ("train", "test"))
    chip = Chip([layer(settings)], inputs=train.inputs, seed=seed).learn(repeat(train, 1, seed))
    judged = judge(chip, train, test)
    return Outcome(
        {
            "data": f"{train.fingerprint()} {test.fingerprint()}",
            "winner_accuracy": judged.winner_accuracy,
            "readout_accuracy": judged.readout_accuracy,
            "never_won": never_won(chip.layers[0].wins),
            "never_won_frozen": judged.never_won_frozen,
            "median_norm": float(np.median(chip.layers[0].norms)),
        },
        {},
    )


def tables(asked: list[Cell], finished: Finished) -> list[Table]:
    """Return a table with a row for each radius: what is published about it, and our measures."""
    by_radius: dict[float, list[dict[str, float]]] = {}
    for cell in asked:
        measures = by_radius.setdefault(cell.settings["radius"], [])
        if cell.name in finished:
            measures.append(finished[cell.name]["measures"])
    rows = [[f"{radius:.3f}", published.band(radius), *_row(by_radius[radius])] for radius in sorted(by_radius)]
    return [Table("radius", "First radius: published and ours", ["radius", "published", *MEASURES], rows)]


def _row(measures: list[dict[str, float]]) -> list[str]:
    if not measures:
        return [NOTHING] * len(MEASURES)
    return [spread([m[name] * times for m in measures], places) for name, times, places in MEASURES.values()]


STUDY = Study(
    name=NAME,
    version=VERSION,
    cells=cells,
    measure=measure,
    tables=tables,
    figures=draw_radius,
    source=published.RADIUS,
)
