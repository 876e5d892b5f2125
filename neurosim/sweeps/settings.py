"""The complete configuration of a point, made from what a study file says: every constant, as checked plain values."""

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from neurosim import hardware
from neurosim.checks import LARGEST, finite, one_of, truth, whole
from neurosim.errors import ConfigError, InfeasibleError
from neurosim.hardware.chips.spec import COMPONENTS, SECTIONS, table_of
from neurosim.hardware.components.parts import PARTS
from neurosim.hardware.placement.strategies.options import as_placement
from neurosim.outside import toml
from neurosim.sweeps import arrivals
from neurosim.sweeps.arrivals import arrivals_settings
from neurosim.sweeps.chips import chip_settings
from neurosim.sweeps.numbers import as_float, as_whole, declared
from neurosim.sweeps.study import Sections, known_key

READOUTS = ("linear", "winner")
DATA: dict[str, Any] = {"train": ..., "test": ..., "train_samples": None, "test_samples": None, "epochs": 1,
                        "mean": 0.0, "deviation": 1.0, "label": None, "image_size": None}  # fmt: skip
MEASURE: dict[str, Any] = {"readout": "linear", "readout_samples": None, "price_samples": 1000, "learning": True,
                           "unverified": False}  # fmt: skip
FLOATS = ("mean", "deviation", "period_s", "rate_hz", "deadline_s")
KINDS: tuple[type, ...] = (*SECTIONS.values(), *PARTS.values())
DIGITS = 12  # of a description's hash
WHOLE, _ = declared(*KINDS)  # of what is built: the other numbers of a description are real ones
BUILT = tuple(f"{name}." for name in (*SECTIONS, COMPONENTS))


def complete(sections: Sections) -> dict[str, Any]:
    """Return the complete configuration for the settings of a study file, with every constant.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, or if a value of data, measure or hardware, or the description of the hardware,
        breaks its rule. Constants that a chip refuses are found when the chip is made, and parts of a described chip
        that cannot be built together when it is priced.
    """
    return {
        "data": _data(_filled("data", sections["data"], DATA)),
        "chip": _chip(json.dumps(sections["chip"])),
        "measure": _measure(_filled("measure", sections["measure"], MEASURE)),
        "hardware": _hardware(sections["hardware"]),
        "arrivals": arrivals_settings(_filled("arrivals", sections["arrivals"], arrivals.DEFAULTS)),
        "placement": asdict(as_placement(sections["placement"])),
    }


@lru_cache(maxsize=4096)  # the points of a grid have few different chips, and few different descriptions
def _chip(settings: str) -> dict[str, Any]:
    return chip_settings(json.loads(settings))


def _filled(section: str, settings: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return a section with its defaults; refuse keys that are unknown, or missing where the default is `...`."""
    for key in settings:
        known_key(key, tuple(defaults), f"{section}.{key}")
    for key, value in defaults.items():
        if value is ... and key not in settings:
            raise ConfigError(f"{section}.{key}", "given", None)
    return {
        key: value if key in FLOATS else as_whole(value)  # the others hold whole numbers, or none
        for key, value in (defaults | settings).items()
    }


def _data(settings: dict[str, Any]) -> dict[str, Any]:
    for key in ("train", "test"):
        if not isinstance(settings[key], str) or settings[key] == "-":
            raise ConfigError(f"data.{key}", "the name of a stream, such as mnist:train, and no pipe", settings[key])
        if settings[f"{key}_samples"] is not None:
            whole(f"data.{key}_samples", settings[f"{key}_samples"], 1, LARGEST)
    whole("data.epochs", settings["epochs"], 1, LARGEST)
    finite("data.mean", settings["mean"], "a number")
    finite("data.deviation", settings["deviation"], "positive", 0, above=True)
    if settings["label"] is not None and not (isinstance(settings["label"], str) and settings["label"]):
        raise ConfigError("data.label", "a column's name or number as text, such as 'digit' or '-1'", settings["label"])
    if settings["image_size"] is not None:
        whole("data.image_size", settings["image_size"], 1, LARGEST)
    return settings | {key: as_float(settings[key]) for key in ("mean", "deviation")}


def _measure(settings: dict[str, Any]) -> dict[str, Any]:
    one_of("measure.readout", settings["readout"], READOUTS)
    if settings["readout_samples"] is not None:
        whole("measure.readout_samples", settings["readout_samples"], 2, LARGEST)
    whole("measure.price_samples", settings["price_samples"], 1, LARGEST)
    for key in ("learning", "unverified"):
        truth(f"measure.{key}", settings[key])
    return settings


def _hardware(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies the hardware: a preset or file, changed constants, and a hash of the description."""
    if not isinstance(settings.get("chip"), str):
        raise ConfigError("hardware.chip", f"a file, or one of {', '.join(hardware.names())}", settings.get("chip"))
    changes = {
        key: as_whole(value) if key.startswith(BUILT) and key.rpartition(".")[2] in WHOLE else as_float(value)
        for key, value in settings.items()
        if key != "chip"
    }
    file = toml.is_toml(settings["chip"])
    # An absolute path, as a worker may run in another folder.
    chip = str(Path(settings["chip"]).absolute()) if file else settings["chip"]
    table = json.dumps(table_of(chip))
    return {"chip": chip, "changes": changes, "description": _digest(chip, json.dumps(changes), table)}


@lru_cache(maxsize=4096)
def _digest(chip: str, changes: str, _table: str) -> str:
    """Return the digest of a changed description; its table is there so that an edit of a file is noticed."""
    try:
        return digest(hardware.load(chip, json.loads(changes)))
    except InfeasibleError:  # its point fails, with the reason, and the others are measured
        return hashlib.sha256(f"{_table} {changes}".encode()).hexdigest()[:DIGITS]


def digest(described: hardware.Hardware) -> str:
    """Return a hash of a description."""
    return hashlib.sha256(json.dumps(described.describe(), sort_keys=True).encode()).hexdigest()[:DIGITS]
