"""What a sweep measures at a point: a chip learns on-line, a readout judges it, and described hardware prices it."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurosim import hardware
from neurosim.chip.chip import Chip
from neurosim.errors import StateError, StreamError
from neurosim.experiments.data import Data, Renumbered, Scaled, Stretch
from neurosim.hardware import Counts
from neurosim.hardware.timeline.losses import loses
from neurosim.instruments import never_won
from neurosim.layers.dense import DenseWTA
from neurosim.layers.plain import rebuild
from neurosim.readouts.labels import accuracy, answers
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.winner import WinnerLabels, taught_by_label
from neurosim.streams import open_stream
from neurosim.streams.base import RandomAccess
from neurosim.streams.order import repeat
from neurosim.sweeps.arrivals import arrivals_of
from neurosim.sweeps.chips import chip_settings
from neurosim.sweeps.known import energy_terms, left_out
from neurosim.sweeps.settings import complete, digest
from neurosim.sweeps.tasks import Measure

VERSION = 3  # 2: a chip that loses events has no accuracy; 3: doubts about energy, latency, accuracy; area and power
SECTIONS = ("data", "chip", "measure", "hardware", "arrivals", "placement")  # learning depends on the first three
MEASURES = (
    "accuracy", "energy_J", "latency_s", "memory_bytes", "cores_used", "energy_low_J", "energy_high_J",
    "energy_inference_J", "energy_learning_J", "energy_routing_J", "energy_reloading_J", "energy_static_J",
    "latency_p99_s", "latency_max_s",
    "waiting_s", "samples_per_s_limit", "never_won", "synaptic_operations", "plasticity_operations", "weight_updates",
    "bits_flipped", "lost_share", "writes_per_synapse_max", "lifetime_s", "deadline_misses", "deadline_miss_share",
    "overload", "load", "latency_low_s", "latency_high_s", "latency_p99_low_s", "latency_p99_high_s",
    "latency_max_low_s", "latency_max_high_s", "samples_per_s_limit_low", "samples_per_s_limit_high",
    "area_mm2", "power_W", "power_density_W_per_mm2", "area_low_mm2", "area_high_mm2", "lifetime_low_s",
    "lifetime_high_s",
)  # fmt: skip
TOLD = ("data", "accuracy_error", "no_accuracy", "not_priced", "not_modelled", "energy_terms")  # no objectives


class Learned(NamedTuple):
    """The result of one learning run.

    Attributes
    ----------
    chip : Chip
    counts : Counts
        Counts of the samples to price.
    measures : dict
        Those that do not depend on the hardware.
    """

    chip: Chip
    counts: Counts
    measures: dict[str, Any]


def check(settings: dict[str, Any], root: Path) -> None:
    """Refuse a folder without the data of a configuration, and other options than its sources take.

    Damage is found only when data are read.
    """
    sets = settings["data"]
    for part in ("train", "test"):
        stream = open_stream(sets[part], root=root, label=sets["label"], image_size=sets["image_size"])
        if not stream.labelled:
            raise StreamError(f"{sets[part]} must have labels for a study; for lines, data.label names their column")
    arrivals, priced = arrivals_of(settings["arrivals"]), settings["measure"]["price_samples"]
    arrivals.due(0, priced)
    arrivals.until(priced)


def admit(settings: dict[str, Any], data: Data) -> None:
    """Refuse a chip with bad constants, one that does not fit the hardware, or learning without an energy there."""
    chip = _chip(settings["chip"], _samples(settings["data"], "train", data))
    described = _described(settings["hardware"])
    hardware.place(chip, described, settings["placement"])
    hardware.check_learns(described, settings["measure"]["learning"], settings["measure"]["unverified"])


def learn(settings: dict[str, Any], data: Data) -> Learned:
    """Let a chip learn, in the order of its seed, count what it does with the last samples, and judge it."""
    sets, measure = settings["data"], settings["measure"]
    train = _samples(sets, "train", data)
    test = Renumbered(_samples(sets, "test", data), train.classes)
    chip = _chip(settings["chip"], train)
    order = repeat(train, sets["epochs"], chip.seed)
    priced = min(measure["price_samples"], train.length * sets["epochs"])
    before = train.length * sets["epochs"] - priced
    if before:
        chip.learn(Stretch(order, 0, before))  # type: ignore[arg-type]
    last = Stretch(order, before, priced)  # type: ignore[arg-type]
    counts = hardware.count(chip, last, learning=measure["learning"])
    if not measure["learning"]:
        chip.learn(last)
    count = measure["readout_samples"]
    fitted = train if count is None else Stretch(train, 0, min(count, train.length))
    correct = _accuracy(chip, measure["readout"], fitted, test)
    measures = {
        "data": f"{train.fingerprint()} {test.fingerprint()}",
        "accuracy": correct,
        "accuracy_error": math.sqrt(correct * (1 - correct) / test.length),  # of a share of independent samples
        "never_won": never_won(chip.layers[-1].wins),
        **_operations(counts),
    }
    return Learned(chip, counts, measures)


def price(learned: Learned, settings: dict[str, Any]) -> dict[str, Any]:
    """Price the counts on the hardware of a configuration."""
    described, unverified = _described(settings["hardware"]), settings["measure"]["unverified"]
    arrivals, deadline = arrivals_of(settings["arrivals"]), settings["arrivals"].get("deadline_s")
    report = hardware.price(
        learned.counts, described, arrivals=arrivals, deadline=deadline, unverified=unverified,
        placement=settings["placement"],
    )  # fmt: skip
    summary = report.summary()
    split = {f"energy_{part}_J": value for part, value in summary["energy_split_J"].items()}
    tails = {
        f"latency_{name}{end}_s": value
        for end in ("", "_low", "_high")
        for name, value in (summary[f"latency_percentiles{end}_s"] or {}).items()
    }
    values = summary | summary["mapping"] | split | tails
    measures = learned.measures | {name: values[name] for name in MEASURES if name in values}
    measures["overload"] = None if measures["overload"] is None else int(measures["overload"])
    measures |= left_out(summary) | {"energy_terms": energy_terms(report)}
    # The chip that learned lost none of these events, so its accuracy is not that of one that does.
    if error := loses(report.hardware, report.schedule):
        measures |= {"accuracy": None, "no_accuracy": str(error)}
    return measures


def _samples(sets: dict[str, Any], part: str, data: Data) -> Scaled:
    """Return the samples to learn from (`part` is "train"), or to test with ("test")."""
    return data.stream(
        sets[part], mean=sets["mean"], deviation=sets["deviation"], count=sets[f"{part}_samples"],
        label=sets["label"], image_size=sets["image_size"],
    )  # fmt: skip


def _chip(settings: dict[str, Any], samples: Scaled) -> Chip:
    """Return the chip of a configuration."""
    if settings["layers"] is None:  # its constants were refused: raise the reason
        settings = chip_settings(settings["asked"], refuse=True)
    layers = [rebuild(layer) for layer in settings["layers"]]
    images = any(not isinstance(layer, DenseWTA) for layer in layers)
    return Chip(layers, inputs=samples.shape if images else samples.inputs, seed=settings["seed"])


def _described(settings: dict[str, Any]) -> hardware.Hardware:
    """Return the hardware of a configuration; refuse a description that has changed since."""
    described = hardware.load(settings["chip"], settings["changes"])
    if digest(described) != settings["description"]:
        raise StateError(
            f"hardware {settings['chip']} must still have the description {settings['description']}, and was changed"
        )
    return described


def _accuracy(chip: Chip, name: str, train: RandomAccess, test: RandomAccess) -> float:
    """Fit a readout on the frozen chip, and return the share of test samples that it labels correctly."""
    readout = WinnerLabels(by_label=taught_by_label(chip)) if name == "winner" else LinearReadout()
    for response, labels in answers(chip, train):
        readout.add(response, labels)
    readout.finish()
    chunks = [(readout.predict(response), labels) for response, labels in answers(chip, test, like=train)]
    predicted, labels = (np.concatenate(column) for column in zip(*chunks, strict=True))
    return accuracy(predicted, labels)


def _operations(counts: Counts) -> dict[str, float]:
    """Return the mean numbers of operations per sample."""
    summary = counts.summary()
    return {
        "synaptic_operations": sum(layer["operations"] for layer in summary["layers"]),
        "plasticity_operations": summary["PlasticityOperations"],
        "weight_updates": summary["WeightUpdates"],
        "bits_flipped": summary["WeightBitsFlipped"],
    }


MEASURE_OF_A_POINT = Measure(
    version=VERSION,
    sections=SECTIONS,
    learning=3,
    checked=("data", "measure", "arrivals"),
    measures=MEASURES,
    complete=complete,
    check=check,
    admit=admit,
    learn=learn,
    price=price,
)
