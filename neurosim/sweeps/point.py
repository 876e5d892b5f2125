"""What a sweep measures at a point: a chip learns on-line, a readout judges it, a described chip prices it."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurosim import hardware
from neurosim.chip.chip import Chip
from neurosim.errors import StateError
from neurosim.experiments.data import Data, Scaled, Stretch
from neurosim.hardware import Counts
from neurosim.instruments import never_won
from neurosim.layers.dense import DenseWTA
from neurosim.layers.plain import rebuild
from neurosim.readouts.labels import accuracy, answers
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.winner import WinnerLabels, taught_by_label
from neurosim.streams import open_stream
from neurosim.streams.arrivals import Closed, Period
from neurosim.streams.order import repeat
from neurosim.sweeps.chips import chip_settings
from neurosim.sweeps.settings import complete, digest
from neurosim.sweeps.tasks import Measure

VERSION = 1
SECTIONS = ("data", "chip", "measure", "hardware", "arrivals")  # learning depends on the first three
MEASURES = (
    "accuracy", "energy_J", "latency_s", "memory_bytes", "cores_used", "energy_low_J", "energy_high_J",
    "energy_inference_J", "energy_learning_J", "energy_routing_J", "energy_static_J", "latency_p99_s", "latency_max_s",
    "waiting_s", "samples_per_s_limit", "never_won", "synaptic_operations", "plasticity_operations", "weight_updates",
    "bits_flipped",
)  # fmt: skip


class Learned(NamedTuple):
    """What one learning run gives.

    Attributes
    ----------
    chip : Chip
    counts : Counts
        Of the samples to price.
    measures : dict
        Those that no described chip changes.
    """

    chip: Chip
    counts: Counts
    measures: dict[str, Any]


def check(settings: dict[str, Any], root: Path) -> None:
    """Refuse a folder without the data of a configuration; whether they are whole is seen when they are read."""
    for part in ("train", "test"):
        open_stream(settings["data"][part], root=root)


def admit(settings: dict[str, Any], data: Data) -> None:
    """Refuse a chip that is none, that the hardware has no room for, or whose learning has no price there."""
    chip = _chip(settings["chip"], _part(settings["data"], "train", data))
    described = _described(settings["hardware"])
    hardware.place(chip, described)
    hardware.check_learns(described, settings["measure"]["learning"], settings["measure"]["unverified"])


def learn(settings: dict[str, Any], data: Data) -> Learned:
    """Let a chip learn, in the order of its seed, count what it does with the last samples, and judge it."""
    asked, how = settings["data"], settings["measure"]
    train, test = (_part(asked, part, data) for part in ("train", "test"))
    chip = _chip(settings["chip"], train)
    order = repeat(train, asked["epochs"], chip.seed)
    priced = min(how["price_samples"], train.length * asked["epochs"])
    before = train.length * asked["epochs"] - priced
    if before:
        chip.learn(Stretch(order, 0, before))  # type: ignore[arg-type]
    counts = hardware.count(chip, Stretch(order, before, priced), learning=how["learning"])  # type: ignore[arg-type]
    if not how["learning"]:
        chip.learn(Stretch(order, before, priced))  # type: ignore[arg-type]
    fitted = train if how["readout_samples"] is None else Stretch(train, 0, min(how["readout_samples"], train.length))
    measures = {
        "data": f"{train.fingerprint()} {test.fingerprint()}",
        "accuracy": _accuracy(chip, how["readout"], fitted, test),
        "never_won": never_won(chip.layers[-1].wins),
        **_operations(counts),
    }
    return Learned(chip, counts, measures)


def price(learned: Learned, settings: dict[str, Any]) -> dict[str, Any]:
    """Price what was counted on the described chip of a configuration."""
    described, period = _described(settings["hardware"]), settings["arrivals"]["period_s"]
    arrivals = Closed() if period is None else Period(1 / period)
    unverified = settings["measure"]["unverified"]
    report = hardware.price(learned.counts, described, arrivals=arrivals, unverified=unverified)
    summary = report.summary()
    split = {f"energy_{part}_J": value for part, value in summary["energy_split_J"].items()}
    tails = {f"latency_{name}_s": value for name, value in (summary["latency_percentiles_s"] or {}).items()}
    found = summary | summary["mapping"] | split | tails
    return learned.measures | {name: found[name] for name in MEASURES if name in found}


def _part(asked: dict[str, Any], part: str, data: Data) -> Scaled:
    """Return the samples to learn from, or to test with."""
    return data.stream(asked[part], mean=asked["mean"], deviation=asked["deviation"], count=asked[f"{part}_samples"])


def _chip(settings: dict[str, Any], samples: Scaled) -> Chip:
    """Return the chip of a configuration."""
    if settings["layers"] is None:  # its constants were refused: say why
        settings = chip_settings(settings["asked"], refuse=True)
    layers = [rebuild(layer) for layer in settings["layers"]]
    images = any(not isinstance(layer, DenseWTA) for layer in layers)
    return Chip(layers, inputs=samples.shape if images else samples.inputs, seed=settings["seed"])


def _described(asked: dict[str, Any]) -> hardware.Hardware:
    """Return the described chip of a configuration; refuse one that says something else by now."""
    described = hardware.load(asked["chip"], asked["changes"])
    if digest(described) != asked["description"]:
        raise StateError(f"hardware {asked['chip']} must be described as it was, {asked['description']}, and is not")
    return described


def _accuracy(chip: Chip, name: str, train: Any, test: Any) -> float:
    """Fit a readout on the frozen chip, and return the share of test samples that it gives their label."""
    readout = WinnerLabels(by_label=taught_by_label(chip)) if name == "winner" else LinearReadout()
    for response, labels in answers(chip, train):
        readout.add(response, labels)
    readout.finish()
    parts = [(readout.predict(response), labels) for response, labels in answers(chip, test)]
    predicted, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return float(accuracy(predicted, labels))


def _operations(counts: Counts) -> dict[str, float]:
    """Return operations a sample."""
    summary = counts.summary()
    return {
        "synaptic_operations": sum(layer["operations"] for layer in summary["layers"]),
        "plasticity_operations": summary["PlasticityOperations"],
        "weight_updates": summary["WeightUpdates"],
        "bits_flipped": summary["WeightBitsFlipped"],
    }


MEASURE_OF_A_POINT = Measure(VERSION, SECTIONS, 3, MEASURES, complete, check, admit, learn, price)
