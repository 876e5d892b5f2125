"""The study of deep SoftHebb: accuracy by depth on CIFAR-10 and MNIST, in batches as published and on-line."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import presets
from neurosim.chip.chip import Chip
from neurosim.experiments import data
from neurosim.experiments.cells import Cell, Finished, Outcome, Study, Table
from neurosim.experiments.tables import NOTHING, difference, spread
from neurosim.layers.rules import SoftHebb
from neurosim.readouts.image_readout import CHUNK
from neurosim.readouts.judge_images import judge_images
from neurosim.receptive_fields import strongest_patches
from neurosim.streams import PadCrop
from neurosim.streams.order import repeat
from neurosim.studies import published
from neurosim.studies.figures import draw_deep

NAME, VERSION = "deep", 2
METHODS: dict[str, dict[str, Any]] = {  # for each row: the preset, whether it learns, and what is changed
    "batches": {"preset": "softhebb-{}-published"},
    "online": {"preset": "softhebb-{}"},
    "dense": {"preset": "softhebb-{}", "cutoff": 0.0},
    "hard": {"preset": "hard-{}-published"},
    "random": {"preset": "softhebb-{}", "learns": False},
    "shifted": {"preset": "softhebb-{}", "padding": 2, "views": 9},  # the readout's images
}
ON_MNIST = ("batches", "online", "random", "shifted")
SHOWN = 12  # neurons of each layer in the figures


def cells(seeds: int, fast: bool) -> list[Cell]:
    """Return the grid of data sets, methods, depths and seeds; if `fast`, a small part of it that takes minutes."""
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


def chip_of(settings: dict[str, Any]) -> Chip:
    """Return the chip of a cell; one that does not learn still measures the means that normalise its images."""
    preset = presets.preset(settings["preset"])
    layers = preset.layers
    if not settings["learns"]:
        layers = tuple(replace(layer, rule=SoftHebb(rate=0.0)) for layer in layers)
    if "cutoff" in settings:
        layers = tuple(replace(layer, cutoff=settings["cutoff"]) for layer in layers)
    return Chip(layers, inputs=preset.shape, seed=settings["seed"])


def measure(settings: dict[str, Any], sets: data.Data) -> Outcome:
    """Let a chip learn one epoch in the seed's order, then train the published readout on its outputs."""
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


def _pictures(chip: Chip, images: data.Scaled) -> dict[str, NDArray[np.float32]]:
    """Return the first layer's weights, and the patches that excite neurons of every layer most."""
    few = images.take(np.arange(min(1000, images.length))).samples
    arrays: dict[str, NDArray[np.float32]] = {"weights": chip.layers[0].weights}
    for layer_index, layer in enumerate(chip.layers):
        busy = np.argsort(-layer.wins)[: len(layer.wins) // 2]  # others may not have learned at all
        neurons = busy[np.linspace(0, len(busy) - 1, SHOWN).astype(int)]
        arrays[f"patches{layer_index + 1}"] = strongest_patches(chip, few, layer=layer_index, neurons=neurons)
    return arrays


def tables(asked: list[Cell], finished: Finished) -> list[Table]:
    """Return a table with a row for each data set, method and depth: published, ours, the difference, the norms."""
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
    theirs = published.deep(dataset, method, depth)
    ours = [100 * seed["accuracy"] for seed in measures]
    norms = np.mean([seed["mean_norms"] for seed in measures], axis=0) if measures else []
    return [
        dataset,
        method,
        str(depth),
        NOTHING if theirs is None else f"{theirs:.2f}".rstrip("0").rstrip("."),
        spread(ours, 2),
        difference(theirs, ours, 2),
        " / ".join(f"{norm:.2f}" for norm in norms) or NOTHING,
        str(len(measures)),
    ]


STUDY = Study(
    name=NAME,
    version=VERSION,
    cells=cells,
    measure=measure,
    tables=tables,
    figures=draw_deep,
    source=published.DEEP,
)
