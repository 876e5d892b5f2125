"""The study of deep SoftHebb: accuracy by depth on CIFAR-10 and MNIST, in batches as published and on-line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurosim import presets
from neurosim.chip.chip import Chip
from neurosim.experiments import data
from neurosim.experiments.cells import Cell, Finished, Outcome, Study, Table
from neurosim.experiments.tables import NOTHING, difference, spread
from neurosim.layers.rules import SoftHebb
from neurosim.readouts.judge_images import CHUNK, judge_images
from neurosim.receptive_fields import strongest_patches
from neurosim.streams import PadCrop
from neurosim.streams.order import repeat
from neurosim.studies import published

NAME, VERSION = "deep", 1
METHODS: dict[str, dict[str, Any]] = {  # name of a row: the preset, whether it learns, what is changed in all layers
    "batches": {"preset": "softhebb-{}-published"},
    "online": {"preset": "softhebb-{}"},
    "dense": {"preset": "softhebb-{}", "cutoff": 0.0},
    "hard": {"preset": "hard-{}-published"},
    "random": {"preset": "softhebb-{}", "learns": False},
    "shifted": {"preset": "softhebb-{}", "padding": 2, "views": 9},  # the readout's images
}
ON_MNIST = ("batches", "online", "random", "shifted")
SHOWN = 12  # neurons of a layer


def cells(seeds: int, fast: bool) -> list[Cell]:
    """Return the grid of data sets, methods, depths and seeds; or a part of it, tiny, that is done in minutes."""
    depths = [("cifar10", depth) for depth in (3, 2, 1)] + [("mnist", 3)]
    return [
        _cell(dataset, method, depth, seed, fast)
        for seed in range(1 if fast else seeds)
        for method in METHODS
        for dataset, depth in (depths[-1:] if fast else depths)
        if (method in ON_MNIST if dataset == "mnist" else method != "shifted")
    ]


def _cell(dataset: str, method: str, depth: int, seed: int, fast: bool) -> Cell:
    changed = METHODS[method]
    settings = {
        "dataset": dataset,
        "method": method,
        "depth": depth,
        "preset": changed["preset"].format(f"{dataset}-{depth}layer"),
        "learns": changed.get("learns", True),
        "seed": seed,
        "epochs": 2 if fast else 50,
        "train_samples": 500 if fast else None,
        "test_samples": 500 if fast else None,
    }
    settings |= {name: changed[name] for name in ("cutoff", "padding", "views") if name in changed}
    if fast and "views" in settings:
        settings["views"] = 2
    return Cell(NAME, VERSION, f"deep-{dataset}-{method}-{depth}-{seed}", settings)


def check(asked: list[Cell], root: Path) -> None:
    """Refuse a folder without the data that the cells need."""
    data.check({cell.settings["dataset"] for cell in asked}, root)


def chip_of(settings: dict[str, Any]) -> Chip:
    """Return the chip of a cell; one that does not learn still measures what normalises its images."""
    preset = presets.preset(settings["preset"])
    layers = preset.layers
    if not settings["learns"]:
        layers = tuple(replace(layer, rule=SoftHebb(rate=0.0)) for layer in layers)
    if "cutoff" in settings:
        layers = tuple(replace(layer, cutoff=settings["cutoff"]) for layer in layers)
    return Chip(layers, inputs=preset.shape, seed=settings["seed"])


def measure(settings: dict[str, Any], sets: data.Data) -> Outcome:
    """Let a chip learn one epoch in the seed's order, then train the published readout on what it sends."""
    dataset, seed = settings["dataset"], settings["seed"]
    train, test = (sets.part(dataset, part, count=settings[f"{part}_samples"]) for part in ("train", "test"))
    chip = chip_of(settings).learn(repeat(train, 1, seed), chunk=CHUNK)
    options = presets.preset(settings["preset"]).readout | {"epochs": settings["epochs"]}
    if "views" in settings:
        options |= {"augment": [PadCrop(settings["padding"])], "views": settings["views"]}
    judged = judge_images(chip, train, test, **options, seed=seed)
    return Outcome(
        {
            "data": f"{train.fingerprint()} {test.fingerprint()}",
            "accuracy": judged.readout_accuracy,
            "mean_norms": [float(layer.norms.mean()) for layer in chip.layers],
            "never_won": [float((layer.wins == 0).mean()) for layer in chip.layers],
            "state_sha256": chip.state_sha256,
        },
        _pictures(chip, test) if settings["learns"] and seed == 0 else {},
    )


def _pictures(chip: Chip, images: data.Scaled) -> dict[str, Any]:
    """Return the first layer's weights, and the patches that excite neurons of every layer most."""
    few = images.take(np.arange(min(1000, images.length))).samples
    found: dict[str, Any] = {"weights": chip.layers[0].weights}
    for place, layer in enumerate(chip.layers):
        busy = np.argsort(-layer.wins)[: len(layer.wins) // 2]  # not those that are as they were
        neurons = busy[np.linspace(0, len(busy) - 1, SHOWN).astype(int)]
        found[f"patches{place + 1}"] = strongest_patches(chip, few, layer=place, neurons=neurons)
    return found


def tables(asked: list[Cell], finished: Finished) -> list[Table]:
    """Return one row a data set, method and depth: published, ours, the difference, and the norms."""
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for cell in asked:
        name = (cell.settings["dataset"], cell.settings["method"], cell.settings["depth"])
        measures = groups.setdefault(name, [])
        if cell.name in finished:
            measures.append(finished[cell.name]["measures"])
    rows = [_row(*name, groups[name]) for name in sorted(groups)]
    header = ["data", "method", "layers", "published, %", "ours, %", "difference", "mean norms", "seeds"]
    return [Table("deep", "Accuracy of a linear readout, by depth", header, rows)]


def _row(dataset: str, method: str, depth: int, measures: list[dict[str, Any]]) -> list[str]:
    known = published.deep(dataset, method, depth)
    ours = [100 * each["accuracy"] for each in measures]
    norms = np.mean([each["mean_norms"] for each in measures], axis=0) if measures else []
    shown = " / ".join(f"{norm:.2f}" for norm in norms) or NOTHING
    there = NOTHING if known is None else f"{known:.2f}".rstrip("0").rstrip(".")
    return [dataset, method, str(depth), there, spread(ours, 2), difference(known, ours, 2), shown, str(len(measures))]


def figures(asked: list[Cell], finished: Finished, folder: Any) -> list[str]:
    """Draw first weights' successors, and what excites the neurons of every layer."""
    from neurosim.studies import figures

    return figures.draw_deep(asked, finished, folder)


STUDY = Study(NAME, VERSION, cells, measure, check, tables, figures, published.DEEP)
