"""Figures of part `noise`: accuracy over strength, and an image under each noise."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurosim.experiments.cells import Cell, Finished, Folder
from neurosim.reporting.figures import new_figure
from neurosim.studies.bayes.controls import NAMES
from neurosim.studies.bayes.corruptions import STRENGTHS, UNITS
from neurosim.studies.bayes.figures import image_grid
from neurosim.studies.bayes.part import by_group
from neurosim.studies.figures import write

NEURONS = 1000  # of the classifiers that are drawn; the most that there are, if fewer
STYLES = {  # Okabe and Ito's colours by what learned, lines by how it is read
    "soft": ("#0072b2", "-"),
    "soft-ridge": ("#0072b2", "--"),
    "deep": ("#0072b2", ":"),
    "hard": ("#e69f00", "-"),
    "hard-ridge": ("#e69f00", "--"),
    "random": ("#009e73", "-"),
    "random-ridge": ("#009e73", "--"),
    "k-means": ("#cc79a7", "-"),
    "delta": ("#666666", "-"),
    "twin": ("#d55e00", "-"),
    "twin-converged": ("#d55e00", "--"),
}


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw both figures of each stream, as far as its cells are finished."""
    names = []
    for dataset in dict.fromkeys(cell.settings["dataset"] for cell in asked):
        own = [cell for cell in asked if cell.settings["dataset"] == dataset and cell.name in finished]
        names += _curves(dataset, own, finished, folder) + _examples(dataset, own, folder)
    return names


def _curves(dataset: str, cells: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw means over seeds, a panel for each noise and a line for each classifier of one width."""
    groups = {(method, neurons): records for (_, method, neurons), records in by_group(cells, finished)}
    widths = {neurons for _, neurons in groups} - {0}
    if not widths:
        return []
    drawn = NEURONS if NEURONS in widths else max(widths)
    lines = {method: records for (method, neurons), records in groups.items() if neurons in {0, drawn}}
    panels = [noise for noise in STRENGTHS if any(noise in records[0]["curves"] for records in lines.values())]
    figure = new_figure(2.3 * len(panels) + 2.2, 3.2)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, noise in zip(grid, panels, strict=True):
        for method, records in lines.items():
            curves = np.array([record["curves"][noise] for record in records], float).mean(axis=0)
            colour, line = STYLES[method]
            axes.plot(curves[:, 0], 100 * curves[:, 1], line, color=colour, linewidth=1.3, label=NAMES[method])
        axes.set(title=noise, ylim=(0, 100))
        axes.set_xlabel(UNITS[noise], fontsize=8)
    grid[0].set_ylabel(f"accuracy, %, {dataset}, {drawn} neurons")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return [write(figure, folder, f"noise-{dataset}.png")]


def _examples(dataset: str, cells: Sequence[Cell], folder: Folder) -> list[str]:
    """Draw a test image under each noise."""
    found: Any = next((arrays["examples"] for cell in cells if "examples" in (arrays := folder.arrays(cell))), None)
    if found is None:
        return []
    rows = [(noise, list(images)) for noise, images in zip(STRENGTHS, found, strict=True)]
    titles = [f"{strength:g}" for strengths in STRENGTHS.values() for strength in (0.0, *strengths)]
    return image_grid(rows, f"noise-examples-{dataset}.png", folder, titles=titles)
