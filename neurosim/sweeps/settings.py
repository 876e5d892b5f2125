"""The whole configuration of a point, of what a study file says: every constant, plain values, checked."""

import hashlib
import json
from pathlib import Path
from typing import Any

from neurosim import hardware
from neurosim.checks import LARGEST, finite, one_of, truth, whole
from neurosim.errors import ConfigError
from neurosim.streams.arrivals import Period
from neurosim.sweeps.chips import chip_settings
from neurosim.sweeps.study import Sections, known_key

READOUTS = ("linear", "winner")
DATA: dict[str, Any] = {"train": ..., "test": ..., "train_samples": None, "test_samples": None, "epochs": 1,
                        "mean": 0.0, "deviation": 1.0}  # fmt: skip
MEASURE: dict[str, Any] = {"readout": "linear", "readout_samples": None, "price_samples": 1000, "learning": True,
                           "unverified": False}  # fmt: skip
ARRIVALS: dict[str, Any] = {"period_s": None}


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
    return {"chip": chip, "changes": changes, "description": digest(hardware.load(chip, changes))}


def digest(described: hardware.Hardware) -> str:
    """Return a hash of all that a description says."""
    return hashlib.sha256(json.dumps(described.describe(), sort_keys=True).encode()).hexdigest()[:12]
