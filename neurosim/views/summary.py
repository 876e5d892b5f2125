"""What a state file holds as plain values: `neurosim inspect` prints them, and reports show them."""

import math
from typing import Any

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.instruments import never_won
from neurosim.layers.plain import describe
from neurosim.online.drift import drift_of
from neurosim.state.format import Contents

STATES = ("live", "between", "dead")  # of a layer that has learned
NOT_LEARNED = "not learned yet"


def summary_of(chip: Chip, contents: Contents) -> dict[str, Any]:
    """Return what a chip is and what it learned, with what its file says of the stream, readouts and labels."""
    with np.errstate(all="ignore"):  # weights near the end of float32's range have lengths beyond it
        layers = [_layer_summary(layer, chip.changes) for layer in chip.layers]
    return {
        "inputs": chip.inputs,
        "seed": chip.seed,
        "stream": contents.stream,
        "stream_position": contents.position,
        "state_sha256": chip.state_sha256,
        "classes": contents.classes,
        "readouts": {
            kind: {"samples": readout.samples, "features": readout.features}
            for kind, readout in (contents.readouts or {}).items()
        },
        "changes": list(chip.changes),
        "layers": layers,
    }


def _layer_summary(layer: Any, changes: Any) -> dict[str, Any]:
    low, median, high = np.percentile(layer.norms, (0, 50, 100))
    states = layer.neurons()["state"] if layer.samples else None
    return {
        "inputs": layer.inputs,
        "constants": describe(layer.constants),
        "temperature": layer.temperature,
        "first_weights": "seed" if layer.initial_array is None else "array",
        "samples": layer.samples,
        "blank_samples": layer.blanks,
        "never_won": never_won(layer.wins),
        "writes_per_sample": layer.writes / max(1, layer.samples),
        "norm": {"min": float(low), "median": float(median), "max": float(high)},
        "neurons": None if states is None else {name: int((states == name).sum()) for name in STATES},
        "drift": drift_of(layer, changes),
        "records": [dict(zip(row.dtype.names, row.item(), strict=True)) for row in layer.records],
    }


def finite(value: Any) -> Any:
    """Return plain values with infinity and NaN, which JSON has no numbers for, as the texts inf, -inf and nan."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def written(layer: dict[str, Any]) -> str:
    """Return in words what a layer's learning wrote, by its `summary_of`."""
    what = "responses at all positions" if layer["constants"]["kind"] == "ConvWTA" else "neurons"
    return f"{layer['writes_per_sample']:,.1f} {what} a sample"
