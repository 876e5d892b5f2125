"""Figures of how a layer's neurons are used: who wins, who is alive, how learning is spread, how long weights are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import instance, whole
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.reporting.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, label_ends, legend_beside, log_axis
from neurosim.reporting.figures import panels as new_panels
from neurosim.views.summary import NOT_LEARNED

STATES = {"live": BLUE, "between": ORANGE, "dead": VERMILION}
NO_WIN = 0.5  # where neurons without a win stand on a logarithmic axis
MOST_USED = "neurons, the most used first"
SAMPLES = "samples learned"
FIRST_RECORD = "the first is taken after 100 samples, with instruments=True"
DECADE = 10
TICKS = 5  # between the numbers of an axis, at most
DOT, DOT_OF_LEGEND = 4, 8  # points, where neurons are few
MANY = 500  # neurons from which on dots are smaller


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
    with np.errstate(all="ignore"):  # weights near the end of float32's range have sums beyond it
        table = working.neurons()
    order = np.argsort(-table["wins"], kind="stable")
    wins, states = table["wins"][order], table["state"][order]
    figure, ((axes,),) = new_panels(height=3.6)
    for state, colour in (STATES if working.samples else {NOT_LEARNED: GREY}).items():
        at = np.flatnonzero((states == state) | (state == NOT_LEARNED))
        heights = np.maximum(wins[at], NO_WIN)
        axes.plot(at + 1, heights, ".", color=colour, markersize=_dot(len(wins)), label=f"{state}: {len(at):,}")
    log_axis(axes, "y")
    least = NO_WIN if (wins == 0).any() else wins.min()
    axes.set(xlabel=MOST_USED, ylabel=_won(working), ylim=(least / 1.5, None), xlim=(0, len(wins) + 1))
    whole_numbers(axes.xaxis)
    if (wins == 0).any():
        ticks = [tick for tick in 10.0 ** np.arange(0, 19) if tick <= wins.max(initial=1)]
        axes.set_yticks([NO_WIN, *ticks], ["none", *(f"{tick:,.0f}" for tick in ticks)])
    axes.set_title(f"Layer {layer + 1}: {int((wins == 0).sum()):,} of {len(wins):,} neurons never won")
    for handle in legend_beside(figure).legend_handles:
        handle.set_markersize(DOT_OF_LEGEND)
    return figure


def records(chip: Chip, layer: int = 0) -> Any:
    """Return a figure of the instruments' records over samples: entropy of wins, Gini of steps, winners, steps.

    Dashed lines are samples at which constants were changed. Parameters and errors as in `neurons`; ConfigError also if
    there are no records yet.
    """
    working = layer_of(chip, layer)
    rows = working.records
    if len(rows) == 0:
        rule, value = "at least one to be drawn", f"none after {working.samples:,} samples"
        raise ConfigError(f"records of layer {layer + 1}", rule, value, FIRST_RECORD)
    figure, grid = new_panels(3, 1, height=7, sharex=True, height_ratios=(1.3, 1, 1))
    shares, effective, steps = grid[:, 0]
    lines = {"entropy of wins": "usage_entropy", "Gini of steps": "step_gini", "never won": "never_won"}
    for colour, (label, name) in zip((BLUE, PURPLE, VERMILION), lines.items(), strict=True):
        shares.plot(rows["sample"], rows[name], color=colour, label=label, **_marked(rows))
    shares.set(ylim=(-0.03, 1.03), ylabel="from 0 to 1")
    effective.plot(rows["sample"], np.maximum(rows["effective_winners"], 1), color=GREEN, **_marked(rows))
    log_axis(effective, "y")
    effective.set(ylabel="effective winners", ylim=(1, max(2, working.constants.neurons)))
    steps.plot(rows["sample"], rows["step_mean"], color=BLUE, **_marked(rows))
    if (rows["step_mean"] > 0).any():
        log_axis(steps, "y")
    steps.set(ylabel="mean step, |Δw|", xlabel=SAMPLES)
    whole_numbers(steps.xaxis)
    changed = _mark_changes(chip, layer, grid[:, 0])
    shares.set_title(f"Layer {layer + 1}{changed}")
    label_ends(shares)
    return figure


def norms(chip: Chip, layer: int = 0) -> Any:
    """Return a figure of the lengths of the neurons' weights: of all neurons now, and over samples.

    Parameters and errors as in `neurons`.
    """
    working = layer_of(chip, layer)
    lengths, rows = np.sort(working.norms)[::-1], working.records
    figure, grid = new_panels(1, 2 if len(rows) else 1, height=3.2)
    now = grid[0, 0]
    now.plot(np.arange(1, len(lengths) + 1), lengths, ".", color=BLUE, markersize=_dot(len(lengths)))
    now.set(xlabel="neurons, the longest first", ylabel="length of the weights", xlim=(0, len(lengths) + 1))
    now.set_title(f"Layer {layer + 1}: now (dotted: 1)")
    _length_axis(now, lengths)
    for axes in grid[0]:
        axes.axhline(1, color=GREY, linewidth=0.8, linestyle=":", label="_one")
        whole_numbers(axes.xaxis)
    if len(rows):
        _norms_over_time(rows, grid[0, 1])
    return figure


def _norms_over_time(rows: NDArray[Any], axes: Any) -> None:
    for label, colour in {"max": VERMILION, "median": BLUE, "min": ORANGE}.items():
        axes.plot(rows["sample"], rows[f"norm_{label}"], color=colour, label=label, **_marked(rows))
    axes.set(xlabel=SAMPLES)
    axes.set_title("over time")
    _length_axis(axes, np.concatenate([rows["norm_min"], rows["norm_max"]]))
    label_ends(axes)


def _length_axis(axes: Any, lengths: NDArray[Any]) -> None:
    """Let an axis be logarithmic where lengths, and the 1 that is drawn with them, span a decade."""
    low, high = min(1.0, lengths.min()), max(1.0, lengths.max())
    if 0 < DECADE * low < high < np.inf:
        log_axis(axes, "y")


def whole_numbers(axis: Any) -> None:
    """Put ticks at whole numbers alone, and few of them, as large ones are long."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(TICKS, steps=(1, 2, 5, 10), integer=True))
    axis.set_major_formatter("{x:,.0f}")


def layer_of(chip: Chip, layer: int) -> Any:
    """Return a layer at work by its index; ConfigError if there is none, or the chip is no Chip."""
    instance("chip", chip, Chip)
    whole("layer", layer, 0, len(chip.layers) - 1)
    return chip.layers[layer]


def _won(layer: Any) -> str:
    return "positions of images won" if len(layer.shape) == 3 else "samples won"


def _dot(neurons: int) -> float:
    return DOT if neurons < MANY else DOT / 2


def _marked(rows: NDArray[Any]) -> dict[str, Any]:
    """Return how a line is drawn: a single record is a dot, as a line of one point is not seen."""
    return {"marker": "o", "markersize": DOT} if len(rows) == 1 else {}


def _mark_changes(chip: Chip, layer: int, grid: Any) -> str:
    """Draw a dashed line at each sample at which a constant of the layer was changed; return what the title says."""
    samples = {change["sample"] for change in chip.changes if change["layer"] == layer}
    for sample in samples:
        for axes in grid:
            axes.axvline(sample, color=GREY, linewidth=0.8, linestyle="--", label="_changed")
    return ": dashed where constants were changed" if samples else ""
