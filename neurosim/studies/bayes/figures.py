"""Figures that parts of the study share: lines over a quantity, by width, and grids of images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.experiments.cells import Folder
from neurosim.reporting.figures import as_label, new_figure
from neurosim.studies.figures import write

WIDTHS = {100: "#0072b2", 200: "#e69f00", 1000: "#009e73", 2000: "#cc79a7"}  # Okabe and Ito's colours


def lines_by_width(
    curves: Mapping[tuple[str, int], Sequence[Any]], name: str, folder: Folder, *, xlabel: str, ylabel: str
) -> list[str]:
    """Draw curves [[x, y], ...] by (panel, neurons), a line for each seed; x = 0 lies at the left edge."""
    panels = list(dict.fromkeys(panel for panel, _ in curves))
    if not panels:
        return []
    figure = new_figure(3.2 * len(panels), 3)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, panel in zip(grid, panels, strict=True):
        _lines(axes, {neurons: lines for (own, neurons), lines in curves.items() if own == panel})
        axes.set(xscale="log", yscale="log", xlabel=xlabel, title=panel)
    grid[0].set_ylabel(ylabel)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return [write(figure, folder, name)]


def curves_and_levels(
    curves: Mapping[tuple[str, int], Sequence[Any]], levels: Mapping[tuple[str, int], float], name: str,
    folder: Folder, *, level: str, xlabel: str, ylabel: str,
) -> list[str]:  # fmt: skip
    """Draw curves as `lines_by_width` does, with a dashed level for each width, on scales of their own."""
    panels = list(dict.fromkeys(panel for panel, _ in curves))
    if not panels:
        return []
    figure = new_figure(3.4 * len(panels) + 1.4, 3.2)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(grid, panels, strict=True):
        own = {neurons: lines for (at, neurons), lines in curves.items() if at == panel}
        _lines(axes, own)
        for neurons in own:
            axes.axhline(levels[panel, neurons], color=WIDTHS.get(neurons), linewidth=1, linestyle="--")
        axes.plot([], [], color="grey", linewidth=1, linestyle="--", label=level)
        axes.set(xscale="log", xlabel=xlabel, title=as_label(panel))
    grid[0].set_ylabel(ylabel)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return [write(figure, folder, name)]


def _lines(axes: Any, by_width: Mapping[int, Sequence[Any]]) -> None:
    """Draw each width's curves in its colour; x = 0 lies at the left edge."""
    for neurons, lines in by_width.items():
        for index, line in enumerate(lines):
            x, y = np.array(line, float).T
            label = f"{neurons} neurons" if index == 0 else None
            axes.plot(np.maximum(x, 30), y, color=WIDTHS.get(neurons), linewidth=1, label=label)


def against_truth(
    panels: Mapping[str, Sequence[tuple[str, Sequence[float], Sequence[float]]]], name: str, folder: Folder,
    *, xlabel: str, ylabel: str,
) -> list[str]:  # fmt: skip
    """Draw points (label, true values, found values) by panel, with the diagonal on which they would be equal."""
    if not panels:
        return []
    figure = new_figure(4.6 * len(panels), 3.4)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (panel, groups) in zip(grid, panels.items(), strict=True):
        for colour, marker, (label, true, found) in zip(WIDTHS.values(), "osv^", groups, strict=False):
            axes.plot(true, found, marker, color=colour, markersize=4, fillstyle="none", label=label)
        axes.axline((0, 0), slope=1, color="grey", linewidth=0.8)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=as_label(panel), xlim=0, ylim=0)
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return [write(figure, folder, name)]


def image_grid(
    rows: Sequence[tuple[str, Sequence[NDArray[Any]]]], name: str, folder: Folder, *, titles: Sequence[str] = ()
) -> list[str]:
    """Draw rows of images, (height, width) or (channels, height, width), each row with a text at its left.

    `titles` has a text for each image, row after row; images are shown from 0 to 1.
    """
    columns = max(len(images) for _, images in rows)
    figure = new_figure(0.75 * columns + 1.2, 0.95 * len(rows))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    texts = iter(titles)
    for axes_row, (label, images) in zip(grid, rows, strict=True):
        for axes in axes_row:
            axes.set_axis_off()
        for axes, image in zip(axes_row, images, strict=False):
            shown = image if image.ndim == 2 else np.moveaxis(image, 0, -1).squeeze()
            axes.imshow(np.clip(shown, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_title(next(texts, ""), fontsize=6, pad=2)
        axes_row[0].text(-0.1, 0.5, label, transform=axes_row[0].transAxes, ha="right", va="center", fontsize=7)
    return [write(figure, folder, name)]


def is_image(shape: tuple[int, ...]) -> bool:
    """Return whether samples of a shape can be drawn: grey (height, width), or with one or three channels first."""
    return len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, 3))
