"""Figures of the studies, drawn with matplotlib (extra `views`)."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np

from neurosim.experiments.cells import Cell, Finished, Folder
from neurosim.reporting.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    as_label,
    as_png,
    legend_beside,
    log_axis,
    panels,
    picture,
    show,
)
from neurosim.reporting.mosaic import mosaic
from neurosim.studies import published

WIDTHS = {32: BLUE, 128: ORANGE, 512: GREEN, 2048: VERMILION}
COLUMNS = 2  # panels side by side: more are too small to be read on a page


def draw_liuson(cells: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw the figures of Liuson's study, as far as its cells are finished; return the files' names."""
    done = [cell for cell in cells if finished.get(cell.name, {}).get("measures", {}).get("curve")]
    if not done:
        return []
    with_arrays = [(cell, arrays) for cell in done if cell.settings["seed"] == 0 and (arrays := folder.arrays(cell))]
    names = [write(_curves(done, finished), folder, "gini.png")]
    if with_arrays:
        names.append(write(_steps(with_arrays), folder, "steps.png"))
    return names + [write(_fields(cell, arrays), folder, f"fields-{cell.name}.png") for cell, arrays in with_arrays]


def draw_radius(cells: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw accuracies over the first radius, means over seeds, with lines between the published bands."""
    done = [cell for cell in cells if cell.name in finished]
    if not done:
        return []
    drawn = {"winner's label": "winner_accuracy", "linear readout": "readout_accuracy", "never won": "never_won"}
    radii = sorted({cell.settings["radius"] for cell in done})
    of_radius = [[finished[cell.name]["measures"] for cell in done if cell.settings["radius"] == r] for r in radii]
    shares = {
        label: [[100 * record[name] for record in records] for records in of_radius] for label, name in drawn.items()
    }
    means = {label: [(fmean(over), stdev(over) if len(over) > 1 else 0.0) for over in shares[label]] for label in drawn}
    return [write(over_radius(radii, means), folder, "radius.png")]


def over_radius(radii: Sequence[float], shares: Mapping[str, Sequence[tuple[float, float]]]) -> Any:
    """Return a figure of shares in percent, (mean, deviation) for each radius, by what they are shares of."""
    figure, ((axes,),) = panels(height=3.2)
    for (label, points), marker in zip(shares.items(), "os^", strict=True):
        mean, deviation = zip(*points, strict=True)
        axes.errorbar(radii, mean, deviation, fmt=f"{marker}-", markersize=3.5, linewidth=0.8, label=label)
    for bound, _ in published.BANDS[:-1]:
        axes.axvline(bound, color=GREY, linewidth=0.8)
    log_axis(axes, "x")
    axes.set(xlabel="first radius (lines: published bands)", ylabel="share of samples or neurons, %")
    legend_beside(figure, axes)
    return figure


def draw_deep(cells: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw, for each chip with seed 0 that learned, its first layer's weights and every layer's strongest patches."""
    names = []
    for cell in cells:
        arrays = folder.arrays(cell) if cell.name in finished and cell.settings["seed"] == 0 else {}
        if "weights" in arrays:
            names.append(write(picture(mosaic(arrays["weights"], 16, signed=True)), folder, f"weights-{cell.name}.png"))
        for name in sorted(arrays.keys() - {"weights"}):
            patches = arrays[name]
            sheet = mosaic(patches.reshape(-1, *patches.shape[2:]), patches.shape[1], signed=False)
            names.append(write(picture(sheet), folder, f"{name}-{cell.name}.png"))
    return names


def write(figure: Any, folder: Folder, name: str) -> str:
    """Write a figure into the folder of a study; return its name there."""
    png = as_png(figure)
    folder.put(folder.path / "figures" / name, lambda path: path.write_bytes(png))
    return f"figures/{name}"


def titled(titles: Iterable[str], height: float = 2.4, **shared: bool) -> tuple[Any, list[Any]]:
    """Return a figure and its panels, with these titles, in rows of two; height is that of a row, in inches."""
    names = list(titles)
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, grid = panels(rows, columns, height=height * rows + 0.6, **shared)
    for axes, name in zip(grid.flat, names, strict=False):
        axes.set_title(as_label(name))
        axes.tick_params(labelbottom=True)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    return figure, list(grid.flat)[: len(names)]


def _of_each(cells: Sequence[Cell], **shared: bool) -> tuple[Any, dict[tuple[str, str], Any]]:
    """Return a figure with a panel for each data set and method of the cells, and its axes by (method, data set)."""
    drawn = {(cell.settings["method"], cell.settings["dataset"]) for cell in cells}
    names = [(method, dataset) for dataset in published.DATASETS for method in published.METHODS]
    names = [name for name in names if name in drawn]
    figure, axes = titled((", ".join(name) for name in names), **shared)
    return figure, dict(zip(names, axes, strict=True))


def _curves(cells: Sequence[Cell], finished: Finished) -> Any:
    """Draw the Gini coefficient over training, one line for each cell."""
    figure, grid = _of_each(cells, sharey=True)
    for cell in cells:
        settings = cell.settings
        axes = grid[settings["method"], settings["dataset"]]
        updates, shares = zip(*finished[cell.name]["measures"]["curve"], strict=True)
        label = f"{settings['neurons']} neurons" if settings["seed"] == 0 else None
        axes.plot(updates, shares, linewidth=1, color=WIDTHS.get(settings["neurons"], GREY), label=label)
    for axes in grid.values():
        axes.set(ylim=(0, 1), xlabel="update")
    figure.supylabel("Gini coefficient of mean steps")
    legend_beside(figure)
    return figure


def _steps(with_arrays: Sequence[tuple[Cell, dict[str, Any]]]) -> Any:
    """Draw histograms of the neurons' mean steps, in units of the mean over all neurons."""
    figure, grid = _of_each([cell for cell, _ in with_arrays])
    for cell, arrays in with_arrays:
        axes = grid[cell.settings["method"], cell.settings["dataset"]]
        steps = arrays["steps"] / (arrays["steps"].mean() + 1e-30)
        weights, neurons = np.full(len(steps), 1 / len(steps)), cell.settings["neurons"]
        colour, label = WIDTHS.get(neurons, GREY), f"{neurons} neurons"
        axes.hist(steps, bins=40, weights=weights, histtype="step", color=colour, label=label)
    for axes in grid.values():
        log_axis(axes, "y")
        axes.set_xlabel("mean step / mean of all")
    figure.supylabel("share of neurons")
    legend_beside(figure)
    return figure


def _fields(cell: Cell, arrays: dict[str, Any]) -> Any:
    """Draw the weights of the most active neurons, and below them those of the least active ones; 0 is grey."""
    figure, grid = panels(2, height=1.9)
    for (axes,), name in zip(grid, ("most", "least"), strict=True):
        show(axes, mosaic(_tiles(arrays[name]), len(arrays[name]), signed=True))
        axes.set_ylabel(f"{name} active")
    figure.suptitle(as_label(cell.name))
    return figure


def _tiles(weights: Any) -> Any:
    """Return neurons' weights (n, inputs) as images (n, channels, h, w): of one row if they are no square ones."""
    count, inputs = weights.shape
    for channels in (3, 1):
        side = round((inputs / channels) ** 0.5)
        if channels * side * side == inputs:
            return weights.reshape(count, channels, side, side)
    return weights.reshape(count, 1, 1, inputs)
