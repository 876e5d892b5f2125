"""What a sweep measures at a point: a chip learns on-line, a readout judges it, a described chip prices it."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurosim import hardware
from neurosim.checks import LARGEST, finite, one_of, truth, whole
from neurosim.chip import Chip
from neurosim.constants import rebuild
from neurosim.errors import ConfigError, StateError
from neurosim.hardware import Counts
from neurosim.latency.arrivals import Closed, Period
from neurosim.layers import DenseWTA
from neurosim.metrics import accuracy, never_won
from neurosim.readouts import LinearReadout, WinnerLabels, answers, taught_by_label
from neurosim.streams import open_stream
from neurosim.streams.order import repeat
from neurosim.studies.data import Data, Scaled, Stretch
from neurosim.sweeps.chips import chip_settings
from neurosim.sweeps.study import Sections, known_key
from neurosim.sweeps.tasks import Measure

VERSION = 1
READOUTS = ("linear", "winner")
SECTIONS = ("data", "chip", "measure", "hardware", "arrivals")  # learning depends on the first three
MEASURES = (
    "accuracy", "energy_J", "latency_s", "memory_bytes", "cores_used", "energy_low_J", "energy_high_J",
    "energy_inference_J", "energy_learning_J", "energy_routing_J", "energy_static_J", "latency_p99_s", "latency_max_s",
    "waiting_s", "samples_per_s_limit", "never_won", "synaptic_operations", "plasticity_operations", "weight_updates",
    "bits_flipped",
)  # fmt: skip
DATA: dict[str, Any] = {"train": ..., "test": ..., "train_samples": None, "test_samples": None, "epochs": 1,
                        "mean": 0.0, "deviation": 1.0}  # fmt: skip
MEASURE: dict[str, Any] = {"readout": "linear", "readout_samples": None, "price_samples": 1000, "learning": True,
                           "unverified": False}  # fmt: skip
ARRIVALS: dict[str, Any] = {"period_s": None}


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


def complete(sections: Sections) -> dict[str, Any]:
    """Return a whole configuration of what a study file says, every constant in it.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, a value of data, measure or hardware breaks its rule, or the description of
        the hardware does. Constants that a chip refuses are found when it is made.
    """
    return {
        "data": _data(_filled("data", sections["data"], DATA)),
        "chip": chip_settings(sections["chip"]),
        "measure": _measure(_filled("measure", sections["measure"], MEASURE)),
        "hardware": _hardware(sections["hardware"]),
        "arrivals": _arrivals(_filled("arrivals", sections["arrivals"], ARRIVALS)),
    }


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
    if _digest(described) != asked["description"]:
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


def _filled(section: str, given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return a section with its defaults; refuse keys that are unknown or missing."""
    for key in given:
        known_key(key, tuple(known), f"{section}.{key}")
    for key, value in known.items():
        if value is ... and key not in given:
            raise ConfigError(f"{section}.{key}", "given", None)
    return known | given


def _data(given: dict[str, Any]) -> dict[str, Any]:
    for key in ("train", "test"):
        if not isinstance(given[key], str) or given[key] == "-":
            raise ConfigError(f"data.{key}", "the name of a stream, such as mnist:train, and no pipe", given[key])
        if given[f"{key}_samples"] is not None:
            whole(f"data.{key}_samples", given[f"{key}_samples"], 1, LARGEST)
    whole("data.epochs", given["epochs"], 1, LARGEST)
    finite("data.mean", given["mean"], "a number")
    finite("data.deviation", given["deviation"], "positive", 0, above=True)
    return given | {key: float(given[key]) for key in ("mean", "deviation")}


def _measure(given: dict[str, Any]) -> dict[str, Any]:
    one_of("measure.readout", given["readout"], READOUTS)
    if given["readout_samples"] is not None:
        whole("measure.readout_samples", given["readout_samples"], 2, LARGEST)
    whole("measure.price_samples", given["price_samples"], 1, LARGEST)
    for key in ("learning", "unverified"):
        truth(f"measure.{key}", given[key])
    return given


def _arrivals(given: dict[str, Any]) -> dict[str, Any]:
    if given["period_s"] is not None:
        finite("arrivals.period_s", given["period_s"], "positive", 0, above=True)
        Period(1 / given["period_s"])
    return given


def _hardware(given: dict[str, Any]) -> dict[str, Any]:
    """Return what names a described chip: a preset or file, changed constants, a hash of all that it says."""
    if not isinstance(given.get("chip"), str):
        raise ConfigError("hardware.chip", f"a file, or one of {', '.join(hardware.names())}", given.get("chip"))
    changes = {key: value for key, value in given.items() if key != "chip"}
    file = given["chip"].endswith(".toml")  # from where a worker is, it may have another name
    chip = str(Path(given["chip"]).absolute()) if file else given["chip"]
    return {"chip": chip, "changes": changes, "description": _digest(hardware.load(chip, changes))}


def _digest(described: hardware.Hardware) -> str:
    return hashlib.sha256(json.dumps(described.describe(), sort_keys=True).encode()).hexdigest()[:12]


MEASURE_OF_A_POINT = Measure(VERSION, SECTIONS, 3, MEASURES, complete, check, admit, learn, price)
