"""Figures of how a layer's neurons are used: who wins, who is alive, how learning is spread, how long weights are."""

from typing import Any

import numpy as np

from neurosim.checks import whole
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.reporting.figures import new_figure

STATES = ("live", "between", "dead")
NEVER = 0.5  # where neurons without a win stand on a log axis


def neurons(chip: Chip, layer: int = 0) -> Any:
    """Return a figure of each neuron's wins, the most used first, coloured by whether it has left its first weights.

    Parameters
    ----------
    chip : Chip
    layer : int
        Index from 0.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If there is no such layer, or matplotlib is missing.
    """
    working = layer_of(chip, layer)
    table = working.neurons()
    order = np.argsort(-table["wins"], kind="stable")
    wins, states = table["wins"][order], table["state"][order]
    figure = new_figure(7, 4)
    axes = figure.subplots()
    for state in STATES:
        at = np.flatnonzero(states == state)
        axes.plot(at + 1, np.maximum(wins[at], NEVER), ".", label=f"{state} ({len(at):,})")
    axes.set(yscale="log", xlabel="neurons, the most used first", ylabel="samples won")
    return figure


def records(chip: Chip, layer: int = 0) -> Any:
    """Return a figure of the instruments' records over samples: Gini of steps, entropy of use, winners, never won.

    Parameters and errors as in `neurons`; ConfigError also if there are no records yet.
    """
    working = layer_of(chip, layer)
    rows = working.records
    if len(rows) == 0:
        raise ConfigError("records", "at least one", f"none after {working.samples:,} samples", "learn from more")
    figure = new_figure(7, 6)
    panels = figure.subplots(3, 1, sharex=True)
    for axes, name in zip(panels, ("step_gini", "usage_entropy", "effective_winners"), strict=True):
        axes.plot(rows["sample"], rows[name])
    panels[-1].set_xlabel("samples learned")
    return figure


def norms(chip: Chip, layer: int = 0) -> Any:
    """Return a figure of the lengths of the neurons' weights: of each neuron now, and over samples.

    Parameters and errors as in `neurons`.
    """
    working = layer_of(chip, layer)
    figure = new_figure(9, 4)
    now, time = figure.subplots(1, 2, sharey=True)
    now.plot(np.arange(1, len(working.norms) + 1), np.sort(working.norms)[::-1])
    for name in ("norm_min", "norm_median", "norm_max"):
        time.plot(working.records["sample"], working.records[name])
    return figure


def layer_of(chip: Chip, layer: int) -> Any:
    """Return a layer at work by its index; ConfigError if there is none."""
    whole("layer", layer, 0, len(chip.layers) - 1)
    return chip.layers[layer]
