"""What a picture of a run has: numbers and weights, taken from the chip where they are, and a few texts."""

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import whole
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.layers.rules import schedule
from neurosim.online.drift import drift_of, sentence
from neurosim.online.report import Report
from neurosim.views.fields import field_shape
from neurosim.views.scope.memory import WORDS, Sizes

MOST_FIELDS = 100
MOST_CHANGES = 200  # that the page is told of, the latest
LARGEST_GAIN = math.log(np.finfo(np.float64).max)


class Pictures:
    """Takes pictures of a chip.

    Parameters
    ----------
    chip : Chip
    layer : int
        Index of the layer that is shown.
    shape : tuple of int, optional
        Of the layer's inputs as an image, by default the chip's own if it is one; none of them for no image.

    Attributes
    ----------
    sizes : Sizes

    Raises
    ------
    ConfigError
        If there is no such layer, or its inputs do not have that shape.
    """

    def __init__(self, chip: Chip, layer: int, shape: tuple[int, ...] | None) -> None:
        whole("layer", layer, 0, len(chip.layers) - 1)
        self._chip, self._index = chip, layer
        tile = _tile(chip, layer, shape)
        neurons = chip.layers[layer].constants.neurons
        fields = 0 if tile is None else min(MOST_FIELDS, neurons)
        self.sizes = Sizes(neurons, fields, tile or (0, 0, 0))
        self._chosen = np.arange(fields)
        self._drift: tuple[object, dict[str, Any] | None] = None, None
        self._told: object = None  # what the last texts were made of

    def about(self) -> dict[str, Any]:
        """Return what never changes in a run, for the page."""
        shapes = (self._chip.shape, *(layer.shape for layer in self._chip.layers))
        return {"chip": " → ".join(" x ".join(f"{size:,}" for size in shape) for shape in shapes)}

    def values(self, report: Report | None) -> dict[str, Any]:
        """Return the numbers of a picture by their names in `Sizes.dtype`, but for the clock."""
        layer = self._chip.layers[self._index]
        wins = layer.wins
        values = {"samples": self._chip.samples, "steps": float(layer.steps.sum()) * layer.updates, "wins": wins}
        if report is not None:
            values["latencies"] = report.latencies.counts
        if self.sizes.fields:
            self._chosen = most_used(wins, self._chosen)
            values["fields"] = layer.weights_of(self._chosen).reshape(-1, *self.sizes.tile)
        return values

    def words(self, status: str, refusals: list[dict[str, Any]], error: str = "") -> bytes | None:
        """Return the texts of a picture as JSON, no longer than the memory has bytes for; None if nothing is new."""
        drift, made = self._drift_now(), self._chip.changes
        told = status, refusals, error, made, drift
        if self._told == told:
            return None
        self._told = told
        words: dict[str, Any] = {
            "status": status,
            "refusals": list(refusals),
            "error": error,
            "drift": None if drift is None else {"alarm": drift["alarm"], "text": sentence(drift)},
            "layers": [constants_of(layer.constants, layer.temperature) for layer in self._chip.layers],
            "changes": list(made[-MOST_CHANGES:]),
            "changes_made": len(made),
        }
        while len(encoded := json.dumps(words, default=str).encode()) > WORDS:
            words["changes" if words["changes"] else "refusals"].pop(0)
        return encoded

    def _drift_now(self) -> dict[str, Any] | None:
        """Return the drift of the first layer, computed anew only where it has a new record."""
        layer = self._chip.layers[0]
        records = layer.records
        key = (records["sample"][-1] if len(records) else 0, len(self._chip.changes))
        if self._drift[0] != key:
            self._drift = key, drift_of(layer, self._chip.changes)
        return self._drift[1]


def most_used(wins: NDArray[np.int64], shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the neurons with most wins, as many as are shown; those that are shown already stay where they are.

    Parameters
    ----------
    wins : int64 (neurons,)
    shown : int64 (n,)
        Neurons that are shown now.
    """
    if len(shown) == len(wins):
        return shown
    ranked = 2 * wins
    ranked[shown] += 1  # of equals, those that are shown
    is_best, is_shown = (np.zeros(len(wins), bool) for _ in range(2))
    is_best[np.argpartition(ranked, -len(shown))[-len(shown) :]] = is_shown[shown] = True
    coming = np.flatnonzero(is_best & ~is_shown)
    chosen = shown.copy()
    chosen[~is_best[shown]] = coming[np.argsort(-wins[coming], kind="stable")]
    return chosen


def constants_of(constants: Any, temperature: float | None = None) -> dict[str, Any]:
    """Return the constants of a layer that the page can change, as plain numbers; None for those it does not have.

    `softness` is the name of the constant that the layer has: gain or temperature. For a relative temperature it is the
    temperature as it is now, which to change is to fix.
    """
    competition = constants.competition
    if getattr(competition, "relative_temperature", None) is None:
        temperature = getattr(competition, "temperature", None)
    gain = getattr(competition, "gain", None)
    softness = None
    if gain is not None:
        softness, temperature = "gain", _inverse(math.log(gain)) if gain > 0 else None
    elif temperature is not None:
        softness, gain = "temperature", _power(temperature)
    rate = getattr(schedule(constants.rule), "rate", None)
    return {
        "name": f"{type(competition).__name__}, {getattr(constants.rule, 'name', type(constants.rule).__name__)}",
        "softness": softness,
        "temperature": temperature,
        "gain": gain,
        "rate": rate if isinstance(rate, int | float) else None,
    }


def _inverse(log: float) -> float | None:
    return 1 / log if log > 0 else None


def _power(temperature: float) -> float | None:
    """Return the gain of a temperature, None where no float is so large."""
    inverse = _inverse(temperature)
    return math.exp(inverse) if inverse is not None and inverse < LARGEST_GAIN else None


def _tile(chip: Chip, layer: int, shape: tuple[int, ...] | None) -> tuple[int, int, int] | None:
    """Return the channels, height and width of a neuron's weights as an image; None if they are none.

    Only a shape that was asked for is refused.
    """
    if shape is not None and len(shape) > 0:
        return field_shape(chip, layer, shape)
    try:
        return field_shape(chip, layer) if shape is None else None
    except ConfigError:
        return None
