"""Figures of the studies, drawn with matplotlib (extra `views`)."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from neurosim.experiments.cells import Cell, Finished, Folder
from neurosim.reporting.figures import new_figure, save
from neurosim.studies import published

COLOURS = {32: "tab:blue", 128: "tab:orange", 512: "tab:green", 2048: "tab:red"}


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
    """Draw accuracies over the first radius, with lines between the published bands."""
    done = sorted((cell for cell in cells if cell.name in finished), key=lambda cell: cell.settings["radius"])
    if not done:
        return []
    figure = new_figure(7, 4)
    axes = figure.subplots()
    radii = [cell.settings["radius"] for cell in done]
    for name in ("winner_accuracy", "readout_accuracy", "never_won"):
        shares = [100 * finished[cell.name]["measures"][name] for cell in done]
        axes.plot(radii, shares, "o", markersize=3, label=name.replace("_", " "))
    for bound, _ in published.BANDS[:-1]:
        axes.axvline(bound, color="grey", linewidth=0.8)
    axes.set(xscale="log", xlabel="first radius (lines: published bands)", ylabel="%")
    axes.legend()
    return [write(figure, folder, "radius.png")]


def draw_deep(cells: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw, for each chip with seed 0 that learned, its first layer's weights and every layer's strongest patches."""
    names = []
    for cell in cells:
        arrays = folder.arrays(cell) if cell.name in finished and cell.settings["seed"] == 0 else {}
        if "weights" in arrays:
            names.append(write(_mosaic(arrays["weights"], 16, signed=True), folder, f"weights-{cell.name}.png"))
        for name in sorted(arrays.keys() - {"weights"}):
            patches = arrays[name]
            figure = _mosaic(patches.reshape(-1, *patches.shape[2:]), patches.shape[1], signed=False)
            names.append(write(figure, folder, f"{name}-{cell.name}.png"))
    return names


def _mosaic(tiles: Any, columns: int, *, signed: bool) -> Any:
    """Draw images (n, channels, height, width) side by side; if `signed`, 0 is grey."""
    count, channels, height, width = tiles.shape
    rows = -(-count // columns)
    sheet = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, channels))
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        shown = 0.5 + 0.5 * tile / (np.abs(tile).max() + 1e-30) if signed else np.clip(tile, 0, 1)
        sheet[top : top + height, left : left + width] = shown.transpose(1, 2, 0)
    figure = new_figure(7, 7 * sheet.shape[0] / sheet.shape[1])
    axes = figure.subplots()
    axes.imshow(sheet if channels == 3 else sheet[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    return figure


def write(figure: Any, folder: Folder, name: str) -> str:
    """Write a figure into the folder of a study; return its name there."""
    picture = BytesIO()
    save(figure, picture, format="png")
    folder.put(folder.path / "figures" / name, lambda path: path.write_bytes(picture.getvalue()))
    return f"figures/{name}"


def _panels(cells: Sequence[Cell], **shared: bool) -> tuple[Any, dict[tuple[str, str], Any]]:
    """Return a figure with a row for each data set and a column for each method, and its axes by (method, data set)."""
    datasets = [name for name in published.DATASETS if any(cell.settings["dataset"] == name for cell in cells)]
    methods = [name for name in published.ACCURACY if any(cell.settings["method"] == name for cell in cells)]
    figure = new_figure(3 * len(methods), 2.6 * len(datasets))
    grid = figure.subplots(len(datasets), len(methods), squeeze=False, **shared)
    panels = {}
    for row, dataset in zip(grid, datasets, strict=True):
        for axes, method in zip(row, methods, strict=True):
            axes.set_title(f"{method}, {dataset}", fontsize=9)
            panels[method, dataset] = axes
    return figure, panels


def _finish(axes: Any) -> None:
    """Add the legend; hide a panel without data."""
    if axes.has_data():
        axes.legend(fontsize=7)
    else:
        axes.set_visible(False)


def _curves(cells: Sequence[Cell], finished: Finished) -> Any:
    """Draw the Gini coefficient over training, one line for each cell."""
    figure, panels = _panels(cells, sharey=True)
    for cell in cells:
        settings = cell.settings
        axes = panels[settings["method"], settings["dataset"]]
        updates, shares = zip(*finished[cell.name]["measures"]["curve"], strict=True)
        label = f"{settings['neurons']} neurons" if settings["seed"] == 0 else None
        axes.plot(updates, shares, linewidth=1, color=COLOURS.get(settings["neurons"]), label=label)
    for axes in panels.values():
        axes.set(ylim=(0, 1), xlabel="update", ylabel="Gini of mean steps")
        _finish(axes)
    return figure


def _steps(with_arrays: Sequence[tuple[Cell, dict[str, Any]]]) -> Any:
    """Draw histograms of the neurons' mean steps, in units of the mean over all neurons."""
    figure, panels = _panels([cell for cell, _ in with_arrays])
    for cell, arrays in with_arrays:
        axes = panels[cell.settings["method"], cell.settings["dataset"]]
        steps = arrays["steps"] / (arrays["steps"].mean() + 1e-30)
        weights, neurons = np.full(len(steps), 1 / len(steps)), cell.settings["neurons"]
        axes.hist(
            steps, bins=40, weights=weights, histtype="step", color=COLOURS.get(neurons), label=f"{neurons} neurons"
        )
    for axes in panels.values():
        axes.set(xlabel="mean step / mean of all", ylabel="share of neurons", yscale="log")
        _finish(axes)
    return figure


def _fields(cell: Cell, arrays: dict[str, Any]) -> Any:
    """Draw the weights of the most active neurons, and below them those of the least active ones."""
    count = len(arrays["most"])
    figure = new_figure(count, 2.4)
    grid = figure.subplots(2, count, squeeze=False)
    for row, name in zip(grid, ("most", "least"), strict=True):
        for axes, weights in zip(row, arrays[name], strict=True):
            axes.imshow(_picture(weights), cmap="RdBu_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"{name} active")
    figure.suptitle(cell.name)
    return figure


def _picture(weights: Any) -> Any:
    """Return a neuron's weights as a picture: 0.5 for weights of 0; one row if they are neither square nor colour."""
    scaled = 0.5 + 0.5 * weights / (np.abs(weights).max() + 1e-30)
    side = round((scaled.size / 3) ** 0.5) if scaled.size % 3 == 0 else 0
    if side and 3 * side * side == scaled.size:
        return scaled.reshape(3, side, side).transpose(1, 2, 0)
    side = round(scaled.size**0.5)
    return scaled.reshape(side, side) if side * side == scaled.size else scaled[None]
