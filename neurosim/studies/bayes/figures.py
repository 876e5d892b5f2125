"""Figures that parts of the study share: panels of lines, learned over true numbers, and grids of images."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.experiments.cells import Cell, Finished, Folder
from neurosim.reporting.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    as_label,
    legend_at_right,
    legend_beside,
    log_axis,
    panels,
)
from neurosim.studies.bayes.part import Groups, by_stream
from neurosim.studies.figures import titled, write

WIDTHS = {100: BLUE, 200: ORANGE, 1000: GREEN, 2000: PURPLE}
NEURONS = 1000  # of the classifiers that are drawn where there is room for one width; the most, if there are fewer
STYLES = {  # of the classifiers that are compared: colours by what learned, lines by how it is read
    "soft": (BLUE, "-"),
    "soft-ridge": (BLUE, "--"),
    "soft-winner": (BLUE, "-."),
    "deep": (BLUE, ":"),
    "hard": (ORANGE, "-"),
    "hard-ridge": (ORANGE, "--"),
    "hard-soft": (ORANGE, "-."),
    "random": (GREEN, "-"),
    "random-ridge": (GREEN, "--"),
    "k-means": (PURPLE, "-"),
    "delta": (GREY, "-"),
    "twin": (VERMILION, "-"),
    "twin-converged": (VERMILION, "--"),
}
IMAGES = 6  # the same of images
NONE_SEEN = 30  # where no sample is drawn on a scale of logarithms
SAMPLES = "samples seen (at the left: none)"


def finish(figure: Any, name: str, folder: Folder) -> list[str]:
    """Put one legend of all panels below them, and write the figure; return its name."""
    legend_beside(figure)
    return [write(figure, folder, name)]


def by_samples(axes: Any) -> None:
    """Let a panel have logarithms of samples seen below."""
    log_axis(axes, "x")
    axes.set_xlabel(SAMPLES)


def lines_by_width(
    curves: Mapping[tuple[str, int], Sequence[Any]], name: str, folder: Folder, ylabel: str
) -> list[str]:
    """Draw curves [[x, y], ...] by (panel, neurons), a line for each seed, on scales of logarithms."""
    if not curves:
        return []
    names = list(dict.fromkeys(panel for panel, _ in curves))
    figure, grid = titled(names, sharey=True)
    for axes, panel in zip(grid, names, strict=True):
        by_samples(axes)
        log_axis(axes, "y")
        _lines(axes, {neurons: lines for (own, neurons), lines in curves.items() if own == panel})
    figure.supylabel(ylabel)
    return finish(figure, name, folder)


def curves_and_levels(
    curves: Mapping[tuple[str, int], Sequence[Any]], levels: Mapping[tuple[str, int], float], name: str,
    folder: Folder, *, level: str, ylabel: str,
) -> list[str]:  # fmt: skip
    """Draw curves [[x, y], ...] by (panel, neurons), a line for each seed, with a dashed level for each width."""
    if not curves:
        return []
    names = list(dict.fromkeys(panel for panel, _ in curves))
    figure, grid = titled(names)
    for axes, panel in zip(grid, names, strict=True):
        by_samples(axes)
        own = {neurons: lines for (at, neurons), lines in curves.items() if at == panel}
        _lines(axes, own)
        for neurons in own:
            axes.axhline(levels[panel, neurons], color=WIDTHS.get(neurons), linewidth=1, linestyle="--")
        axes.plot([], [], color=GREY, linewidth=1, linestyle="--", label=level)
    figure.supylabel(ylabel)
    return finish(figure, name, folder)


def _lines(axes: Any, by_width: Mapping[int, Sequence[Any]]) -> None:
    """Draw each width's curves in its colour; x = 0 lies at the left edge."""
    for neurons, lines in by_width.items():
        for index, line in enumerate(lines):
            x, y = np.array(line, float).T
            label = f"{neurons} neurons" if index == 0 else None
            axes.plot(np.maximum(x, NONE_SEEN), y, color=WIDTHS.get(neurons), linewidth=1, label=label)


def against_truth(
    groups_of: Mapping[str, Sequence[tuple[str, Sequence[float], Sequence[float]]]], name: str, folder: Folder,
    *, xlabel: str, ylabel: str,
) -> list[str]:  # fmt: skip
    """Draw points (label, true values, found values) by panel, with the diagonal on which they would be equal."""
    if not groups_of:
        return []
    figure, grid = panels(len(groups_of), height=3.0 * len(groups_of))
    for axes, (title, groups) in zip(grid[:, 0], groups_of.items(), strict=True):
        for colour, marker, (label, true, found) in zip(WIDTHS.values(), "osv^", groups, strict=False):
            axes.plot(true, found, marker, color=colour, markersize=4, fillstyle="none", label=label)
        axes.axline((0, 0), slope=1, color=GREY, linewidth=0.8)
        axes.set(xlabel=xlabel, ylabel=ylabel, xlim=0, ylim=0, title=as_label(title))
        legend_at_right(axes)
    return [write(figure, folder, name)]


class Drawn(NamedTuple):
    """The classifiers of one stream that are drawn: of one width, and that of raw pixels."""

    dataset: str
    neurons: int
    by_method: dict[str, Sequence[Any]]


def of_one_width(asked: Sequence[Cell], finished: Finished) -> list[Drawn]:
    """Return for each stream the finished classifiers of the width that is drawn."""
    found = []
    for dataset, groups in by_stream(asked, finished).items():
        if neurons := width_drawn(neurons for _, neurons in groups):
            found.append(Drawn(dataset, neurons, _at(groups, neurons)))
    return found


def width_drawn(widths: Iterable[int]) -> int:
    """Return the width that is drawn, `NEURONS` or the most there are; 0 if there is none besides raw pixels."""
    measured = {0, *widths}
    return NEURONS if NEURONS in measured else max(measured)


def _at(groups: Groups, neurons: int) -> dict[str, Sequence[Any]]:
    return {method: records for (method, width), records in groups.items() if width in {0, neurons}}


def means_over_seeds(records: Sequence[Any], curve: str) -> NDArray[np.float64]:
    """Return the mean over seeds of each number of one of the `curves`."""
    return np.asarray(np.array([record["curves"][curve] for record in records], float).mean(axis=0))


class Row(NamedTuple):
    """Images in a row, (height, width) or (channels, height, width) from 0 to 1: a text at the left, and above each."""

    label: str
    images: Sequence[NDArray[Any]] | NDArray[Any]
    titles: Sequence[str] = ()


def image_grid(rows: Sequence[Row], name: str, folder: Folder) -> list[str]:
    """Draw the first images of each row."""
    columns = min(IMAGES, max(len(row.images) for row in rows))
    lines = max(1 + row.label.count("\n") for row in rows)
    figure, grid = panels(len(rows), columns, height=len(rows) * max(0.95, 0.16 * lines + 0.1))
    for axes_row, row in zip(grid, rows, strict=True):
        for index, axes in enumerate(axes_row):
            axes.set_axis_off()
            if index < len(row.images):
                image = row.images[index]
                shown = image if image.ndim == 2 else np.moveaxis(image, 0, -1).squeeze()
                axes.imshow(np.clip(shown, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            if index < len(row.titles):
                axes.set_title(row.titles[index], pad=2, loc="center")
        axes_row[0].text(-0.1, 0.5, row.label, transform=axes_row[0].transAxes, ha="right", va="center")
    return [write(figure, folder, name)]


def is_image(shape: tuple[int, ...]) -> bool:
    """Return whether samples of a shape can be drawn: grey (height, width), or with one or three channels first."""
    return len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, 3))
